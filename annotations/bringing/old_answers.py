"""Answers as older systems kept them: a step as JSON, tools with their guidance, a Chinese patrol report. Understood whole by the profile, or refused.

Prose around a JSON object is taken off (`simplified`); a Python literal is read as one, and no quote is ever replaced in a text: "it's" stays "it's".
"未发现明显违规行为" (no evident violation found) says that there is none, though the word for violation stands in it, and "非高风险" is no level.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from annotations.formats.heard import Heard, Hearing, unit
from core.errors import Malformed
from core.extraction import extract
from core.schema import FIELDS, Box

MOST = 100_000  # characters of an answer

NOTHING = frozenset({
    "未发现明显违规行为", "未发现违规行为", "未发现明显违规", "未发现违规", "没有发现违规行为", "无违规行为", "无明显违规行为",
    "no violation found", "no violations found", "no obvious violation found",
})  # fmt: skip
"""Whole answers that say that nothing is wrong, without the marks around them."""

_VERDICT = ("is_correct", "suggestion")
_GUIDANCE = ("primary_function", "usage_instructions", "safety_considerations")
_TOOL_LISTS = ("tools", "detections", "objects", "findings")
_TOOL_NAMES, _BOXES = ("tool", "label", "name", "class", "tool_name"), ("bbox", "bbox_2d", "box")
_REPORT: Mapping[str, str] = {
    alias: key
    for key, aliases in {
        "what": ("违规描述", "违规行为", "描述", "问题描述", "violation", "description"),
        "clause": ("违规条款", "条款", "依据", "违反条款", "法规依据", "clause", "rule"),
        "level": ("风险等级", "风险", "risk_level", "risk"),
        "fix": ("整改建议", "建议", "处理建议", "整改措施", "suggestion", "fix"),
    }.items()
    for alias in aliases
}
_REPORT_LISTS = ("violations", "违规", "违规列表")
_LINE = re.compile(r"^[\s\-*•\d.、()（）一二三四五六七八九十]*([\w ]{1,12}?)\s*[:：]\s*(.+?)\s*$")
_AROUND = " \t\r\n。.!！,，;；:：\"'“”"


def understood(place: str, text: str, hearing: Hearing, size: Sequence[int] | None) -> tuple[Heard, str]:
    """What an answer says, and what of it has no field here, as a note. `size`: pixels in which its boxes are; None: nobody knows.

    Raises Malformed, which begins with the place.
    """
    heard = Heard(reviewed=True)
    if _is_nothing(text):
        hearing.grade(place, "none", heard)
        return heard, ""
    said = simplified(text)
    tools = _tools_of(said)
    if tools is not None:
        return heard, _tools(place, tools, hearing, heard, size)
    if isinstance(said, dict) and _report_of(said) is not None:
        return heard, _report(place, _report_of(said) or [], hearing, heard)
    if isinstance(said, dict) and any(name in said for name in FIELDS):
        return heard, _step(place, said, hearing, heard)
    lines = _lines(text) if said is None else []
    if lines:
        return heard, _report(place, lines, hearing, heard)
    raise Malformed(f"{place}: nothing in this answer is understood ({text.strip()[:80]!r}). The frame was not taken.")


def simplified(text: str) -> Any:
    """The JSON value or Python literal of an answer, with the prose around it taken off; None: there is none that stands there whole.

    >>> simplified('Sure. The worker tightens: {"action": "Tighten"} Well done.')
    {'action': 'Tighten'}
    >>> simplified("{'tool': \\"it's a wrench\\"}")
    {'tool': "it's a wrench"}
    """
    if len(text) > MOST:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    else:
        return simplified(found) if isinstance(found, str) else found
    try:
        literal = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        cut = extract(text, lambda value: isinstance(value, dict | list))
        return cut.value if cut.how in ("strict", "cut") and not cut.twice else None
    return literal if isinstance(literal, dict | list) else None


def _is_nothing(text: str) -> bool:
    return " ".join(text.strip(_AROUND).casefold().split()) in NOTHING


def _step(place: str, said: Mapping[str, Any], hearing: Hearing, heard: Heard) -> str:
    heard.reviewed = False
    rest = {key: value for key, value in said.items() if key not in (*FIELDS, "risk")}
    strange = sorted(set(rest) - set(_VERDICT))
    if strange:
        raise Malformed(f'{place}: "{str(strange[0])[:60]}" means nothing here. The frame was not taken.')
    for name in FIELDS:
        if name in said:
            hearing.step(place, {name: _word(place, name, said[name])}, heard)
    if "risk" in said:
        hearing.grade(place, _word(place, "risk", said["risk"]), heard)
    return "; ".join(f"{key}: {value}" for key, value in rest.items())


def _tools_of(said: Any) -> list[Any] | None:
    """The tools of an answer: a list of them, an object that holds such a list, or one tool with its guidance or its box."""
    if isinstance(said, list):
        return said if said and all(isinstance(each, dict) and _first(each, _TOOL_NAMES) for each in said) else None
    if not isinstance(said, dict):
        return None
    inner = next((said[name] for name in _TOOL_LISTS if name in said and len(said) == 1), None)
    if isinstance(inner, list):
        return inner
    alone = any(name in said for name in (*_GUIDANCE, *_BOXES)) and _first(said, _TOOL_NAMES) is not None
    return [said] if alone else None


def _tools(place: str, tools: Sequence[Any], hearing: Hearing, heard: Heard, size: Sequence[int] | None) -> str:
    notes = []
    for number, each in enumerate(tools, start=1):
        where = f"{place}, tool {number}"
        name = _first(each, _TOOL_NAMES) if isinstance(each, dict) else None
        if name is None:
            raise Malformed(f"{where}: a tool has a name. The frame was not taken.")
        box = _first(each, _BOXES)
        strange = sorted(set(each) - {name, box, *_GUIDANCE} - {None})
        if strange:
            raise Malformed(f'{where}: "{str(strange[0])[:60]}" means nothing here. The frame was not taken.')
        heard.findings.append(hearing.finding(where, _word(where, name, each[name]), _box(where, each[box], size) if box else None))
        guidance = {key: each[key] for key in _GUIDANCE if key in each}
        if guidance:
            notes.append(orjson.dumps({"tool": each[name], **guidance}).decode())
    return "\n".join(notes)


def _box(place: str, numbers: Any, size: Sequence[int] | None) -> Box:
    if size is None:
        raise Malformed(
            f"{place}: the picture is not at hand, so nobody knows how large the frame is in which this box lies. The frame was not taken."
        )
    if not isinstance(numbers, list) or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise Malformed(f"{place}: a box is four numbers. The frame was not taken.")
    return unit(place, numbers, (float(size[0]), float(size[1])))


def _report_of(said: Mapping[str, Any]) -> list[Any] | None:
    inner = next((said[name] for name in _REPORT_LISTS if name in said), None)
    if isinstance(inner, list) and len(said) == 1:
        return inner
    return [said] if {_REPORT.get(str(key)) for key in said} >= {"what", "level"} else None


def _lines(text: str) -> list[dict[str, str]]:
    """A report in lines, a dict a violation; empty when a line of it is none that we know."""
    found: list[dict[str, str]] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _LINE.match(line)
        key = _REPORT.get(match[1].strip()) if match else None
        if match is None or key is None:
            return []
        if not found or key in found[-1]:
            found.append({})
        found[-1][key] = match[2]
    return found


def _report(place: str, violations: Sequence[Any], hearing: Hearing, heard: Heard) -> str:
    """Violations with their clause, level and fix. The frame is as dangerous as the worst of them."""
    notes, worst = [], -1
    levels = hearing.profile.levels
    for number, each in enumerate(violations, start=1):
        where = f"{place}, violation {number}"
        if not isinstance(each, dict):
            raise Malformed(f"{where}: a violation has a description and a level. The frame was not taken.")
        told = {_REPORT.get(str(key), str(key)): value for key, value in each.items()}
        strange = sorted(set(told) - set(_REPORT.values()))
        if strange or not isinstance(told.get("what"), str):
            raise Malformed(
                f"{where}: {f'{strange[0][:60]!r} means nothing here' if strange else 'nothing is described'}. The frame was not taken."
            )
        if _is_nothing(told["what"]):
            continue
        heard.hazards.append(hearing.hazard(where, told["what"].strip(_AROUND)))
        if "level" in told:
            one = Heard()
            hearing.grade(where, _word(where, "level", told["level"]).strip(_AROUND), one)
            worst = max(worst, levels.index(one.level) if one.level is not None else -1)
        notes.append("; ".join(str(told[key]) for key in ("clause", "fix") if key in told))
    if heard.hazards:
        heard.level = levels[worst] if worst >= 0 else None
    else:
        hearing.grade(place, "none", heard)
    return "\n".join(note for note in notes if note)


def _word(place: str, name: str, said: Any) -> str:
    if not isinstance(said, str):
        raise Malformed(f"{place}: {name} is a word. The frame was not taken.")
    return said


def _first(said: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in said), None)
