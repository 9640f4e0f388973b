"""The look through a whole exported folder before a training: every part, every line, every frame file, and what is in two parts. The door of this room.

All defects are told at once, each with file, line and reason. Nothing is held of a line but the names of its frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import prompts, sft
from core.errors import DatasetUnfit, Malformed
from core.framecheck import Told
from core.geometry import FAMILIES, MAX_SIDE, BoxFormat, Size
from core.preflight import coordinates
from core.preflight.coordinates import MOST_TOLD, Known, Tally
from core.preflight.defects import Defect
from core.preflight.frames import Seen, seen
from core.preflight.lines import SHAPES, Line, lines
from core.preflight.masks import Masking, masked_right
from core.preflight.said import OUTSIDE, Answers
from core.preflight.shared import Parts
from core.profile import Profile
from core.prompts import Prompt
from core.schema import Sample

SHOWN = 5  # defects in the sentence of a refusal; all are in `DatasetUnfit.defects`


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a set is held against."""

    profile: Profile
    prompt: Prompt | None = None  # the question that is asked in use; None: the one that the program asks for the manifest's family
    masking: Masking | None = None  # what the trainer would learn from; None: the mask is not looked at
    known: Known = field(default_factory=dict)  # boxes that are known to be true
    thorough: bool = False  # decode every frame, also those whose hash vouches for them
    looks: bool = False  # compare frames of different parts by perceptual hash


def check(
    folder: Path,
    profile: Profile,
    *,
    prompt: Prompt | None = None,
    masking: Masking | None = None,
    known: Known | None = None,
    thorough: bool = False,
    looks: bool = False,
) -> tuple[Defect, ...]:
    """Every defect of a set, or of one part folder, for which it must not teach; empty: it may. See `Wanted` for what can be given.

    Raises Malformed for a folder that is no training set.
    """
    wanted = Wanted(profile, prompt, masking, known or {}, thorough, looks)
    sft.about(folder)
    named = [(name, folder / name) for name in sft.PARTS if (folder / name).is_dir()]
    shared = Parts()
    found: list[Defect] = []
    for name, place in named or [("", folder)]:
        found += _Part(name, place, wanted, shared).defects()
    return (*found, *shared.defects())


def refuse(folder: Path, profile: Profile, **more: Any) -> None:
    """Raises DatasetUnfit with all defects of a set, each a sentence with file, line and reason; takes what `check` takes."""
    found = tuple(defect.sentence for defect in check(folder, profile, **more))
    if found:
        rest = f" ... and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        n = "1 defect" if len(found) == 1 else f"{len(found)} defects"
        raise DatasetUnfit(f"{folder.name} must not teach, it has {n}. {' '.join(found[:SHOWN])}{rest}", found)


class _Part:
    """A part folder on its way through."""

    def __init__(self, name: str, folder: Path, wanted: Wanted, shared: Parts) -> None:
        self._name, self._folder, self._wanted, self._shared = name, folder, wanted, shared
        self._at = f"{name}/" if name else ""
        self._listed: Mapping[str, Mapping[str, Any]] = {}
        self._seen: dict[str, Seen] = {}
        self._fine: dict[str, int] = {}  # by frame, what stands for an answer in which nothing is wrong

    def defects(self) -> Iterator[Defect]:
        """All that is wrong in this part."""
        manifest = f"{self._at}{sft.MANIFEST}"
        try:
            about = sft.about(self._folder)
        except Malformed as error:
            yield Defect(manifest, "schema", f"{error} Nothing else of this part was looked at.")
            return
        wrong = list(coordinates.of_manifest(about, manifest))
        yield from wrong
        frames = about.get("frames")
        self._listed = frames if isinstance(frames, dict) and all(isinstance(each, dict) for each in frames.values()) else {}
        said = about.get("coordinates")
        fmt = FAMILIES.get(str(said.get("family"))) if isinstance(said, dict) else None
        if fmt is None:
            return
        assert isinstance(said, dict)  # it named a family
        prompt = self._wanted.prompt or prompts.build(self._wanted.profile, "brief" if said["family"] == "compact" else "full", fmt)
        yield from self._asked(about, prompt, manifest)
        files = [file for file in SHAPES if (self._folder / file).is_file()]
        if not files:
            yield Defect(
                self._at.rstrip("/") or self._folder.name, "missing", f"There is none of {', '.join(SHAPES)}, so nothing can be taught."
            )
        for number, file in enumerate(files):
            yield from self._file(file, fmt, prompt, first=number == 0)

    def _asked(self, about: Mapping[str, Any], prompt: Prompt, manifest: str) -> Iterator[Defect]:
        profile, said = self._wanted.profile, about.get("profile")
        if isinstance(said, dict) and (said.get("key"), said.get("version")) != (profile.key, profile.version):
            words = f"It was written for the profile {said.get('key')}, version {said.get('version')}; {profile.key}, version {profile.version} is in use."
            yield Defect(manifest, "prompt", words)
        for name, ours in (("prompt_id", prompt.id), ("schema_id", prompt.schema_id)):
            if name in about and about[name] != ours:
                yield Defect(manifest, "prompt", f"Its {name} is {about[name]}, and {ours} is in use: export the set anew.")

    def _file(self, file: str, fmt: BoxFormat, prompt: Prompt, *, first: bool) -> Iterator[Defect]:
        """`first`: of the files of this part; masks and what other parts share are told once."""
        look = _File(fmt, Answers(self._wanted.profile, fmt), Tally(fmt))
        for line in lines(self._folder, file, self._at):
            look.count(line.place)
            if isinstance(line, Defect):
                yield line
                continue
            if line.prompt != prompt.text:
                yield Defect(line.place, "prompt", _otherwise(line.prompt, prompt.text))
            new = line.image not in self._seen
            looked = self._look(line.image)
            if new:
                yield from self._frame(line, looked, fmt)
            yield from look.twice(line, looked)
            if first:
                listed = self._listed.get(_frame_id(line), {})
                self._shared.add(self._name, line.place, _frame_id(line), listed.get("scene"), looked)
                yield from self._masked(line)
            yield from self._answer(line, looked, look)
        if look.tally.other is None:
            yield from look.outside
        yield from coordinates.of_tally(look.tally, f"{self._at}{file}")
        if first and not look.lines and self._name in ("", "train"):
            yield Defect(f"{self._at}{file}", "empty", "There is no frame with an answer in it, so nothing can be learned.")
        if look.lines < len(self._listed):
            words = f"{look.lines} lines ask about frames, and the manifest tells of {len(self._listed)}."
            yield Defect(f"{self._at}{file}", "tags", words)

    def _look(self, image: str) -> Seen:
        if image not in self._seen:
            listed = self._listed.get(Path(image).stem, {})
            self._seen[image] = seen(self._folder, image, listed, thorough=self._wanted.thorough, looks=self._wanted.looks)
        return self._seen[image]

    def _frame(self, line: Line, looked: Seen, fmt: BoxFormat) -> Iterator[Defect]:
        if looked.wrong is not None:
            yield Defect(line.place, *looked.wrong)
        listed = self._listed.get(_frame_id(line))
        if listed is None:
            yield Defect(line.place, "missing", f"The manifest tells of no frame {line.image}.")
        if looked.size is not None:
            yield from coordinates.of_size(fmt, looked.size, listed or {}, line.place)

    def _masked(self, line: Line) -> Iterator[Defect]:
        masking = self._wanted.masking
        if masking is None:
            return
        sample = Sample(_frame_id(line), line.image, *self._size(line.image), line.prompt, line.answer)
        words = masked_right(masking.labels(sample), line.answer, masking.decode)
        if words is not None:
            yield Defect(line.place, "mask", words)

    def _answer(self, line: Line, looked: Seen, look: _File) -> Iterator[Defect]:
        known = hash(line.answer)
        if self._fine.get(line.image) == known:
            return  # another file of this part says the same, and it was looked at there
        size, right = self._size(line.image), True
        for key, words in look.answers.wrong(line.answer, size):
            right = False
            defect = Defect(line.place, key, words)
            if key == "box" and OUTSIDE in words:
                look.outside.append(defect)  # one by one, or all of them in another convention: told at the end
            else:
                yield defect
        if right:
            self._fine[line.image] = known
        boxes = list(look.answers.boxes(line.answer))
        for _, box in boxes:
            look.tally.add(box, size, line.place)
        true = self._wanted.known.get(_frame_id(line))
        if true and len(look.tally.told) < MOST_TOLD:
            look.tally.told.append(Told(size, tuple(true), tuple(boxes)))

    def _size(self, image: str) -> Size:
        """Of the file; where it cannot be read, what the manifest says, else one beyond which nothing lies."""
        listed = self._listed.get(Path(image).stem, {})
        width, height = listed.get("width"), listed.get("height")
        return self._look(image).size or ((width, height) if isinstance(width, int) and isinstance(height, int) else (MAX_SIDE, MAX_SIDE))


@dataclass(slots=True)
class _File:
    """What is kept of a file while it is read."""

    fmt: BoxFormat
    answers: Answers
    tally: Tally
    images: dict[str, str] = field(default_factory=dict)  # the place of each
    contents: dict[str, str] = field(default_factory=dict)  # by hash, the place
    outside: list[Defect] = field(default_factory=list)
    lines: int = 0
    last: str = ""  # place

    def count(self, place: str) -> None:
        """One more line, unless two things are told of the same."""
        self.lines += place != self.last
        self.last = place

    def twice(self, line: Line, looked: Seen) -> Iterator[Defect]:
        """The same frame, or the same file under another name."""
        before = self.images.setdefault(line.image, line.place)
        same = self.contents.setdefault(looked.sha256, line.place) if looked.sha256 else line.place
        if before != line.place:
            yield Defect(line.place, "duplicate", f"This frame is there already ({before}).")
        elif same != line.place:
            yield Defect(line.place, "duplicate", f"The same file is there already under another name ({same}).")


def _frame_id(line: Line) -> str:
    return Path(line.image).stem


def _otherwise(said: str, asked: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(said, asked, strict=False)) if a != b), min(len(said), len(asked)))
    return f"The question is not the one that is asked in use; they differ from character {at + 1} on ({len(said)} and {len(asked)} characters)."
