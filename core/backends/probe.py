"""What a model that is to be used can do, asked of it once: does it answer, what do its log-probabilities mean, in which frame are its boxes.

The answers are words for people, kept beside its entry (`core.backends.catalogue.Checked`). Changes no entry and activates nothing.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Literal

import orjson

from core import framecheck
from core.backends.catalogue import Checked
from core.errors import ModelError
from core.extraction import extract
from core.framecheck import COLOURS, UNTOLD, Corners, Fit, Known, Told, convention_of, drawn
from core.pixels import upright
from core.prompts import Prompt, build
from core.schema import Box, Reply
from core.settings import ASSETS

if TYPE_CHECKING:
    from PIL import Image

    from core.backends.base import Backend
    from core.evaluation.run import Truth
    from core.geometry import BoxFormat
    from core.profile import Profile

ANNOTATED: Mapping[str, Path] = {"bench": ASSETS / "frames" / "tools_bench"}
"""Profile -> a folder with `annotations.coco.json`, `test.coco.json` and `images/`; a model of another profile is shown rectangles."""

PICTURES = ((1024, 768), (2048, 1536), (4096, 3072))
"""Pixels of the pictures with which the limit is looked for."""

SURE = 0.98  # of the probability among all: so much on two words that nobody would say here means that a grammar has left no others
_SHAPES = ((4, 3), (16, 9), (1, 1))  # of annotated frames, each at its own size and at three times that
_KEPT = 0.9  # of a box that must be inside a crop for it to be looked for there
_CROWD = 8  # boxes; frames with more are left out
_BOX_KEYS, _LABEL_KEYS = ("box", "bbox", "bbox_2d", "coordinates"), ("label", "class", "category", "color", "colour")

_A_OR_B = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["A", "B"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
_SAID = re.compile(r'"answer"\s*:\s*"([AB])"')

Masked = Literal["masked", "raw", "unknown", "none"]
"""Log-probabilities are shares of what the grammar allowed; of everything; nobody can say; there are none."""


@dataclass(frozen=True, slots=True)
class Found:
    """A probe's result, and what was seen on the way. `fit` None: no picture with known boxes could be shown."""

    checked: Checked
    masked: Masked = "none"
    fit: Fit | None = None
    largest: tuple[int, int] | None = None  # pixels of the largest picture that was answered


@dataclass(slots=True)
class _Course:
    """One probe on its way: what was asked, and what came of it."""

    backend: Backend
    findings: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def ask(self, picture: Image.Image, prompt: Prompt) -> Reply:
        reply = self.backend.ask(picture, prompt)
        self.seconds.append(reply.seconds)
        return reply


def probe(name: str, backend: Backend, profile: Profile, *, at: datetime) -> Checked:
    """Ask `backend` some ten questions. Never raises ModelError: a model that does not answer has not passed."""
    return look(name, backend, profile, at=at).checked


def look(
    name: str,
    backend: Backend,
    profile: Profile,
    *,
    at: datetime,
    known: Sequence[Known] = (),
    seen: Callable[[int, int], None] = lambda done, of: None,
) -> Found:
    """As `probe`, with what was seen. `known`: pictures with known boxes of this profile to take instead, as 10 to 20 reviewed frames."""
    course = _Course(backend)
    findings = course.findings
    findings["declared"] = convention_of(backend.box_format).words

    def found(passed: bool, masked: Masked = "none", fit: Fit | None = None, largest: tuple[int, int] | None = None) -> Found:
        return Found(Checked(backend.model, passed, at.astimezone(UTC).isoformat(timespec="seconds"), dict(findings)), masked, fit, largest)

    try:
        reply = course.ask(_noise((640, 480)), _irrelevant())
    except ModelError as error:
        findings["answers"] = f"no: {error}"
        return found(False)
    masked = _masks(reply, findings, guided=":guided" in backend.model)
    largest = _limit(course)
    fit = None
    try:
        for pictures, prompt, key_of in _sources(backend, profile, known):
            fit = framecheck.fit(_shown(course, pictures, prompt, key_of, largest, seen), backend.box_format)
            if fit.verdict != "undecided":
                break
    except ModelError as error:
        findings["answers"] = f"not always, so its boxes were not checked: {error}"
        return found(False, masked, None, largest)
    findings["answers"] = f"yes, in {statistics.median(course.seconds):.1f} s (median of {len(course.seconds)})"
    none = f"{UNTOLD}: the profile {profile.key} has no frames with known boxes here, and {name} knows no others"
    findings["frame"] = fit.words if fit else none
    if fit and fit.scale:
        findings["scale"] = f"{fit.scale[0]:.4f} x {fit.scale[1]:.4f}"
    return found(fit is not None and fit.verdict == "fits", masked, fit, largest)


def annotated(profile: Profile, count: int = 12, seed: int = 7) -> tuple[Known, ...]:
    """Frames of a profile with boxes drawn by people, in three shapes and two sizes; none where no such frames lie here.

    Those that measure how good a model is are left out: to look at them here would wear them out.
    """
    folder = ANNOTATED.get(profile.key)
    if folder is None or not all((folder / name).is_file() for name in ("annotations.coco.json", "test.coco.json")):
        return ()
    from core.evaluation.run import read_truth

    kept = {truth.file for truth in read_truth(folder / "test.coco.json", None, profile)[1]}
    truths = read_truth(folder / "annotations.coco.json", None, profile)[1]
    usable = [truth for truth in truths if truth.file not in kept and 2 <= len(truth.findings) <= _CROWD]
    chosen = random.Random(seed).sample(usable, min(count, len(usable)))
    return tuple(_cropped(truth, folder / "images", _SHAPES[at % 3], 1 + 2 * (at % 2)) for at, truth in enumerate(chosen))


def rectangles(fmt: BoxFormat) -> Prompt:
    """The question about drawn rectangles, for a model that was taught no profile. Numbers are free: it shall write what it would write."""
    text = Template((ASSETS / "prompts" / "rectangles.txt").read_text("utf-8").strip()).substitute(
        labels=", ".join(COLOURS),
        corners=",".join(("x0", "y0", "x1", "y1") if fmt.order == "xyxy" else ("y0", "x0", "y1", "x1")),
        unit="whole pixels of the picture" if fmt.scale is None else f"{fmt.scale:g}ths of the picture's width and height",
    )
    finding: dict[str, Any] = {"type": "object", "properties": {"box": _corners(), "label": {"type": "string", "enum": list(COLOURS)}}}
    finding |= {"required": ["box", "label"], "additionalProperties": False}
    findings = {"type": "array", "items": finding, "maxItems": 2 * len(COLOURS)}
    return _prompt(text, {"type": "object", "properties": {"findings": findings}, "required": ["findings"], "additionalProperties": False})


def told(known: Known, text: str, key_of: Callable[[str], str | None]) -> Told:
    """What a reply says of a picture: every label that is known with four numbers, as they stand there; the rest is left out."""
    value = extract(
        text, lambda value: isinstance(value, list) or (isinstance(value, dict) and isinstance(value.get("findings"), list))
    ).value
    items = value if isinstance(value, list) else (value or {}).get("findings", [])
    said: list[tuple[str, Corners]] = []
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        numbers = next((item[key] for key in _BOX_KEYS if key in item), None)
        label = next((key_of(item[key]) for key in _LABEL_KEYS if isinstance(item.get(key), str)), None)
        if label is not None and isinstance(numbers, list) and len(numbers) == 4 and all(_is_number(n) for n in numbers):
            said.append((label, (float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[3]))))
    return Told(known.picture.size, known.true, tuple(said))


_Source = tuple[Sequence[Known], Prompt, Callable[[str], str | None]]


def _sources(backend: Backend, profile: Profile, known: Sequence[Known]) -> Iterator[_Source]:
    """Pictures with known boxes and how to ask about them, the surest first. A model that was taught one profile knows no rectangles."""
    if backend.prompt_style != "brief" and not known:
        yield drawn(), rectangles(backend.box_format), lambda said: said if said in COLOURS else None
    own = known or annotated(profile)
    if own:
        asked = build(profile, backend.prompt_style, backend.box_format)
        yield own, _prompt(asked.text, _freed(asked.schema)), lambda said: profile.key_of("label", said)


def _shown(
    course: _Course,
    pictures: Sequence[Known],
    prompt: Prompt,
    key_of: Callable[[str], str | None],
    largest: tuple[int, int] | None,
    seen: Callable[[int, int], None],
) -> list[Told]:
    """What the model says of each picture that is within its limit."""
    fitting = [one for one in pictures if largest is None or one.picture.width * one.picture.height <= largest[0] * largest[1]] or pictures[
        :1
    ]
    said = []
    for number, one in enumerate(fitting, 1):
        said.append(told(one, course.ask(one.picture, prompt).text, key_of))
        seen(number, len(fitting))
    return said


def _masks(reply: Reply, findings: dict[str, str], *, guided: bool) -> Masked:
    """Whether it keeps to a schema, gives log-probabilities, and what these are shares of."""
    kept = _SAID.search(reply.text)
    if guided:
        findings["schema"] = (
            "kept to" if kept else "asked for and not kept to: what answers does not know of it (at a server: response_format)"
        )
    else:
        findings["schema"] = "not asked for"
    if not reply.tokens:
        findings["logprobs"] = "none, so it cannot say how sure it is"
        return "none"
    findings["logprobs"] = f"yes, with the {max(len(token.top) for token in reply.tokens)} likeliest at each place"
    share = chance_of_a_or_b(reply)
    if not guided:
        findings["masked"] = "no: no grammar is used, they are shares of everything"
        return "raw"
    if share is None:
        findings["masked"] = "could not be told, taken for shares of everything"
        return "unknown"
    findings["masked"] = (
        f"yes: the only two allowed words have {share:.3f} together, so they are shares of what the grammar allows"
        if share >= SURE
        else f"no: the only two allowed words have {share:.3f} together, so they are shares of everything"
    )
    return "masked" if share >= SURE else "raw"


def chance_of_a_or_b(reply: Reply) -> float | None:
    """The probability of A and B together where one of them was said; None when that cannot be seen.

    Counted among the ways of writing that settle it there: a piece that ends before the letter settles nothing.
    """
    words = "".join(token.text for token in reply.tokens)
    where = _SAID.search(words)
    if where is None:
        return None
    start = 0
    for token in reply.tokens:
        if start + len(token.text) > where.start(1):
            break
        start += len(token.text)
    before, after = words[start : where.start(1)], words[where.end(1) :]
    chances = {text: math.exp(logprob) for text, logprob in (*token.top, (token.text, token.logprob)) if text}
    if len(chances) < 2:
        return None
    both = sum(p for text, p in chances.items() if len(text) > len(before) and any(f"{before}{x}{after}".startswith(text) for x in "AB"))
    unsettled = sum(p for text, p in chances.items() if before.startswith(text))
    return both / (1 - unsettled) if unsettled < 0.9 else None


def _limit(course: _Course) -> tuple[int, int] | None:
    """The largest picture that is answered, of a few; None when not even the smallest is."""
    largest = None
    for size in PICTURES:
        try:
            course.ask(_noise(size), _irrelevant())
        except ModelError as error:
            course.findings["picture"] = f"{_sized(largest)}; one of {_sized(size)} was not answered: {error}"
            return largest
        largest = size
    course.findings["picture"] = f"at least {_sized(largest)}"
    return largest


def _sized(size: tuple[int, int] | None) -> str:
    return f"{size[0]} x {size[1]} pixels" if size else "less than was tried"


def _irrelevant() -> Prompt:
    """A question to which neither A nor B is an answer, under a schema that allows only these."""
    return _prompt("Which day of the week follows Monday?", _A_OR_B)


def _noise(size: tuple[int, int]) -> Image.Image:
    """A picture that does not compress to nothing, as a photograph would not."""
    from PIL import Image

    grain = Image.frombytes("RGB", (size[0] // 8, size[1] // 8), random.Random(7).randbytes(size[0] // 8 * (size[1] // 8) * 3))
    return grain.resize(size, Image.Resampling.NEAREST)


def _cropped(truth: Truth, folder: Path, shape: tuple[int, int], times: int) -> Known:
    """The middle of an annotated frame in another shape and size, with the boxes that are still in it."""
    from PIL import Image

    picture = upright((folder / truth.file).read_bytes())
    width, height = picture.size
    w, h = min(width, height * shape[0] // shape[1]), min(height, width * shape[1] // shape[0])
    left, top = (width - w) // 2, (height - h) // 2
    part = picture.crop((left, top, left + w, top + h)).resize((w * times, h * times), Image.Resampling.BICUBIC)
    boxes = [(finding.label, finding.box.xyxy) for finding in truth.findings if finding.box]
    kept: list[tuple[str, Box]] = []
    for label, (x0, y0, x1, y1) in boxes:
        moved = ((x0 * width - left) / w, (y0 * height - top) / h, (x1 * width - left) / w, (y1 * height - top) / h)
        inside = tuple(min(1.0, max(0.0, corner)) for corner in moved)
        if (inside[2] - inside[0]) * (inside[3] - inside[1]) >= _KEPT * (moved[2] - moved[0]) * (moved[3] - moved[1]):
            kept.append((label, Box(*inside)))
    return Known(part, tuple(kept))


def _freed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A profile's schema under which a corner may be any number: which numbers come is the question."""
    free: dict[str, Any] = orjson.loads(orjson.dumps(schema))
    free["properties"]["findings"]["items"]["properties"]["box"] = _corners()
    return free


def _corners() -> dict[str, Any]:
    return {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


def _prompt(text: str, schema: Mapping[str, Any]) -> Prompt:
    written = orjson.dumps(schema)
    return Prompt(_short(text.encode() + b"\0" + written), text, _short(written), schema)


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
