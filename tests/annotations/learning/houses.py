"""A record with corrected frames, their frozen sets, something that answers and takes adapters, and the registry over them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations import opinions
from annotations.freezing.sets import Datasets
from annotations.learning import promotions
from annotations.learning.adapters import Adapters, Running
from annotations.store import Store
from core.backends.adapters import read_adapter
from core.errors import ModelUnfit
from core.schema import Frame, Reply
from tests import makers
from tests.annotations.desks import Clock
from tests.annotations.freezing.sets import corrected, sets_of
from tests.annotations.learning.nursery import BASE, training


@dataclass
class Model:
    """Something that answers and takes adapters: what the registry is told of a worker."""

    model: str | None = f"{BASE}:guided"
    prompt_id: str | None = "prompt"
    refuses: bool = False

    def switch(self, folder: Path | None) -> tuple[str, str]:
        if self.refuses:
            raise ModelUnfit("The adapter does not fit this model.")
        name = "" if folder is None else f"+{folder.name}@{known_mark(folder)}"
        return f"{BASE}{name}:guided", "prompt"


def known_mark(folder: Path) -> str:
    """The fingerprint of an adapter's folder."""
    return read_adapter(folder, (), BASE).fingerprint


@dataclass
class House:
    """A record with twelve corrected frames, their sets, a model that runs, the registry."""

    store: Store
    folder: Path
    frames: list[Frame]
    sets: Datasets
    model: Model
    adapters: Adapters

    def trained(self, name: str, dataset: str | None = None, seed: int = 1, **more: Any) -> str:
        """Register what a training made; the id that its model has."""
        if dataset is not None:
            more["dataset"] = {"name": dataset, "digest": self.sets.one(dataset).digest}
        job = training(self.folder / "jobs" / name, seed=seed, **more)
        made = self.adapters.register(job, by="lead")
        return f"{BASE}+{made.id}:guided"

    def says(self, frame: Frame, model: str, **more: Any) -> int:
        """A model's word on a frame; its number."""
        said = makers.assessment(frame, model=model, reply=Reply("{}", model, "prompt", 0.5), **more)
        with self.store.writing() as connection:
            opinions.add_assessment(connection, said, uncertainty=0.5, at=makers.NOON, by="")
            number: int = connection.execute("SELECT max(seq) FROM assessments").fetchone()[0]
        return number


def house_of(store: Store, folder: Path, frames: int = 12) -> House:
    """A house with so many frames."""
    model = Model()
    made = corrected(store, folder, frames)
    adapters = Adapters(store, folder / promotions.FOLDER, Running(model, model.switch), Clock())
    return House(store, folder, made, sets_of(store, folder), model, adapters)
