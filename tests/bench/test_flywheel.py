"""The circle in its shortest form: one arm, one round, everything real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from annotations.learning.bought import Bought
from annotations.store import FILE, Store
from bench.flywheel import report
from bench.flywheel.__main__ import COMPACT, PROFILE, SHORT, begin, material
from bench.flywheel.__main__ import _by_id as by_id
from bench.flywheel.plant import plant
from bench.flywheel.rounds import Size, arm
from core.profile import read

SIZE: Size = replace(SHORT, labels=20, pool=30, exam=34, further=0)


def test_the_circle_closes(tmp_path: Path) -> None:
    high = begin(tmp_path, ("usual",), SIZE)
    pool, exam = material(SIZE)
    with plant(tmp_path / "usual", read(PROFILE), COMPACT, by_id([*pool, *exam])) as each:
        told: list[str] = []
        (played,) = arm(each, "usual", SIZE, PROFILE).play(told.append)
    assert played.labels == SIZE.labels
    assert len(told) == 1
    assert played.figures["field_accuracy"]["n"] > 30
    assert {reason["key"] for reason in played.gate["reasons"]} >= {"differs", "json", "fields", "boxes", "better"}
    with Store.open_readonly(tmp_path / "usual" / FILE) as record:
        bought = Bought(record)
        points = bought.points(bought.bases()[0], "field_accuracy")
        with record.reading() as connection:
            inclusion = [row[0] for row in connection.execute("SELECT inclusion FROM tasks")]
            seen = {row[0] for row in connection.execute("SELECT action FROM audit")}
    assert [point.labels for point in points] == [0, played.labels + points[1].labels - SIZE.labels]
    assert points[1].policy == "usual"
    assert len(inclusion) == SIZE.labels
    assert all(0 < each <= 1 for each in inclusion)
    assert {"drawn", "corrected", "frozen", "adapter registered", "gate"} <= seen
    words = report.in_words(report.written([played], SIZE, 1.0, high))
    assert "What the gate said" in words


def test_the_frames_of_a_size_are_the_same_and_the_exam_shares_none_with_the_pool() -> None:
    small = replace(SIZE, pool=6, exam=5)
    first, again = material(small), material(small)
    assert first == again
    assert not {shot.jpeg for shot in first[0]} & {shot.jpeg for shot in first[1]}
