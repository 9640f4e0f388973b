"""`filename<TAB>label`, a line a frame: the level of risk, as the fire-hazard competition hands it in (高风险, 中风险, 低风险, 无风险, 非楼道).

For a profile that knows frames of which it does not speak the competition's words are written, for any other the keys of the levels; both are read.
Such a line does not say what is seen. So it is taken in as a proposal, the word of `imported:FILE`, which a person still has to complete: as the
whole truth it would teach that a frame of high risk has nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import COMPETITION, Heard, Hearing, incoming, machine, small_enough
from annotations.formats.labelled import RISK, Frames, Labelled
from core.errors import Malformed
from core.profile import Profile
from core.schema import Finding

FILE = "labels.txt"
CARRIES = frozenset({RISK})
ABOUT = "the fire-hazard competition's submission file. The level of risk only; read back as a proposal"

MOST_BYTES = 64 * 2**20
_PLACES = ("", "frames", "images")


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """One file; names without their folder, as it is handed in."""
    path = folder / FILE
    with path.open("w", encoding="utf-8", newline="") as file:
        for each in frames(False):
            file.write(f"{Path(each.image).name}\t{_word(each, profile)}\n")
    return (path,)


def _word(each: Labelled, profile: Profile) -> str:
    level = each.said.risk.level
    if level is not None:
        return COMPETITION[level] if profile.not_applicable else level
    label = next(thing.label for thing in each.said.findings if thing.label in profile.not_applicable)
    return profile.term("label", label).names["zh"]


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame."""
    small_enough(path, MOST_BYTES)
    hearing = Hearing(profile, by)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"{path.name}, line {number}"
            if not line.strip():
                continue
            try:
                yield _incoming(place, line, path, hearing)
            except Malformed as error:
                yield Refused(place, error)


def _incoming(place: str, line: bytes, path: Path, hearing: Hearing) -> Incoming:
    try:
        name, tab, word = line.decode("utf-8-sig").rstrip("\r\n").partition("\t")
    except UnicodeDecodeError as error:
        raise Malformed(f"{place}: this is no UTF-8. The frame was not taken.") from error
    if not tab or not name or not word or "\t" in word:
        raise Malformed(f"{place}: a line is a file name, a tab and a label. The frame was not taken.")
    heard = Heard()
    hearing.grade(place, word, heard)
    bare = Path(name)
    inside = not bare.is_absolute() and ".." not in bare.parts
    found = next((p for p in _PLACES if inside and (path.parent / p / name).is_file()), "frames")
    seen = [Finding(each.label) for each in heard.findings]
    return incoming(place, f"{found}/{name}" if found else name, None, said=[machine(path.name, seen, heard.level)])
