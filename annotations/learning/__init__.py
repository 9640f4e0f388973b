"""What became of corrections: adapters that learned from them, what was measured of those, which one speaks, and the way back to who said what."""
