"""Every claim in the kept replies, and what came of it. Asks no model and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from bench.replies import Kept
from core import confidence
from core.choices import choose, went_on
from core.evaluation.calibration import FINDINGS, RISK, VIOLATIONS, found, overlooked
from core.evaluation.certainty import auroc, interval
from core.geometry import FAMILIES, iou
from core.judging import judge
from core.parsed import Parsed
from core.parsing import parse_reply
from core.profile import Profile
from core.prompts import risk_words
from core.spans import locate
from core.tokens import lay, spans_in_bytes

SIZE = (1000, 1000)  # the compact model writes thousandths: a frame's own size does not matter

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Claims:
    """Claims of one kind, one a row. `own`: by the value's own tokens alone; `blank`: log p before the frame less log p before a grey one."""

    p: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    blank: list[float] = field(default_factory=list)

    def add(self, frame: int, p: float | None, right: bool, own: float = np.nan, blank: float = np.nan) -> None:
        """One claim; without a confidence it is none."""
        if p is not None:
            self.p.append(p)
            self.right.append(right)
            self.frame.append(frame)
            self.own.append(own)
            self.blank.append(blank)


@dataclass(slots=True)
class Seen:
    """Everything that is counted over the scenes."""

    claims: dict[str, Claims]
    boxes: list[tuple[int, float, float, bool]]  # frame, expected overlap, IoU with the nearest true box of its label, whether it matched
    closing: dict[str, list[float]]  # the closing bracket alone
    doubt: dict[str, list[float]]  # the same frames: what plain confidence knows of things missed
    unread: int = 0
    seconds: float = 0.0


def look(kept: Sequence[Kept], profile: Profile) -> Seen:
    """Every claim of every reply, and what came of it."""
    seen = Seen({}, [], {FINDINGS: [], VIOLATIONS: []}, {FINDINGS: [], VIOLATIONS: []})
    fmt = FAMILIES["compact"]
    for at, one in enumerate(kept):
        parsed = parse_reply(one.reply.text, profile, fmt, SIZE)
        if parsed.start is None:
            seen.unread += 1
            continue
        began = time.perf_counter()
        sure = confidence.of(one.reply, parsed, profile, fmt, SIZE)
        seen.seconds += time.perf_counter() - began
        _count(seen, at, one, sure, profile)
    return seen


def _count(seen: Seen, at: int, one: Kept, sure: Parsed, profile: Profile) -> None:
    def claims(name: str) -> Claims:
        return seen.claims.setdefault(name, Claims())

    own, blank = _alone(one, sure, profile)
    truth = one.truth
    for name in profile.fields:
        said = sure.step[name]
        if said.value is not None:
            claims(name).add(at, said.confidence, said.value == truth.fields[name], own.get(name, np.nan), blank.get(name, np.nan))
    if sure.risk_level is not None:
        right = sure.risk_level == truth.fields["risk"]
        claims(RISK).add(at, sure.risk_probabilities.get(sure.risk_level), right, own.get("risk", np.nan), blank.get("risk", np.nan))
    hits = found(sure.findings, truth.findings)
    for n, (finding, hit) in enumerate(zip(sure.findings, hits, strict=True)):
        place = f"findings.{n}.label"
        claims(FINDINGS).add(at, finding.confidence, hit, own.get(place, np.nan), blank.get(place, np.nan))
        nearest = max(
            (iou(finding.box, true.box) for true in truth.findings if true.label == finding.label and true.box and finding.box), default=0.0
        )
        if finding.overlap is not None and finding.confidence is not None:
            seen.boxes.append((at, finding.overlap, nearest, hit))
            claims("finding and box").add(at, finding.confidence * finding.overlap, hit)
    true_hazards = truth.violations or frozenset()
    for n, violation in enumerate(sure.violations):
        place = f"violations.{n}"
        claims(VIOLATIONS).add(at, violation.confidence, violation.hazard in true_hazards, own.get(place, np.nan), blank.get(place, np.nan))
    ruled = {violation.hazard for violation in judge(sure.findings, profile).violations}
    one_more = {
        FINDINGS: overlooked(sure.findings, truth.findings),
        VIOLATIONS: bool(true_hazards - {violation.hazard for violation in sure.violations} - ruled),
    }
    doubts = {
        FINDINGS: sum(1 - f.confidence * (1 if f.overlap is None else f.overlap) for f in sure.findings if f.confidence is not None),
        VIOLATIONS: 1 - sure.risk_probabilities.get(sure.risk_level or "", 0.0),
    }
    for name, more in one_more.items():
        claims(f"missed {name}").add(at, sure.missed.get(name), more)
        if name in sure.missed:
            seen.closing[name].append(own.get(f"closing {name}", np.nan))
            seen.doubt[name].append(doubts[name])


def _alone(one: Kept, sure: Parsed, profile: Profile) -> tuple[dict[str, float], dict[str, float]]:
    """By place: the probability of the value's own tokens, and how much likelier the frame made them."""
    tokens = lay(one.reply)
    assert tokens is not None  # the model gives log-probabilities
    layout = spans_in_bytes(one.reply.text, locate(one.reply.text, sure.start or 0))
    own, blank = {}, {}
    for place, path in sure.places.items():
        span = layout.values.get(path)
        if span is None:
            continue
        own[place] = choose(tokens, span, _values(place, profile)).p
        touching = tokens.numbers((span[0], span[1] + 1))
        blank[place] = sum(one.reply.tokens[n].logprob - one.grey[n] for n in touching)
    for name in (FINDINGS, VIOLATIONS):
        turns = layout.turns.get((name,), ())
        if turns:
            on = went_on(tokens, turns[-1], first=len(turns) == 1)
            own[f"closing {name}"] = np.nan if on is None else on
    return own, blank


def _values(place: str, profile: Profile) -> Sequence[str]:
    if place == "risk":
        return risk_words(profile)
    if place.startswith("violations"):
        return [hazard.key for hazard in profile.hazards]
    return [term.key for term in profile.terms("label" if place.startswith("findings") else place)]


def gain(base: Floats, more: Floats, right: NDArray[np.bool_], frame: NDArray[np.int_]) -> tuple[float, float, tuple[float, float]]:
    """AUROC of `base` and of `base` with `more` (two logistic fits, each half judged by the other's), and the interval of the difference."""
    scores = []
    for columns in (base[:, None], np.column_stack([base, more])):
        x = (columns - columns.mean(0)) / (columns.std(0) + 1e-9)
        made = np.empty(len(x))
        for half in (0, 1):
            there = frame % 2 == half
            made[there] = _logistic(x[~there], right[~there])(x[there])
        scores.append(made)
    apart = interval(lambda a, b, r: auroc(b, r) - auroc(a, r), [*scores, right], frame, np.random.default_rng(1))
    return auroc(scores[0], right), auroc(scores[1], right), apart


def _logistic(x: Floats, right: NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    sign = np.where(right, 1.0, -1.0)

    def loss(w: Floats) -> float:
        return float(np.mean(np.logaddexp(0, -sign * (x @ w[1:] + w[0]))) + 1e-3 * np.sum(w[1:] ** 2))

    w = minimize(loss, np.zeros(x.shape[1] + 1), method="L-BFGS-B").x
    return lambda other: np.asarray(expit(other @ w[1:] + w[0]))
