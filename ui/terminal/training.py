"""`launch.py train`: begins a training, tells how it goes, and what there is. Teaches nothing; the trainings that it is handed do.

train SET [--base NAME] [--method sft] [--recipe FILE] [--set NAME=VALUE ...] [--against ADAPTER] [--metric NAME] [--name NAME] [--detach]
train list | show ID | cancel ID [--now] | resume ID [--detach]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import Malformed, SettingsError
from ui.trainings import Places, Trainings

BY = "terminal"
"""Who did it: whoever can log in to this machine."""

VERBS = ("list", "show", "cancel", "resume")
METHODS = ("sft", "dpo", "kto", "grpo")
_BLOCKS = " ▁▂▃▄▅▆▇█"
_EVERY_SECONDS = 0.5


def arguments(verbs: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Adds `train` to the verbs of `launch.py`. The parser, so that its verb can be set."""
    text = "teach a model by an exported set, measured before and after; or tell of trainings: list, show, cancel, resume"
    made: argparse.ArgumentParser = verbs.add_parser("train", help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
    made.add_argument("what", metavar="SET", help=f"an exported set, by name or folder; or one of: {', '.join(VERBS)}")
    made.add_argument("training", metavar="ID", nargs="?", help="of the training to show, cancel or resume")
    made.add_argument(
        "--base", default="", metavar="NAME", help="the model that learns, of the catalogue or a folder (default: the one in use)"
    )
    made.add_argument("--method", choices=METHODS, help="how it learns (default sft)")
    made.add_argument("--recipe", type=Path, metavar="FILE", help="TOML or JSON with what is to be otherwise than usual")
    made.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="NAME=VALUE", help="one number of the recipe; may be repeated"
    )
    made.add_argument(
        "--against", metavar="ADAPTER", help="the adapter in use, which the new one is measured against (default: the base alone)"
    )
    made.add_argument(
        "--metric", default="", metavar="NAME", help="in which it must be better; named before anything is measured (default field_f1)"
    )
    made.add_argument("--name", dest="training_name", default="", metavar="NAME", help="how the training and its adapter are called")
    made.add_argument("--detach", action="store_true", help="do not wait for its end; it goes on by itself")
    made.add_argument("--now", action="store_true", help="cancel at once; what came after the last checkpoint is lost")
    made.add_argument("--json", action="store_true", help="as JSON")
    return made


def answer(
    asked: argparse.Namespace,
    trainings: Trainings,
    places: Places,
    read_recipe: Callable[[Path], Mapping[str, Any]],
    as_json: Callable[[Any], dict[str, Any]],
) -> int:
    """Do what was asked and print it. 1: a training ended without its adapter."""
    if asked.what == "list":
        for each in trainings.list():
            print(json.dumps(as_json(each), ensure_ascii=False) if asked.json else line(each))
        return 0
    if asked.what in VERBS:
        if not asked.training:
            raise SettingsError(f"Say which training: `launch.py train {asked.what} ID`. `launch.py train list` names them.")
        if asked.what == "resume":
            return _followed(trainings.resume(asked.training), asked, trainings, as_json)
        told = trainings.one(asked.training) if asked.what == "show" else trainings.cancel(asked.training, now=asked.now)
        curve = trainings.curve(asked.training)
        print(json.dumps({**as_json(told), "curve": curve}, ensure_ascii=False) if asked.json else "\n".join(whole(told, curve)))
        return 0
    given = {**(read_recipe(asked.recipe) if asked.recipe else {}), **dict(map(_value, asked.sets))}
    if asked.method:
        given["method"] = asked.method
    against = places.adapter(asked.against) if asked.against else None
    data, base = places.data(asked.what), places.base(asked.base)
    begun = trainings.start(given, base, data, against, by=BY, metric=asked.metric, name=asked.training_name)
    return _followed(begun, asked, trainings, as_json)


def _followed(begun: Any, asked: argparse.Namespace, trainings: Trainings, as_json: Callable[[Any], dict[str, Any]]) -> int:
    """Tell how it goes until it ends. Ctrl-C cancels it after its step."""
    if not asked.detach:
        if not asked.json:
            print(f"{begun.id}: it goes on if this terminal is closed. Ctrl-C cancels it after the step it takes; then it can be resumed.")
        try:
            _watch(begun.id, trainings)
        except KeyboardInterrupt:
            trainings.cancel(begun.id)
            _watch(begun.id, trainings)
    told = trainings.one(begun.id)
    if asked.json:
        print(json.dumps(as_json(told), ensure_ascii=False))
    else:
        print("\n".join(whole(told, trainings.curve(begun.id))))
    return 0 if asked.detach or told.state.phase == "done" else 1


def _watch(name: str, trainings: Trainings) -> None:
    """One line that is written over, for a person who waits; nothing in a pipe."""
    shown = ""
    while (told := trainings.one(name)).running:
        if sys.stderr.isatty():
            now = line(told)
            print(f"\r{now}{' ' * max(0, len(shown) - len(now))}", end="", file=sys.stderr, flush=True)
            shown = now
        time.sleep(_EVERY_SECONDS)
    if shown:
        print(f"\r{' ' * len(shown)}\r", end="", file=sys.stderr, flush=True)


def line(told: Any) -> str:
    """A training in a line."""
    state = told.state
    parts = [f"{told.id:<28}", f"{state.phase:<10}"]
    if state.steps:
        parts.append(f"step {state.step} of {state.steps}")
    if state.loss is not None:
        parts.append(f"loss {state.loss:.3f}")
    if told.running and state.seconds_left is not None:
        parts.append(f"{duration(state.seconds_left)} left")
    if state.memory_peak is not None:
        parts.append(f"{state.memory_peak / 2**30:.1f} GiB at most")
    if told.gate is not None:
        parts.append("gate passed" if told.gate.get("passed") else "gate not passed")
    return "  ".join(parts)


def whole(told: Any, curve: Sequence[Mapping[str, Any]]) -> list[str]:
    """A training for a person who wants to know."""
    state = told.state
    out = [
        line(told),
        f"  {told.method} of {told.base} by {told.dataset}{f', beside {told.against}' if told.against else ''}; {told.by}, {told.at}",
    ]
    losses = [float(each["loss"]) for each in curve if each.get("loss") is not None]
    if losses:
        out.append(f"  loss  {sparks(losses)}  {losses[0]:.3f} -> {losses[-1]:.3f}")
    if state.memory_loaded is not None and state.adapter_bytes is not None:
        share = 100 * (state.adapter_share or 0)
        out.append(
            f"  memory  {(state.memory_start or 0) / 2**30:.2f} GiB before the model, {state.memory_loaded / 2**30:.2f} with it, "
            f"{(state.memory_peak or 0) / 2**30:.2f} at most; learning {share:.1f} % of its numbers takes {state.adapter_bytes / 2**30:.2f}"
        )
    if state.error:
        out.append(f"  {state.error}")
    if told.gate is not None:
        out.append(f"  {told.gate.get('words', '')}")
    if state.phase == "done":
        out.append(f"  Take it into the registry: `launch.py adapters register` with the folder of this training ({told.id}).")
    elif told.may_resume:
        out.append(f"  It can go on: `launch.py train resume {told.id}`.")
    return out


def sparks(values: Sequence[float], wide: int = 40) -> str:
    """A curve in a row of blocks.

    >>> sparks([3.0, 2.0, 1.0, 1.0])
    '█▅▁▁'
    """
    taken = [values[n * len(values) // min(wide, len(values))] for n in range(min(wide, len(values)))]
    low, high = min(taken), max(taken)
    return "".join(_BLOCKS[1 + round(7 * (value - low) / (high - low))] if high > low else _BLOCKS[1] for value in taken)


def duration(seconds: float) -> str:
    """In the two largest units.

    >>> duration(75), duration(4000), duration(9)
    ('1 min 15 s', '1 h 6 min', '9 s')
    """
    whole_seconds = round(seconds)
    hours, minutes = whole_seconds // 3600, whole_seconds % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole_seconds % 60} s" if minutes else f"{whole_seconds} s"


def _value(said: str) -> tuple[str, Any]:
    """`rank=16`, `vision=true`, `report_to=["tensorboard"]`; what is no JSON is a word."""
    name, equals, value = said.partition("=")
    if not equals or not name:
        raise Malformed(f'"{said[:60]}" is no NAME=VALUE of a recipe, such as rank=16.')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
