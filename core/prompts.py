"""What a model is asked: a text and the JSON Schema of its reply, both made from the profile. Asks nobody and reads no reply."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

import orjson

from core.answers import NOT_APPLICABLE
from core.geometry import BoxFormat
from core.profile import Hazard, Profile, Term
from core.settings import ASSETS

MAX_FINDINGS = 100
"""As many as a grammar lets a model say of one frame; a reply without a grammar may hold more."""

STYLES: Mapping[str, str] = {
    "brief": "brief.txt",  # for a model that was trained on this profile
    "full": "full.txt",  # for any other: names every term and rule
}

_MEANINGS: Mapping[str, str] = {
    "tool": "the one in the hand",
    "part": "the one that is being worked on",
    "action": "what the hand does",
    "phase": "how far the step is",
}
_TEXTS = ASSETS / "prompts"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question. `id` changes with every character of the text, of the schema and of the profile's rules; answers of different ids are never mixed."""

    id: str
    text: str
    schema_id: str
    schema: Mapping[str, Any]


def build(profile: Profile, style: str, fmt: BoxFormat) -> Prompt:
    """The prompt of a style for a profile. Raises KeyError for a style that is not there."""
    template = Template((_TEXTS / STYLES[style]).read_text(encoding="utf-8").strip())
    text = template.substitute(_words(profile, fmt))
    asked = schema(profile, fmt)
    written = orjson.dumps(asked)
    rules = repr(profile).encode()  # an answer is read and judged by them: under other rules it is another answer
    return Prompt(id=_short(b"\0".join((text.encode(), written, rules))), text=text, schema_id=_short(written), schema=asked)


def schema(profile: Profile, fmt: BoxFormat) -> dict[str, Any]:
    """JSON Schema of a reply: flat, what is seen before what is judged, every key in the order of saying, only enums and bounded numbers and lists.

    Whole frame findings have no box. Steps of more than 1 are taught, not forced: a number between them is still understood.
    """
    corner = {"type": "integer" if fmt.most > 1 else "number", "minimum": 0, "maximum": int(fmt.most)}
    finding = {
        "type": "object",
        "properties": {
            "box": {"type": "array", "items": corner, "minItems": 4, "maxItems": 4},
            "label": {"type": "string", "enum": [term.key for term in profile.labels]},
        },
        "required": ["label"],
        "additionalProperties": False,
    }
    properties: dict[str, Any] = {"findings": {"type": "array", "items": finding, "maxItems": MAX_FINDINGS}}
    for name in profile.fields:
        properties[name] = {"type": "string", "enum": [term.key for term in profile.terms(name)]}
    hazards = [hazard.key for hazard in profile.hazards]
    hazard = {"type": "string", "enum": hazards} if hazards else {"type": "string"}  # an empty enum is no schema
    properties["violations"] = {"type": "array", "items": hazard, "maxItems": len(hazards)}
    properties["risk"] = {"type": "string", "enum": list(risk_words(profile))}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def risk_words(profile: Profile) -> tuple[str, ...]:
    """What may stand for the risk: the levels, and a word for "not such a frame" where the profile knows such frames."""
    return (*profile.levels, NOT_APPLICABLE) if profile.not_applicable else profile.levels


def _words(profile: Profile, fmt: BoxFormat) -> dict[str, str]:
    """What the templates may name."""
    fields = "".join(f'"{name}":"...",' for name in profile.fields)
    return {
        "name": profile.names["en"].lower(),
        "labels": _listed(profile.labels),
        "fields": "\n".join(f"{name} ({_MEANINGS[name]}): {_listed(profile.terms(name))}" for name in profile.fields),
        "hazards": "\n".join(_hazard(hazard) for hazard in profile.hazards),
        "levels": " | ".join(risk_words(profile)),
        "not_applicable": _not_applicable(profile),
        "corners": ",".join(("x0", "y0", "x1", "y1") if fmt.order == "xyxy" else ("y0", "x0", "y1", "x1")),
        "unit": "whole pixels of the picture" if fmt.scale is None else f"{fmt.scale:g}ths of the picture's width and height",
        "shape_of_fields": fields,
    }


def _listed(terms: tuple[Term, ...]) -> str:
    return ", ".join(term.key if term.name("en").casefold() == term.key else f"{term.key} ({term.name('en')})" for term in terms)


def _hazard(hazard: Hazard) -> str:
    return f"{hazard.key} [{hazard.risk}]: {hazard.name('en')}"


def _not_applicable(profile: Profile) -> str:
    if not profile.not_applicable:
        return ""
    keys = " or ".join(f'"{key}"' for key in profile.not_applicable)
    return f'\nIf the picture is not of a {profile.names["en"].lower()} at all, the only finding is {keys}, without a box, and risk is "{NOT_APPLICABLE}".'


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
