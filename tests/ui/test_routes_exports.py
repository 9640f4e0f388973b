"""/api/v1/exports over a real record: asked for, looked at, fetched whole and in parts, cancelled; only by who may, and sentences for what cannot be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from annotations.desk import Desk
from annotations.exporting import Exports
from annotations.reports import Reports
from annotations.store import FILE, Store
from core.frames import Vault
from core.settings import Settings
from tests.annotations.desks import BENCH
from tests.makers import correction, jpeg
from tests.ui.answering import SITE
from ui.api import create
from ui.permissions import compiled
from ui.routes_exports import export_routes

AT = "/api/v1/exports"


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    with Store(tmp_path / FILE) as store:
        made = Exports(tmp_path / "exports", store, Vault(tmp_path), BENCH)
        yield made
        made.close()


@pytest.fixture
def client(exports: Exports, tmp_path: Path) -> Iterator[TestClient]:
    desk = Desk(exports._store, Vault(tmp_path), BENCH)
    desk.correct(correction(desk.receive(jpeg(), "a.jpg", by="lin")))
    app = create(desk, Reports(tmp_path / FILE), Settings(data=tmp_path), screens=False, more=[export_routes(exports)])
    with TestClient(app, base_url=SITE) as made:
        yield made


def test_an_export_is_asked_for_and_fetched_whole_and_in_parts(client: TestClient, exports: Exports) -> None:
    said = client.post(AT, json={"family": "qwen3-vl", "formats": ["coco", "sft_tag"]}).json()
    assert (said["family"], said["formats"], said["dataset"]) == ("qwen3-vl", ["coco", "sft_tag"], None)
    assert exports.wait(60)
    job = client.get(f"{AT}/{said['id']}").json()
    assert (job["phase"], job["written"], job["link"]) == ("done", 1, f"{AT}/{said['id']}/file")
    assert client.get(AT).json() == {"exports": [job]}
    whole = client.get(job["link"])
    assert whole.headers["content-type"] == "application/zip"
    assert int(whole.headers["content-length"]) == len(whole.content)
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert f"{said['id']}/annotations.coco.json" in archive.namelist()
        assert archive.testzip() is None
    for asked, part in {"bytes=100-": whole.content[100:], "bytes=5-9": whole.content[5:10], "bytes=-7": whole.content[-7:]}.items():
        answer = client.get(job["link"], headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{len(whole.content)}")
    for asked in ("bytes=99999999-", "bytes=-0"):  # the last no bytes are no part either
        answer = client.get(job["link"], headers={"Range": asked})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    for strange in ("lines=1-2", f"bytes={'9' * 5000}-", f"bytes=-{'9' * 5000}"):
        assert client.get(job["link"], headers={"Range": strange}).status_code == 200


def test_it_is_asked_for_once_under_one_key(client: TestClient, exports: Exports) -> None:
    first, again = (client.post(AT, json={}, headers={"Idempotency-Key": "a"}).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert client.post(AT).json()["id"] != first["id"], "a body may be missing"
    assert exports.wait(60)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"family": "gpt"}, '"gpt" cannot be exported'),
        ({"formats": ["powerpoint"]}, '"powerpoint" cannot be exported'),
        ({"formats": "coco"}, "a list of words"),
        ({"pictures": 1}, "true or false"),
        ({"mood": "good"}, "family, formats, dataset and pictures"),
        ([], "family, formats, dataset and pictures"),
        ({"formats": ["sft_tag"], "pictures": False}, "without them"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_begun(client: TestClient, body: object, sentence: str) -> None:
    answer = client.post(AT, json=body)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert client.get(AT).json() == {"exports": []}


def test_what_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.post(AT, json={"dataset": "never"}).status_code == 404
    for path in ("export-20260101-000000", "..%2f..%2fetc"):
        assert client.get(f"{AT}/{path}").status_code == 404
        assert client.get(f"{AT}/{path}/file").status_code == 404
        assert client.post(f"{AT}/{path}/cancel").status_code == 404


def test_it_is_for_leads() -> None:
    needs = compiled()
    for method, path in (("POST", AT), ("GET", AT), ("GET", f"{AT}/x"), ("GET", f"{AT}/x/file"), ("POST", f"{AT}/x/cancel")):
        need = needs.need(method, path)
        assert need is not None
        assert need.role == "lead"
