"""A part of a training set as the export writes it, made in a folder. Holds no test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from core.answers import write
from core.geometry import FAMILIES
from core.profile import Profile
from core.schema import Box, Finding, Risk, Step, Value, Violation
from tests import makers

SIZE = (64, 48)
HAMMERING = (
    (Finding("hammer", Box(0.1, 0.2, 0.5, 0.6)), Finding("bolt", Box(0.4, 0.5, 0.6, 0.7))),
    Step(Value("hammer"), Value("bolt"), Value("strike"), Value("work")),
    (Violation("tool_at_edge"),),
    Risk("low"),
)


def part(folder: Path, profile: Profile, frames: int = 3, *, family: str = "qwen2-vl", scenes: Sequence[int] = ()) -> Path:
    """`frames` frames in which a bolt is hammered, each of another grey; written for a family."""
    (folder / "frames").mkdir(parents=True)
    answer = write(*HAMMERING, profile, FAMILIES[family], SIZE)
    lines, known = [], {}
    for number in range(frames):
        frame = f"{number:064x}"
        (folder / f"frames/{frame}.jpg").write_bytes(makers.jpeg(*SIZE, colour=f"#{number + 40:02x}4040"))
        question = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is there?"}]}
        taught = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
        lines.append(orjson.dumps({"messages": [question, taught], "images": [f"frames/{frame}.jpg"]}) + b"\n")
        known[frame] = {"image": f"frames/{frame}.jpg", "width": SIZE[0], "height": SIZE[1]} | ({"scene": scenes[number]} if scenes else {})
    (folder / "sft.parts.jsonl").write_bytes(b"".join(lines))
    about = {"made_by": "gembalens", "profile": {"key": profile.key}, "coordinates": {"family": family}, "frames": known}
    (folder / "manifest.json").write_bytes(orjson.dumps(about))
    return folder
