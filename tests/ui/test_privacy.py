"""Privacy over the wire: who sees a face, who may take an original, what an erasure reaches and what it names, frames that outlived their time."""

from __future__ import annotations

import io
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image

from annotations import audit, opinions
from annotations.store import FILE, Store
from core.frames import Vault
from tests import makers
from tests.serving import scripted, serving
from tests.ui.peopled import Peopled, peopled

SAY: dict[str, object] = {
    "findings": [],
    "tool": "hammer",
    "part": "bolt",
    "action": "strike",
    "phase": "work",
    "violations": [],
    "risk": "none",
}
HEADS = Path(__file__).resolve().parent.parent / "core" / "faces" / "photographs"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peopled]:
    with peopled(tmp_path_factory.mktemp("privacy"), "--site", "hall 3") as made:
        yield made


def sent(plant: Peopled, content: bytes, name: str = "bench.jpg") -> str:
    with plant.as_("inspector") as client:
        frame_id: str = (
            client.post("/api/v1/frames", files={"files": (name, content, "image/jpeg")}).raise_for_status().json()[0]["frame"]["id"]
        )
        return frame_id


def pixels(answer: httpx.Response) -> bytes:
    with Image.open(io.BytesIO(answer.raise_for_status().content)) as shown:
        return shown.convert("RGB").tobytes()


def test_below_the_role_that_sees_faces_they_are_covered(plant: Peopled) -> None:
    photograph = sorted(HEADS.glob("*.jpg"))[0]
    frame_id = sent(plant, photograph.read_bytes(), photograph.name)
    for place in ("preview/320", "preview/1600", "annotated"):
        with plant.as_("inspector") as seeing, plant.as_("viewer") as looking:
            clear = pixels(seeing.get(f"/api/v1/frames/{frame_id}/{place}"))
            answer = looking.get(f"/api/v1/frames/{frame_id}/{place}")
        covered = pixels(answer)
        assert len(clear) == len(covered)
        assert sum(abs(one - other) > 40 for one, other in zip(clear[::97], covered[::97], strict=True)) > 20, place
        assert answer.headers["cache-control"] == "no-store"


def test_an_original_is_for_leads_and_the_audit_says_who_took_it(plant: Peopled) -> None:
    content = makers.jpeg(64, 47, taken="2026:11:21 08:00:00")
    frame_id = sent(plant, content)
    statuses = {}
    for role in ("viewer", "inspector", "annotator", "reviewer", "lead"):
        with plant.as_(role) as client:
            answer = client.get(f"/api/v1/frames/{frame_id}/original")
            statuses[role] = answer.status_code
    assert statuses == {"viewer": 403, "inspector": 403, "annotator": 403, "reviewer": 403, "lead": 200}
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    with plant.as_("lead") as client:
        told = client.get(f"/api/v1/audit?frame={frame_id}").json()
    assert told["entries"][0]["action"] == "original taken"


def test_a_site_is_erased_after_a_preview_and_nothing_else(plant: Peopled) -> None:
    frame_id = sent(plant, makers.jpeg(64, 46))
    asked = {"kind": "frames", "frames": [frame_id], "why": "request 7"}
    with plant.as_("lead") as lead, plant.as_("reviewer") as reviewer:
        assert reviewer.post("/api/v1/erasures", json=asked).status_code == 403
        would = lead.post("/api/v1/erasures", json=asked).json()
        assert would["would"] == {"kind": "frames", "frames": 1}
        assert lead.get(f"/api/v1/frames/{frame_id}").status_code == 200
        assert lead.post("/api/v1/erasures", json={**asked, "token": "0" * 64}).status_code == 409
        done = lead.post("/api/v1/erasures", json={**asked, "token": would["token"]})
        assert done.json()["done"]["frames"] == 1, done.text
        assert lead.get(f"/api/v1/frames/{frame_id}").status_code == 404
        assert lead.get(f"/api/v1/frames/{frame_id}/preview/320").status_code == 404
        site = lead.post("/api/v1/erasures", json={"kind": "site", "site": "hall 3", "why": "closed"}).json()
        assert site["would"]["frames"] >= 1
        assert lead.post("/api/v1/erasures", json={"kind": "site", "site": "hall 4", "why": "closed"}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "all"},
        {"kind": "frames", "frames": [], "why": "x"},
        {"kind": "frames", "frames": ["x"], "why": "x"},
        {"kind": "site", "why": "x"},
        {"kind": "site", "site": "hall 3"},
    ],
    ids=["nothing", "no kind", "no frames", "no id", "no site", "no reason"],
)
def test_an_erasure_that_is_not_understood_erases_nothing(plant: Peopled, body: dict[str, object]) -> None:
    with plant.as_("lead") as lead:
        before = lead.get("/api/v1/frames").json()
        answer = lead.post("/api/v1/erasures", json=body)
        assert answer.status_code in (404, 422)
        assert answer.json()["error"].endswith(".")
        assert lead.get("/api/v1/frames").json() == before


def test_only_an_admin_erases_a_person(plant: Peopled) -> None:
    asked = {"kind": "person", "person": "nobody-there", "why": "left"}
    with plant.as_("lead") as lead, plant.as_("admin") as admin:
        assert lead.post("/api/v1/erasures", json=asked).status_code == 403
        token = admin.post("/api/v1/erasures", json=asked).json()["token"]
        assert admin.post("/api/v1/erasures", json={**asked, "token": token}).status_code == 404


def test_frames_that_outlived_their_time_go_at_a_start(tmp_path: Path) -> None:
    data, now = tmp_path / "data", datetime.now(UTC)
    vault = Vault(data)
    ids = []
    with Store(data / FILE) as store, store.writing() as connection:
        for days in (1, 29, 31, 400):
            content = makers.jpeg(64 + days % 60, 48, taken=f"2026:01:01 00:00:{days % 60:02}")
            frame = makers.frame(content, received_at=now - timedelta(days=days))
            ids.append(vault.put(content))
            opinions.add_frame(connection, frame, by="lin")
    with serving(data, scripted(tmp_path / "script.json", SAY), "--keep-days", "30") as house:
        end = time.monotonic() + 10
        with house.client() as client:
            while time.monotonic() < end and len(client.get("/api/v1/frames").json()["frames"]) > 2:
                time.sleep(0.1)
            left = {card["frame_id"] for card in client.get("/api/v1/frames").json()["frames"]}
    assert left == set(ids[:2])
    assert {place.name for place in (data / "frames").rglob("*") if place.is_file()} == set(ids[:2])
    connection = sqlite3.connect(f"file:{data / FILE}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    last = audit.entries(connection, limit=1)[0]
    connection.close()
    assert (last.action, last.who, last.subject) == ("erased", "retention", "frames")
