"""A plant with a record of its own: frames come in, a model looks at them, the scripted annotator corrects. What the product does, without a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotations.desk import Desk
from annotations.freezing.frozen import Part
from annotations.freezing.sets import Datasets
from annotations.picking.drawn import Picking
from annotations.store import FILE, Store
from bench.flywheel.annotator import told
from bench.flywheel.new_bench import Shot
from core.backends.folder import read_folder
from core.backends.worker import Worker
from core.eyes import Eyes
from core.frames import Vault
from core.looking_at import looker
from core.profile import Profile
from core.prompts import build

AT_ONCE = 8
"""Frames that are asked about at the same time: a batch of the model."""

POOL, EXAM = "pool", "exam"
EXAM_SHARES: Mapping[Part, float] = {"train": 0.02, "test": 0.98}
"""A set has to have something that teaches; these few frames teach in every round of every arm."""

ANNOTATOR, AUDITOR = "annotator", "auditor"


@dataclass(frozen=True, slots=True)
class Plant:
    """A record, and the truth of each of its frames, which only the scripted annotator looks at."""

    folder: Path
    profile: Profile
    model: Path
    store: Store
    vault: Vault
    eyes: Eyes
    shots: Mapping[str, Shot]  # by frame id

    def receive(self, shots: Sequence[Shot], source: str) -> list[str]:
        """Take frames in; their ids."""
        desk = Desk(self.store, self.vault, self.profile)
        return [desk.receive(shot.jpeg, shot.name, by="camera", source=source).id for shot in shots]

    def audit(self, frames: Sequence[str]) -> None:
        """The truth of frames that nobody picked, said without a look at any model."""
        desk = Desk(self.store, self.vault, self.profile)
        for frame_id in frames:
            desk.correct(told(frame_id, self.shots[frame_id], AUDITOR))

    def picking(self) -> Picking:
        """What draws from this record."""
        return Picking(self.store, self.vault, self.profile, self.eyes, self.eyes.id)

    def examine(self, name: str, by: str) -> None:
        """Freeze what was audited as the frames that judge, for good."""
        Datasets(self.store, self.vault, self.profile, look=self.picking().prints).freeze(
            name, by=by, shares=EXAM_SHARES, keep_test_of=None
        )

    @contextmanager
    def speaking(self, adapter: Path | None) -> Iterator[Desk]:
        """A desk whose model answers with an adapter, or as it ships."""
        worker = Worker(read_folder(self.model), threads=1)
        try:
            worker.switch(adapter)
            prompt = build(self.profile, worker.prompt_style, worker.box_format)
            yield Desk(self.store, self.vault, self.profile, looker(worker, self.profile), worker.model, prompt.id)
        finally:
            worker.close()

    def assess(self, desk: Desk, frames: Sequence[str]) -> None:
        """What the desk's model says of each frame."""
        with ThreadPoolExecutor(AT_ONCE) as hands:
            for _ in hands.map(desk.assess, frames):
                pass

    def correct(self, desk: Desk, frames: Sequence[str]) -> None:
        """The annotator, who sees what the desk's model proposed, says what is true."""
        for frame_id in frames:
            desk.correct(told(frame_id, self.shots[frame_id], ANNOTATOR, saw_model=desk.model))


@contextmanager
def plant(folder: Path, profile: Profile, model: Path, shots: Mapping[str, Shot]) -> Iterator[Plant]:
    """Open a plant's record; it is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    with Store(folder / FILE) as store, Eyes(read_folder(model)) as eyes:
        yield Plant(folder, profile, model, store, Vault(folder), eyes, shots)
