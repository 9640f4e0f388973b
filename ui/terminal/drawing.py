"""`launch.py queue`: its flags, and what it prints. Asks the verbs of `annotations.picking.drawn`; it measures nothing itself.

queue draw --budget N [--policy NAME | --mix SAMPLER=SHARE ...]   make tasks of frames that wait; the server must be stopped
queue list                                                       draws, and how far people are with them
queue look                                                       prints, scenes and vectors for frames that have none; the server must be stopped
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ui.wire import to_json

BY = "terminal"
"""Who drew, in the record: whoever can log in to this machine."""

_AT_ONCE = 500  # frames between two lines of progress


class Picking(Protocol):
    """The verbs of `annotations.picking.drawn.Picking` that are asked here."""

    @property
    def policies(self) -> Mapping[str, Mapping[str, float]]: ...
    @property
    def eyes_id(self) -> str: ...
    def look(self, limit: int) -> Any: ...
    def wanting(self) -> tuple[int, int]: ...
    def draw(self, budget: int, policy: str, mix: Mapping[str, float] | None, *, by: str, seed: int | None) -> Any: ...
    def draws(self, limit: int) -> Sequence[Any]: ...


def arguments(verbs: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Adds `queue` to the verbs of `launch.py`. The parser, so that its verb can be set."""
    text = "let the queue choose which frames people look at next: draw, list, look"
    made: argparse.ArgumentParser = verbs.add_parser("queue", help=text, description=f"{text[0].upper()}{text[1:]}.")
    acts = made.add_subparsers(metavar="VERB", required=True, dest="act")

    def act(name: str, text: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = acts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
        one.add_argument("--json", action="store_true", help="as JSON")
        return one

    one = act("draw", "draw frames and make them tasks, which come before all else that waits; the server must be stopped")
    one.add_argument("--budget", metavar="N", type=_whole, required=True, help="how many frames")
    by_what = one.add_mutually_exclusive_group()
    by_what.add_argument("--policy", metavar="NAME", default="usual", help="a mix that has a name (default %(default)s)")
    by_what.add_argument("--mix", metavar="SAMPLER=SHARE", nargs="+", type=_part, help="samplers and their shares, of any sum")
    one.add_argument("--seed", metavar="N", type=_whole, help="the same record and seed give the same draw (default: by chance)")
    act("list", "the draws, and how far people are with them")
    one = act("look", "work out prints, scenes and vectors for frames that have none; the server must be stopped")
    one.add_argument("--limit", metavar="N", type=_whole, default=100_000, help="frames at most (default %(default)s)")
    return made


def answer(asked: argparse.Namespace, picking: Picking) -> int:
    """Do what was asked and tell."""
    if asked.act == "draw":
        made = picking.draw(asked.budget, asked.policy, dict(asked.mix) if asked.mix else None, by=BY, seed=asked.seed)
        print(json.dumps(to_json(made), ensure_ascii=False) if asked.json else line(made))
        return 0
    if asked.act == "list":
        for each in picking.draws(1000):
            print(json.dumps(to_json(each), ensure_ascii=False) if asked.json else line(each))
        return 0
    return _look(asked, picking)


def line(drawn: Any) -> str:
    """A draw as a line."""
    mix = ", ".join(f"{name} {share:g}" for name, share in drawn.mix.items())
    head = f"draw {drawn.number}  {drawn.at:%Y-%m-%d %H:%M} UTC  by {drawn.by}  {drawn.policy} ({mix})"
    return f"{head}: {drawn.tasks} of {drawn.pool} frames, {drawn.done} done"


def _look(asked: argparse.Namespace, picking: Picking) -> int:
    """0; 1 when frames could not be read."""
    prints = vectors = unreadable = 0
    while prints + unreadable < asked.limit or vectors < asked.limit:
        found = picking.look(min(_AT_ONCE, asked.limit - min(prints, vectors)))
        prints, vectors, unreadable = prints + found.prints, vectors + found.vectors, found.unreadable
        if not found.prints and not found.vectors:
            break
        if sys.stderr.isatty():
            print(f"\r{prints} prints, {vectors} vectors", end="", file=sys.stderr, flush=True)
    eyes = picking.eyes_id or None
    told = {"prints": prints, "vectors": vectors, "unreadable": unreadable, "eyes": eyes}
    said = f"{prints} prints, {vectors} vectors" + ("" if eyes else " (no model here can see alone)")
    print(json.dumps(told) if asked.json else f"{said}; {unreadable} frames could not be read")
    return 1 if unreadable else 0


def _whole(said: str) -> int:
    if not said.isascii() or not said.isdecimal() or int(said) < 1:
        raise argparse.ArgumentTypeError(f"{said!r} is not a whole number from 1 on")
    return int(said)


def _part(said: str) -> tuple[str, float]:
    name, _, share = said.partition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not name or not 0 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"{said!r} is not a sampler and its share, such as risk=0.5")
    return name, value
