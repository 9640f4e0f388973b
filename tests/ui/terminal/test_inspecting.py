"""`launch.py inspect` as it is typed: what is meant by folders and patterns, several at once, videos, and a run that goes on after a break."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.errors import Abandoned, ExportError, FrameRefused, ModelError
from core.footage import SUFFIXES
from core.frames import Limits, admit
from core.patience import Patience
from core.profile import read
from core.schema import Assessment, Frame, Risk
from core.settings import ASSETS
from launch import parser
from tests.makers import NOON, assessment, jpeg
from ui.terminal import inspecting
from ui.terminal.gathering import gather
from ui.terminal.logbook import Logbook

BENCH = read(ASSETS / "profiles" / "bench.toml")


@dataclass(frozen=True)
class Picture:
    """A still of a made-up video."""

    name: str
    content: bytes

    def jpeg(self) -> bytes:
        return self.content


@dataclass
class Film:
    """Three stills; after the last one a sentence, if there is one."""

    file: Path
    broken: str | None = None
    alike: int = 4

    def __iter__(self) -> Iterator[Picture]:
        for n in range(3):
            yield Picture(f"{self.file.name}#t=00:00:0{n}.000", jpeg(80, 60 + n))
        if self.broken:
            raise FrameRefused(self.broken)


@dataclass
class Model:
    """Says a level by the width of a frame, and counts."""

    levels: Sequence[str | None] = ("none", "high", None)
    asked: Counter[str] = field(default_factory=Counter)
    most: int = 0  # that were asked at the same time
    before: Callable[[Frame], object] = lambda frame: None
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, frame: Frame, content: bytes) -> Assessment:
        with self._lock:
            self.asked[frame.id] += 1
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self.before(frame)
        finally:
            with self._lock:
                self._now -= 1
        level = self.levels[frame.width % len(self.levels)]
        return assessment(frame, findings=(), violations=(), risk=Risk(level), model="m", prompt_id="p")


def work(model: Model, patience: Patience | None = None, broken: str | None = None) -> inspecting.Work:
    return inspecting.Work(
        read=lambda path: path.read_bytes(),
        take=lambda content, name: admit(content, name, limits=Limits(), now=NOON),
        ask=model.ask,
        stop=(patience or Patience()).give_up,
        footage=lambda file: Film(file, broken),
        videos=SUFFIXES,
        model="m",
        prompt_id="p",
    )


def typed(given: inspecting.Work, *words: object) -> int:
    return inspecting.inspect(parser().parse_args(["inspect", *map(str, words)]), given, BENCH, "en")


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Nine pictures in a folder with a folder in it: levels none, high, undetermined in turns."""
    folder = tmp_path / "frames"
    (folder / "deep").mkdir(parents=True)
    for n in range(9):
        (folder / ("deep" if n > 5 else ".") / f"{n}.jpg").write_bytes(jpeg(60 + n, 40))
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.jpg").write_bytes(b"")
    return folder


def test_folders_and_patterns_stand_for_the_pictures_in_them_each_once(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def names(*words: object) -> list[str]:
        return [path.name for path in gather([str(word) for word in words], SUFFIXES)]

    (frames / "Z.MP4").write_bytes(b"")
    everything = ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "Z.MP4", "6.jpg", "7.jpg", "8.jpg"]
    assert sorted(names(frames)) == sorted(everything)
    assert names(frames) == names(frames / ".")
    assert names(frames / "deep", frames / "deep" / "7.jpg") == ["6.jpg", "7.jpg", "8.jpg"]
    assert names(frames / "[12].jpg") == ["1.jpg", "2.jpg"]
    assert names(frames / "**" / "7.*") == ["7.jpg"]
    monkeypatch.chdir(frames)
    assert names("*.jpg") == everything[:6]
    (frames / "[1].jpg").write_bytes(b"")
    assert names("[1].jpg") == ["[1].jpg"], "a file that is called so is meant, not a pattern"


@pytest.mark.parametrize("word", ["none.jpg", "nothing/*.jpg"])
def test_what_stands_for_nothing_is_said_by_its_name(tmp_path: Path, word: str) -> None:
    assert [str(path) for path in gather([str(tmp_path / word)], SUFFIXES)] == [str(tmp_path / word)]


@pytest.mark.parametrize(
    ("word", "why"), [("empty", "There is no picture or video in this folder."), ("none/*.jpg", "Nothing matches this pattern.")]
)
def test_what_holds_no_frame_is_said_once_and_counted_as_none(
    frames: Path, word: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (frames / "empty").mkdir()
    assert typed(work(Model()), frames / word) == 1
    assert capsys.readouterr().out == f"{frames / word}: {why}\n"
    assert typed(work(Model()), frames / "0.jpg", frames / "1.jpg", frames / word) == 1
    assert capsys.readouterr().out.splitlines()[-3:] == ["Frames: 2", "  HIGH RISK: 1", "  NO RISK SEEN: 1"]


def test_a_refused_file_is_named_once(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (frames / "bro\u202eken.jpg").write_bytes(b"no picture")
    (frames / "broken.jpg").write_bytes(b"no picture")
    typed(work(Model()), frames / "broken.jpg", frames / "bro\u202eken.jpg")
    said = capsys.readouterr().out.splitlines()
    assert [line.count("ken.jpg") for line in said[:2]] == [1, 1]
    assert said[0].startswith(f"{frames / 'broken.jpg'}: This is ")


def test_a_folder_is_asked_about_several_at_once_and_answered_in_order(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Model(before=lambda frame: time.sleep(0.2 if frame.width == 60 else 0.02))
    assert typed(work(model), frames, "--json") == 0
    out, err = capsys.readouterr()
    assert [Path(json.loads(line)["file"]).name for line in out.splitlines()] == [f"{n}.jpg" for n in range(9)]
    assert model.most > 4
    assert err.splitlines() == ["Frames: 9", "  HIGH RISK: 3", "  NO RISK SEEN: 3", "  UNDETERMINED: 3"]


def test_totals_stand_at_the_end_for_a_person_and_one_picture_needs_none(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (frames / "x.jpg").write_bytes(b"no picture")
    assert typed(work(Model()), frames / "0.jpg", frames / "x.jpg") == 1
    assert capsys.readouterr().out.splitlines()[-3:] == ["Frames: 2", "  NO RISK SEEN: 1", "  Not judged: 1"]
    assert typed(work(Model()), frames / "0.jpg") == 0
    assert "Frames:" not in capsys.readouterr().out


def test_a_video_is_its_stills_by_their_times_and_what_broke_off_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"")
    assert typed(work(Model(), broken="clip.mp4: this video breaks off."), tmp_path / "clip.mp4", "--json") == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["file"] for line in lines] == [*(f"{tmp_path}/clip.mp4#t=00:00:0{n}.000" for n in range(3)), f"{tmp_path}/clip.mp4"]
    assert lines[3]["error"] == "This video breaks off."
    assert "Left out of videos because they show the same: 4" in err
    assert "Not judged: 1" in err


def test_a_run_that_broke_goes_on_where_it_was(frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = tmp_path / "answers.jsonl"
    whole = Model()
    assert typed(work(whole), frames, "--out", book) == 0
    lines = book.read_bytes().splitlines(keepends=True)
    assert len(lines) == 9
    book.write_bytes(b"".join(lines[:4]) + lines[4][:40])  # the power went
    again = Model()
    assert typed(work(again), frames, "--resume", book, "--json") == 0
    assert sum(again.asked.values()) == 5
    assert [json.loads(line)["file"] for line in book.read_text().splitlines()] == [json.loads(line)["file"] for line in lines]
    out, err = capsys.readouterr()
    assert len(out.splitlines()[-5:]) == 5
    assert "Frames: 9" in err
    assert "Answered before: 4" in err
    nothing = Model()
    assert typed(work(nothing), frames, "--resume", book) == 0
    assert not nothing.asked
    assert book.read_bytes().count(b"\n") == 9


def test_the_same_bytes_under_another_name_get_a_line_and_are_not_asked_again(frames: Path, tmp_path: Path) -> None:
    book = tmp_path / "answers.jsonl"
    typed(work(Model()), frames / "0.jpg", "--out", book)
    (frames / "0.jpg").rename(frames / "renamed.jpg")
    model = Model()
    typed(work(model), frames / "renamed.jpg", "--resume", book)
    assert not model.asked
    first, second = (json.loads(line) for line in book.read_text().splitlines())
    assert {**first, "file": second["file"]} == second


@pytest.mark.parametrize("change", [{"model": "n"}, {"prompt_id": "q"}], ids=["another model", "another prompt"])
def test_another_model_or_prompt_is_asked_anew(frames: Path, tmp_path: Path, change: dict[str, str]) -> None:
    book = tmp_path / "answers.jsonl"
    typed(work(Model()), frames / "0.jpg", "--out", book)
    book.write_text(json.dumps({**json.loads(book.read_text()), **change}) + "\n")
    model = Model()
    typed(work(model), frames / "0.jpg", "--resume", book)
    assert sum(model.asked.values()) == 1


def test_what_failed_is_tried_again(frames: Path, tmp_path: Path) -> None:
    def fails(frame: Frame) -> None:
        raise ModelError("The model is out.")

    book = tmp_path / "answers.jsonl"
    assert typed(work(Model(before=fails)), frames / "0.jpg", "--out", book) == 1
    model = Model()
    assert typed(work(model), frames / "0.jpg", "--resume", book) == 0
    assert ["error" in json.loads(line) for line in book.read_text().splitlines()] == [True, False]


@pytest.mark.parametrize(
    ("content", "how", "said"),
    [
        ('{"file": "a"}\n', "--resume", "line 1: this is no answer"),
        ("dear diary\n", "--resume", "line 1: this is no answer"),
        ("[]\n", "--resume", "line 1: this is no answer"),
        ('{"file": "a", "error": "x"}\n', "--out", "holds answers already"),
    ],
)
def test_a_file_of_something_else_is_not_written_into(frames: Path, tmp_path: Path, content: str, how: str, said: str) -> None:
    book = tmp_path / "a.jsonl"
    book.write_text(content)
    with pytest.raises(ExportError, match=said):
        typed(work(Model()), frames, how, book)
    assert book.read_text() == content


def test_a_place_that_cannot_be_written_is_one_sentence(frames: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be kept here"):
        typed(work(Model()), frames, "--out", tmp_path / "none" / "a.jsonl")


def test_a_person_who_stops_it_stops_the_model_and_keeps_what_there_is(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patience, book = Patience(), tmp_path / "answers.jsonl"
    left = threading.Semaphore(0)

    def waits(frame: Frame) -> None:
        if frame.width == 61:
            raise KeyboardInterrupt  # as if typed while this one is waited for
        if frame.width > 61:
            patience.watch(left.release)
            if left.acquire(timeout=5):
                raise Abandoned("Nobody waits.")

    with pytest.raises(KeyboardInterrupt):
        typed(work(Model(before=waits), patience), frames, "--out", book)
    assert patience.gave_up
    assert capsys.readouterr().err.splitlines() == ["Frames: 1", "  NO RISK SEEN: 1", f"Go on with --resume {book}."]
    assert [Path(json.loads(line)["file"]).name for line in book.read_text().splitlines()] == ["0.jpg"]


def test_a_book_may_be_asked_while_it_is_written(tmp_path: Path) -> None:
    line = {"file": "a", "frame_id": "f0", "model": "m", "prompt_id": "p", "risk": {"level": "low"}}
    with Logbook(tmp_path / "a.jsonl", "m", "p", resume=False) as book:
        book.write(line)
        wrong: list[object] = []

        def asks() -> None:
            for _ in range(300):
                if book.known("b", "f0") != {**line, "file": "b"}:
                    wrong.append(book)

        threads = [threading.Thread(target=asks) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(300):
            book.write({**line, "frame_id": f"g{n}"})
        for thread in threads:
            thread.join()
    assert not wrong
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 301


@pytest.mark.parametrize("said", ["0", "-1", "fast", "nan", "1e9"])
def test_a_rate_that_is_none_is_a_usage_error(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(SystemExit):
        parser().parse_args(["inspect", "a", f"--every={said}"])
    assert "--every" in capsys.readouterr().err
