"""Frames whose truth is known and what models of a known skill say of them, drawn with a seed. Holds no test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from core.evaluation.predictions import Gold, Prediction
from core.framecheck import Convention, Fit
from core.schema import Box, Finding, Step, Value, Violation

TOOLS, PARTS, ACTIONS, PHASES = ("hammer", "wrench", "none"), ("bolt", "nut", "none"), ("strike", "turn", "none"), ("work", "idle")
LEVELS = ("none", "low", "medium", "high")
HAZARDS = ("tool_at_edge", "bare_hand", "clutter")

FITS = Fit("fits", Convention(), Convention(), (), 0.8, 0.8, (1.0, 1.0), 0.0, 20, 20, 20)
"""A frame check that found nothing wrong."""


def truth(frames: int, *, seed: int = 0, per_scene: int = 2, high: float = 0.25) -> tuple[Gold, ...]:
    """Frames in scenes of `per_scene`; the frames of a scene are alike."""
    dice = np.random.default_rng(seed)
    made = list[Gold]()
    while len(made) < frames:
        scene, first = len(made) // per_scene, _frame(dice, high)
        made += [replace(first, frame_id=f"{len(made) + n:064x}", scene=scene) for n in range(min(per_scene, frames - len(made)))]
    return tuple(made)


def _frame(dice: np.random.Generator, high: float) -> Gold:
    step = Step(*(Value(str(dice.choice(choices))) for choices in (TOOLS, PARTS, ACTIONS, PHASES)))
    level = "high" if dice.random() < high else str(dice.choice(LEVELS[:-1]))
    hazards = tuple(Violation(str(hazard)) for hazard in dice.choice(HAZARDS, dice.integers(0, 3), replace=False))
    findings = tuple(Finding(str(dice.choice(("hammer", "bolt", "hand"))), _box(dice)) for _ in range(dice.integers(1, 5)))
    return Gold("", 0, findings, step, hazards, level)


def _box(dice: np.random.Generator) -> Box:
    x, y = dice.uniform(0, 0.7, 2)
    return Box(float(x), float(y), float(x + dice.uniform(0.1, 0.3)), float(y + dice.uniform(0.1, 0.3)))


def said(
    gold: tuple[Gold, ...], *, skill: float = 0.7, boxes: float | None = None, seed: int = 0, blanks: int = 2, model: str = "m"
) -> tuple[Prediction, ...]:
    """A model that is right in a field with the chance `skill`, and finds a box with the chance `boxes` (`skill` unless said)."""
    dice = np.random.default_rng(seed)
    finds = skill if boxes is None else boxes
    made = [_said(g, dice, skill, finds, model) for g in gold]
    return (*made, *(Prediction(f"blank:{n}", -1 - n, blank=True, model=model) for n in range(blanks)))


def _said(gold: Gold, dice: np.random.Generator, skill: float, finds: float, model: str) -> Prediction:
    def one(true: str | None, choices: tuple[str, ...]) -> Value:
        right = dice.random() < skill
        return Value(true if right else str(dice.choice(choices)), float(np.clip(dice.normal(0.8 if right else 0.6, 0.1), 0, 1)))

    step = Step(
        *(
            one(gold.step[name].value, choices)
            for name, choices in zip(("tool", "part", "action", "phase"), (TOOLS, PARTS, ACTIONS, PHASES), strict=True)
        )
    )
    level = one(gold.risk_level, LEVELS).value
    p_high = float(np.clip(dice.normal(0.7 if gold.risk_level == "high" else 0.3, 0.2), 0.01, 0.99))
    rest = dict.fromkeys(LEVELS[:-1], (1 - p_high) / 3)
    findings = tuple(Finding(f.label, f.box if dice.random() < finds else _box(dice), float(dice.random())) for f in gold.findings)
    violations = tuple(v for v in gold.violations if dice.random() < skill)
    return Prediction(
        gold.frame_id, gold.scene, findings, step, violations, level, risk_probabilities={**rest, "high": p_high}, model=model, seconds=0.1
    )


def changed(predictions: tuple[Prediction, ...], how: Callable[[Prediction], Prediction], every: int = 1) -> tuple[Prediction, ...]:
    """The same with every n-th prediction of a real frame put through `how`."""
    return tuple(how(each) if not each.blank and at % every == 0 else each for at, each in enumerate(predictions))
