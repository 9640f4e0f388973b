"""Further training frames out of those that people corrected: other light, other sharpness, another cut. Only after the split, only on request."""
