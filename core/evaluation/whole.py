"""One exported set, one model or two: asked about the test part, measured, written down. What `launch.py evaluate FOLDER` does. Promotes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import sft
from core.backends.base import Backend
from core.errors import Malformed
from core.evaluation import judge
from core.evaluation.asking import ask_all, frame_check
from core.evaluation.gate import Bars, bars_of, decide, refuse_unknown
from core.evaluation.predictions import Gold, Prediction, gold_from, gold_of, read
from core.evaluation.report import Doubles, compare, figures
from core.evaluation.written import keep
from core.geometry import BoxFormat
from core.patience import Patience
from core.profile import Profile
from core.schema import Correction

Open = Callable[[], AbstractContextManager[Backend]]
"""Opens a model; it is closed with the block, so that two never stand in memory together."""

Seen = Callable[[int, int], None]

BEFORE, AFTER = "before.jsonl", "after.jsonl"


@dataclass(frozen=True, slots=True)
class Known:
    """What the record adds to a set."""

    doubles: Sequence[tuple[Correction, Correction]] = ()  # what two people said of a frame without seeing each other
    weights: Mapping[str, float] | None = None  # by frame id, 1 / inclusion probability
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # further ways to slice: name -> frame id -> slice

    @property
    def pairs(self) -> Doubles:
        """The doubles as they are measured."""
        return tuple((gold_from(a), gold_from(b)) for a, b in self.doubles)


def evaluate_set(
    folder: Path,
    profile: Profile,
    out: Path,
    base: Open,
    adapted: Open | None = None,
    *,
    metric: str = "field_f1",
    known: Known | None = None,
    bars: Bars | None = None,
    seen: Seen = lambda done, of: None,
    patience: Patience | None = None,
) -> dict[str, Any]:
    """Figures of `base`, or with `adapted` both with their differences and the gate; `report.json`, `report.md` and the answers are kept in `out`.

    What was asked before into the same `out` is not asked again. Raises NotFound for a metric of another name, before anybody is asked;
    Malformed for a set without a test part, or one that cannot be used; and ModelError when a model cannot be asked.
    """
    refuse_unknown(metric)
    test, known = part_to_judge_by(folder), known or Known()
    gold = gold_of(test, profile)
    before, fmt = _answers(base, test, profile, out / BEFORE, seen, patience)
    set_name = sft.about(folder).get("dataset") or {}
    options: dict[str, Any] = {"weights": _of_gold(known.weights, gold), "slices": known.slices, "doubles": known.pairs}
    report: dict[str, Any] = {"dataset": set_name, "model": _model(before), "frame": frame_words(gold, before, fmt)}
    if adapted is None:
        report |= figures(gold, before, **options)
    else:
        after, other = _answers(adapted, test, profile, out / AFTER, seen, patience)
        frames, scenes = learned(folder)
        gate = decide(
            gold,
            before,
            after,
            named_metric=metric,
            frame_check=frame_check(gold, after, other) if has_boxes(gold) else None,
            dataset=str(set_name.get("digest") or set_name.get("name") or folder.name),
            learned_frames=frames,
            learned_scenes=scenes,
            bars=bars or bars_of(profile),
        )
        report |= {"adapted": _model(after), "comparison": compare(gold, before, after, **options), "gate": gate.told()}
    keep(out, report)
    return report


def part_to_judge_by(folder: Path) -> Path:
    """The part by which models are measured. Raises Malformed: what is to be learned from is never taken for it."""
    sft.about(folder)
    found = sft.part(folder, "test")
    if found is None:
        raise Malformed(f"{folder.name} has no test part. Freeze a set that keeps scenes for testing and export it; nothing was measured.")
    return found


def frames_to_judge_by(folder: Path) -> frozenset[str]:
    """Ids of the frames of that part. Raises Malformed as `part_to_judge_by`."""
    return frozenset(sft.about(part_to_judge_by(folder)).get("frames") or {})


def learned(folder: Path) -> tuple[frozenset[str], frozenset[int]]:
    """Frames and scenes of the part that teaches: by their own record, not by a guess."""
    train = sft.part(folder, "train")
    frames = sft.about(train).get("frames") or {} if train is not None else {}
    return frozenset(frames), frozenset(int(each["scene"]) for each in frames.values() if each.get("scene") is not None)


def frame_words(gold: Sequence[Gold], said: Sequence[Prediction], fmt: BoxFormat) -> str | None:
    """In which frame a model's boxes are; None where no box is true."""
    return frame_check(gold, said, fmt).words if has_boxes(gold) else None


def has_boxes(gold: Sequence[Gold]) -> bool:
    """Whether any box is true."""
    return any(finding.box is not None for each in gold for finding in each.findings)


def _answers(
    opens: Open, test: Path, profile: Profile, out: Path, seen: Seen, patience: Patience | None
) -> tuple[tuple[Prediction, ...], BoxFormat]:
    with opens() as backend:
        return ask_all(backend, test, profile, out, seen=seen, patience=patience), backend.box_format


def _model(said: Sequence[Prediction]) -> str:
    return next((each.model for each in said), "")


def _of_gold(weights: Mapping[str, float] | None, gold: Sequence[Gold]) -> Mapping[str, float] | None:
    """Weights of the frames that are measured; None unless every one has one: a share of them would bend the figures the other way."""
    if weights is None or any(each.frame_id not in weights for each in gold):
        return None
    return {each.frame_id: weights[each.frame_id] for each in gold}


def judged(backend: Backend, folder: Path, out: Path, marks: Path | None, *, adapted: bool) -> dict[str, Any]:
    """What a judging model says of the answers that are kept in `out`, beside people's `marks`: shown only with its agreement with them.

    Raises as `judge.judge` and `judge.read_marks`.
    """
    answers = read(out / (AFTER if adapted else BEFORE))
    given, lost = judge.judge(backend, part_to_judge_by(folder), answers)
    return judge.shown(given, judge.read_marks(marks) if marks is not None else (), lost=lost)
