"""What Prometheus is told: numbers of this process, no name of a frame, a person or a folder. Counts and measures; decides nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from annotations.desk import Inspect, Patience
from annotations.keeping.manifest import age_seconds
from core.errors import AppError, ModelError
from core.schema import Assessment, Frame

CONTENT_TYPE = CONTENT_TYPE_LATEST
NO_BOX = "Not a box"  # how `core.parsing` begins the reason for which a box was dropped
UNREAD = "unparsed"  # the reason that `core.risk` gives for a reply that was not understood
SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
LEVELS = ("none", "low", "medium", "high", "undetermined")

Reading = Callable[[], float | None]
"""Asks for a number of this moment. None: there is none."""


class Metrics:
    """A registry of its own. `gauges`: name (behind gembalens_) -> what it means and how it is asked for; asked for at each reading."""

    def __init__(self, gauges: Mapping[str, tuple[str, Reading]] | None = None) -> None:
        self._registry = registry = CollectorRegistry()
        self._stages = Histogram(
            "gembalens_stage_seconds", "Seconds of a stage of an inspection.", ["stage"], buckets=SECONDS, registry=registry
        )
        self._assessments = Counter(
            "gembalens_assessments", "Answers of the model, by the level that came out.", ["level"], registry=registry
        )
        self._unread = Counter("gembalens_invalid_replies", "Replies of the model that could not be read.", registry=registry)
        self._boxes = Counter("gembalens_dropped_boxes", "Boxes of the model that are none.", registry=registry)
        self._dropped = Counter("gembalens_dropped_parts", "Parts of the model's replies that were not used, boxes too.", registry=registry)
        self._model = Counter("gembalens_model_errors", "Questions that the model did not answer, by kind.", ["kind"], registry=registry)
        self._refusals = Counter(
            "gembalens_refusals", "Requests, or frames of one, that were refused, by kind.", ["kind"], registry=registry
        )
        for level in LEVELS:
            self._assessments.labels(level)
        ProcessCollector(namespace="gembalens", registry=registry)
        for name, (meaning, reading) in (gauges or {}).items():
            Gauge(f"gembalens_{name}", meaning, registry=registry).set_function(_number(reading))

    def watch(self, stage: str, seconds: float) -> None:
        """A stage of an inspection is over (`core.inspection.Watch`)."""
        self._stages.labels(stage).observe(seconds)

    def counting(self, inspect: Inspect) -> Inspect:
        """The same model, its answers and errors counted."""

        def counted(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
            try:
                said = inspect(frame, content, patience)
            except ModelError as error:
                self._model.labels(type(error).__name__).inc()
                raise
            self._answered(said)
            return said

        return counted

    def refused(self, error: AppError) -> None:
        """A sentence went out in the place of what was asked for."""
        self._refusals.labels(type(error).__name__).inc()

    def broken(self) -> None:
        """A bug answered."""
        self._refusals.labels("bug").inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)

    def _answered(self, said: Assessment) -> None:
        self._assessments.labels(said.risk.level or "undetermined").inc()
        self._unread.inc(UNREAD in said.risk.reasons)
        self._dropped.inc(len(said.dropped))
        self._boxes.inc(sum(each.why.startswith(NO_BOX) for each in said.dropped))


def disk_gauges(data: Path, record: str) -> dict[str, tuple[str, Reading]]:
    """Free space where the data folder lies, the sizes of the record and of its write-ahead log, the age of the last backup."""

    def size(name: str) -> Reading:
        return lambda: float((data / name).stat().st_size) if (data / name).exists() else None

    return {
        "disk_free_bytes": ("Free space where the data folder lies.", lambda: float(shutil.disk_usage(data).free)),
        "record_bytes": ("Size of the record.", size(record)),
        "backup_age_seconds": (
            "Seconds since the moment of the last backup; not a number: there was never one.",
            lambda: age_seconds(data, datetime.now(UTC)),
        ),
        "record_log_bytes": ("Size of the record's write-ahead log.", size(f"{record}-wal")),
    }


def _number(reading: Reading) -> Callable[[], float]:
    def ask() -> float:
        found = reading()
        return float("nan") if found is None else found

    return ask
