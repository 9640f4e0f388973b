"""What is told at the end of a training: figures of both answers on the test part, and what the gate says. Decides nothing itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import sft
from core.evaluation.asking import frame_check
from core.evaluation.gate import bars_of, decide
from core.evaluation.predictions import family_of, gold_of, read
from core.evaluation.report import compare
from core.training.states import AFTER, BEFORE

if TYPE_CHECKING:
    from core.profile import Profile


def report(folder: Path, data: Path, profile: Profile, metric: str) -> dict[str, Any]:
    """`{"dataset", "comparison", "gate"}` as plain JSON, from the predictions in a job's folder and the exported set. Raises Malformed."""
    test, train = sft.part(data, "test"), sft.part(data, "train")
    assert test is not None  # a set without a test part is never reported on
    gold = gold_of(test, profile)
    before, after = read(folder / BEFORE), read(folder / AFTER)
    learned = sft.about(train).get("frames") or {} if train is not None else {}
    dataset = sft.about(data).get("dataset") or {}
    fit = frame_check(gold, after, family_of(test)) if any(f.box is not None for each in gold for f in each.findings) else None
    gate = decide(
        gold,
        before,
        after,
        named_metric=metric,
        frame_check=fit,
        dataset=str(dataset.get("digest") or dataset.get("name") or ""),
        learned_frames=frozenset(learned),
        learned_scenes=frozenset(int(known["scene"]) for known in learned.values() if known.get("scene") is not None),
        bars=bars_of(profile),
    )
    return {"dataset": dataset, "comparison": compare(gold, before, after), "gate": gate.told()}
