"""What an erasure finds of a frame beside record and vault: sets with parts, archives, half-made ones, answers that trainings kept."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from annotations import remnants

GONE, STAYS = "a" * 64, "b" * 64
SAID = "Zhang Wei at the press"


def written(place: Path, what: object) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(what if isinstance(what, str) else json.dumps(what), "utf-8")


def parted(frame: str) -> Callable[[Path], None]:
    """A set whose frame is in its test part."""

    def make(place: Path) -> None:
        written(place / "manifest.json", {"made_by": "gembalens", "parts": {"train": 1, "test": 1}})
        written(place / "train" / "manifest.json", {"frames": {STAYS: {}}})
        written(place / "test" / "manifest.json", {"frames": {frame: {}}})

    return make


def zipped(frame: str | None) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("set/read.txt", "x")
            if frame is not None:
                archive.writestr("set/test/manifest.json", json.dumps({"frames": {frame: {}}}))

    return make


EXPORTS: dict[str, tuple[str, Callable[[Path], None], bool]] = {
    "a set of one part": ("one", lambda p: written(p / "manifest.json", {"frames": {GONE: {}}}), True),
    "a set without it": ("other", lambda p: written(p / "manifest.json", {"frames": {STAYS: {}}}), False),
    "a part": ("parts", parted(GONE), True),
    "parts without it": ("parts", parted(STAYS), False),
    "a manifest that cannot be read": ("torn", lambda p: written(p / "manifest.json", "{"), True),
    "a part that cannot be read": ("torn", lambda p: (parted(STAYS)(p), written(p / "train" / "manifest.json", "["))[0], True),  # type: ignore[func-returns-value]
    "an archive": ("set.zip", zipped(GONE), True),
    "an archive without it": ("set.zip", zipped(STAYS), False),
    "an archive without a manifest": ("set.zip", zipped(None), True),
    "an archive that is cut short": ("set.zip", lambda p: written(p, "PK"), True),
    "a table": ("frames.csv", lambda p: written(p, f"name,id\nx,{GONE}\n"), True),
    "a table without it": ("frames.csv", lambda p: written(p, f"name,id\nx,{STAYS}\n"), False),
    "half a set": (".set.partial-x", lambda p: written(p / "frames" / f"{GONE}.jpg", "x"), True),
    "an older one that was set aside": (".set.old-x", lambda p: written(p / "manifest.json", {"frames": {GONE: {}}}), True),
    "a part that was set aside when a kill came": (
        "parts",
        lambda p: (parted(STAYS)(p), written(p / ".train.partial-x" / "before" / "manifest.json", {"frames": {GONE: {}}}))[0],  # type: ignore[func-returns-value]
        True,
    ),
    "what is no set": ("notes", lambda p: written(p / "read.md", "x"), False),
}


@pytest.mark.parametrize(("name", "make", "goes"), EXPORTS.values(), ids=EXPORTS)
def test_what_holds_the_frame_goes_and_nothing_else(name: str, make: Callable[[Path], None], goes: bool, tmp_path: Path) -> None:
    place = tmp_path / "exports" / name
    make(place)
    gone = remnants.remove(tmp_path, {GONE})
    assert place.exists() is not goes
    assert gone == ([name] if goes and not name.startswith(".") else [])


def test_without_exports_nothing_is_found(tmp_path: Path) -> None:
    assert remnants.remove(tmp_path, {GONE}) == []


def test_a_frame_that_stands_over_the_border_of_two_reads_is_found(tmp_path: Path) -> None:
    place = tmp_path / "exports" / "large.csv"
    written(place, " " * (2**20 - 30) + GONE)
    assert remnants.remove(tmp_path, {GONE}) == ["large.csv"]


def test_what_a_training_kept_of_the_frame_goes_and_the_rest_stays(tmp_path: Path) -> None:
    job = tmp_path / "trainings" / "run-1"
    lines = [json.dumps({"frame_id": each, "text": "x"}) for each in (STAYS, GONE, STAYS)]
    written(job / "after.jsonl", "\n".join(lines) + "\n")
    written(job / "report.json", {"worst": [{"frame_id": GONE}, {"frame_id": STAYS}, GONE], GONE: 1, "field_f1": 0.5})
    written(job / "job.json", {"base": "x"})
    before = (job / "job.json").stat().st_mtime_ns
    remnants.remove(tmp_path, {GONE})
    assert [json.loads(line)["frame_id"] for line in (job / "after.jsonl").read_text().splitlines()] == [STAYS, STAYS]
    assert json.loads((job / "report.json").read_text()) == {"worst": [{"frame_id": STAYS}], "field_f1": 0.5}
    assert (job / "job.json").stat().st_mtime_ns == before


def line(frame: str) -> str:
    return json.dumps({"frame_id": frame, "text": SAID if frame == GONE else "x"}) + "\n"


@pytest.mark.parametrize("kept", ["trainings/run-1", "evaluations/set-run-1"])
@pytest.mark.parametrize("name", ["before.jsonl", ".before.jsonl.partial", ".after.jsonl.partial", ".after.jsonl.new", "report.md"])
def test_answers_go_wherever_they_are_kept_and_half_lines_with_them(name: str, kept: str, tmp_path: Path) -> None:
    file = tmp_path / kept / name
    written(file, line(STAYS) + line(GONE) + line(STAYS))
    remnants.remove(tmp_path, {GONE})
    assert file.read_text() == line(STAYS) * 2


@pytest.mark.parametrize("cut", [20, 75, 100], ids=["in the id", "before the words", "in the words"])
def test_half_a_line_of_answers_goes_even_where_it_names_nobody(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "trainings" / "run-1" / ".after.jsonl.partial"
    written(file, line(STAYS) + line(GONE)[:cut])
    remnants.remove(tmp_path, {GONE})
    assert file.read_text() == line(STAYS)


def test_what_was_never_written_to_its_end_goes(tmp_path: Path) -> None:
    half = tmp_path / "evaluations" / "set" / "tmpx.half"
    written(half, line(GONE))
    remnants.remove(tmp_path, {GONE})
    assert not half.exists()


LOGS: dict[str, tuple[str, str, str, bool]] = {
    "names it": (GONE, STAYS, STAYS, False),
    "beside answers of it": (SAID, GONE, STAYS, False),
    "of a training that learned from it": (SAID, STAYS, GONE, False),
    "of another": ("Step 3", STAYS, STAYS, True),
}


@pytest.mark.parametrize(("words", "answered", "taught", "stays"), LOGS.values(), ids=LOGS)
def test_the_log_of_a_training_that_saw_the_frame_goes(words: str, answered: str, taught: str, stays: bool, tmp_path: Path) -> None:
    parted(taught)(tmp_path / "exports" / "set")
    job = tmp_path / "trainings" / "run-1"
    written(job / "job.json", {"data": str(tmp_path / "exports" / "set")})
    written(job / "after.jsonl", line(answered))
    written(job / "training.log", f"Traceback\n{words}\n")
    remnants.remove(tmp_path, {GONE})
    assert (job / "training.log").exists() is stays
    assert (job / "job.json").exists()


def test_a_persons_name_goes_from_trainings_and_adapters_and_others_stay(tmp_path: Path) -> None:
    places = [tmp_path / each for each in ("trainings/a/job.json", "trainings/a/adapter/gembalens.json", "adapters/b/gembalens.json")]
    for each in places:
        written(each, {"by": "lin", "recipe": {"rank": 4}})
        each.chmod(0o644)
    other = tmp_path / "trainings" / "c" / "job.json"
    written(other, {"by": "linda"})
    written(tmp_path / "trainings" / "torn" / "job.json", "{")
    remnants.forget_person(tmp_path, "lin", "erased-1")
    for each in places:
        assert json.loads(each.read_text()) == {"by": "erased-1", "recipe": {"rank": 4}}
        assert each.stat().st_mode & 0o777 == 0o644
    assert json.loads(other.read_text()) == {"by": "linda"}
