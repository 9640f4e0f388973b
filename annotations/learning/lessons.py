"""What a record has to teach, for whoever looks before training: what may teach and what not, preference pairs by edit, what each policy drew. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from annotations import pairing, rows, teaching
from annotations.previewing import Colour, Preview, preview
from annotations.store import Reader
from annotations.teaching import Listed
from core.errors import NotFound
from core.profile import Profile
from core.rights import Role

ENOUGH = 20  # corrected frames of a policy; below, nothing is claimed of it
LATEST = 2_000
"""Tasks that were done last, of which is asked whether the machine was right: a thousand take a second."""


class Picture(Protocol):
    """`Desk.picture`: the upright frame as JPEG; covered: without faces."""

    def __call__(self, frame_id: str, *, covered: bool = False) -> bytes: ...


@dataclass(frozen=True, slots=True)
class MayTeach:
    """Frames of now."""

    frames: int  # that may teach
    left_out: Mapping[str, int]  # reason -> frames; reasons of `annotations.teaching`


@dataclass(frozen=True, slots=True)
class Pairs:
    """Preference pairs of now, at most one a frame."""

    n: int
    kinds: Mapping[str, int]  # a name of `edits.KINDS` -> pairs that have it; a pair may have several
    none: Mapping[str, int]  # why a frame gives no pair -> frames


@dataclass(frozen=True, slots=True)
class Picked:
    """What the draws of a policy brought."""

    policy: str
    drawn: int  # tasks
    reviewed: int  # of them, by a person who could tell
    levels: Mapping[str, int] = field(default_factory=dict)  # level that a person gave -> frames; frames without a level are not there
    compared: int = 0  # reviewed ones that could be held against a machine's answer, of the latest LATEST
    wrong: int = 0  # of these, where the person's answer is another one than the machine's (more than boxes moved by little)


class Lessons:
    """A record, and the way to its pictures. Safe to use from many threads. `see_faces`: the least role that is shown faces."""

    def __init__(self, reader: Reader, profile: Profile, picture: Picture, see_faces: Role = "viewer") -> None:
        self._reader, self._profile, self._picture = reader, profile, picture
        self.see_faces = see_faces
        self.where = str(reader.path)

    def may_teach(self) -> MayTeach:
        """Every frame is gone through: 100,000 take some seconds."""
        left_out: Counter[str] = Counter()
        frames = sum(1 for _ in teaching.truths(self._reader, self._profile, teaching.everything(self._reader), left_out))
        return MayTeach(frames, dict(left_out.most_common()))

    def pairs(self, family: str) -> Pairs:
        """As `pairing.pairs_of` makes them. Every corrected frame is gone through: a thousand take a second. Raises KeyError for an unknown family."""
        kinds: Counter[str] = Counter()
        none: Counter[str] = Counter()
        n = 0
        corrected = [each for each in teaching.everything(self._reader) if each.correction is not None]
        for found in pairing.pairs_of(self._reader, self._profile, family, listed=corrected):
            if isinstance(found, pairing.Skipped):
                none[found.reason] += 1
            else:
                n += 1
                kinds.update(found.kinds)
        return Pairs(n, {kind: kinds[kind] for kind in pairing.KINDS if kinds[kind]}, dict(none.most_common()))

    def picked(self) -> tuple[Picked, ...]:
        """By policy, those that drew most first."""
        with self._reader.reading() as connection:
            drawn = dict(connection.execute(_DRAWN).fetchall())
            graded = connection.execute(_GRADED).fetchall()
            latest = connection.execute(_LATEST, (LATEST,)).fetchall()
        levels: dict[str, dict[str, int]] = {}
        reviewed: Counter[str] = Counter()
        for policy, level, n in graded:
            reviewed[policy] += n
            if level:
                levels.setdefault(policy, {})[level] = n
        held = self._held_together(latest)
        made = [Picked(name, n, reviewed[name], levels.get(name, {}), *held.get(name, (0, 0))) for name, n in drawn.items()]
        return tuple(sorted(made, key=lambda each: (-each.drawn, each.policy)))

    def teachable(self, most: int = 60) -> list[tuple[str, str]]:
        """(id, name) of frames that may teach, those corrected last first."""
        with self._reader.reading() as connection:
            found = connection.execute(_REVIEWED, (most,)).fetchall()
        names = {row["id"]: row["name"] for row in found}
        listed = [Listed(row["id"], row["correction"], None, 0, "") for row in found]
        return [(each.frame_id, names[each.frame_id]) for each, _ in teaching.truths(self._reader, self._profile, listed, Counter())]

    def preview(self, frame_id: str, changes: Sequence[str], seed: int, colour: Colour, *, covered: bool) -> Preview:
        """A frame that may teach, and what a training would make of it. Raises NotFound for one that may not."""
        with self._reader.reading() as connection:
            row = connection.execute(_TOLD, (frame_id,)).fetchone()
        told = None if row is None else rows.to_correction(row, frame_id)
        if told is None or teaching.why_not(told, self._profile) is not None:
            raise NotFound("This frame may not teach, so no further frame is made of it.")
        return preview(self._picture(frame_id, covered=covered), told, self._profile, changes, seed, colour)

    def _held_together(self, latest: Sequence[Any]) -> dict[str, tuple[int, int]]:
        """By policy: frames that could be compared, and those of them where the machine was wrong."""
        policy = {row["id"]: row["policy"] for row in latest}
        listed = [Listed(row["id"], row["correction"], None, 0, "") for row in latest]
        found: dict[str, tuple[int, int]] = {}
        compared = pairing.compared(
            self._reader, self._profile, "compact", size_of=lambda frame: (frame.width, frame.height), listed=listed
        )
        for each in compared:
            if isinstance(each, pairing.Compared):
                name = policy[each.frame.id]
                n, wrong = found.get(name, (0, 0))
                found[name] = (n + 1, wrong + bool(each.kinds))
        return found


_STANDS = "s.verdict = 'reviewed' AND s.binned = 0 AND s.state NOT IN ('returned', 'disputed')"
_TASKS = "FROM tasks t JOIN draws d ON d.seq = t.draw JOIN frame_states s ON s.frame = t.frame "
_DRAWN = "SELECT d.policy, count(*) FROM tasks t JOIN draws d ON d.seq = t.draw GROUP BY d.policy"
_GRADED = f"SELECT d.policy, s.level, count(*) {_TASKS} WHERE {_STANDS} GROUP BY d.policy, s.level"
_LATEST = (
    f"SELECT f.id, d.policy, s.correction {_TASKS} JOIN frames f ON f.seq = t.frame WHERE {_STANDS} ORDER BY s.correction DESC LIMIT ?"
)
_REVIEWED = (
    f"SELECT f.id, f.name, s.correction FROM frame_states s JOIN frames f ON f.seq = s.frame WHERE {_STANDS} "  # noqa: S608
    "ORDER BY s.correction DESC LIMIT ?"
)
_TOLD = f"SELECT c.* FROM frames f JOIN frame_states s ON s.frame = f.seq JOIN corrections c ON c.seq = s.correction WHERE f.id = ? AND {_STANDS}"  # noqa: S608
