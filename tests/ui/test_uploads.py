"""Uploads that mean no good, on the wire of a real server: what is no frame leaves nothing, what has no end is cut, and others hardly notice."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from fastapi.testclient import TestClient

from tests.abusing import END, MIB, MULTIPART, PART, Answer, post, watched
from tests.corpus import NO_FRAMES
from tests.hostile import black_png, slow_jpeg
from tests.makers import jpeg
from tests.serving import Served, launched, scripted, serving
from tests.tagged import KINDS, SECRET, metadata_of, tagged
from tests.ui.answering import REPLY, SITE, app_of, correction, received

CAP = 26 * MIB  # of a body: what a frame may have, and a MiB for what is around it
HEARD = 12 * MIB  # what the system holds between two sockets, of which the server never hears; what it reads is held in test_guard.py
HEALTH = 0.2  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(
        tmp_path_factory.mktemp("house") / "data", scripted(tmp_path_factory.mktemp("model") / "script.json", {**REPLY})
    ) as server:
        yield server


def kept(server: Served) -> set[str]:
    """Every file of the data folder but the record, and every file that the server still writes to."""
    of_the_record = [path for path in server.data.rglob("*") if path.is_file() and not path.name.startswith("record.sqlite3")]
    return {str(path.relative_to(server.data)) for path in of_the_record}


def readers(server: Served) -> list[psutil.Process]:
    """The disposable processes of a server."""
    found = []
    for each in psutil.Process(server.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that was killed and not replaced yet
            if "core.decoding.child" in each.cmdline():
                found.append(each)
    return found


def test_nothing_that_is_no_frame_comes_in_by_any_way(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """The corpus, each file alone and said to be a PNG, by every route that takes files."""
    before, tried = kept(server), 0
    with server.client() as client:
        walk = client.get("/api/v1/walk").json()
        for kind, (name, content) in NO_FRAMES.items():
            files = {"file": (name, content, "image/png")}
            as_json = {"frames": [{"name": name, "content": base64.b64encode(content).decode()}]}
            answers = [
                client.post("/api/v1/frames", files=files),
                client.post("/api/v1/inspect", files=files),
                client.post("/api/v1/inspect/base64", json=as_json),
            ]
            for answer in answers:
                assert answer.status_code == 415, (kind, answer.text)
                assert answer.json()["error"].endswith("."), kind
                tried += 1
            screens = client.post("/gradio_api/upload", files={"files": (name, content, "image/png")})
            assert screens.status_code in (403, 404), kind
            charts = client.put("/dashboard/_stcore/upload_file/a/b", files={"file": (name, content, "image/png")})
            assert charts.status_code in (400, 403, 404, 405), kind
            tried += 2
        assert client.get("/api/v1/walk").json() == walk
    assert kept(server) == before, "not a byte is left"
    with capsys.disabled():
        print(f"\nno frames: {len(NO_FRAMES)} files by 5 ways, {tried} tried, {tried} refused")
    assert len(NO_FRAMES) >= 40


def test_a_folder_of_such_files_is_refused_file_by_file(tmp_path: Path) -> None:
    """By the terminal: 40 and more files that are no frames, 3 that are."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, (_, content) in enumerate(NO_FRAMES.values()):
        (folder / f"{number:02}.png").write_bytes(content)
    for number in range(3):
        (folder / f"good{number}.jpg").write_bytes(jpeg(64 + number, 48))
    ended = launched("inspect", folder, "--json", "--data", tmp_path / "data", "--model", scripted(tmp_path / "script.json", {**REPLY}))
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 1
    assert sum("error" not in each for each in told) == 3
    assert sum("error" in each for each in told) == len(NO_FRAMES), ended.stderr[-500:]


def test_of_a_hundred_frames_five_unreadable_ones_are_five_refusals_and_never_another_picture(tmp_path: Path) -> None:
    """3 damaged and 2 missing among 100, by the terminal."""
    folder = tmp_path / "frames"
    folder.mkdir()
    files = [folder / f"{number:03}.jpg" for number in range(100)]
    for number, file in enumerate(files):
        file.write_bytes(jpeg(100 + number, 80))
    for file in (files[10], files[50], files[99]):
        file.write_bytes(file.read_bytes()[:300])
    for file in (files[0], files[70]):
        file.unlink()
    ended = launched("inspect", *files, "--json", "--data", tmp_path / "data", "--model", scripted(tmp_path / "script.json", {**REPLY}))
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    wrong = [each for each in told if "error" in each]
    assert (ended.returncode, len(told), len(wrong)) == (1, 100, 5)
    assert sorted(Path(each["file"]).name for each in wrong) == ["000.jpg", "010.jpg", "050.jpg", "070.jpg", "099.jpg"]
    assert len({each["frame_id"] for each in told if "error" not in each}) == 95


@pytest.mark.parametrize("kind", KINDS)
def test_what_leaves_by_the_api_holds_no_tag(server: Served, kind: str) -> None:
    with server.client() as client:
        for orientation in (1, 6, 7):
            content = tagged(kind, orientation)
            frame_id = client.post("/api/v1/frames", files={"file": ("x", content, "image/png")}).json()[0]["frame"]["id"]
            for route in ("preview/320", "preview/1600", "picture", "annotated"):
                copy = client.get(f"/api/v1/frames/{frame_id}/{route}").content
                assert SECRET.encode() not in copy
                assert metadata_of(copy) == [], (route, orientation)


def test_what_is_exported_holds_no_tag(server: Served) -> None:
    with server.client() as client:
        for number, kind in enumerate(KINDS):
            content = tagged(kind, number % 8 + 1)
            frame_id = client.post("/api/v1/frames", files={"file": ("x", content, "image/png")}).json()[0]["frame"]["id"]
            revision = client.get(f"/api/v1/frames/{frame_id}").json()["revision"]
            said = client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(saw_revision=revision))
            assert said.status_code == 200, said.text
        report = client.post("/api/v1/exports/sft", json={}).json()
    assert report["written"] >= len(KINDS)
    files = [path for path in (server.data / report["folder"]).rglob("*") if path.is_file()]
    assert sum(path.suffix == ".jpg" for path in files) >= len(KINDS)
    for path in files:
        assert SECRET.encode() not in path.read_bytes()
        assert path.suffix != ".jpg" or metadata_of(path.read_bytes()) == []


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
def test_on_a_full_disk_no_frame_comes_in_corrections_are_saved_and_room_ends_it(tmp_path: Path) -> None:
    """A volume of 64 MiB of which 3 are free; 4 are kept for corrections."""
    data = tmp_path / "small"
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(data)], capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    try:
        app, store = app_of(data)
        with TestClient(app, base_url=SITE, raise_server_exceptions=False) as client:
            frame_id = received(client, jpeg(640, 480))
            filler = data / "filler"
            filler.write_bytes(bytes(shutil.disk_usage(data).free - 3 * MIB))
            files = {"file": ("x.jpg", jpeg(65, 49), "image/jpeg")}
            for _ in range(3):
                full = client.post("/api/v1/frames", files=files)
                assert full.status_code == 507
                assert full.json()["error"].startswith("The disk is nearly full: ")
            for revision in range(20):
                saved = client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(saw_revision=revision))
                assert saved.status_code == 200, saved.text
            assert len(client.get("/api/v1/walk").json()) == 1, "no half row"
            assert not list(data.rglob("*.half"))
            filler.unlink()
            assert client.post("/api/v1/frames", files=files).status_code == 200
            assert len(client.get("/api/v1/walk").json()) == 2
        store.close()
    finally:
        subprocess.run(["umount", "--lazy", str(data)], check=True)


def endless(size: int = 300 * MIB) -> Iterator[bytes]:
    yield PART
    for _ in range(size // MIB):
        yield bytes(MIB)
    yield END


def zipped() -> Iterator[bytes]:
    """300 MiB as 300 KiB: gzip may have many members."""
    yield gzip.compress(PART)
    member = gzip.compress(bytes(MIB), 1)
    for _ in range(300):
        yield member
    yield gzip.compress(END)


LARGE: dict[str, Callable[[Served, str], Answer]] = {
    "announced": lambda server, path: post(server, path, endless(), length=300 * MIB + len(PART) + len(END)),
    "chunked": lambda server, path: post(server, path, endless()),
    "gzip": lambda server, path: post(server, path, zipped(), Content_Encoding="gzip"),
    "a wrong length": lambda server, path: post(server, path, endless(), length=1000),
    "lengths that are none": lambda server, path: post(server, path, [b""], length=0, content_length="12, 13"),
}


@pytest.mark.parametrize("path", ["/api/v1/frames", "/api/v1/inspect", "/gradio_api/upload", "/dashboard/_stcore/upload_file/a/b"])
def test_300_mib_are_cut_at_the_cap_however_they_come_and_nobody_else_waits(server: Served, path: str) -> None:
    before = kept(server)
    for how, send in LARGE.items():
        with watched(server) as watch:
            answer = send(server, path)
        assert answer.status == 0 or 400 <= answer.status < 500, (how, answer)
        if how == "announced":
            assert answer.status in (413, 404), answer
            assert answer.sent <= HEARD, "hardly anything was read"
        if how == "chunked":
            assert answer.status in (0, 413, 404), answer
        assert answer.sent <= 8 * CAP + HEARD, (how, answer.sent) if "gradio" in path else answer.sent <= CAP + HEARD
        assert watch.p95() < HEALTH, (how, watch.p95())
        assert watch.failed == 0
        assert watch.grown_mib() < 80, (how, watch.grown_mib())
    assert kept(server) == before


def test_five_at_once_are_cut_too_and_a_frame_comes_in_beside_them(server: Served) -> None:
    before = kept(server)
    with watched(server) as watch, ThreadPoolExecutor(5) as hands:
        asked = [hands.submit(post, server, "/api/v1/frames", endless()) for _ in range(5)]
        with server.client() as client:
            came = client.post("/api/v1/frames", files={"file": ("x.jpg", jpeg(77, 66), "image/jpeg")})
        answers = [each.result() for each in asked]
    assert came.status_code == 200
    assert {answer.status for answer in answers} <= {413, 0}
    assert 413 in {answer.status for answer in answers}
    assert max(answer.sent for answer in answers) <= CAP + HEARD
    assert watch.p95() < HEALTH, watch.p95()
    assert watch.failed == 0
    frame_id = came.json()[0]["frame"]["id"]
    assert all(frame_id in path for path in kept(server) - before)


def parts(count: int) -> Iterator[bytes]:
    for _ in range(count // 100):
        yield (PART + b"x\r\n") * 100
    yield END


def words(size: int) -> Iterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
    for _ in range(size // MIB):
        yield b"a" * MIB
    yield END


def junk(size: int) -> Iterator[bytes]:
    for _ in range(size // 2**16):
        yield b"\r\n--" + b"y" * 2**16
    yield END


ABUSE: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "10,000 files": (lambda: parts(10_000), MULTIPART),
    "10,000 fields": (lambda: iter([b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 10_000, END]), MULTIPART),
    "200 MB of words in one field": (lambda: words(200 * MIB), MULTIPART),
    "10 MB of boundaries": (lambda: junk(10 * MIB), MULTIPART),
    "a part without headers": (lambda: iter([b"--x\r\n\r\nheaderless", END]), MULTIPART),
    "a header without an end": (lambda: iter([b"--x\r\nContent-Disposition: form-data; name=", *([b"a" * MIB] * 12)]), MULTIPART),
    "10,000 headers": (lambda: iter([b"--x\r\n" + b"A: b\r\n" * 10_000, b"\r\n\r\n", END]), MULTIPART),
    "a boundary of a megabyte": (lambda: iter([b"--" + b"x" * MIB + b"\r\n\r\n"]), f"multipart/form-data; boundary={'x' * 50_000}"),
    "no boundary": (lambda: iter([PART, END]), "multipart/form-data"),
    "an encoding of its own": (lambda: iter([PART, END]), "multipart/form-data; boundary=x; charset=utf-7"),
    "a name that is no UTF-8": (lambda: iter([PART.replace(b"x.jpg", b"\xff\xfe\x00.jpg"), END]), MULTIPART),
    "another form": (lambda: iter([b"a=b&" * 100_000]), "application/x-www-form-urlencoded"),
    "only its end": (lambda: iter([END]), MULTIPART),
}


def test_abused_forms_are_refused_quickly_in_little_memory_while_others_are_served(
    server: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each eight times, four at once."""
    before, slowest, tried = kept(server), 0.0, 0
    with watched(server) as watch, ThreadPoolExecutor(4) as hands:
        for how, (body, kind) in ABUSE.items():
            asked = [hands.submit(post, server, "/api/v1/frames", body(), Content_Type=kind) for _ in range(8)]
            for answer in (each.result() for each in asked):
                assert answer.status == 0 or 400 <= answer.status < 500, (how, answer)
                assert answer.seconds < 2, (how, answer.seconds)
                slowest, tried = max(slowest, answer.seconds), tried + 1
    said = f"slowest {slowest:.2f} s, health p95 {1000 * watch.p95():.0f} ms of {len(watch.seconds)}, +{watch.grown_mib():.0f} MiB"
    with capsys.disabled():
        print(f"\nforms: {len(ABUSE)} kinds, {tried} tried, {tried} refused, {said}")
    assert watch.failed == 0
    assert watch.p95() < HEALTH
    assert watch.grown_mib() < 50
    assert kept(server) == before


@pytest.mark.slow
def test_a_body_by_the_drop_is_closed_within_half_a_minute(server: Served) -> None:
    drops = (PART[at : at + 1] or b"x" for at in range(10_000))
    with watched(server) as watch:
        answer = post(server, "/api/v1/frames", drops, length=10_000, wait=0.2)
    assert answer.status in (0, 408)
    assert answer.seconds < 30
    assert watch.p95() < HEALTH


def test_a_reader_that_is_killed_costs_nobody_the_frame(server: Served) -> None:
    """Killed between two frames and over one; each time the frame comes in and the server lives on."""
    large, pid = black_png(7_000, 7_000), server.process.pid
    with server.client() as client, ThreadPoolExecutor(1) as hand:
        for number in range(3):
            for each in readers(server):
                each.kill()
            came = client.post("/api/v1/frames", files={"file": ("x.jpg", jpeg(90 + number, 50), "image/jpeg")})
            assert came.status_code == 200, came.text
        asked = hand.submit(client.post, "/api/v1/frames", files={"file": ("x.png", large, "image/png")})
        used = {each.pid: sum(each.cpu_times()[:2]) for each in readers(server)}
        for _ in range(200):
            over = [each for each in readers(server) if sum(each.cpu_times()[:2]) > used.get(each.pid, 9e9) + 0.05]
            if over or asked.done():
                break
            time.sleep(0.005)
        for each in over:
            each.kill()
        assert asked.result(30).status_code == 200
    assert over, "one was killed over the frame"
    assert psutil.Process(pid).is_running()


@pytest.mark.slow
def test_readers_that_stand_still_or_are_kept_busy_are_replaced_and_the_server_answers(server: Served) -> None:
    slow = slow_jpeg(7_000, 7_000, 20_000)
    with server.client() as client, watched(server) as watch:
        for each in readers(server):
            os.kill(each.pid, signal.SIGSTOP)
        began = time.monotonic()
        stopped = client.post("/api/v1/frames", files={"file": ("x.jpg", jpeg(99, 50), "image/jpeg")})
        assert (stopped.status_code, time.monotonic() - began < 15) == (415, True)
        busy = client.post("/api/v1/frames", files={"file": ("x.jpg", slow, "image/jpeg")})
        assert busy.status_code == 415
        assert "takes too long" in busy.json()["error"]
        after = client.post("/api/v1/frames", files={"file": ("x.jpg", jpeg(99, 50), "image/jpeg")})
        assert after.status_code == 200
    assert watch.failed == 0
    assert watch.p95() < HEALTH
