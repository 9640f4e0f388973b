"""`launch.py dataset`: freeze, list, show and compare data sets, and look through an exported folder before a training. Asks and prints; it holds no rule.

launch.py dataset freeze NAME [--note WORDS] [--by scene|camera|day] [--shares .7,.1,.2] [--seed N] [--keep-test-of NAME | --anew]
launch.py dataset list · show NAME · compare A B
launch.py dataset check FOLDER [--thorough] [--looks]     exit code 1 when it must not teach
launch.py dataset further FOLDER [--times N] [--changes NAME,...] [--seed N]   further frames of an exported set, of what teaches alone
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ui.wire import to_json

if TYPE_CHECKING:
    from annotations.freezing.sets import Datasets

BY = "terminal"
"""Who froze it, in the record: whoever can log in to this machine."""

SHOWN = 10  # frames of a list, unless JSON is asked for
PARTS = ("train", "validation", "test")
LATEST = "latest"


Check = Callable[..., Sequence[Any]]
"""`core.preflight.checking.check` for a profile: folder, thorough and looks in, defects out."""


Further = Callable[[Path, Mapping[str, Any]], Any]
"""`annotations.augmented.add_further` for a profile: folder and plan in, how many were there and were made out."""

FOLDERS = ("check", "further")
"""Verbs that need no record."""


def arguments(verbs: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The verb and its own verbs; the parser, so that its verb can be set."""
    text = "frozen data sets: freeze what was reviewed, list, show, compare; check an exported folder before a training"
    top: argparse.ArgumentParser = verbs.add_parser("dataset", help=text, description=f"{text[0].upper()}{text[1:]}.")
    acts = top.add_subparsers(dest="act", metavar="VERB", required=True)

    def act(name: str, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = acts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
        made.add_argument("--json", action="store_true", help="as JSON")
        return made

    one = act("freeze", "fix every frame that may teach now, split into parts; the server must be stopped, or use its page")
    one.add_argument("name", metavar="NAME", help="letters, digits, dots and dashes")
    one.add_argument("--note", metavar="WORDS", default="", help="what it is for")
    one.add_argument(
        "--by", dest="by_what", choices=("scene", "camera", "day"), default="scene", help="what is never split (default scene)"
    )
    one.add_argument("--shares", metavar="T,V,T", type=_shares, help="of train, validation and test (default .7,.1,.2)")
    one.add_argument("--seed", metavar="N", type=_whole, default=0, help="another split of the same frames (default 0)")
    kept = one.add_mutually_exclusive_group()
    kept.add_argument("--keep-test-of", metavar="NAME", default=LATEST, help="the set whose test frames stay test (default: the latest)")
    kept.add_argument(
        "--anew", action="store_true", help="keep no test frames: models that learned from earlier sets cannot be judged by this one"
    )
    act("list", "all data sets, the latest first")
    act("show", "a data set: its parts, what they show, what leaks").add_argument("name", metavar="NAME")
    one = act("compare", "what is otherwise in the second of two data sets")
    one.add_argument("a", metavar="A")
    one.add_argument("b", metavar="B")
    one = act("check", "look through an exported folder for whatever must not teach; 1 when there is something")
    one.add_argument("folder", metavar="FOLDER", type=Path)
    one.add_argument("--thorough", action="store_true", help="decode every frame, not only those that nothing vouches for")
    one.add_argument("--looks", action="store_true", help="compare frames of different parts by their looks")
    one = act("further", "make further frames of an exported set: other light, another cut; of what teaches alone")
    one.add_argument("folder", metavar="FOLDER", type=Path)
    one.add_argument("--times", metavar="N", type=_whole, help="further frames of each frame (default 1)")
    one.add_argument("--changes", metavar="NAME,...", type=lambda said: tuple(said.split(",")), help="which (default: all but mirror)")
    one.add_argument("--seed", metavar="N", type=_whole, help="others of the same kind (default 0)")
    return top


def answer(asked: argparse.Namespace, sets: Datasets) -> int:
    """Freeze, list, show or compare, and print it."""
    if asked.act == "freeze":
        more: dict[str, Any] = {"note": asked.note, "by_what": asked.by_what, "seed": asked.seed}
        more |= {"keep_test_of": None if asked.anew else asked.keep_test_of} | ({"shares": asked.shares} if asked.shares else {})
        _out(asked, sets.freeze(asked.name, by=BY, **more), lambda made: [*_set_lines(made), *_leak_lines(sets.leaks(made.name))])
    elif asked.act == "list":
        found = sets.all()
        _out(
            asked,
            found,
            lambda some: [_line(each) for each in some] or ["There is no data set yet. Freeze one: launch.py dataset freeze NAME"],
        )
    elif asked.act == "show":
        made, verified = sets.one(asked.name), sets.verify(asked.name)
        balance, leaks = sets.balance(asked.name), sets.leaks(asked.name)
        whole = {"set": made, "verified": verified.words, "balance": balance, "leaks": leaks}
        _out(asked, whole, lambda _: [*_set_lines(made), verified.words, *_balance_lines(balance), *_leak_lines(leaks)])
    else:
        _out(asked, sets.compare(asked.a, asked.b), _compared_lines)
    return 0


def of_folder(asked: argparse.Namespace, look: Check, further: Further) -> int:
    """The verbs about an exported folder, FOLDERS."""
    if asked.act == "check":
        return check(asked, look)
    plan = {name: value for name in ("times", "changes", "seed") if (value := getattr(asked, name)) is not None}
    done = further(asked.folder, plan)
    _out(asked, done, lambda made: [f"{made.made} further frames of {made.frames} were added to what teaches in {asked.folder.name}."])
    return 0


def check(asked: argparse.Namespace, look: Check) -> int:
    """Look through a folder; 1 when it must not teach."""
    found = look(asked.folder, thorough=asked.thorough, looks=asked.looks)
    good = f"{asked.folder.name} may teach: nothing is wrong with it."
    _out(asked, found, lambda some: [f"{each.place}: {each.words} [{each.key}]" for each in some] or [good])
    return 1 if found else 0


def _out(asked: argparse.Namespace, found: Any, lines: Callable[[Any], Sequence[str]]) -> None:
    print(json.dumps(to_json(found), ensure_ascii=False) if asked.json else "\n".join(lines(found)))


def _line(made: Any) -> str:
    parts = ", ".join(f"{made.parts[part]} {part}" for part in PARTS)
    return f"{made.name:<24} {made.frames:>7} frames ({parts})  {made.at:%Y-%m-%d %H:%M} UTC by {made.by}  {made.digest[:12]}  {made.note}".rstrip()


def _set_lines(made: Any) -> list[str]:
    split = made.split
    groups = ", ".join(f"{part} {n}" for part, n in split["groups"].items())
    kept = f"; test kept from {split['kept']}" if split["kept"] else ""
    lines = [_line(made), f"  split by {split['by_what']}, seed {split['seed']}; groups: {groups}{kept}"]
    return lines + [f"  left out, {reason}: {n}" for reason, n in split["left_out"].items()]


def _balance_lines(balance: Mapping[Any, Any]) -> list[str]:
    """A line for each thing that is shown, a column a part."""
    parts = list(balance.values())
    lines = [f"  {'':<28}" + "".join(f"{part:>12}" for part in balance)]
    lines += [f"  {name:<28}" + "".join(f"{getattr(each, name):>12}" for each in parts) for name in ("frames", "scenes")]
    for kind, what in (("labels", "label"), ("hazards", "hazard"), ("risks", "risk")):
        for key in getattr(parts[0], kind):  # every part has the same keys
            lines.append(f"  {f'{what} {key}':<28}" + "".join(f"{getattr(each, kind)[key]:>12}" for each in parts))
    return lines


def _leak_lines(leaks: Sequence[Any]) -> list[str]:
    return [f"  {leak.words}" for leak in leaks] or ["  Nothing is on both sides of the split."]


def _compared_lines(beside: Any) -> list[str]:
    lines = [f"{beside.b} beside {beside.a}: " + ("the same content." if beside.same else "not the same.")]
    for name in ("added", "gone", "corrected"):
        frames = getattr(beside, name)
        shown = ", ".join(frame_id[:12] for frame_id in frames[:SHOWN]) + (" ..." if len(frames) > SHOWN else "")
        lines.append(f"  {name:<10} {len(frames):>6}  {shown}".rstrip())
    shown = ", ".join(f"{each.frame_id[:12]} {each.before} -> {each.after}" for each in beside.moved[:SHOWN])
    lines.append(f"  {'moved':<10} {len(beside.moved):>6}  {shown}{' ...' if len(beside.moved) > SHOWN else ''}".rstrip())
    for what, counts in (("label", beside.labels), ("risk", beside.risks)):
        lines += [f"  {f'{what} {key}':<28} {before:>7} {after:>7}" for key, (before, after) in counts.items()]
    return lines


def _shares(said: str) -> dict[str, float]:
    try:
        numbers = [float(each) for each in said.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != len(PARTS):
        raise argparse.ArgumentTypeError(f"{said!r} is not three numbers with commas, of train, validation and test")
    return dict(zip(PARTS, numbers, strict=True))


def _whole(said: str) -> int:
    if not (said.isascii() and said.isdecimal() and int(said) < 2**31):
        raise argparse.ArgumentTypeError(f"{said!r} is not a whole number")
    return int(said)
