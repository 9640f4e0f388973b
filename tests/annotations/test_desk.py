"""What can be done with frames, on a real record and a real vault: taken in, asked once, corrected without overwriting, walked through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotations.desk import Desk
from annotations.store import Store
from core.errors import Conflict, FrameRefused, Malformed, ModelBusy, ModelMissing, NotFound
from core.frames import Limits, Vault
from core.patience import Patience
from core.profile import read
from core.schema import Assessment, Correction, Finding, Frame, Risk, Step, Value, Violation
from core.settings import ASSETS
from tests import makers
from tests.annotations.keeping import broken
from tests.makers import assessment, correction, jpeg

BENCH = read(ASSETS / "profiles" / "bench.toml")


class Machine:
    """Says the same of every frame, and counts how often it was asked."""

    def __init__(self, answers_for: str | None = None, **said: Any) -> None:
        self.answers_for = answers_for
        self.asked: list[str] = []
        self.said = said
        self.fault: Exception | None = None

    def __call__(self, frame: Frame, content: bytes, patience: Patience | None = None) -> Assessment:
        self.asked.append(frame.id)
        if self.fault is not None:
            raise self.fault
        assert len(content) > 0
        return assessment(self.answers_for or frame, **self.said)


class Clock:
    """A clock that goes on by an hour at each look."""

    def __init__(self) -> None:
        self.now = makers.NOON

    def __call__(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


Open = Callable[..., Desk]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Desks over one record: `opened(machine, model=..., prompt_id=...)`."""
    with Store(tmp_path / "record.sqlite3") as store:
        vault = Vault(tmp_path)

        def make(machine: Machine | None = None, *, model: str | None = "scripted:0", prompt_id: str = "prompt", **more: Any) -> Desk:
            return Desk(store, vault, BENCH, machine, model if machine else None, prompt_id, clock=Clock(), **more)

        yield make
    assert broken(tmp_path / "record.sqlite3") == []


def test_a_frame_that_comes_in_is_kept_byte_for_byte_and_known(opened: Open, tmp_path: Path) -> None:
    desk, content = opened(), jpeg(40, 30, exif_orientation=6)
    frame = desk.receive(content, "../../C:\\fakepath\\工位.jpg", by="lin", source="folder")
    assert (frame.width, frame.height, frame.name, frame.source) == (30, 40, "工位.jpg", "folder")
    assert frame.received_at == makers.NOON + timedelta(hours=1)
    assert desk.frame(frame.id) == frame
    assert Vault(tmp_path).get(frame.id) == content


def test_what_is_no_picture_leaves_no_trace(opened: Open, tmp_path: Path) -> None:
    desk = opened(limits=Limits(max_bytes=100_000))
    for content in (b"<html>", b"", jpeg()[:200], jpeg(600, 600) + bytes(100_000)):
        with pytest.raises(FrameRefused):
            desk.receive(content, "x.jpg", by="lin")
    assert desk.walk() == []
    assert [path for path in (tmp_path / "frames").rglob("*") if path.is_file()] == []


def test_the_same_bytes_twice_are_one_frame(opened: Open) -> None:
    desk = opened()
    first = desk.receive(jpeg(), "first.jpg", by="lin")
    assert desk.receive(jpeg(), "second.jpg", by="wang") == first
    assert [card.name for card in desk.walk()] == ["first.jpg"]


def test_pictures_and_previews_leave_upright_and_bare(opened: Open) -> None:
    desk = opened()
    frame = desk.receive(jpeg(400, 200, exif_orientation=6, taken="2023:11:02 14:59:43"), "a.jpg", by="lin")
    for content, size in ((desk.picture(frame.id), (200, 400)), (desk.preview(frame.id, 320), (160, 320))):
        assert b"2023:11:02" not in content
        with Image.open(BytesIO(content)) as shown:
            assert (shown.size, len(shown.getexif())) == (size, 0)


def test_a_frame_is_asked_once_and_then_answered_from_the_record(opened: Open) -> None:
    machine = Machine()
    desk = opened(machine)
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    first, known_before = desk.assess(frame.id)
    again, known = desk.assess(frame.id)
    assert (known_before, known, again) == (False, True, first)
    assert machine.asked == [frame.id]


def test_another_model_or_another_prompt_is_asked_anew(opened: Open) -> None:
    frame = opened().receive(jpeg(), "a.jpg", by="lin")
    for model, prompt in (("scripted:0", "prompt"), ("scripted:1", "prompt"), ("scripted:0", "other")):
        machine = Machine(model=model, prompt_id=prompt)
        desk = opened(machine, model=model, prompt_id=prompt)
        assert [desk.assess(frame.id)[1], desk.assess(frame.id)[1]] == [False, True]
        said = desk.sheet(frame.id).assessment
        assert said is not None
        assert (said.model, said.prompt_id) == (model, prompt)


def test_many_who_ask_at_once_ask_the_model_once(opened: Open) -> None:
    machine = Machine()
    desk = opened(machine)
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    answers: list[bool] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        answers.append(desk.assess(frame.id)[1])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] + [True] * 7
    assert machine.asked == [frame.id]


def test_a_model_that_could_not_answer_leaves_nothing_and_is_asked_again(opened: Open) -> None:
    machine = Machine()
    desk = opened(machine)
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    machine.fault = ModelBusy("Too many are waiting.")
    with pytest.raises(ModelBusy):
        desk.assess(frame.id)
    assert desk.sheet(frame.id).assessment is None
    machine.fault = None
    assert desk.assess(frame.id)[1] is False


def test_an_assessment_without_a_reply_is_shown_but_is_no_answer(opened: Open) -> None:
    machine = Machine(reply=None, risk=Risk(None))
    desk = opened(machine)
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    assert [desk.assess(frame.id)[1], desk.assess(frame.id)[1]] == [False, False]
    assert len(machine.asked) == 2
    assert desk.sheet(frame.id).assessment == assessment(frame, reply=None, risk=Risk(None))


def test_an_answer_for_another_frame_is_a_bug_and_is_not_written(opened: Open) -> None:
    desk = opened(Machine(answers_for="0" * 64))
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    with pytest.raises(ValueError, match="answered for frame"):
        desk.assess(frame.id)
    assert desk.sheet(frame.id).assessment is None


def test_without_a_model_one_can_still_correct(opened: Open) -> None:
    desk = opened()
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    with pytest.raises(ModelMissing, match="mark it by hand"):
        desk.assess(frame.id)
    saved = desk.correct(correction(frame, saw_model=None))
    assert (saved.revision, saved.at) == (1, makers.NOON + timedelta(hours=2))
    sheet = desk.sheet(frame.id)
    assert (sheet.frame, sheet.assessment, sheet.correction, sheet.revision) == (frame, None, saved, 1)
    assert desk.history(frame.id) == (saved,)


def test_the_sheet_tells_who_works_on_a_frame_until_that_person_has_spoken(opened: Open) -> None:
    desk = opened()
    frame = desk.receive(jpeg(), "a.jpg", by="cam")
    assert desk.sheet(frame.id, by="lin").lease is None
    desk._clock = lambda: makers.NOON  # a lease would end while this clock goes on
    held = desk.renew("lin", "tab", frame.id)
    for by, mine in (("lin", True), ("wang", False)):
        lease = desk.sheet(frame.id, by=by).lease
        assert lease is not None
        assert (lease.holder, lease.until, lease.mine) == ("lin", held.until, mine)
    desk.correct(correction(frame, author="lin"))
    assert desk.sheet(frame.id, by="lin").lease is None


def test_the_second_who_saves_gets_both_versions_and_may_save_after_looking(opened: Open) -> None:
    desk = opened()
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    theirs = desk.correct(correction(frame, author="wang"))
    yours = correction(frame, author="lin", note="mine")
    with pytest.raises(Conflict) as refused:
        desk.correct(yours)
    assert (refused.value.theirs, refused.value.yours) == (theirs, yours)
    assert "wang" in str(refused.value)
    assert desk.history(frame.id) == (theirs,)
    assert desk.correct(replace(yours, saw_revision=1)).revision == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"findings": (Finding("hex wrench"),)}, '"hex wrench" is no label'),
        ({"step": Step(tool=Value("hand"))}, '"hand" is no tool'),
        ({"step": Step(phase=Value("hammer"))}, '"hammer" is no phase'),
        ({"violations": (Violation("fire"),)}, '"fire" is no hazard'),
        ({"violations": (Violation("tool_at_edge", "grave"),)}, '"grave" is no risk'),
        ({"risk": Risk("critical")}, '"critical" is no risk'),
        ({"author": "  "}, "needs its author"),
        ({"verdict": "fine"}, '"fine" is no verdict'),
        ({"active_seconds": float("nan")}, "active_seconds"),
        ({"active_seconds": -1.0}, "active_seconds"),
        ({"saw_revision": 2}, "no revision 2"),
    ],
    ids=["label", "tool", "phase", "hazard", "risk of a hazard", "risk", "author", "verdict", "no time", "negative time", "revision"],
)
def test_a_word_that_the_profile_lacks_never_becomes_truth(opened: Open, change: dict[str, Any], sentence: str) -> None:
    desk = opened()
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    with pytest.raises(Malformed, match=sentence):
        desk.correct(correction(frame, **change))
    assert desk.history(frame.id) == ()


def test_an_unknown_frame_is_not_found_by_any_verb(opened: Open) -> None:
    desk, nobody = opened(Machine()), "0" * 64
    verbs: list[Callable[[], object]] = [
        lambda: desk.frame(nobody),
        lambda: desk.picture(nobody),
        lambda: desk.preview(nobody, 320),
        lambda: desk.assess(nobody),
        lambda: desk.sheet(nobody),
        lambda: desk.history(nobody),
        lambda: desk.correct(correction(nobody)),
        lambda: desk.walk(before=nobody),
        lambda: desk.next(nobody),
    ]
    for verb in verbs:
        with pytest.raises(NotFound):
            verb()


def test_the_walk_and_the_queue_follow_what_machine_and_people_say(opened: Open) -> None:
    sure = Machine(
        risk=Risk("low", {"low": 0.99}), step=Step(*[Value(v, 0.99) for v in ("hammer", "bolt", "strike", "work")]), violations=()
    )
    unsure = Machine(risk=Risk(None))
    frames = [opened().receive(jpeg(20 + i, 20), f"{i}.jpg", by="lin") for i in range(3)]
    opened(sure).assess(frames[0].id)
    desk = opened(unsure)
    desk.assess(frames[1].id)
    assert desk.next() == frames[1].id  # undetermined, and older than the one that nobody looked at
    assert desk.next(frames[1].id) == frames[2].id
    assert desk.next(frames[2].id) == frames[0].id
    desk.correct(correction(frames[1], risk=Risk("high", said_by="person")))
    assert desk.next() == frames[2].id
    assert [(c.name, c.level, c.reviewed, c.revision) for c in desk.walk()] == [
        ("2.jpg", None, False, 0),
        ("1.jpg", "high", True, 1),
        ("0.jpg", "low", False, 0),
    ]
    assert [card.name for card in desk.walk(limit=1, before=frames[2].id)] == ["1.jpg"]


def test_reviewed_frames_come_by_id_with_their_latest_word(opened: Open) -> None:
    desk = opened()
    frames = [desk.receive(jpeg(20 + i, 20), f"{i}.jpg", by="lin") for i in range(4)]
    told: dict[str, Correction] = {frame.id: desk.correct(correction(frame)) for frame in frames[:3]}
    told[frames[0].id] = desk.correct(correction(frames[0], saw_revision=1, note="again"))
    desk.correct(correction(frames[2], saw_revision=1, verdict="cannot_tell"))
    found = [(each.frame, each.correction) for each in desk.reviewed()]
    assert found == [(frame, told[frame.id]) for frame in sorted(frames[:2], key=lambda frame: frame.id)]


def test_times_are_kept_in_utc_whatever_clock_is_handed_in(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store:
        desk = Desk(store, Vault(tmp_path), BENCH)
        before = datetime.now(UTC)
        frame = desk.receive(jpeg(), "a.jpg", by="lin")
        saved = desk.correct(correction(frame))
    assert saved.at is not None
    assert before <= frame.received_at <= saved.at <= datetime.now(UTC)
