"""Which frame next, who works on it, and lists of frames."""
