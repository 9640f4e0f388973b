"""The way in: every verb as a person types it, and one clear sentence for everything that a machine may lack."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

import launch
from core.geometry import FAMILIES
from core.settings import ASSETS, load
from tests.makers import jpeg
from tests.serving import ROOT, Served, command, free_port, launched, scripted, serving
from ui.terminal.serving import listening

REPLY: dict[str, object] = {
    "findings": [
        {"box": [100, 200, 400, 500], "label": "hammer"},
        {"box": [350, 450, 600, 800], "label": "bolt"},
        {"box": [50, 100, 300, 400], "label": "hand"},
    ],
    "tool": "hammer",
    "part": "bolt",
    "action": "strike",
    "phase": "work",
    "violations": [],
    "risk": "none",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return scripted(tmp_path_factory.mktemp("model") / "script.json", REPLY)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, model: str) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("house") / "data", model) as server:
        yield server


def test_help_names_every_verb_and_loads_nothing_heavy() -> None:
    done = launched("--help")
    assert done.returncode == 0
    verbs = "run inspect queue dataset train adapters models people export import evaluate check"
    assert set(verbs.split(" ")) <= set(done.stdout.split())
    heavy = "{'torch','transformers','gradio','streamlit','numpy','PIL','fastapi','sqlite3'} & set(sys.modules)"
    asked = subprocess.run(
        [sys.executable, "-c", f"import launch, sys; launch.parser(); print({heavy})"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == "set()"


@pytest.fixture
def busy_port() -> Iterator[str]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        yield str(door.getsockname()[1])


def test_a_busy_port_is_one_sentence(busy_port: str, tmp_path: Path, model: str) -> None:
    done = launched("run", "--port", busy_port, "--data", tmp_path, "--model", model, "--no-browser")
    _one_sentence(done, f"Port {busy_port} is taken", "--port")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data", "FILE/data"), ("FILE/data", "data folder")),
        (("--model", "nowhere"), ("no folder of the name nowhere", "--model", "`launch.py models list`", "compact")),
        (("--model", "scripted:FILE.none"), ("no script a.none",)),
        (("--profile", "nowhere"), ("nowhere", "profile")),
        (("--profile", "FILE.toml"), ("line",)),
        (("--port", "seven"), ("--port", "seven")),
        (("--settings", "FILE.none"), ("settings file",)),
    ],
    ids=[
        "an unwritable folder",
        "a missing model",
        "a missing script",
        "a missing profile",
        "a bad profile",
        "no port",
        "no settings file",
    ],
)
def test_what_is_lacking_is_one_sentence(words: tuple[str, ...], said: tuple[str, ...], tmp_path: Path, model: str) -> None:
    (tmp_path / "a").write_text("a file where a folder should be")
    (tmp_path / "a.toml").write_text('key = "x"\nversion = 1\n[broken\n')
    filled = [word.replace("FILE", str(tmp_path / "a")) for word in words]
    usual = ["--data", str(tmp_path / "data"), "--model", model, "--port", str(free_port()), "--no-browser"]
    _one_sentence(launched("run", *usual, *filled), *(part.replace("FILE", str(tmp_path / "a")) for part in said))


def _one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert all(part in done.stderr for part in parts), done.stderr


def test_inspect_prints_one_object_a_line_and_goes_on_after_a_bad_file(tmp_path: Path, model: str) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(jpeg(160, 120))
    bad.write_bytes(b"no picture")
    done = launched("inspect", bad, tmp_path / "none.jpg", good, "--json", "--model", model)
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(bad), str(tmp_path / "none.jpg"), str(good)]
    assert all(set(line) == {"file", "error"} for line in lines[:2])
    told = lines[2]
    keys = ["frame_id", "file", "width", "height", "findings", "step", "violations", "risk", "model", "prompt_id", "seconds", "dropped"]
    assert list(told) == keys
    assert list(told["step"]) == ["action", "tool", "part", "phase"]
    assert all(list(value) == ["value", "confidence"] for value in told["step"].values())
    assert all(list(finding) == ["label", "box", "confidence"] for finding in told["findings"])
    assert (told["width"], told["height"], len(told["findings"])) == (160, 120, 3)
    hammer = next(finding for finding in told["findings"] if finding["label"] == "hammer")
    assert hammer["box"] == pytest.approx([0.1, 0.2, 0.4, 0.5], abs=0.01)
    assert told["step"]["tool"]["value"] == "hammer"
    assert list(told["risk"]) == ["level", "probabilities", "reasons"]


def test_inspect_of_a_folder_and_a_video_goes_on_after_a_break(tmp_path: Path, model: str) -> None:
    folder, book = tmp_path / "frames", tmp_path / "answers.jsonl"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg(160, 120))
    film = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for n in range(60):
        picture = np.full((120, 160, 3), 120, np.uint8)
        picture[20:60, n : n + 40] = (30, 30, 220)
        film.write(picture)
    film.release()
    done = launched("inspect", folder, "--model", model, "--out", book)
    assert (done.returncode, done.stderr) == (0, "")
    files = [Path(json.loads(line)["file"]).name for line in book.read_text().splitlines()]
    assert files == ["a.jpg", "clip.mp4#t=00:00:00.000", "clip.mp4#t=00:00:01.000", "clip.mp4#t=00:00:02.000"]
    assert "Frames: 4" in done.stdout
    book.write_bytes(book.read_bytes()[:-30])
    again = launched("inspect", folder, "--model", model, "--resume", book, "--json")
    assert again.returncode == 0, again.stderr
    assert [json.loads(line)["file"] for line in again.stdout.splitlines()] == [f"{folder}/clip.mp4#t=00:00:02.000"]
    assert "Answered before: 3" in again.stderr


def test_models_of_a_new_place_are_the_one_that_ships(tmp_path: Path) -> None:
    done = launched("models", "list", "--data", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert [(each["name"], each["active"]) for each in json.loads(done.stdout)] == [("compact", True)]
    _one_sentence(launched("models", "use", "nowhere", "--data", tmp_path), "nowhere", "models add")


@pytest.mark.parametrize(("reply", "why"), [("Sorry, I cannot.", "cannot be read as an assessment"), (None, "no answer for the frame")])
def test_a_server_whose_model_is_broken_lives_and_is_not_ready(tmp_path: Path, reply: str | None, why: str) -> None:
    (tmp_path / "script.json").write_text(json.dumps({"*" if reply else "other": reply or "x"}))
    with serving(tmp_path / "data", f"scripted:{tmp_path / 'script.json'}") as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        end = time.monotonic() + 30
        while "still loading" in (ready := client.get("/readyz")).text and time.monotonic() < end:
            time.sleep(0.1)
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert why in ready.json()["error"]
        assert client.get("/metrics").status_code == 200


def test_a_real_frame_that_is_answered_makes_a_server_ready_and_one_that_is_not_does_not(tmp_path: Path) -> None:
    known, other = jpeg(162, 120), jpeg(120, 162)
    (tmp_path / "script.json").write_text(json.dumps({"*": "Sorry, I cannot.", sha256(known).hexdigest(): json.dumps(REPLY)}))
    with serving(tmp_path / "data", f"scripted:{tmp_path / 'script.json'}") as server, server.client() as client:
        end = time.monotonic() + 30
        while "still loading" in client.get("/readyz").text and time.monotonic() < end:
            time.sleep(0.1)
        for content, status in ((other, 503), (known, 200)):
            client.post("/api/v1/inspect", files={"files": ("b.jpg", content, "image/jpeg")})
            assert client.get("/readyz").status_code == status


def test_a_server_counts_and_lists_what_it_was_asked(served: Served) -> None:
    with served.client() as client:
        done = client.post("/api/v1/inspect", files={"files": ("b.jpg", jpeg(162, 120), "image/jpeg")})
        assert done.json()["frames"][0]["findings"]
        said = client.get("/metrics").text
        listed = client.get("/api/v1/assessments").json()["assessments"]
        known = client.get("/api/v1/models").json()
    assert listed[0]["frame_id"] == done.json()["frames"][0]["frame_id"]
    for stage in ("decode", "wait", "model", "read"):
        assert f'gembalens_stage_seconds_count{{stage="{stage}"}}' in said
    assert "gembalens_queue_depth 0.0" in said
    assert float(next(line for line in said.splitlines() if line.startswith("gembalens_disk_free_bytes ")).split()[1]) > 0
    assert (known["models"][0]["name"], known["running"]) == ("compact", listed[0]["model"])


def test_inspect_of_good_files_ends_well_and_keeps_nothing(tmp_path: Path, model: str) -> None:
    good = tmp_path / "good.jpg"
    good.write_bytes(jpeg(160, 120))
    done = launched("inspect", good, "--model", model, "--data", tmp_path / "data", "--language", "zh")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(word in done.stdout for word in ("未见风险", "工具 锤子", "标注框：", "秒"))
    assert not re.search(r"\b(risk|tool|found|none)\b", done.stdout.replace(str(good), ""))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("language", "words"), [("en", ("UNDETERMINED", "Not used")), ("zh", ("待人工判定", "回答中未采用的部分："))])
def test_inspect_says_what_was_dropped(language: str, words: tuple[str, ...], tmp_path: Path) -> None:
    odd = {**REPLY, "findings": [*REPLY["findings"], {"box": [1, 2, 3, 4], "label": "zebra"}]}  # type: ignore[misc]
    (tmp_path / "good.jpg").write_bytes(jpeg(160, 120))
    done = launched("inspect", tmp_path / "good.jpg", "--model", scripted(tmp_path / "odd.json", odd), "--language", language)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in (*words, "zebra")), done.stdout


def test_the_model_that_ships_looks_at_a_real_frame() -> None:
    """Nothing scripted: weights from the folder, generated tokens, their probabilities."""
    sample = sorted((ASSETS / "samples").glob("*.jpg"))[0]
    done = launched("inspect", sample, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    line = json.loads(done.stdout)
    assert line["model"].startswith("compact"), line["model"]
    assert line["seconds"] > 0
    assert line["step"]["tool"]["value"] is not None
    assert all(0 < line["step"][name]["confidence"] <= 1 for name in ("tool", "part", "action", "phase"))
    assert line["risk"]["level"] in ("none", "low", "medium", "high", None)  # how well it sees is measured by `evaluate`, not here


def test_it_listens_on_this_machine_only(served: Served) -> None:
    family = [psutil.Process(served.process.pid), *psutil.Process(served.process.pid).children(recursive=True)]
    doors = {each.laddr.ip for process in family for each in process.net_connections(kind="inet") if each.status == psutil.CONN_LISTEN}
    assert doors == {"127.0.0.1"}


def test_an_answer_does_not_wait_for_the_network_to_make_up_its_mind() -> None:
    """asyncio sets TCP_NODELAY only on sockets that name their protocol; without it every answer on a kept connection waits 40 ms."""
    with listening(load({"port": free_port()}, {})) as door:
        assert door.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("place", ["/livez", "/readyz", "/", "/dashboard/", "/api/v1/profile"])
def test_everything_is_at_one_address(place: str, served: Served) -> None:
    with served.client() as client:
        assert client.get(place).status_code == 200


def test_a_second_one_on_the_same_folder_is_refused_in_a_sentence(served: Served, model: str) -> None:
    done = launched("run", "--data", served.data, "--model", model, "--port", str(free_port()), "--no-browser")
    _one_sentence(done, "one record has one writer")


def test_export_reads_beside_a_running_server(served: Served, tmp_path: Path) -> None:
    with served.client() as client:
        frame_id = client.post("/api/v1/frames", files={"files": ("a.jpg", jpeg(161, 120), "image/jpeg")}).json()[0]["frame"]["id"]
        said = client.post(f"/api/v1/frames/{frame_id}/assess").json()
        told = {**said, "saw_revision": 0, "verdict": "reviewed", "author": "li", "active_seconds": 1.0, "note": ""}
        for each in (*told["findings"], *told["step"].values(), *told["violations"], told["risk"]):
            each["said_by"] = "confirmed"
        told["risk"]["level"] = told["risk"]["level"] or "none"
        keys = ("saw_revision", "verdict", "author", "findings", "step", "violations", "risk", "active_seconds", "note")
        saved = client.post(f"/api/v1/frames/{frame_id}/corrections", json={key: told[key] for key in keys})
        assert saved.status_code == 200, saved.text
    done = launched("export", "sft", tmp_path / "set", "--data", served.data, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["written"] == 1
    assert all((tmp_path / "set" / file).exists() for file in report["files"])


def test_export_without_a_record_is_one_sentence(tmp_path: Path) -> None:
    _one_sentence(launched("export", "sft", tmp_path / "set", "--data", tmp_path / "data"), "no record", str(tmp_path / "data"), "--data")
    assert list(tmp_path.iterdir()) == []  # neither the mistyped folder nor a training set


def test_export_offers_every_family_that_boxes_are_known_of() -> None:
    verbs = launch.parser()
    assert {verbs.parse_args(["export", "sft", "x", "--family", family]).family for family in FAMILIES} == set(FAMILIES)


def test_evaluate_counts_boxes_by_the_names_of_the_profile(tmp_path: Path, model: str) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(200, 100))
    names = ["Claw hammer", "bolt", "hand", "drill", "a cat"]  # an alias, two keys, one that is missed, one that is left out
    boxes = [(20, 20, 60, 30), (70, 45, 50, 35), (100, 0, 50, 50), (0, 0, 10, 10), (0, 0, 9, 9)]
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "annotations": [{"id": i, "image_id": 1, "category_id": i, "bbox": box} for i, box in enumerate(boxes)],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    (tmp_path / "map.json").write_text(json.dumps({"a cat": None}))
    words = ("evaluate", tmp_path / "coco.json", "--images", tmp_path, "--map", tmp_path / "map.json", "--model", model)
    figures = json.loads(launched(*words, "--json").stdout)
    # Said: hammer and bolt where they are, hand elsewhere. True: those, a hand, a drill.
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == pytest.approx(2 / 4)
    assert figures["f1"] == pytest.approx(4 / 7)
    assert figures["mean_iou"] == pytest.approx(1, abs=0.02)
    assert set(figures["per_class"]) == {"hammer", "bolt", "hand", "drill"}
    shown = launched(*words)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "precision" in shown.stdout
    assert "hammer" in shown.stdout


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["for a person", "as JSON"])
def test_evaluate_says_which_frames_it_could_not_read(more: tuple[str, ...], tmp_path: Path, model: str) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(200, 100))
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    images = [{"id": i, "file_name": f"{name}.jpg", "width": 200, "height": 100} for i, name in enumerate("abc")]
    annotations = [{"id": i, "image_id": i, "category_id": 1, "bbox": [20, 20, 60, 30]} for i in range(3)]
    coco = {"images": images, "categories": [{"id": 1, "name": "hammer"}], "annotations": annotations}
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    done = launched("evaluate", tmp_path / "coco.json", "--images", tmp_path, "--model", model, *more)
    assert done.returncode == 1
    assert "precision" in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["b.jpg", "c.jpg"]


def test_evaluate_asks_about_a_name_it_does_not_know(tmp_path: Path, model: str) -> None:
    coco = {"images": [], "categories": [{"id": 1, "name": "a cat"}], "annotations": []}
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    _one_sentence(launched("evaluate", tmp_path / "coco.json", "--images", tmp_path, "--model", model, "--json"), "a cat", "--map")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_stops_cleanly_and_leaves_nothing_behind(how: signal.Signals, tmp_path: Path, model: str) -> None:
    with serving(tmp_path / "data", model) as server:
        family = psutil.Process(server.process.pid).children(recursive=True)
        assert server.stop(how) == 0, server.log.read_text("utf-8")
        assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
        assert "Traceback" not in server.log.read_text("utf-8")
    with serving(tmp_path / "data", model):
        pass  # the record was closed well enough to be opened again


def test_doctor_answers_every_question(tmp_path: Path, model: str) -> None:
    done = launched("doctor", "--json", "--data", tmp_path, "--model", model, "--port", str(free_port()))
    answers = {line["what"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert {
        "SQLite",
        "port",
        "Python",
        "packages",
        "data folder",
        "disk",
        "profile bench",
        "browser",
        "GPU",
        "models",
        f"model {model}",
    } <= set(answers)
    broken = [answer for answer in answers.values() if answer["state"] == "broken"]
    assert (done.returncode, broken) == (0, []), done.stdout + done.stderr


def test_doctor_says_what_is_broken_and_what_to_do(tmp_path: Path) -> None:
    done = launched("doctor", "--json", "--data", tmp_path, "--model", "nowhere", "--port", str(free_port()))
    answer = next(line for line in map(json.loads, done.stdout.splitlines()) if line["what"] == "model nowhere")
    assert (done.returncode, answer["state"]) == (1, "broken")
    assert "--model" in answer["advice"]


@pytest.mark.skipif(sys.platform == "win32", reason="its pipes end in another way")
@pytest.mark.parametrize("words", [("models", "list"), ("models", "list", "--json")])
def test_a_pipe_that_nobody_reads_ends_it_quietly(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what is buffered fails a second time, at the end
    with subprocess.Popen(command(*words, "--data", tmp_path), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only some systems have a disk that is always full")
@pytest.mark.parametrize("words", [("models", "list"), ("inspect", "good.jpg", "--json")])
def test_a_full_disk_is_one_sentence(words: tuple[str, ...], tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    (tmp_path / "good.jpg").write_bytes(jpeg(160, 120))
    filled = [str(tmp_path / word) if word == "good.jpg" else word for word in words]
    with Path("/dev/full").open("wb") as full:
        typed = command(*filled, "--data", tmp_path / "data", "--model", model)
        done = subprocess.run(typed, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["Nothing more can be written (No space left on device). Make room, or write somewhere else."]


def test_a_wrong_verb_is_a_usage_error() -> None:
    done = subprocess.run(command("sing"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
