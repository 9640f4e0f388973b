"""What `launch.py evaluate` is told and tells: a COCO file and its pictures, or an exported set, with one model or two. Measures nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from ui.terminal.telling import figures

FOLDER = "evaluations"
"""Of the data folder, where answers and reports are kept unless another place is named."""

BY = "terminal"
"""Who measured, in the record: whoever can log in to this machine."""

PLAIN = ("risk_cost", "risk_kappa", "box_iou")
"""Metrics that are no shares."""


def options(one: argparse.ArgumentParser) -> None:
    """Those of `evaluate`."""
    one.add_argument(
        "place", metavar="COCO.json|FOLDER", type=Path, help="annotated pictures, or the folder of an exported set with a test part"
    )
    one.add_argument("--images", metavar="FOLDER", type=Path, help="of a COCO file: where its pictures are")
    one.add_argument(
        "--map", metavar="FILE", type=Path, help="of a COCO file: JSON, name of a category -> label of the profile, or null to leave it out"
    )
    one.add_argument(
        "--adapter", metavar="A", help="of a set: hold the model with this adapter (a name, or a folder) against the model in use"
    )
    one.add_argument(
        "--metric", metavar="NAME", default="field_f1", help="in which the adapter must be better; name it before (default %(default)s)"
    )
    one.add_argument("--out", metavar="FOLDER", type=Path, help=f"where answers and report are kept (default {FOLDER}/ in the data folder)")
    one.add_argument(
        "--keep", action="store_true", help="write what the gate says of a registered adapter into the registry; the server must be stopped"
    )
    one.add_argument(
        "--judge", metavar="NAME", help="let this model of the catalogue give marks too; shown only with its agreement with people"
    )
    one.add_argument("--marks", metavar="FILE", type=Path, help="people's marks of the same answers, a JSON object a line")
    one.add_argument("--json", action="store_true", help="all figures as JSON")


def of_coco(asked: argparse.Namespace) -> bool:
    """Whether a COCO file is asked for. Raises SettingsError for flags that do not go together."""
    if asked.place.is_dir():
        if asked.images or asked.map:
            raise SettingsError("--images and --map belong to a COCO file; the folder of a set holds its own frames.")
        if asked.marks and not asked.judge:
            raise SettingsError("--marks are held against a judge's: name it with --judge.")
        if asked.keep and not asked.adapter:
            raise SettingsError("--keep is for what the gate says of an adapter: name it with --adapter.")
        return False
    if asked.adapter or asked.judge or asked.marks or asked.out or asked.keep:
        raise SettingsError(
            "--adapter, --keep, --out, --judge and --marks belong to the folder of an exported set. `launch.py export` writes one."
        )
    if asked.images is None:
        raise SettingsError(f"Name the folder of the pictures of {asked.place.name}: --images FOLDER.")
    return True


def kept_in(asked: argparse.Namespace, data: Path) -> Path:
    """Where answers and report of a set are kept: one place a set and adapter, so that what was asked before is not asked again."""
    if asked.out is not None:
        return Path(asked.out)
    adapter = f"-{Path(asked.adapter).name}" if asked.adapter else ""
    return data / FOLDER / f"{asked.place.absolute().name}{adapter}"


def code(report: Mapping[str, Any]) -> int:
    """1 when the figures are red, or the gate did not open."""
    red = report.get("red") or report.get("comparison", {}).get("red")
    gate = report.get("gate")
    return 1 if red or (gate is not None and not gate["passed"]) else 0


def told(report: Mapping[str, Any], *, as_json: bool, kept: Path | None = None) -> str:
    """All of it as JSON, or what matters most in lines."""
    if as_json:
        return json.dumps(report, ensure_ascii=False)
    if "precision" in report:  # of a COCO file
        return figures(report)
    lines = _compared(report) if "comparison" in report else _one(report)
    if report.get("judge"):
        lines += ["", *_judged(report["judge"])]
    return "\n".join([*lines, *([f"The whole report: {kept / 'report.md'}"] if kept is not None else [])])


def _one(report: Mapping[str, Any]) -> list[str]:
    lines = [f"RED: {each['words']}" for each in report["red"]]
    if not report["frames"]:
        return [*lines, "Nothing was measured."]
    fields, boxes, risk = report["fields"], report["boxes"], report["risk"]
    lines.append(f"{report['model']}: {report['frames']} frames in {report['scenes']} scenes, {report['unreadable']} unreadable answers")
    rows = [(name, one["accuracy"]) for name, one in fields.items() if name != "all"]
    rows += [
        ("all fields", fields["all"]["accuracy"]),
        ("macro F1", fields["all"]["macro_f1"]),
        ("all of a frame right", fields["all"]["joint"]),
    ]
    rows += [(f"boxes, {name}", boxes[name]) for name in ("precision", "recall", "f1", "mean_iou")]
    rows += [("violations, F1", report["violations"]["f1"]), ("high risk found", risk["high_recall"]), ("alarms", risk["alarm_rate"])]
    lines += [f"  {name:<24}{_figure(one)}" for name, one in rows]
    if report.get("frame"):
        lines.append(f"Frame of its boxes: {report['frame']}")
    if not report["ceiling"]["shown"]:
        lines.append(f"Human ceiling {report['ceiling']['why']}")
    return lines


def _compared(report: Mapping[str, Any]) -> list[str]:
    found = report["comparison"]
    lines = [f"RED: {each['words']}" for each in found["red"]]
    lines += [f"{report['model']}  ->  {report['adapted']}", f"  {'':<20}{'before':>9}{'after':>9}{'difference':>12}   95 %"]
    for name, one in found.get("differences", {}).items():
        if one["difference"] is None or one["low"] is None:
            continue
        scale, digits = (1, 3) if name in PLAIN else (100, 1)
        before, after, apart, low, high = (f"{scale * one[key]:.{digits}f}" for key in ("before", "after", "difference", "low", "high"))
        mark = {True: "better", False: "worse", None: ""}[one["better"]]
        lines.append(f"  {name:<20}{before:>9}{after:>9}{apart:>12}   {low} to {high}  {mark}".rstrip())
    gate = report["gate"]
    lines += ["", gate["words"]]
    return lines + [f"  {'yes' if reason['passed'] else 'NO ':<4}{reason['key']:<18}{reason['words']}" for reason in gate["reasons"]]


def _judged(found: Mapping[str, Any]) -> list[str]:
    if not found["shown"]:
        return [f"The judge's marks are {found['why']}"]
    rows = [
        f"  {name:<12}{one['mean']:.2f}   people {one['people']:.2f}, the same {100 * one['same']:.0f} %"
        + ("" if one["alpha"] is None else f", alpha {one['alpha']:.2f}")
        for name, one in found["dimensions"].items()
    ]
    return [f"The judge's marks of {found['judged']} answers, {found['n']} of which people marked too:", *rows]


def _figure(one: Mapping[str, Any]) -> str:
    if one["value"] is None:
        return f"unknown (n {one['n']})"
    between = "" if one["low"] is None else f" ({100 * one['low']:.1f} to {100 * one['high']:.1f})"
    return f"{100 * one['value']:.1f} %{between}, n {one['n']}"
