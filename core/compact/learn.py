"""How the compact model learns: first its eyes alone, then all of it. Seeded; can be killed at any moment and goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core.compact.lessons import Lesson, Material, lessons
from core.compact.pupil import Pupil, Recipe, collate

if TYPE_CHECKING:
    import torch


def batches(material: Material, pupil: Pupil) -> Iterator[dict[str, torch.Tensor]]:
    """Batches from where the pupil stands, made by a second process."""
    from torch.utils.data import DataLoader, IterableDataset

    recipe, first = pupil.recipe, pupil.shown

    class Stream(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Lesson]:
            return lessons(material, recipe.seed, first)

    loader = DataLoader(
        Stream(), batch_size=recipe.batch, num_workers=1, prefetch_factor=8, collate_fn=lambda taught: collate(taught, pupil)
    )
    yield from loader


def run(folder: Path, material: Material, recipe: Recipe, save_every: int = 200) -> Pupil:
    """Learn until all scenes were shown. `folder` keeps state and log; a second call goes on from the last saved state."""
    import torch
    from tqdm import tqdm

    torch.set_num_threads(1)  # a second thread adds a tenth; the other core makes scenes
    folder.mkdir(parents=True, exist_ok=True)
    pupil = Pupil(recipe, material.stock.profile)
    state = folder / "state.pt"
    if state.exists():
        _restore(pupil, state)
    losses: dict[str, list[float]] = {}
    log, since, seen_at = folder / "log.jsonl", time.time(), pupil.shown
    bar = tqdm(total=recipe.scenes, initial=pupil.shown, unit=" scenes", smoothing=0.05, mininterval=5)
    for number, batch in enumerate(batches(material, pupil), 1):
        for name, value in pupil.learn(batch).items():
            losses.setdefault(name, []).append(value)
        bar.update(recipe.batch)
        done = pupil.shown >= recipe.scenes
        if number % save_every == 0 or done:
            means = {name: round(sum(values) / len(values), 4) for name, values in losses.items()}
            entry = {"scenes": pupil.shown, **means, "scenes_per_second": round((pupil.shown - seen_at) / (time.time() - since), 2)}
            with log.open("a", encoding="utf-8") as out:
                out.write(json.dumps(entry) + "\n")
            bar.set_postfix(means)
            losses, since, seen_at = {}, time.time(), pupil.shown
            _keep(pupil, state)
        if done:
            break
    bar.close()
    return pupil


def _keep(pupil: Pupil, path: Path) -> None:
    """Write the state beside itself and rename: a kill leaves the old one or the new one."""
    import torch

    fresh = path.with_suffix(".new")
    parts = {"net": pupil.net, "head": pupil.head, **{f"optimizer {n}": one for n, one in enumerate(pupil.optimizers)}}
    torch.save({"shown": pupil.shown, "recipe": asdict(pupil.recipe), **{name: part.state_dict() for name, part in parts.items()}}, fresh)
    fresh.replace(path)


def _restore(pupil: Pupil, path: Path) -> None:
    import torch

    kept = torch.load(path, weights_only=True)
    pupil.net.load_state_dict(kept["net"])
    pupil.head.load_state_dict(kept["head"])
    for number, optimizer in enumerate(pupil.optimizers):
        optimizer.load_state_dict(kept[f"optimizer {number}"])
    pupil.shown = int(kept["shown"])
