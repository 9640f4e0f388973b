"""What the product is made of that we did not write: which files exactly, how old at least, under which licences. Tools for makers; never imported by the product."""
