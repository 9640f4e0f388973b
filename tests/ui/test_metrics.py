"""Every kind of fault moves a number of its own, and no number tells who or what."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.backends.scripted import Scripted
from core.errors import ModelError, ModelLost, ModelSilent
from core.frames import Limits, admit
from core.inspection import inspect_frame
from core.patience import Patience
from core.schema import Assessment, Frame
from tests.makers import NOON, jpeg
from tests.ui.answering import PROFILE, REPLY
from ui.metrics import Metrics, disk_gauges

CONTENT = jpeg(64, 48)
FRAME = admit(CONTENT, "li.jpg", limits=Limits(), now=NOON)


def numbers(metrics: Metrics) -> dict[str, float]:
    """Everything but the sizes of this process."""
    lines = [line for line in metrics.text().decode().splitlines() if line.startswith("gembalens_") and "process" not in line]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def asked(reply: object, metrics: Metrics) -> None:
    text = reply if isinstance(reply, str) else json.dumps(reply)
    backend = Scripted("scripted:test", {"*": (text, ())})

    def inspect(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        return inspect_frame(frame, content, backend, PROFILE, patience, metrics.watch)

    metrics.counting(inspect)(FRAME, CONTENT, None)


WRONG_BOX = {**REPLY, "findings": [{"box": [500, 500, 100, 100], "label": "hammer"}, {"box": [1, 2], "label": "bolt"}]}


@pytest.mark.parametrize(
    ("reply", "moved"),
    [
        (REPLY, {'assessments_total{level="none"}': 1}),
        ({**REPLY, "risk": "high"}, {'assessments_total{level="high"}': 1}),
        ("Sorry.", {'assessments_total{level="undetermined"}': 1, "invalid_replies_total": 1, "dropped_parts_total": 1}),
        (
            WRONG_BOX,
            {'assessments_total{level="undetermined"}': 1, "dropped_boxes_total": 2, "dropped_parts_total": 3, "invalid_replies_total": 1},
        ),
    ],
    ids=["nothing wrong", "a level", "no reply", "boxes that are none"],
)
def test_what_came_out_is_counted_by_what_it_was(reply: object, moved: dict[str, float]) -> None:
    metrics = Metrics()
    before = numbers(metrics)
    asked(reply, metrics)
    after = numbers(metrics)
    changed = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    counted = {name: n for name, n in changed.items() if "stage_seconds" not in name and "_created" not in name}
    assert counted == {f"gembalens_{name}": n for name, n in moved.items()}
    assert {f'gembalens_stage_seconds_count{{stage="{stage}"}}' for stage in ("decode", "wait", "model", "read")} <= set(changed)


@pytest.mark.parametrize("kind", [ModelError, ModelLost, ModelSilent])
def test_a_model_that_fails_is_counted_by_kind_and_fails_all_the_same(kind: type[ModelError]) -> None:
    metrics = Metrics()

    def fails(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        raise kind("Out.")

    with pytest.raises(kind):
        metrics.counting(fails)(FRAME, CONTENT, None)
    assert numbers(metrics)[f'gembalens_model_errors_total{{kind="{kind.__name__}"}}'] == 1


def test_gauges_are_asked_at_each_reading_and_what_is_not_there_is_no_number(tmp_path: Path) -> None:
    depth = [3.0]
    metrics = Metrics({"queue_depth": ("Waiting.", lambda: depth[0]), **disk_gauges(tmp_path, "record")})
    assert numbers(metrics)["gembalens_queue_depth"] == 3
    depth[0] = 5
    (tmp_path / "record").write_bytes(b"12345")
    said = numbers(metrics)
    assert (said["gembalens_queue_depth"], said["gembalens_record_bytes"]) == (5, 5)
    assert said["gembalens_record_log_bytes"] != said["gembalens_record_log_bytes"], "NaN: there is no log"
    assert said["gembalens_disk_free_bytes"] > 0


def test_two_houses_in_a_process_count_apart_and_nobody_is_named() -> None:
    one, other = Metrics(), Metrics()
    asked("Sorry.", one)
    assert numbers(other)["gembalens_invalid_replies_total"] == 0
    text = one.text().decode()
    assert "li.jpg" not in text
    assert not re.search("[0-9a-f]{64}", text)
