"""Is this exported folder fit to teach: every defect with file, line and reason, before anything is learned. Reads files alone; repairs and trains nothing.

`checking` is the door, `masks` is for trainers that are about to take their first step.
"""
