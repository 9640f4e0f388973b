"""What is worth a person's look: the pool, the draw with its probabilities, clusters, coverage, and what a draw lets one say of all frames."""
