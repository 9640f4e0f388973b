"""Any sequence of verbs, crashes and new starts leaves the record as a few plain lists say it must be (`plain`)."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from annotations.desk import Desk
from annotations.keeping import scrubbing
from annotations.once import Once
from annotations.store import FILE, Store
from core.errors import AppError, KeyReused
from core.frames import Vault
from core.schema import Correction, Risk
from tests import makers
from tests.annotations.clients import PROFILE, content_of, said_of
from tests.annotations.plain import Kind, PlainFrame, Refusal

MEMORY = Path("/dev/shm")  # quick to write to; what a flush costs is no question here
MOST = 6  # frames of a run: few, so that much happens to each
LENGTH = 100  # steps of a run
APART = 12  # verbs between a new start and the next

people = st.sampled_from(("ada", "bo", "cy", "dee"))
kinds = st.sampled_from(("low", "low", "high", "cannot", "waved"))
places = st.integers(0, 4 * MOST - 1)
behind = st.sampled_from((0, 0, 0, 0, 1))  # how far what somebody saw is behind


def correction(frame: str, by: str, kind: Kind, note: str, saw: int = 0) -> Correction:
    """A correction of a kind."""
    risk = Risk("low", said_by="model") if kind == "waved" else Risk("high" if kind == "high" else "low", said_by="confirmed")
    verdict = "cannot_tell" if kind == "cannot" else "reviewed"
    return makers.correction(frame, author=by, saw_revision=saw, note=note, verdict=verdict, risk=risk)


class Record(RuleBasedStateMachine):
    """The desk on the one side, plain lists on the other."""

    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.data = self.base / "0"
        self.turns = count(1)
        self.plain: dict[str, PlainFrame] = {}
        self.sent: list[tuple[Once, Callable[[Once], Any], Refusal]] = []
        self.touched: str | None = None
        self.next_start = 0  # so many verbs must have been sent before
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.open()

    def open(self) -> None:
        self.store = Store(self.data / FILE)
        vault = Vault(self.data, floor_bytes=0)
        self.desk = Desk(self.store, vault, PROFILE, inspect=said_of, model="scripted:0", prompt_id="prompt", clock=self.clock)

    def clock(self) -> datetime:
        """A second later each time."""
        self.now += timedelta(seconds=1)
        return self.now

    def do(self, name: str, frame: str | None, expected: Refusal, act: Callable[[Once], Any]) -> Any:
        """A verb under a key of its own; what it gives, or None when it was refused as it had to be."""
        Record.steps[name if expected is None else f"{name}, refused"] += 1
        key = f"{name}-{next(self.turns)}"
        once = Once(key, hashlib.sha256(key.encode()).hexdigest())
        self.touched = frame
        self.sent.append((once, act, expected))
        return self.compare(act, once, expected)

    def compare(self, act: Callable[[Once], Any], once: Once, expected: Refusal) -> Any:
        given, refused = None, None
        try:
            given = act(once)
        except AppError as error:
            refused = error
        assert (refused and type(refused)) is expected, f"{once.key}: {refused!r}, and it had to be {expected or 'done'}"
        return given

    def some(self, place: int, attempt: Callable[[PlainFrame], Refusal] = lambda plain: None) -> str:
        """A frame of the record; for most places one with which the attempt would succeed, if there is one."""
        fit = [frame for frame, plain in self.plain.items() if place % 4 and attempt(deepcopy(plain)) is None]
        among = fit or list(self.plain)
        return among[place // 4 % len(among)]

    @initialize()
    def first(self) -> None:
        self.receive(0, "ada")
        self.receive(4, "bo")

    @rule(place=places, by=people)
    def receive(self, place: int, by: str) -> None:
        content = content_of(f"picture {place // 4}")
        frame = hashlib.sha256(content).hexdigest()
        self.plain.setdefault(frame, PlainFrame()).arrivals += 1
        given = self.do("receive", frame, None, lambda once: self.desk.receive(content, f"{place}.jpg", by=by, once=once))
        assert given.id == frame

    @rule(place=places, by=people)
    def assess(self, place: int, by: str) -> None:
        frame = self.some(place)
        known, self.plain[frame].assessed = self.plain[frame].assessed, True
        _, from_store = self.do("assess", frame, None, lambda once: self.desk.assess(frame, by=by, once=once))
        assert from_store == known

    @rule(place=places, by=people, kind=kinds, back=behind)
    def correct(self, place: int, by: str, kind: Kind, back: int) -> None:
        frame = self.some(place, lambda plain: plain.correct(by, kind, "", plain.revision))
        note = f"note {len(self.sent)}"
        plain = self.plain[frame]
        saw = max(0, plain.revision - back) if plain.told else back
        expected = plain.correct(by, kind, note, saw)
        told = correction(frame, by, kind, note, saw)
        given = self.do("correct", frame, expected, lambda once: self.desk.correct(told, once=once))
        assert expected is not None or given.revision == plain.revision

    @rule(place=places, by=people, revision=st.integers(0, 4), back=behind)
    def restore(self, place: int, by: str, revision: int, back: int) -> None:
        frame = self.some(place, lambda plain: plain.restore(by, revision, plain.revision))
        plain = self.plain[frame]
        saw = max(0, plain.revision - back)
        expected = plain.restore(by, revision, saw)
        given = self.do("restore", frame, expected, lambda once: self.desk.restore(frame, revision, saw, by=by, once=once))
        if expected is None:
            plain.told[-1] = (by, plain.told[-1][1], given.note)
            said = plain.told[revision - 1][2]
            first = said.split(" ", 2)[2] if said.startswith("↺") else said
            assert given.note == f"↺ {revision} {first}"

    @rule(place=places, by=people, verdict=st.sampled_from(("accepted", "returned")), back=behind)
    def review(self, place: int, by: str, verdict: str, back: int) -> None:
        frame = self.some(place, lambda plain: plain.review(by, verdict, plain.revision))
        revision = max(0, self.plain[frame].revision - back)
        expected = self.plain[frame].review(by, verdict, revision)
        self.do("review", frame, expected, lambda once: self.desk.review(frame, verdict, "look again", revision, by=by, once=once))

    @rule(place=places, by=people, n=st.sampled_from((2, 2, 3, 1)))
    def want(self, place: int, by: str, n: int) -> None:
        frame = self.some(place, lambda plain: plain.want(n))
        expected = self.plain[frame].want(n)
        self.do("want", frame, expected, lambda once: self.desk.want(frame, n, by=by, once=once))

    @rule(place=places, by=people, kind=kinds)
    def second_opinion(self, place: int, by: str, kind: Kind) -> None:
        frame = self.some(place, lambda plain: plain.opinion(by, kind))
        expected = self.plain[frame].opinion(by, kind)
        told = correction(frame, by, kind, "blind")
        self.do("second opinion", frame, expected, lambda once: self.desk.second_opinion(told, once=once))

    @rule(place=places, by=people, kind=kinds, back=behind)
    def adjudicate(self, place: int, by: str, kind: Kind, back: int) -> None:
        frame = self.some(place, lambda plain: plain.adjudicate(by, kind, "", plain.revision))
        note = f"note {len(self.sent)}"
        saw = max(0, self.plain[frame].revision - back)
        expected = self.plain[frame].adjudicate(by, kind, note, saw)
        told = correction(frame, by, kind, note, saw)
        self.do("adjudicate", frame, expected, lambda once: self.desk.adjudicate(told, once=once))

    @rule(place=places, by=people, into=st.booleans())
    def bin(self, place: int, by: str, into: bool) -> None:
        frame = self.some(place, lambda plain: plain.move(into=into))
        expected = self.plain[frame].move(into=into)
        if into:
            self.do("bin", frame, expected, lambda once: self.desk.bin(frame, "blurred", by=by, once=once))
        else:
            self.do("unbin", frame, expected, lambda once: self.desk.unbin(frame, by=by, once=once))

    @rule(which=st.integers(0, 50))
    def send_again(self, which: int) -> None:
        """What was done is answered and not done again; what was refused may be refused otherwise by now, so it is left."""
        done = [each for each in self.sent[-20:] if each[2] is None]
        if done:
            once, act, _ = done[which % len(done)]
            Record.steps["sent again"] += 1
            self.compare(act, once, None)

    @rule(which=st.integers(0, 50))
    def reuse_a_key(self, which: int) -> None:
        done = [each for each in self.sent[-20:] if each[2] is None]
        if done:
            once, act, _ = done[which % len(done)]
            Record.steps["key used twice"] += 1
            self.compare(act, Once(once.key, "0" * 64), KeyReused)

    @rule()
    def export(self) -> None:
        Record.steps["export"] += 1
        expected = sorted(frame for frame, plain in self.plain.items() if plain.teaches)
        assert [each.frame.id for each in self.desk.reviewed()] == expected

    @rule()
    def lists(self) -> None:
        Record.steps["lists"] += 1
        here = {frame for frame, plain in self.plain.items() if not plain.binned}
        assert {card.frame_id for card in self.desk.walk(limit=50)} == here
        waiting = {frame for frame in here if not self.plain[frame].told}
        following = self.desk.next()
        assert (following in waiting) if waiting else following is None

    @precondition(lambda self: len(self.sent) >= self.next_start)
    @rule()
    def restart(self) -> None:
        Record.steps["restart"] += 1
        self.next_start = len(self.sent) + APART
        self.store.close()
        self.open()

    @precondition(lambda self: len(self.sent) >= self.next_start)
    @rule()
    def crash(self) -> None:
        """What lies on the disk at this moment is all that a new process finds; nobody closed anything."""
        Record.steps["crash"] += 1
        self.next_start = len(self.sent) + APART
        left, self.data = self.data, self.base / str(next(self.turns))
        self.data.mkdir()
        for name in (FILE, f"{FILE}-wal"):
            if (left / name).exists():
                shutil.copy(left / name, self.data / name)
        (left / "frames").rename(self.data / "frames")
        gone = self.store
        self.open()
        gone.close()
        shutil.rmtree(left)

    @invariant()
    def the_frame_stands_as_it_must(self) -> None:
        if self.touched is None:
            return
        plain, sheet = self.plain[self.touched], self.desk.sheet(self.touched)
        stands = (sheet.state, sheet.revision, sheet.binned, sheet.wanted, [(look.revision, look.verdict) for look in sheet.reviews])
        assert stands == (plain.state, plain.revision, plain.binned, plain.wanted, plain.looks)
        assert (sheet.assessment is not None) == plain.assessed
        told = None if sheet.correction is None else (sheet.correction.author, sheet.correction.note)
        assert told == (None if not plain.told else (plain.told[-1][0], plain.told[-1][2]))
        self.touched = None

    def teardown(self) -> None:
        try:
            everything = {frame: [(told.author, told.note) for told in self.desk.history(frame)] for frame in self.plain}
            assert everything == {frame: [(by, note) for by, _, note in plain.told] for frame, plain in self.plain.items()}
            with self.store.reading() as connection:
                arrivals = connection.execute("SELECT f.id, count(*) FROM arrivals a JOIN frames f ON f.seq = a.frame GROUP BY a.frame")
                assert dict(map(tuple, arrivals)) == {frame: plain.arrivals for frame, plain in self.plain.items()}
            assert list(scrubbing.faults(self.data / FILE)) == []
        finally:
            self.store.close()
            shutil.rmtree(self.base)


@pytest.mark.parametrize(
    ("steps", "derandomize"), [(20_000, True), pytest.param(200_000, False, marks=pytest.mark.slow)], ids=["daily", "nightly"]
)
def test_the_record_is_what_a_few_plain_lists_say(steps: int, derandomize: bool) -> None:
    Record.steps.clear()
    run_state_machine_as_test(
        Record,
        settings=settings(
            max_examples=steps // LENGTH * 6 // 5,
            stateful_step_count=LENGTH,
            deadline=None,
            derandomize=derandomize,
            print_blob=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{Record.steps.total()} steps, 0 divergences: {dict(Record.steps.most_common())}")
    assert Record.steps.total() >= steps
