"""Plays replies from a file, for tests and for demonstrations that say so: its model is called "scripted". Looks at no picture.

The file is a JSON object: a frame's id, or "*" for all others, -> the reply's text, or {"text": ..., "tokens": [[text, logprob,
[[text, logprob], ...]], ...]}. Frames are known by `core.backends.base.FRAME_ID`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.backends.base import FRAME_ID
from core.errors import ModelError, ModelMissing
from core.geometry import THOUSANDTHS, BoxFormat
from core.schema import Reply, Token

if TYPE_CHECKING:
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt


class Scripted:
    """A backend that has its answers already."""

    prompt_style = "brief"

    def __init__(self, model: str, replies: Mapping[str, tuple[str, tuple[Token, ...]]], box_format: BoxFormat = THOUSANDTHS) -> None:
        self.model = model
        self.box_format = box_format
        self._replies = replies

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The reply that the script has for this frame. Raises ModelError when it has none."""
        frame_id = str(picture.info.get(FRAME_ID, ""))
        known = self._replies.get(frame_id) or self._replies.get("*")
        if known is None:
            raise ModelError(f'The script of {self.model} has no answer for the frame {frame_id[:12]} and none for "*".')
        text, tokens = known
        return Reply(text, self.model, prompt.id, 0.0, tokens)

    def close(self) -> None:
        """It holds nothing."""


def open_backend(file: Path, box_format: BoxFormat = THOUSANDTHS) -> Scripted:
    """The backend of a script. Raises ModelMissing, or ModelError for a file that is no script."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise ModelMissing(f"There is no script {file.name} in {file.parent}.") from error
    try:
        entries = orjson.loads(content)
        replies = {str(frame_id): _entry(entry) for frame_id, entry in entries.items()}
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ModelError(f"{file.name}: this is no script of replies ({error}).") from error
    return Scripted(f"scripted:{hashlib.sha256(content).hexdigest()[:12]}", replies, box_format)


def _entry(entry: Any) -> tuple[str, tuple[Token, ...]]:
    if isinstance(entry, str):
        return entry, ()
    tokens = tuple(Token(t[0], float(t[1]), tuple((str(w), float(p)) for w, p in (t[2] if len(t) > 2 else ()))) for t in entry["tokens"])
    return str(entry["text"]), tokens
