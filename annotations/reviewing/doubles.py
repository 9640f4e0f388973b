"""What two people said of the same frame without seeing each other: the pairs by which agreement is measured. Compares nothing and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from annotations import rows
from annotations.reviewing import standing
from annotations.store import Reader
from core.schema import Correction


def doubles(reader: Reader) -> Iterator[tuple[Correction, Correction]]:
    """Of each frame with blind opinions, by number: what the first author said last before the opinion was given, beside each opinion.

    Whoever gave an opinion had not seen the other word, and what the first author said after it is left out, so both are independent.
    Frames in the bin, words that ended with "cannot tell", and a person beside themselves are left out.
    """
    with reader.reading() as connection:
        frames = connection.execute(STATEMENTS["frames"]).fetchall()
    for frame, frame_id in frames:
        with reader.reading() as connection:
            others = standing.blind(connection, frame, frame_id)
            said = [rows.to_correction(row, frame_id) for row in connection.execute(STATEMENTS["said"], (frame,))]
        for other in others:
            mine = _before(said, other)
            if mine is not None and mine.author != other.author and mine.verdict == other.verdict == "reviewed":
                yield mine, other


def _before(said: list[Correction], other: Correction) -> Correction | None:
    """The first author's last word that is not younger than the opinion; their first one where none is that old."""
    own = [each for each in said if each.author == said[0].author]
    older = [each for each in own if each.at is not None and other.at is not None and each.at <= other.at]
    found = older or own[:1]
    return found[-1] if found else None


STATEMENTS = {
    "frames": "SELECT f.seq, f.id FROM frames f JOIN frame_states s ON s.frame = f.seq "
    "WHERE s.binned = 0 AND f.seq IN (SELECT frame FROM blind_opinions) ORDER BY f.seq",
    "said": "SELECT * FROM corrections WHERE frame = ? ORDER BY seq",
}
