"""Preference pairs: exactly one valid pair for each correction that changed the answer, none where nothing changed; what the person saw is what is rejected."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations import opinions, pairing, teaching
from annotations.desk import Desk
from annotations.pairing import KINDS, Skipped, exported_size, pairs_of, verdicts_of
from annotations.store import Store
from core.geometry import FAMILIES, from_model, iou
from core.parsing import parse_reply
from core.profile import read
from core.prompts import build
from core.risk import UNPARSED
from core.schema import FIELDS, Assessment, Box, Correction, Finding, Frame, Pair, Reply, Risk, Sample, Step, Value, Violation
from core.settings import ASSETS
from tests import makers
from tests.annotations.desks import new_record

BENCH = read(ASSETS / "profiles" / "bench.toml")
FAR = Finding("plate", Box(0.7, 0.75, 0.95, 0.95), said_by="person")
SHIFTS = {"nudge": 0.004, "box moved": 0.09}
EDITS = (*(kind for kind in KINDS if kind != "unparsed"), "nudge", "order", "note")
SIZES = ((640, 480), (1920, 1080), (333, 777))


def told_of(said: Assessment, edits: set[str]) -> dict[str, Any]:
    """The answer that a person makes of a machine's by these edits and no others."""
    hand, hammer, bolt = (f.box for f in makers.assessment().findings)
    assert hand is not None
    assert hammer is not None
    assert bolt is not None
    by = max((SHIFTS[each] for each in edits & set(SHIFTS)), default=0.0)
    x0, y0, x1, y1 = hammer.xyxy
    findings = [
        Finding("hand", hand, said_by="confirmed"),
        Finding("hammer", Box(x0 + by, y0 + by, x1 + by, y1 + by), said_by="person"),
        *([] if "box removed" in edits else [Finding("plate" if "label" in edits else "bolt", bolt, said_by="person")]),
        *([FAR] if "box added" in edits else []),
    ]
    other = {"tool": "pliers", "part": "plate", "action": "grip", "phase": "finish"}
    step = {name: other[name] if name in edits else makers.STRIKING[name].value for name in FIELDS}
    hazards = ["crowded_bench", "tool_at_edge"][1 if "violation removed" in edits else 0 :]
    hazards += ["hand_near_blade"] if "violation added" in edits else []
    level = "high" if "risk raised" in edits else "none" if "risk lowered" in edits else "low"
    return {
        "findings": tuple(reversed(findings) if "order" in edits else findings),
        "step": Step(*(Value(step[name], said_by="person") for name in FIELDS)),
        "violations": tuple(Violation(key, "low", said_by="confirmed") for key in (reversed(hazards) if "order" in edits else hazards)),
        "risk": Risk(level, said_by="person"),
        "note": "seen" if "note" in edits else "",
    }


def machine(frame: Frame, model: str = "eye:1", prompt: str = "p", **more: Any) -> Assessment:
    hazards = (Violation("crowded_bench", "low"), Violation("tool_at_edge", "low"))
    own: dict[str, Any] = {"model": model, "prompt_id": prompt, "violations": hazards, "reply": Reply("{}", model, prompt, 0.5)}
    return makers.assessment(frame, **{**own, **more})


class Book:
    """A record that is written by hand, a second between two words."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = makers.NOON
        self.frames: list[Frame] = []

    def frame(self, size: tuple[int, int] = (640, 480)) -> Frame:
        made = makers.frame(frame_id=f"{len(self.frames) + 1:064x}", width=size[0], height=size[1])
        self.frames.append(made)
        with self.store.writing() as connection:
            return opinions.add_frame(connection, made, by="cam")

    def says(self, said: Assessment) -> Assessment:
        self.now += timedelta(seconds=1)
        with self.store.writing() as connection:
            return opinions.add_assessment(connection, said, uncertainty=0.5, at=self.now)

    def tells(self, frame: Frame, edits: set[str] | None = None, **more: Any) -> Correction:
        self.now += timedelta(seconds=1)
        with self.store.writing() as connection:
            latest = opinions.correction_of(connection, frame.id)
            saw = 0 if latest is None or latest.revision is None else latest.revision
            made = {**told_of(machine(frame), edits or set()), "saw_model": "eye:1", "saw_revision": saw, **more}
            return opinions.add_correction(connection, makers.correction(frame, **made), at=self.now)

    def pairs(self, family: str = "qwen2.5-vl", **more: Any) -> list[Pair | Skipped]:
        return list(pairs_of(self.store, BENCH, family, **more))

    def verdicts(self, **more: Any) -> list[tuple[Sample, bool] | Skipped]:
        return list(verdicts_of(self.store, BENCH, "qwen2.5-vl", **more))


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store)


def only(found: list[Pair | Skipped]) -> Pair:
    (pair,) = found
    assert isinstance(pair, Pair), pair
    return pair


def why(found: list[Any]) -> str:
    (skipped,) = found
    assert isinstance(skipped, Skipped), skipped
    return skipped.reason


edits = st.sets(st.sampled_from(EDITS), max_size=4).filter(
    lambda s: not {"risk raised", "risk lowered"} <= s and not {"nudge", "box moved"} <= s and not {"label", "box removed"} <= s
)
garbled = st.sampled_from((False, False, False, True))
lives = st.lists(st.tuples(st.sampled_from(("said", "said", "told", "told", "told", "blind", "cannot", "bin")), edits, garbled), max_size=5)


@given(lives=st.lists(lives, min_size=1, max_size=3), family=st.sampled_from(sorted(FAMILIES)), dice=st.randoms(use_true_random=False))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_correction_that_changed_the_answer_gives_exactly_one_valid_pair(
    lives: list[list[tuple[str, set[str], bool]]], family: str, dice: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever was said of a frame in whatever order; the expectation is kept beside the record in plain words."""
    expected: dict[str, tuple[frozenset[str], bool] | None] = {}  # by frame: kinds and whether garbled; None: no pair
    with Store(new_record(tmp_path_factory.mktemp("record"))) as store:
        book = Book(store)
        for life in lives:
            frame = book.frame(dice.choice(SIZES))
            expected[frame.id] = _lived(book, frame, life)
        found = book.pairs(family)
    assert [each.frame_id for each in found] == sorted(expected)  # each frame once: a pair or a reason
    for each in found:
        due = expected[each.frame_id]
        assert isinstance(each, Pair) == (due is not None), (each, due)
        if isinstance(each, Pair) and due is not None:
            kinds, broken = due
            assert set(each.kinds) >= kinds
            assert ("unparsed" in each.kinds) == broken
            assert broken or set(each.kinds) == kinds
            _valid(each, family, broken=broken)


def _lived(book: Book, frame: Frame, life: list[tuple[str, set[str], bool]]) -> tuple[frozenset[str], bool] | None:
    """Play a life into the record. What pair is due for it at its end."""
    standing: bool | None = None  # the model's answer by now: garbled or not; None: it has not spoken
    due: tuple[frozenset[str], bool] | None = None
    basis: tuple[str | None, bool | None] | None = None  # of the chain of corrections: whose proposal, and what it was then
    binned = False
    for number, (what, changes, broken) in enumerate(life):
        if what == "said":
            nothing: dict[str, Any] = {"findings": (), "step": Step(), "violations": (), "risk": Risk(None, {}, (UNPARSED,))}
            book.says(machine(frame, prompt=f"p{number}", **(nothing if broken else {})))
            standing = broken
        elif what == "bin":
            binned = True
        else:
            model = None if what == "blind" else "eye:1"
            if basis is None or basis[0] != model:  # a correction of a correction starts from the same answer
                basis = (model, standing)
            book.tells(frame, changes, saw_model=model, verdict="cannot_tell" if what == "cannot" else "reviewed")
            kinds = frozenset(changes & set(KINDS))
            due = None if what == "cannot" or basis[1] is None or not (kinds or basis[1]) else (kinds, basis[1])
    if binned:
        with book.store.writing() as connection:
            connection.execute("UPDATE frame_states SET binned = 1 WHERE frame = (SELECT seq FROM frames WHERE id = ?)", (frame.id,))
    return None if binned else due


def _valid(pair: Pair, family: str, *, broken: bool) -> None:
    fmt, size = FAMILIES[family], (pair.width, pair.height)
    assert pair.chosen != pair.rejected
    assert pair.prompt == build(BENCH, "brief" if family == "compact" else "full", fmt).text
    chosen, rejected = (parse_reply(text, BENCH, fmt, size) for text in (pair.chosen, pair.rejected))
    assert (chosen.whole, chosen.dropped) == (True, ())
    assert rejected.whole != broken
    if not broken:
        assert rejected.dropped == ()
        assert [f.label for f in rejected.findings] == ["hand", "hammer", "bolt"]


def test_the_answer_that_the_person_saw_is_rejected_and_no_later_one(book: Book) -> None:
    frame = book.frame()
    book.says(machine(frame, prompt="old", risk=Risk("none")))
    book.says(machine(frame, model="other:2", risk=Risk("medium")))
    book.tells(frame, {"tool"})
    book.says(machine(frame, prompt="new", risk=Risk("high")))
    book.tells(frame, {"tool", "phase"})
    pair = only(book.pairs())
    assert orjson.loads(pair.rejected)["risk"] == "none"
    assert (pair.model, pair.kinds) == ("eye:1", ("tool", "phase", "risk raised"))
    assert orjson.loads(pair.chosen)["phase"] == "finish"


def test_whoever_began_with_an_empty_sheet_is_held_against_what_the_record_had(book: Book) -> None:
    one, other = book.frame(), book.frame()
    book.says(machine(one))
    book.tells(one, {"risk raised"}, saw_model=None)
    book.tells(other, {"risk raised"}, saw_model=None)
    book.says(machine(other))
    pair, skipped = book.pairs()
    assert isinstance(pair, Pair)
    assert pair.kinds == ("risk raised",)
    assert skipped == Skipped(other.id, pairing.NO_ANSWER)


def test_a_model_that_gave_no_reply_has_no_answer_to_reject(book: Book) -> None:
    frame = book.frame()
    silent: dict[str, Any] = {"findings": (), "step": Step(), "violations": (), "risk": Risk(None), "reply": None}
    book.says(machine(frame, **silent))
    book.tells(frame, {"tool"})
    assert why(book.pairs()) == pairing.NO_ANSWER


@pytest.mark.parametrize(("edits", "reason"), [({"nudge"}, pairing.NUDGED), ({"order"}, pairing.UNCHANGED), (set(), pairing.UNCHANGED)])
def test_a_pair_about_next_to_nothing_is_none(book: Book, edits: set[str], reason: str) -> None:
    frame = book.frame()
    book.says(machine(frame))
    book.tells(frame, edits)
    assert why(book.pairs()) == reason
    box = book.tells(frame, edits).findings[1].box
    assert box is not None
    assert makers.HAMMER.box is not None
    assert (0.8 < iou(box, makers.HAMMER.box) < 1) is (edits == {"nudge"})


@pytest.mark.parametrize("state", ["returned", "disputed", "in the bin"])
def test_what_stands_aside_gives_no_pair(book: Book, desk: Desk, state: str) -> None:
    frame = book.frame()
    book.says(machine(frame))
    told = book.tells(frame, {"tool"})
    assert isinstance(book.pairs()[0], Pair)
    if state == "returned":
        desk.review(frame.id, "returned", "look again", 1, by="bo")
    elif state == "disputed":
        desk.want(frame.id, 2, by="bo")
        desk.second_opinion(replace(told, author="bo", risk=Risk("high", said_by="person")))
    else:
        desk.bin(frame.id, "blurred", by="bo")
    assert why(book.pairs()) == state
    assert state in teaching.REASONS


def test_what_may_not_teach_prefers_nothing(book: Book) -> None:
    open_frame, unsure, foreign = book.frame(), book.frame(), book.frame()
    book.says(machine(open_frame))
    book.says(machine(unsure))
    book.tells(unsure, {"tool"}, risk=Risk("low"))
    book.says(machine(foreign, findings=(Finding("e_bike", Box(0, 0, 1, 1)),)))
    book.tells(foreign, {"tool"})
    reasons = [each.reason for each in book.pairs() if isinstance(each, Skipped)]
    assert reasons == [teaching.NOT_REVIEWED, teaching.UNCONFIRMED, teaching.ANOTHER_PROFILE]
    assert set(reasons) <= set(teaching.REASONS)


def test_a_frozen_set_keeps_the_revision_that_it_froze(book: Book, desk: Desk) -> None:
    frame = book.frame()
    book.frame()
    book.says(machine(frame))
    book.tells(frame, {"tool"})
    listed = [each for each in teaching.everything(book.store) if each.frame_id == frame.id]
    frozen = book.pairs(listed=listed)
    book.tells(frame, {"risk raised"})
    desk.review(frame.id, "returned", "look again", 2, by="bo")
    assert book.pairs(listed=listed) == frozen
    assert only(frozen).kinds == ("tool",)


@pytest.mark.parametrize("family", ["qwen2.5-vl", "qwen3-vl"])
def test_boxes_of_both_answers_are_in_the_frame_of_the_exported_picture(book: Book, family: str) -> None:
    frame = book.frame((1920, 1080))
    book.says(machine(frame))
    book.tells(frame, {"box moved"})
    pair = only(book.pairs(family))
    fmt, size = FAMILIES[family], (pair.width, pair.height)
    assert size == exported_size(frame, fmt) == ((1316, 728) if family == "qwen2.5-vl" else (1920, 1080))
    true = told_of(machine(frame), {"box moved"})["findings"][1].box
    for text, box in ((pair.chosen, true), (pair.rejected, makers.HAMMER.box)):
        assert box is not None
        assert iou(from_model(orjson.loads(text)["findings"][1]["box"], fmt, size), box) > 0.99
    assert only(book.pairs(family, size_of=lambda frame: (700, 392))).width == 700


def test_a_frame_that_the_family_does_not_take_is_told(book: Book) -> None:
    frame = book.frame((3000, 10))
    book.says(machine(frame))
    book.tells(frame, {"tool"})
    assert why(book.pairs()) == teaching.UNREADABLE


@pytest.mark.parametrize(
    ("edits", "more", "good"),
    [
        (set(), {}, True),
        (set(), {"saw_model": None}, True),
        (set(), {"active_seconds": 2.9}, None),
        ({"nudge"}, {}, None),
        ({"risk raised"}, {"active_seconds": 0.1}, False),
        ({"note"}, {"active_seconds": 3.0}, True),
    ],
    ids=["let stand", "the same from an empty sheet", "waved through", "a box moved by little", "put right", "with a note"],
)
def test_an_answer_is_good_when_somebody_looked_and_let_it_stand(
    book: Book, edits: set[str], more: dict[str, Any], good: bool | None
) -> None:
    frame = book.frame()
    book.says(machine(frame))
    told = book.tells(frame, edits, **more)
    (found,) = book.verdicts()
    if good is None:
        assert isinstance(found, Skipped)
        return
    assert not isinstance(found, Skipped)
    sample, verdict = found
    said = parse_reply(sample.answer, BENCH, FAMILIES["qwen2.5-vl"], (sample.width, sample.height))
    assert verdict is good
    assert said.risk_level == "low"  # as the machine said, put right or not
    assert (said.risk_level == told.risk.level) is good


def test_the_same_record_gives_the_same_pairs(book: Book) -> None:
    for _ in range(5):
        frame = book.frame()
        book.says(machine(frame))
        book.tells(frame, {"tool"})
    assert book.pairs() == book.pairs()
    assert len(book.pairs()) == 5
