"""Step 9: what is learned from corrections: which frames were drawn and with what probability, frozen data sets, adapters, gates, promotions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database

from annotations.steps.tables import create, only_growing

FRAME = [("frame", "frames", "seq")]

OF_FRAMES: Mapping[str, str] = {"tasks": "frame", "dataset_frames": "frame"}
"""What only grows and goes with an erased frame: the column of its frame."""

OF_PEOPLE: Mapping[str, str] = {"draws": "who", "datasets": "who", "adapters": "who", "gates": "who", "promotions": "who"}
"""What only grows and names who did it: that column."""

LOOKS = ("prints", "scenes", "embeddings")
"""What follows from a frame's pixels; may be thrown away and worked out again."""


def what_is_learned(db: Database) -> None:
    """Looks of frames, draws of the queue, frozen sets, the registry of adapters and who let which one speak."""
    _looks(db)
    _draws(db)
    _frozen(db)
    _registry(db)
    for table, frame in OF_FRAMES.items():
        _may_go_with_its_frame(db, table, frame)
    for table, person in OF_PEOPLE.items():
        _may_lose_a_name(db, table, person)


def _looks(db: Database) -> None:
    """Perceptual hash, the scene that a frame belongs to (the number of its first frame), and vectors of a model's eyes."""
    create(db, "prints", {"frame": int, "phash": int}, pk="frame", foreign_keys=FRAME)  # phash: 64 bits, as a signed number
    create(db, "scenes", {"frame": int, "scene": int}, pk="frame", foreign_keys=FRAME).create_index(["scene"], "scenes_by_scene")
    vectors = {"frame": int, "eyes": str, "vector": bytes}  # vector: float16, little-endian, of length 1
    create(db, "embeddings", vectors, pk=("eyes", "frame"), foreign_keys=FRAME).create_index(["frame"], "embeddings_by_frame")


def _draws(db: Database) -> None:
    """A draw, and the tasks that it made: of each the probability with which this draw would have taken it."""
    drawn = {"seq": int, "policy": str, "seed": int, "pool": int, "budget": int, "body": str, "who": str, "at": str}
    create(db, "draws", drawn, pk="seq")
    task = {"seq": int, "draw": int, "frame": int, "inclusion": float, "kind": str, "sampler": str, "score": float, "why": str}
    tasks = create(db, "tasks", task, pk="seq", foreign_keys=[*FRAME, ("draw", "draws", "seq")])  # kind: plain, blind or double
    tasks.create_index(["draw", "frame"], "tasks_once", unique=True)
    tasks.create_index(["frame"], "tasks_by_frame")
    only_growing(db, "draws")
    only_growing(db, "tasks", "seq = NEW.seq OR (draw = NEW.draw AND frame = NEW.frame)")
    _open_tasks(db)


def _open_tasks(db: Database) -> None:
    """What of the tasks nobody has corrected yet, in their order, so that the next one is found without a look at those that are done. Follows from both."""
    waiting = create(db, "open_tasks", {"task": int, "frame": int, "kind": str}, pk="task", foreign_keys=[*FRAME, ("task", "tasks", "seq")])
    waiting.create_index(["frame"], "open_tasks_by_frame", unique=True)
    nobody = "NOT EXISTS (SELECT 1 FROM corrections c WHERE c.frame = NEW.frame)"
    into = "INSERT OR IGNORE INTO open_tasks (task, frame, kind) VALUES (NEW.seq, NEW.frame, NEW.kind)"
    db.execute(f"CREATE TRIGGER tasks_open AFTER INSERT ON tasks WHEN {nobody} BEGIN {into}; END")
    db.execute("CREATE TRIGGER tasks_done AFTER INSERT ON corrections BEGIN DELETE FROM open_tasks WHERE frame = NEW.frame; END")
    db.execute("CREATE TRIGGER tasks_gone BEFORE DELETE ON tasks BEGIN DELETE FROM open_tasks WHERE task = OLD.seq; END")


def _frozen(db: Database) -> None:
    """A data set: its frames, the corrections that say what is true of them, and the part that each is in."""
    made = {"seq": int, "name": str, "digest": str, "profile": str, "frames": int, "note": str, "body": str, "who": str, "at": str}
    datasets = create(db, "datasets", made, pk="seq")
    datasets.create_index(["digest"], "datasets_by_digest")
    datasets.create_index(["name"], "datasets_by_name", unique=True)
    parts = {"seq": int, "dataset": int, "frame": int, "correction": int, "part": str, "scene": int}  # part: train, validation or test
    keys = [*FRAME, ("dataset", "datasets", "seq"), ("correction", "corrections", "seq")]
    held = create(db, "dataset_frames", parts, pk="seq", foreign_keys=keys)
    held.create_index(["dataset", "frame"], "dataset_frames_once", unique=True)
    held.create_index(["correction", "dataset"], "dataset_frames_by_correction")
    held.create_index(["frame"], "dataset_frames_by_frame")
    only_growing(db, "datasets", "seq = NEW.seq OR name = NEW.name")
    only_growing(db, "dataset_frames", "seq = NEW.seq OR (dataset = NEW.dataset AND frame = NEW.frame)")


def _registry(db: Database) -> None:
    """Adapters, what the gate said of them, and which one speaks (the last promotion; without an adapter: the base alone)."""
    known = {"seq": int, "name": str, "fingerprint": str, "base": str, "dataset": int, "recipe": str, "metrics": str, "folder": str}
    known |= {"who": str, "at": str}
    adapters = create(db, "adapters", known, null=("dataset",), pk="seq", foreign_keys=[("dataset", "datasets", "seq")])
    adapters.create_index(["name"], "adapters_by_name", unique=True)
    adapters.create_index(["fingerprint"], "adapters_by_fingerprint", unique=True)
    adapters.create_index(["dataset"], "adapters_by_dataset")
    said = {
        "seq": int,
        "adapter": int,
        "against": str,
        "passed": int,
        "body": str,
        "who": str,
        "at": str,
    }  # against: id of the model in use
    create(db, "gates", said, pk="seq", foreign_keys=[("adapter", "adapters", "seq")]).create_index(["adapter"], "gates_by_adapter")
    let = {"seq": int, "adapter": int, "gate": int, "why": str, "who": str, "at": str}
    keys = [("adapter", "adapters", "seq"), ("gate", "gates", "seq")]
    create(db, "promotions", let, null=("adapter", "gate"), pk="seq", foreign_keys=keys)
    only_growing(db, "adapters", "seq = NEW.seq OR name = NEW.name OR fingerprint = NEW.fingerprint")
    only_growing(db, "gates")
    only_growing(db, "promotions")


def _may_go_with_its_frame(db: Database, table: str, frame: str) -> None:
    refuse = f"SELECT RAISE(ABORT, '{table} only grow: a row is never changed, removed or replaced')"
    going = f"EXISTS (SELECT 1 FROM erasing WHERE frame = OLD.{frame})"  # noqa: S608 - names of this file
    db.execute(f"DROP TRIGGER {table}_no_delete")
    db.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT {going} BEGIN {refuse}; END")


def _may_lose_a_name(db: Database, table: str, person: str) -> None:
    refuse = f"SELECT RAISE(ABORT, '{table} only grow: a row is never changed, removed or replaced')"
    others = ", ".join(column.name for column in db.table(table).columns if column.name != person)
    leaving = f"EXISTS (SELECT 1 FROM erasing WHERE person = OLD.{person})"  # noqa: S608 - names of this file
    db.execute(f"DROP TRIGGER {table}_no_update")
    db.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OF {others} ON {table} BEGIN {refuse}; END")
    db.execute(f"CREATE TRIGGER {table}_no_rename BEFORE UPDATE OF {person} ON {table} WHEN NOT {leaving} BEGIN {refuse}; END")
