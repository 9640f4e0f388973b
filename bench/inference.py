"""Frames a second of the compact model on a CPU: one by one and in batches, guided and free, beside a plain `generate` loop over the same frames in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from bench.measure import Row, median
from core.backends.folder import read_folder
from core.backends.local import LocalModel
from core.compact.ship import write_scenes
from core.profile import read
from core.prompts import Prompt, build
from core.schema import Reply
from core.settings import ASSETS

FRAMES = 64
THREADS = 2


def measure(work: Path, runs: int) -> list[Row]:
    """Wall milliseconds a frame, everything from the picture to the words; all must say the same words, or this stops."""
    profile = read(ASSETS / "profiles" / "bench.toml")
    write_scenes(work, ASSETS / "frames" / "tools_bench", profile, FRAMES)
    pictures = [Image.open(file).convert("RGB") for file in sorted((work / "images").iterdir())]
    folder = read_folder(ASSETS / "models" / "compact")
    guided = LocalModel(replace(folder, guided=True), THREADS)
    free = LocalModel(folder, THREADS)
    prompt = build(profile, guided.prompt_style, guided.box_format)
    cases: dict[str, Callable[[], list[str]]] = {"plain": lambda: plain(free, pictures, prompt)}
    for batch in (1, 8, 16):
        cases[f"guided {batch}"] = lambda batch=batch: ours(guided, pictures, prompt, batch)  # type: ignore[misc]
    cases["free 8"] = lambda: ours(free, pictures, prompt, 8)
    times: dict[str, list[float]] = {name: [] for name in cases}
    words: dict[str, list[str]] = {}
    for turn in range(runs + 1):  # the first only warms
        for name, case in cases.items():
            began = time.perf_counter()
            words[name] = case()
            if turn:
                times[name].append(1000 * (time.perf_counter() - began) / FRAMES)
    for name, said in words.items():
        other = sum(a != b for a, b in zip(said, words["plain"], strict=True))
        if other:
            raise SystemExit(f"{name}: {other} of {FRAMES} replies differ from those of the plain loop")
    middle = {name: median(each) for name, each in times.items()}
    return [
        row(f"a frame, one by one ({1000 / middle['guided 1']:.0f} a second)", middle["guided 1"], middle["plain"], runs),
        row(f"a frame, batches of 8 ({1000 / middle['guided 8']:.0f} a second)", middle["guided 8"], middle["plain"], runs, goal=1 / 4),
        row(f"a frame, batches of 16 ({1000 / middle['guided 16']:.0f} a second)", middle["guided 16"], middle["plain"], runs, goal=1 / 6),
        Row("guided, batches of 8", middle["guided 8"], middle["free 8"], "the same without a grammar", "ms", runs, goal=1.15),
    ]


def row(what: str, mine: float, theirs: float, runs: int, goal: float | None = None) -> Row:
    """Against the plain loop."""
    return Row(what, mine, theirs, "transformers' generate, one by one", "ms", runs, goal=goal)


def ours(model: LocalModel, pictures: Sequence[Image.Image], prompt: Prompt, batch: int) -> list[str]:
    """As the worker asks: the model cuts what it is given into batches."""
    model._loaded.folder = replace(model._loaded.folder, batch=batch)
    return [answer.text if isinstance(answer, Reply) else str(answer) for answer in model.ask_many(pictures, prompt)]


def plain(model: LocalModel, pictures: Sequence[Image.Image], prompt: Prompt) -> list[str]:
    """What anybody would write first: prepare, generate, decode, the next frame."""
    import torch

    loaded = model._loaded
    said = []
    for picture in pictures:
        asked = loaded.prepare([picture], prompt.text)
        with torch.inference_mode():
            out = loaded.net.generate(**asked, do_sample=False, max_new_tokens=loaded.folder.most_tokens)
        said.append(loaded.processor.tokenizer.decode(out[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))
    return said
