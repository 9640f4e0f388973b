"""One frame through the machine: upright pixels, the question, the reply, what it means. Keeps nothing and shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

from core import confidence
from core.backends.base import FRAME_ID, Backend
from core.frames import upright
from core.judging import Judged, judge
from core.parsing import parse_reply
from core.patience import Patience
from core.profile import Profile
from core.prompts import build
from core.risk import fuse
from core.schema import Assessment, Frame, Reply, Step, Violation


def inspect_frame(frame: Frame, content: bytes, backend: Backend, profile: Profile, patience: Patience | None = None) -> Assessment:
    """What `backend` says of a frame whose bytes are `content`.

    Raises ModelError when the model could not answer and FrameRefused when the bytes cannot be read: no assessment then,
    because a frame that nobody looked at was not assessed.
    """
    picture = upright(content)
    picture.info[FRAME_ID] = frame.id
    reply = backend.ask(picture, build(profile, backend.prompt_style, backend.box_format), patience)
    return assess(frame, reply, backend, profile)


def assess(frame: Frame, reply: Reply, backend: Backend, profile: Profile) -> Assessment:
    """What a reply means. Kept replies can be read again with this, without asking the model."""
    parsed = parse_reply(reply.text, profile, backend.box_format, (frame.width, frame.height))
    parsed = confidence.of(reply, parsed, profile, backend.box_format)
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
    )


def joined(said: Sequence[Violation], judged: Sequence[Violation]) -> tuple[Violation, ...]:
    """Every hazard once: as the model said it, with the place that the rules found for it, then those that only the rules saw."""
    places = {violation.hazard: violation.box for violation in judged}
    named = {violation.hazard for violation in said}
    return (
        *(Violation(v.hazard, v.risk, v.box or places.get(v.hazard), v.confidence) for v in said),
        *(violation for violation in judged if violation.hazard not in named),
    )
