"""Whether an adapter may go live instead of what is there: named reasons, each with its sentence. Promotes nothing and trains nothing.

"Better wins" promotes half of all adapters that are no better. So the burden of proof is the adapter's: nothing may be lost, as far as
a paired bootstrap over scenes can tell (one-sided 95 %), and one metric that was named before must have risen. Who is measured on too
few scenes is refused as undetermined, never passed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import DatasetUnfit, NotFound
from core.evaluation.counting import Counted, count
from core.evaluation.metrics import HIGH_RECALL, METRICS, NAMES
from core.evaluation.predictions import Gold, Prediction, blanks
from core.evaluation.reasons import Reason, percent, points
from core.evaluation.resampling import RESAMPLES, Draws, Metric, Numbers, Sums, draws, least, share
from core.evaluation.risks import HIGH, alarm_rate, at_rate, true_high
from core.evaluation.soundness import differing, faults, identical, refuse_learned
from core.framecheck import Fit
from core.profile import Profile


@dataclass(frozen=True, slots=True)
class Bars:
    """How high each bar stands, the same for every site; `bars_of` asks a profile alone whether anything there can be high."""

    scenes: int = 30  # scenes of the test part; fewer tell nothing
    high_scenes: int = 5  # scenes with a frame of high risk; fewer tell nothing of the recall. 0: nothing in this profile is high
    differing: float = 0.05  # share of answers that must differ: with fewer the adapter does nothing
    valid_json: float = 0.995  # share; it is the floor, however low the base itself is
    lost: float = 0.02  # that may be lost of field F1, box F1 and high-risk recall, at most
    level: float = 0.95  # one-sided
    resamples: int = RESAMPLES


def bars_of(profile: Profile) -> Bars:
    """The bars for a profile: where its levels hold no "high", nothing of high risk is asked, for no frame could ever show any."""
    return Bars() if HIGH in profile.levels else Bars(high_scenes=0)


@dataclass(frozen=True, slots=True)
class Gate:
    """The decision. `undetermined`: refused only because too little is known; more test scenes may change it."""

    passed: bool
    reasons: tuple[Reason, ...]
    named_metric: str
    dataset: str = ""

    @property
    def undetermined(self) -> bool:
        """Whether all that stands against it is that nobody can tell."""
        against = [reason for reason in self.reasons if not reason.passed]
        return bool(against) and all(reason.undetermined for reason in against)

    @property
    def words(self) -> str:
        """The decision in a sentence, with what stands against it."""
        if self.passed:
            return f"Passed: {next(reason.words for reason in self.reasons if reason.key == 'better')}"
        against = " ".join(reason.words for reason in self.reasons if not reason.passed)
        return f"{'Undetermined' if self.undetermined else 'Refused'}: {against}"

    def told(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "passed": self.passed,
            "undetermined": self.undetermined,
            "named_metric": self.named_metric,
            "dataset": self.dataset,
            "words": self.words,
            "reasons": [reason.told() for reason in self.reasons],
        }


def decide(
    gold: Sequence[Gold],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    *,
    named_metric: str = "field_f1",
    frame_check: Fit | None = None,
    blank: Sequence[Prediction] | None = None,
    dataset: str = "",
    learned_frames: Collection[str] = (),
    learned_scenes: Collection[int] = (),
    bars: Bars | None = None,
    seed: int = 0,
) -> Gate:
    """Whether what said `after` may take the place of what said `before`, both about the frames of `gold`.

    `named_metric`: one of `metrics.NAMES`, chosen before anything was measured. `frame_check`: of the adapter's boxes (`asking.frame_check`);
    None where the truth has no boxes. `blank`: predictions of grey pictures; those in `after` unless given. `learned_frames`,
    `learned_scenes`: what the adapter learned from. `dataset`: name or digest, to be told. Raises NotFound for a metric of another name,
    Malformed for a frame that is predicted twice.
    """
    refuse_unknown(named_metric)
    bars = bars or Bars()
    shown = blanks(after) if blank is None else tuple(blank)
    barred = [*_learned(gold, learned_frames, learned_scenes), *faults(gold, before, "the base"), *faults(gold, after, "the adapter")]
    barred = [reason for reason in barred if (reason.key, reason.values.get("whose")) != ("constant", "the base")]
    same = identical(before, after)
    if same is not None:
        barred.append(same)
    if barred:  # nothing that would be measured means anything
        return Gate(False, tuple(barred), named_metric, dataset)
    old, new = count(gold, before), count(gold, after)
    reasons = (
        _enough(old, bars),
        *_frame(new, frame_check),
        _works(before, after, bars),
        _json(new, bars),
        *_unknown(after),
        _blank(shown),
        *_Paired(old, new, bars, draws(old.scenes, bars.resamples, seed)).reasons(named_metric),
    )
    return Gate(all(reason.passed for reason in reasons), reasons, named_metric, dataset)


def refuse_unknown(named_metric: str) -> None:
    """Raises NotFound for a metric of another name, with those that there are."""
    if named_metric not in NAMES:
        raise NotFound(f'There is no metric "{named_metric}". Name one of: {", ".join(NAMES)}.')


def _learned(gold: Sequence[Gold], frames: Collection[str], scenes: Collection[int]) -> Iterator[Reason]:
    try:
        refuse_learned(gold, frames, scenes)
    except DatasetUnfit as error:
        yield Reason("learned", False, str(error), {"frames": len(error.defects)})


def _enough(counted: Counted, bars: Bars) -> Reason:
    scenes = len(set(counted.scenes))
    words = f"{scenes} scenes were measured; {bars.scenes} are needed."
    passed = scenes >= bars.scenes
    if not passed:
        words += " Fewer tell nothing: label more scenes for the test part."
    return Reason("scenes", passed, words, {"scenes": scenes, "needed": bars.scenes}, undetermined=not passed)


def _frame(counted: Counted, fit: Fit | None) -> Iterator[Reason]:
    """A mistake is named. What could not be told is neither a pass nor a failure: whether boxes were lost is asked apart."""
    if counted.sums.total["box.true"] == 0:
        return
    if fit is None:
        yield Reason("frame", False, "Nobody has checked in which frame the adapter's boxes are. Run the frame check.", undetermined=True)
        return
    wrong = fit.verdict in ("other", "scaled")
    gain = None if fit.gain is None else round(fit.gain, 4)
    words = f"The adapter's boxes are {fit.words}" if fit.verdict != "undecided" else f"The frame of the adapter's boxes {fit.words}."
    yield Reason("frame", not wrong, words, {"verdict": fit.verdict, "gain": gain, "scale": fit.scale})


def _works(before: Sequence[Prediction], after: Sequence[Prediction], bars: Bars) -> Reason:
    changed, both = differing(before, after)
    found = changed / both if both else 0.0
    words = f"{changed} of {both} answers ({percent(found)}) differ from the base's; {percent(bars.differing)} are needed."
    if found < bars.differing:
        words += " The adapter does next to nothing: was it loaded, and did it learn?"
    return Reason("differs", found >= bars.differing, words, {"differing": changed, "frames": both, "needed": bars.differing})


def _json(counted: Counted, bars: Bars) -> Reason:
    frames = len(counted.said)
    valid = sum(each.valid_json for each in counted.said)
    passed = valid >= bars.valid_json * frames
    words = (
        f"{valid} of {frames} answers ({percent(valid / frames)}) are the JSON that was asked for; {percent(bars.valid_json)} are needed."
    )
    return Reason("json", passed, words, {"valid": valid, "frames": frames, "needed": bars.valid_json})


def _unknown(after: Sequence[Prediction]) -> Iterator[Reason]:
    for key, what, said in (
        ("clauses", "hazards or clauses", [word for each in after for word in each.unknown_clauses]),
        ("labels", "labels or values", [word for each in after for word in each.unknown_labels]),
    ):
        some = ", ".join(word[:40] for word in list(dict.fromkeys(said))[:3])
        words = f"{len(said)} {what} were named that nobody knows ({some})." if said else f"No {what} were named that nobody knows."
        yield Reason(f"unknown {key}", not said, words, {"unknown": len(said), "some": some})


def _blank(shown: Sequence[Prediction]) -> Reason:
    if not shown:
        words = "Nobody has asked the adapter about a blank picture. Ask it about one."
        return Reason("blank", False, words, {"blank": 0, "violations": 0}, undetermined=True)
    found = sorted({violation.hazard for each in shown for violation in each.violations})
    words = f"{len(shown)} blank pictures were shown; " + (
        f"it saw {', '.join(found)} in them." if found else "it saw no violation in them."
    )
    return Reason("blank", not found, words, {"blank": len(shown), "violations": len(found), "hazards": found})


@dataclass(frozen=True, slots=True)
class _Paired:
    """Two models on the same draws."""

    old: Counted
    new: Counted
    bars: Bars
    drawn: Draws

    def reasons(self, named: str) -> Iterator[Reason]:
        yield self._kept("field F1", "fields", METRICS["field_f1"].make(self.old))
        if self.old.sums.total["box.true"] > 0:
            yield self._kept("box F1", "boxes", METRICS["box_f1"].make(self.old))
        yield from self._high()
        yield self._better(named)

    def _sums(self, named: str) -> tuple[Sums, Sums, Metric, int]:
        """The columns of both, the metric, and in which direction it is better."""
        if named != HIGH_RECALL:
            return self.old.sums, self.new.sums, METRICS[named].make(self.old), METRICS[named].sign
        both = high_sums(self.old, self.new)
        return *both, recall_of, 1

    def _difference(self, named: str) -> tuple[float, Numbers]:
        old, new, metric, sign = self._sums(named)
        point = sign * (metric(new.total) - metric(old.total))
        return float(point), sign * (metric(self.drawn.resampled(new)) - metric(self.drawn.resampled(old)))

    def _least(self, resampled: Numbers, point: float) -> float | None:
        return least(resampled, point, self.drawn.scenes, self.bars.level)

    def _kept(self, what: str, key: str, metric: Metric) -> Reason:
        old, new = metric(self.old.sums.total), metric(self.new.sums.total)
        resampled = metric(self.drawn.resampled(self.new.sums)) - metric(self.drawn.resampled(self.old.sums))
        return self._lost(what, key, float(old), float(new), self._least(resampled, float(new - old)))

    def _lost(self, what: str, key: str, old: float, new: float, bound: float | None) -> Reason:
        passed = bound is not None and bool(np.isfinite(new - old)) and bound > -self.bars.lost
        values = {"before": _number(old), "after": _number(new), "least": bound, "allowed": -self.bars.lost}
        if bound is None or not np.isfinite(new - old):
            words = f"The {what} could not be measured: nothing of it is true in these frames."
            return Reason(key, False, words, values, undetermined=True)
        words = f"The {what} went from {percent(old)} to {percent(new)}; at worst ({percent(self.bars.level)} sure) {points(bound)}"
        words += (
            "."
            if passed
            else f", and {points(-self.bars.lost)} are allowed." + (" It was lost." if new < old else " More test scenes may tell.")
        )
        return Reason(key, passed, words, values, undetermined=not passed and new >= old)

    def _high(self) -> Iterator[Reason]:
        high = true_high(self.old.gold) > 0
        scenes = len({g.scene for g, is_high in zip(self.old.gold, high, strict=True) if is_high})
        if not scenes and not self.bars.high_scenes:
            return
        if scenes < self.bars.high_scenes:
            words = f"{scenes} scenes of high risk were measured; {self.bars.high_scenes} are needed to tell whether any would be missed."
            yield Reason("high", False, words, {"scenes": scenes, "needed": self.bars.high_scenes}, undetermined=True)
            return
        old, new = high_sums(self.old, self.new)
        was, now = float(recall_of(old.total)), float(recall_of(new.total))
        bound = self._least(recall_of(self.drawn.resampled(new)) - recall_of(self.drawn.resampled(old)), now - was)
        what = f"recall of high risk at the same rate of alarms ({percent(alarm_rate(self.old.said, self.old.weights))})"
        yield self._lost(what, "high", was, now, bound)

    def _better(self, named: str) -> Reason:
        point, resampled = self._difference(named)
        bound = self._least(resampled, point)
        values = {"metric": named, "difference": _number(point), "least": bound}
        if bound is None or not np.isfinite(point):
            words = f"{named}, the metric that was named before, could not be measured: nothing of it is true in these frames."
            return Reason("better", False, words, values, undetermined=True)
        said = f"{point:+.3f}" if named in ("risk_cost", "risk_kappa") else points(point)
        worst = f"{bound:+.3f}" if named in ("risk_cost", "risk_kappa") else points(bound)
        words = f"{named}, the metric that was named before, is better by {said}, at least {worst} ({percent(self.bars.level)} sure)."
        if bound <= 0:
            words = f"{named}, the metric that was named before, differs by {said}, and at worst by {worst}: that is not surely better."
        return Reason("better", bound > 0, words, values)


def high_sums(old: Counted, new: Counted) -> tuple[Sums, Sums]:
    """Columns "high" and "caught" of two models at the alarm rate of the first: how much of each frame of high risk is among as many alarms."""
    rate, high = alarm_rate(old.said, old.weights), true_high(old.gold) * old.weights
    names = {"high": 0, "caught": 1}
    caught = [high * at_rate(each.said, each.weights, rate) for each in (old, new)]
    return Sums(names, np.stack([high, caught[0]], axis=1)), Sums(names, np.stack([high, caught[1]], axis=1))


def recall_of(sums: Sums) -> Numbers:
    """The share of high-risk frames that are caught."""
    return share(sums["caught"], sums["high"])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
