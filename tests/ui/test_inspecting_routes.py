"""/api/v1/inspect and the lists: each frame for itself, the order kept, several asked at once, and every filter meant."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core import errors
from core.errors import AppError, Conflict, ModelError, TooOften
from core.schema import Frame
from tests.makers import correction as told
from tests.makers import jpeg
from tests.ui.answering import CAP_MIB, SITE, app_of, received
from ui.refusals import STATUS, status_of
from ui.shapes import INSPECTION, LINE

Files = list[tuple[str, tuple[str, bytes, str]]]


def files(*named: tuple[str, bytes]) -> Files:
    return [("files", (name, content, "image/jpeg")) for name, content in named]


def in_base64(*named: tuple[str, bytes]) -> dict[str, Any]:
    return {"frames": [{"name": name, "content": base64.b64encode(content).decode()} for name, content in named]}


def test_each_file_is_judged_for_itself_in_the_order_of_the_request(client: TestClient) -> None:
    named = [(f"{n}.jpg", jpeg(64 + n, 48)) for n in range(20)]
    named[3], named[11] = ("notes.txt", b"no picture"), ("cut.jpg", named[11][1][:200])
    answer = client.post("/api/v1/inspect", files=files(*named))
    assert answer.status_code == 200
    entries = answer.json()["frames"]
    assert [entry["file"] for entry in entries] == [name for name, _ in named]
    assert [n for n, entry in enumerate(entries) if "error" in entry] == [3, 11]
    assert entries[3] == {"file": "notes.txt", "kind": "FrameRefused", "error": entries[3]["error"]}
    assert [entry["width"] for entry in entries if "width" in entry] == [64 + n for n in range(20) if n not in (3, 11)]
    assert answer.json()["totals"] == {"none": 18, "unread": 2}
    first = entries[0]
    assert [(f["label"], f["box"]) for f in first["findings"]] == [("hammer", [0.1, 0.2, 0.4, 0.5]), ("bolt", [0.35, 0.45, 0.6, 0.8])]
    assert first["from_store"] is False
    sheet = client.get(f"/api/v1/frames/{first['frame_id']}").json()
    assert (sheet["frame"]["source"], sheet["assessment"]["model"]) == ("api", first["model"])
    assert client.post("/api/v1/inspect", files=files(named[0])).json()["frames"][0]["from_store"] is True


@pytest.mark.parametrize("one", [False, True], ids=["several", "one alone"])
def test_frames_inside_json_are_judged_alike(client: TestClient, one: bool) -> None:
    body = in_base64(("a.jpg", jpeg(64, 48)), ("b.jpg", b"x"))
    answer = client.post("/api/v1/inspect/base64", json=body["frames"][0] if one else body)
    assert answer.status_code == 200
    assert ["error" in entry for entry in answer.json()["frames"]] == ([False] if one else [False, True])


def test_a_data_url_and_lines_of_base64_are_taken(client: TestClient) -> None:
    plain = base64.encodebytes(jpeg(64, 48)).decode()
    answer = client.post("/api/v1/inspect/base64", json={"frames": [{"content": f"data:image/jpeg;base64,{plain}"}, {"content": "%%%"}]})
    entries = answer.json()["frames"]
    assert (entries[0]["width"], entries[0]["file"]) == (64, "frame")
    assert entries[1]["error"] == "frame: its content is not base64."


@pytest.mark.parametrize(
    "body", [[], {}, {"frames": []}, {"frames": [1]}, {"frames": "x"}, {"content": 5}, {"frames": [{"content": ""}] * 101}], ids=str
)
def test_json_without_a_frame_is_refused(client: TestClient, body: object) -> None:
    answer = client.post("/api/v1/inspect/base64", json=body)
    assert (answer.status_code, answer.json()["kind"]) == (422, "Malformed")


def test_a_frame_as_large_as_may_be_fits_into_json(client: TestClient) -> None:
    content = jpeg(64, 48) + bytes(CAP_MIB * 2**20 - 4000)
    assert client.post("/api/v1/inspect/base64", json=in_base64(("a.jpg", content))).status_code == 200
    assert client.post("/api/v1/inspect/base64", json=in_base64(*[("a.jpg", content)] * 3)).status_code == 413


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [([("a", b"x")], 415, "FrameRefused"), ([("a", jpeg(64, 48) + bytes(2**20))], 413, "FrameTooLarge")],
    ids=["no picture", "too large"],
)
def test_when_none_was_judged_the_status_says_why(client: TestClient, sent: list[tuple[str, bytes]], status: int, kind: str) -> None:
    answer = client.post("/api/v1/inspect", files=files(*sent))
    assert (answer.status_code, answer.json()["kind"], len(answer.json()["frames"])) == (status, kind, 1)
    assert answer.json()["error"]


def test_a_frame_that_the_model_did_not_answer_is_kept_and_can_be_asked_about_again(tmp_path: Path) -> None:
    app, store = app_of(tmp_path, model=False)
    with TestClient(app, base_url=SITE) as client:
        answer = client.post("/api/v1/inspect", files=files(("a.jpg", jpeg(64, 48))))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        entry = answer.json()["frames"][0]
        assert entry["kind"] == "ModelMissing"
        assert client.get(f"/api/v1/frames/{entry['frame_id']}").status_code == 200
    store.close()


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AppError)]
EXPECTED = {
    "FrameTooLarge": 413, "FrameRefused": 415, "NotFound": 404, "Malformed": 422, "Conflict": 409, "StoreError": 507, "ExportError": 507,
    "ModelError": 503, "ModelMissing": 503, "ModelUnfit": 503, "ModelBusy": 503, "ModelLost": 503, "ModelSilent": 504, "ModelRefused": 502,
    "ModelGarbled": 502, "Abandoned": 499, "AppError": 400, "ProfileError": 400, "SettingsError": 400,
    "DatasetUnfit": 409, "TrainingError": 409, "OutOfTurn": 409, "KeyReused": 422, "Held": 409, "LoginNeeded": 401, "Forbidden": 403, "TooOften": 429,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_its_status(kind: type[AppError]) -> None:
    more: dict[type[AppError], AppError] = {Conflict: Conflict("x", theirs=told(), yours=told()), TooOften: TooOften("x", 5)}
    error = more.get(kind) or kind("x")
    assert status_of(error) == EXPECTED[kind.__name__]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, ModelError)], ids=lambda kind: kind.__name__)
def test_a_model_that_does_not_answer_is_a_status_a_kind_and_a_number_in_the_log(
    tmp_path: Path, kind: type[ModelError], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(frame: Frame, content: bytes, patience: object) -> Any:
        raise kind("It did not answer /srv/models/x.")

    app, store = app_of(tmp_path, inspect=fails)
    with TestClient(app, base_url=SITE) as client:
        frame_id = received(client, jpeg(64, 48))
        answer = client.post(f"/api/v1/frames/{frame_id}/assess")
        counted = client.get("/metrics").text
    store.close()
    said = answer.json()
    assert (answer.status_code, said["kind"]) == (status_of(kind("x")), kind.__name__)
    assert ("retry-after" in answer.headers) == (answer.status_code == 503)
    assert said["error"] == "It did not answer x."
    assert said["id"] in caplog.text
    assert frame_id not in caplog.text
    assert f'gembalens_model_errors_total{{kind="{kind.__name__}"}} 1.0' in counted
    assert f'gembalens_refusals_total{{kind="{kind.__name__}"}} 1.0' in counted
    assert STATUS


def test_assessments_are_listed_by_pages_and_filters(client: TestClient) -> None:
    names = [f"{n}.jpg" for n in range(5)]
    client.post("/api/v1/inspect", files=files(*((name, jpeg(64 + n, 48)) for n, name in enumerate(names))))
    page = client.get("/api/v1/assessments", params={"limit": 3}).json()
    rest = client.get("/api/v1/assessments", params={"limit": 3, "before": page["next"]}).json()
    lines = page["assessments"] + rest["assessments"]
    assert sorted(line["name"] for line in lines) == names
    assert [line["number"] for line in lines] == [5, 4, 3, 2, 1]
    assert rest["next"] is None
    model = lines[0]["model"]
    counts = {
        json.dumps(asked): len(client.get("/api/v1/assessments", params=asked).json()["assessments"])
        for asked in (
            {"risk": "none"},
            {"risk": "undetermined"},
            {"model": model},
            {"model": "another"},
            {"since": lines[0]["at"]},
            {"since": "2999-01-01"},
            {"since": "2020-01-01T00:00:00+08:00"},
        )
    }
    assert list(counts.values()) == [5, 0, 5, 0, 1, 0, 5]


@pytest.mark.parametrize(
    "asked",
    [
        "risk=worst",
        "since=yesterday",
        "limit=0",
        "limit=9999",
        "before=x",
        "before=-1",
        "before=1" + "0" * 20,
        "user=li",
        "risk_level=high",
        "model=" + "m" * 301,
    ],
)
@pytest.mark.parametrize("route", ["assessments"])
def test_a_filter_that_is_not_there_is_refused_and_not_ignored(client: TestClient, route: str, asked: str) -> None:
    answer = client.get(f"/api/v1/{route}?{asked}")
    assert answer.status_code == 422
    assert asked.split("=")[0] in answer.json()["error"]


def test_frames_are_listed_by_pages(client: TestClient) -> None:
    ids = [received(client, jpeg(64 + n, 48)) for n in range(3)]
    page = client.get("/api/v1/frames", params={"limit": 2}).json()
    assert ([card["frame_id"] for card in page["frames"]], page["next"]) == ([ids[2], ids[1]], ids[1])
    rest = client.get("/api/v1/frames", params={"limit": 2, "before": page["next"]}).json()
    assert ([card["frame_id"] for card in rest["frames"]], rest["next"]) == ([ids[0]], None)
    assert client.get("/api/v1/frames?size=5").status_code == 422


def matches(value: Any, schema: dict[str, Any], parts: dict[str, Any], at: str = "") -> list[str]:
    """What of a value is not as a schema says; more keys than it names may be there."""
    if "$ref" in schema:
        return matches(value, parts[schema["$ref"].rsplit("/", 1)[-1]], parts, at)
    if "anyOf" in schema:
        tries = [matches(value, each, parts, at) for each in schema["anyOf"]]
        return [] if [] in tries else tries[0]
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None), "array": list, "object": dict}
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):  # type: ignore[arg-type]
        return [f"{at}: {value!r} is no {schema['type']}"]
    wrong = [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    if isinstance(value, dict):
        wrong += [each for name, part in schema.get("properties", {}).items() if name in value for each in matches(value[name], part, parts, f"{at}.{name}")]  # fmt: skip
    if isinstance(value, list) and "items" in schema:
        wrong += [each for n, item in enumerate(value) for each in matches(item, schema["items"], parts, f"{at}[{n}]")]
    return wrong


def test_answers_are_as_the_description_says_and_so_are_its_examples(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    parts = described["components"]["schemas"]
    client.post("/api/v1/inspect", files=files(("a.jpg", jpeg(64, 48)), ("b", b"x")))
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("post", "/api/v1/inspect", {"files": files(("a.jpg", jpeg(65, 48)), ("b", b"x"))}),
        ("post", "/api/v1/inspect/base64", {"json": in_base64(("a.jpg", jpeg(66, 48)))}),
        ("get", "/api/v1/frames", {}),
        ("get", "/api/v1/assessments", {}),
        ("get", "/livez", {}),
        ("get", "/readyz", {}),
    ]
    for method, path, more in asked:
        said = described["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        answer = client.request(method, path, **more)
        assert answer.status_code == 200, path
        assert matches(answer.json(), said["schema"], parts) == [], path
        if "example" in said:
            assert matches(said["example"], said["schema"], parts) == [], path
    assert INSPECTION["frames"]
    assert re.fullmatch("[0-9a-f]{64}", str(LINE["frame_id"]))


def test_every_route_is_described_with_what_it_may_refuse(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()["paths"]
    for path in ("/api/v1/inspect", "/api/v1/inspect/base64", "/api/v1/frames/{frame_id}/assess"):
        assert {"499", "502", "503", "504"} <= set(described[path]["post"]["responses"]), path
        assert "Retry-After" in described[path]["post"]["responses"]["503"]["headers"]
    for path, methods in described.items():
        for method, route in methods.items():
            assert route.get("description"), f"{method} {path} says nothing of itself"


def test_metrics_count_what_happened_and_name_nobody(client: TestClient) -> None:
    client.post("/api/v1/inspect", files=files(("wang-li.jpg", jpeg(64, 48)), ("b", b"x")))
    client.get("/api/v1/nowhere")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    said = answer.text
    assert 'gembalens_refusals_total{kind="FrameRefused"} 1.0' in said
    assert 'gembalens_refusals_total{kind="NotFound"} 1.0' in said
    assert "gembalens_process_resident_memory_bytes" in said or "process_resident_memory_bytes" in said
    assert "wang" not in said
    assert not re.search("[0-9a-f]{64}", said)
