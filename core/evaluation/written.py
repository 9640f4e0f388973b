"""A report as Markdown, for people: every share with its interval and of how many. Measures nothing; what is not known is said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from core import durable
from core.evaluation.reasons import percent
from core.evaluation.risks import SAID
from core.profile import LEVELS

Told = Mapping[str, Any]

PLAIN = ("risk_cost", "risk_kappa", "box_iou")
"""Metrics that are no shares."""


def markdown(report: Told) -> str:
    """What `report.figures` or `report.compare` gave, or both in one with a gate (`{"comparison", "gate"}`)."""
    if "comparison" in report:
        return "\n".join([markdown(report["comparison"]), *(_gate(report["gate"]) if report.get("gate") else [])])
    if "differing" in report:
        return "\n".join(_compared(report))
    return "\n".join(["# What was measured", "", *_red(report), *_one(report)])


def keep(folder: Path, report: Told) -> tuple[Path, Path]:
    """Write `report.json` and `report.md`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    made = (folder / "report.json", folder / "report.md")
    durable.write(made[0], orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY))
    durable.write(made[1], markdown(report).encode() + b"\n")
    return made


def _red(report: Told) -> list[str]:
    return [line for each in report["red"] for line in (f"**Red: {each['words']}**", "")]


def _one(report: Told) -> list[str]:
    if not report["frames"]:
        return ["Nothing was measured."]
    weighted = ", weighted by how likely each was to be drawn" if report["weighted"] else ""
    lines = [
        f"{report['frames']} frames in {report['scenes']} scenes{weighted}; {report['missing']} without an answer, {report['unreadable']} unreadable."
    ]
    lines += [f"Intervals are 95 %, over scenes. Valid JSON: {_figure(report['valid_json'])}.", "", "## Fields", ""]
    lines += [*_fields(report), "", "## Boxes", "", *_boxes(report["boxes"]), "", "## Violations", ""]
    lines += [_line(name, report["violations"][name]) for name in ("precision", "recall", "f1")]
    return [*lines, "", "## Risk", "", *_risk(report), "", "## Slices", "", *_slices(report["slices"])]


def _fields(report: Told) -> list[str]:
    fields, ceiling = report["fields"], report["ceiling"]
    people = ceiling["people"] if ceiling["shown"] else {}
    rows = [
        (name, _figure(one["accuracy"]), _figure(one["exact"]), _figure(one["macro_f1"]), _people(people.get(name)))
        for name, one in fields.items()
        if name != "all"
    ]
    every = fields["all"]
    lines = _table(("field", "accuracy", "exact", "macro F1", "people agree"), rows)
    lines += [
        "",
        f"All fields: accuracy {_figure(every['accuracy'])}, macro F1 {_figure(every['macro_f1'])}; all of a frame right: {_figure(every['joint'])}.",
    ]
    if not ceiling["shown"]:
        lines.append(f"Human ceiling {ceiling['why']}.")
    if report["constant_fields"]:
        lines.append(f"The answer never changes in: {', '.join(report['constant_fields'])}.")
    return lines


def _people(found: Told | None) -> str:
    if found is None:
        return "-"
    alpha = "" if found["alpha"] is None else f", alpha {found['alpha']:.2f}"
    return f"{percent(found['same'])}{alpha} (n {found['n']})"


def _boxes(boxes: Told) -> list[str]:
    lines = [_line(name, boxes[name]) for name in ("precision", "recall", "f1")]
    lines.append(f"- mean IoU: {_number(boxes['mean_iou'])}")
    lines += [f"- recall of {size} boxes: {_figure(one['recall'])}" for size, one in boxes["sizes"].items()]
    lines.append(
        f"- mean average precision: {boxes['map']:.3f}"
        if boxes["map"] is not None
        else f"- mean average precision {boxes.get('why', 'unknown')}"
    )
    return lines


def _risk(report: Told) -> list[str]:
    risk, review = report["risk"], report["selective"]["review"]
    lines = [
        f"- quadratic kappa: {_number(risk['kappa'])}",
        f"- cost a frame: {_number(risk['cost'])}",
        _line("high risk found", risk["high_recall"]),
    ]
    lines.append(_line("alarms", risk["alarm_rate"]))
    for key, recall in (("for_95_percent", "95 %"), ("for_99_percent", "99 %")):
        lines.append(f"- to be reviewed to see {recall} of high risk: {_figure(review[key]) if review[key] else 'unknown, none is high'}")
    augrc = report["selective"]["augrc"]
    lines.append(f"- AUGRC: {_number(augrc)}" if augrc else f"- AUGRC unknown: {report['selective']['why']}")
    rows = [(true, *(str(risk["confusion"][true][said]) for said in SAID)) for true in LEVELS if true in risk["confusion"]]
    return [*lines, "", *_table(("true \\ said", *SAID), rows)]


def _slices(slices: Mapping[str, Mapping[str, Told]]) -> list[str]:
    rows = [
        (
            f"{way}: {name}",
            str(one["n"]),
            *(
                ["too few to show"] + ["-"] * 2
                if one["hidden"]
                else [_number(one[key], 100) for key in ("field_accuracy", "joint", "box_f1")]
            ),
        )
        for way, named in slices.items()
        for name, one in named.items()
    ]
    return _table(("slice", "n", "field accuracy, %", "all right, %", "box F1, %"), rows)


def _compared(report: Told) -> list[str]:
    changed = report["differing"]
    lines = ["# Before and after", "", *_red(report), f"{changed['answers']} of {changed['of']} answers differ.", ""]
    if "differences" not in report:
        return [*lines, "Nothing was measured."]
    rows = [
        (
            name,
            _plain(name, one["before"]),
            _plain(name, one["after"]),
            _difference(name, one),
            {True: "better", False: "worse", None: "not told apart"}[one["better"]],
        )
        for name, one in report["differences"].items()
    ]
    lines += _table(("metric", "before", "after", "difference (95 %)", ""), rows)
    return [*lines, "", "# After", "", *_one(report["after"])]


def _gate(gate: Told) -> list[str]:
    lines = ["", "# The gate", "", gate["words"], ""]
    marks = ((reason, "yes" if reason["passed"] else "undetermined" if reason["undetermined"] else "no") for reason in gate["reasons"])
    return lines + _table(("asked", "held", "why"), [(reason["key"], mark, reason["words"]) for reason, mark in marks])


def _plain(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f}" if name in PLAIN else percent(value)


def _difference(name: str, one: Told) -> str:
    if one["difference"] is None or one["low"] is None:
        return "unknown"
    scale, digits = (1, 3) if name in PLAIN else (100, 1)
    return f"{scale * one['difference']:+.{digits}f} ({scale * one['low']:+.{digits}f} to {scale * one['high']:+.{digits}f})"


def _line(name: str, figure: Told) -> str:
    return f"- {name}: {_figure(figure)}"


def _figure(figure: Told) -> str:
    """A share with its interval and of how many."""
    if figure["value"] is None:
        return f"unknown (n {figure['n']})"
    between = "" if figure["low"] is None else f" ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"
    return f"{percent(figure['value'])}{between}, n {figure['n']}"


def _number(figure: Told, scale: float = 1) -> str:
    """What is no share, or a share in a table whose head says percent."""
    if figure["value"] is None:
        return "unknown"
    digits = 3 if scale == 1 else 1
    between = "" if figure["low"] is None else f" ({scale * figure['low']:.{digits}f} to {scale * figure['high']:.{digits}f})"
    return f"{scale * figure['value']:.{digits}f}{between}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    def row(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"

    return [row(head), row("---" for _ in head), *map(row, rows)]
