"""The three apps behind one door, on the wire: what every page carries, what no route gives away, what no other site can do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.serving import Served, scripted, serving

PAGES = ("/", "/dashboard/", "/dashboard/queue", "/dashboard/_stcore/health", "/livez", "/api/v1/profile", "/theme.css")
SECRETS = (b"root:", b"SQLite format", b"[project]", b"from __future__", b"GEMBALENS", b"[tool.ruff]")
TARGETS = (
    "etc/passwd",
    "record.sqlite3",
    "record.sqlite3-wal",
    "launch.py",
    "pyproject.toml",
    "core/settings.py",
    ".git/config",
    ".streamlit/config.toml",
)
CLIMBS = (
    "../../../../../../{}",
    "..%2f..%2f..%2f..%2f..%2f{}",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/{}",
    "..\\..\\..\\{}",
    "//{}",
    "/{}",
    "....//....//{}",
    "file:///{}",
)
READERS = (
    "/api/v1/samples/{}",
    "/api/v1/frames/{}/picture",
    "/dashboard/{}",
    "/dashboard/static/{}",
    "/dashboard/media/{}",
    "/dashboard/component/{}",
    "/dashboard/app/static/{}",
    "/gradio_api/file={}",
    "/gradio_api/file/{}",
    "/file={}",
    "/static/{}",
    "/assets/{}",
    "/gradio_api/proxy={}",
    "/theme.css?x={}",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    model = scripted(tmp_path_factory.mktemp("model") / "script.json", {"findings": [], "tool": "none", "risk": "none"})
    with serving(tmp_path_factory.mktemp("house") / "data", model) as server:
        yield server


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_every_app_carries_the_headers(served: Served, path: str) -> None:
    with served.client() as client:
        answer = client.get(path, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200, answer.text[:200]
    assert "object-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_inspector_and_the_dashboard_are_where_they_should_be(served: Served) -> None:
    with served.client() as client:
        assert "gradio" in client.get("/").text.lower()
        assert "streamlit" in client.get("/dashboard/").text.lower()
        assert client.get("/dashboard?lang=zh").headers["location"] == "/dashboard/?lang=zh"


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/queue", "/dashboard/data?lang=zh"])
def test_a_dashboard_page_knows_its_name_and_place_whatever_may_be_compressed(served: Served, path: str) -> None:
    with served.client() as client:
        for encoding in ("identity", "gzip"):
            answer = client.get(path, headers={"Accept-Encoding": encoding})
            assert "<title>GembaLens</title><script>" in answer.text
            assert '"/dashboard"' in answer.text
            assert "etag" not in answer.headers
            assert int(answer.headers.get("content-length", len(answer.content))) in (len(answer.content), answer.num_bytes_downloaded)


def test_what_the_pages_load_comes_from_here(served: Served) -> None:
    with served.client() as client:
        for path in ("/", "/dashboard/"):
            loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)\"", client.get(path).text)
            assert [url for url in loaded if "127.0.0.1" not in url] == [], path


def test_scripts_leave_compressed(served: Served) -> None:
    with served.client() as client:
        script = re.search(r"static/js/index\.[\w-]+\.js", client.get("/dashboard/").text)
        assert script is not None
        answer = client.get(f"/dashboard/{script.group()}")
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]


def test_no_route_of_any_app_gives_a_file_away(served: Served) -> None:
    tried = 0
    with httpx.Client(timeout=30, trust_env=False) as client:
        for reader in READERS:
            for target in TARGETS:
                for climb in CLIMBS:
                    answer = client.get(f"{served.address}{reader.format(climb.format(target))}")
                    assert not any(secret in answer.content[:4000] for secret in SECRETS), (reader, target, climb)
                    tried += 1
    assert tried == len(READERS) * len(TARGETS) * len(CLIMBS)


@pytest.mark.parametrize(
    "where", ["//evil.example/", "/\\evil.example/", "/?next=https://evil.example", "/?_target_url=https://evil.example"]
)
@pytest.mark.parametrize("start", ["", "/dashboard", "/gradio_api/file=https:", "/login", "/logout"])
def test_nothing_sends_a_visitor_to_another_site(served: Served, start: str, where: str) -> None:
    with httpx.Client(timeout=30, trust_env=False) as client:
        answer = client.get(f"{served.address}{start}{where}")
    location = answer.headers.get("location", "/")
    assert not re.match(r"(https?:)?[/\\]{2}(?!127\.0\.0\.1)", location), location


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/run/predict", "/dashboard/_stcore/upload_file/a/b", "/login"]
)
def test_no_other_site_can_write_into_any_app(served: Served, path: str) -> None:
    with served.client() as client:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post(path, headers=headers, json={}).status_code == 403
            assert client.put(path, headers=headers, json={}).status_code == 403
