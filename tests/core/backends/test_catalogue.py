"""The catalogue's file: what is no entry is told by its place, and two who write at once lose nothing of each other."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.backends import catalogue
from core.backends.catalogue import Catalogue, Checked, EndpointSpec, Entry, LocalSpec
from core.errors import ModelError
from core.settings import ROOT

SERVER = {"kind": "endpoint", "url": "http://127.0.0.1:8000/v1", "model": "m"}
FOLDER = {"kind": "local", "source": "/models/bench-7b"}
CHECKED = {"model": "bench@1", "passed": True, "at": "2026-11-20T12:00:00+00:00"}


def kept(folder: Path, raw: object) -> Catalogue:
    """What is read of a file with one entry."""
    (folder / catalogue.FILE).write_text(json.dumps({"active": None, "models": {"bench": raw}}), "utf-8")
    return catalogue.read(folder)


BAD: dict[str, tuple[object, str]] = {
    "an address that cannot be split": ({**SERVER, "url": "http://[::1/v1"}, 'models.bench: "url" is no address'),
    "a port that is none": ({**SERVER, "url": "http://127.0.0.1:port/v1"}, 'models.bench: "url" is no address'),
    "no scheme": ({**SERVER, "url": "127.0.0.1:8000"}, 'models.bench: "url" is no address'),
    "no host": ({**SERVER, "url": "http:///v1"}, 'models.bench: "url" is no address'),
    "an address that is no text": ({**SERVER, "url": 8000}, 'models.bench: "url" cannot be 8000'),
    "a list for a name": ({**SERVER, "model": ["m"]}, 'models.bench: "model" cannot be'),
    "text for a number": ({**SERVER, "concurrency": "8"}, 'models.bench: "concurrency" cannot be "8"'),
    "yes for a number": ({**SERVER, "samples": True}, 'models.bench: "samples" cannot be true'),
    "a number for yes": ({**SERVER, "allow_remote": 1}, 'models.bench: "allow_remote" cannot be 1'),
    "text for yes": ({**SERVER, "allow_remote": "no"}, 'models.bench: "allow_remote" cannot be "no"'),
    "half a pixel": ({**FOLDER, "most_pixels": 0.5}, 'models.bench: "most_pixels" cannot be 0.5'),
    "null where something must stand": ({**FOLDER, "source": None}, 'models.bench: "source" cannot be null'),
    "another quantisation": ({**FOLDER, "quantisation": "int3"}, 'models.bench: "quantisation" cannot be "int3"'),
    "what nobody knows": ({**FOLDER, "colour": "red"}, 'models.bench: "colour" is not known'),
    "no source": ({"kind": "local"}, "models.bench: missing .*'source'"),
    "no kind": ({"source": "x"}, 'models.bench: "kind" must be one of local, endpoint'),
    "a kind that is a list": ({**FOLDER, "kind": ["local"]}, 'models.bench: "kind" must be'),
    "no object": (["local"], "models.bench must be an object"),
    "a check that is no object": ({**FOLDER, "checked": "yes"}, "models.bench.checked must be an object"),
    "a check that did not say": ({**FOLDER, "checked": {**CHECKED, "passed": "yes"}}, 'models.bench.checked: "passed" cannot be "yes"'),
    "a finding that is no text": (
        {**FOLDER, "checked": {**CHECKED, "findings": {"frame": 1}}},
        'models.bench.checked: "findings" cannot be',
    ),
}


@pytest.mark.parametrize(("raw", "says"), BAD.values(), ids=BAD.keys())
def test_what_is_no_entry_is_told_by_its_place(raw: object, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=says):
        kept(tmp_path, raw)


def test_the_active_model_is_a_name(tmp_path: Path) -> None:
    (tmp_path / catalogue.FILE).write_text('{"active": ["bench"], "models": {}}')
    with pytest.raises(ModelError, match='"active" must be the name'):
        catalogue.read(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        Entry("bench", LocalSpec("/models/bench-7b")),
        Entry("bench", LocalSpec("a/b", "0" * 40, adapter="/adapters/x", merge=True, most_pixels=9, offline=False)),
        Entry("bench", EndpointSpec("https://[::1]:8000/v1", "m", timeout_seconds=60, key_variable="GEMBALENS_KEY_X", samples=5)),
        Entry("bench", EndpointSpec("http://gpu/v1", "m"), Checked("m", True, "2026-11-20T12:00:00+00:00", {"scale": "1.0000 x 1.0000"})),
    ],
    ids=["folder", "hub", "server", "checked"],
)
def test_what_was_written_is_read_again(entry: Entry, tmp_path: Path) -> None:
    catalogue.write(tmp_path, Catalogue({"bench": entry}, "bench"))
    assert catalogue.read(tmp_path) == Catalogue({"bench": entry}, "bench")
    assert [each.name for each in tmp_path.iterdir()] == [catalogue.FILE], "nothing is left of the writing"


_WRITER = """
import sys
from pathlib import Path
from core.backends import catalogue
from core.backends.catalogue import Entry, LocalSpec

sys.stdin.readline()
for n in range(60):
    catalogue.change(Path(sys.argv[1]), lambda known: known.with_entry(Entry(f"{sys.argv[2]}-{n}", LocalSpec("/models/x"))))
"""


def test_two_processes_that_write_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), name], cwd=ROOT, stdin=subprocess.PIPE, text=True) for name in "ab"
    ]
    for each in writers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in writers:
        each.communicate(timeout=60)
        assert each.returncode == 0
    assert set(catalogue.read(tmp_path).entries) == {f"{name}-{n}" for name in "ab" for n in range(60)}
    assert not list(tmp_path.glob("*.new"))


def test_a_change_that_fails_changes_nothing_and_lets_the_next_one_in(tmp_path: Path) -> None:
    catalogue.write(tmp_path, Catalogue(active="bench"))
    with pytest.raises(ModelError):
        catalogue.change(tmp_path, lambda known: replace(known, active=known.entry("nothing").name))
    assert catalogue.read(tmp_path).active == "bench"
    catalogue.change(tmp_path, lambda known: known.using(None))
    assert catalogue.read(tmp_path).active is None
