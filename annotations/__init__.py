"""What people did with frames, and the record of it: the only room that knows SQL."""
