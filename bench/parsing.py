"""One answer of a model, read and checked to the last corner: as it was asked for, fenced, broken. Ours beside json with pydantic, msgspec and json_repair on the same words."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import json_repair
import msgspec
import pydantic

from bench.measure import Row, in_turns, median
from core.answers import write
from core.geometry import THOUSANDTHS
from core.parsing import parse_reply
from core.profile import Profile, read
from core.schema import Box, Finding, Risk, Step, Value, Violation
from core.settings import ASSETS

SIZE = (1280, 720)
TIMES = 300
"""Answers a run; what is told is of one."""


def answer(profile: Profile, things: int) -> str:
    """So many things on a bench. 16 of them make some 840 bytes; the compact model says 5 on the usual frame."""
    dice, found = random.Random(things), []
    for _ in range(things):
        x, y = dice.uniform(0, 0.7), dice.uniform(0, 0.7)
        found.append(Finding(dice.choice(profile.labels).key, Box(x, y, x + dice.uniform(0.1, 0.3), y + dice.uniform(0.1, 0.3))))
    step = Step(Value("hammer"), Value("bolt"), Value("strike"), Value("work"))
    return write(found, step, [Violation("tool_at_edge")], Risk("low"), profile, THOUSANDTHS, SIZE)


def measure(work: Path, runs: int) -> list[Row]:
    """CPU microseconds of one answer."""
    profile = read(ASSETS / "profiles" / "bench.toml")
    by_pydantic, by_msgspec = _pydantic(profile), _msgspec(profile)
    rows = []
    for things in (5, 16):
        good = answer(profile, things)
        pretty = f"```json\n{json.dumps(json.loads(good), indent=2)}\n```"
        broken = {
            "single quotes": good.replace('"', "'"),
            "cut off": good[: good.index('"violations"')],
            "commas too many": good.replace("}]", "},]"),
            "full-width signs": good.replace('"', "“").replace(":", "：").replace(",", "，"),
            "lines": _lines(good),
        }
        name = f"of {len(good)} bytes"
        rows += _rows(
            f"answer {name}",
            good,
            profile,
            {"json + pydantic": by_pydantic, "msgspec, not yet ours": by_msgspec, "json": json.loads},
            runs,
            10,
        )
        rows += _rows(f"fenced, in lines, {name}", pretty, profile, {"json_repair": json_repair.loads}, runs, 50)
        for how, words in broken.items():
            rows += _rows(f"{how}, {name}", words, profile, {"json_repair": json_repair.loads}, runs, 500)
    return rows


def _rows(what: str, words: str, profile: Profile, others: dict[str, Callable[[str], Any]], runs: int, goal: float) -> list[Row]:
    assert parse_reply(words, profile, THOUSANDTHS, SIZE).how != "unread", what
    readers = {"ours": lambda said: parse_reply(said, profile, THOUSANDTHS, SIZE), **others}
    taken = in_turns({name: partial(_often, read_one, words) for name, read_one in readers.items()}, runs)
    cpu = {name: 1e6 * median([seconds for _, seconds in times]) / TIMES for name, times in taken.items()}
    return [Row(what, cpu["ours"], cpu[name], name, "us", runs, absolute_goal=goal) for name in others]


def _often(read_one: Callable[[str], Any], words: str) -> None:
    for _ in range(TIMES):
        read_one(words)


def _lines(good: str) -> str:
    """The same in Markdown."""
    said = json.loads(good)
    things = "\n".join(f"- {thing['label']} {thing['box']}" for thing in said["findings"])
    fields = "\n".join(f"{key.capitalize()}: {said[key]}" for key in ("tool", "part", "action", "phase", "risk"))
    return f"## Findings\n{things}\n\n{fields}\nViolations: {', '.join(said['violations'])}"


def _keys(profile: Profile) -> dict[str, Any]:
    fields = {name: Literal[tuple(term.key for term in profile.terms(name))] for name in profile.fields}
    return {**fields, "risk": Literal[profile.levels]}


def _pydantic(profile: Profile) -> Callable[[str], Any]:
    corner = Annotated[int, pydantic.Field(ge=0, le=1000)]
    label: Any = Literal[tuple(term.key for term in profile.labels)]
    hazard: Any = Literal[tuple(hazard.key for hazard in profile.hazards)]
    finding = pydantic.create_model("Finding", box=(tuple[corner, corner, corner, corner] | None, None), label=(label, ...))
    fields: dict[str, Any] = {name: (kind, ...) for name, kind in _keys(profile).items()}
    reply = pydantic.create_model("Reply", findings=(list[finding], ...), violations=(list[hazard], ...), **fields)  # type: ignore[valid-type]
    return lambda words: reply.model_validate(json.loads(words))


def _msgspec(profile: Profile) -> Callable[[str], Any]:
    """The floor: checked, but no box in unit space, no word of ours, no key seen twice."""
    corner = Annotated[int, msgspec.Meta(ge=0, le=1000)]
    label: Any = Literal[tuple(term.key for term in profile.labels)]
    hazard: Any = Literal[tuple(hazard.key for hazard in profile.hazards)]
    finding = msgspec.defstruct("Finding", [("label", label), ("box", tuple[corner, corner, corner, corner] | None, None)])
    reply = msgspec.defstruct("Reply", [("findings", list[finding]), ("violations", list[hazard]), *_keys(profile).items()])  # type: ignore[valid-type]
    return msgspec.json.Decoder(reply).decode
