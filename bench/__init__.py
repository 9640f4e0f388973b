"""What is fast and what is not: each of ours beside a peer or a floor, in turns, in the same run. No timed tests."""
