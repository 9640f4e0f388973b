"""The API with a real desk: what it refuses, how it says so, and that nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.makers import jpeg
from tests.ui.answering import CAP_MIB, SITE, app_of, correction, received

REFUSED_FILES = {
    "html": b"<html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "gif": b"GIF89a" + bytes(100),
    "pdf": b"%PDF-1.7" + bytes(100),
    "exe": b"MZ" + bytes(100),
    "empty": b"",
    "cut": jpeg(640, 480)[:900],
}


@pytest.mark.parametrize("content", REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_what_is_no_picture_is_415_and_nothing_is_kept(client: TestClient, tmp_path: Path, content: bytes) -> None:
    answer = client.post("/api/v1/frames", files={"file": ("x.png", content, "image/png")})
    assert answer.status_code == 415
    assert answer.json()["error"].endswith(".")
    assert client.get("/api/v1/walk").json() == []
    assert not [path for path in (tmp_path / "frames").rglob("*") if path.is_file()]


def test_too_many_bytes_are_413_however_they_come(client: TestClient) -> None:
    large = bytes((CAP_MIB + 2) * 2**20)
    announced = client.post("/api/v1/frames", files={"file": ("x.jpg", large, "image/jpeg")})

    def drops() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        for _ in range(CAP_MIB + 2):
            yield bytes(2**20)

    in_drops = client.post("/api/v1/frames", content=drops(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    as_json = client.post(f"/api/v1/frames/{'a' * 64}/corrections", content=large, headers={"Content-Type": "application/json"})
    for answer in (announced, in_drops, as_json):
        assert answer.status_code == 413
        assert "MiB" in answer.json()["error"]


def test_a_file_over_the_cap_in_a_body_under_it_is_413(client: TestClient) -> None:
    answer = client.post("/api/v1/frames", files={"file": ("x.jpg", bytes(CAP_MIB * 2**20 + 10), "image/jpeg")})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"--x\r\n\r\nheaderless\r\n--x--", "multipart/form-data; boundary=x"),
        (b"no boundary at all", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"--x--", "multipart/form-data; boundary=x"),
        (
            b"".join(b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n\r\n' for _ in range(1000)),
            "multipart/form-data; boundary=x",
        ),
        (b'--x\r\nContent-Disposition: form-data; name="t"\r\n\r\n' + bytes(500_000) + b"\r\n--x--", "multipart/form-data; boundary=x"),
    ],
    ids=["no headers", "no boundary", "no multipart", "no file", "1000 parts", "a text field without end"],
)
def test_a_strange_upload_is_refused_with_a_sentence(client: TestClient, content: bytes, kind: str) -> None:
    answer = client.post("/api/v1/frames", content=content, headers={"Content-Type": kind})
    assert answer.status_code in (415, 422), answer.text
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00b.jpg", "‮gpj.exe", "x" * 300, "CON", "-rf", "😀.jpg", "<img src=x onerror=alert(1)>"]
)
def test_a_name_is_shown_and_never_a_path(client: TestClient, tmp_path: Path, name: str) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_dir()}
    frame_id = received(client, jpeg(64, 48), name)
    assert client.get(f"/api/v1/frames/{frame_id}").status_code == 200
    added = [
        path
        for path in tmp_path.rglob("*")
        if path not in before and path.suffix not in (".sqlite3", ".lock") and "record" not in path.name
    ]
    assert {path.name for path in added} <= {frame_id, frame_id[:2]}


EVIL = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "https://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", EVIL, ids=str)
def test_no_other_site_can_write_by_any_route(client: TestClient, frame_id: str, headers: dict[str, str]) -> None:
    tried = 0
    for path, operations in client.get("/api/v1/openapi.json").json()["paths"].items():
        for method in set(operations) - {"get", "head"}:
            filled = path.replace("{frame_id}", frame_id).replace("{name}", "20231102150501.jpg")
            answer = client.request(method, filled, headers=headers, json=correction())
            assert answer.status_code == 403, (method, filled, answer.text)
            assert answer.json()["error"]
            tried += 1
    assert tried >= 5
    assert client.get(f"/api/v1/frames/{frame_id}").json()["revision"] == 0
    assert len(client.get("/api/v1/walk").json()) == 1


def test_our_own_pages_and_programs_can_write(client: TestClient, frame_id: str) -> None:
    for revision, headers in enumerate([{"Origin": SITE, "Sec-Fetch-Site": "same-origin"}, {}, {"Sec-Fetch-Site": "none"}]):
        answer = client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(saw_revision=revision), headers=headers)
        assert answer.status_code == 200, answer.text


def test_other_sites_may_link_to_a_page_and_load_nothing(client: TestClient, frame_id: str) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (
        client.get(
            f"/api/v1/frames/{frame_id}/preview/320", headers={**foreign, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        ).status_code
        == 403
    )
    assert client.get("/livez", headers={**foreign, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}).status_code == 200
    assert client.get("/livez", headers={**foreign, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}).status_code == 403


@pytest.mark.parametrize(
    "content", [b"{", b"[" * 100_000, b'"' + b"x" * 900_000 + b'"', b"\xff\xfe", b""], ids=["cut", "deep", "long", "no UTF-8", "empty"]
)
def test_strange_json_is_refused_with_a_sentence(client: TestClient, frame_id: str, content: bytes) -> None:
    answer = client.post(f"/api/v1/frames/{frame_id}/corrections", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


def test_json_in_the_guise_of_a_form_is_refused(client: TestClient, frame_id: str) -> None:
    answer = client.post(f"/api/v1/frames/{frame_id}/corrections", content=json.dumps(correction()), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    assert client.get(f"/api/v1/frames/{frame_id}").json()["revision"] == 0


@pytest.mark.parametrize(
    "host",
    ["attacker.example", "127.0.0.1:80", "127.0.0.1.evil.example:7860", "10.0.0.1:7860", "user@127.0.0.1:7860", "", "127.0.0.1:x", "[::1"],
)
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/livez", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_two_hosts_are_refused(client: TestClient) -> None:
    assert client.get("/livez", headers=[("Host", "127.0.0.1:7860"), ("Host", "evil.example")]).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860"])
def test_the_machine_itself_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/livez", headers={"Host": host}).json() == {"alive": True}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/api/v1/walk", "/api/v1/nowhere", "/nowhere", "/dashboard"])
def test_every_answer_carries_the_headers_and_no_leave_for_other_sites(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Origin": "https://evil.example"}, follow_redirects=False)
    assert "object-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control")]


TRAVERSALS = [
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/record.sqlite3",
    "....//etc/passwd",
    "C:%5Cwindows",
    "a" * 63,
    "A" * 64,
    "a" * 64 + "%0a",
    "%00" * 64,
]


@pytest.mark.parametrize("name", TRAVERSALS)
@pytest.mark.parametrize("route", ["/api/v1/frames/{}", "/api/v1/frames/{}/picture", "/api/v1/frames/{}/preview/320", "/api/v1/samples/{}"])
def test_nothing_but_an_id_finds_anything(client: TestClient, route: str, name: str) -> None:
    answer = client.get(route.format(name))
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "kind", "id"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/api/v1/frames/{'a' * 64}", 404),
        ("GET", f"/api/v1/frames/{'a' * 64}/preview/320", 404),
        ("POST", f"/api/v1/frames/{'a' * 64}/assess", 404),
        ("GET", "/api/v1/samples/samples.json", 404),
        ("POST", "/api/v1/samples/nowhere.jpg", 404),
        ("GET", "/api/v1/nowhere", 404),
        ("DELETE", "/api/v1/walk", 404),
        ("GET", "/api/v1/walk?limit=many", 422),
        ("GET", f"/api/v1/walk?before={'b' * 64}", 404),
        ("GET", "/api/v1/next?after=x", 404),
    ],
)
def test_errors_are_one_sentence_without_a_path(client: TestClient, tmp_path: Path, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "kind", "id"}
    assert answer.json()["error"].endswith(".")
    assert str(tmp_path) not in answer.text
    assert "Traceback" not in answer.text


def test_a_bug_answers_with_a_number_that_the_log_has_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app, store = app_of(tmp_path)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret /srv/place")

    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, base_url=SITE, raise_server_exceptions=False) as client:
        answer = client.get("/broken")
    store.close()
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["error"].rstrip(".").split()[-1] in caplog.text
