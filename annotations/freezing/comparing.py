"""Two frozen sets side by side: frames that came, went, were corrected anew or changed their part. Judges neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from annotations.freezing.balance import balance
from annotations.freezing.frozen import row_of
from annotations.store import Reader


@dataclass(frozen=True, slots=True)
class Moved:
    """A frame that is in both sets, in another part."""

    frame_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What is otherwise in `b` than in `a`. Frames by id."""

    a: str
    b: str
    same: bool  # they have the same digest
    added: tuple[str, ...]
    gone: tuple[str, ...]
    corrected: tuple[str, ...]  # in both, with another correction
    moved: tuple[Moved, ...]
    labels: Mapping[str, tuple[int, int]]  # frames that show it, in a and in b
    risks: Mapping[str, tuple[int, int]]


def compare(reader: Reader, a: str, b: str) -> Compared:
    """Raises NotFound."""
    asked = "SELECT f.id, d.correction, d.part FROM dataset_frames d JOIN frames f ON f.seq = d.frame WHERE d.dataset = ? ORDER BY f.id"
    with reader.reading() as connection:
        rows = [row_of(connection, name) for name in (a, b)]
        before, after = ({each[0]: (each[1], each[2]) for each in connection.execute(asked, (row["seq"],))} for row in rows)
    both = [frame_id for frame_id in before if frame_id in after]
    counts = [balance(reader, name) for name in (a, b)]
    return Compared(
        a,
        b,
        rows[0]["digest"] == rows[1]["digest"],
        added=tuple(frame_id for frame_id in after if frame_id not in before),
        gone=tuple(frame_id for frame_id in before if frame_id not in after),
        corrected=tuple(each for each in both if before[each][0] != after[each][0]),
        moved=tuple(Moved(each, before[each][1], after[each][1]) for each in both if before[each][1] != after[each][1]),
        labels=_beside(*(_summed(part.labels for part in count.values()) for count in counts)),
        risks=_beside(*(_summed(part.risks for part in count.values()) for count in counts)),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _beside(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    return {key: (a.get(key, 0), b.get(key, 0)) for key in sorted({*a, *b})}
