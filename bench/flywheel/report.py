"""What the circle gave, in words and numbers: learning curves of both arms, the goals and whether they were reached. Hides nothing that was measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from annotations.learning.efficiency import CONTROL, Point, beside_random, expected, gains
from bench.flywheel.rounds import Round, Size

FOLLOWED = {"field_accuracy": "fields right", "field_f1": "fields, macro F1", "box_f1": "boxes, F1 at IoU .5"}
RISE = 0.10
"""By how much 200 labels are to lift field accuracy and box F1 over the unadapted model."""

FIRST = 100  # labels within which high risks are counted
MORE_HIGH = 1.5


def written(rounds: Sequence[Round], size: Size, seconds: float, high_in_pool: int) -> dict[str, Any]:
    """Everything as plain JSON."""
    arms = {policy: [asdict(each) for each in rounds if each.policy == policy] for policy in dict.fromkeys(r.policy for r in rounds)}
    return {
        "size": asdict(size),
        "seed": size.seed,
        "seconds": round(seconds, 1),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "high_in_pool": high_in_pool,
        "unadapted": start_of(rounds),
        "arms": arms,
        "goals": goals(rounds, size, high_in_pool),
        "efficiency": {
            name: {
                "gains": [asdict(each) for each in gains(points_of(rounds, name))],
                "beside_random": [asdict(each) | {"word": each.word} for each in beside_random(points_of(rounds, name))],
                "next_hundred": [asdict(each) for each in expected(points_of(rounds, name))],
            }
            for name in FOLLOWED
        },
    }


def start_of(rounds: Sequence[Round]) -> Mapping[str, Any]:
    """Figures of the model as it ships: what was in use when the first adapter was taught."""
    return next(each.before for each in rounds if each.number == 1)


def points_of(rounds: Sequence[Round], name: str) -> list[Point]:
    """The curve of a figure, of every arm."""
    start = start_of(rounds)[name]
    taught = [(each.policy, each.labels, each.hours, each.figures[name], f"{each.policy}-{each.number}") for each in rounds]
    return [
        Point("", 0, 0.0, start["value"], start["low"], start["high"]),
        *(Point(policy, labels, hours, f["value"], f["low"], f["high"], adapter) for policy, labels, hours, f, adapter in taught),
    ]


def goals(rounds: Sequence[Round], size: Size, high_in_pool: int) -> list[dict[str, Any]]:
    """Each goal with what was measured, and why where it was not reached."""
    picked = [policy for policy in dict.fromkeys(each.policy for each in rounds) if policy != CONTROL]
    out: list[dict[str, Any]] = []
    for policy in picked:
        last = [each for each in rounds if each.policy == policy][-1]
        for name in ("field_accuracy", "box_f1"):
            rise = last.figures[name]["value"] - start_of(rounds)[name]["value"]
            what = f"{FOLLOWED[name]}: rise over the unadapted model with {last.labels} labels ({policy})"
            out.append({"what": what, "goal": RISE, "measured": round(rise, 4), "reached": rise >= RISE})
        for beside in beside_random(points_of(rounds, "field_accuracy")):
            if beside.policy == policy:
                told = {"measured": round(beside.difference, 4), "low": round(beside.low, 4), "high": round(beside.high, 4)}
                out.append(
                    {"what": f"{policy} not worse than random, mean along the curve", "goal": 0.0, **told, "reached": beside.high >= 0}
                )
        ours, theirs = (found_early(rounds, each) for each in (policy, CONTROL))
        if ours is not None and theirs is not None:
            ratio = ours / theirs if theirs else float("inf") if ours else 0.0
            what = f"frames of high risk in the first {FIRST} labels: {policy} {ours:g}, random {theirs:g}, {high_in_pool} of {size.pool} in the pool"
            out.append({"what": what, "goal": MORE_HIGH, "measured": round(ratio, 3), "reached": ratio >= MORE_HIGH})
    return out


def found_early(rounds: Sequence[Round], policy: str) -> float | None:
    """Frames of high risk in the first FIRST labels: between two rounds in proportion."""
    before_labels, before_high = 0, 0
    for each in (r for r in rounds if r.policy == policy):
        if each.labels >= FIRST:
            share = (FIRST - before_labels) / (each.labels - before_labels)
            return before_high + share * (each.high - before_high)
        before_labels, before_high = each.labels, each.high
    return None


def in_words(told: Mapping[str, Any]) -> str:
    """As Markdown."""
    size = told["size"]
    lines = [
        "# The circle, played",
        "",
        (
            f"`make flywheel` wrote this in {told['seconds'] / 60:.0f} minutes. A bench that the compact model has never seen (`bench/flywheel/new_bench.py`): "
            f"{size['pool']} frames of which nobody knows anything, {size['exam']} that were audited and judge every adapter. {size['rounds']} rounds of "
            f"{size['labels']} labels by a scripted annotator who knows the truth; the same frames, the same seeds for each policy. Intervals are 95 %, over scenes."
        ),
        "",
        f"Seed {told['seed']}. Size, light and recipe were chosen after looking at runs with seed 1, so another seed is the fairer look: `make flywheel ARGS='--seed 2'`.",
        "",
        "| labels | policy | " + " | ".join(FOLLOWED.values()) + " | high risks found | gate |",
        "|---|---|" + "---|" * (len(FOLLOWED) + 2),
        "| 0 | the model as it ships | " + " | ".join(_figure(told["unadapted"][name]) for name in FOLLOWED) + " | | |",
    ]
    for policy, arm in told["arms"].items():
        for each in arm:
            figures = " | ".join(_figure(each["figures"][name]) for name in FOLLOWED)
            gate = "live" if each["promoted"] else "refused"
            lines.append(f"| {each['labels']} | {policy} | {figures} | {each['high']} | {gate} |")
    lines += ["", "## Goals", "", "| what | goal | measured | |", "|---|---|---|---|"]
    for goal in told["goals"]:
        span = f" ({goal['low']:+.3f} to {goal['high']:+.3f})" if "low" in goal else ""
        lines.append(
            f"| {goal['what']} | ≥ {goal['goal']:g} | {goal['measured']:+.3f}{span} | {'reached' if goal['reached'] else '**not reached**'} |"
        )
    lines += ["", "## What the labels bought", ""]
    for beside in told["efficiency"]["field_accuracy"]["beside_random"]:
        lines.append(
            f"- {beside['policy']} against random, fields right, mean along the curve: {100 * beside['difference']:+.1f} points "
            f"({100 * beside['low']:+.1f} to {100 * beside['high']:+.1f}): {beside['word']} than random."
        )
    for more in told["efficiency"]["field_accuracy"]["next_hundred"]:
        word = "not expected to help" if more["stop"] else "expected"
        lines.append(
            f"- The next hundred labels by {more['policy']}: {100 * more['gain']:+.1f} points ({100 * more['low']:+.1f} to {100 * more['high']:+.1f}), {word}."
        )
    lines += ["", "## What the gate said", ""]
    for policy, arm in told["arms"].items():
        lines += [f"- {policy}, {each['labels']} labels: {each['gate']['words']}" for each in arm]
    lines += [
        "",
        "## Where the time went, seconds",
        "",
        "| policy | round | " + " | ".join(_clocks(told)) + " |",
        "|---|---|" + "---|" * len(_clocks(told)),
    ]
    for policy, arm in told["arms"].items():
        for each in arm:
            lines.append(
                f"| {policy} | {each['number']} | " + " | ".join(f"{each['seconds'].get(name, 0):.0f}" for name in _clocks(told)) + " |"
            )
    return "\n".join([*lines, ""])


def _clocks(told: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for arm in told["arms"].values() for each in arm for name in each["seconds"]))


def _figure(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"
