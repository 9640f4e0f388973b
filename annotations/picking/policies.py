"""Mixes that have a name. A policy draws nothing; a profile may say a mix of its own."""

from __future__ import annotations

from collections.abc import Mapping

POLICIES: Mapping[str, Mapping[str, float]] = {
    "random": {"random": 1.0},  # the control
    "uncertain": {"uncertain": 1.0},
    "risk": {"risk": 1.0},
    "diverse": {"diverse": 1.0},  # for a bench that nobody has seen: nothing is labelled yet
    "usual": {"risk": 0.6, "uncertain": 0.2, "diverse": 0.2},
}
"""Name -> sampler -> its share of what is not the uniform floor."""
