"""How a model is taught: every number that decides what is learned, checked before anything is loaded. It teaches nothing."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from core.errors import TrainingError

Method = Literal["sft", "dpo", "kto", "grpo"]
REPORTS = ("tensorboard", "mlflow", "wandb")
FEWEST, FEWEST_COMPACT = 300, 20
"""Reviewed frames below which a training is not begun unless the recipe says so: a hub model of billions of numbers gains more from the
prompt, the rules and the calibrator; the compact one of 3.6 million has been seen to gain from a few dozen."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what is learned. Those of `usual` follow the number of frames and the family; a person may say any of them otherwise."""

    method: Method = "sft"
    # what is changed
    rank: int = 16
    alpha: int = 32  # the adapter counts alpha / rank, with rslora alpha / sqrt(rank)
    rslora: bool = False  # arXiv 2312.03732
    dora: bool = False  # arXiv 2402.09353: a magnitude of its own for each output; slower
    dropout: float = 0.0  # of what goes into the adapter
    quantisation: Literal["none", "nf4"] = "none"  # of the base, arXiv 2305.14314; answer with the same one
    language: bool = True
    vision: bool = False
    merger: bool = False  # what stands between both
    attention: bool = True
    mlp: bool = True
    # how
    rate: float = 1e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.05  # share of all steps
    decay: float = 0.0
    clip: float = 1.0  # norm of all gradients
    epochs: float = 3.0
    most_steps: int = 0  # 0: as many as the epochs take
    batch: int = 2  # frames at once
    accumulation: int = 4  # batches a step
    bf16: bool = False  # autocast on a CPU; on a GPU it is always so
    gradient_checkpointing: bool = True  # a third slower, a fraction of the memory
    seed: int = 7
    threads: int = 1  # of the CPU
    least_frames: int = FEWEST
    # what an answer counts
    class_weights: bool = False  # frames with rare words count up to four times
    neighbours: float = 0.0  # sigma, in the family's steps, by which a coordinate's target is spread over its neighbours; 0: not at all
    # preferences (dpo, kto) and rewards (grpo)
    beta: float = 0.1  # how dear it is to leave the model one began with
    anchor: float = 1.0  # weight of the plain loss on the chosen answer beside dpo's
    good: float = 1.0  # kto: weight of answers that are good
    bad: float = 1.0  # and of those that are not
    generations: int = 4  # grpo: answers to each question
    temperature: float = 1.0  # grpo: with which they are drawn
    longest_answer: int = 0  # grpo: tokens; 0: as many as the model's folder says
    # what is kept and told
    save_every: int = 50  # steps
    log_every: int = 1
    report_to: tuple[str, ...] = ()  # tensorboard, mlflow, wandb

    def __post_init__(self) -> None:
        """Raises TrainingError with the first number that cannot be."""
        for name, low, high in _BOUNDS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise TrainingError(f"The recipe's {name} is {value:g}; it must lie between {low:g} and {high:g}.")
        if not (self.language or self.vision or self.merger):
            raise TrainingError("The recipe changes nothing: switch on one of language, vision and merger.")
        if not (self.attention or self.mlp) and not self.merger:
            raise TrainingError("The recipe changes nothing of the layers: switch on attention or mlp.")
        if self.method == "grpo" and (self.batch * self.accumulation) % self.generations:
            raise TrainingError(
                f"The recipe's batch x accumulation ({self.batch * self.accumulation}) must be a multiple of generations ({self.generations})."
            )
        unknown = [name for name in self.report_to if name not in REPORTS]
        if unknown:
            raise TrainingError(f'The recipe cannot report to "{unknown[0]}". There are: {", ".join(REPORTS)}.')
        if (self.class_weights or self.neighbours) and self.method != "sft":
            raise TrainingError("class_weights and neighbours belong to the method sft; take them out of the recipe.")

    @property
    def digest(self) -> str:
        """Twelve hex digits that change with every number."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        """Name to value, as `recipe_of` takes it."""
        return {**asdict(self), "report_to": list(self.report_to)}


_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("rank", 1, 512), ("alpha", 1, 4096), ("dropout", 0, 0.9), ("rate", 1e-8, 1), ("warmup", 0, 0.9), ("decay", 0, 1), ("clip", 1e-3, 1e3),
    ("epochs", 0.01, 1000), ("most_steps", 0, 10**7), ("batch", 1, 256), ("accumulation", 1, 1024), ("seed", 0, 2**31), ("threads", 1, 256),
    ("least_frames", 1, 10**7), ("neighbours", 0, 5), ("beta", 1e-4, 10), ("anchor", 0, 100), ("good", 0, 100), ("bad", 0, 100),
    ("generations", 2, 64), ("temperature", 0.01, 5), ("longest_answer", 0, 100_000), ("save_every", 1, 10**6), ("log_every", 1, 10**6),
)  # fmt: skip


def usual(frames: int, family: str, method: str = "sft") -> dict[str, Any]:
    """What is usual for so many reviewed frames of a model family.

    Hub models: rank 16 below 1,000 frames, 32 from there on, alpha twice that, all linear layers of the language model, eyes
    frozen, rate 1e-4, cosine, 3 epochs below 1,000 and 2 from there on, 8 to 16 frames a step. The compact model: found by trial
    (`bench/training.py`): it has few numbers, so it takes a rate ten times as high, and eyes and merger learn with the rest.
    """
    many = frames >= 1000
    if family == "compact":
        shared: dict[str, Any] = {
            "rank": 32, "alpha": 32, "rate": 2e-3, "vision": True, "merger": True, "batch": 8, "accumulation": 1, "epochs": 3.0 if many else 8.0,
            "gradient_checkpointing": False, "bf16": True, "neighbours": 1.0, "least_frames": FEWEST_COMPACT, "warmup": 0.1,
        }  # fmt: skip
    else:
        rank = 32 if many else 16
        shared = {"rank": rank, "alpha": 2 * rank, "rate": 1e-4, "epochs": 2.0 if many else 3.0, "accumulation": 8 if many else 4}
    if method != "sft":
        shared |= {"rate": shared["rate"] / 10, "epochs": 1.0}
        shared.pop("neighbours", None)
    if method == "grpo":
        shared |= {"beta": 0.04, "batch": 4, "accumulation": 2}
    return {"method": method, **shared}


def recipe_of(given: Mapping[str, Any], *, frames: int, family: str) -> Recipe:
    """What a person asked for, and for the rest what is usual. Raises TrainingError for a key or a value that cannot be."""
    kinds = get_type_hints(Recipe)
    for name, value in given.items():
        if name not in kinds:
            raise TrainingError(f'A recipe has no "{name}". It has: {", ".join(each.name for each in fields(Recipe))}.')
        if not _fits(value, kinds[name]):
            raise TrainingError(f"The recipe's {name} cannot be {value!r}; it is {_kind_in_words(kinds[name])}.")
    asked = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    made = {**usual(frames, family, str(asked.get("method", "sft"))), **asked}
    if "rank" in asked and "alpha" not in asked:
        made["alpha"] = asked["rank"] * (1 if family == "compact" else 2)
    return Recipe(**made)


def read(path: Path) -> dict[str, Any]:
    """What a person asked for in a TOML or JSON file. Raises TrainingError."""
    try:
        text = path.read_text("utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError as error:
        raise TrainingError(f"There is no recipe {path.name} here.") from error
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path.name} cannot be read as {'JSON' if path.suffix == '.json' else 'TOML'}: {error}.") from error
    if not isinstance(found, dict):
        raise TrainingError(f"{path.name} is no table of names and values.")
    return found


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in (int, float, bool):
        return isinstance(value, bool) == (kind is bool) and isinstance(value, int | float if kind is float else kind)
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _kind_in_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "a list of names")
