"""What a person reads at a terminal: an inspection, totals, figures, answers of the doctor. Plain text; decides nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from core.profile import LEVELS, Profile
from ui.texts import Texts


class Check(Protocol):
    """One answer of the doctor (`core.checkup.Check`)."""

    @property
    def what(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def said(self) -> str: ...
    @property
    def advice(self) -> str: ...


class Exported(Protocol):
    """What was written (`annotations.datasets.ExportReport`)."""

    @property
    def folder(self) -> Path: ...
    @property
    def files(self) -> tuple[str, ...]: ...
    @property
    def written(self) -> int: ...
    @property
    def left_out(self) -> dict[str, int]: ...


class Calibrators(Protocol):
    """Those of a model and a prompt (`core.evaluation.calibration.Calibrators`)."""

    @property
    def key(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, Any]: ...
    def percent_allowed(self, field: str) -> bool: ...


class Measured(Protocol):
    """How far a field was off, before and after (`core.evaluation.calibration.Measured`)."""

    @property
    def right(self) -> float: ...
    @property
    def brier(self) -> tuple[float, float]: ...
    @property
    def ece(self) -> tuple[float, float]: ...
    @property
    def floor(self) -> tuple[float, float]: ...


_MARKS = {"works": "ok     ", "limited": "limited", "broken": "BROKEN "}


def said(line: Mapping[str, Any], profile: Profile, language: str) -> str:
    """An inspection, or why there is none."""
    if "error" in line:
        return f"{line['file']}: {line['error']}"
    say = Texts(language)
    comma = say("list.comma")
    step = {name: line["step"][name]["value"] for name in profile.fields}
    words = [f"{say(f'field.{name}')} {profile.term(name, key).name(language)}" for name, key in step.items() if key]
    things = [profile.term("label", finding["label"]).name(language) for finding in line["findings"]]
    wrong = [profile.hazard(violation["hazard"]).name(language) for violation in line["violations"]]
    level, colon = line["risk"]["level"] or "undetermined", "：" if language == "zh" else ": "
    seen = f"{say('seen.title')}{colon}{comma.join(things)}" if things else say("seen.none_short")
    return "\n".join(
        [f"{line['file']}: {say(f'risk.{level}')} ({line['model']}, {say('seconds', n=format(line['seconds'], '.1f'))})"]
        + [f"  {part}" for part in (comma.join(words), seen, *wrong) if part]
        + [f"  {say('dropped.title')}{colon}{' '.join(each['what'].split())[:200]} ({each['why']})" for each in line["dropped"]]
    )


def totals(levels: Mapping[str, int], language: str, *, unread: int, known: int, alike: int) -> str:
    """How many frames there were, the worst level first; what was not judged, known before, or left out."""
    say, colon = Texts(language), "：" if language == "zh" else ": "
    rows = [say("totals.frames", n=sum(levels.values()) + unread)]
    rows += [f"  {say(f'risk.{level}')}{colon}{levels[level]}" for level in (*LEVELS[::-1], "undetermined") if levels.get(level)]
    rows += [f"  {say(f'totals.{name}', n=n)}" for name, n in (("unread", unread), ("known", known), ("alike", alike)) if n]
    return "\n".join(rows)


def go_on(file: str, language: str) -> str:
    """How a run that was broken off is gone on with."""
    return Texts(language)("totals.go_on", file=file)


def exported(report: Exported, *, as_json: bool) -> str:
    """What an export wrote and left out."""
    if as_json:
        told = {"folder": str(report.folder), "files": report.files, "written": report.written, "left_out": report.left_out}
        return json.dumps(told, ensure_ascii=False)
    left_out = [f"  left out, {reason}: {count}" for reason, count in sorted(report.left_out.items())]
    return "\n".join([f"{report.written} frames in {report.folder}: {', '.join(report.files)}", *left_out])


def brought_in(done: Any, *, as_json: bool) -> str:
    """What an import took and what it did not (`annotations.bringing.importing.Imported`)."""
    if as_json:
        told = {"new": done.new, "known": done.known, "assessments": done.assessments, "corrections": done.corrections}
        return json.dumps({**told, "left_out": dict(done.left_out), "refused": done.refused, "reasons": done.reasons}, ensure_ascii=False)
    lines = [f"{done.new} new frames, {done.known} that were here already; {done.assessments} assessments, {done.corrections} corrections"]
    lines += [f"  left out, {reason}: {count}" for reason, count in sorted(done.left_out.items())]
    if done.refused:
        lines += [f"{done.refused} frames were not taken:", *(f"  {reason}" for reason in done.reasons)]
    return "\n".join(lines)


def figures(found: Mapping[str, Any]) -> str:
    """What an evaluation measured, over all labels and each."""
    rows = [f"{name:<24}{_short(figure)}" for name, figure in found.items() if not isinstance(figure, dict | list)]
    for label, row in found.get("per_class", {}).items():
        rows.append(f"  {label:<22}" + "  ".join(f"{name} {_short(figure)}" for name, figure in row.items()))
    return "\n".join(rows)


def tick(done: int, of: int) -> None:
    """How far it is, for a person who waits; nothing in a pipe."""
    if sys.stderr.isatty():
        print(f"\r{done} of {of} frames", end="" if done < of else "\n", file=sys.stderr, flush=True)


def _short(figure: object) -> str:
    return f"{figure:.3f}" if isinstance(figure, float) else str(figure)


def calibrated(made: Calibrators, measured: Mapping[str, Measured], *, frames: int, as_json: bool) -> str:
    """What was learned of one model's confidences: by field, how many labels, by which map, how far off it was and is now."""
    rows = []
    for name, field in made.fields.items():
        found = measured[name]
        told = {"field": name, "n": field.n, "right": found.right, "method": field.method, "percent": made.percent_allowed(name)}
        rows.append({**told, "brier": found.brier, "ece": found.ece, "floor": found.floor})
    if as_json:
        return json.dumps({"key": made.key, "frames": frames, "fields": rows}, ensure_ascii=False)
    lines = [f"{made.key}: {frames} frames", f"  {'field':<20}{'labels':>7}{'right':>7}   ECE before -> after (floor)   shown"]
    for row in rows:
        error = f"{row['ece'][0]:.3f} -> {row['ece'][1]:.3f} ({row['floor'][1]:.3f})"
        lines.append(f"  {row['field']:<20}{row['n']:>7}{row['right']:>7.2f}   {error:<28}  {'percent' if row['percent'] else 'in words'}")
    return "\n".join(lines)


def checked(answers: Iterable[Check], *, as_json: bool) -> int:
    """Print the doctor's answers, each as soon as it is there; 1 when something that is needed does not work."""
    broken = 0
    for check in answers:
        broken += check.state == "broken"
        if as_json:
            told = {"what": check.what, "state": check.state, "said": check.said, "advice": check.advice}
            print(json.dumps(told, ensure_ascii=False), flush=True)
        else:
            advice = f"\n{'':31}-> {check.advice}" if check.advice else ""
            print(f"{_MARKS[check.state]}  {check.what:<20} {check.said}{advice}", flush=True)
    return 1 if broken else 0
