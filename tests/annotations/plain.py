"""The rules of the record once more, in a few lists that are plain enough to be seen to be right. Keeps nothing, knows no SQL.

Every verb gives back None when it was done, or the kind of the refusal; a refused verb changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.errors import AppError, Conflict, Forbidden, Malformed, NotFound, OutOfTurn

Kind = str
"""What a correction says: "low" or "high" risk, "cannot" tell, "waved" through without anybody's word on the risk (which says low)."""

SAYS = {"low": "low", "high": "high", "cannot": "cannot", "waved": "low"}
"""What counts when two are compared: who stands behind a word does not."""

Refusal = type[AppError] | None


@dataclass
class PlainFrame:
    """Everything that was said of one frame."""

    arrivals: int = 0
    assessed: bool = False
    told: list[tuple[str, Kind, str]] = field(default_factory=list)  # author, kind, note; the revision is the place, from 1
    blind: dict[str, Kind] = field(default_factory=dict)  # by author
    looks: list[tuple[int, str]] = field(default_factory=list)  # revision, verdict
    wanted: int = 1
    binned: bool = False

    @property
    def revision(self) -> int:
        return len(self.told)

    @property
    def author(self) -> str | None:
        return self.told[-1][0] if self.told else None

    @property
    def spoken(self) -> set[str]:
        return {author for author, _, _ in self.told} | set(self.blind)

    @property
    def state(self) -> str:
        if not self.told:
            return "open"
        verdicts = [verdict for revision, verdict in self.looks if revision == self.revision]
        if verdicts:
            return verdicts[-1]
        said = [self.told[-1][1], *(kind for author, kind in self.blind.items() if author != self.author)]
        if len(said) < 2 or 1 + len(self.blind) < self.wanted:
            return "corrected"
        return "disputed" if len({SAYS[kind] for kind in said}) > 1 else "corrected"

    @property
    def waits(self) -> bool:
        return self.state in ("open", "corrected") and self.wanted - 1 - len(self.blind) > 0

    @property
    def teaches(self) -> bool:
        return not self.binned and self.state in ("corrected", "accepted") and self.told[-1][1] in ("low", "high")

    def owes(self, by: str) -> bool:
        return self.state == "corrected" and self.waits and by not in self.spoken

    def may_correct(self, by: str) -> Refusal:
        if self.owes(by) or (self.state == "disputed" and self.author != by):
            return OutOfTurn
        return None

    def correct(self, by: str, kind: Kind, note: str, saw: int) -> Refusal:
        if refused := self.may_correct(by):
            return refused
        if not self.told and saw != 0:
            return Malformed
        if saw != self.revision:
            return Conflict
        self.told.append((by, kind, note))
        return None

    def restore(self, by: str, revision: int, saw: int) -> Refusal:
        if refused := self.may_correct(by):
            return refused
        if not 1 <= revision <= self.revision:
            return NotFound
        return self.correct(by, self.told[revision - 1][1], "", saw)

    def review(self, by: str, verdict: str, revision: int) -> Refusal:
        if self.binned or not self.told or revision != self.revision or self.state == verdict:
            return OutOfTurn
        if self.author == by:
            return Forbidden
        if self.waits or (verdict == "accepted" and (self.state == "disputed" or self.told[-1][1] == "waved")):
            return OutOfTurn
        self.looks.append((revision, verdict))
        return None

    def want(self, n: int) -> Refusal:
        if self.binned or self.state == "accepted" or self.wanted == n:
            return OutOfTurn
        self.wanted = n
        return None

    def opinion(self, by: str, kind: Kind) -> Refusal:
        if self.binned or not self.owes(by):
            return OutOfTurn
        self.blind[by] = kind
        return None

    def adjudicate(self, by: str, kind: Kind, note: str, saw: int) -> Refusal:
        if self.binned or self.state != "disputed":
            return OutOfTurn
        if by in self.spoken:
            return Forbidden
        if kind == "waved":
            return OutOfTurn
        if saw != self.revision:
            return Conflict
        self.told.append((by, kind, note))
        self.looks.append((self.revision, "accepted"))
        return None

    def move(self, *, into: bool) -> Refusal:
        if self.binned == into:
            return OutOfTurn
        self.binned = into
        return None
