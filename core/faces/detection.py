"""Where the faces are: every face that can be found is said, and what could not be examined is an error, never "no faces".

The network sees faces of 12 to 52 pixels, so a picture is looked at in several sizes: enlarged by half where it is small (5 megapixels at most), as it is up to
12.5 megapixels, and halved until nothing is left. Its weights ship with the house and are checked by their SHA-256 before they are read.
How many faces it misses stands in bench/results/faces.md; read that before promising anybody that they cannot be seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import ModelMissing, ModelUnfit
from core.faces.network import STRIDE, UNIT, build
from core.schema import Box
from core.settings import ASSETS

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = ASSETS / "models" / "faces"
THRESHOLD = 0.30
"""Least confidence that counts as a face: at .3 some two false alarms a bench frame are the price (of those that taught) for missing as few as may be."""

_ENLARGED, _WHOLE = 5e6, 12.5e6  # pixels up to which a picture is enlarged, and looked at without being reduced
_MOST_ENLARGED = 1.5
_NOBODY = 8.0  # pixels of height below which nobody can be recognised, and below which nothing is said
_TILE, _OVERLAP = 1536, 192  # pixels; one tile needs some 150 MB
_SAME = 0.35  # IoU from which two boxes are one face
_SMALLEST_SIDE = 24  # pixels of a reduced picture below which there is nothing to look at

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Face:
    """A face, chin to hairline and from side to side. Ears and hair lie outside."""

    box: Box
    confidence: float  # 0..1, not calibrated


def find_faces(picture: Image.Image, *, threshold: float = THRESHOLD, weights: Path = WEIGHTS) -> tuple[Face, ...]:
    """The faces of an upright RGB picture, the surest first. Raises ModelMissing or ModelUnfit when it cannot be examined."""
    network = loaded(weights)
    width, height = picture.size
    pixels = width * height
    scale = min(_MOST_ENLARGED, max((_ENLARGED / pixels) ** 0.5, min(1.0, (_WHOLE / pixels) ** 0.5)))
    found: list[Floats] = []
    reduced = picture.convert("RGB")
    while True:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if reduced.size != size:
            reduced = reduced.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
        shares = np.array([1 / size[0], 1 / size[1], 1 / size[0], 1 / size[1], 1], np.float32)
        found += [said * shares for said in _looked(network, np.asarray(reduced), threshold)]
        scale /= 2
        if min(width, height) * scale < _SMALLEST_SIDE:
            break
    rows = np.concatenate(found) if found else np.zeros((0, 5), np.float32)
    rows[:, :4] = rows[:, :4].clip(0, 1)
    rows = rows[(rows[:, 2] > rows[:, 0]) & ((rows[:, 3] - rows[:, 1]) * height >= _NOBODY)]
    return tuple(Face(Box(*(float(corner) for corner in row[:4])), float(row[4])) for row in _distinct(rows, (width, height)))


@lru_cache(maxsize=2)
def loaded(folder: Path = WEIGHTS) -> nn.Module:
    """The network with its weights; read once. Raises ModelMissing, and ModelUnfit for a file that is not the one that was measured."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        content = (folder / manifest["file"]).read_bytes()
        promised = manifest["sha256"]
    except OSError as error:
        raise ModelMissing(
            f"The face detector is missing: {Path(error.filename or folder).name} cannot be read. Bring back assets/models/faces; until then nothing is handed out that may show faces."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnfit("assets/models/faces/manifest.json cannot be understood. Bring back the folder as it was shipped.") from error
    if hashlib.sha256(content).hexdigest() != promised:
        raise ModelUnfit(
            "The face detector's weights are not those that were shipped. Bring back assets/models/faces; until then nothing is handed out that may show faces."
        )
    return _built(content)


def _built(content: bytes) -> nn.Module:
    """Normalisation folded into the convolutions and channels last: a third of the time."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    network = build()
    try:
        network.load_state_dict({name: value.float() for name, value in load(content).items()})
    except (RuntimeError, SafetensorError) as error:
        raise ModelUnfit("The face detector's weights do not fit its network. Bring back assets/models/faces as it was shipped.") from error
    network.eval()
    for part in list(network.modules()):
        if isinstance(part, torch.nn.Sequential) and len(part) == 3 and isinstance(part[1], torch.nn.BatchNorm2d):
            part[0], part[1] = fuse_conv_bn_eval(cast("torch.nn.Conv2d", part[0]), part[1]), torch.nn.Identity()
    for weight in network.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network


def _looked(network: nn.Module, pixels: NDArray[np.uint8], threshold: float) -> Iterator[Floats]:
    """Rows of x0, y0, x1, y1 in pixels and confidence, tile by tile."""
    import torch

    for y, x in ((y, x) for y in _starts(pixels.shape[0]) for x in _starts(pixels.shape[1])):
        tile = pixels[y : y + _TILE, x : x + _TILE]
        padded = np.pad(
            tile, (*((0, -edge % STRIDE) for edge in tile.shape[:2]), (0, 0)), mode="edge"
        )  # grey bands look like nothing it learned
        with torch.inference_mode():
            ready = (torch.from_numpy(padded).permute(2, 0, 1)[None].float() - 128) / 64
            said = network(ready.contiguous(memory_format=torch.channels_last))[0].float().numpy()
        if not np.isfinite(said).all():
            raise ModelUnfit("The face detector answered with what is no number, so this frame was not examined and is not handed out.")
        yield _boxes(said, threshold) + np.array([x, y, x, y, 0], np.float32)


def _starts(edge: int) -> list[int]:
    """Where tiles begin so that they overlap and the last ends with the picture."""
    if edge <= _TILE:
        return [0]
    count = -(-(edge - _OVERLAP) // (_TILE - _OVERLAP))
    return [round(number * (edge - _TILE) / (count - 1)) for number in range(count)]


def _boxes(said: Floats, threshold: float) -> Floats:
    sure = 1 / (1 + np.exp(-said[0].clip(-30, 30)))
    rows, columns = np.nonzero(sure >= threshold)
    dx, dy, wide, tall = said[1:, rows, columns]
    x, y = columns * STRIDE + STRIDE / 2 + dx * STRIDE, rows * STRIDE + STRIDE / 2 + dy * STRIDE
    wide, tall = np.exp(wide.clip(-3, 3)) * UNIT / 2, np.exp(tall.clip(-3, 3)) * UNIT / 2
    return np.stack([x - wide, y - tall, x + wide, y + tall, sure[rows, columns]], 1).astype(np.float32)


def _distinct(rows: Floats, size: tuple[int, int]) -> Floats:
    """One row a face: the surest of those that overlap."""
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept: list[Floats] = []
    while len(rows):
        best, rows = rows[0], rows[1:]
        kept.append(best)
        wide = (np.minimum(rows[:, 2], best[2]) - np.maximum(rows[:, 0], best[0])).clip(0)
        tall = (np.minimum(rows[:, 3], best[3]) - np.maximum(rows[:, 1], best[1])).clip(0)
        areas = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
        whole = areas + (best[2] - best[0]) * (best[3] - best[1]) - wide * tall
        rows = rows[wide * tall < _SAME * whole]
    return np.array(kept, np.float32).reshape(-1, 5)
