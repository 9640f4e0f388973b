"""What a server needs to learn from corrections, for as long as it runs: what picks frames, freezes sets, writes them out, keeps adapters. It teaches nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from annotations import audit
from annotations.exporting import Exports
from annotations.freezing.sets import Datasets
from annotations.learning import known, promotions, seen
from annotations.learning.adapters import Adapters, Running, Speaking, Switch
from annotations.learning.bought import Bought
from annotations.picking.drawn import Picking
from annotations.picking.looks import Looks
from annotations.rows import clean, moment
from annotations.store import Reader, Store
from core.errors import OutOfTurn
from core.eyes import eyes_of
from core.frames import Vault
from core.profile import Profile
from core.settings import Settings

EXPORTS = "exports"
"""Of the data folder."""


@dataclass(frozen=True, slots=True)
class Learning:
    """The verbs about learning over one record."""

    store: Store
    picking: Picking
    sets: Datasets
    exports: Exports
    adapters: Adapters
    bought: Bought
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def verbs(self) -> tuple[Picking, Datasets, Adapters, Bought]:
        """What the screens read."""
        return self.picking, self.sets, self.adapters, self.bought

    def began(self, training: str, by: str, what: Mapping[str, Any]) -> None:
        """Tell the audit who began a training."""
        with self.store.writing() as connection:
            at = moment(self.clock())
            audit.note(connection, "training began", who=clean(by), at=at, subject=clean(training), after=dict(what))


def picking_of(record: Reader, profile: Profile, settings: Settings) -> Picking:
    """What draws from a record, with the eyes of the model that a start takes. Over one that may only be read it tells, and draws nothing."""
    eyes = eyes_of(settings)
    return Picking(record, Vault(settings.data), profile, eyes, eyes.id if eyes else "")


def sets_of(record: Reader, profile: Profile, settings: Settings) -> Datasets:
    """The frozen sets of a record. One that may write looks first at frames that nobody looked at, so that near-duplicates are told.

    For that no model is asked: one that is broken stops nobody from freezing.
    """
    vault = Vault(settings.data)
    prints = Looks(record, vault, None, "").prints if isinstance(record, Store) else None
    return Datasets(record, vault, profile, look=prints)


def adapters_of(record: Reader, settings: Settings, running: Running | None = None) -> Adapters:
    """The registry of a record."""
    return Adapters(record, settings.data / promotions.FOLDER, running)


@contextmanager
def opened_learning(store: Store, speaking: Speaking, profile: Profile, settings: Settings, switch: Switch) -> Iterator[Learning]:
    """All of it. Frames are looked at beside the server, and exports that a sudden end broke off go on. `speaking`: who keeps the ids of what answers."""
    picking = picking_of(store, profile, settings)
    exports = Exports(settings.data / EXPORTS, store, Vault(settings.data), profile)
    adapters = adapters_of(store, settings, Running(speaking, switch))
    with picking.beside():
        exports.resume()
        try:
            yield Learning(
                store, picking, Datasets(store, Vault(settings.data), profile, look=picking.prints), exports, adapters, Bought(store)
            )
        finally:
            exports.close()


def keep_gate(record: Reader, settings: Settings, name: str, report: Mapping[str, Any], by: str, judged_by: Iterable[str]) -> None:
    """Write what an evaluation found of a registered adapter into the registry. `judged_by`: ids of the frames that judged.

    Raises NotFound for one that is not registered, OutOfTurn for one that learned from any of those frames, itself or by way of an adapter
    that it was trained from: whichever set was evaluated, the record knows what taught it. Nothing is kept then.
    """
    gate = report["gate"]
    with record.reading() as connection:
        learned = seen.known_among(connection, known.one(connection, name).fingerprint, judged_by)
    if learned:
        raise OutOfTurn(
            f"{name} has learned from {learned} of the frames that judged it, so what it does there proves nothing. "
            "Evaluate it by a set whose test part taught neither it nor what it was trained from. Nothing was kept in the registry."
        )
    adapters_of(record, settings).record_gate(name, against=report["model"], passed=gate["passed"], reasons=gate["reasons"], by=by)
