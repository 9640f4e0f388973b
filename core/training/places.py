"""From the names that people say to folders of this machine: the base model of the catalogue, an exported set, an adapter. Opens none of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from core.backends import catalogue, hub
from core.backends.catalogue import LocalSpec
from core.backends.opening import USUAL, chosen
from core.errors import NotFound, TrainingError
from core.settings import ASSETS, Settings

EXPORTS, ADAPTERS, TRAININGS = "exports", "adapters", "trainings"
"""Folders of the data folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Base:
    """A base model as it is used here."""

    folder: Path
    most_pixels: int | None = None  # of a frame as it sees it, where the catalogue says so
    quantisation: str = "none"  # with which it answers


@dataclass(frozen=True, slots=True)
class Places:
    """`anywhere`: a person at the server's terminal may name any folder; through the network nobody may."""

    settings: Settings
    anywhere: bool = False

    def base(self, name: str = "") -> Base:
        """The base model of a name; none: the one that a start takes. Raises NotFound, ModelError's kin, and TrainingError for one at a server."""
        known, name = catalogue.read(self.settings.data), name or chosen(self.settings)
        if name in known.entries:
            spec = known.entries[name].spec
            if not isinstance(spec, LocalSpec):
                raise TrainingError(
                    f"{name} runs at a server, and its weights are not here. Train it there: docs/training.md says with what."
                )
            place = (
                hub.snapshot(spec.source, spec.revision, offline=spec.offline, cache=None)
                if hub.is_id(spec.source)
                else Path(spec.source).expanduser()
            )
            return Base(place, spec.most_pixels, spec.quantisation)
        if name == USUAL:
            return Base(ASSETS / "models" / USUAL)
        return Base(self._elsewhere(name, "model"))

    def data(self, name: str) -> Path:
        """The folder of an exported set. Raises NotFound."""
        return self._below(EXPORTS, name, "exported set")

    def adapter(self, name: str) -> Path:
        """The folder of an adapter. Raises NotFound."""
        return self._below(ADAPTERS, name, "adapter")

    def _below(self, folder: str, name: str, what: str) -> Path:
        place = self.settings.data / folder / name
        if _NAME.fullmatch(name) and ".." not in name and place.is_dir():
            return place
        return self._elsewhere(name, what)

    def _elsewhere(self, name: str, what: str) -> Path:
        place = Path(name).expanduser()
        if not self.anywhere or not name or not place.is_dir():
            raise NotFound(f"There is no {what} {place.name[:80]} here.")
        return place
