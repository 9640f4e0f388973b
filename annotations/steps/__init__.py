"""The steps by which the shape of the record grew, one file a subject. `annotations.migrations` runs them."""
