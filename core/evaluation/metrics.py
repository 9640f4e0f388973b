"""The metrics by name: each a function of sums, so that one sum and 2,000 resamples go the same way. Counts nothing itself.

A metric may be named to the gate before an adapter is measured; what is not here cannot be promised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from core.evaluation.boxes import SIZES
from core.evaluation.counting import CLOSED, Counted
from core.evaluation.resampling import Metric, Numbers, Sums, mean_of, share
from core.evaluation.risks import SAID, kappa
from core.profile import LEVELS


@dataclass(frozen=True, slots=True)
class Named:
    """A metric that may be named. `of`: of which its denominator is, a column; `sign`: 1 when more is better."""

    of: str
    sign: int
    make: Callable[[Counted], Metric]


def accuracy(field: str) -> Metric:
    """The share of frames in which the field is right, by key; names and aliases are the same."""
    return lambda sums: share(sums[f"{field}.right"], sums[f"{field}.n"])


def exact(field: str) -> Metric:
    """The same, where only the very key counts as it was written."""
    return lambda sums: share(sums[f"{field}.exact"], sums[f"{field}.n"])


def field_f1(field: str, classes: tuple[str, ...]) -> Metric:
    """F1, the mean over the classes that are true somewhere (macro): a rare one counts as much as a frequent one."""

    def of(sums: Sums) -> Numbers:
        true, said, hit = (sums.many([f"{field}.{what}.{value}" for value in classes]) for what in ("true", "said", "hit"))
        return mean_of(share(2 * hit, true + said))

    return of


def field_recall(field: str, classes: tuple[str, ...]) -> Metric:
    """Accuracy, the mean over the classes that are true somewhere."""

    def of(sums: Sums) -> Numbers:
        true, hit = (sums.many([f"{field}.{what}.{value}" for value in classes]) for what in ("true", "hit"))
        return mean_of(share(hit, true))

    return of


def over_fields(counted: Counted, of_field: Callable[[str], Metric]) -> Metric:
    """The mean of a metric over the fields."""
    each = [of_field(name) for name in counted.fields]
    return lambda sums: mean_of(np.stack([metric(sums) for metric in each], axis=-1)) if each else np.full(sums.table.shape[:-1], np.nan)


def f1(what: str, part: str = "") -> Metric:
    """F1 of boxes or violations; `part`: of one label."""
    return lambda sums: share(2 * sums[f"{what}.hit{part}"], sums[f"{what}.true{part}"] + sums[f"{what}.said{part}"])


def ratio(numerator: str, denominator: str) -> Metric:
    """One column over another."""
    return lambda sums: share(sums[numerator], sums[denominator])


def risk_kappa(sums: Sums) -> Numbers:
    """Quadratic weighted kappa of the levels."""
    return kappa(confusion(sums))


def confusion(sums: Sums) -> Numbers:
    """(..., LEVELS, SAID): how many frames of a true level were called what."""
    cells = sums.many([f"confusion.{true}.{said}" for true in LEVELS for said in SAID])
    return cells.reshape(*cells.shape[:-1], len(LEVELS), len(SAID))


def _of_all(of_field: Callable[[str], Metric]) -> Callable[[Counted], Metric]:
    return lambda counted: over_fields(counted, of_field)


def _f1_of_all(counted: Counted) -> Metric:
    return over_fields(counted, lambda name: field_f1(name, counted.classes[name]))


def _f1_of(name: str) -> Callable[[Counted], Metric]:
    return lambda counted: field_f1(name, counted.classes[name])


def _plain(metric: Metric) -> Callable[[Counted], Metric]:
    return lambda counted: metric


METRICS: Mapping[str, Named] = {
    "field_f1": Named("frames", 1, _f1_of_all),
    "field_accuracy": Named("frames", 1, _of_all(accuracy)),
    "joint": Named("joint.n", 1, _plain(ratio("joint.right", "joint.n"))),
    "box_f1": Named("box.true", 1, _plain(f1("box"))),
    "box_precision": Named("box.said", 1, _plain(ratio("box.hit", "box.said"))),
    "box_recall": Named("box.true", 1, _plain(ratio("box.hit", "box.true"))),
    "box_iou": Named("box.hit", 1, _plain(ratio("box.iou", "box.hit"))),
    "violation_f1": Named("violation.true", 1, _plain(f1("violation"))),
    "risk_kappa": Named("risk.n", 1, _plain(risk_kappa)),
    "risk_cost": Named("risk.n", -1, _plain(ratio("cost", "risk.n"))),
    "valid_json": Named("frames", 1, _plain(ratio("json", "frames"))),
    **{f"{name}_accuracy": Named(f"{name}.n", 1, _plain(accuracy(name))) for name in CLOSED},
    **{f"{name}_f1": Named(f"{name}.n", 1, _f1_of(name)) for name in CLOSED},
}
"""Those that two models are compared by, by the name that the gate is told. `high_recall` is another: it is of two models at one alarm rate."""

HIGH_RECALL = "high_recall"
NAMES: tuple[str, ...] = (*METRICS, HIGH_RECALL)
"""All that may be named to the gate."""

SIZE_NAMES = tuple(name for name, _ in SIZES)
