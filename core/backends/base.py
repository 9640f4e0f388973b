"""What a backend is: something that looks at a picture, is asked a prompt, and replies. Says nothing of how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from core.errors import ModelError
    from core.geometry import BoxFormat
    from core.patience import Patience
    from core.prompts import Prompt
    from core.schema import Reply

Answers = list["Reply | ModelError"]
"""To a batch: one for each frame, in their order."""

TOP = 10
"""How many of the likeliest tokens are kept for each place of a reply. With 5, the spread of a box is told less well (rank correlation with its true error .54, with 10 .59)."""

FRAME_ID = "frame_id"
"""Under this key of `Image.info` a backend finds which frame it is shown; only one that plays a script needs it."""


@runtime_checkable
class Backend(Protocol):
    """A model that can be asked. The same picture and prompt get the same reply: no sampling."""

    @property
    def model(self) -> str:
        """Id with everything that changes an answer: `NAME@FINGERPRINT[+ADAPTER@FINGERPRINT][:merged][:nf4][:guided]`, or `HOST/NAME[...]`."""

    @property
    def prompt_style(self) -> str:
        """A key of `core.prompts.STYLES`."""

    @property
    def box_format(self) -> BoxFormat:
        """How this model writes boxes."""

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The reply to `prompt` about `picture` (upright RGB, any size). Raises ModelError: it could not answer.

        Safe to call from many threads: questions that wait at the same time may be answered together. When `patience` ends, the
        question gives its place to another and Abandoned is raised.
        `Reply.tokens` are joined to `Reply.text` bytewise: a token that holds a part of a character carries its bytes
        as surrogate escapes (`bytes.decode("utf-8", "surrogateescape")`).
        """

    def close(self) -> None:
        """Let go of what it holds: a process, a line to a server. Closing twice is closing once; whoever waits is told."""


@runtime_checkable
class Switching(Backend, Protocol):
    """A backend whose adapter can be changed while it runs. One that asks a server is none: an adapter there is a model name of its own."""

    @property
    def base(self) -> str:
        """NAME@FINGERPRINT of the base model alone."""

    def switch(self, adapter: Path | None) -> None:
        """Answer with this adapter (a folder), or with the base alone. Questions that were asked before end as they began.

        When it returns, `model` is the new id and what is asked from now on is answered by it. Raises ModelError's kin when the adapter
        cannot be laid over the base, or the model did not answer; what spoke before then goes on speaking.
        """
