"""Rows of a part folder as trainers take them: the question as the model is asked it in use, the frame as it sees it, the answer with its end.

Frames are read when their batch is made and never all at once. Draws nothing and trains nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from core import sft
from core.errors import TrainingError
from core.geometry import smart_resize
from core.pixels import upright

if TYPE_CHECKING:
    from PIL import Image

    from core.backends.folder import ModelFolder
    from core.backends.loading import Loaded

MOST_WEIGHT = 4.0
"""A rare word makes its frame count at most so many times."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How a question and the end of an answer are spelled for a model."""

    question: str  # through the chat template, the frame's mark in it
    end: str  # the token that ends an answer


def phrasing(loaded: Loaded, prompt: str) -> Phrasing:
    """As the model is asked in use (`Loaded.prepare`). Raises TrainingError for a chat template whose answers end with no token that ends one."""
    processor, probe = loaded.processor, "\u2039answer\u203a"
    asked: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
    question = str(processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False))
    told = [*asked, {"role": "assistant", "content": [{"type": "text", "text": probe}]}]
    whole = str(processor.apply_chat_template(told, tokenize=False))
    after = whole.removeprefix(question + probe)
    for token in sorted(loaded.ends):
        end = str(processor.tokenizer.convert_ids_to_tokens(token))
        if after != whole and after.startswith(end):
            return Phrasing(question, end)
    raise TrainingError(
        f"The chat template of {loaded.folder.path.name} does not put an answer after the question and a token that ends it behind the answer, "
        "so nobody could teach it where to stop. Copy the model's folder again."
    )


def look(path: Path, folder: ModelFolder) -> Image.Image:
    """A frame file as `core.inspection` and `Loaded.prepare` bring it before the model's own processor."""
    content, fmt = path.read_bytes(), folder.box_format
    picture = shown(content, folder)
    if folder.canvas:
        return _on_canvas(picture)
    if folder.kind == "mllama":
        share = (fmt.max_pixels / (picture.width * picture.height)) ** 0.5
        if share < 1:
            size = (max(1, int(picture.width * share)), max(1, int(picture.height * share)))
            return picture.resize(size, _bicubic())
    return picture


def shown(content: bytes, folder: ModelFolder) -> Image.Image:
    """Upright pixels; of a large frame no more than the model looks at, in the very size in which its boxes are counted."""
    import io

    from PIL import Image

    fmt = folder.box_format
    with Image.open(io.BytesIO(content)) as head:
        size = head.size  # exported frames are upright
    if size[0] * size[1] <= fmt.max_pixels or (fmt.scale is None and not fmt.resized):
        return upright(content)
    if not fmt.resized:
        return upright(content, most_pixels=fmt.max_pixels)
    return upright(content, at=smart_resize(size, fmt.factor, fmt.min_pixels, fmt.max_pixels))


def _on_canvas(picture: Image.Image) -> Image.Image:
    from PIL import Image

    from core.compact.network import on_canvas

    return Image.fromarray(on_canvas(np.asarray(picture)))


def _bicubic() -> Any:
    from PIL import Image

    return Image.Resampling.BICUBIC


def answered(folder: Path, spelled: Phrasing, see: Callable[[Path], Any], *, weigh: bool = False) -> Any:
    """`{"images", "prompt", "completion", "weight"}` for SFT: the loss is on the completion. Raises Malformed."""
    rows = [(each.image, each.answer) for each in sft.samples(folder)]
    weights = frame_weights([answer for _, answer in rows]) if weigh else [1.0] * len(rows)
    columns: dict[str, list[Any]] = {"image": [image for image, _ in rows], "completion": [answer for _, answer in rows], "weight": weights}
    return _lazy(columns, folder, spelled, see, ends=("completion",))


def preferred(folder: Path, spelled: Phrasing, see: Callable[[Path], Any]) -> Any:
    """`{"images", "prompt", "chosen", "rejected"}` for DPO. Raises Malformed."""
    rows = [(each.image, each.chosen, each.rejected) for each in sft.pairs(folder)]
    columns = {name: [row[n] for row in rows] for n, name in enumerate(("image", "chosen", "rejected"))}
    return _lazy(columns, folder, spelled, see, ends=("chosen", "rejected"))


def judged(folder: Path, spelled: Phrasing, see: Callable[[Path], Any]) -> Any:
    """`{"images", "prompt", "completion", "label"}` for KTO. Raises Malformed."""
    rows = [(each.image, each.answer, good) for each, good in sft.verdicts(folder)]
    columns = {name: [row[n] for row in rows] for n, name in enumerate(("image", "completion", "label"))}
    return _lazy(columns, folder, spelled, see, ends=("completion",))


def asked(folder: Path, prompt: str, see: Callable[[Path], Any]) -> Any:
    """`{"images", "prompt", "answer", "size"}` for GRPO, which puts the question through the chat template itself. Raises Malformed."""
    from datasets import Dataset

    rows = list(sft.samples(folder))
    made = Dataset.from_dict(
        {"image": [r.image for r in rows], "answer": [r.answer for r in rows], "size": [[r.width, r.height] for r in rows]}
    )
    question = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]

    def filled(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        images = rows.pop("image")
        return {**rows, "images": [[see(folder / image)] for image in images], "prompt": [question] * len(images)}

    made.set_transform(filled)
    return made


def _lazy(columns: Mapping[str, list[Any]], folder: Path, spelled: Phrasing, see: Callable[[Path], Any], ends: tuple[str, ...]) -> Any:
    """Paths and answers in memory (some 400 bytes a row), frames when they are asked for."""
    from datasets import Dataset

    def filled(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        images = rows.pop("image")
        out = {name: [f"{answer}{spelled.end}" for answer in told] if name in ends else told for name, told in rows.items()}
        return {**out, "images": [[see(folder / image)] for image in images], "prompt": [spelled.question] * len(images)}

    made = Dataset.from_dict(dict(columns))
    made.set_transform(filled)
    return made


def frame_weights(answers: Sequence[str]) -> list[float]:
    """What each frame counts: min(4, sqrt(N / N_c)) for the rarest of its words c, brought to a mean of 1.

    A word is a label, a field's value, a hazard or the risk; N_c frames of N say it. An answer that is no JSON counts as usual.
    """
    said = [frozenset(_words(answer)) for answer in answers]
    many = Counter(word for words in said for word in words)
    raw = [max((min(MOST_WEIGHT, (len(said) / many[word]) ** 0.5) for word in words), default=1.0) for words in said]
    mean = sum(raw) / len(raw) if raw else 1.0
    return [each / mean for each in raw]


def _words(answer: str) -> Iterable[tuple[str, str]]:
    try:
        told = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return
    for name, value in told.items() if isinstance(told, dict) else ():
        for each in value if isinstance(value, list) else [value]:
            yield name, str(each.get("label") if isinstance(each, dict) else each)
