"""Asks a model about every frame of a part, and about a few grey pictures in which nothing is to be seen. Goes on where it broke off; counts nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

from core import framecheck, sft
from core.backends.base import Backend
from core.errors import FrameRefused, Malformed, ModelGarbled
from core.evaluation.predictions import Gold, Prediction, by_frame, line, read, write
from core.framecheck import Corners, Fit, Told
from core.geometry import BoxFormat
from core.inspection import inspect_frame
from core.patience import Patience
from core.profile import Profile
from core.prompts import build
from core.risk import UNPARSED
from core.schema import FIELDS, Assessment, Frame

GREYS = (128, 64, 192)
"""Of blank pictures: 0 black, 255 white."""

_BLANK_SIZE = (640, 480)  # where the part holds no frame to take the size of
_BOX_KEYS = ("box", "bbox", "bbox_2d")


def ask_all(
    backend: Backend,
    part_folder: Path,
    profile: Profile,
    out: Path | None = None,
    *,
    blanks: int = len(GREYS),
    seen: Callable[[int, int], None] = lambda done, of: None,
    patience: Patience | None = None,
) -> tuple[Prediction, ...]:
    """A prediction for every frame, in the order of the part, then those of `blanks` grey pictures.

    With `out` each answer is written as it comes, to a file beside it, and what the same model answered there before to the same question
    is not asked again; `out` itself appears when all is there. A frame to which the model gives a garbled answer counts as unreadable. Raises
    Malformed for a part that cannot be used, and ModelError when the model is not there to be asked: nothing is lost then.
    """
    questions = list(_frames(part_folder)) + list(_blanks(part_folder, blanks))
    prompt_id = build(profile, backend.prompt_style, backend.box_format).id
    kept = _kept(out, backend.model, prompt_id)
    partial = out.with_name(f".{out.name}.partial") if out is not None else None
    if partial is not None:
        write(partial, kept.values())
    made = []
    for number, (frame, scene, content) in enumerate(questions, start=1):
        found = kept.get(frame.id)
        if found is None or found.size != (frame.width, frame.height):
            found = _ask(frame, scene, content, backend, profile, prompt_id, patience)
            if partial is not None:
                with partial.open("ab") as file:
                    file.write(line(found))
        made.append(replace(found, scene=scene))
        seen(number, len(questions))
    if out is not None and partial is not None:
        write(out, made)
        partial.unlink()
    return tuple(made)


def prediction(said: Assessment, scene: int, size: tuple[int, int], profile: Profile, *, blank: bool = False) -> Prediction:
    """What an assessment says, as it is measured."""
    text = said.reply.text.encode("utf-8", "replace").decode() if said.reply else ""
    raw = _json(text)
    asked = {"findings", *profile.fields, "violations", "risk"}
    return Prediction(
        said.frame_id, scene, said.findings, said.step, said.violations, said.risk.level,
        valid_json=isinstance(raw, dict) and asked <= raw.keys(),
        unknown_clauses=_unknown_hazards(raw, profile),
        unknown_labels=_unknown_labels(raw, profile),
        readable=said.reply is not None and not (UNPARSED in said.risk.reasons and not said.findings and not _spoke(said)),
        blank=blank,
        risk_probabilities=dict(said.risk.probabilities),
        text=text,
        size=size,
        model=said.model,
        prompt_id=said.prompt_id,
        seconds=said.seconds,
    )  # fmt: skip


def frame_check(gold: Sequence[Gold], predictions: Sequence[Prediction], declared: BoxFormat, most: int = 40) -> Fit:
    """In which frame the boxes of these replies are, by the numbers as they were written, on at most `most` frames with true boxes."""
    found = by_frame(predictions)
    told = list[Told]()
    for each in gold:
        said = found.get(each.frame_id)
        true = tuple((finding.label, finding.box) for finding in each.findings if finding.box is not None)
        if said is not None and said.size is not None and true and len(told) < most:
            told.append(Told(said.size, true, _numbers(_json(said.text), {label for label, _ in true})))
    return framecheck.fit(told, declared)


def _frames(folder: Path) -> Iterator[tuple[Frame, int, bytes]]:
    scenes = sft.scenes(folder)
    for sample in sft.samples(folder):
        try:
            content = (folder / sample.image).read_bytes()
        except OSError as error:
            raise Malformed(f"The frame {sample.image} of {folder.name} cannot be read: {error.strerror or error}.") from error
        yield _frame(sample.frame_id, sample.width, sample.height, "image/jpeg"), scenes[sample.frame_id], content


def _blanks(folder: Path, count: int) -> Iterator[tuple[Frame, int, bytes]]:
    """Grey pictures of the size of the part's first frame; each a scene of its own below 0."""
    first = next(sft.samples(folder), None)
    size = (first.width, first.height) if first else _BLANK_SIZE
    for number in range(count):
        encoded = io.BytesIO()
        Image.new("RGB", size, (GREYS[number % len(GREYS)],) * 3).save(encoded, "PNG")
        yield _frame(f"blank:{number}", *size, "image/png"), -1 - number, encoded.getvalue()


def _frame(frame_id: str, width: int, height: int, media_type: str) -> Frame:
    return Frame(frame_id, width, height, frame_id, media_type, datetime(1970, 1, 1, tzinfo=UTC), source="evaluation")


def _ask(
    frame: Frame, scene: int, content: bytes, backend: Backend, profile: Profile, prompt_id: str, patience: Patience | None
) -> Prediction:
    blank, size = frame.id.startswith("blank:"), (frame.width, frame.height)
    try:
        said = inspect_frame(frame, content, backend, profile, patience)
    except ModelGarbled:
        return Prediction(
            frame.id, scene, valid_json=False, readable=False, blank=blank, size=size, model=backend.model, prompt_id=prompt_id
        )
    except FrameRefused as error:
        raise Malformed(f"The frame {frame.id[:12]} cannot be asked about: {error}") from error
    return prediction(said, scene, size, profile, blank=blank)


def _kept(out: Path | None, model: str, prompt_id: str) -> dict[str, Prediction]:
    """What the same model answered to the same question before: whole, or until it broke off. A last line that was cut off is asked again."""
    if out is None:
        return {}
    partial = out.with_name(f".{out.name}.partial")
    known = dict[str, Prediction]()
    if out.is_file():
        known = {each.frame_id: each for each in read(out)}
    if partial.is_file():
        content = partial.read_bytes()
        partial.write_bytes(content[: content.rfind(b"\n") + 1])
        known |= {each.frame_id: each for each in read(partial)}
    return {frame: each for frame, each in known.items() if (each.model, each.prompt_id) == (model, prompt_id)}


def _spoke(said: Assessment) -> bool:
    """Whether at least one field or violation was understood."""
    return bool(said.violations) or any(said.step[name].value is not None for name in FIELDS)


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _unknown_labels(raw: Any, profile: Profile) -> tuple[str, ...]:
    """Labels of findings and values of fields that the profile does not have, as they were written."""
    if not isinstance(raw, dict):
        return ()
    items = raw.get("findings")
    said = [("label", item.get("label")) for item in (items if isinstance(items, list) else []) if isinstance(item, dict)]
    said += [(name, raw[name]) for name in profile.fields if name in raw]
    return tuple(dict.fromkeys(value for name, value in said if isinstance(value, str) and profile.key_of(name, value) is None))


def _unknown_hazards(raw: Any, profile: Profile) -> tuple[str, ...]:
    items = raw.get("violations") if isinstance(raw, dict) else None
    named = [item.get("hazard") if isinstance(item, Mapping) else item for item in (items if isinstance(items, list) else [])]
    return tuple(dict.fromkeys(value for value in named if isinstance(value, str) and profile.key_of("hazard", value) is None))


def _numbers(raw: Any, labels: set[str]) -> tuple[tuple[str, Corners], ...]:
    items = raw.get("findings") if isinstance(raw, dict) else None
    said: list[tuple[str, Corners]] = []
    for item in items if isinstance(items, list) else []:
        box = next((item[key] for key in _BOX_KEYS if key in item), None) if isinstance(item, dict) else None
        if (
            isinstance(box, list)
            and len(box) == 4
            and all(isinstance(n, int | float) and abs(n) < 1e9 for n in box)
            and item.get("label") in labels
        ):
            said.append((item["label"], (float(box[0]), float(box[1]), float(box[2]), float(box[3]))))
    return tuple(said)
