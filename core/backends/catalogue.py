"""Which models this place knows, by name: the file `models.json` in the data folder, and what stands in it. Loads and asks none of them.

    {"active": "bench-7b", "models": {"bench-7b": {"kind": "local", "source": "/models/qwen2.5-vl-7b", "adapter": "/adapters/bench", ...}}}

A model is used by changing one line: `active` here, or --model, GEMBALENS_MODEL, or `model` in a settings file.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from core.errors import ModelError, ModelMissing

FILE = "models.json"
_LOCK = "models.json.lock"
_Made = TypeVar("_Made", "LocalSpec", "EndpointSpec", "Checked")


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """A model that runs on this machine."""

    source: str  # a folder, or a hub id "owner/name"
    revision: str | None = None  # commit of a hub id; needed for one
    adapter: str | None = None  # folder of a PEFT adapter
    merge: bool = False  # fold the adapter into the weights at load: quicker, and it can no longer be switched
    quantisation: Literal["none", "nf4"] = "none"
    guided: bool = True  # a grammar lets it say only what the schema allows
    batch: int = 8  # frames answered together at most
    most_pixels: int | None = (
        None  # of a frame as the model sees it; None: as the model's own processor has it, and no more than 1,280 picture tokens
    )
    offline: bool = True  # take nothing from the network, not even when the hub has it
    kind: Literal["local"] = "local"


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """A model behind an OpenAI-compatible address."""

    url: str  # up to and with /v1
    model: str  # as the server calls it; a LoRA adapter is a model name of its own there
    family: str = "qwen2.5-vl"  # how it writes boxes: a key of core.geometry.FAMILIES
    prompt_style: str = "full"
    guided: bool = True  # ask for the schema by response_format
    logprobs: bool = True  # ask for log-probabilities
    masked: bool = False  # they are shares of what the grammar allowed (found by the probe)
    allow_remote: bool = False  # frames may leave this machine
    key_variable: str | None = None  # the environment variable GEMBALENS_KEY_... that holds the API key
    timeout_seconds: float = 60.0  # for a whole answer, retries included
    concurrency: int = 8  # questions at the same time
    waiting: int = 32  # questions that may wait beyond those
    most_pixels: int = 1280 * 28 * 28  # of the picture that is sent
    most_tokens: int = 2048
    samples: int = 0  # further replies to compare, where there are no log-probabilities
    kind: Literal["endpoint"] = "endpoint"


Spec = LocalSpec | EndpointSpec


@dataclass(frozen=True, slots=True)
class Checked:
    """What the probe found, once, of a model as it was then. `model`: its id; another id has not been checked."""

    model: str
    passed: bool
    at: str  # ISO 8601, UTC
    findings: Mapping[str, str] = field(default_factory=dict)  # question -> answer in words; "frame" says which frame its boxes are in


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue."""

    name: str
    spec: Spec
    checked: Checked | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by name, and the name of the one in use (None: nobody chose)."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    active: str | None = None

    def entry(self, name: str) -> Entry:
        """An entry. Raises ModelMissing."""
        if name not in self.entries:
            known = ", ".join(sorted(self.entries)) or "none yet"
            raise ModelMissing(f"There is no model {name} in the catalogue (it has: {known}). Add one with `launch.py models add`.")
        return self.entries[name]

    def with_entry(self, entry: Entry) -> Catalogue:
        """A copy with an entry added or replaced."""
        return replace(self, entries={**self.entries, entry.name: entry})

    def without(self, name: str) -> Catalogue:
        """A copy without an entry."""
        return replace(self, entries={key: entry for key, entry in self.entries.items() if key != name})

    def using(self, name: str | None) -> Catalogue:
        """A copy with another active model."""
        return replace(self, active=name)


def read(folder: Path) -> Catalogue:
    """The catalogue in a data folder; empty when there is none. Raises ModelError with the place of what cannot be used."""
    path = folder / FILE
    try:
        raw = json.loads(path.read_text("utf-8"))
        active = raw.get("active")
        if not isinstance(active, str | None):
            raise ValueError('"active" must be the name of a model, or null')
        return Catalogue({name: _entry(name, each) for name, each in raw["models"].items()}, active)
    except FileNotFoundError:
        return Catalogue()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{FILE} in the data folder cannot be used: {error}. Correct it, or move it away and add the models again."
        ) from error


def write(folder: Path, catalogue: Catalogue) -> None:
    """Put the catalogue in its place, whole or not at all. Who has read it before writes by `change`."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {
        name: {**asdict(entry.spec), **({"checked": asdict(entry.checked)} if entry.checked else {})}
        for name, entry in catalogue.entries.items()
    }
    fresh = folder / f"{FILE}.{secrets.token_hex(6)}.new"
    try:
        with fresh.open("x", encoding="utf-8") as file:
            file.write(json.dumps({"active": catalogue.active, "models": models}, indent=1, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / FILE)
    finally:
        fresh.unlink(missing_ok=True)


def change(folder: Path, how: Callable[[Catalogue], Catalogue]) -> None:
    """Read the catalogue as it is now and put what `how` makes of it in its place, while no other process does the same."""
    with _alone(folder):
        write(folder, how(read(folder)))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock file beside the catalogue; the kernel lets go of it however the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _entry(name: str, raw: object) -> Entry:
    """Raises ValueError with the place of what is no entry."""
    place = f"models.{name}"
    if not isinstance(raw, dict):
        raise ValueError(f"{place} must be an object")
    said = dict(raw)
    checked = said.pop("checked", None)
    kinds: Mapping[object, type[LocalSpec] | type[EndpointSpec]] = {"local": LocalSpec, "endpoint": EndpointSpec}
    kind = next((kinds[each] for each in kinds if each == said.get("kind")), None)
    if kind is None:
        raise ValueError(f'{place}: "kind" must be one of {", ".join(str(each) for each in kinds)}')
    spec: Spec = _made(place, LocalSpec, said) if kind is LocalSpec else _made(place, EndpointSpec, said)
    if isinstance(spec, EndpointSpec):
        _check_url(place, spec.url)
    return Entry(name, spec, _made(f"{place}.checked", Checked, checked) if checked is not None else None)


def _made(place: str, kind: type[_Made], said: object) -> _Made:
    """An object out of what a file says of it, when every field is of its type and none is missing."""
    if not isinstance(said, dict):
        raise ValueError(f"{place} must be an object")
    types = get_type_hints(kind)
    for key, value in said.items():
        if key not in types:
            raise ValueError(f'{place}: "{key}" is not known')
        if not _is(value, types[key]):
            raise ValueError(f'{place}: "{key}" cannot be {json.dumps(value, ensure_ascii=False)[:60]}')
    try:
        return kind(**said)
    except TypeError as error:  # one is missing
        raise ValueError(f"{place}: {str(error).partition(' ')[2]}") from error


def _is(value: object, wanted: Any) -> bool:
    """Whether a value out of JSON is of the type by which a field is declared."""
    if get_origin(wanted) is Literal:
        return isinstance(value, str) and value in get_args(wanted)
    if get_origin(wanted) is Mapping:
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    options = get_args(wanted) or (wanted,)
    if NoneType in options and value is None:
        return True
    if isinstance(value, bool):
        return bool in options
    return isinstance(value, options) or (float in options and isinstance(value, int))


def _check_url(place: str, url: str) -> None:
    """Its form alone; whether it may be called is for `core.backends.address` to say."""
    try:
        split = urlsplit(url)
        good = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(f'{place}: "url" is no address of a server. Write it as http://HOST:PORT/v1')
