"""A model that really sees drawn rectangles, and writes their boxes in any convention; what it does not do is set at its birth."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from core.errors import ModelRefused
from core.framecheck import COLOURS, Convention
from core.geometry import FAMILIES, BoxFormat, smart_resize
from core.patience import Patience
from core.prompts import Prompt
from core.schema import Reply, Token


@dataclass
class Seer:
    """A backend. `speaks`: how it writes boxes, whatever is declared. `chance`: of A and B together; None: it tells no probabilities."""

    speaks: Convention = field(default_factory=Convention)
    box_format: BoxFormat = FAMILIES["qwen2-vl"]
    model: str = "seer@1:guided"
    prompt_style: str = "full"
    chance: float | None = 1.0
    keeps_to_schema: bool = True
    blind: bool = False
    most_pixels: int | None = None  # of a picture; larger ones are refused
    asked: list[tuple[int, int]] = field(default_factory=list)  # sizes of the pictures

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        self.asked.append(picture.size)
        if self.most_pixels is not None and picture.width * picture.height > self.most_pixels:
            raise ModelRefused("The picture is too large for this server.")
        if "answer" in prompt.schema.get("properties", {}):
            return self._letter(prompt)
        boxes = [] if self.blind else [{"box": self._said(box, picture.size), "label": name} for name, box in seen(picture)]
        return Reply(json.dumps({"findings": boxes}), self.model, prompt.id, 0.01)

    def close(self) -> None:
        """It holds nothing."""

    def _said(self, box: tuple[int, int, int, int], size: tuple[int, int]) -> list[float]:
        grid = smart_resize(size) if self.speaks.resized else size
        right, lower = (self.speaks.scale, self.speaks.scale) if self.speaks.scale is not None else grid
        digits = 3 if self.speaks.scale == 1 else None
        a, c = (round(box[n] / size[0] * right, digits) for n in (0, 2))
        b, d = (round(box[n] / size[1] * lower, digits) for n in (1, 3))
        return {"xyxy": [a, b, c, d], "yxyx": [b, a, d, c], "xywh": [a, b, c - a, d - b]}[self.speaks.order]

    def _letter(self, prompt: Prompt) -> Reply:
        if not self.keeps_to_schema:
            return Reply("Tuesday.", self.model, prompt.id, 0.01, tokens_of([("Tuesday", 0.9), (".", 0.9)]) if self.chance else ())
        if self.chance is None:
            return Reply('{"answer":"A"}', self.model, prompt.id, 0.01)
        pieces = [('{"', 1.0), ("answer", 1.0), ('":"', 1.0), ("A", 0.7 * self.chance), ('"}', 1.0)]
        return Reply('{"answer":"A"}', self.model, prompt.id, 0.01, tokens_of(pieces, {3: [("B", 0.3 * self.chance)]}))


def tokens_of(pieces: Sequence[tuple[str, float]], others: dict[int, list[tuple[str, float]]] | None = None) -> tuple[Token, ...]:
    """Tokens with their probabilities; `others` at a place besides the one that was said, and the rest is another word's."""
    made = []
    for at, (text, chance) in enumerate(pieces):
        beside = (others or {}).get(at, [])
        rest = 1 - chance - sum(p for _, p in beside)
        top = [(text, chance), *beside, *([("Tues", rest)] if rest > 1e-6 else [])]
        made.append(Token(text, math.log(chance), tuple((word, math.log(p)) for word, p in sorted(top, key=lambda one: -one[1]))))
    return tuple(made)


def seen(picture: Image.Image) -> list[tuple[str, tuple[int, int, int, int]]]:
    """The rectangles in a picture, by colour, through the noise that a JPEG adds: roughly at first, then along the lines through the middle."""
    pixels = np.asarray(picture).astype(np.int16)
    found = []
    for name, colour in COLOURS.items():
        wanted = np.array(ImageColor.getrgb(colour), np.int16)
        rows, columns = np.nonzero(_near(pixels[::8, ::8], wanted))
        if len(rows) < 12:
            continue
        y, x = 8 * int(np.median(rows)), 8 * int(np.median(columns))
        across, down = np.flatnonzero(_near(pixels[y], wanted)), np.flatnonzero(_near(pixels[:, x], wanted))
        found.append((name, (int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1)))
    return found


def _near(pixels: Any, wanted: Any) -> Any:
    return np.abs(pixels - wanted).sum(-1) < 60
