"""Two hundred and fifty replies that are none, and ten thousand damaged ones: no error, and never "no risk"."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from core.backends.scripted import Scripted
from core.geometry import FAMILIES, THOUSANDTHS
from core.inspection import assess
from core.parsing import parse_reply
from core.profile import read
from core.prompts import STYLES, build
from core.schema import Reply
from core.settings import ASSETS
from tests import makers

PROFILES = {key: read(ASSETS / "profiles" / f"{key}.toml") for key in ("bench", "corridor")}
BENCH = PROFILES["bench"]
SIZE = (64, 48)
CORPUS = [json.loads(path.read_text("utf-8"))["reply"] for path in sorted((Path(__file__).parents[1] / "replies").glob("*.json"))]
NOTHING_HERE = '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'
PRETTY = json.dumps(json.loads(NOTHING_HERE), indent=2)
IN_CHINESE = '{"发现":[],"工具":"无","零件":"无","动作":"无动作","阶段":"空闲","违规":[],"风险":"无风险"}'
SINGLE = NOTHING_HERE.replace('"', "'")
LINES = "发现：无\n工具：无\n零件：无\n动作：无动作\n阶段：空闲\n违规：无\n风险：无风险"

WORDS = {
    "empty": ["", " ", "\n\n", "\t", "\ufeff", "\0", "\u200b", "。", "...", "-", "{}", "[]", "null", '""', "0", "none", "无", "無風險"],
    "refusal": [
        "I'm sorry, but I can't help with that.",
        "I cannot analyse images.",
        "As an AI model I am unable to judge safety. No risk was found.",
        "Sorry, the picture is too dark. risk: none",
        "No image was provided. There is no risk.",
        "I can't see any person, so I must refuse.",
        "抱歉，我无法识别该图片。",
        "作为一个人工智能模型，我无法判断，无风险。",
        "对不起，图片不清晰，未发现风险。",
        "该请求无法处理。",
        '{"refusal":"I cannot do that","risk":"none"}',
        '{"error":"content policy","findings":[]}',
    ],
    "prose": [
        "There is no risk in this picture.",
        "Everything looks safe: no hazards, no violations.",
        "The risk is none.",
        "Risk: none",
        "**Risk:** none",
        "# none",
        "- none\n- none\n- none",
        "无风险",
        "该工作台没有任何风险。",
        "风险等级：无风险",
        "未发现明显违规行为，现场安全。",
        "风险：无\n结论：安全",
        "Kein Risiko zu erkennen.",
        "Aucun risque.",
        "リスクはありません。",
        "위험 없음",
        "Риска нет.",
        "لا يوجد خطر",
        "ไม่มีความเสี่ยง",
        "Nessun rischio, nessuna violazione.",
    ],
    "error text": [
        "Error: CUDA out of memory.",
        "Traceback (most recent call last):\n  File \"serve.py\", line 3\nRuntimeError: device-side assert",
        "500 Internal Server Error",
        "<html><body><h1>502 Bad Gateway</h1></body></html>",
        "<!doctype html><title>risk</title><p>none</p>",
        '{"error":{"message":"model overloaded","code":503}}',
        '{"detail":"Not Found"}',
        '{"object":"chat.completion","choices":[]}',
        "upstream request timeout",
        "null\nnull",
        "data: [DONE]",
        "<tool_call>{\"name\":\"inspect\",\"arguments\":{\"risk\":\"none\"}}</tool_call>",
        "<|im_end|>",
        "<think>nothing to see, risk none",
        "<think>none</think>",
        "<image>" * 50,
    ],
    "garbage": [
        "a" * 5000,
        "none " * 1000,
        "}{][",
        "{" * 40,
        '"' * 99,
        '{"risk":"none"',
        '{"risk":"none"}',
        '[{"risk":"none"}]',
        '{"findings":[],"risk":"none"}',
        '{"findings":null,"tool":null,"part":null,"action":null,"phase":null,"violations":null,"risk":"none"}',
        '{"findings":"","tool":"","part":"","action":"","phase":"","violations":"","risk":"none"}',
        '{"findings":0,"violations":0,"risk":"none"}',
        '{"properties":{"risk":{"enum":["none"]}}}',
        '{"risk":"none","risk":"none","findings":[],"violations":[]}',
        "�" * 30,
        "\udcff\udcfe none",
        "锟斤拷" * 20,
        "NaN",
        "1e999",
        '{"findings":[{"box":[0,0,0,0],"label":"none"}],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}',
        "yes",
        "none\nnone\nnone\nnone\nnone\nnone\nnone",
    ],
}  # fmt: skip


def bad_replies() -> list[tuple[str, str]]:
    """Kind and words."""
    found = [(kind, words) for kind, several in WORDS.items() for words in several]
    for whole, kind in [(NOTHING_HERE, "cut"), (PRETTY, "cut"), (f"```json\n{PRETTY}\n```", "cut"), (IN_CHINESE, "cut"), (SINGLE, "cut")]:
        end = whole.rindex("}")
        found += [(kind, whole[:at]) for at in range(2, end, 4)]
    found += [("cut", LINES[:at]) for at in range(2, len(LINES), 4)] + [("mended", LINES), ("mended", SINGLE)]
    for profile in PROFILES.values():
        for style in STYLES:
            for fmt in (THOUSANDTHS, FAMILIES["qwen2.5-vl"]):
                prompt = build(profile, style, fmt)
                found += [("echo", prompt.text), ("echo", json.dumps(prompt.schema)), ("echo", f"{prompt.text}\n{prompt.text}")]
    for noise in ("There is a hand near the blade.", "但是有一只手靠近刀刃。", "risk: high", '{"risk":"high"}'):
        found += [("contradiction", f"{NOTHING_HERE}\n{noise}"), ("contradiction", f"{noise}\n{NOTHING_HERE}")]
    for wrong in ('"none?"', '"non"', "null", "0", "false", '["none"]', '{"level":"none"}', '"none|low"', '"无"', '"not none"'):
        found.append(("level", NOTHING_HERE.replace('"risk":"none"', f'"risk":{wrong}')))
    return list(dict.fromkeys(found))


BAD = bad_replies()


def test_there_are_enough_of_them_and_of_each_kind() -> None:
    kinds = {kind for kind, _ in BAD}
    assert kinds >= {"empty", "refusal", "prose", "error text", "garbage", "cut", "mended", "echo", "contradiction", "level"}
    assert len(BAD) >= 250


def test_none_of_them_says_that_there_is_no_risk() -> None:
    """Through parsing, the written rules and their fusion: every one is undetermined or worse, and goes to a person."""
    tried, frame = 0, makers.frame(makers.jpeg())
    for kind, words in BAD:
        for profile in PROFILES.values():
            backend = Scripted("scripted", {})
            said = assess(frame, Reply(words, "scripted", "p", 0.0), backend, profile)
            assert said.risk.level != "none", (kind, words)
            assert said.dropped, (kind, words)
            tried += 1
    assert tried == 2 * len(BAD)


def test_the_same_words_unharmed_do_say_it() -> None:
    """So that the test above can fail."""
    for words in (NOTHING_HERE, PRETTY, f"```json\n{PRETTY}\n```", IN_CHINESE):
        assert parse_reply(words, BENCH, THOUSANDTHS, SIZE).risk_level == "none"


@pytest.mark.parametrize("times", [10_000, pytest.param(200_000, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_a_damaged_reply_raises_nothing(times: int) -> None:
    dice, read_whole = random.Random(52), 0
    for _ in range(times):
        text = damaged(dice.choice(CORPUS), dice)
        for profile in PROFILES.values():
            got = parse_reply(text, profile, THOUSANDTHS, SIZE)
            assert got.whole or got.dropped
            assert got.risk_level != "none" or got.whole, text
            read_whole += got.whole
    assert 0 < read_whole < times


NOISE = ["{", "}", "[", "]", '"', "'", ",", ":", "\\", "，", "“", "」", "\n", "|", "- ", "无", "none"]


def damaged(text: str, dice: random.Random) -> str:
    """One to five of: cut, a sign put in, lost or changed, a part lost or said again, half a character at the end."""
    for _ in range(dice.randrange(1, 6)):
        at, to = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
        made = {
            "start": text[:at],
            "end": text[at:],
            "more": text[:at] + dice.choice(NOISE) + text[at:],
            "less": text[:at] + text[at + 1 :],
            "gap": text[:at] + text[to:],
            "again": text + text[at:to],
            "other": text.replace(dice.choice('{}[]":,'), dice.choice("{}[]'\":,："), 1),
            "half": text.encode("utf-8", "replace")[: at + 1].decode("utf-8", "surrogateescape"),
        }
        text = made[dice.choice(list(made))]
    return text
