"""The API with a real desk and a scripted model: what it does."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from core.geometry import FAMILIES
from core.settings import ASSETS
from tests.makers import jpeg
from tests.ui.answering import SITE, app_of, correction, received
from ui.samples import samples


def test_a_frame_comes_in_is_assessed_corrected_and_written_as_training_data(client: TestClient, tmp_path: Path) -> None:
    frame_id = received(client, jpeg(640, 480), "20231102150501.jpg")
    said = client.post(f"/api/v1/frames/{frame_id}/assess").json()
    assert said["from_store"] is False
    assert [(f["label"], f["box"]) for f in said["findings"]] == [("hammer", [0.1, 0.2, 0.4, 0.5]), ("bolt", [0.35, 0.45, 0.6, 0.8])]
    assert client.post(f"/api/v1/frames/{frame_id}/assess").json()["from_store"] is True
    saved = client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(author="wang.li", note="锤子"))
    assert saved.status_code == 200
    assert saved.json()["revision"] == 1
    sheet = client.get(f"/api/v1/frames/{frame_id}").json()
    assert sheet["frame"]["taken_at"] == "2023-11-02T15:05:01"
    assert sheet["revision"] == 1
    assert sheet["correction"]["author"] == "wang.li"
    assert sheet["correction"]["note"] == "锤子"
    assert sheet["correction"]["findings"][0]["box"] == [0.125, 0.25, 0.375, 0.5]
    assert [each["revision"] for each in client.get(f"/api/v1/frames/{frame_id}/history").json()] == [1]
    report = client.post("/api/v1/exports/sft", json={"family": "qwen3-vl"}).json()
    assert report["written"] == 1
    assert report["folder"].startswith("exports/sft-")
    assert "manifest.json" in report["files"]
    assert (tmp_path / report["folder"] / "manifest.json").is_file()
    assert str(tmp_path) not in json.dumps(report)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_exported(client: TestClient, tmp_path: Path, family: str) -> None:
    frame_id = received(client, jpeg(640, 480))
    assert client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction()).status_code == 200
    report = client.post("/api/v1/exports/sft", json={"family": family}).json()
    assert (report["family"], report["written"]) == (family, 1)
    manifest = json.loads((tmp_path / report["folder"] / "manifest.json").read_text("utf-8"))
    assert (manifest["coordinates"]["family"], manifest["coordinates"]["step"]) == (family, FAMILIES[family].step)


@pytest.mark.parametrize("family", ["gpt", "", 7, None, ["compact"]], ids=str)
def test_another_family_is_refused_with_those_that_there_are(client: TestClient, family: object) -> None:
    answer = client.post("/api/v1/exports/sft", json={"family": family})
    assert answer.status_code == 422
    assert all(known in answer.json()["error"] for known in FAMILIES)


def test_a_second_export_in_the_same_second_takes_another_folder(client: TestClient) -> None:
    received(client, jpeg(640, 480))
    folders = {client.post("/api/v1/exports/sft").json()["folder"] for _ in range(2)}
    assert len(folders) == 2


def test_what_was_left_out_is_counted_by_reason(client: TestClient, frame_id: str) -> None:
    report = client.post("/api/v1/exports/sft", json={}).json()
    assert report["written"] == 0
    assert report["left_out"] == {"not reviewed": 1}


def test_the_second_of_two_people_gets_409_with_both_versions(client: TestClient, frame_id: str) -> None:
    assert client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(author="wang.li")).status_code == 200
    late = client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(author="m.weber", findings=[]))
    assert late.status_code == 409
    said = late.json()
    assert said["theirs"]["author"] == "wang.li"
    assert said["theirs"]["revision"] == 1
    assert said["yours"]["author"] == "m.weber"
    assert said["yours"]["findings"] == []
    assert "wang.li" in said["message"]
    assert client.get(f"/api/v1/frames/{frame_id}").json()["revision"] == 1


def test_several_files_are_judged_one_by_one(client: TestClient) -> None:
    files = [("file", ("a.jpg", jpeg(64, 48), "image/jpeg")), ("file", ("b.jpg", b"<html>", "image/jpeg"))]
    answer = client.post("/api/v1/frames", files=files)
    assert answer.status_code == 200
    assert "frame" in answer.json()[0]
    assert answer.json()[1]["name"] == "b.jpg"
    assert "b.jpg" in answer.json()[1]["error"]


def test_the_walk_and_the_queue(client: TestClient) -> None:
    ids = [received(client, jpeg(64, 48 + n)) for n in range(3)]
    assert [card["frame_id"] for card in client.get("/api/v1/walk").json()] == ids[::-1]
    assert [card["frame_id"] for card in client.get("/api/v1/walk", params={"limit": 1, "before": ids[2]}).json()] == [ids[1]]
    first = client.get("/api/v1/next").json()["frame_id"]
    assert first == ids[0]
    assert client.get("/api/v1/next", params={"after": first}).json()["frame_id"] == ids[1]


def test_samples_are_listed_shown_and_received(client: TestClient) -> None:
    listed = client.get("/api/v1/samples", params={"lang": "zh"}).json()
    assert len(listed) >= 3
    assert all("CC BY 4.0" in each["origin"] for each in listed)
    picture = client.get(listed[0]["url"])
    assert picture.headers["content-type"] == "image/jpeg"
    frame = client.post(f"/api/v1/samples/{listed[0]['name']}").json()["frame"]
    assert frame["source"] == "sample"
    assert (frame["width"], frame["height"]) == (640, 480)


def test_every_sample_of_the_list_is_there_and_says_where_it_is_from() -> None:
    for language in ("en", "zh"):
        assert all((ASSETS / "samples" / sample.name).is_file() and sample.title for sample in samples(language))
    assert "CC BY 4.0" in (ASSETS / "samples" / "ATTRIBUTION.md").read_text("utf-8")


def test_the_profile_speaks_the_language_asked_for(client: TestClient) -> None:
    assert client.get("/api/v1/profile", params={"lang": "zh"}).json()["name"] == "装配工作台"
    assert client.get("/api/v1/profile").json()["name"] == "Workbench"
    assert client.get("/api/v1/profile", params={"lang": "fr"}).status_code == 422


@pytest.mark.parametrize("route", ["preview/320", "preview/1600", "picture", "annotated"])
def test_pictures_leave_upright_without_metadata_and_locked_down(client: TestClient, route: str) -> None:
    frame_id = received(client, jpeg(800, 400, exif_orientation=6, taken="2023:11:02 15:00:53"))
    answer = client.get(f"/api/v1/frames/{frame_id}/{route}", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"].endswith(f'filename="frame-{frame_id[:12]}.jpg"')
    picture = Image.open(BytesIO(answer.content))
    assert picture.height == 2 * picture.width
    assert not picture.getexif()
    assert "exif" not in picture.info


def test_the_annotated_frame_shows_what_the_person_left_standing(client: TestClient, frame_id: str) -> None:
    bare = client.get(f"/api/v1/frames/{frame_id}/annotated").content
    client.post(f"/api/v1/frames/{frame_id}/assess")
    by_model = client.get(f"/api/v1/frames/{frame_id}/annotated").content
    client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction())
    by_person = client.get(f"/api/v1/frames/{frame_id}/annotated").content
    assert len({bare, by_model, by_person}) == 3


def test_without_a_model_frames_can_be_marked_and_readiness_says_so(tmp_path: Path) -> None:
    app, store = app_of(tmp_path, model=False)
    with TestClient(app, base_url=SITE) as client:
        frame_id = received(client, jpeg(64, 48))
        assert client.post(f"/api/v1/frames/{frame_id}/assess").status_code == 503
        assert client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction()).status_code == 200
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["ready"] is False
        assert ready.json()["error"]
    store.close()


def test_with_a_model_it_is_ready(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"ready": True}


def test_the_dashboard_without_its_slash_is_sent_on_within_the_house(client: TestClient) -> None:
    answer = client.get("/dashboard?lang=zh", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == "/dashboard/?lang=zh"
