"""Real things cut out of real frames by their polygons, and the empty benches behind them. Takes from training frames only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.compact.split import Annotated
from core.profile import Profile

Picture = NDArray[np.uint8]
"""height x width x 3, RGB."""

MOST_HIDDEN = 0.02
"""A thing that shares more of its area with other things is not cut out: the cut would carry a piece of them."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A thing on nothing: `rgba` height x width x 4; `place` the middle of where it lay, in 0..1; `edges` the frame's sides that cut it off."""

    label: str
    rgba: Picture
    place: tuple[float, float]
    edges: frozenset[str]  # of "left", "top", "right", "bottom"


def load(frame: Annotated) -> Picture:
    """The pixels of an annotated frame."""
    pixels = cv2.imread(str(frame.path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(f"{frame.path} is not there or is no picture.")
    return np.ascontiguousarray(pixels[:, :, ::-1])


def cut_out(frames: Sequence[Annotated], profile: Profile) -> dict[str, list[Cutout]]:
    """All clean cut-outs by label of the profile. Hands may lie over tools: nearly all of them do."""
    found: dict[str, list[Cutout]] = {}
    for frame in frames:
        pixels = load(frame)
        masks = [_mask(polygon, frame) for _, _, polygon in frame.objects]
        everything = sum((m.astype(np.int32) for m in masks), np.zeros((frame.height, frame.width), np.int32))
        for (name, box, _), mask in zip(frame.objects, masks, strict=True):
            label = profile.key_of("label", name)
            if label is None or not mask.any():
                continue
            shared = float((everything[mask > 0] > 1).mean())
            edges = _edges(box, frame)
            body = label in profile.hands
            if (edges and not body) or shared > (0.25 if body else MOST_HIDDEN):
                continue
            found.setdefault(label, []).append(_cut(label, pixels, mask, edges))
    return found


def _mask(polygon: Sequence[float], frame: Annotated) -> Picture:
    mask = np.zeros((frame.height, frame.width), np.uint8)
    points = np.asarray(polygon, np.float32).reshape(-1, 2)
    if len(points) >= 3:
        cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask


def _edges(box: tuple[float, float, float, float], frame: Annotated) -> frozenset[str]:
    x0, y0, x1, y1 = box
    near = {"left": x0 < 4, "top": y0 < 4, "right": x1 > frame.width - 4, "bottom": y1 > frame.height - 4}
    return frozenset(side for side, is_near in near.items() if is_near)


def _cut(label: str, pixels: Picture, mask: Picture, edges: frozenset[str]) -> Cutout:
    """The thing with a soft rim one pixel inside its polygon, so that no background comes along."""
    ys, xs = np.nonzero(mask)
    y0, y1, x0, x1 = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    padded = cv2.copyMakeBorder(mask[y0:y1, x0:x1] * 255, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    alpha = cv2.GaussianBlur(cv2.erode(padded, np.ones((2, 2), np.uint8)), (3, 3), 0.7)[3:-3, 3:-3]
    rgba = np.dstack([pixels[y0:y1, x0:x1], alpha])
    height, width = mask.shape
    return Cutout(label, rgba, (float(x0 + x1) / 2 / width, float(y0 + y1) / 2 / height), edges)


def benches(frames: Sequence[Annotated], chunk: int = 24) -> list[Picture]:
    """Empty benches: the median over runs of frames, in which whatever was moved disappears; annotated things are left out of it."""
    out: list[Picture] = []
    for start in range(0, len(frames), chunk):
        part = frames[start : start + chunk]
        if len(part) < chunk // 2:
            break
        stack = np.stack([load(frame) for frame in part]).astype(np.float32)
        for k, frame in enumerate(part):
            for _, _, polygon in frame.objects:
                stack[k][cv2.dilate(_mask(polygon, frame), np.ones((9, 9), np.uint8)) > 0] = np.nan
        if not np.isnan(stack).all(axis=0).any():
            out.append(np.nanmedian(stack, axis=0).astype(np.uint8))
    return out
