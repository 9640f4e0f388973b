"""How a further frame would look: one frame that may teach, changed as a training would change it, with its boxes drawn in. It writes nothing anywhere.

The change is drawn as `core.augmenting.plan` draws it, so what is shown here is what a training would see; a frame that does not bear it has none.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from core.augmenting.changes import CHANGES, Shown
from core.augmenting.plan import USUAL, Plan, further
from core.pixels import upright
from core.profile import Profile
from core.schema import Correction

__all__ = ["CHANGES", "USUAL", "Preview", "preview"]

LONGEST = 960  # pixels of what is shown
_QUALITY = 90

Colour = Callable[[str], str]
"""Label -> its colour, "#RRGGBB"."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A frame beside what would be made of it, both JPEG with boxes."""

    before: bytes
    after: bytes | None  # None: it does not bear the change, or the rules would say something else of it then
    changes: tuple[str, ...]  # that were made, in their order
    labels: tuple[str, ...]  # that have a box, each once


def preview(content: bytes, told: Correction, profile: Profile, changes: Sequence[str], seed: int, colour: Colour) -> Preview:
    """`content`: the frame's picture; `changes`: one, or several of which a few are drawn. Raises FrameRefused, and Malformed for an unknown change."""
    plan = Plan(tuple(changes), seed=seed)
    shown = Shown(np.asarray(upright(content, longest=LONGEST).convert("RGB")), tuple(told.findings))
    made = next(further(shown, plan, profile, 0), None)
    labels = dict.fromkeys(finding.label for finding in told.findings if finding.box is not None)
    after = None if made is None else _drawn(made.shown, colour)
    return Preview(_drawn(shown, colour), after, () if made is None else made.changes, tuple(labels))


def _drawn(shown: Shown, colour: Colour) -> bytes:
    picture = Image.fromarray(shown.pixels)
    pen, (width, height) = ImageDraw.Draw(picture), picture.size
    thick = max(2, round(max(width, height) / 240))
    for finding in shown.findings:
        if finding.box is not None:
            x0, y0, x1, y1 = finding.box.xyxy
            corners = (x0 * width, y0 * height, max(x0 * width, x1 * width - 1), max(y0 * height, y1 * height - 1))
            pen.rectangle(corners, outline="#000000", width=thick + 2)  # the casing: a colour of the palette is seen on any ground
            pen.rectangle(corners, outline=colour(finding.label), width=thick)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
