"""An exported set from end to end: one model, two models, what is kept, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from core.backends.base import Backend
from core.backends.scripted import Scripted
from core.errors import Malformed, NotFound
from core.evaluation.gate import Bars, bars_of
from core.evaluation.whole import Known, Open, evaluate_set, frames_to_judge_by
from core.geometry import THOUSANDTHS
from core.profile import read as read_profile
from core.training import reporting
from tests import makers
from tests.core.evaluation.parts import part

BENCH = read_profile(Path(__file__).parents[3] / "assets" / "profiles" / "bench.toml")
RIGHT = (
    '{"findings":[{"box":[100,200,500,600],"label":"hammer"},{"box":[400,500,600,700],"label":"bolt"}],"tool":"hammer","part":"bolt",'
    '"action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
)
WRONG = RIGHT.replace('"tool":"hammer"', '"tool":"none"')
EMPTY = '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two frames to learn from, twelve to measure by; the numbers of frames are the same, those of scenes are not."""
    folder = tmp_path / "set"
    part(folder / "test", BENCH, 12, scenes=range(12))
    train = part(folder / "train", BENCH, 2, scenes=(90, 91))
    about = orjson.loads((train / "manifest.json").read_bytes())
    about["frames"] = {f"{n:064x}": known for n, known in zip((90, 91), about["frames"].values(), strict=True)}
    (train / "manifest.json").write_bytes(orjson.dumps(about))
    (folder / "manifest.json").write_bytes(orjson.dumps({"made_by": "gembalens", "dataset": {"name": "spring", "digest": "abc"}}))
    return folder


def model(name: str, reply: str, **more: str) -> Open:
    @contextmanager
    def opened() -> Iterator[Backend]:
        yield Scripted(
            name, {"*": (reply, ()), **{f"blank:{n}": (EMPTY, ()) for n in range(3)}, **{k: (v, ()) for k, v in more.items()}}, THOUSANDTHS
        )

    return opened


def test_one_model_is_measured_and_all_of_it_is_kept(dataset: Path, tmp_path: Path) -> None:
    told = evaluate_set(dataset, BENCH, tmp_path / "out", model("base", RIGHT))
    assert told["fields"]["all"]["accuracy"]["value"] == 1
    assert told["dataset"] == {"name": "spring", "digest": "abc"}
    assert told["frame"].startswith("as declared")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["before.jsonl", "report.json", "report.md"]
    assert orjson.loads((tmp_path / "out" / "report.json").read_bytes())["frames"] == 12
    assert "| tool | 100.0 %" in (tmp_path / "out" / "report.md").read_text("utf-8")


def test_two_models_are_held_against_each_other_and_the_gate_speaks(dataset: Path, tmp_path: Path) -> None:
    told = evaluate_set(
        dataset,
        BENCH,
        tmp_path / "out",
        model("base", WRONG),
        model("base+a", RIGHT),
        metric="tool_accuracy",
        bars=Bars(scenes=5, high_scenes=0),
    )
    assert told["comparison"]["differences"]["tool_accuracy"]["difference"] == 1
    assert told["gate"]["passed"]
    assert (told["model"], told["adapted"], told["gate"]["dataset"]) == ("base", "base+a", "abc")


def test_what_was_asked_before_is_not_asked_again(dataset: Path, tmp_path: Path) -> None:
    evaluate_set(dataset, BENCH, tmp_path / "out", model("base", RIGHT))
    again = evaluate_set(dataset, BENCH, tmp_path / "out", model("base", WRONG))
    assert again["fields"]["tool"]["accuracy"]["value"] == 1
    other = evaluate_set(dataset, BENCH, tmp_path / "out", model("another", WRONG))
    assert other["fields"]["tool"]["accuracy"]["value"] == 0


def test_what_people_said_twice_stands_beside_the_model(dataset: Path, tmp_path: Path) -> None:
    one, two = makers.correction(author="lin"), makers.correction(author="wang")
    told = evaluate_set(dataset, BENCH, tmp_path / "out", model("base", RIGHT), known=Known(doubles=[(one, two)] * 20))
    assert told["ceiling"]["people"]["tool"]["same"] == 1


def test_weights_count_only_when_every_frame_has_one(dataset: Path, tmp_path: Path) -> None:
    some = {f"{n:064x}": 2.0 for n in range(11)}
    assert not evaluate_set(dataset, BENCH, tmp_path / "out", model("base", RIGHT), known=Known(weights=some))["weighted"]
    assert evaluate_set(dataset, BENCH, tmp_path / "out", model("base", RIGHT), known=Known(weights=some | {f"{11:064x}": 1.0}))["weighted"]


def test_a_set_that_taught_what_it_measures_is_told(dataset: Path, tmp_path: Path) -> None:
    train = dataset / "train" / "manifest.json"
    about = orjson.loads(train.read_bytes())
    about["frames"] |= {f"{3:064x}": {"scene": 3}}
    train.write_bytes(orjson.dumps(about))
    told = evaluate_set(dataset, BENCH, tmp_path / "out", model("base", WRONG), model("base+a", RIGHT, **{f"{0:064x}": WRONG}))
    assert "learned" in {reason["key"] for reason in told["gate"]["reasons"]}
    assert not told["gate"]["passed"]


def test_a_set_without_a_test_part_measures_nobody(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="has no test part"):
        evaluate_set(dataset / "train", BENCH, tmp_path / "out", model("base", RIGHT))
    assert not (tmp_path / "out").exists()


def test_a_metric_that_nobody_knows_is_refused_before_a_model_is_asked(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match='no metric "tool_f2"'):
        evaluate_set(dataset, BENCH, tmp_path / "out", model("base", WRONG), model("base+a", RIGHT), metric="tool_f2")
    assert not (tmp_path / "out").exists()


def test_frames_to_judge_by_are_those_of_the_test_part(dataset: Path) -> None:
    assert frames_to_judge_by(dataset) == {f"{n:064x}" for n in range(12)}
    with pytest.raises(Malformed, match="has no test part"):
        frames_to_judge_by(dataset / "train")


def test_of_high_risk_is_asked_only_where_a_profile_knows_it(dataset: Path, tmp_path: Path) -> None:
    """Neither by an evaluation nor at the end of a training."""
    calm = replace(BENCH, levels=BENCH.levels[:-1])
    asked: dict[str, set[str]] = {}
    for name, profile in (("bench", BENCH), ("calm", calm)):
        out = tmp_path / name
        told = evaluate_set(dataset, profile, out, model("base", WRONG), model("base+a", RIGHT))
        asked[name] = {reason["key"] for reason in told["gate"]["reasons"]}
        taught = reporting.report(out, dataset, profile, "field_f1")["gate"]
        assert {reason["key"] for reason in taught["reasons"]} == asked[name]
    assert asked["bench"] - asked["calm"] == {"high"}
    assert (bars_of(BENCH), bars_of(calm)) == (Bars(), Bars(high_scenes=0))
