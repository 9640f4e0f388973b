"""Frames from elsewhere, with what was said of them."""
