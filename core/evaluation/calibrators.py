"""Maps from what a model claims to how often it is right, each fitted on labels. Monotone: the order of claims is never changed.

Temperature (Guo et al. 2017, arXiv 1706.04599), Platt (1999, "Probabilistic outputs for support vector machines"), beta (Kull,
Silva Filho, Flach 2017, AISTATS), isotonic (Zadrozny, Elkan 2002, by pooling adjacent violators). Which one: by the number of
labels, and between two by cross-validated log loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from core.evaluation.certainty import log_loss

Method = Literal["temperature", "platt", "beta", "isotonic"]
Floats = NDArray[np.float64]

FEW, SOME, MANY, VERY_MANY = 50, 500, 1000, 3000
"""Labels: below the first one temperature is pooled over the fields; from the second on perhaps beta, from the third on surely, from the last on perhaps isotonic."""

_EDGE = 1e-6  # claims are kept so far from 0 and 1
_PULL = 1e-3  # towards "the claim is right as it is", so that labels which are all alike do not run to the end
_KNOTS = 40  # of an isotonic map


@dataclass(frozen=True, slots=True)
class Calibrator:
    """One field's map. `parameters`: temperature [1/T]; Platt [a, b]; beta [a, b, c]; isotonic claims, then shares. `n`: labels of this field."""

    method: Method
    n: int
    parameters: tuple[float, ...]

    def apply(self, p: float) -> float:
        """How often such a claim is right, and never surer than its labels allow: of n that were all right, the next one is by (n + 1) / (n + 2) (Laplace)."""
        surest = (self.n + 1) / (self.n + 2)
        return float(np.clip(self.apply_all([p])[0], 1 - surest, surest))

    def apply_all(self, p: ArrayLike) -> Floats:
        """The map alone, for many."""
        return _MAPS[self.method](_inside(p), np.array(self.parameters))


def _inside(p: ArrayLike) -> Floats:
    return np.clip(np.asarray(p, dtype=np.float64), _EDGE, 1 - _EDGE)


def _temperature(p: Floats, w: Floats) -> Floats:
    return np.asarray(expit(w[0] * logit(p)))


def _platt(p: Floats, w: Floats) -> Floats:
    return np.asarray(expit(w[0] * logit(p) + w[1]))


def _beta(p: Floats, w: Floats) -> Floats:
    return np.asarray(expit(w[0] * np.log(p) - w[1] * np.log1p(-p) + w[2]))


def _isotonic(p: Floats, w: Floats) -> Floats:
    claims, shares = np.split(w, 2)
    return np.interp(p, claims, shares)


_MAPS: Mapping[Method, Callable[[Floats, Floats], Floats]] = {
    "temperature": _temperature,
    "platt": _platt,
    "beta": _beta,
    "isotonic": _isotonic,
}
_STARTS: Mapping[Method, tuple[float, ...]] = {"temperature": (1.0,), "platt": (1.0, 0.0), "beta": (1.0, 1.0, 0.0)}
_BOUNDS: Mapping[Method, list[tuple[float | None, float | None]]] = {
    "temperature": [(0.0, 20.0)],
    "platt": [(0.0, 20.0), (None, None)],
    "beta": [(0.0, 20.0), (0.0, 20.0), (None, None)],
}


def fitted(method: Method, p: ArrayLike, right: ArrayLike) -> tuple[float, ...]:
    """The parameters with the least log loss. Slopes are never negative, so that the order of claims stays."""
    claimed, good = _inside(p), np.asarray(right, dtype=np.float64)
    if method == "isotonic":
        return _pooled_neighbours(claimed, good)
    start = np.array(_STARTS[method])

    def loss(w: Floats) -> float:
        return log_loss(_MAPS[method](claimed, w), good) + _PULL * float(np.sum((w - start) ** 2))

    found = minimize(loss, start, method="L-BFGS-B", bounds=_BOUNDS[method])
    return tuple(float(w) for w in found.x)


def _pooled_neighbours(p: Floats, good: Floats) -> tuple[float, ...]:
    """Shares that never fall as claims rise, at the means of at most _KNOTS equal parts of the claims (Ayer et al. 1955)."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, _KNOTS) if len(part)]
    blocks: list[list[float]] = []  # mean claim, share with half a right and half a wrong one added, weight
    for part in parts:
        blocks.append([float(p[part].mean()), float((good[part].sum() + 0.5) / (len(part) + 1)), float(len(part))])
        while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
            (c1, s1, n1), (c2, s2, n2) = blocks.pop(-2), blocks.pop()
            blocks.append([(c1 * n1 + c2 * n2) / (n1 + n2), (s1 * n1 + s2 * n2) / (n1 + n2), n1 + n2])
    return (*(block[0] for block in blocks), *(block[1] for block in blocks))


def methods_for(n: int) -> tuple[Method, ...]:
    """Those that n labels can bear."""
    if n < SOME:
        return ("temperature", "platt")
    if n < MANY:
        return ("temperature", "platt", "beta")
    return ("beta",) if n < VERY_MANY else ("beta", "isotonic")


def calibrator(p: ArrayLike, right: ArrayLike, groups: Sequence[str]) -> Calibrator:
    """The best of the methods that so many labels can bear, fitted on all of them."""
    claimed, good = np.asarray(p, dtype=np.float64), np.asarray(right, dtype=bool)
    methods = methods_for(len(claimed))
    losses = {method: log_loss(held_out(method, claimed, good, groups), good) for method in methods} if len(methods) > 1 else {}
    best = min(methods, key=lambda method: losses.get(method, 0.0))
    return Calibrator(best, len(claimed), fitted(best, claimed, good))


def held_out(method: Method, p: Floats, right: NDArray[np.bool_], groups: Sequence[str], folds: int = 5) -> Floats:
    """What the method makes of each claim when it is fitted on other groups only. A group (a frame) is never on both sides."""
    _, of_group = np.unique(np.asarray(groups), return_inverse=True)
    fold = np.random.default_rng(folds).permutation(int(of_group.max()) + 1)[of_group] % folds
    made = _inside(p).copy()
    for k in range(folds):
        there = fold == k
        if there.any() and (~there).any():
            made[there] = Calibrator(method, 0, fitted(method, p[~there], right[~there])).apply_all(p[there])
    return made
