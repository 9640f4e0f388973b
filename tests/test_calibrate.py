"""`launch.py calibrate`: from corrections in the record to percentages on the screen, for the model and prompt that they belong to and no other."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from annotations import opinions
from annotations.store import FILE, Store
from core.evaluation.calibration import key_of
from core.evaluation.percents import FOLDER, percents
from core.schema import Box, Finding, Reply, Risk, Step, Value
from tests.makers import NOON, assessment, correction, frame
from tests.serving import launched

FRAMES = 80
SURE = Step(tool=Value("hammer", 0.95), part=Value("bolt", 0.95), action=Value("strike", 0.95), phase=Value("work", 0.95))
HAMMER = Finding("hammer", Box(0.1, 0.1, 0.5, 0.5), 0.9)


def reply(model: str, masked: bool = True) -> Reply:
    return Reply("{}", model, "prompt", 0.5, masked=masked)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A model that is 95 % sure of every tool and right in half of them; people have reviewed all of its frames."""
    with Store(tmp_path / FILE) as store, store.writing() as connection:
        for n in range(FRAMES):
            each = frame(width=100 + n)
            opinions.add_frame(connection, each, by="lin")
            said = assessment(each, model="m", step=SURE, findings=(HAMMER,), risk=Risk("low", {"low": 0.9}), reply=reply("m"))
            opinions.add_assessment(connection, said, uncertainty=0.5, at=NOON + timedelta(minutes=n))
            tool = Value("hammer" if n % 2 else "drill", said_by="person" if n % 2 else "confirmed")
            true = Step(tool, *(Value(SURE[name].value, said_by="confirmed") for name in ("part", "action", "phase")))
            box = Finding("hammer", HAMMER.box, said_by="confirmed")
            opinions.add_correction(connection, correction(each, step=true, findings=(box,), violations=()), at=NOON)
    return tmp_path


def test_what_people_said_becomes_percentages_of_this_model_and_prompt_alone(record: Path) -> None:
    done = launched("calibrate", "--data", record, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    said = assessment(model="m", step=SURE, findings=(HAMMER, HAMMER), risk=Risk("low", {"low": 0.9}), reply=reply("m"))
    assert (told["key"], told["frames"]) == (key_of(said), FRAMES)
    tool = next(field for field in told["fields"] if field["field"] == "tool")
    assert (tool["n"], tool["right"], tool["percent"]) == (FRAMES, 0.5, True)
    assert tool["ece"][1] < 0.1 < 0.4 < tool["ece"][0]
    of = percents(record / FOLDER)
    assert of(said)["tool"] == pytest.approx(0.5, abs=0.1)
    assert of(said)["part"] > 0.9
    assert {"findings.0", "findings.1", "risk"} <= set(of(said))
    for other in (
        assessment(model="n", step=SURE, reply=reply("n")),
        assessment(model="m", step=SURE, reply=reply("m", masked=False)),
        assessment(model="m", prompt_id="other", step=SURE, reply=reply("m")),
    ):
        assert of(other) == {}


def test_a_person_reads_how_far_off_it_was(record: Path) -> None:
    done = launched("calibrate", "--data", record)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tool" in done.stdout
    assert "percent" in done.stdout


def test_what_was_not_said_has_no_percentage(record: Path) -> None:
    launched("calibrate", "--data", record)
    silent = assessment(model="m", step=Step(), findings=(Finding("hammer"),), violations=(), risk=Risk(None), reply=reply("m"))
    assert percents(record / FOLDER)(silent) == {}


def test_a_calibration_that_cannot_be_used_gives_no_percentage_and_is_told(record: Path, caplog: pytest.LogCaptureFixture) -> None:
    launched("calibrate", "--data", record)
    (file,) = (record / FOLDER).iterdir()
    file.write_text("{")
    assert percents(record / FOLDER)(assessment(model="m", step=SURE, reply=reply("m"))) == {}
    assert "launch.py calibrate" in caplog.text


def test_without_a_record_or_without_corrections_there_is_nothing_to_learn(tmp_path: Path) -> None:
    done = launched("calibrate", "--data", tmp_path / "none")
    assert (done.returncode, "no record" in done.stderr) == (1, True)
    with Store(tmp_path / FILE):
        pass
    done = launched("calibrate", "--data", tmp_path)
    assert (done.returncode, "Review some frames" in done.stderr) == (1, True)
