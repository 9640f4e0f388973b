"""One arm of the circle: round after round a model meets the pool, a policy picks, the annotator corrects, a set is frozen, an adapter is taught,
the gate compares, and what passed goes live. Every step is the product's own verb."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from annotations.augmented import add_further
from annotations.datasets import export_dataset
from annotations.freezing.frozen import Part
from annotations.freezing.sets import Datasets
from annotations.learning.adapters import Adapters
from annotations.learning.efficiency import CONTROL
from annotations.learning.promotions import FOLDER
from annotations.picking.drawn import Picking
from bench.flywheel.annotator import SECONDS_A_FRAME
from bench.flywheel.plant import EXAM, POOL, Plant
from core.augmenting.plan import Plan
from core.training import job

LEAD = "lead"
SHARES: Mapping[Part, float] = {"train": 0.99, "test": 0.01}
"""The exam keeps its frames; whatever is labelled afterwards teaches."""

CHANGES = ("brightness", "contrast", "noise", "mirror")
"""What a frame undergoes: a bench seen from above may be mirrored."""

NAMED = "field_f1"
"""The metric on which an adapter has to be better, named before anything was measured."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is played."""

    rounds: int = 5
    labels: int = 40  # of a round
    pool: int = 600  # frames that nobody labelled
    exam: int = 240  # frames by which every adapter is judged
    further: int = 2  # augmented frames of each label
    epochs: float = 3.0  # over labels and further frames
    rate: float = 3e-3
    seed: int = 1


@dataclass(slots=True)
class Round:
    """What a round gave."""

    policy: str
    number: int
    labels: int  # so far
    hours: float  # of the annotator, booked
    high: int  # frames of high risk among all labels so far
    figures: Mapping[str, Any]  # of the adapter of this round, by the exam
    before: Mapping[str, Any]  # of what was in use when it was taught
    gate: Mapping[str, Any]
    promoted: bool
    pairs: int  # preference pairs in the set
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arm:
    """A plant and the policy by which its frames are picked."""

    plant: Plant
    policy: str
    size: Size
    profile_file: Path
    picking: Picking
    sets: Datasets
    adapters: Adapters

    def play(self, tell: Callable[[str], None]) -> Iterator[Round]:
        """All rounds. The plant's record holds pool and exam already, the exam's truth too."""
        high = 0
        for number in range(1, self.size.rounds + 1):
            clock = _Clock()
            speaks = self._speaks()
            chosen = self._pick(number, speaks, clock)
            high += sum(self.plant.shots[frame_id].judged.level == "high" for frame_id in chosen)
            name = f"{self.policy}-{number}"
            with clock("freezing and writing the set"):
                data = self._freeze(name, EXAM if number == 1 else f"{self.policy}-{number - 1}")
            with clock("teaching and judging"):
                report = self._teach(name, data, speaks)
            labels = number * self.size.labels
            tell(f"{self.policy}, round {number}: {labels} labels, {report['gate']['words']}")
            yield Round(
                policy=self.policy,
                number=number,
                labels=labels,
                hours=labels * SECONDS_A_FRAME / 3600,
                high=high,
                figures=figures_of(report["comparison"]["after"]),
                before=figures_of(report["comparison"]["before"]),
                gate=report["gate"],
                promoted=bool(report["gate"]["passed"]),
                pairs=(data / "train" / "dpo.trl.jsonl").read_bytes().count(b"\n"),
                seconds=clock.seconds,
            )

    def _speaks(self) -> Path | None:
        """Where the adapter lies that answers now; None: the model as it ships."""
        live = self.adapters.live()
        return self.plant.folder / FOLDER / live.folder if live else None

    def _pick(self, number: int, speaks: Path | None, clock: _Clock) -> list[str]:
        """Ask the model about what waits, draw, correct; the ids of what was corrected. Who draws blindly needs no look of the model."""
        with self.plant.speaking(speaks) as desk:
            if self.policy != CONTROL:
                with clock("asking about the pool"):
                    self.plant.assess(desk, unlabelled(self.plant))
            with clock("drawing"):
                self.picking.look()
                seed = 100 * self.size.seed + number
                drawn = self.picking.draw(self.size.labels, self.policy, by=LEAD, seed=seed, blind=0.0, double=0.0)
            chosen = [task.frame_id for task in self.picking.tasks(drawn.number)]
            with clock("correcting"):
                self.plant.assess(desk, chosen)
                self.plant.correct(desk, chosen)
        return chosen

    def _freeze(self, name: str, judged_by: str) -> Path:
        """Freeze what is labelled, write it, add further frames of what teaches; the folder."""
        self.sets.freeze(name, by=LEAD, shares=SHARES, keep_test_of=judged_by)
        data = self.plant.folder / "sets" / name
        export_dataset(self.plant.store, self.plant.vault, self.plant.profile, name, data, family="compact")
        if self.size.further:
            add_further(data, Plan(CHANGES, times=self.size.further, seed=self.size.seed), self.plant.profile)
        return data

    def _teach(self, name: str, data: Path, speaks: Path | None) -> Mapping[str, Any]:
        """Teach an adapter, hold it against what is in use, let it speak if it passed; the report. Raises RuntimeError for a training that broke off."""
        place = self.plant.folder / "trainings" / name
        given = {"epochs": self.size.epochs, "rate": self.size.rate, "seed": self.size.seed, "bf16": True, "log_every": 20}
        job.prepare(place, given, base=self.plant.model, data=data, profile_file=self.profile_file, against=speaks, by=LEAD, metric=NAMED)
        self._answered_before(place, speaks)
        state = job.run(place)
        if state.phase != "done":
            raise RuntimeError(f"the training {name} ended as {state.phase}: {state.error}")
        report: Mapping[str, Any] = orjson.loads((place / "report.json").read_bytes())
        self.adapters.register(place, by=LEAD, name=name)
        if report["gate"]["passed"]:
            self.adapters.promote(name, by=LEAD, why=report["gate"]["words"])
        return report

    def _answered_before(self, place: Path, speaks: Path | None) -> None:
        """What is in use was asked about the exam when it was taught, or when the round before was played: it is not asked again."""
        trained = self.plant.folder / "trainings"
        of_it = [trained / speaks.name / "after.jsonl"] if speaks else sorted(trained.glob("*-1/before.jsonl"))
        for known in of_it[:1]:
            if known.is_file():
                shutil.copyfile(known, place / "before.jsonl")


def arm(plant: Plant, policy: str, size: Size, profile_file: Path) -> Arm:
    """An arm over a plant."""
    picking = plant.picking()
    sets = Datasets(plant.store, plant.vault, plant.profile, look=picking.prints)
    return Arm(plant, policy, size, profile_file, picking, sets, Adapters(plant.store, plant.folder / FOLDER))


def unlabelled(plant: Plant) -> list[str]:
    """Frames of the pool that nobody has corrected."""
    with plant.store.reading() as connection:
        found = connection.execute(
            "SELECT f.id FROM frames f JOIN frame_states s ON s.frame = f.seq WHERE s.revision = 0 AND f.source = ? ORDER BY f.seq", (POOL,)
        ).fetchall()
    return [row["id"] for row in found]


def figures_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that are followed, each with value, low, high and n."""
    every = told["fields"]["all"]
    return {
        "field_accuracy": every["accuracy"],
        "field_f1": every["macro_f1"],
        "box_f1": told["boxes"]["f1"],
        "risk_recall": told["risk"]["high_recall"],
        "valid_json": told["valid_json"],
    }


class _Clock:
    """Adds up where the seconds go."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + round(time.monotonic() - began, 1)
