"""What can be done with adapters, as verbs: register, show, let speak, take back, ask where a verdict comes from. The door of this room; it trains none.

One process holds it, the one that writes the record. Safe to use from many threads: what changes who speaks is done one after the other.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from annotations.learning import gates, known, lineage, promotions, registering, seen
from annotations.learning.known import Adapter, Gate, Promotion
from annotations.learning.lineage import Eaten, Lineage
from annotations.learning.spoken import parts_of
from annotations.rows import moment
from annotations.store import Reader, Store
from core.backends.adapters import read_adapter
from core.errors import Malformed, ModelUnfit, NotFound, OutOfTurn, StoreError

__all__ = ["Adapter", "Adapters", "Eaten", "Gate", "Lineage", "Promotion", "Running", "Said"]

Switch = Callable[[Path | None], tuple[str, str]]
"""`core.looking_at.Switch`: lets an adapter speak, or the base alone; the ids of model and prompt from then on."""

UNMEASURED = {"key": "unmeasured", "passed": False, "words": "Nobody has measured it beside the model in use.", "values": {}}


class Speaking(Protocol):
    """Who keeps the ids of what answers now: a desk."""

    model: str | None
    prompt_id: str | None


@dataclass(slots=True)
class Said:
    """The ids of what answers, where no desk keeps them: at a terminal."""

    model: str | None
    prompt_id: str | None


class Running:
    """The model that answers now, and how its adapter is changed; who keeps its ids is told."""

    def __init__(self, speaking: Speaking, switch: Switch) -> None:
        self._speaking, self._switch = speaking, switch

    @property
    def model(self) -> str:
        """Its id; empty: none."""
        return self._speaking.model or ""

    @property
    def prompt_id(self) -> str | None:
        """Of the question that it is asked."""
        return self._speaking.prompt_id

    def speak(self, adapter: Path | None) -> None:
        """Let an adapter speak, or the base alone. Raises ModelError's kin; then everything is as it was."""
        self._speaking.model, self._speaking.prompt_id = self._switch(adapter)


class Adapters:
    """The registry. `store`: one that writes, or a reader for the verbs that only tell. `folder`: where the adapters lie (`promotions.FOLDER` of the
    data folder). `running` None: no model answers here just now."""

    def __init__(
        self, store: Reader, folder: Path, running: Running | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store, self._folder, self._running, self._clock = store, folder, running, clock
        self._turn = threading.Lock()

    def register(self, source: Path, *, by: str, name: str | None = None) -> Adapter:
        """Take an adapter in, from its folder or from the folder of the training that made it; with a training come its figures and its gate.

        `name` None: that of the training, or of the folder. Raises NotFound, OutOfTurn, Malformed, StoreError, and ModelError's kin for what
        is no adapter that may be opened; nothing is kept then.
        """
        own = registering.source_of(source)
        called = registering.checked_name(name or source.name)
        mark = registering.described(own).fingerprint
        with self._turn:
            with self._store.reading() as connection:
                registering.refuse_known(connection, called, mark)
            with registering.brought(source, self._folder, called) as came, self._writing() as connection:
                return registering.write(connection, came, called, by=by, at=moment(self._clock()))

    def adapters(self) -> tuple[Adapter, ...]:
        """All of them, the latest first."""
        with self._store.reading() as connection:
            return known.every(connection)

    def one(self, name: str) -> Adapter:
        """One of them. Raises NotFound."""
        with self._store.reading() as connection:
            return known.one(connection, name)

    def gates(self, name: str) -> tuple[Gate, ...]:
        """All that was found of an adapter beside others, the latest first. Raises NotFound."""
        with self._store.reading() as connection:
            return known.gates_of(connection, known.one(connection, name))

    def gate(self, name: str) -> Gate | None:
        """What was found of it last beside the model in use now; None: it was never measured beside that. Raises NotFound."""
        with self._store.reading() as connection:
            adapter, answers = known.one(connection, name), self._running is not None  # else nobody knows in how many bits it is held
            return gates.latest(connection, adapter, self._in_use(connection, adapter), held=answers)

    def record_gate(self, name: str, *, against: str, passed: bool, reasons: Sequence[Mapping[str, Any]], by: str) -> Gate:
        """Keep what an evaluation found of an adapter beside the model of the id `against`. Raises NotFound, Malformed."""
        with self._writing() as connection:
            adapter = known.one(connection, name)
            told = registering.without_frames(connection, list(reasons))
            return gates.record(connection, adapter, against, passed=passed, reasons=told, by=by, at=moment(self._clock()))

    def promote(self, name: str, *, by: str, why: str, anyway: bool = False) -> Promotion:
        """Let an adapter speak from now on. Only one whose gate beside the model in use now was passed, or `anyway`: on somebody's word, which is kept.

        Raises NotFound, Malformed without a reason, OutOfTurn for a gate that was not passed, ModelError's kin when the running model
        does not take it: what spoke before then goes on speaking, and nothing is recorded.
        """
        with self._turn:
            with self._store.reading() as connection:
                adapter = known.one(connection, name)
                before = self._checked(connection, adapter, why)
                against = self._in_use(connection, adapter)
                gate = gates.latest(connection, adapter, against)
            if not anyway and (gate is None or not gate.passed):
                raise OutOfTurn(_refused(adapter, gate, against))
            self._question_of(adapter, anyway=anyway)
            return self._let_speak(adapter, before, gate, against, by=by, why=why)

    def roll_back(self, *, by: str, why: str) -> Promotion:
        """Let the adapter speak that spoke before the one that speaks now, or the base alone. Raises OutOfTurn when no adapter speaks, and as `promote`."""
        with self._turn:
            with self._store.reading() as connection:
                self._asked(why)
                laid = promotions.pile(connection)
                speaking = known.one(connection, laid[-1]) if laid else None
                spoken = parts_of(self._running.model) if self._running else None
                if speaking is None or (self._running is not None and (spoken is None or spoken.mark != speaking.fingerprint)):
                    raise OutOfTurn("No promoted adapter speaks here, so there is nothing to take back. Nothing was changed.")
                below = [known.one(connection, each) for each in laid[:-1]]
            before = next((each for each in reversed(below) if each.base == speaking.base), None)
            return self._let_speak(before, speaking, None, "", by=by, why=why)

    def live(self) -> Adapter | None:
        """The adapter that was promoted last and not taken back; None: every base speaks alone."""
        with self._store.reading() as connection:
            return promotions.live(connection)

    def promotions(self) -> tuple[Promotion, ...]:
        """Who let which adapter speak, the latest first."""
        with self._store.reading() as connection:
            return known.promotions(connection)[::-1]

    def lineage_of_assessment(self, number: int) -> Lineage:
        """What taught the model that gave this verdict. Raises NotFound."""
        with self._store.reading() as connection:
            return lineage.of_assessment(connection, number)

    def lineage_of_frame(self, frame_id: str, model: str | None = None) -> Lineage:
        """The same of the latest verdict on a frame. Raises NotFound."""
        with self._store.reading() as connection:
            return lineage.of_frame(connection, frame_id, model)

    def lineage_of_adapter(self, name: str) -> Lineage:
        """What taught an adapter. Raises NotFound."""
        with self._store.reading() as connection:
            adapter = known.one(connection, name)
            return lineage.of_model(connection, f"{adapter.base}+{adapter.id}")

    def adapters_of_correction(self, number: int) -> Eaten:
        """Every data set and adapter that a correction went into. Raises NotFound."""
        with self._store.reading() as connection:
            return lineage.of_correction(connection, number)

    def adapters_of_revision(self, frame_id: str, revision: int) -> Eaten:
        """The same of a revision of a frame. Raises NotFound."""
        with self._store.reading() as connection:
            return lineage.of_correction(connection, lineage.number_of(connection, frame_id, revision))

    def authors_of_adapter(self, name: str) -> Mapping[str, int]:
        """Whose corrections taught an adapter, and how many of each. Raises NotFound."""
        return self.lineage_of_adapter(name).authors

    def learned_from(self, name: str) -> frozenset[int]:
        """Numbers of the corrections that taught an adapter. Raises NotFound."""
        with self._store.reading() as connection:
            return seen.learned_from(connection, known.one(connection, name).fingerprint)

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        if not isinstance(self._store, Store):
            raise StoreError("The record was opened to be read only. Nothing was changed.")
        return self._store.writing()

    def _asked(self, why: str) -> None:
        if not why.strip():
            raise Malformed("Say why: the reason is kept. Nothing was changed.")

    def _checked(self, connection: sqlite3.Connection, adapter: Adapter, why: str) -> Adapter | None:
        """The adapter that speaks now. Raises what stands against this one speaking here at all, whatever its gate says."""
        self._asked(why)
        speaking = promotions.live(connection)
        if self._running is not None:
            spoken = parts_of(self._running.model)
            if spoken is None or spoken.base != adapter.base:
                raise ModelUnfit(
                    f"{adapter.name} was made for {adapter.base}, and {self._running.model or 'no model'} answers here. "
                    "Use its own base model first (`launch.py models use NAME`)."
                )
            if spoken.mark is not None and (speaking is None or speaking.fingerprint != spoken.mark):
                raise ModelUnfit(
                    f"{self._running.model} has its adapter from the catalogue, so none can be promoted over it. Add the base without --adapter, "
                    "use that, and register the adapter."
                )
        if speaking is not None and speaking.number == adapter.number:
            raise OutOfTurn(f"{adapter.name} speaks already. Nothing was changed.")
        return speaking if speaking is not None and speaking.base == adapter.base else None

    def _in_use(self, connection: sqlite3.Connection, adapter: Adapter) -> str:
        """The id of what answers now; without a model that runs, what the record says of the adapter's base."""
        if self._running is not None and self._running.model:
            return self._running.model
        speaking = promotions.live(connection)
        return f"{adapter.base}+{speaking.id}" if speaking is not None and speaking.base == adapter.base else adapter.base

    def _question_of(self, adapter: Adapter, *, anyway: bool) -> None:
        asked = self._running.prompt_id if self._running else None
        if asked and adapter.prompt_id and asked != adapter.prompt_id and not anyway:
            raise OutOfTurn(
                f"{adapter.name} was taught another question ({adapter.prompt_id}) than is asked here ({asked}): the profile changed since. "
                "Train it anew from a set that is exported now. Nothing was changed."
            )

    def _let_speak(
        self, adapter: Adapter | None, before: Adapter | None, gate: Gate | None, against: str, *, by: str, why: str
    ) -> Promotion:
        """First the running model, then the record; when the record fails the model goes back."""
        model = self._speak(adapter, before)
        try:
            with self._writing() as connection:
                at = moment(self._clock())
                if adapter is not None and against and gate is None:
                    gate = gates.record(connection, adapter, against, passed=False, reasons=[UNMEASURED], by=by, at=at)
                promotions.write(connection, adapter, gate, why=why, by=by, at=at, model=model)
                return known.promotions(connection)[-1]
        except BaseException:
            if self._running is not None:
                self._running.speak(self._place(before))
            raise

    def _speak(self, adapter: Adapter | None, before: Adapter | None) -> str:
        """The id of what answers from now on."""
        if adapter is not None:
            self._refuse_changed(adapter)
        if self._running is None:
            named = adapter or before
            return "" if named is None else named.base + (f"+{adapter.id}" if adapter else "")
        self._running.speak(self._place(adapter))
        return self._running.model

    def _refuse_changed(self, adapter: Adapter) -> None:
        """Raises ModelUnfit when the files are not those that were registered."""
        place = self._place(adapter)
        if place is None or not place.is_dir():
            raise NotFound(f"The files of the adapter {adapter.name} are not there any more. Bring them back from a backup.")
        found = read_adapter(place, (), adapter.base).fingerprint
        if found != adapter.fingerprint:
            raise ModelUnfit(
                f"The files of {adapter.name} are not those that were registered ({found}, not {adapter.fingerprint}). "
                "Bring them back from a backup; nothing was changed."
            )

    def _place(self, adapter: Adapter | None) -> Path | None:
        return None if adapter is None else self._folder / adapter.folder


def _refused(adapter: Adapter, gate: Gate | None, against: str) -> str:
    """Why an adapter may not speak, with the gate's own sentences."""
    if gate is None:
        return (
            f"{adapter.name} was never measured beside {against}, which answers now. Train or evaluate it against that first; "
            "an admin may promote it all the same (anyway), and that is kept. Nothing was changed."
        )
    why = " ".join(str(reason.get("words", reason.get("key", ""))) for reason in gate.reasons if not reason.get("passed"))
    return (
        f"{adapter.name} did not pass its gate: {why} An admin may promote it all the same (anyway), and that is kept. Nothing was changed."
    )
