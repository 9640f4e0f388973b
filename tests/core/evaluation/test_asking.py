"""Every frame of a part is asked about once, blank ones too; who broke off goes on; what was invented is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from core.backends.base import FRAME_ID
from core.backends.scripted import Scripted
from core.errors import ModelGarbled, ModelLost
from core.evaluation.asking import ask_all, frame_check
from core.evaluation.predictions import gold_of, read
from core.evaluation.report import figures
from core.geometry import THOUSANDTHS
from core.profile import read as read_profile
from tests.core.evaluation.parts import part

if TYPE_CHECKING:
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt
    from core.schema import Reply

BENCH = read_profile(Path(__file__).parents[3] / "assets" / "profiles" / "bench.toml")
RIGHT = (
    '{"findings":[{"box":[100,200,500,600],"label":"hammer"},{"box":[400,500,600,700],"label":"bolt"}],"tool":"hammer","part":"bolt",'
    '"action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
)
EMPTY = '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'


class Counting(Scripted):
    """Plays a script, counts how often it is asked, and breaks off after `until` questions."""

    def __init__(self, model: str, reply: str, until: int = 10**9, garbled: int = -1) -> None:
        super().__init__(model, {"*": (reply, ()), **{f"blank:{n}": (EMPTY, ()) for n in range(3)}}, THOUSANDTHS)
        self.asked: list[str] = []
        self._until, self._garbled = until, garbled

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        self.asked.append(str(picture.info[FRAME_ID]))
        if len(self.asked) > self._until:
            raise ModelLost("The line broke.")
        if len(self.asked) == self._garbled:
            raise ModelGarbled("No answer.")
        return super().ask(picture, prompt, patience)


def test_every_frame_and_three_blank_pictures_are_asked_about(tmp_path: Path) -> None:
    folder, backend = part(tmp_path / "test", BENCH), Counting("m", RIGHT)
    made = ask_all(backend, folder, BENCH, tmp_path / "after.jsonl")
    assert len(backend.asked) == 6
    assert read(tmp_path / "after.jsonl") == made
    told = figures(gold_of(folder, BENCH), made, resamples=50)
    assert told["fields"]["all"]["accuracy"]["value"] == 1
    assert told["boxes"]["f1"]["value"] == 1
    assert told["blank"] == {"pictures": 3, "violations": 0}
    assert told["valid_json"]["n"] == 3
    assert frame_check(gold_of(folder, BENCH), made, THOUSANDTHS).verdict == "fits"


def test_who_broke_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder, out = part(tmp_path / "test", BENCH), tmp_path / "after.jsonl"
    first = Counting("m", RIGHT, until=2)
    with pytest.raises(ModelLost):
        ask_all(first, folder, BENCH, out)
    assert not out.exists()
    partial = tmp_path / ".after.jsonl.partial"
    partial.write_bytes(partial.read_bytes() + b'{"frame_id": "cut o')
    second = Counting("m", RIGHT)
    made = ask_all(second, folder, BENCH, out)
    assert len(second.asked) == 4
    assert made == ask_all(Counting("m", RIGHT), folder, BENCH)
    assert not partial.exists()


def test_another_model_is_asked_everything_anew(tmp_path: Path) -> None:
    folder, out = part(tmp_path / "test", BENCH), tmp_path / "after.jsonl"
    with pytest.raises(ModelLost):
        ask_all(Counting("m", RIGHT, until=2), folder, BENCH, out)
    other = Counting("another", RIGHT)
    ask_all(other, folder, BENCH, out)
    assert len(other.asked) == 6


@pytest.mark.parametrize(
    ("reply", "valid", "readable", "labels", "hazards"),
    [
        (RIGHT, True, True, (), ()),
        (f"Here you are: {RIGHT}", False, True, (), ()),
        ("I am sorry.", False, False, (), ()),
        (RIGHT.replace('"bolt"}', '"banana"}'), True, True, ("banana",), ()),
        (RIGHT.replace("tool_at_edge", "§ 99"), True, True, (), ("§ 99",)),
        ("{}", False, False, (), ()),
        ('{"findings":[]}', False, False, (), ()),
    ],
    ids=["as asked", "with words around it", "no answer", "an invented label", "an invented clause", "empty", "half"],
)
def test_what_a_reply_is_worth(
    tmp_path: Path, reply: str, valid: bool, readable: bool, labels: tuple[str, ...], hazards: tuple[str, ...]
) -> None:
    made = ask_all(Counting("m", reply), part(tmp_path / "test", BENCH, 1), BENCH)[0]
    assert (made.valid_json, made.readable, made.unknown_labels, made.unknown_clauses) == (valid, readable, labels, hazards)
    assert made.text == reply


def test_a_garbled_answer_is_a_wrong_answer_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = part(tmp_path / "test", BENCH)
    told = figures(gold_of(folder, BENCH), ask_all(Counting("m", RIGHT, garbled=2), folder, BENCH), resamples=50)
    assert told["unreadable"] == 1
    assert told["fields"]["tool"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert told["fields"]["tool"]["accuracy"]["n"] == 3


def test_frames_are_shown_as_they_were_exported(tmp_path: Path) -> None:
    """A reply to another frame's picture would be measured against this one's truth."""
    folder, backend = part(tmp_path / "test", BENCH, scenes=(7, 7, 8)), Counting("m", RIGHT)
    made = ask_all(backend, folder, BENCH)
    frames = list(orjson.loads((folder / "manifest.json").read_bytes())["frames"])
    assert [p.frame_id for p in made] == [*frames, "blank:0", "blank:1", "blank:2"]
    assert [p.scene for p in made] == [7, 7, 8, -1, -2, -3]
    assert backend.asked == [p.frame_id for p in made]
    assert {p.size for p in made} == {(64, 48)}
