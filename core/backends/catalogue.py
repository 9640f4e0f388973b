"""Which models this place knows, by name: the file `models.json` in the data folder, and what stands in it. Loads and asks none of them.

    {"active": "bench-7b", "models": {"bench-7b": {"kind": "local", "source": "/models/qwen2.5-vl-7b", "adapter": "/adapters/bench", ...}}}

A model is used by changing one line: `active` here, or --model, GEMBALENS_MODEL, or `model` in a settings file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from core.errors import ModelError, ModelMissing

FILE = "models.json"


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

    def using(self, name: str | None) -> Catalogue:
        """A copy with another active model."""
        return replace(self, active=name)


def read(folder: Path) -> Catalogue:
    """The catalogue in a data folder; empty when there is none. Raises ModelError with the place of what cannot be used."""
    path = folder / FILE
    try:
        raw = json.loads(path.read_text("utf-8"))
        return Catalogue({name: _entry(name, each) for name, each in raw["models"].items()}, raw.get("active"))
    except FileNotFoundError:
        return Catalogue()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{FILE} in the data folder cannot be used: {error}. Correct it, or move it away and add the models again."
        ) from error


def write(folder: Path, catalogue: Catalogue) -> None:
    """Put the catalogue in its place, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {
        name: {**asdict(entry.spec), **({"checked": asdict(entry.checked)} if entry.checked else {})}
        for name, entry in catalogue.entries.items()
    }
    fresh = folder / f"{FILE}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"active": catalogue.active, "models": models}, indent=1, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)


def _entry(name: str, raw: dict[str, Any]) -> Entry:
    said = dict(raw)
    checked = said.pop("checked", None)
    kinds: Mapping[str, type[LocalSpec] | type[EndpointSpec]] = {"local": LocalSpec, "endpoint": EndpointSpec}
    kind = kinds[said["kind"]]
    unknown = set(said) - {each.name for each in fields(kind)}
    if unknown:
        raise ValueError(f'models.{name}: "{sorted(unknown)[0]}" is not known')
    return Entry(name, kind(**said), Checked(**checked) if checked else None)
