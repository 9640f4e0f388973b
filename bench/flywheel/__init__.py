"""The whole circle, played on real code: a new bench, labels, adapters, a gate, and what the labels bought. See `bench.flywheel.__main__`."""
