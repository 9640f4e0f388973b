"""How our words travel as JSON: out by one function, in by one that refuses with a sentence. Knows no server and no store."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from core.errors import AppError, Conflict, Malformed, OutOfTurn
from core.profile import Profile, Term
from core.schema import FIELDS, Assessment, Box, Correction, Finding, Frame, Reply, Risk, SaidBy, Step, Value, Verdict, Violation

if TYPE_CHECKING:
    from annotations.desk import Sheet

MAX_OBJECTS = 500  # findings, and violations, of one correction
MAX_NOTE = 4_000  # characters
MAX_NAME = 100  # characters of an author or a model's id
MAX_ACTIVE_SECONDS = 86_400.0

Calibrated = Callable[[Assessment], Mapping[str, float]]
"""The probabilities of an assessment that may be shown in percent, by place: "tool", "findings.0", "violations.1", "risk". A place that is
not there has no calibrator yet, or one with too few labels."""

_Word = TypeVar("_Word")
_PATH = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:\\|/)(?:[^\s/\\\"'`]+[/\\])+([^\s/\\\"'`]*)")


def to_json(word: object) -> Any:
    """A word of the house as plain JSON values: a box is [x0, y0, x1, y1] in 0..1, a time is ISO 8601, a reply goes without its tokens."""
    if word is None or isinstance(word, str | bool | int | float):
        return word
    if isinstance(word, Box):
        return list(word.xyxy)
    if isinstance(word, datetime):
        return (word.astimezone(UTC) if word.tzinfo else word).isoformat().replace("+00:00", "Z")
    if isinstance(word, Reply):
        return {"text": word.text, "model": word.model, "prompt_id": word.prompt_id, "seconds": word.seconds, "host": word.host}
    if isinstance(word, PurePath):
        return word.name
    if is_dataclass(word) and not isinstance(word, type):
        return {f.name: to_json(getattr(word, f.name)) for f in fields(word)}
    if isinstance(word, Mapping):
        return {str(key): to_json(value) for key, value in word.items()}
    if isinstance(word, Sequence | set | frozenset):
        return [to_json(each) for each in word]
    raise TypeError(f"{type(word).__name__} is no word that travels")


def assessment_json(assessment: Assessment, calibrated: Calibrated | None = None) -> dict[str, Any]:
    """An assessment with `certainty`: what may be said in percent, by place. Its own confidences stay as the model gave them."""
    sure = calibrated(assessment) if calibrated else {}
    return {**to_json(assessment), "certainty": {place: float(p) for place, p in sure.items() if 0 <= p <= 1}}


def sheet_json(sheet: Sheet, calibrated: Calibrated | None = None) -> dict[str, Any]:
    """All that is known of a frame, as `to_json` says it, its assessment with `certainty`."""
    said: dict[str, Any] = to_json(sheet)
    return {**said, "assessment": assessment_json(sheet.assessment, calibrated) if sheet.assessment else None}


def error_json(error: AppError) -> dict[str, Any]:
    """An error as a client sees it: the sentence, no folder of this machine; of a conflict both versions too."""
    said: dict[str, Any] = {"error": without_paths(str(error))}
    if isinstance(error, Conflict):
        said |= {"message": said["error"], "theirs": to_json(error.theirs), "yours": to_json(error.yours)}
    if isinstance(error, OutOfTurn) and error.theirs is not None:
        said |= {"theirs": to_json(error.theirs)}
    return said


def without_paths(sentence: str) -> str:
    """A sentence with every absolute path cut down to its last name.

    >>> without_paths("There is no profile x.toml in /srv/gemba/assets/profiles.")
    'There is no profile x.toml in profiles.'
    >>> without_paths("Nothing at /api/v1, sides 1/2, see https://example.org/a/b")
    'Nothing at v1, sides 1/2, see https://example.org/a/b'
    """
    return _PATH.sub(r"\1", sentence)


def inspection_line(frame: Frame, assessment: Assessment, file: str) -> dict[str, Any]:
    """The line that `launch.py inspect --json` prints for a frame. Scripts rely on its keys: grow it, never rename."""
    return {
        "frame_id": frame.id,
        "file": file,
        "width": frame.width,
        "height": frame.height,
        "findings": [{"label": f.label, "box": to_json(f.box), "confidence": f.confidence} for f in assessment.findings],
        "step": {
            n: {"value": assessment.step[n].value, "confidence": assessment.step[n].confidence} for n in ("action", "tool", "part", "phase")
        },
        "violations": [to_json(violation) for violation in assessment.violations],
        "risk": {
            "level": assessment.risk.level,
            "probabilities": dict(assessment.risk.probabilities),
            "reasons": list(assessment.risk.reasons),
        },
        "model": assessment.model,
        "prompt_id": assessment.prompt_id,
        "seconds": assessment.seconds,
        "dropped": [to_json(each) for each in assessment.dropped],
    }


def profile_json(profile: Profile, language: str) -> dict[str, Any]:
    """A profile as a form needs it: choices with their names in `language` and in all, hazards with level and fix."""

    def term(each: Term) -> dict[str, Any]:
        return {"key": each.key, "name": each.name(language), "names": dict(each.names), "kind": each.kind}

    return {
        "key": profile.key,
        "version": profile.version,
        "name": profile.names[language],
        "language": language,
        "levels": list(profile.levels),
        "labels": [term(label) for label in profile.labels],
        "fields": {name: [term(each) for each in profile.terms(name)] for name in profile.fields},
        "hazards": [
            {"key": h.key, "name": h.name(language), "names": dict(h.names), "risk": h.risk, "fix": h.fix(language)}
            for h in profile.hazards
        ],
        "not_applicable": list(profile.not_applicable),
    }


def correction_from_json(raw: object, profile: Profile, *, frame_id: str, author: str) -> Correction:
    """A correction out of a request's body. `author` stands when the body names none.

    Raises Malformed with a sentence that names the field; a key that is no term of the profile is refused, never guessed.
    """
    body = _mapping(raw, "the correction")
    unknown = set(body) - {f.name for f in fields(Correction)}
    if unknown:
        raise Malformed(f'"{sorted(unknown)[0][:60]}" is no part of a correction. Nothing was saved.')
    if body.get("frame_id", frame_id) != frame_id:
        raise Malformed("frame_id names another frame than the address does. Nothing was saved.")
    saw = body.get("saw_revision")
    if isinstance(saw, bool) or not isinstance(saw, int) or saw < 0:
        raise Malformed("saw_revision must be the whole number of the revision that was on the screen, 0 for none. Nothing was saved.")
    step = _mapping(body.get("step") or {}, "step")
    for name in step:
        if name not in profile.fields:
            raise Malformed(f'"{name[:60]}" is no field of the profile {profile.key}. Nothing was saved.')
    return Correction(
        frame_id=frame_id,
        author=_text(body.get("author"), "author", MAX_NAME) or author,
        saw_revision=saw,
        verdict=cast(Verdict, _one_of(body.get("verdict"), get_args(Verdict), "verdict")),
        findings=_each(body.get("findings"), "findings", lambda entry, at: _finding(entry, at, profile)),
        step=Step(**{name: _value(step.get(name), name, profile) for name in FIELDS}),
        violations=_each(body.get("violations"), "violations", lambda entry, at: _violation(entry, at, profile)),
        risk=_risk(body.get("risk"), profile),
        active_seconds=_number(body.get("active_seconds", 0.0), "active_seconds", 0.0, MAX_ACTIVE_SECONDS),
        note=_text(body.get("note"), "note", MAX_NOTE),
        saw_model=_text(body.get("saw_model"), "saw_model", 200) or None,
    )


def _finding(raw: object, at: str, profile: Profile) -> Finding:
    entry = _mapping(raw, at)
    label = _one_of(entry.get("label"), [term.key for term in profile.labels], f"{at}.label")
    return Finding(label, _box(entry.get("box"), f"{at}.box"), _confidence(entry.get("confidence"), at), _said_by(entry, at))


def _value(raw: object, name: str, profile: Profile) -> Value:
    if raw is None:
        return Value()
    at = f"step.{name}"
    entry = _mapping(raw, at)
    said = entry.get("value")
    value = None if said is None else _one_of(said, [term.key for term in profile.terms(name)], f"{at}.value")
    return Value(value, _confidence(entry.get("confidence"), at), _said_by(entry, at))


def _violation(raw: object, at: str, profile: Profile) -> Violation:
    entry = _mapping(raw, at)
    hazard = profile.hazard(_one_of(entry.get("hazard"), [h.key for h in profile.hazards], f"{at}.hazard"))
    risk = hazard.risk if entry.get("risk") is None else _one_of(entry["risk"], profile.levels, f"{at}.risk")
    rules = tuple(_text(rule, f"{at}.rules", 200) for rule in _list(entry.get("rules"), f"{at}.rules"))
    return Violation(
        hazard.key, risk, _box(entry.get("box"), f"{at}.box"), _confidence(entry.get("confidence"), at), rules, _said_by(entry, at)
    )


def _risk(raw: object, profile: Profile) -> Risk:
    if raw is None:
        return Risk(said_by="person")
    entry = _mapping(raw, "risk")
    level = None if entry.get("level") is None else _one_of(entry["level"], profile.levels, "risk.level")
    odds = _mapping(entry.get("probabilities") or {}, "risk.probabilities")
    probabilities = {
        _one_of(key, profile.levels, "risk.probabilities"): _number(p, f"risk.probabilities.{key}", 0.0, 1.0) for key, p in odds.items()
    }
    reasons = tuple(_text(reason, "risk.reasons", 400) for reason in _list(entry.get("reasons"), "risk.reasons"))
    return Risk(level, probabilities, reasons, _said_by(entry, "risk"))


def _box(raw: object, at: str) -> Box | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or len(raw) != 4:
        raise Malformed(f"{at} must be four numbers [x0, y0, x1, y1] between 0 and 1. Nothing was saved.")
    corners = [_number(c, at, -math.inf, math.inf) for c in raw]
    try:
        return Box(*corners)
    except ValueError as error:
        raise Malformed(f"{at} is {error}. Nothing was saved.") from error


def _mapping(raw: object, at: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise Malformed(f"{at} must be a JSON object. Nothing was saved.")
    return raw


def _list(raw: object, at: str) -> list[Any]:
    if raw is None:
        return []
    if not isinstance(raw, list) or len(raw) > MAX_OBJECTS:
        raise Malformed(f"{at} must be a list of at most {MAX_OBJECTS}. Nothing was saved.")
    return raw


def _each(raw: object, at: str, read: Callable[[object, str], _Word]) -> tuple[_Word, ...]:
    return tuple(read(entry, f"{at}[{i}]") for i, entry in enumerate(_list(raw, at)))


def _one_of(raw: object, choices: Sequence[str], at: str) -> str:
    if not isinstance(raw, str) or raw not in choices:
        said = f'"{raw[:60]}"' if isinstance(raw, str) else "what was sent"
        shown = ", ".join(choices) if len(choices) <= 8 else f"{', '.join(choices[:8])} ..."
        raise Malformed(f"{at}: {said} is not one of {shown}. Nothing was saved.")
    return raw


def _text(raw: object, at: str, longest: int) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str) or len(raw) > longest or "\x00" in raw:
        raise Malformed(f"{at} must be text of at most {longest} characters. Nothing was saved.")
    return raw.strip()


def _number(raw: object, at: str, low: float, high: float) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not low <= raw <= high:
        between = f" between {low:g} and {high:g}" if math.isfinite(low) else ""
        raise Malformed(f"{at} must be a number{between}. Nothing was saved.")
    return float(raw)


def _confidence(raw: object, at: str) -> float | None:
    return None if raw is None else _number(raw, f"{at}.confidence", 0.0, 1.0)


def _said_by(entry: Mapping[str, Any], at: str) -> SaidBy:
    return cast(SaidBy, _one_of(entry.get("said_by", "person"), get_args(SaidBy), f"{at}.said_by"))
