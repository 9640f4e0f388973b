"""What can be done with data sets, as verbs: freeze, tell, walk, compare, verify, look for leaks. The door of this room; it exports and trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from annotations.freezing import frozen, making
from annotations.freezing.balance import Counted, balance
from annotations.freezing.comparing import Compared, compare
from annotations.freezing.frozen import Frozen, Held, Part, Verified
from annotations.freezing.leaks import Leak, leaks
from annotations.freezing.making import LATEST, Wish
from annotations.freezing.splits import SHARES
from annotations.once import Once
from annotations.store import Reader, Store
from core.errors import StoreError
from core.frames import Vault
from core.profile import Profile

__all__ = ["LATEST", "SHARES", "Compared", "Counted", "Datasets", "Frozen", "Held", "Leak", "Verified"]


class Datasets:
    """The frozen sets of a record. Safe to use from many threads. With a `Reader` all but freezing can be done, beside the process that writes.

    `look`: brings prints and scenes of frames up to date before a set is frozen (`Picking.prints`), so that no near-duplicate is on both sides.
    """

    def __init__(
        self,
        store: Reader,
        vault: Vault,
        profile: Profile,
        look: Callable[[], object] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.profile = profile
        self._store = store
        self._vault = vault
        self._look = look
        self._clock = clock

    def freeze(
        self,
        name: str,
        *,
        by: str,
        note: str = "",
        shares: Mapping[Part, float] = SHARES,
        by_what: str = "scene",
        seed: int = 0,
        keep_test_of: str | None = LATEST,
        once: Once | None = None,
    ) -> Frozen:
        """Freeze every frame that may teach now, with the correction that says what is true of it now.

        `by_what`: scene, camera or day; groups of it are never split, and scenes neither. `keep_test_of`: the set whose test frames stay test and whose
        other frames never become test, with all sets it kept in turn: what a model has learned from never judges it. None starts anew.

        Raises Malformed, NotFound, OutOfTurn for a name that is taken, DatasetUnfit when there is nothing, or too few groups for the parts, StoreError.
        """
        making.checked_name(name)
        if not isinstance(self._store, Store):
            raise StoreError(
                "The record is open for reading only. Freeze where it is written: on the server's page, or while the server is stopped."
            )
        if self._look is not None:
            self._look()
        wish = Wish(name, note, by, shares, by_what, seed, keep_test_of)
        there: Callable[[str], bool] = lambda frame_id: self._vault.place(frame_id).exists()  # noqa: E731
        return self.one(making.write(self._store, self.profile, wish, there, self._clock(), once))

    def all(self) -> tuple[Frozen, ...]:
        """All sets, the latest first."""
        return frozen.every(self._store)

    def one(self, name: str) -> Frozen:
        """A set. Raises NotFound."""
        return frozen.one(self._store, name)

    def frames(self, name: str, part: str | None = None) -> Iterator[Held]:
        """See `frozen.frames_of`. Raises NotFound."""
        return frozen.frames_of(self._store, name, part)

    def compare(self, a: str, b: str) -> Compared:
        """What is otherwise in `b` than in `a`. Raises NotFound."""
        return compare(self._store, a, b)

    def verify(self, name: str) -> Verified:
        """Whether a set still is what was frozen. Raises NotFound."""
        return frozen.verify(self._store, name)

    def balance(self, name: str) -> Mapping[Part, Counted]:
        """How many frames of each part show what. Raises NotFound."""
        return balance(self._store, name)

    def leaks(self, name: str) -> tuple[Leak, ...]:
        """What is on both sides of a split, or looks so. Raises NotFound."""
        return leaks(self._store, name)
