"""What an erasure finds of a frame beside record and vault: sets with parts, archives, half-made ones, answers that trainings kept."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from annotations import remnants

GONE, STAYS = "a" * 64, "b" * 64


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
