"""Files of predictions go round exactly; what is true of a part is read as people said it; a broken line is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Malformed
from core.evaluation.predictions import Gold, Prediction, blanks, by_frame, gold_of, line, read, write
from core.profile import read as read_profile
from core.schema import Box, Finding, Step, Value, Violation
from tests.core.evaluation.judged import said, truth
from tests.core.evaluation.parts import HAMMERING, part

BENCH = read_profile(Path(__file__).parents[3] / "assets" / "profiles" / "bench.toml")

sides = st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
boxes = sides.map(lambda s: Box(s[0], s[1], s[0] + s[2], s[1] + s[3]))
shares = st.none() | st.floats(0, 1)
words = st.text('aé中😀" \n', max_size=5)
findings = st.builds(
    Finding, words, st.none() | boxes, shares, st.just("model"), shares, st.lists(st.tuples(words, st.floats(0, 1)), max_size=2).map(tuple)
)
values = st.builds(Value, st.none() | words, shares)
steps = st.builds(Step, values, values, values, values)
violations = st.builds(Violation, words, st.none() | words, st.none() | boxes, shares, st.lists(words, max_size=2).map(tuple))
predictions = st.builds(
    Prediction,
    words,
    st.integers(-5, 10**9),
    st.lists(findings, max_size=2).map(tuple),
    steps,
    st.lists(violations, max_size=2).map(tuple),
    st.none() | st.sampled_from(("none", "high")),
    risk_probabilities=st.dictionaries(words, st.floats(0, 1), max_size=3),
    size=st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    text=words,
    seconds=st.floats(0, 1e3),
)


@settings(max_examples=25)
@given(st.lists(predictions, max_size=2))
def test_a_line_goes_round_exactly(made: list[Prediction]) -> None:
    from core.evaluation.predictions import _decode

    assert [_decode(line(each)) for each in made] == made


def test_a_file_goes_round_and_is_never_half_there(tmp_path: Path) -> None:
    made = said(truth(20))
    path = write(tmp_path / "deep" / "before.jsonl", made)
    assert read(path) == made
    assert [each.name for each in path.parent.iterdir()] == ["before.jsonl"]


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b'{"frame_id": 3}',
        b'{"frame_id": "a", "scene": 1, "findings": [{"label": "x", "box": {"x0": 1, "y0": 0, "x1": 0, "y1": 1}}]}',
        b"\xff",
    ],
    ids=["cut off", "another type", "no box", "no text"],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "after.jsonl"
    path.write_bytes(line(said(truth(1))[0]) + broken + b"\n")
    with pytest.raises(Malformed, match=r"after\.jsonl, line 2: this is no prediction"):
        read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"none\.jsonl cannot be read"):
        read(tmp_path / "none.jsonl")


def test_a_frame_that_is_there_twice_counts_for_nobody() -> None:
    made = said(truth(3), blanks=2)
    assert len(by_frame(made)) == 3
    assert len(blanks(made)) == 2
    with pytest.raises(Malformed, match="predicted twice"):
        by_frame([*made, made[0]])


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen2.5-vl", "paligemma"])
def test_what_is_true_is_what_people_said_in_whatever_convention(tmp_path: Path, family: str) -> None:
    gold = gold_of(part(tmp_path / "test", BENCH, family=family, scenes=(4, 4, 9)), BENCH)
    assert [g.scene for g in gold] == [4, 4, 9]
    found: Gold = gold[0]
    assert {f.label for f in found.findings} == {"hammer", "bolt"}
    assert found.step.action.value == "strike"
    assert [v.hazard for v in found.violations] == ["tool_at_edge"]
    assert found.risk_level == "low"
    by_label = {f.label: f.box for f in found.findings}
    for true in HAMMERING[0]:
        box = by_label[true.label]
        assert box is not None
        assert true.box is not None
        assert box.xyxy == pytest.approx(true.box.xyxy, abs=0.03)


def test_an_answer_that_is_not_understood_whole_is_no_truth(tmp_path: Path) -> None:
    folder = part(tmp_path / "test", BENCH)
    file = folder / "sft.parts.jsonl"
    file.write_text(file.read_text("utf-8").replace("hammer", "banana", 1), "utf-8")
    with pytest.raises(Malformed, match=r"sft\.parts\.jsonl, line 1: the answer is not understood whole"):
        gold_of(folder, BENCH)


def test_a_family_nobody_knows_is_told(tmp_path: Path) -> None:
    folder = part(tmp_path / "test", BENCH)
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes().replace(b"qwen2-vl", b"qwen9"))
    with pytest.raises(Malformed, match="nobody knows the model family qwen9"):
        gold_of(folder, BENCH)
