"""How the face detector learns and is written: `python -m core.faces.learn`. From drawn heads alone, seeded; what it wrote is what ships.

The photographs behind the heads are the bench frames that are not among the test frames: what is measured on those is measured on new ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from core.faces.heads import Head, draw_head
from core.faces.network import STRIDE, UNIT, build
from core.faces.patches import PATCH, Bytes, Floats, Patch, compose
from core.settings import ASSETS

if TYPE_CHECKING:
    import torch

FRAMES = ASSETS / "frames" / "tools_bench"
CELLS = PATCH // STRIDE
BATCH = 32


def background(folder: Path = FRAMES) -> list[Bytes]:
    """The bench photographs that nobody is tested on."""
    tested = {image["file_name"] for image in json.loads((folder / "test.coco.json").read_text("utf-8"))["images"]}
    files = [file for file in sorted((folder / "images").glob("*.jpg")) if file.name not in tested]
    return [np.asarray(Image.open(file).convert("RGB")) for file in files]


def targets(patch: Patch) -> Floats:
    """6 planes of CELLS x CELLS: is there a face (1, 0; -1 not judged), weight of the box, dx, dy, log w, log h."""
    planes = np.zeros((6, CELLS, CELLS), np.float32)
    rows, columns = np.mgrid[:CELLS, :CELLS].astype(np.float32) * STRIDE + STRIDE / 2
    for boxes, judged in ((patch.unsure, False), (patch.faces, True)):
        for x0, y0, x1, y1 in boxes:
            x, y, wide, tall = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
            away = np.maximum(np.abs(columns - x) / max(wide, tall * 0.6), np.abs(rows - y) / tall)
            planes[0][away < (0.5 if judged else 0.6)] = -1
            if judged:
                near = (away < 0.25) | (away == away.min())
                planes[:2, near] = 1
                planes[2:, near] = np.stack(
                    [(x - columns) / STRIDE, (y - rows) / STRIDE, *(np.full_like(rows, np.log(s / UNIT)) for s in (wide, tall))]
                )[:, near]
    return planes


def patches(seed: int, heads: Sequence[Head], frames: Sequence[Bytes]) -> Iterator[tuple[Bytes, Floats]]:
    dice = np.random.default_rng(seed)
    while True:
        patch = compose(dice, heads, frames)
        yield patch.pixels, targets(patch)


def loss(said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Focal for what is a face (few cells are), L1 for where."""
    import torch
    from torch.nn import functional

    judged, face = wanted[:, 0] >= 0, wanted[:, 0].clamp(min=0)
    plain = functional.binary_cross_entropy_with_logits(said[:, 0], face, reduction="none")
    missed = torch.exp(-plain)
    focal = (torch.where(face > 0, 0.6, 0.4) * (1 - missed) ** 1.5 * plain * judged).sum()
    place = ((said[:, 1:] - wanted[:, 2:]).abs() * wanted[:, 1:2]).sum() * 0.25
    return (focal + 0.3 * place) / wanted[:, 1].sum().clamp(min=1)


def learn(steps: int, heads: int, seed: int, save: Path, threads: int) -> None:
    """Train and write; written every 500 steps too, so that an early end leaves something."""
    import torch
    from torch.utils.data import DataLoader, IterableDataset

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    drawn = [draw_head(dice, behind=number % 12 == 0) for number in range(heads)]
    frames = background()

    class Stream(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[tuple[Bytes, Floats]]:
            return patches(seed + 1, drawn, frames)

    network = build()
    pupil = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    pace = torch.optim.lr_scheduler.OneCycleLR(pupil, 3e-3, total_steps=steps, pct_start=0.1)
    start, told = time.time(), 0.0
    for step, (pixels, wanted) in enumerate(DataLoader(Stream(), batch_size=BATCH, num_workers=1, prefetch_factor=8), 1):
        cost = loss(network(ready(pixels)), wanted)
        pupil.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2)
        pupil.step()
        pace.step()
        told = 0.98 * told + 0.02 * float(cost.detach()) if told else float(cost.detach())
        if step % 500 == 0 or step == steps:
            print(f"{step} steps, loss {told:.3f}, {time.time() - start:.0f} s", flush=True)
            write(network, save, {"steps": step, "heads": heads, "seed": seed})
        if step == steps:
            return


def ready(pixels: torch.Tensor) -> torch.Tensor:
    """N x H x W x 3 bytes -> what the network takes."""
    return (pixels.permute(0, 3, 1, 2).float() - 128) / 64


def write(network: torch.nn.Module, folder: Path, made: dict[str, int]) -> None:
    from safetensors.torch import save

    content = save({name: value.contiguous() for name, value in network.state_dict().items()})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faces.safetensors").write_bytes(content)
    manifest = {"file": "faces.safetensors", "sha256": hashlib.sha256(content).hexdigest(), "made_by": made}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=6500)
    parser.add_argument("--heads", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    learn(asked.steps, asked.heads, asked.seed, asked.folder, asked.threads)
