"""A hub id at a commit: found in a cache on this machine, fetched from a hub that is played on loopback, or refused in words."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from core.backends import hub
from core.backends.catalogue import LocalSpec
from core.backends.folder import read_spec
from core.errors import ModelMissing, ModelUnfit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def cached(model: Path, cache: Path, owner: str = "Qwen") -> Path:
    """A hub cache with this model at COMMIT, built as the hub's own tools build it: blobs, and links to them from the snapshot."""
    root = cache / f"models--{owner}--{model.name}"
    (root / "blobs").mkdir(parents=True)
    (root / "snapshots" / COMMIT).mkdir(parents=True)
    for number, file in enumerate(sorted(model.iterdir())):
        shutil.copyfile(file, root / "blobs" / f"{number:040x}")
        (root / "snapshots" / COMMIT / file.name).symlink_to(Path("../../blobs") / f"{number:040x}")
    return root


def test_a_hub_id_at_a_commit_is_found_in_the_cache_and_loads(
    families: Mapping[str, Path], loras: Mapping[str, Path], tmp_path: Path
) -> None:
    from core.backends.loading import load

    model = families["qwen2_5_vl"]
    cached(model, tmp_path)
    spec = LocalSpec(f"Qwen/{model.name}", revision=COMMIT, adapter=str(loras["qwen2_5_vl"]))
    found = read_spec("bench-7b", spec, cache=tmp_path)
    assert found.model.startswith(f"Qwen/{model.name}~{COMMIT[:12]}@")
    assert load(found, 1).folder.model == found.model
    by_its_place = LocalSpec(str(found.path), adapter=str(loras["qwen2_5_vl"]))
    assert read_spec("bench-7b", by_its_place).model == found.model


def test_a_link_out_of_the_cache_is_refused(families: Mapping[str, Path], tmp_path: Path) -> None:
    root = cached(families["qwen2_5_vl"], tmp_path / "cache")
    (tmp_path / "cache" / "models--Other--Model" / "blobs").mkdir(parents=True)
    other = tmp_path / "cache" / "models--Other--Model" / "blobs" / "0"
    other.write_text("{}", "utf-8")
    config = root / "snapshots" / COMMIT / "generation_config.json"
    config.unlink()
    config.symlink_to(other)
    with pytest.raises(ModelUnfit, match="outside the folder"):
        read_spec("any", LocalSpec(f"Qwen/{families['qwen2_5_vl'].name}", revision=COMMIT), cache=tmp_path / "cache")


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:12]])
def test_a_hub_id_without_a_commit_is_refused_and_told_how(revision: str | None, tmp_path: Path) -> None:
    with pytest.raises(ModelUnfit, match="commit of 40 hex digits"):
        read_spec("any", LocalSpec("Qwen/Qwen2.5-VL-7B-Instruct", revision=revision), cache=tmp_path)


def test_offline_what_is_not_in_the_cache_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"may not use the network.*hf download Qwen/Nobody --revision"):
        read_spec("any", LocalSpec("Qwen/Nobody", revision=COMMIT), cache=tmp_path)


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as a fetch asks for: the list of files at a commit, their heads, the files."""

    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(path)
        names = {each.name: each for each in self.folder.iterdir()}
        extra: dict[str, str] = {}
        if path == f"/api/models/Qwen/{self.folder.name}/tree/{COMMIT}":
            content = json.dumps([{"type": "file", "path": n, "size": f.stat().st_size, "oid": n} for n, f in names.items()]).encode()
        elif path.startswith(f"/Qwen/{self.folder.name}/resolve/{COMMIT}/"):
            name = path.rsplit("/", 1)[1]
            content, extra = names[name].read_bytes(), {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT}
        else:
            content, extra = b"", {"X-Error-Code": "RepoNotFound"}
        self.send_response(404 if "X-Error-Code" in extra else 200)
        for key, value in {**extra, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)


@pytest.fixture
def served(families: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a hub on this machine serves."""
    folder = tmp_path / "served" / families["qwen2_5_vl"].name
    shutil.copytree(families["qwen2_5_vl"], folder)
    (folder / "pytorch_model.bin").write_bytes(b"never fetched")
    (folder / "modeling.py").write_bytes(b"never fetched")
    Hub.folder, Hub.asked = folder, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    server.server_close()


def test_what_is_missing_is_fetched_when_the_model_may_use_the_network(served: Path, tmp_path: Path) -> None:
    spec = LocalSpec(f"Qwen/{served.name}", revision=COMMIT, offline=False)
    found = read_spec("any", spec, cache=tmp_path / "cache")
    fetched = {path.name for path in found.path.iterdir()}
    assert fetched == {path.name for path in served.iterdir()} - {"pytorch_model.bin", "modeling.py"}
    assert not any(path.endswith((".bin", ".py")) for path in Hub.asked)
    before = len(Hub.asked)
    assert read_spec("any", spec, cache=tmp_path / "cache").model == found.model
    assert len(Hub.asked) == before, "what is here is not asked for again"


def test_offline_nobody_is_asked(served: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="may not use the network"):
        read_spec("any", LocalSpec(f"Qwen/{served.name}", revision=COMMIT), cache=tmp_path / "cache")
    assert not Hub.asked


def test_a_fetch_that_fails_says_why(served: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"Qwen/Nobody at .* could not be fetched: .*Error"):
        read_spec("any", LocalSpec("Qwen/Nobody", revision=COMMIT, offline=False), cache=tmp_path / "cache")


def test_a_folder_goes_before_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert hub.is_id("owner/name")
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert not hub.is_id("owner/name")
