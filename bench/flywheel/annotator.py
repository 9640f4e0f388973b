"""The scripted annotator: knows the truth of every frame and writes it as a person's correction. Never looks at which policy asked, and never errs."""

from __future__ import annotations

from dataclasses import replace

from bench.flywheel.new_bench import Shot
from core.schema import FIELDS, Correction, Finding, Risk, Step, Value

SECONDS_A_FRAME = 20.0
"""What a frame is booked with; a script has no looking time of its own."""


def told(frame_id: str, shot: Shot, author: str, *, saw_revision: int = 0, saw_model: str | None = None) -> Correction:
    """The truth of a shot as a whole correction."""
    return Correction(
        frame_id=frame_id,
        author=author,
        saw_revision=saw_revision,
        verdict="reviewed",
        findings=tuple(Finding(f.label, f.box, said_by="person") for f in shot.findings),
        step=Step(*(Value(shot.judged.step[name].value, said_by="person") for name in FIELDS)),
        violations=tuple(replace(violation, said_by="person") for violation in shot.judged.violations),
        risk=Risk(shot.judged.level, said_by="person"),
        active_seconds=SECONDS_A_FRAME,
        saw_model=saw_model,
    )
