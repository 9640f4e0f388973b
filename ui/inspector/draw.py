"""A frame with its boxes drawn into the pixels, for people who take it elsewhere. The screen never shows this: there boxes stay boxes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.profile import Profile
from core.schema import Box, Finding
from ui.marks import colour, ink

_CJK_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)
_SIGNS = {"model": "", "person": " ●", "confirmed": " ✓"}  # who said it, where a line cannot be dashed


def annotate(picture: Image.Image, findings: Sequence[Finding], profile: Profile, language: str) -> Image.Image:
    """An upright RGB picture with a box and a name for each finding that has a box. Names are English where no Chinese font is found."""
    import numpy as np  # late: opening the inspector needs neither of them
    import supervision as sv

    shown = [(finding, finding.box) for finding in findings if finding.box is not None]
    if not shown:
        return picture.copy()
    font = cjk_font()
    words = language if language == "en" or font else "en"
    shown.sort(key=lambda pair: -_area(pair[1]))  # small ones on top of large ones
    sides = np.array([picture.width, picture.height] * 2, dtype=float)
    colours = [colour(profile, finding.label) for finding, _ in shown]
    detections = sv.Detections(
        xyxy=np.array([box.xyxy for _, box in shown]) * sides,
        class_id=np.arange(len(shown)),
    )
    longest = max(picture.size)
    boxes = sv.BoxAnnotator(sv.ColorPalette.from_hex(colours), thickness=max(2, round(longest / 500)))
    names = sv.RichLabelAnnotator(
        color=sv.ColorPalette.from_hex(colours),
        text_color=sv.ColorPalette.from_hex([ink(each) for each in colours]),
        font_path=font,
        font_size=max(12, round(longest / 70)),
        text_padding=max(3, round(longest / 400)),
        smart_position=len(shown) > 1,
    )
    drawn: Image.Image = names.annotate(
        boxes.annotate(picture.copy(), detections), detections, [_name(f, profile, words) for f, _ in shown]
    )
    return drawn


def annotated_jpeg(picture: Image.Image, findings: Sequence[Finding], profile: Profile, language: str, quality: int = 92) -> bytes:
    """The same as the bytes of a JPEG without metadata."""
    out = BytesIO()
    annotate(picture, findings, profile, language).save(out, "JPEG", quality=quality)
    return out.getvalue()


@cache
def cjk_font() -> str | None:
    """A font of this machine that has Chinese characters; None: there is none where we look."""
    return next((path for path in _CJK_FONTS if Path(path).is_file()), None)


def _name(finding: Finding, profile: Profile, language: str) -> str:
    known = next((term.name(language) for term in profile.labels if term.key == finding.label), finding.label)
    sure = "" if finding.confidence is None else f" {finding.confidence:.2f}"
    return f"{known}{sure}{_SIGNS[finding.said_by]}"


def _area(box: Box) -> float:
    return (box.x1 - box.x0) * (box.y1 - box.y0)
