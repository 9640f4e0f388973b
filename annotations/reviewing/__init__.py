"""What becomes of a correction: reviews, second opinions, the bin, and many at once."""
