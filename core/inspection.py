"""One frame through the machine: upright pixels, the question, the reply, what it means. Keeps nothing and shows nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from PIL import Image

from core import confidence
from core.backends.base import FRAME_ID, Backend
from core.errors import Abandoned, FrameRefused
from core.frames import upright
from core.geometry import smart_resize
from core.judging import Judged, judge
from core.parsing import parse_reply
from core.patience import Patience
from core.profile import Profile
from core.prompts import build
from core.risk import fuse
from core.schema import Assessment, Frame, Reply, Step, Violation

Stage = Literal["decode", "wait", "model", "read"]
"""From bytes to upright pixels; until the model began (and for the way to it); the model itself; from its words to an assessment."""

Watch = Callable[[Stage, float], object]
"""Told how many seconds each stage took, once there is an assessment."""


def inspect_frame(
    frame: Frame, content: bytes, backend: Backend, profile: Profile, patience: Patience | None = None, watch: Watch | None = None
) -> Assessment:
    """What `backend` says of a frame whose bytes are `content`.

    Raises ModelError when the model could not answer and FrameRefused when the bytes cannot be read: no assessment then,
    because a frame that nobody looked at was not assessed. Abandoned when nobody waits any more, even if there is an answer by then.
    """
    began = time.perf_counter()
    picture = _seen_by(backend, frame, content)
    picture.info[FRAME_ID] = frame.id
    prompt = build(profile, backend.prompt_style, backend.box_format)
    asked = time.perf_counter()
    _heed(patience)
    reply = backend.ask(picture, prompt, patience)
    answered = time.perf_counter()
    _heed(patience)
    assessment = assess(frame, reply, backend, profile)
    if watch is not None:
        watch("decode", asked - began)
        watch("wait", max(0.0, answered - asked - reply.seconds))
        watch("model", reply.seconds)
        watch("read", time.perf_counter() - answered)
    return assessment


def _seen_by(backend: Backend, frame: Frame, content: bytes) -> Image.Image:
    """The upright pixels; of a large frame no more than the model will look at, and at the very size in which its boxes are counted."""
    fmt, size = backend.box_format, (frame.width, frame.height)
    if frame.width * frame.height <= fmt.max_pixels or (fmt.scale is None and not fmt.resized):
        return upright(content)
    if not fmt.resized:
        return upright(content, most_pixels=fmt.max_pixels)
    try:
        return upright(content, at=smart_resize(size, fmt.factor, fmt.min_pixels, fmt.max_pixels))
    except ValueError as error:
        raise FrameRefused(f"This model takes no such frame: {error}.") from error


def _heed(patience: Patience | None) -> None:
    if patience is not None and patience.gave_up:
        raise Abandoned("Nobody waits for this answer any more, so it was not kept. Ask again to have one.")


def assess(frame: Frame, reply: Reply, backend: Backend, profile: Profile) -> Assessment:
    """What a reply means. Kept replies can be read again with this, without asking the model."""
    parsed = parse_reply(reply.text, profile, backend.box_format, (frame.width, frame.height))
    parsed = confidence.of(reply, parsed, profile, backend.box_format, (frame.width, frame.height))
    judged = judge(parsed.findings, profile) if parsed.how != "unread" else Judged(Step(), (), profile.levels[0])
    return Assessment(
        frame_id=frame.id,
        model=reply.model,
        prompt_id=reply.prompt_id,
        findings=parsed.findings,
        step=parsed.step,
        violations=joined(parsed.violations, judged.violations),
        risk=fuse(parsed.risk_level, parsed.risk_probabilities, parsed.violations, judged, profile, not_applicable=parsed.not_applicable),
        dropped=parsed.dropped,
        seconds=reply.seconds,
        reply=reply,
        missed=parsed.missed,
    )


def joined(said: Sequence[Violation], judged: Sequence[Violation]) -> tuple[Violation, ...]:
    """Every hazard once: as the model said it, with the place that the rules found for it, then those that only the rules saw."""
    places = {violation.hazard: violation.box for violation in judged}
    named = {violation.hazard for violation in said}
    return (
        *(Violation(v.hazard, v.risk, v.box or places.get(v.hazard), v.confidence) for v in said),
        *(violation for violation in judged if violation.hazard not in named),
    )
