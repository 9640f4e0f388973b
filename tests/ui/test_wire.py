"""How words travel as JSON, and what of a request is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from annotations.desk import Sheet
from core.errors import Conflict, Malformed, NotFound
from core.profile import Profile, read
from core.schema import Assessment, Box, Correction, Dropped, Finding, Frame, Reply, Risk, Step, Token, Value, Violation
from core.settings import ASSETS
from ui.wire import assessment_json, correction_from_json, error_json, inspection_line, profile_json, sheet_json, to_json, without_paths

FRAME = Frame(
    "a" * 64, 640, 480, "x.jpg", "image/jpeg", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime.fromisoformat("2023-11-02T15:00:53")
)
STEP = Step(Value("hammer", 0.9), Value("bolt", 0.8), Value("strike", 0.7), Value("work", 0.6))
ASSESSMENT = Assessment(
    frame_id=FRAME.id,
    model="compact@1",
    prompt_id="p1",
    findings=(Finding("hammer", Box(0.1, 0.2, 0.3, 0.4), 0.5), Finding("bolt")),
    step=STEP,
    violations=(Violation("tool_at_edge", "low", Box(0.0, 0.0, 0.5, 0.5), 0.4),),
    risk=Risk("low", {"low": 0.7, "none": 0.3}, ("model",)),
    dropped=(Dropped("sword", "no label of this profile"),),
    seconds=1.5,
    reply=Reply("{}", "compact@1", "p1", 1.5, (Token("{}", -0.1),)),
)
SENT = {
    "saw_revision": 0,
    "verdict": "reviewed",
    "findings": [
        {"label": "hammer", "box": [0.1, 0.2, 0.3, 0.4], "confidence": 0.5, "said_by": "confirmed"},
        {"label": "bolt", "box": None},
    ],
    "step": {"tool": {"value": "hammer", "said_by": "confirmed"}, "phase": {"value": "work"}},
    "violations": [{"hazard": "tool_at_edge", "box": [0, 0, 1, 1], "rules": ["a-1"]}],
    "risk": {"level": "low", "said_by": "person", "probabilities": {"low": 1}, "reasons": ["seen"]},
    "active_seconds": 12,
    "note": " by hand ",
    "saw_model": "compact@1",
}


@pytest.fixture(scope="module")
def profile() -> Profile:
    return read(ASSETS / "profiles" / "bench.toml")


def taken(profile: Profile, **changes: object) -> Correction:
    return correction_from_json({**SENT, **changes}, profile, frame_id=FRAME.id, author="local")


def test_a_correction_arrives_as_it_was_sent(profile: Profile) -> None:
    correction = taken(profile)
    assert correction == Correction(
        frame_id=FRAME.id,
        author="local",
        saw_revision=0,
        verdict="reviewed",
        findings=(Finding("hammer", Box(0.1, 0.2, 0.3, 0.4), 0.5, "confirmed"), Finding("bolt", None, None, "person")),
        step=Step(tool=Value("hammer", None, "confirmed"), phase=Value("work", None, "person")),
        violations=(Violation("tool_at_edge", "low", Box(0, 0, 1, 1), None, ("a-1",), "person"),),
        risk=Risk("low", {"low": 1.0}, ("seen",), "person"),
        active_seconds=12.0,
        note="by hand",
        saw_model="compact@1",
    )


def test_a_correction_that_left_comes_back_the_same(profile: Profile) -> None:
    correction = taken(profile)
    sent = json.loads(json.dumps({k: v for k, v in to_json(correction).items() if k not in ("at", "revision")}))
    assert correction_from_json(sent, profile, frame_id=FRAME.id, author="somebody else") == correction


def test_a_risk_that_nobody_set_is_undetermined_and_not_none(profile: Profile) -> None:
    assert taken(profile, risk=None).risk.level is None
    assert taken(profile, risk={"said_by": "person"}).risk.level is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"saw_revision": None}, "saw_revision"),
        ({"saw_revision": True}, "saw_revision"),
        ({"saw_revision": -1}, "saw_revision"),
        ({"frame_id": "b" * 64}, "frame_id"),
        ({"verdict": "fine"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"extra": 1}, '"extra"'),
        ({"findings": {}}, "findings"),
        ({"findings": [3]}, "findings[0]"),
        ({"findings": [{"label": "hammer"}] * 501}, "500"),
        ({"findings": [{"label": "Hammer"}]}, "findings[0].label"),
        ({"findings": [{"label": "hammer", "box": [0.1, 0.2, 0.3]}]}, "findings[0].box"),
        ({"findings": [{"label": "hammer", "box": [0.5, 0.2, 0.3, 0.4]}]}, "findings[0].box"),
        ({"findings": [{"label": "hammer", "box": [0, 0, 1.2, 1]}]}, "findings[0].box"),
        ({"findings": [{"label": "hammer", "box": [0, 0, float("nan"), 1]}]}, "findings[0].box"),
        ({"findings": [{"label": "hammer", "box": ["0", 0, 1, 1]}]}, "findings[0].box"),
        ({"findings": [{"label": "hammer", "confidence": 1.5}]}, "findings[0].confidence"),
        ({"findings": [{"label": "hammer", "said_by": "god"}]}, "findings[0].said_by"),
        ({"step": {"weather": {"value": "rain"}}}, '"weather"'),
        ({"step": {"tool": {"value": "sword"}}}, "step.tool.value"),
        ({"step": {"tool": "hammer"}}, "step.tool"),
        ({"violations": [{"hazard": "sharks"}]}, "violations[0].hazard"),
        ({"risk": {"level": "extreme"}}, "risk.level"),
        ({"risk": {"level": "low", "probabilities": {"low": 2}}}, "risk.probabilities"),
        ({"active_seconds": float("inf")}, "active_seconds"),
        ({"active_seconds": -1}, "active_seconds"),
        ({"note": "x" * 4001}, "note"),
        ({"note": 5}, "note"),
        ({"author": "x" * 101}, "author"),
        ({"author": "a\x00b"}, "author"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_understood_is_refused_and_the_field_named(profile: Profile, changes: dict[str, object], names: str) -> None:
    with pytest.raises(Malformed) as refused:
        taken(profile, **changes)
    assert names in str(refused.value)


@pytest.mark.parametrize("body", [None, [], "x", 3], ids=str)
def test_a_body_that_is_no_object_is_refused(profile: Profile, body: object) -> None:
    with pytest.raises(Malformed):
        correction_from_json(body, profile, frame_id=FRAME.id, author="local")


def test_a_field_that_the_profile_does_not_have_is_refused() -> None:
    fields_none = replace(read(ASSETS / "profiles" / "bench.toml"), parts=())
    with pytest.raises(Malformed, match='"part"'):
        correction_from_json({**SENT, "step": {"part": {"value": "bolt"}}}, fields_none, frame_id=FRAME.id, author="local")


def test_words_leave_as_plain_values_and_a_reply_without_its_tokens() -> None:
    said = to_json(ASSESSMENT)
    assert json.loads(json.dumps(said)) == said
    assert said["findings"][0]["box"] == [0.1, 0.2, 0.3, 0.4]
    assert said["findings"][1] == {
        "label": "bolt",
        "box": None,
        "confidence": None,
        "said_by": "model",
        "overlap": None,
        "alternatives": [],
    }
    assert said["reply"] == {"text": "{}", "model": "compact@1", "prompt_id": "p1", "seconds": 1.5, "host": ""}
    assert to_json(FRAME)["received_at"] == "2026-01-02T03:04:05Z"
    assert to_json(FRAME)["taken_at"] == "2023-11-02T15:00:53"


def test_certainty_is_empty_where_nothing_calibrates() -> None:
    assert assessment_json(ASSESSMENT)["certainty"] == {}
    assert sheet_json(Sheet(FRAME, ASSESSMENT, None, 0))["assessment"] == assessment_json(ASSESSMENT)


def test_what_is_calibrated_stands_beside_the_raw_confidence_and_never_in_its_place() -> None:
    asked: list[Assessment] = []

    def calibrated(assessment: Assessment) -> dict[str, float]:
        asked.append(assessment)
        return {"tool": 0.75, "findings.0": 0.25, "risk": float("nan"), "phase": 1.5}

    said = sheet_json(Sheet(FRAME, ASSESSMENT, None, 0), calibrated)["assessment"]
    assert asked == [ASSESSMENT]
    assert said["certainty"] == {"tool": 0.75, "findings.0": 0.25}, "only what is a probability"
    assert said["step"]["tool"]["confidence"] == 0.9
    assert {key: value for key, value in said.items() if key != "certainty"} == to_json(ASSESSMENT)


def test_a_frame_that_no_model_judged_has_no_assessment_to_be_certain_of() -> None:
    def never(assessment: Assessment) -> dict[str, float]:
        raise AssertionError(f"asked about {assessment}")

    assert sheet_json(Sheet(FRAME, None, None, 0), never)["assessment"] is None


def test_what_is_no_word_does_not_leave() -> None:
    with pytest.raises(TypeError):
        to_json({"a": object()})


def test_the_line_for_scripts_has_the_promised_keys() -> None:
    line = inspection_line(FRAME, ASSESSMENT, "shots/x.jpg")
    keys = "frame_id file width height findings step violations risk model prompt_id seconds dropped"
    assert list(line) == keys.split()
    assert line["file"] == "shots/x.jpg"
    assert line["findings"][0] == {"label": "hammer", "box": [0.1, 0.2, 0.3, 0.4], "confidence": 0.5}
    assert line["step"] == {
        "action": {"value": "strike", "confidence": 0.7},
        "tool": {"value": "hammer", "confidence": 0.9},
        "part": {"value": "bolt", "confidence": 0.8},
        "phase": {"value": "work", "confidence": 0.6},
    }
    assert line["risk"] == {"level": "low", "probabilities": {"low": 0.7, "none": 0.3}, "reasons": ["model"]}
    assert line["dropped"] == [{"what": "sword", "why": "no label of this profile"}]
    json.dumps(line)


def test_an_error_leaves_without_folders_of_this_machine() -> None:
    said = error_json(NotFound("There is no model in /srv/gemba lens/models/x: see /srv/data/record.db or C:\\Users\\li\\x.db."))
    assert "/srv" not in said["error"]
    assert "Users" not in said["error"]
    assert without_paths("Sides 3/4 and https://a.example/b/c stay.") == "Sides 3/4 and https://a.example/b/c stay."


def test_a_conflict_carries_both_versions(profile: Profile) -> None:
    yours = taken(profile)
    theirs = replace(yours, author="wang.li", note="first", revision=1, at=datetime(2026, 1, 1, tzinfo=UTC))
    said = error_json(Conflict("Wang Li saved this frame.", theirs=theirs, yours=yours))
    assert said["message"] == said["error"] == "Wang Li saved this frame."
    assert said["theirs"]["author"] == "wang.li"
    assert said["theirs"]["revision"] == 1
    assert said["yours"]["note"] == "by hand"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_form_can_be_made_from_the_profile(profile: Profile, language: str) -> None:
    said = profile_json(profile, language)
    assert set(said["fields"]) == {"tool", "part", "action", "phase"}
    assert said["levels"] == ["none", "low", "medium", "high"]
    hammer = next(label for label in said["labels"] if label["key"] == "hammer")
    assert hammer["name"] == {"en": "Hammer", "zh": "锤子"}[language]
    assert all(hazard["name"] and hazard["fix"] for hazard in said["hazards"])
