"""One frame through the machine, with a script in the model's place: what is assembled, and that what fails is not assessed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.backends.base import FRAME_ID, Backend
from core.backends.scripted import open_backend
from core.errors import Abandoned, FrameRefused, ModelError, ModelMissing
from core.frames import Limits, admit
from core.geometry import FAMILIES
from core.inspection import assess, inspect_frame
from core.patience import Patience
from core.profile import Condition, Hazard, read
from core.prompts import Prompt, build
from core.schema import Box, Reply
from core.settings import ASSETS
from tests.makers import NOON, jpeg

BENCH = read(ASSETS / "profiles" / "bench.toml")
CORRIDOR = read(ASSETS / "profiles" / "corridor.toml")
CONTENT = jpeg(640, 480, exif_orientation=6)  # stored lying, seen standing: 480 x 640
FRAME = admit(CONTENT, "bench.jpg", limits=Limits(), now=NOON)
NOTHING_HERE = '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'
BLADE = (
    '{"findings":[{"box":[100,100,500,500],"label":"hand"},{"box":[300,300,600,600],"label":"utility_knife"},{"box":[500,500,800,800],"label":"plate"}],'
    '"tool":"utility_knife","part":"plate","action":"cut","phase":"work","violations":[],"risk":"none"}'
)


def script(folder: Path, **replies: object) -> Backend:
    file = folder / "script.json"
    file.write_text(json.dumps({name.replace("any", "*"): reply for name, reply in replies.items()}), "utf-8")
    return open_backend(file)


def test_an_assessment_holds_all_that_was_said_and_who_said_it(tmp_path: Path) -> None:
    backend = script(tmp_path, any=NOTHING_HERE)
    got = inspect_frame(FRAME, CONTENT, backend, BENCH)
    assert (got.frame_id, got.model, got.prompt_id) == (FRAME.id, backend.model, build(BENCH, "brief", backend.box_format).id)
    assert got.reply is not None
    assert (got.reply.text, got.risk.level, got.risk.reasons, got.dropped) == (NOTHING_HERE, "none", ("model",), ())
    assert isinstance(backend, Backend)


def test_the_written_rules_raise_what_the_model_called_safe(tmp_path: Path) -> None:
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any=BLADE), BENCH)
    assert got.risk.level == "high"
    assert "rule:hand_at_work_of_blade" in got.risk.reasons
    assert {violation.hazard for violation in got.violations} == {"hand_at_work_of_blade", "hand_near_blade"}
    assert got.violations[0].box == Box(0.3, 0.3, 0.6, 0.6)


def test_a_hazard_that_the_model_named_gets_the_place_that_the_rules_found_and_stands_once(tmp_path: Path) -> None:
    said = BLADE.replace('"violations":[]', '"violations":["hand_near_blade","crowded_bench"]')
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any=said), BENCH)
    assert [violation.hazard for violation in got.violations] == ["hand_near_blade", "crowded_bench", "hand_at_work_of_blade"]
    assert got.violations[0].box == Box(0.3, 0.3, 0.6, 0.6)
    assert got.violations[1].box is None, "no rule found it, and it stands all the same"


@pytest.mark.parametrize(
    "reply", ["", "I see no danger at all.", "无风险", '{"risk":"none"}', NOTHING_HERE[:-20], BLADE.replace('"label"', '"what"')]
)
def test_a_reply_that_could_not_be_read_is_not_a_safe_frame(tmp_path: Path, reply: str) -> None:
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any=reply), BENCH)
    assert got.risk.level is None
    assert "unparsed" in got.risk.reasons
    assert got.dropped


def test_of_a_reply_that_could_not_be_read_not_even_absence_is_known(tmp_path: Path) -> None:
    nobody = Hazard("nobody", {"en": "Nobody", "zh": "无人"}, {"en": "Go.", "zh": "去。"}, "high", (Condition(hand=False),))
    profile = replace(BENCH, hazards=(nobody,))
    assert inspect_frame(FRAME, CONTENT, script(tmp_path, any=NOTHING_HERE), profile).risk.level == "high"
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any="sorry"), profile)
    assert (got.risk.level, got.violations) == (None, ())


def test_boxes_are_those_of_the_frame_as_a_person_sees_it(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"*": BLADE.replace("[100,100,500,500]", "[0,0,252,336]")}), "utf-8")
    backend = open_backend(file, FAMILIES["qwen2.5-vl"])  # 480 x 640 becomes 476 x 644
    assert inspect_frame(FRAME, CONTENT, backend, BENCH).findings[0].box == Box(0, 0, 252 / 476, 336 / 644)


def test_a_backend_sees_the_upright_picture_and_knows_which_it_is(tmp_path: Path) -> None:
    seen: list[Image.Image] = []
    backend = script(tmp_path, any=NOTHING_HERE)

    class Watching:
        model, prompt_style, box_format = backend.model, backend.prompt_style, backend.box_format

        def ask(self, picture, prompt, patience=None):  # type: ignore[no-untyped-def]
            seen.append(picture)
            return backend.ask(picture, prompt)

        def close(self) -> None:
            backend.close()

    inspect_frame(FRAME, CONTENT, Watching(), BENCH)
    assert (seen[0].size, seen[0].mode, seen[0].info) == ((480, 640), "RGB", {FRAME_ID: FRAME.id})


def test_probabilities_become_confidences(tmp_path: Path) -> None:
    before, after = NOTHING_HERE.split("idle")
    half = math.log(0.5)
    reply = {"text": NOTHING_HERE, "tokens": [[before, 0.0], ["idle", half, [["idle", half], ["work", half]]], [after, 0.0]]}
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any=reply), BENCH)
    assert got.step.phase.confidence == pytest.approx(0.5)
    assert got.step.tool.confidence == pytest.approx(1)


def test_a_kept_reply_read_again_gives_the_same_assessment(tmp_path: Path) -> None:
    backend = script(tmp_path, any=BLADE)
    got = inspect_frame(FRAME, CONTENT, backend, BENCH)
    assert got.reply is not None
    assert assess(FRAME, got.reply, backend, BENCH) == got


def test_another_profile_goes_the_same_way(tmp_path: Path) -> None:
    said = '{"findings":[{"box":[1,1,500,500],"label":"e_bike"}],"violations":[],"risk":"none"}'
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any=said), CORRIDOR)
    assert (got.risk.level, got.step.tool.value) == ("high", None)
    elsewhere = '{"findings":[{"label":"not_corridor"}],"violations":[],"risk":"not_applicable"}'
    got = inspect_frame(FRAME, CONTENT, script(tmp_path, any=elsewhere), CORRIDOR)
    assert (got.risk.level, got.risk.reasons) == (None, ("not_applicable:not_corridor",))


def test_bytes_that_cannot_be_read_are_no_assessment(tmp_path: Path) -> None:
    with pytest.raises(FrameRefused):
        inspect_frame(FRAME, CONTENT[:500], script(tmp_path, any=NOTHING_HERE), BENCH)


def test_a_frame_without_a_line_in_the_script_is_no_assessment(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no answer for the frame"):
        inspect_frame(FRAME, CONTENT, script(tmp_path, other=NOTHING_HERE), BENCH)


def test_a_script_prefers_the_frames_own_line_and_its_model_says_that_it_is_one(tmp_path: Path) -> None:
    backend = script(tmp_path, any=NOTHING_HERE, **{FRAME.id: BLADE})
    assert inspect_frame(FRAME, CONTENT, backend, BENCH).findings
    assert backend.model.startswith("scripted:")
    assert script(tmp_path, any=BLADE).model != backend.model


@pytest.mark.parametrize("content", ["", "[]", "5", '{"*": 5}', '{"*": {"text": "x"}}', '{"*": {"text": "x", "tokens": [["x"]]}}'])
def test_a_file_that_is_no_script_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(ModelError, match=r"^s\.json: "):
        open_backend(tmp_path / "s.json")
    with pytest.raises(ModelMissing):
        open_backend(tmp_path / "missing.json")


@pytest.mark.parametrize("leaves", ["before", "while it thinks"])
def test_an_answer_that_nobody_waits_for_is_no_assessment(tmp_path: Path, leaves: str) -> None:
    backend, patience, asked = script(tmp_path, any=NOTHING_HERE), Patience(), []

    class Deaf:
        model, prompt_style, box_format = backend.model, backend.prompt_style, backend.box_format

        def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
            asked.append(picture)
            if patience is not None:
                patience.give_up()
            return backend.ask(picture, prompt)

        def close(self) -> None:
            backend.close()

    if leaves == "before":
        patience.give_up()
    with pytest.raises(Abandoned):
        inspect_frame(FRAME, CONTENT, Deaf(), BENCH, patience)
    assert len(asked) == (leaves != "before")


def test_whoever_watches_is_told_how_long_each_stage_took(tmp_path: Path) -> None:
    told: dict[str, float] = {}
    inspect_frame(FRAME, CONTENT, script(tmp_path, any=NOTHING_HERE), BENCH, watch=told.__setitem__)
    assert list(told) == ["decode", "wait", "model", "read"]
    assert all(seconds >= 0 for seconds in told.values())
    with pytest.raises(ModelError):
        inspect_frame(FRAME, CONTENT, script(tmp_path, other=NOTHING_HERE), BENCH, watch=lambda stage, seconds: told.pop(stage))
    assert len(told) == 4, "what was not assessed has no stages"
