"""Frozen data sets: which frames teach, validate and judge, by which corrections, for good. Trains nothing and exports nothing.

`frozen` reads sets (and imports nothing that exports, so that exports may import it), `making` and `splits` make them, `sets` is the door.
"""
