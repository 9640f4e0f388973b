"""How good the compact model's confidences are, over composed scenes that taught nothing: `python -m bench.confidence`. Writes bench/results/confidence.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from bench.claims import Claims, Seen, gain, look
from bench.replies import FIRST_SEED, Kept, replies
from core.evaluation.calibration import FINDINGS, VIOLATIONS
from core.evaluation.calibrators import calibrator
from core.evaluation.certainty import auroc, brier, ece, interval, noise_floor
from core.profile import read
from core.settings import ASSETS

RESULTS = Path(__file__).resolve().parent / "results"
GOAL = 0.75  # AUROC
NEAR = 0.02  # of the floor, for the calibration error

_HEAD = """# How sure the compact model is, and how well it knows it

`{model}`, {frames} composed scenes with seeds from {seed} on, which taught nothing; {masked}. Measured {at} by
`python -m bench.confidence`. Intervals are 95 %, from resampling whole frames. {unread} replies could not be read as they stand and have no
confidence. Reading the probabilities costs {ms:.1f} ms of one core a frame, the profile's rules asked again included.
"""
_ERRORS = """
## Does it know when it is wrong?

AUROC of the confidence for "this is wrong" (goal ≥ {goal}). *Own tokens*: the product over the value's branching tokens and nothing else. *Confidence*: what
is stored, times how sure the things are that decide the value (the profile's rules over redrawn findings; the tool for the action; the
violations for the risk; where there is no part, that none was missed for part and phase). *Missed findings*: something true lies where nothing was said.

| claim | n | right | own tokens | confidence | 95 % | goal |
|---|---|---|---|---|---|---|"""
_CALIBRATION = """
## Is it as often right as it says?

Each half of the frames is calibrated by labels of the other half alone (n is of both). The floor is the ECE that a perfect claim shows at
this n. Goal: after calibration, ECE within {near} of the floor.

| claim | n | method | Brier before → after | ECE before (floor) | ECE after (floor) | goal |
|---|---|---|---|---|---|---|"""
_BOXES = """
## Boxes

The expected overlap is computed from the spread of the four numbers. Its rank correlation with the IoU that the box has with the nearest true box of its label:

| boxes | n | mean expected | mean true | Spearman | 95 % |
|---|---|---|---|---|---|"""
_HYPOTHESES = """
## Three hypotheses

Each is added to what is known without it in a logistic fit, and judged on frames that did not fit it. Kept when the interval of the gain lies above 0.

**Closing bracket**: the probability that a list should have gone on where it closed finds what was missed. Without it: for findings the sum of
(1 − confidence × overlap), for violations 1 − the confidence of the risk.

**Passed over**, beside the closing bracket: the model tells findings from left to right; how likely the next one would have begun further left than it did.

**Blank picture**: D = log p(value | frame) − log p(value | grey frame), beside the confidence.

| hypothesis | n | AUROC without | with | gain, 95 % | |
|---|---|---|---|---|---|"""
_DECISIONS = """
What was decided: the closing bracket and what was passed over make `Assessment.missed` of the findings. For violations the rules over redrawn
findings stand in the bracket's place; it is used only where a profile has no rules. The blank picture is not in the product: it costs a second
look at every frame, and where it helped at all it was by less than .02. Which deciders count for which field was chosen on replies to these
same scenes, so the AUROC of part and phase is a little flattered; the calibration and the gains are judged on frames that did not fit them."""


def main() -> None:
    """Ask (or read what was kept), measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.confidence", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many scenes (default %(default)s)")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/confidence"), help="where scenes and replies are kept (default %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=RESULTS / "confidence.md", help="where the report goes (default bench/results/confidence.md)"
    )
    asked = parser.parse_args()
    profile = read(ASSETS / "profiles" / "bench.toml")
    asked.work.mkdir(parents=True, exist_ok=True)
    kept = replies(asked.work, profile, asked.count)
    text = "\n".join(report(look(kept, profile), kept))
    asked.out.write_text(text + "\n", "utf-8")
    print(text)


def report(seen: Seen, kept: Sequence[Kept]) -> Iterator[str]:
    """The file, line by line."""
    reply = kept[0].reply
    yield _HEAD.format(
        model=reply.model, frames=len(kept), seed=FIRST_SEED, unread=seen.unread, ms=1000 * seen.seconds / max(1, len(kept) - seen.unread),
        masked="probabilities are shares of what a grammar allowed" if reply.masked else "no grammar, probabilities among everything",
        at=datetime.now(UTC).strftime("%Y-%m-%d"),
    )  # fmt: skip
    yield _ERRORS.format(goal=GOAL)
    yield from (_error_row(name, claims) for name, claims in seen.claims.items())
    yield _CALIBRATION.format(near=NEAR)
    yield from (_calibration_row(name, claims) for name, claims in seen.claims.items())
    yield _BOXES
    yield from _box_rows(seen)
    yield _HYPOTHESES
    yield from _hypothesis_rows(seen)
    yield _DECISIONS


def _error_row(name: str, claims: Claims) -> str:
    sign = -1 if name.startswith("missed") else 1  # there the claim is that something is wrong
    p, right = sign * np.array(claims.p), np.array(claims.right) ^ (sign < 0)
    low, high = interval(auroc, [p, right], claims.frame, np.random.default_rng(0))
    value = auroc(p, right)
    own = np.array(claims.own)
    alone = f"{auroc(own, right):.3f}" if np.isfinite(own).all() and len(own) else "–"
    return (
        f"| {name} | {len(p)} | {np.mean(claims.right):.3f} | {alone} | **{value:.3f}** | {low:.3f}–{high:.3f} | {_mark(value >= GOAL)} |"
    )


def _calibration_row(name: str, claims: Claims) -> str:
    p, right, frame = np.array(claims.p), np.array(claims.right), np.array(claims.frame)
    after, methods = np.empty(len(p)), []
    for half in (0, 1):
        there = frame % 2 == half
        made = calibrator(p[~there], right[~there], [str(f) for f in frame[~there]])
        after[there] = made.apply_all(p[there])
        methods.append(made.method)
    dice = np.random.default_rng(0)
    before_floor, after_floor = noise_floor(p, dice), noise_floor(after, dice)
    error = ece(after, right)
    return (
        f"| {name} | {len(p)} | {', '.join(dict.fromkeys(methods))} | {brier(p, right):.3f} → {brier(after, right):.3f} "
        f"| {ece(p, right):.3f} ({before_floor:.3f}) | {error:.3f} ({after_floor:.3f}) | {_mark(error <= after_floor + NEAR)} |"
    )


def _box_rows(seen: Seen) -> Iterator[str]:
    frame, expected, true, hit = (np.array(column) for column in zip(*seen.boxes, strict=True))
    for name, rows in {"all": np.ones(len(hit), dtype=bool), "matched at IoU ≥ .5": hit}.items():
        columns = [expected[rows], true[rows]]
        low, high = interval(_spearman, columns, frame[rows], np.random.default_rng(0), draws=300)
        yield f"| {name} | {rows.sum()} | {columns[0].mean():.3f} | {columns[1].mean():.3f} | **{_spearman(*columns):.3f}** | {low:.3f}–{high:.3f} |"


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(spearmanr(a, b).statistic)


def _hypothesis_rows(seen: Seen) -> Iterator[str]:
    for name in (FINDINGS, VIOLATIONS):
        claims = seen.claims[f"missed {name}"]
        more = np.array(seen.closing[name])
        known = np.isfinite(more)
        right = ~np.array(claims.right)
        yield _gain_row(
            f"closing bracket, {name}", np.array(seen.doubt[name])[known], _logit(more[known]), right[known], np.array(claims.frame)[known]
        )
        if name == FINDINGS:
            beside = _logit(more[known])
            passed = 1 - (1 - np.array(claims.p)[known]) / np.maximum(1e-9, 1 - more[known])
            yield _gain_row("passed over, findings", beside, passed, right[known], np.array(claims.frame)[known])
    for name, claims in seen.claims.items():
        blank = np.array(claims.blank)
        if np.isfinite(blank).all():
            yield _gain_row(f"blank picture, {name}", _logit(np.array(claims.p)), blank, np.array(claims.right), np.array(claims.frame))


def _logit(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _gain_row(name: str, base: np.ndarray, more: np.ndarray, right: np.ndarray, frame: np.ndarray) -> str:
    without, with_it, (low, high) = gain(base, more, right, frame)
    said = "helps" if low > 0 else "no gain"
    return f"| {name} | {len(base)} | {without:.3f} | {with_it:.3f} | {with_it - without:+.3f} ({low:+.3f} to {high:+.3f}) | {said} |"


def _mark(reached: bool) -> str:
    return "reached" if reached else "**not reached**"


if __name__ == "__main__":
    main()
