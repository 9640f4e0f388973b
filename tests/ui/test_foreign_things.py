"""Files and things of others: every file goes out as what it is and can do nothing in a browser; what is not yours is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.makers import jpeg
from tests.ui.answering import correction, received
from tests.ui.test_doorman import HTML, House, house_of

KINDS = {
    "/api/v1/frames/{id}/preview/320": "image/jpeg",
    "/api/v1/frames/{id}/preview/1600": "image/jpeg",
    "/api/v1/frames/{id}/picture": "image/jpeg",
    "/api/v1/frames/{id}/annotated": "image/jpeg",
    "/api/v1/samples/20231102150501.jpg": "image/jpeg",
    "/api/v1/frames.csv": "text/csv",
    "/api/v1/frames.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from house_of(tmp_path)


@pytest.fixture
def frame_id(house: House) -> str:
    with house.client("admin") as client:
        made = received(client, jpeg(64, 48), "<script>alert(1)</script>.html")
        client.post(f"/api/v1/frames/{made}/corrections", json=correction()).raise_for_status()
    return made


def test_every_file_goes_out_as_what_it_is_whatever_a_browser_asks_for(house: House, frame_id: str) -> None:
    with house.client("lead", **HTML) as lead, house.client(**HTML) as nobody:
        for route, kind in KINDS.items():
            path = route.replace("{id}", frame_id)
            answer = lead.get(path)
            assert answer.status_code == 200, (path, answer.text[:200])
            assert answer.headers["content-type"].split(";")[0] == kind
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-disposition"].split(";")[0] in ("inline", "attachment")
            assert "script" not in answer.headers["content-disposition"]
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert nobody.get(path).status_code == 401, path
    print(f"{len(KINDS)} addresses of files, as a lead and as nobody: 0 of another kind, 0 told to nobody")


def test_nobody_finds_what_is_not_theirs_or_not_there(house: House, frame_id: str) -> None:
    with house.client("lead") as lead, house.client("annotator") as other:
        lead.post("/api/v1/tokens", json={"name": "night", "role": "viewer"}).raise_for_status()
        (token,) = lead.get("/api/v1/tokens").json()["tokens"]
        token_id = next(value for key, value in token.items() if key in ("id", "token_id"))
        tries = [("DELETE", f"/api/v1/tokens/{token_id}"), ("DELETE", "/api/v1/tokens/1"), ("GET", "/join/" + "x" * 43)]
        strange = ["0" * 64, frame_id[:-1], frame_id.upper(), frame_id + "0", f"{frame_id}%00", "latest", "-1", "..%2f" + frame_id]
        tries += [
            ("GET", f"/api/v1/frames/{each}{what}")
            for each in strange
            for what in ("", "/history", "/picture", "/annotated", "/preview/320")
        ]
        for method, path in tries:
            answer = other.request(method, path)
            assert answer.status_code == 404, (method, path, answer.status_code)
            assert frame_id not in answer.text
        assert other.get("/api/v1/tokens").json() == {"tokens": []}
        assert len(lead.get("/api/v1/tokens").json()["tokens"]) == 1, "still there"
        assert other.put(f"/api/v1/frames/{frame_id}/lease", json={"tab": "mine"}).status_code == 200
        assert lead.request("DELETE", f"/api/v1/frames/{frame_id}/lease", json={"tab": "mine"}).json() == {"given_back": False}
    print(f"{len(tries)} ids that are nobody's or another's: {len(tries)} times 404")


@pytest.mark.parametrize(
    "asked",
    ["owner=ada", "sort=password", "state=x' OR 1=1 --", "level=%00", "order=asc", "author[]=ada", "limit=0", "limit=1e9", "before=x", "since=soon", "binned=maybe", "fields=password"],
)  # fmt: skip
def test_a_filter_or_an_order_that_is_not_told_of_is_refused(house: House, frame_id: str, asked: str) -> None:
    with house.client("lead") as client:
        answer = client.get(f"/api/v1/frames?{asked}")
        assert answer.status_code in (404, 422), answer.text
        assert "frames" not in answer.json()


def failures(client: TestClient, frame_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Forty ways to be refused."""
    frame, unknown = f"/api/v1/frames/{frame_id}", f"/api/v1/frames/{'0' * 64}"
    bodies: list[object] = [[], None, 7, {"verdict": 1}, {"revision": "x"}, {"x" * 500: 1}, {"comment": "\x00"}]
    return [
        *[("POST", f"{frame}/{verb}", {"json": body}) for verb in ("corrections", "reviews", "bin") for body in bodies],
        *[(method, unknown + verb, {"json": correction()}) for method, verb in (("GET", ""), ("POST", "/corrections"), ("POST", "/assess"), ("GET", "/picture"))],
        *[("POST", "/api/v1/frames", {"files": {"file": ("x.jpg", content, "image/jpeg")}}) for content in (b"", b"MZ", jpeg(64, 48)[:200])],
        ("POST", "/api/v1/inspect", {"files": {"file": ("x.jpg", b"x", "image/jpeg")}}),
        ("POST", "/api/v1/inspect/base64", {"json": {"content": "?"}}),
        ("POST", "/api/v1/inspect/base64", {"content": b"[" * 10**5, "headers": {"Content-Type": "application/json"}}),
        ("POST", "/api/v1/exports/sft", {"json": {"family": "../../etc"}}),
        ("POST", "/api/v1/bulk", {"json": {"verb": "drop table"}}),
        ("POST", "/api/v1/people", {"json": {"name": "'; --", "role": "root"}}),
        ("PATCH", "/api/v1/people/nobody", {"json": {"role": "lead"}}),
        ("POST", "/api/v1/tokens", {"json": {"name": "x", "role": "admin", "ends_at": "x"}}),
        ("GET", "/api/v1/audit?before=99999999999999999999", {}),
        ("GET", "/api/v1/frames?sort=%22%00", {}),
        ("GET", "/api/v1/nowhere", {}),
        ("PUT", "/api/v1/frames", {}),
    ]  # fmt: skip


SECRETS = ("Traceback", 'File "', ".py", "SELECT", "INSERT", "sqlite", "gl_", "/tmp", "/home", "site-packages", "line ")


def test_forty_failures_tell_a_sentence_a_number_of_the_log_and_nothing_else(
    house: House, frame_id: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    statuses: dict[int, int] = {}
    with house.client("admin") as client:
        tries = failures(client, frame_id)
        for method, path, more in tries:
            answer = client.request(method, path, **more)
            assert 400 <= answer.status_code < 500 or answer.status_code == 503, (method, path, answer.text)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            said = answer.json()
            assert said["error"].rstrip().endswith((".", "?")), said
            assert said["id"] in caplog.text, (method, path, said)
            told = [each for each in (*SECRETS, str(tmp_path)) if each in answer.text]
            assert not told, (method, path, told, answer.text)
    print(f"{len(tries)} failures provoked: {statuses}; 0 traces, paths, SQL or keys; every number is in the log")
    assert len(tries) >= 40
