"""All figures of a model on frames whose truth is known, and two models held against each other: plain JSON, with every denominator and interval.

Nothing here is a verdict: whether an adapter may go live is `core.evaluation.gate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.evaluation import metrics
from core.evaluation.boxes import SIZES
from core.evaluation.ceiling import agreement, ceiling
from core.evaluation.counting import Counted, count
from core.evaluation.gate import high_sums, recall_of
from core.evaluation.metrics import METRICS
from core.evaluation.precision import of_predictions
from core.evaluation.predictions import Gold, Prediction, blanks, by_frame
from core.evaluation.resampling import RESAMPLES, Draws, Metric, Sums, draws, interval
from core.evaluation.risks import SAID
from core.evaluation.selecting import selective
from core.evaluation.slices import ByFrame, sliced
from core.evaluation.soundness import constant_fields, differing, faults, identical
from core.profile import LEVELS

Doubles = Sequence[tuple[Gold, Gold]]
"""What two people said of the same frame, blind."""

Figure = dict[str, Any]
"""`value`, `low`, `high` (95 %, over scenes), `n`: of how many; None where nothing could be measured."""


def figures(
    gold: Sequence[Gold],
    predictions: Sequence[Prediction],
    *,
    weights: Mapping[str, float] | None = None,
    slices: ByFrame | None = None,
    doubles: Doubles = (),
    calibrated: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything about one model. `weights`: by frame id, 1 / inclusion probability, where the frames were not drawn evenly. `slices`: further
    ways to slice. `doubles`: for the human ceiling. `calibrated`: the scores of boxes are probabilities, so a mean average precision means
    something. "red": what makes all of it worthless. Raises Malformed for a frame that is predicted twice.
    """
    red = faults(gold, predictions)
    if not gold:
        return {"frames": 0, "red": [reason.told() for reason in red]}
    counted = count(gold, predictions, weights)
    drawn = draws(counted.scenes, resamples, seed)
    of = _Figures(counted, drawn)
    return {
        "frames": len(gold),
        "scenes": drawn.scenes,
        "weighted": weights is not None,
        "missing": len(counted.missing),
        "unreadable": int(sum(not each.readable for each in counted.said)),
        "red": [reason.told() for reason in red],
        "constant_fields": list(constant_fields(gold, predictions)),
        "valid_json": of.figure(METRICS["valid_json"].make(counted), "frames"),
        "unknown": {
            "clauses": sum(len(each.unknown_clauses) for each in predictions),
            "labels": sum(len(each.unknown_labels) for each in predictions),
        },
        "blank": {"pictures": len(blanks(predictions)), "violations": sum(len(each.violations) for each in blanks(predictions))},
        "fields": _fields(of),
        "boxes": _boxes(of, calibrated),
        "violations": _parts(of, "violation"),
        "risk": _risk(of),
        "selective": selective(counted, drawn),
        "slices": sliced(counted, drawn, slices),
        "ceiling": _ceiling(counted, doubles),
        "seconds": _seconds(predictions),
    }


def compare(
    gold: Sequence[Gold],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    *,
    weights: Mapping[str, float] | None = None,
    slices: ByFrame | None = None,
    doubles: Doubles = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Both, and for each metric the difference on the same draws, with its interval. `better`: True or False where the interval leaves 0 out, else None."""
    red = [*faults(gold, before, "before"), *faults(gold, after, "after")]
    same = identical(before, after)
    changed, both = differing(before, after)
    told: dict[str, Any] = {
        "red": [reason.told() for reason in [*red, *([same] if same else [])]],
        "differing": {"answers": changed, "of": both, "share": changed / both if both else None},
    }
    if not gold:
        return told
    options: dict[str, Any] = {"weights": weights, "slices": slices, "doubles": doubles, "resamples": resamples, "seed": seed}
    old, new = count(gold, before, weights), count(gold, after, weights)
    drawn = draws(old.scenes, resamples, seed)
    compared = {name: _difference(old.sums, new.sums, named.make(old), drawn, named.sign) for name, named in METRICS.items()}
    compared[metrics.HIGH_RECALL] = _difference(*high_sums(old, new), recall_of, drawn, 1)
    return told | {"before": figures(gold, before, **options), "after": figures(gold, after, **options), "differences": compared}


def _difference(old: Sums, new: Sums, metric: Metric, drawn: Draws, sign: int) -> dict[str, Any]:
    was, now = float(metric(old.total)), float(metric(new.total))
    low, high = interval(metric(drawn.resampled(new)) - metric(drawn.resampled(old)))
    sure = low is not None and high is not None and (low > 0 or high < 0)
    better = (sign * (low or 0.0) > 0 or sign * (high or 0.0) > 0) if sure else None
    return {"before": _number(was), "after": _number(now), "difference": _number(now - was), "low": low, "high": high, "better": better}


class _Figures:
    """Makes figures of one model: every one from the same sums and draws."""

    def __init__(self, counted: Counted, drawn: Draws) -> None:
        self.counted = counted
        self.total = counted.sums.total
        self._resampled = drawn.resampled(counted.sums)

    def figure(self, metric: Metric, n: str) -> Figure:
        """`n`: the column that is the denominator."""
        low, high = interval(metric(self._resampled))
        return {"value": _number(float(metric(self.total))), "low": low, "high": high, "n": self.n(n)}

    def n(self, column: str) -> int:
        """How many, unweighted."""
        values = self.counted.sums[column] / self.counted.weights
        return round(float(values.sum()))


def _fields(of: _Figures) -> dict[str, Any]:
    counted = of.counted
    told: dict[str, Any] = {}
    for name in counted.fields:
        classes = counted.classes[name]
        told[name] = {
            "accuracy": of.figure(metrics.accuracy(name), f"{name}.n"),
            "exact": of.figure(metrics.exact(name), f"{name}.n"),
            "macro_f1": of.figure(metrics.field_f1(name, classes), f"{name}.n"),
            "macro_accuracy": of.figure(metrics.field_recall(name, classes), f"{name}.n"),
            "classes": {value: _class(of, name, value) for value in classes},
        }
    told["all"] = {
        "accuracy": of.figure(METRICS["field_accuracy"].make(counted), "frames"),
        "macro_f1": of.figure(METRICS["field_f1"].make(counted), "frames"),
        "joint": of.figure(METRICS["joint"].make(counted), "joint.n"),
    }
    return told


def _class(of: _Figures, name: str, value: str) -> dict[str, Any]:
    true, said, hit = (of.n(f"{name}.{what}.{value}") for what in ("true", "said", "hit"))
    return {"true": true, "said": said, "right": hit, "f1": 2 * hit / (true + said) if true + said else None}


def _parts(of: _Figures, what: str) -> dict[str, Any]:
    """Precision, recall and F1, with their counts."""
    return {
        "precision": of.figure(metrics.ratio(f"{what}.hit", f"{what}.said"), f"{what}.said"),
        "recall": of.figure(metrics.ratio(f"{what}.hit", f"{what}.true"), f"{what}.true"),
        "f1": of.figure(metrics.f1(what), f"{what}.true"),
        "true": of.n(f"{what}.true"),
        "said": of.n(f"{what}.said"),
        "matched": of.n(f"{what}.hit"),
    }


def _boxes(of: _Figures, calibrated: bool) -> dict[str, Any]:
    counted = of.counted
    told = _parts(of, "box") | {"mean_iou": of.figure(METRICS["box_iou"].make(counted), "box.hit")}
    told["sizes"] = {
        size: {"recall": of.figure(metrics.ratio(f"size.hit.{size}", f"size.true.{size}"), f"size.true.{size}")} for size, _ in SIZES
    }
    told["labels"] = {label: _label(of, label) for label in counted.labels}
    if calibrated:
        return told | of_predictions(counted.gold, counted.said)
    return told | {"map": None, "why": "not shown: mean average precision asks for calibrated scores of boxes"}


def _label(of: _Figures, label: str) -> dict[str, Any]:
    true, said, hit = (of.n(f"box.{what}.{label}") for what in ("true", "said", "hit"))
    return {"true": true, "said": said, "matched": hit, "f1": 2 * hit / (true + said) if true + said else None}


def _risk(of: _Figures) -> dict[str, Any]:
    counted = of.counted
    cells = metrics.confusion(of.total)
    return {
        "confusion": {true: {said: _count(cells[i, j]) for j, said in enumerate(SAID)} for i, true in enumerate(LEVELS) if cells[i].sum()},
        "kappa": of.figure(METRICS["risk_kappa"].make(counted), "risk.n"),
        "cost": of.figure(METRICS["risk_cost"].make(counted), "risk.n"),
        "high_recall": of.figure(metrics.ratio("high.called", "high"), "high"),
        "alarm_rate": of.figure(metrics.ratio("alarms", "frames"), "frames"),
    }


def _ceiling(counted: Counted, doubles: Doubles) -> dict[str, Any]:
    """What people reach among themselves, and what the model reaches by the same measure."""
    people = ceiling(doubles)
    if not people["shown"]:
        return people
    readable = [
        (g, Gold(g.frame_id, g.scene, p.findings, p.step, p.violations, p.risk_level))
        for g, p in zip(counted.gold, counted.said, strict=True)
    ]
    return {
        "shown": True,
        "n": people["n"],
        "people": {k: v for k, v in people.items() if k not in ("shown", "n")},
        "model": agreement(readable),
    }


def _seconds(predictions: Sequence[Prediction]) -> dict[str, float] | None:
    taken = [each.seconds for each in by_frame(predictions).values()]
    return {"median": float(np.median(taken)), "p95": float(np.quantile(taken, 0.95))} if taken else None


def _count(value: float) -> float | int:
    """A count; with weights it need not be whole."""
    return int(value) if float(value).is_integer() else round(float(value), 3)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
