"""Fills a record with frames that a machine judged and people corrected, for benchmarks of what reads it. Words only: no picture is behind them."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from annotations import opinions
from annotations.store import FILE, Store
from core.schema import Assessment, Box, Correction, Finding, Frame, Reply, Risk, Step, Value

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TOOLS, PARTS = ("hammer", "wrench", "drill", "pliers", "screwdriver", "none"), ("bolt", "plate", "bearing", "none")
ACTIONS, PHASES, LEVELS = ("strike", "tighten", "grasp", "none"), ("idle", "approach", "work", "finish"), ("none", "low", "medium", "high")


def populate(data: Path, frames: int, *, corrected: float = 0.0) -> None:
    """`frames` assessed frames over 60 days; a share of them corrected. The same every time."""
    dice = random.Random(7)
    with Store(data / FILE) as store, store.writing() as connection:
        for number in range(frames):
            at = BEGIN + timedelta(minutes=number * 86400 // frames)
            frame = Frame(hashlib.sha256(f"{number}".encode()).hexdigest(), 640, 480, f"{number}.jpg", "image/jpeg", at)
            opinions.add_frame(connection, frame, by="bench")
            said = _said(frame.id, dice)
            opinions.add_assessment(connection, said, uncertainty=dice.random(), at=at)
            if dice.random() < corrected:
                opinions.add_correction(connection, _told(said, dice), at=at + timedelta(hours=1))


def _said(frame_id: str, dice: random.Random) -> Assessment:
    boxes = [Box(x, y, x + 0.2, y + 0.2) for x, y in ((dice.random() * 0.7, dice.random() * 0.7) for _ in range(3))]
    step = Step(*(Value(dice.choice(terms), dice.random()) for terms in (TOOLS, PARTS, ACTIONS, PHASES)))
    findings = tuple(Finding(label, box, dice.random()) for label, box in zip(("hand", "hammer", "bolt"), boxes, strict=True))
    reply = Reply("{}", "scripted:0", "prompt", 0.1)
    return Assessment(frame_id, reply.model, reply.prompt_id, findings, step, (), Risk(dice.choice(LEVELS), {}, ("model",)), (), 0.1, reply)


def _told(said: Assessment, dice: random.Random) -> Correction:
    tool = said.step.tool.value if dice.random() < 0.8 else dice.choice(TOOLS)
    step = Step(Value(tool, None, "person"), *(Value(said.step[name].value, None, "confirmed") for name in ("part", "action", "phase")))
    findings = tuple(Finding(each.label, each.box, None, "confirmed") for each in said.findings)
    return Correction(said.frame_id, "li", 0, "reviewed", findings, step, (), Risk(said.risk.level, {}, (), "confirmed"), 4.0)
