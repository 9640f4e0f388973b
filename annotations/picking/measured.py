"""What a stored opinion says that the queue goes by: margin, entropy, what was missed, the share of high risk, what is shown. Numbers out of bodies; no SQL.

A body is an opinion as `annotations.rows` writes it. None of this is calibrated: it orders frames, and is shown to nobody as a percentage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import log, nan
from typing import Any

from core.profile import NO_TERM, Profile
from core.schema import FIELDS

Body = Mapping[str, Any]
HIGH = "high"


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one assessment, 0..1 or NaN: the model did not say."""

    margin: float  # smallest over the fields and the risk: likeliest less second likeliest
    entropy: float  # largest over them, in shares of the most that is possible
    missed: float  # belief that one more finding or violation was due
    high: float  # probability that the risk is high
    garbled: bool
    sampled: float  # 1 - share of the sampled replies that said the same, over the fields; NaN: none were sampled


def choices_of(profile: Profile) -> dict[str, int]:
    """How many values each field could have."""
    return {**{name: len(profile.terms(name)) for name in profile.fields}, "risk": len(profile.levels)}


def measures(body: Body, choices: Mapping[str, int], *, replied: bool, sampled: bool = False) -> Measures:
    """What an assessment says of itself. `replied` False: the model was asked and gave no reply."""
    step, risk = body["step"], body["risk"]
    shares = [(_shares(step[name]), choices.get(name, 2)) for name in FIELDS if step[name]["value"] is not None]
    shares.append((sorted(risk["probabilities"].values(), reverse=True), choices.get("risk", 2)))
    known = [(each, many) for each, many in shares if each]
    level, probabilities = risk["level"], risk["probabilities"]
    said_high = nan if level is None else float(level == HIGH)
    same = [step[name]["confidence"] for name in FIELDS if step[name]["confidence"] is not None] if sampled else []
    return Measures(
        margin=min((_margin(each) for each, _ in known), default=nan),
        entropy=max((_entropy(each, many) for each, many in known), default=nan),
        missed=_within(max(body.get("missed", {}).values(), default=nan)),
        high=_within(probabilities.get(HIGH, 0.0)) if probabilities else said_high,
        garbled=not replied or bool(body["dropped"]) or level is None,
        sampled=_within(1 - sum(same) / len(same)) if same else nan,
    )


def shown(body: Body) -> set[str]:
    """What an opinion shows: labels, values of fields, hazards. That there is no tool, say, is nothing that is shown.

    >>> none = {"value": None}
    >>> body = {"findings": [{"label": "drill"}], "violations": [], "step": {"tool": {"value": "drill"}, "part": none, "action": none, "phase": none}}
    >>> sorted(shown(body))
    ['label:drill', 'tool:drill']
    """
    step = body["step"]
    fields = (f"{name}:{step[name]['value']}" for name in FIELDS if step[name]["value"] not in (None, NO_TERM))
    labels = (f"label:{each['label']}" for each in body["findings"])
    return set(chain(labels, fields, (f"hazard:{each['hazard']}" for each in body["violations"])))


def disagreement(one: Body, other: Body) -> float:
    """How far two models' words on a frame are apart: the mean over the fields, the risk, the labels and the hazards of 0 (the same) .. 1.

    A field that neither speaks of is not counted; sets are apart by 1 - Jaccard's index.
    """
    apart = [float(a != b) for a, b in ((one["step"][name]["value"], other["step"][name]["value"]) for name in FIELDS) if a or b]
    apart.append(float(one["risk"]["level"] != other["risk"]["level"]))
    for what, key in (("findings", "label"), ("violations", "hazard")):
        ours, theirs = ({each[key] for each in said[what]} for said in (one, other))
        apart.append(1 - len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0)
    return sum(apart) / len(apart)


def _shares(value: Mapping[str, Any]) -> list[float]:
    """The value's own share and its alternatives', largest first; empty: the model did not say. Where it names no other, one other has the rest."""
    own = value["confidence"]
    if own is None:
        return []
    others = [p for _, p in value.get("alternatives", ())] or [1 - own]
    return sorted((own, *others), reverse=True)


def _margin(shares: Sequence[float]) -> float:
    return _within(shares[0] - (shares[1] if len(shares) > 1 else 0.0))


def _entropy(shares: Sequence[float], choices: int) -> float:
    """Shannon's, over the most that so many choices allow; shares that are not told are one choice more."""
    whole = max(1.0, sum(shares))
    rest = 1 - sum(shares) / whole
    told = sum(-p / whole * log(p / whole) for p in shares if p > 0) - (rest * log(rest) if rest > 1e-9 else 0.0)
    return _within(told / log(max(2, choices)))


def _within(value: float) -> float:
    """0..1, against the last digits of a sum; NaN stays."""
    return value if value != value else min(1.0, max(0.0, value))
