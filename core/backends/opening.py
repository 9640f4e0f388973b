"""From a model's name to a backend that answers: the one place that knows every kind. A model of the catalogue that was not checked, or failed, is not opened."""

from __future__ import annotations

from pathlib import Path

from core.backends import catalogue, scripted, standing
from core.backends.base import Backend
from core.backends.catalogue import Entry, LocalSpec, Spec
from core.backends.endpoint import open_endpoint
from core.backends.folder import read_spec
from core.backends.worker import Worker
from core.errors import ModelUnfit
from core.settings import ASSETS, Settings, secret

USUAL = "compact"


def chosen(settings: Settings) -> str:
    """The name of the model that a start takes: the settings', else the catalogue's active one, else the one that ships. Raises ModelError."""
    return settings.model or catalogue.read(settings.data).active or USUAL


def open_model(settings: Settings) -> Backend:
    """The backend that the settings name, else the catalogue's active one, else the compact model.

    A name is `scripted:FILE`, one of the catalogue, one that ships, or a folder of our own making. Raises ModelError and its kin.
    """
    known = catalogue.read(settings.data)
    name = chosen(settings)
    if name.startswith("scripted:"):
        return scripted.open_backend(Path(name.removeprefix("scripted:")))
    if name in known.entries:
        return _checked(known.entries[name], open_spec(name, known.entries[name].spec, settings))
    spec = LocalSpec(str(_shipped(name) or Path(name).expanduser()))
    if not read_spec(name, spec).own:
        raise ModelUnfit(
            f"{Path(name).name} was never checked, so nobody knows whether its boxes land where they belong. Add it under a name of your choice: "
            "`launch.py models add NAME --folder FOLDER`, then use that name."
        )
    return open_spec(name, spec, settings)


def open_spec(name: str, spec: Spec, settings: Settings) -> Backend:
    """The backend of one entry of the catalogue. Raises ModelError's kin, and SettingsError for a key that is not there."""
    if isinstance(spec, LocalSpec):
        return Worker(read_spec(name, spec), settings.threads)
    return open_endpoint(name, spec, secret(spec.key_variable) if spec.key_variable else None)


def _checked(entry: Entry, backend: Backend) -> Backend:
    """The backend of an entry that may be used. Raises ModelUnfit for another, and closes it."""
    try:
        standing.refuse(entry, backend)
    except ModelUnfit:
        close = getattr(backend, "close", None)
        if close is not None:
            close()
        raise
    return backend


def _shipped(name: str) -> Path | None:
    folder = ASSETS / "models" / name
    return folder if (folder / "config.json").exists() else None
