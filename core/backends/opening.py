"""From a model's name to a backend that answers: the one place that knows every kind. Checks nothing and chooses nothing."""

from __future__ import annotations

from pathlib import Path

from core.backends import catalogue, scripted
from core.backends.base import Backend
from core.backends.catalogue import LocalSpec, Spec
from core.backends.folder import read_folder
from core.backends.worker import Worker
from core.errors import ModelError
from core.settings import ASSETS, Settings

USUAL = "compact"


def open_model(settings: Settings) -> Backend:
    """The backend that the settings name, else the catalogue's active one, else the compact model.

    A name is `scripted:FILE`, one of the catalogue, one that ships, or a model folder. Raises ModelError and its kin.
    """
    known = catalogue.read(settings.data)
    name = settings.model or known.active or USUAL
    if name.startswith("scripted:"):
        return scripted.open_backend(Path(name.removeprefix("scripted:")))
    if name in known.entries:
        return open_spec(name, known.entries[name].spec, settings)
    return open_spec(name, LocalSpec(str(_shipped(name) or Path(name).expanduser())), settings)


def open_spec(name: str, spec: Spec, settings: Settings) -> Backend:
    """The backend of one entry of the catalogue."""
    if isinstance(spec, LocalSpec):
        return Worker(read_folder(Path(spec.source)), settings.threads)
    raise ModelError(f"{name} is a server, and servers cannot be asked yet.")


def _shipped(name: str) -> Path | None:
    folder = ASSETS / "models" / name
    return folder if (folder / "config.json").exists() else None
