"""From a model's name to a backend that answers: the one place that knows every kind. A model of the catalogue that was not checked, or failed, is not opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.backends import catalogue, scripted, standing
from core.backends.adapters import read_adapter
from core.backends.base import Backend
from core.backends.catalogue import Entry, LocalSpec, Spec
from core.backends.endpoint import open_endpoint
from core.backends.folder import ModelFolder, read_spec
from core.backends.worker import Worker
from core.errors import ModelError, ModelUnfit
from core.settings import ASSETS, Settings, secret

USUAL = "compact"

Live = Callable[[str], Path | None]
"""From a base's NAME@FINGERPRINT to the folder of the adapter that was promoted for it last; None: the base speaks alone."""

ROLL_BACK = "`launch.py adapters roll-back --why WHY` lets the one before it speak again, or the base alone."


def chosen(settings: Settings) -> str:
    """The name of the model that a start takes: the settings', else the catalogue's active one, else the one that ships. Raises ModelError."""
    return settings.model or catalogue.read(settings.data).active or USUAL


def open_model(settings: Settings, live: Live = lambda base: None) -> Backend:
    """The backend that the settings name, else the catalogue's active one, else the compact model; over a local base the adapter that `live` gives.

    A name is `scripted:FILE`, one of the catalogue, one that ships, or a folder of our own making. Raises ModelError and its kin: also when
    the adapter cannot be laid over the base, which then does not speak in its place.
    """
    known = catalogue.read(settings.data)
    name = chosen(settings)
    if name.startswith("scripted:"):
        return scripted.open_backend(Path(name.removeprefix("scripted:")))
    if name in known.entries:
        return _of_catalogue(known.entries[name], settings, live)
    spec = LocalSpec(str(_shipped(name) or Path(name).expanduser()))
    folder = read_spec(name, spec)
    if not folder.own:
        raise ModelUnfit(
            f"{Path(name).name} was never checked, so nobody knows whether its boxes land where they belong. Add it under a name of your choice: "
            "`launch.py models add NAME --folder FOLDER`, then use that name."
        )
    return Worker(promoted(folder, live), settings.threads)


def promoted(folder: ModelFolder, live: Live) -> ModelFolder:
    """A base with the adapter that was promoted for it; an entry of the catalogue that names an adapter of its own keeps that one.

    Raises ModelMissing or ModelUnfit, with what to do, when the adapter is not there, damaged, or another than was promoted.
    """
    place = live(folder.base) if folder.adapter is None else None
    if place is None:
        return folder
    try:
        return folder.with_adapter(read_adapter(place, folder.names, folder.base))
    except ModelError as error:
        raise type(error)(f"The adapter {place.name} was promoted and cannot be opened: {error} Until then: {ROLL_BACK}") from error


def open_spec(name: str, spec: Spec, settings: Settings) -> Backend:
    """The backend of one entry of the catalogue. Raises ModelError's kin, and SettingsError for a key that is not there."""
    if isinstance(spec, LocalSpec):
        return Worker(read_spec(name, spec), settings.threads)
    return open_endpoint(name, spec, secret(spec.key_variable) if spec.key_variable else None)


def _of_catalogue(entry: Entry, settings: Settings, live: Live) -> Backend:
    """The backend of an entry that may be used. Raises ModelUnfit for another. What was checked is the base; the gate looks at its adapters."""
    if isinstance(entry.spec, LocalSpec):
        folder = read_spec(entry.name, entry.spec)
        standing.refuse(entry, folder)
        return Worker(promoted(folder, live), settings.threads)
    backend = open_spec(entry.name, entry.spec, settings)
    try:
        standing.refuse(entry, backend)
    except ModelUnfit:
        backend.close()
        raise
    return backend


def _shipped(name: str) -> Path | None:
    folder = ASSETS / "models" / name
    return folder if (folder / "config.json").exists() else None
