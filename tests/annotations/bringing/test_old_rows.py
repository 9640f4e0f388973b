"""Rows of older systems come in by the words of the profile, whole; prose is taken off, quotes are left alone, "nothing found" is nothing, "not high" is no level."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotations.bringing.importing import Imported, Importer
from annotations.bringing.old_answers import simplified
from annotations.desk import Desk
from annotations.store import Store
from core.frames import Vault
from core.profile import read
from core.schema import Correction
from core.settings import ASSETS
from tests.makers import jpeg

BENCH, CORRIDOR = (read(ASSETS / "profiles" / f"{name}.toml") for name in ("bench", "corridor"))
STEP = json.dumps({"action": "Tighten", "tool": "Hex Wrench", "part": "bolt", "phase": "finish"})


def row(answer: object, **more: Any) -> dict[str, Any]:
    question = {"role": "user", "content": [{"type": "image", "image": "elsewhere.jpg"}, {"type": "text", "text": "What is done?"}]}
    return {"image": ["temp_frames/a.jpg"], "conversations": [question, {"role": "assistant", "content": answer}], **more}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data" / "record.sqlite3") as made:
        yield made


def brought(
    store: Store, tmp_path: Path, rows: list[Any], profile: Any = BENCH, name: str = "train.json"
) -> tuple[Imported, list[Correction]]:
    folder = tmp_path / "old"
    (folder / "temp_frames").mkdir(parents=True)
    (folder / "temp_frames" / "a.jpg").write_bytes(jpeg(100, 50))
    text = "\n".join(json.dumps(each, ensure_ascii=False) for each in rows) if name.endswith("l") else json.dumps(rows, ensure_ascii=False)
    (folder / name).write_text(text, "utf-8")
    done = Importer(store, Vault(tmp_path / "data"), profile, by="boss").bring_in(folder)
    desk = Desk(store, Vault(tmp_path / "data"), profile)
    with store.reading() as connection:
        ids = [each["id"] for each in connection.execute("SELECT id FROM frames ORDER BY seq")]
    told = [desk.sheet(each).correction for each in ids]
    return done, [each for each in told if each is not None]


def values(told: Correction) -> list[str | None]:
    return [told.step[name].value for name in ("action", "tool", "part", "phase")]


@pytest.mark.parametrize("name", ["train.json", "train.jsonl"])
@pytest.mark.parametrize(
    "said",
    [
        row(STEP),
        row([{"type": "text", "text": STEP}]),
        row(json.dumps(STEP)),
        row(f"Sure! Here is what I see:\n```json\n{STEP}\n```\nThe worker's hand is steady."),
        row("{'action': 'tighten', 'tool': 'Allen Key', 'part': 'Bolt', 'phase': 'FINISH'}"),
        row('{"action": "tighten", "tool": "内六角扳手", "part": "bolt", "phase": "finish"}'),
        {**row(STEP), "messages": row(STEP)["conversations"]},
        {"messages": row(STEP)["conversations"], "images": ["temp_frames/a.jpg"]},
        {"image": "temp_frames/a.jpg", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": STEP}]},
        row(STEP, image=["gone/a.jpg"]),
    ],
    ids=["plain", "parts", "in a string", "prose", "python", "chinese", "both", "messages", "from", "by its bare name"],
)
def test_a_step_is_taken_by_names_and_aliases(store: Store, tmp_path: Path, said: dict[str, Any], name: str) -> None:
    said = {**said, "image": ["temp_frames/a.jpg"]} if said.get("image") == ["gone/a.jpg"] else said
    done, (told,) = brought(store, tmp_path, [said], name=name)
    assert (done.new, done.corrections, done.refused) == (1, 1, 0), done.reasons
    assert values(told) == ["tighten", "hex_wrench", "bolt", "finish"]
    assert (told.findings, told.risk.level, told.author) == ((), None, "boss"), "what nobody said is not said"


def test_the_verdict_of_the_earlier_form_stays_as_a_note(store: Store, tmp_path: Path) -> None:
    done, (told,) = brought(
        store, tmp_path, [row(json.dumps({"action": "Tighten", "is_correct": False, "suggestion": "don't overtighten"}))]
    )
    assert done.refused == 0
    assert told.note == "is_correct: False; suggestion: don't overtighten"


def test_tools_come_with_boxes_in_pixels_and_their_guidance(store: Store, tmp_path: Path) -> None:
    guidance = {"required_ppe": "gloves", "primary_hazards": ["it's sharp"], "common_misuses": []}
    tools = [
        {"tool": "Needle-nose pliers", "bbox": [10, 5, 60, 45], "primary_function": "grip", "safety_considerations": guidance},
        {"tool": "Hand", "bbox": [0, 0, 9, 9]},
    ]
    done, (told,) = brought(store, tmp_path, [row(json.dumps({"tools": tools}))])
    assert done.refused == 0, done.reasons
    assert [(each.label, each.box and each.box.xyxy) for each in told.findings] == [
        ("needle_nose_pliers", (0.1, 0.1, 0.6, 0.9)),
        ("hand", (0.0, 0.0, 0.09, 0.18)),
    ]
    assert "it's sharp" in told.note
    assert json.loads(told.note)["safety_considerations"] == guidance


@pytest.mark.parametrize("said", ["未发现明显违规行为", "未发现明显违规行为。", " 未发现违规行为！"])
def test_nothing_found_is_nothing_though_the_word_for_violation_stands_in_it(store: Store, tmp_path: Path, said: str) -> None:
    done, (told,) = brought(store, tmp_path, [row(said)], CORRIDOR)
    assert done.refused == 0, done.reasons
    assert (told.violations, told.risk.level) == ((), "none")


REPORT = "1. 违规描述：楼道内停放电动车或充电\n违规条款：第十二条\n风险等级：高\n整改建议：移至室外\n2. 违规描述：楼道内有少量物品\n风险等级：低\n"


@pytest.mark.parametrize(
    "said",
    [
        REPORT,
        json.dumps(
            {
                "violations": [
                    {"description": "楼道内停放电动车或充电", "clause": "第十二条", "risk_level": "高", "suggestion": "移至室外"},
                    {"description": "楼道内有少量物品", "risk_level": "低"},
                ]
            }
        ),
    ],
    ids=["lines", "JSON"],
)
def test_a_patrol_report_is_as_bad_as_the_worst_in_it(store: Store, tmp_path: Path, said: str) -> None:
    done, (told,) = brought(store, tmp_path, [row(said)], CORRIDOR)
    assert done.refused == 0, done.reasons
    assert [each.hazard for each in told.violations] == ["e_bike_inside", "few_things"]
    assert (told.risk.level, told.note) == ("high", "第十二条; 移至室外")


WRONG: dict[str, tuple[Any, str]] = {
    "not high": (row("违规描述：楼道内停放电动车或充电\n风险等级：非高风险"), '"非高风险" is no level'),
    "a hazard of nowhere": (row("违规描述：有人在吸烟\n风险等级：高"), "is no hazard"),
    "prose alone": (row("画面中可能存在违规行为，请注意安全。"), "nothing in this answer is understood"),
    "no such tool": (row('{"tool": "wand", "action": "grasp"}'), '"wand" is no'),
    "a key too many": (row('{"action": "none", "mood": "good"}'), '"mood" means nothing'),
    "a key twice": (row('So: {"action": "none", "action": "reach"} .'), "nothing in this answer"),
    "cut off": (row('{"action": "none", "tool": "ham'), "nothing in this answer"),
    "two pictures": (row(STEP, image=["temp_frames/a.jpg", "b.jpg"]), "2 pictures"),
    "no picture": (row(STEP, image=["gone.jpg"]), "gone.jpg is not in the folder"),
    "no answer": ({"image": ["temp_frames/a.jpg"], "conversations": []}, "0 answers"),
    "an empty answer": (row("  "), "the answer is empty"),
    "above the folder": (row(STEP, image=["../../etc/passwd"]), "not in the folder"),
    "a box outside": (row('[{"tool": "hammer", "bbox": [0, 0, 640, 480]}]'), "outside a frame of 100 x 50"),
    "a box of words": (row('[{"tool": "hammer", "bbox": ["a", 0, 6, 4]}]'), "a box is four numbers"),
    "no row": (7, "no row"),
}


@pytest.mark.parametrize(("said", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_not_understood_is_refused_with_its_place_and_the_others_go_on(
    store: Store, tmp_path: Path, said: Any, reason: str
) -> None:
    good = "未发现明显违规行为" if "违规" in json.dumps(said, ensure_ascii=False) else STEP
    done, told = brought(store, tmp_path, [row(good), said], CORRIDOR if good != STEP else BENCH)
    assert (done.new, done.refused, len(told)) == (1, 1, 1)
    assert done.reasons[0].startswith("train.json, row 2")
    assert reason in done.reasons[0]


@pytest.mark.parametrize(
    "text", ["__import__('os').system('true')", "[" * 10_000, "{" * 10_000 + "}" * 10_000, "1" * 200_000, "", "a: b", "{'a': 1"]
)
def test_what_is_no_value_gives_none_and_runs_nothing(text: str) -> None:
    assert simplified(text) is None
