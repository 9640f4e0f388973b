"""A judge's marks: asked on the wire, read strictly, and never shown without how well they agree with people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from core.backends.scripted import Scripted
from core.errors import Malformed
from core.evaluation.judge import DIMENSIONS, LEAST, Marks, judge, marks_of, question, read_marks, shown
from core.evaluation.likeness import likeness
from core.evaluation.predictions import Prediction
from core.geometry import THOUSANDTHS
from core.profile import read as read_profile
from tests.core.evaluation.parts import part
from tests.endpoints import close_all, opened
from tests.model_server import serving

BENCH = read_profile(Path(__file__).parents[3] / "assets" / "profiles" / "bench.toml")
GOOD = '{"tool":5,"function":4,"safety":3,"misuse":2,"valid_json":1}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return part(tmp_path / "test", BENCH, 3)


@pytest.fixture
def answers() -> tuple[Prediction, ...]:
    return tuple(Prediction(f"{n:064x}", n, text=f'{{"tool":"hammer {n}"}}') for n in range(3))


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def test_every_answer_is_asked_about_with_its_frame_and_its_truth(folder: Path, answers: tuple[Prediction, ...]) -> None:
    made, lost = judge(Scripted("judge", {"*": (GOOD, ())}, THOUSANDTHS), folder, answers)
    assert [each.frame_id for each in made] == [each.frame_id for each in answers]
    assert (made[0].tool, made[0].valid_json, made[0].by, lost) == (5, 1, "judge", 0)
    assert len(judge(Scripted("judge", {"*": (GOOD, ())}, THOUSANDTHS), folder, answers, most=2)[0]) == 2
    asked = question('{"tool":"bolt"}', 'so "I" say')
    assert '"{\\"tool\\":\\"bolt\\"}"' in asked.text
    assert '"so \\"I\\" say"' in asked.text
    assert list(asked.schema["properties"]) == list(DIMENSIONS)


def test_it_is_asked_over_the_wire_too(folder: Path, answers: tuple[Prediction, ...]) -> None:
    with serving(Path("judge"), backend=Scripted("judge", {"*": (GOOD, ())}, THOUSANDTHS)) as address:
        made, lost = judge(opened(address, model="judge"), folder, answers)
    assert (len(made), lost) == (3, 0)
    assert made[2].misuse == 2


def test_a_judge_who_gives_no_marks_is_counted_and_the_rest_goes_on(folder: Path, answers: tuple[Prediction, ...]) -> None:
    script = {"*": (GOOD, ()), answers[1].frame_id: ("A fine answer, I would say 5.", ())}
    made, lost = judge(Scripted("judge", script, THOUSANDTHS), folder, answers)
    assert (len(made), lost) == (2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "5",
        GOOD.replace("5", "6"),
        GOOD.replace("5", "4.5"),
        GOOD.replace("5", "true"),
        GOOD.replace('"tool":5,', ""),
        GOOD.replace("5", '"5"'),
    ],
    ids=["a number", "too good", "half a mark", "true", "four of them", "a word"],
)
def test_anything_but_five_marks_is_none(text: str) -> None:
    with pytest.raises(Malformed):
        marks_of(text, "a", "judge")


def test_marks_are_not_shown_before_enough_people_have_marked_too() -> None:
    one = marks_of(GOOD, "a", "judge")
    many = [replace(one, frame_id=str(n), tool=1 + n % 5) for n in range(LEAST)]
    assert shown(many, many[:-1]) == {
        "shown": False,
        "n": LEAST - 1,
        "why": f"not shown: {LEAST - 1} of {LEAST} answers were marked by a person too",
    }
    agreed = shown(many, many, lost=2)
    assert agreed["shown"]
    assert agreed["without_marks"] == 2
    assert agreed["dimensions"]["tool"]["alpha"] == pytest.approx(1)
    assert agreed["dimensions"]["safety"]["alpha"] is None  # one mark for all: nothing could differ
    against = shown(many, [replace(each, tool=6 - each.tool) for each in many])
    assert against["dimensions"]["tool"]["alpha"] < 0


def test_peoples_marks_are_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "marks.jsonl"
    line = {"frame_id": "a", "by": "lin", **dict.fromkeys(DIMENSIONS, 4)}
    file.write_bytes(orjson.dumps(line) + b"\n" + orjson.dumps(line | {"tool": 9}) + b"\n")
    with pytest.raises(Malformed, match=r"marks\.jsonl, line 2: these are no marks"):
        read_marks(file)
    file.write_bytes(orjson.dumps(line))
    assert read_marks(file) == (Marks("a", 4, 4, 4, 4, 4, "lin"),)


def test_what_is_not_installed_is_said_in_a_sentence(tmp_path: Path) -> None:
    told = likeness(["a"], ["b"], tmp_path)
    assert not told["shown"]
    assert told["why"].startswith("not shown: ")
