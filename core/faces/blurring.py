"""Faces made unrecognisable for good: what lies below is thrown away, not softened. A frame that could not be examined is never handed out.

Over each face lies an ellipse of one colour, its mean, rounded. A Gaussian blur can be sharpened again, and a mosaic of nine cells was still taken for a
face in 5 of 18 trials. One mean holds nothing of a face; that the oval is now and then taken for a head all the same stands in bench/results/faces.md.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image

from core.faces.detection import Face, find_faces
from core.pixels import upright

MARGIN = 0.5  # of the face's width and height, added at each side: ears, hair and a box that lies a little off
_LEVELS = 16  # grey steps to which that mean is rounded


def blur_faces(picture: Image.Image, faces: Iterable[Face], *, margin: float = MARGIN) -> Image.Image:
    """A copy with these faces covered; `margin` is a share of the face's box at each side."""
    pixels = np.array(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    for face in faces:
        x0, y0, x1, y1 = (corner * edge for corner, edge in zip(face.box.xyxy, (width, height) * 2, strict=True))
        more_x, more_y = (x1 - x0) * margin + 1, (y1 - y0) * margin + 1
        left, top = max(0, int(x0 - more_x)), max(0, int(y0 - more_y))
        right, bottom = min(width, int(np.ceil(x1 + more_x))), min(height, int(np.ceil(y1 + more_y)))
        under = pixels[top:bottom, left:right]
        rows, columns = np.mgrid[top:bottom, left:right] + 0.5
        inside = ((columns - (x0 + x1) / 2) / ((x1 - x0) / 2 + more_x)) ** 2 + ((rows - (y0 + y1) / 2) / ((y1 - y0) / 2 + more_y)) ** 2 <= 1
        under[inside] = (under[inside].mean(0) // _LEVELS * _LEVELS + _LEVELS / 2).astype(np.uint8)
    return Image.fromarray(pixels)


def faceless(content: bytes, longest: int | None, quality: int = 85) -> bytes:
    """A JPEG of the upright frame without metadata and with every face that was found covered, at most `longest` pixels at its longer side.

    Raises FrameRefused for what cannot be decoded and ModelMissing or ModelUnfit for what cannot be examined; it never falls back to the frame as it is.
    """
    looked_at = upright(content, longest=None if longest is None else max(2 * longest, 1280))
    faces = find_faces(looked_at)
    shown = looked_at if longest is None or max(looked_at.size) <= longest else upright(content, longest=longest)
    out = io.BytesIO()
    blur_faces(shown, faces).save(out, "JPEG", quality=quality)
    return out.getvalue()
