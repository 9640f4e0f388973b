"""Makes exported training sets for tests: frames with drawn rectangles, true answers, and answers that are a little wrong."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import answers, prompts, sft
from core.geometry import FAMILIES, BoxFormat, Size, smart_resize
from core.judging import judge
from core.profile import Profile, read
from core.schema import Box, Finding, Risk

PROFILE = Path(__file__).parents[1] / "assets" / "profiles" / "bench.toml"
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "hammer": (200, 40, 40),
    "wrench": (40, 160, 60),
    "bolt": (60, 60, 210),
    "plate": (190, 180, 50),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame that was drawn, and what is on it."""

    content: bytes
    size: Size
    findings: tuple[Finding, ...]

    @property
    def id(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def drawn(seed: int, fmt: BoxFormat, size: Size = (160, 120)) -> Drawn:
    """One to three coloured rectangles on grey noise; of the size at which a family that writes pixels would look at it."""
    dice = np.random.default_rng(seed)
    if fmt.resized:
        size = smart_resize(size, fmt.factor, fmt.min_pixels, fmt.max_pixels)
    pixels = dice.integers(90, 120, (size[1], size[0], 3), dtype=np.uint8)
    findings = []
    for label in dice.choice(sorted(COLOURS), int(dice.integers(1, 4)), replace=False):
        x, y = dice.uniform(0.02, 0.6, 2)
        box = Box(float(x), float(y), float(x + dice.uniform(0.15, 0.35)), float(y + dice.uniform(0.15, 0.35)))
        pixels[int(box.y0 * size[1]) : int(box.y1 * size[1]), int(box.x0 * size[0]) : int(box.x1 * size[0])] = COLOURS[str(label)]
        findings.append(Finding(str(label), box))
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=95)
    return Drawn(encoded.getvalue(), size, tuple(findings))


def exported(
    out: Path,
    *,
    family: str = "compact",
    train: int = 8,
    test: int = 4,
    profile: Profile | None = None,
    size: Size = (160, 120),
    first: int = 0,
) -> Path:
    """A set of two parts as `annotations.datasets` writes it, with samples, pairs and verdicts."""
    words = profile or read(PROFILE)
    fmt = FAMILIES[family]
    prompt = prompts.build(words, "brief" if family == "compact" else "full", fmt)
    about: dict[str, Any] = {
        "made_by": "gembalens",
        "profile": {"key": words.key, "version": words.version},
        "prompt_id": prompt.id,
        "schema_id": prompt.schema_id,
        "coordinates": {"family": family},
    }
    for name, many, start in (("train", train, first), ("test", test, first + 10_000)):
        if many:
            _part(out / name, [drawn(start + n, fmt, size) for n in range(many)], about, prompt.text, words, fmt)
    parts = {"train": train, "validation": 0, "test": test}
    (out / sft.MANIFEST).write_text(json.dumps({**about, "dataset": {"name": out.name, "digest": "d" * 64}, "parts": parts}), "utf-8")
    return out


def answer(findings: Sequence[Finding], profile: Profile, fmt: BoxFormat, size: Size) -> str:
    """What the rules make of findings, as a model of the family would write it."""
    said = judge(findings, profile)
    return answers.write(findings, said.step, said.violations, Risk(said.level), profile, fmt, size)


def _part(folder: Path, frames: Sequence[Drawn], about: Mapping[str, Any], prompt: str, profile: Profile, fmt: BoxFormat) -> None:
    (folder / "frames").mkdir(parents=True)
    known: dict[str, Any] = {}
    lines: dict[str, list[str]] = {sft.SAMPLES: [], sft.PAIRS: [], sft.VERDICTS: []}
    question = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
    for scene, frame in enumerate(frames, start=int.from_bytes(folder.name.encode()[:2]) * 1000):
        image = f"frames/{frame.id}.jpg"
        (folder / image).write_bytes(frame.content)
        known[frame.id] = {
            "image": image, "width": frame.size[0], "height": frame.size[1], "sha256": frame.id, "revision": 1, "scene": scene
        }  # fmt: skip
        good = answer(frame.findings, profile, fmt, frame.size)
        bad = answer(frame.findings[:-1], profile, fmt, frame.size)
        told = {name: [{"role": "assistant", "content": [{"type": "text", "text": text}]}] for name, text in (("good", good), ("bad", bad))}
        lines[sft.SAMPLES].append(json.dumps({"messages": [*question, *told["good"]], "images": [image]}))
        lines[sft.PAIRS].append(json.dumps({"images": [image], "prompt": question, "chosen": told["good"], "rejected": told["bad"]}))
        for name in ("good", "bad"):
            lines[sft.VERDICTS].append(
                json.dumps({"images": [image], "prompt": question, "completion": told[name], "label": name == "good"})
            )
    for file, said in lines.items():
        (folder / file).write_text("\n".join(said) + "\n", "utf-8")
    (folder / sft.MANIFEST).write_text(json.dumps({**about, "frames": known}), "utf-8")
