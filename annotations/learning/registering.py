"""Brings an adapter in: its folder is read, copied whole into the folder of adapters, and written into the registry with what taught it. Loads no model.

Only the two files that speak and our manifest are copied: nothing that could run, and nothing that names a frame.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from annotations import summaries
from annotations.learning import gates, known
from annotations.learning.known import Adapter
from annotations.learning.spoken import parts_of
from annotations.rows import clean
from core import durable, sft
from core.backends.adapters import CONFIG, MANIFEST, WEIGHTS, AdapterFolder, read_adapter
from core.errors import Malformed, ModelMissing, ModelUnfit, NotFound, OutOfTurn, StoreError
from core.training.states import read_state

JOB, REPORT, BEFORE, INSIDE = "job.json", "report.json", "before.jsonl", "adapter"
"""In the folder of a training: what was asked, what was measured, what the model in use had said, and the adapter itself."""

ABOUT = ("recipe_digest", "schema_id", "set_sha256", "frames", "profile", "quantisation", "steps", "memory", "hashes", "versions")
"""What else of a manifest is kept."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MARK = re.compile(r"[0-9a-f]{12}$")
_FRAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Brought:
    """An adapter as it lies in the folder of adapters, and what came with it."""

    read: AdapterFolder
    manifest: Mapping[str, Any]
    job: str | None  # name of the training
    report: Mapping[str, Any]  # empty: nothing was measured
    against: str | None  # id of the model that it was measured against


def source_of(folder: Path) -> Path:
    """The adapter's own folder, of a training or of an adapter. Raises NotFound, OutOfTurn for a training that is not at its end.

    A registered adapter never changes: one that came in before it was measured would never get its figures nor its gate.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no training and no adapter {folder.name[:80]}.")
    if not (folder / JOB).exists():
        return folder
    if not (folder / INSIDE).is_dir():
        raise OutOfTurn(f"The training {folder.name} has no adapter: it goes on, or did not come to its end. Nothing was registered.")
    if not (folder / REPORT).exists() and (_to_be_measured(folder) or read_state(folder).phase != "done"):
        raise OutOfTurn(
            f"The adapter of the training {folder.name} is not measured yet, and would never get its figures. Let the training go on to its "
            "end, or resume it, and register it then. Nothing was registered."
        )
    return folder / INSIDE


def checked_name(name: str) -> str:
    """Raises Malformed for what cannot be the name of an adapter: it stands in addresses and in the ids of models."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise Malformed(f'"{name[:80]}" cannot name an adapter: 1 to 64 letters, digits, ".", "_" and "-". Nothing was registered.')
    return name


def described(own: Path) -> AdapterFolder:
    """What an adapter's own folder says of it. Raises ModelMissing, ModelUnfit."""
    base = _manifest(own).get("base")
    if not isinstance(base, str) or parts_of(base) is None:
        raise ModelUnfit(
            f"The adapter {own.name} does not say for which model it was made, so it is not registered: {MANIFEST} in its folder needs "
            '"base": "NAME@FINGERPRINT", as the model in use is called.'
        )
    return read_adapter(own, (), base)


@contextmanager
def brought(source: Path, folder: Path, name: str) -> Iterator[Brought]:
    """Copy an adapter to its place in the folder of adapters; when the block fails it is taken away again. One that lies there already stays as it is.

    Raises ModelMissing, ModelUnfit for what is no adapter that may be opened, StoreError when it cannot be written, OutOfTurn where another folder
    lies in its place that the registry does not know.
    """
    own = source_of(source)
    described(own)  # before anything is copied
    place = folder / name
    there = place.resolve() == own.resolve()
    if not there:
        _copied(own, place)
    try:
        manifest = _manifest(place)
        job = source.name if own is not source else None
        yield Brought(described(place), manifest, job, _json(source / REPORT) if job else {}, _against(source, manifest) if job else None)
    except BaseException:
        if not there:
            shutil.rmtree(place, ignore_errors=True)
        raise


def _copied(own: Path, place: Path) -> None:
    """The files of an adapter at its place, all or none. What a run left there that ended before the registry knew of it is the same, and is replaced."""
    folder, name = place.parent, place.name
    if (place.exists() or place.is_symlink()) and not _same(own, place):
        raise OutOfTurn(
            f"In the folder of adapters lies {name} already, and nobody registered it. Register it from there, move it away, or choose another "
            "name. Nothing was registered, and nothing was changed."
        )
    with _in_words(name):
        folder.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{name}.partial-", dir=folder))
        try:
            for file in (CONFIG, WEIGHTS, MANIFEST):
                shutil.copyfile(own / file, half / file)
                _flush(half / file)
            half.chmod(0o755)
            if place.exists():
                shutil.rmtree(place)
            half.replace(place)
            durable.flush(folder)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise


def _same(own: Path, place: Path) -> bool:
    """Whether a folder is what would be copied, byte for byte, and nothing else."""
    files = (CONFIG, WEIGHTS, MANIFEST)
    if place.is_symlink() or not place.is_dir() or {each.name for each in place.iterdir()} != set(files):
        return False
    return filecmp.cmpfiles(own, place, files, shallow=False)[0] == list(files)


def write(connection: sqlite3.Connection, came: Brought, name: str, *, by: str, at: str) -> Adapter:
    """The adapter's row, with the frozen set that its manifest names by digest; and what its training's gate said, where there was one.

    Raises OutOfTurn for a name or an adapter that is known already.
    """
    refuse_known(connection, name, came.read.fingerprint)
    manifest, said = came.manifest, came.manifest.get("dataset")
    dataset = (
        said if isinstance(said, Mapping) else {"digest": said or manifest.get("dataset_digest"), "name": manifest.get("dataset_name")}
    )
    digest = str(dataset.get("digest") or "")
    number = _dataset(connection, digest, str(dataset.get("name") or ""))
    told = {
        "recipe": manifest.get("recipe") or {},
        "digest": digest or None,
        "prompt_id": manifest.get("prompt_id"),
        "trained_from": _mark(manifest.get("trained_from")),
        "job": came.job,
        **{key: manifest[key] for key in ABOUT if key in manifest},
    }
    figures = without_frames(connection, {key: value for key, value in came.report.items() if key != "gate"})
    values = {
        "name": name,
        "fingerprint": came.read.fingerprint,
        "base": str(manifest["base"]),
        "dataset": number,
        "recipe": orjson.dumps(without_frames(connection, told), option=orjson.OPT_SORT_KEYS).decode(),
        "metrics": orjson.dumps(figures, option=orjson.OPT_SORT_KEYS).decode(),
        "folder": name,
        "who": clean(by),
        "at": at,
    }
    after = {"fingerprint": came.read.fingerprint, "base": values["base"], "digest": digest or None, "job": came.job}
    known.vouched(connection, "adapters", values, "adapter registered", subject=name, after=after)
    made = known.one(connection, name)
    summaries.recount(connection, made.fingerprint)
    gate = came.report.get("gate")
    if isinstance(gate, Mapping) and came.against:
        reasons = without_frames(connection, list(gate.get("reasons") or ()))
        gates.record(connection, made, came.against, passed=gate.get("passed") is True, reasons=reasons, by=by, at=at)
    return made


def refuse_known(connection: sqlite3.Connection, name: str, mark: str) -> None:
    """Raises OutOfTurn for a name that is taken and for an adapter that is registered."""
    for row in connection.execute("SELECT name, fingerprint FROM adapters WHERE name = ? OR fingerprint = ?", (name, mark)):
        if row["fingerprint"] == mark:
            raise OutOfTurn(f"This adapter is registered already, as {row['name']}. Nothing was changed.")
        raise OutOfTurn(f"There is an adapter {name} already, and it never changes. Choose another name; nothing was registered.")


def without_frames(connection: sqlite3.Connection, value: Any) -> Any:
    """A JSON value without the entries that name a frame of the record: an erasure could not find them there."""

    def names_one(word: object) -> bool:
        ids = _FRAME.findall(word) if isinstance(word, str) else []
        return any(connection.execute("SELECT 1 FROM frames WHERE id = ?", (each,)).fetchone() for each in ids)

    if isinstance(value, Mapping):
        return {key: without_frames(connection, each) for key, each in value.items() if not names_one(key) and not names_one(each)}
    if isinstance(value, list | tuple):
        return [without_frames(connection, each) for each in value if not names_one(each)]
    return value


def _to_be_measured(job: Path) -> bool:
    """Whether a training's set has a part to measure its adapter by."""
    data = _json(job / JOB).get("data")
    return isinstance(data, str) and sft.part(Path(data), "test") is not None


def _manifest(own: Path) -> Mapping[str, Any]:
    if not (own / MANIFEST).exists():
        raise ModelMissing(
            f"{own.name} has no {MANIFEST}, so nobody knows for which model it was made and what taught it. Nothing was registered."
        )
    return _json(own / MANIFEST)


def _json(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty when it is not there. Raises ModelUnfit for another content."""
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        raise ModelUnfit(f"{path.parent.name}/{path.name} cannot be read: {error}. Nothing was registered.") from error
    if not isinstance(found, dict):
        raise ModelUnfit(f"{path.parent.name}/{path.name} is not a JSON object. Nothing was registered.")
    return found


def _against(job: Path, manifest: Mapping[str, Any]) -> str | None:
    """The id of the model whose answers a training compared the adapter with: it stands in each of them."""
    try:
        with (job / BEFORE).open("rb") as file:
            said = orjson.loads(file.readline())
    except (OSError, orjson.JSONDecodeError):
        return None
    model = said.get("model") if isinstance(said, dict) else None
    return str(model) if model else None


def _dataset(connection: sqlite3.Connection, digest: str, name: str) -> int | None:
    """The frozen set of a digest; of several with the same content the one of this name, else the first."""
    row = connection.execute("SELECT seq FROM datasets WHERE digest = ? ORDER BY name <> ?, seq LIMIT 1", (digest, name)).fetchone()
    return None if row is None else row["seq"]


def _mark(said: object) -> str | None:
    found = _MARK.search(said) if isinstance(said, str) else None
    return found.group() if found else None


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"The adapter {name} could not be kept: {error.strerror or error}. Nothing was registered.") from error
