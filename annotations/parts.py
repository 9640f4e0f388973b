"""Writes one part of a training set into a folder: the frames themselves, the asked files, what its manifest says. It chooses nothing.

The same frames give the same bytes: nothing here looks at a clock, a die or a directory listing. Frames are gone through once for their pictures and
once for each file, so that no more than some hundreds are in memory; only the samples of a trainer's file are held, a few hundred bytes each.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from PIL import Image

from annotations import pairing, teaching
from annotations.folders import MANIFEST
from annotations.formats import EXCHANGES, FORMATS, PAIR_FORMATS, VERDICT_FORMATS
from annotations.formats.answering import written
from annotations.formats.labelled import ENDINGS, Labelled
from annotations.store import Reader
from annotations.teaching import AT_ONCE, UNREADABLE, Listed, Opinion, Truth
from core import prompts
from core.errors import ExportError, FrameRefused, NotFound, StoreError
from core.frames import Vault, upright
from core.geometry import FAMILIES, BoxFormat, Size, smart_resize
from core.profile import Profile
from core.schema import Pair, Sample

QUALITY = 95  # of the exported JPEG
HELD = 20_000
"""Frames of which what is true is held in memory, some 2 KiB each, until all files are written; of a larger part it is read once more for each file."""
LOG = ".pictures.jsonl"
"""In a folder that is being written and may be gone on with: the pictures that are ready."""


class Kept(NamedTuple):
    """A frame of the part."""

    frame_id: str
    image: str
    width: int  # pixels of `image`
    height: int
    sha256: str  # of `image`; empty: it was not written
    revision: int
    scene: int
    numbers: tuple[int, int]  # of the frame and of the correction in the record


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. `pictures` False: labels only, about the frames as they came in."""

    family: str
    formats: tuple[str, ...]
    pictures: bool = True
    resumable: bool = False  # an earlier try may have left pictures in the folder
    seen: Callable[[int], None] = lambda frames: None  # told after so many more frames; may raise to end it


@dataclass(slots=True)
class Part:
    """What was written."""

    kept: list[Kept] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    held: dict[int, Opinion] = field(default_factory=dict)  # by number of the correction; of a small part all, of a large one none

    def keep(self, each: Kept, said: Opinion) -> None:
        """Take a frame in."""
        self.kept.append(each)
        if len(self.kept) <= HELD:
            self.held[each.numbers[1]] = said
        elif self.held:
            self.held.clear()


@dataclass(frozen=True, slots=True)
class Bench:
    """What a part is made of and by."""

    reader: Reader
    vault: Vault
    profile: Profile
    order: Order

    @property
    def fmt(self) -> BoxFormat:
        """How the family writes boxes."""
        return FAMILIES[self.order.family]

    @property
    def prompt(self) -> prompts.Prompt:
        """What the family is asked."""
        return prompts.build(self.profile, "brief" if self.order.family == "compact" else "full", self.fmt)

    def write(self, listed: Iterable[Listed], folder: Path, told: Mapping[str, Any]) -> Part:
        """Pictures, files and manifest of these frames. `told`: what the manifest says beside."""
        part = Part()
        with ExitStack() as stack:
            picture = self._pictures(folder, stack) if self.order.pictures else self._as_it_came
            for each, truth in teaching.truths(self.reader, self.profile, listed, part.left_out):
                found = picture(truth)
                self.order.seen(1)
                if found is None:
                    part.left_out[UNREADABLE] += 1
                    part.unreadable.append(truth.frame_id)
                    continue
                image, size, sha256 = found
                part.keep(Kept(truth.frame_id, image, *size, sha256, truth.revision, each.scene, truth.numbers), truth.said)
        _clear(folder, part.kept)
        part.files += dict.fromkeys(self._files(folder, part))  # some formats write on in one file
        about = {**told, **self._about(part)}
        (folder / MANIFEST).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return part

    def frames(self, part: Part, *, machine: bool = False) -> Iterator[Labelled]:
        """The frames with what is true of them, and the machine's words if asked."""
        for at in range(0, len(part.kept), AT_ONCE):
            some = part.kept[at : at + AT_ONCE]
            numbers = [each.numbers[1] for each in some]
            said = part.held or teaching.opinions(self.reader, self.profile, numbers)
            words = teaching.machines(self.reader, numbers) if machine else {}
            for each in some:
                number = each.numbers[1]
                if number not in said:
                    raise ExportError("A frame was erased while it was being exported. Nothing was written; export again.")
                yield Labelled(each.frame_id, each.image, each.width, each.height, said[number], words.get(number))

    def samples(self, part: Part) -> Iterator[Sample]:
        """The lines of training data."""
        prompt = self.prompt.text
        said = ((each.said, (each.width, each.height)) for each in self.frames(part))
        for each, answer in zip(part.kept, written(said, self.profile, self.fmt), strict=True):
            yield Sample(each.frame_id, each.image, each.width, each.height, prompt, answer)

    def _files(self, folder: Path, part: Part) -> Iterator[Path]:
        asked, kept = self.order.formats, part.kept
        if any(name in FORMATS for name in asked):
            samples = list(self.samples(part))
            yield from (path for name in asked if name in FORMATS for path in FORMATS[name].write(samples, folder))
        images = {each.frame_id: (each.image, each.width, each.height) for each in kept}
        listed = [Listed(each.frame_id, each.numbers[1], None, each.scene, "") for each in kept]
        of = (self.reader, self.profile, self.order.family)
        if any(name in PAIR_FORMATS for name in asked):
            pairs = [each for each in pairing.pairs_of(*of, listed=listed) if isinstance(each, Pair)]
            _fits(pairs, images)
            yield from (path for name in asked if name in PAIR_FORMATS for path in PAIR_FORMATS[name].write(pairs, folder))
        if any(name in VERDICT_FORMATS for name in asked):
            verdicts = [each for each in pairing.verdicts_of(*of, listed=listed) if isinstance(each, tuple)]
            _fits([sample for sample, _ in verdicts], images)
            yield from (path for name in asked if name in VERDICT_FORMATS for path in VERDICT_FORMATS[name].write(verdicts, folder))
        for name in asked:
            if name in EXCHANGES:
                yield from EXCHANGES[name].write(lambda machine: self.frames(part, machine=machine), self.profile, folder)

    def _as_it_came(self, truth: Truth) -> tuple[str, Size, str]:
        return f"frames/{truth.frame_id}.{ENDINGS[truth.media_type]}", (truth.width, truth.height), ""

    def _pictures(self, folder: Path, stack: ExitStack) -> Callable[[Truth], tuple[str, Size, str] | None]:
        """What writes the picture of a frame and gives its place, size and hash; None: it cannot be read."""
        (folder / "frames").mkdir(exist_ok=True)
        ready = _ready(folder) if self.order.resumable else {}
        log = stack.enter_context((folder / LOG).open("ab", buffering=0)) if self.order.resumable else None

        def put(truth: Truth) -> tuple[str, Size, str] | None:
            image = f"frames/{truth.frame_id}.jpg"
            if truth.frame_id in ready:
                width, height, sha256 = ready[truth.frame_id]
                return image, (width, height), sha256
            try:
                content, size = encode(self.vault.get(truth.frame_id), self.fmt)
            except (FrameRefused, NotFound, StoreError):
                return None
            (folder / image).write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            if log is not None:
                log.write(orjson.dumps([truth.frame_id, *size, sha256], option=orjson.OPT_APPEND_NEWLINE))
            return image, size, sha256

        return put

    def _about(self, part: Part) -> dict[str, Any]:
        """What the manifest of a part says."""
        asked = self.order.formats
        forms = {name: (FORMATS.get(name) or PAIR_FORMATS.get(name) or VERDICT_FORMATS.get(name)) for name in asked}
        trainers = {form.file: form for form in forms.values() if form is not None}
        others = {EXCHANGES[name].file: EXCHANGES[name] for name in asked if name in EXCHANGES}
        left_out = counted(part.left_out)
        frames = {
            each.frame_id: {"image": each.image, "width": each.width, "height": each.height, "sha256": each.sha256 or None,
                            "revision": each.revision, "scene": each.scene}
            for each in part.kept
        }  # fmt: skip
        return {
            "counts": {"frames": len(part.kept) + part.left_out.total(), "written": len(part.kept), "left_out": left_out},
            "unreadable": part.unreadable,
            "pictures": self.order.pictures,
            "valid_for": {file: list(form.valid_for) for file, form in trainers.items()},
            "not_for": {file: list(form.not_for) for file, form in trainers.items()},
            "for_others": {file: form.about for file, form in others.items()},
            "frames": frames,
            "files": {path.name: _hash(path) for path in part.files},
        }


def encode(content: bytes, fmt: BoxFormat) -> tuple[bytes, Size]:
    """The upright frame as JPEG without metadata, and its size. For a family that writes pixels it has the very size at which its
    processor would look at it, so that each trainer's own resize changes nothing. Raises FrameRefused."""
    picture = upright(content)
    if fmt.resized:
        try:
            size = smart_resize(picture.size, fmt.factor, fmt.min_pixels, fmt.max_pixels)
        except ValueError as error:
            raise FrameRefused(f"This model family takes no such frame: {error}.") from error
        picture = picture.resize(size, Image.Resampling.BICUBIC)  # the processors' own filter
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue(), picture.size


def counted(left_out: Counter[str]) -> dict[str, int]:
    """Only reasons that occurred, in their order."""
    return {reason: left_out[reason] for reason in teaching.REASONS if left_out[reason]}


def _ready(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Pictures of an earlier try that are whole, by frame id; a line that was cut off by a sudden end is none."""
    found: dict[str, tuple[int, int, str]] = {}
    try:
        lines = (folder / LOG).read_bytes().split(b"\n")
    except FileNotFoundError:
        return found
    for line in lines[:-1]:
        try:
            frame_id, width, height, sha256 = orjson.loads(line)
            with (folder / "frames" / f"{frame_id}.jpg").open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                    found[frame_id] = (width, height, sha256)
        except (OSError, orjson.JSONDecodeError, ValueError, TypeError):
            continue
    (folder / LOG).write_bytes(b"".join(orjson.dumps([key, *values]) + b"\n" for key, values in found.items()))
    return found


def _clear(folder: Path, kept: Sequence[Kept]) -> None:
    """Take away what an earlier try left that does not belong to this one."""
    (folder / LOG).unlink(missing_ok=True)
    if (folder / "frames").is_dir():
        wanted = {Path(each.image).name for each in kept}
        for path in (folder / "frames").iterdir():
            if path.name not in wanted:
                path.unlink()


def _fits(lines: Sequence[Pair | Sample], images: Mapping[str, tuple[str, int, int]]) -> None:
    """Boxes of a line about another picture than the one that stands here would lie elsewhere. Raises ExportError."""
    for each in lines:
        if images.get(each.frame_id) != (each.image, each.width, each.height):
            raise ExportError(f"The preference for frame {each.frame_id[:12]} speaks of another picture than the one that was written.")


def _hash(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}
