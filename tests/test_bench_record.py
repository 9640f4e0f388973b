"""The benchmark of the record measures what it says: it counts what went wrong, finds what was lost, and calls no goal reached that was not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from annotations import audit
from annotations.store import FILE, Store
from bench import label_studio
from bench.annotators import Annotator, Diary, at_once, together
from bench.figures import Figure, line, table
from bench.population import annotate, populate
from bench.side_by_side import lost
from core.frames import Vault

FIGURES = {
    "under its goal": (Figure("1", "x", 9.0, "ms", 10), True, None),
    "over its goal": (Figure("1", "x", 11.0, "ms", 10), False, None),
    "at least its goal": (Figure("2", "x", 300.0, "a second", 300, "more"), True, None),
    "fewer than its goal": (Figure("2", "x", 299.0, "a second", 300, "more"), False, None),
    "only told": (Figure("2", "x", 1.0, "ms"), None, None),
    "on the way to it answers were bad": (Figure("6", "x", 1.0, "ms", 4, wrong=1), False, None),
    "the middle round counts": (Figure("1", "x", 1.0, "ms", peer=9.0, times=(20.0, 14.0, 16.0), times_goal=15), True, 16.0),
    "fewer times than wanted": (Figure("1", "x", 1.0, "ms", 10, peer=9.0, times=(14.0,), times_goal=15), False, 14.0),
    "no peer here: only its own goal": (Figure("1", "x", 1.0, "ms", 10, times_goal=15), True, None),
    "no peer here and no goal of its own": (Figure("1", "x", 1.0, "ms", times_goal=15), None, None),
    "of nothing there is no ratio": (Figure("3", "lost", 0.0, "", 0, peer=3.0), True, None),
    "more is better": (Figure("11", "x", 50.0, "a second", better="more", peer=100.0), None, 0.5),
}


@pytest.mark.parametrize(("figure", "reached", "ratio"), FIGURES.values(), ids=FIGURES)
def test_a_goal_is_reached_or_it_is_not(figure: Figure, reached: bool | None, ratio: float | None) -> None:
    assert (figure.reached, figure.ratio) == (reached, ratio)
    assert ("MISSED" in line(figure)) == ("**no**" in table([figure])) == (reached is False)


class _Server(BaseHTTPRequestHandler):
    """Saves every other time, and else says what it must never say."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        good = type(self).asked % 2 == 1
        said = b'{"revision": 1}' if good else b'{"error": "database is locked"}'
        self.send_response(200 if good else 500)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def faulty() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_annotator_notes_what_was_refused_and_takes_only_what_was_acknowledged_for_saved(faulty: str) -> None:
    person = Annotator(faulty, "tab")
    for number in range(6):
        person.frame = f"{number:064x}"
        person.save()
    person.close()
    assert person.diary.wrong == {"save 500": 3}
    assert person.diary.locked == 3
    assert len(person.diary.saved) == 3
    assert len(person.diary.seconds["save"]) == 6


def test_what_one_of_several_at_once_raises_is_raised() -> None:
    done = list[int]()

    def fail() -> None:
        raise RuntimeError("so it is")

    with pytest.raises(RuntimeError, match="so it is"):
        at_once([lambda: done.append(1), fail, lambda: done.append(1)])
    assert done == [1, 1]


def test_an_acknowledged_correction_that_the_record_lacks_is_found(tmp_path: Path) -> None:
    populate(tmp_path, 20, corrected=1.0)
    with Store.open_readonly(tmp_path / FILE) as record, record.reading() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM frames")]
    whole = together([Diary(saved=dict.fromkeys(ids[:9], 1)), Diary(saved=dict.fromkeys(ids[9:], 1))])
    assert lost(tmp_path, whole) == 0
    whole.saved[ids[0]] = 2
    assert lost(tmp_path, whole) == 1


def test_a_filled_record_is_one_that_the_program_itself_could_have_written(tmp_path: Path) -> None:
    populate(tmp_path, 30, corrected=0.5, findings=10, shown=4)
    annotate(tmp_path, 30)
    vault = Vault(tmp_path)
    with Store.open_readonly(tmp_path / FILE) as record, record.reading() as connection:
        assert list(audit.faults(connection)) == []
        told = connection.execute("SELECT count(*), count(DISTINCT frame), sum(note <> '') FROM corrections").fetchone()
        frames = connection.execute("SELECT id FROM frames").fetchall()
        actions = {row["action"] for row in connection.execute("SELECT DISTINCT action FROM audit")}
    assert tuple(told)[1:] == (30, 30)
    assert told[0] > 30  # some were corrected before
    assert actions >= {"received", "assessed", "corrected"}
    assert sum(len(vault.get(row["id"])) > 0 for row in frames) == 30  # each under its own name


def test_where_label_studio_cannot_be_installed_a_sentence_says_so(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("no folder")
    with pytest.raises(label_studio.PeerMissing, match=r"label-studio==\S+ cannot be installed here \(.+\), so only our own figures"):
        label_studio.prepared(cache)


def test_label_studio_gets_the_same_tasks_every_time() -> None:
    first, second = label_studio.tasks(5, annotated=True), label_studio.tasks(5, annotated=True)
    assert first == second
    assert len({task["data"]["image"] for task in first}) == 5
    assert all(len(task["annotations"][0]["result"]) == 6 for task in first)
