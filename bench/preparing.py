"""A photograph of 12 megapixels until the model can look at it: decoded, resized, cut into patches. Ours beside the quickest decoders there are, each handing its pixels to the same processor."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from bench.ingest import SIZE, photograph
from bench.measure import Row, in_turns, median
from core.compact.network import CANVAS, on_canvas
from core.geometry import FAMILIES, BoxFormat, smart_resize
from core.pixels import upright

MERGE = 2  # patches a side that make one picture token
GOAL = 1.3


def measure(work: Path, runs: int) -> list[Row]:
    """CPU milliseconds of this process, one thread."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    cv2.setNumThreads(1)
    content = photograph()
    rows = []
    for family in ("qwen2.5-vl", "qwen3-vl", "compact"):
        fmt = FAMILIES[family]
        target = CANVAS if family == "compact" else smart_resize(SIZE, fmt.factor, fmt.min_pixels, fmt.max_pixels)
        processor = Qwen2VLImageProcessorPil(patch_size=fmt.factor // MERGE, merge_size=MERGE)
        limits = {"shortest_edge": fmt.min_pixels, "longest_edge": max(fmt.max_pixels, target[0] * target[1])}

        decoders: dict[str, Callable[[], Any]] = {"ours": partial(_ours, content, fmt, family)}
        decoders |= {name: partial(decode, content, target) for name, decode in OTHERS.items()}
        cases = {name: partial(_prepared, decode, processor, limits) for name, decode in decoders.items()}
        shapes = {name: case().shape for name, case in cases.items()}
        assert len(set(shapes.values())) == 1, shapes
        taken = in_turns(cases, runs)
        cpu = {name: 1000 * median([seconds for _, seconds in times]) for name, times in taken.items()}
        best = min(OTHERS, key=lambda name: cpu[name])
        rows += [
            Row(f"12 MP to {family}'s numbers, CPU", cpu["ours"], cpu[name], name, "ms", runs, goal=GOAL if name == best else None)
            for name in sorted(OTHERS, key=lambda name: cpu[name])
        ]
    return rows


def _prepared(decode: Callable[[], Any], processor: Any, limits: Mapping[str, int]) -> Any:
    return processor(images=[decode()], size=limits, return_tensors="np")["pixel_values"]


def _ours(content: bytes, fmt: BoxFormat, family: str) -> Any:
    """As `core.inspection` hands a frame to a model, and as a local model prepares it."""
    if fmt.resized:
        return upright(content, at=smart_resize(SIZE, fmt.factor, fmt.min_pixels, fmt.max_pixels))
    picture = upright(content, most_pixels=fmt.max_pixels)
    return Image.fromarray(on_canvas(np.asarray(picture))) if family == "compact" else picture


def _opencv(content: bytes, target: tuple[int, int]) -> Any:
    part = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
    most = max(n for n in part if all(edge // n >= wanted for edge, wanted in zip(SIZE, target, strict=True)))
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), part[most])
    assert picture is not None
    return cv2.cvtColor(cv2.resize(picture, target, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


def _simplejpeg(content: bytes, target: tuple[int, int]) -> Any:
    """libjpeg-turbo by its own scale factors of eighths, with its quick and coarse arithmetic."""
    picture = simplejpeg.decode_jpeg(content, "RGB", fastdct=True, fastupsample=True, min_width=target[0], min_height=target[1])
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA)


def _pillow(content: bytes, target: tuple[int, int]) -> Any:
    picture = Image.open(io.BytesIO(content))
    picture.draft("RGB", target)
    return picture.convert("RGB").resize(target, Image.Resampling.BICUBIC)


def _whole(content: bytes, target: tuple[int, int]) -> Any:
    """As most people write it."""
    return Image.open(io.BytesIO(content)).convert("RGB").resize(target, Image.Resampling.BICUBIC)


OTHERS: Mapping[str, Callable[[bytes, tuple[int, int]], Any]] = {
    "simplejpeg (libjpeg-turbo), area": _simplejpeg,
    "OpenCV reduced, area": _opencv,
    "Pillow draft, bicubic": _pillow,
    "Pillow whole, bicubic": _whole,
}
