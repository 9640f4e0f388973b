"""Exported folders for tests of the look through them: three parts with real frames and the files that `annotations.formats` writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from annotations.formats import sft_parts, sft_qwen, sft_tag
from core import answers, prompts
from core.geometry import FAMILIES, BoxFormat, smart_resize
from core.profile import read
from core.schema import Box, Finding, Risk, Sample, Step, Value, Violation
from core.settings import ASSETS
from tests.makers import encoded, picture

BENCH = read(ASSETS / "profiles" / "bench.toml")
PARTS = {"train": 4, "validation": 2, "test": 2}
STEP = Step(*(Value(value, said_by="person") for value in ("hammer", "bolt", "strike", "work")))


def box_of(number: int) -> Box:
    """Another one for each frame; those of neighbours overlap little."""
    x, y = number % 8 / 10, number % 7 / 10
    return Box(x, y, x + 0.3, y + 0.4)


def sample(folder: Path, number: int, fmt: BoxFormat, prompt: str, wanted: tuple[int, int], findings: int) -> tuple[Sample, dict[str, Any]]:
    """A frame file, its sample, and what the manifest says of it."""
    size = smart_resize(wanted, fmt.factor, fmt.min_pixels, fmt.max_pixels) if fmt.resized else wanted
    bits = [
        ((n % 8 * size[0] // 8, n // 8 * size[1] // 8, (n % 8 + 1) * size[0] // 8, (n // 8 + 1) * size[1] // 8), "navy") for n in range(64)
    ]
    shown = [rect for n, rect in enumerate(bits) if hashlib.sha256(f"{number} {n}".encode()).digest()[0] % 2]
    content = encoded(picture(*size, rects=shown), quality=80)
    frame_id = hashlib.sha256(f"frame {number}".encode()).hexdigest()
    image = f"frames/{frame_id}.jpg"
    (folder / image).write_bytes(content)
    found = tuple(Finding(label, box_of(number + n), said_by="person") for n, label in enumerate(("hammer", "bolt", "hand")[:findings]))
    violations = (Violation("tool_at_edge", "low", said_by="person"),) if number % 2 else ()
    answer = answers.write(found, STEP, violations, Risk("low" if violations else "none", said_by="person"), BENCH, fmt, size)
    listed = {
        "image": image,
        "width": size[0],
        "height": size[1],
        "sha256": hashlib.sha256(content).hexdigest(),
        "revision": 1,
        "scene": number,
    }
    return Sample(frame_id, image, *size, prompt, answer), listed


def part(
    folder: Path, numbers: range, *, family: str = "qwen3-vl", size: tuple[int, int] = (640, 480), findings: int = 2, files: bool = True
) -> None:
    """A part folder with these frames. `files`: all three, else only that of parts."""
    (folder / "frames").mkdir(parents=True)
    fmt = FAMILIES[family]
    prompt = prompts.build(BENCH, "brief" if family == "compact" else "full", fmt)
    made = [sample(folder, number, fmt, prompt.text, size, findings) for number in numbers]
    for form in (sft_parts, sft_tag, sft_qwen) if files else (sft_parts,):
        form.write([each for each, _ in made], folder)
    most = fmt.max_pixels if fmt.resized else None
    about = {
        "made_by": "gembalens",
        "profile": {"key": BENCH.key, "version": BENCH.version},
        "schema_id": prompt.schema_id,
        "prompt_id": prompt.id,
        "coordinates": {"family": family, "order": fmt.order, "scale": fmt.scale, "step": fmt.step, "max_pixels": most},
        "frames": {each.frame_id: listed for each, listed in made},
    }
    (folder / "manifest.json").write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2))


def whole(folder: Path, **more: Any) -> Path:
    """A set of three parts."""
    first = 0
    for name, n in PARTS.items():
        part(folder / name, range(first, first + n), **more)
        first += n
    (folder / "manifest.json").write_bytes(orjson.dumps({"made_by": "gembalens", "parts": PARTS}))
    return folder


def images(folder: Path) -> list[Path]:
    """The frame files of a part, in the order of its lines."""
    lines = (folder / "sft.parts.jsonl").read_bytes().splitlines()
    return [folder / orjson.loads(line)["images"][0] for line in lines]


def change_line(folder: Path, number: int, change: Callable[[dict[str, Any]], Any], file: str = "sft.parts.jsonl") -> None:
    """Change a line (from 1) of a file of JSON lines."""
    lines = [orjson.loads(line) for line in (folder / file).read_bytes().splitlines()]
    done = change(lines[number - 1])
    lines[number - 1] = lines[number - 1] if done is None else done
    (folder / file).write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))


def change_answer(folder: Path, number: int, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what the answer of a line of `sft.parts.jsonl` says; what `change` gives back, if anything, stands in its place as it is."""

    def on(line: dict[str, Any]) -> None:
        said = line["messages"][1]["content"][0]
        answer = orjson.loads(said["text"])
        done = change(answer)
        said["text"] = orjson.dumps(answer).decode() if done is None else done

    change_line(folder, number, on)


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest."""
    about = orjson.loads((folder / "manifest.json").read_bytes())
    change(about)
    (folder / "manifest.json").write_bytes(orjson.dumps(about))


def keys(found: tuple[Any, ...]) -> Mapping[str, str]:
    """Of defects the place of the first of each kind."""
    return {defect.key: defect.place for defect in reversed(found)}
