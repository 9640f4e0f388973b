"""Fills a record with frames that a machine judged and people corrected, for benchmarks of what reads it. As an import writes them, audit included.

Words only, unless `shown` asks for pictures: then so many frames, of which the machine was least sure and which the queue gives first, have one
that fills a screen, and all others a tiny one.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from PIL import Image

from annotations import opinions
from annotations.bringing import loading
from annotations.bringing.incoming import Incoming, Said, Told
from annotations.store import FILE, Store
from core.frames import Vault
from core.schema import Assessment, Box, Correction, Finding, Frame, Reply, Risk, Step, Value
from core.settings import ASSETS

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TOOLS, PARTS = ("hammer", "wrench", "drill", "pliers", "screwdriver", "none"), ("bolt", "plate", "bearing", "none")
ACTIONS, PHASES, LEVELS = ("strike", "tighten", "grasp", "none"), ("idle", "approach", "work", "finish"), ("none", "low", "medium", "high")
LABELS = ("hand", "hammer", "bolt", "wrench", "plate")
WORDS = (
    "the", "bolt", "on", "left", "plate", "is", "loose", "guard", "missing", "hammer", "head", "near", "hand", "gloves", "worn",
    "bench", "wet", "floor", "cable", "across", "drill", "not", "clamped",
)  # fmt: skip
SCREEN, TINY = (1280, 960), (32, 24)
AT_ONCE = 2000  # frames in a transaction
_Each = TypeVar("_Each")


def populate(data: Path, frames: int, *, corrected: float = 0.0, findings: int = 3, shown: int = 0) -> int:
    """`frames` assessed frames over 60 days; a share of them corrected. The same every time. How many corrections there are."""
    dice, pictures, told = random.Random(7), Pictures(data, shown), 0
    with Store(data / FILE) as store:
        for some in _portions(range(frames)):
            made = [brought(number, pictures, dice, corrected, findings, frames) for number in some]
            told += sum(len(each.told) for _, each in made)
            with store.writing() as connection:
                loading.load(connection, made, by="bench", now=BEGIN + timedelta(days=60))
    return told


def brought(number: int, pictures: Pictures, dice: random.Random, corrected: float, findings: int, frames: int) -> tuple[Frame, Incoming]:
    """One frame of so many, and what was said of it."""
    at = BEGIN + timedelta(minutes=number * 86400 // frames)
    name, size = pictures.keep(number)
    frame = Frame(name, *size, f"{number}.jpg", "image/jpeg", at)
    assessment, unsure, first = _said(name, dice, findings), dice.random(), number < pictures.shown
    said = Said(assessment, 0.99 + unsure / 200 if first else 0.98 * unsure, at)
    told = (Told(told_of(assessment, dice), at + timedelta(hours=1)),) if dice.random() < corrected and not first else ()
    return frame, Incoming(str(number), f"frames/{name}.jpg", frame.name, size, name, None, (said,), told)


def annotate(data: Path, notes: int) -> None:
    """A further correction with a note for so many frames, as if people had gone through all of them."""
    dice = random.Random(11)
    with Store(data / FILE) as store:
        with store.reading() as connection:
            ids = [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY seq LIMIT ?", (notes,))]
        for some in _portions(ids):
            with store.writing() as connection:
                for frame_id in some:
                    said, latest = opinions.assessment_of(connection, frame_id, tokens=False), opinions.correction_of(connection, frame_id)
                    assert said is not None
                    seen = 0 if latest is None or latest.revision is None else latest.revision
                    told = replace(told_of(said, dice, note(dice)), saw_revision=seen)
                    opinions.add_correction(connection, told, at=BEGIN + timedelta(days=61))


def note(dice: random.Random) -> str:
    """Some twelve words; one in a thousand speaks of a spanner."""
    rare = ["spanner"] if dice.random() < 1e-3 else []
    return " ".join([*dice.choices(WORDS, k=12), *rare])


class Pictures:
    """Files of frames, each with other bytes, put where the vault has them; not flushed one by one as the vault does, so that 100,000 are quick."""

    def __init__(self, data: Path, shown: int) -> None:
        self.shown = shown
        self._vault = Vault(data) if shown else None
        self._large, self._tiny = (picture(SCREEN), picture(TINY)) if shown else (b"", b"")

    def keep(self, number: int) -> tuple[str, tuple[int, int]]:
        """The id and the size of a frame."""
        if self._vault is None:
            return hashlib.sha256(f"{number}".encode()).hexdigest(), (640, 480)
        base, size = (self._large, SCREEN) if number < self.shown else (self._tiny, TINY)
        content = base + number.to_bytes(4, "big")  # after the end mark of a JPEG nothing is looked at
        name = hashlib.sha256(content).hexdigest()
        place = self._vault.place(name)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        return name, size


def picture(size: tuple[int, int]) -> bytes:
    """One of the frames that ship, at this size, as JPEG."""
    out = io.BytesIO()
    with Image.open(sorted((ASSETS / "samples").glob("*.jpg"))[0]) as small:
        small.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def _portions(whole: Sequence[_Each]) -> Iterator[Sequence[_Each]]:
    return (whole[begin : begin + AT_ONCE] for begin in range(0, len(whole), AT_ONCE))


def _said(frame_id: str, dice: random.Random, findings: int) -> Assessment:
    boxes = [Box(x, y, x + 0.2, y + 0.2) for x, y in ((dice.random() * 0.7, dice.random() * 0.7) for _ in range(findings))]
    step = Step(*(Value(dice.choice(terms), dice.random()) for terms in (TOOLS, PARTS, ACTIONS, PHASES)))
    seen = tuple(Finding(LABELS[number % len(LABELS)], box, dice.random()) for number, box in enumerate(boxes))
    reply = Reply("{}", "scripted:0", "prompt", 0.1)
    return Assessment(frame_id, reply.model, reply.prompt_id, seen, step, (), Risk(dice.choice(LEVELS), {}, ("model",)), (), 0.1, reply)


def told_of(said: Assessment, dice: random.Random, note: str = "") -> Correction:
    """What a person says after the machine: nearly the same."""
    tool = said.step.tool.value if dice.random() < 0.8 else dice.choice(TOOLS)
    step = Step(Value(tool, None, "person"), *(Value(said.step[name].value, None, "confirmed") for name in ("part", "action", "phase")))
    findings = tuple(Finding(each.label, each.box, None, "confirmed") for each in said.findings)
    return Correction(said.frame_id, "li", 0, "reviewed", findings, step, (), Risk(said.risk.level, {}, (), "confirmed"), 4.0, note)
