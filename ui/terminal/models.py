"""`launch.py models`: the flags of its verbs, and what they print. Opens no model and writes no catalogue; the registry that it is handed does.

models add NAME --folder FOLDER | --hub ID --revision COMMIT | --url URL --served-name NAME
models list
models check NAME
models use NAME
models remove NAME
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from core.geometry import FAMILIES
from core.settings import KEY_PREFIX
from ui.wire import to_json

_SPEC = "spec_"  # how the flags of `add` are called among the others, so that none is taken for a setting
_MARKS = {"ships": "ok", "fit": "ok", "unchecked": "unchecked", "untold": "untold", "failed": "FAILED", "checking": "checking"}
_QUESTIONS = {
    "answers": "does it answer",
    "declared": "boxes, as declared",
    "frame": "boxes, as found",
    "schema": "the schema is",
    "logprobs": "log-probabilities",
    "masked": "shares of the allowed",
    "picture": "largest picture",
    "unchecked": "without a check",
}

Seen = Callable[[int, int], None]
"""Told how many pictures of how many were answered."""


class Registry(Protocol):
    """The verbs of `core.backends.registering.Registry`; a model comes as a dataclass that says how it stands."""

    def listed(self) -> Sequence[Any]: ...
    def shown(self, name: str) -> Any: ...
    def add(self, name: str, wanted: Mapping[str, object], seen: Seen) -> Any: ...
    def check(self, name: str, seen: Seen) -> Any: ...
    def use(self, name: str, *, unchecked: bool = False) -> str: ...
    def remove(self, name: str) -> str: ...


def arguments(verbs: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Adds `models` to the verbs of `launch.py`; each of its own verbs takes the common flags. The parser, so that its verb can be set."""
    text = "which models this place knows: add one, have it checked, use it"
    made: argparse.ArgumentParser = verbs.add_parser("models", help=text, description=f"{text[0].upper()}{text[1:]}.")
    each = made.add_subparsers(metavar="VERB", required=True, dest="models_verb")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = each.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
        one.add_argument("--json", action="store_true", help="as JSON")
        return one

    one = verb("add", "write a model into the catalogue and check it")
    one.add_argument("name", metavar="NAME", help="how it is called here")
    _add_flags(one)
    verb("list", "all models, and what was found of each")
    one = verb("check", "ask a model what it can do and in which frame its boxes are, and keep the answers")
    one.add_argument("name", metavar="NAME")
    one = verb("use", "make a checked model the one that the next start takes")
    one.add_argument("name", metavar="NAME")
    one.add_argument(
        "--unchecked", action="store_true", help="you know that its boxes are right where that could not be told; this is kept"
    )
    one = verb("remove", "take a model out of the catalogue; its files stay")
    one.add_argument("name", metavar="NAME")
    return made


def _add_flags(one: argparse.ArgumentParser) -> None:
    def flag(group: Any, name: str, to: str, text: str, **more: Any) -> None:
        group.add_argument(name, dest=f"{_SPEC}{to}", default=None, help=text, **more)

    place = one.add_argument_group("where it is, one of")
    flag(place, "--folder", "folder", "a model's folder on this machine", metavar="FOLDER")
    flag(place, "--hub", "hub", "a model of the hub, from this machine's cache", metavar="OWNER/NAME")
    flag(place, "--url", "url", "an OpenAI-compatible address, up to and with /v1", metavar="URL")
    local = one.add_argument_group("on this machine")
    flag(local, "--revision", "revision", "commit of a --hub model, 40 hex digits", metavar="COMMIT")
    flag(local, "--online", "offline", "fetch it when the cache has it not", action="store_const", const=False)
    flag(local, "--adapter", "adapter", "folder of a PEFT adapter", metavar="FOLDER")
    flag(local, "--merge", "merge", "fold the adapter into the weights", action="store_const", const=True)
    flag(local, "--nf4", "quantisation", "4-bit weights", action="store_const", const="nf4")
    flag(local, "--batch", "batch", "frames answered together at most", type=_whole, metavar="N")
    server = one.add_argument_group("at a server")
    flag(server, "--served-name", "model", "what the server calls it; an adapter there has a name of its own", metavar="NAME")
    flag(server, "--family", "family", "how it writes boxes (default qwen2.5-vl); the check tells", choices=tuple(FAMILIES))
    flag(server, "--prompt-style", "prompt_style", "brief: it was taught this profile (default full)", choices=("full", "brief"))
    flag(server, "--allow-remote", "allow_remote", "frames may leave this machine", action="store_const", const=True)
    flag(server, "--key-variable", "key_variable", f"the environment variable with its key, {KEY_PREFIX}...", metavar="NAME")
    flag(server, "--no-logprobs", "logprobs", "do not ask for log-probabilities", action="store_const", const=False)
    flag(server, "--timeout", "timeout_seconds", "for a whole answer (default 60)", type=_seconds, metavar="SECONDS")
    flag(server, "--concurrency", "concurrency", "questions at the same time (default 8)", type=_whole, metavar="N")
    flag(server, "--samples", "samples", "further replies to compare where there are no log-probabilities", type=_whole, metavar="N")
    both = one.add_argument_group("in both cases")
    flag(both, "--unguided", "guided", "let no grammar hold it to the schema", action="store_const", const=False)
    flag(both, "--most-pixels", "most_pixels", "of a frame as the model is shown it", type=_whole, metavar="N")


def answer(asked: argparse.Namespace, registry: Registry) -> int:
    """Do what was asked and print it. 1: the model was found unfit, or nobody could tell."""
    if asked.models_verb == "list":
        _print_list(registry.listed(), as_json=asked.json)
        return 0
    if asked.models_verb in ("use", "remove"):
        said = registry.use(asked.name, unchecked=asked.unchecked) if asked.models_verb == "use" else registry.remove(asked.name)
        print(json.dumps({"name": asked.name, "said": said}, ensure_ascii=False) if asked.json else said)
        return 0
    if asked.models_verb == "add":
        wanted = {key.removeprefix(_SPEC): value for key, value in vars(asked).items() if key.startswith(_SPEC)}
        found = registry.add(asked.name, wanted, _tick)
    else:
        found = registry.check(asked.name, _tick)
    if asked.json:
        print(json.dumps(to_json(found), ensure_ascii=False))
    else:
        print(*lines(found), sep="\n")
    return 1 if found.why_not or (found.state == "ships" and not found.checked.passed) else 0


def lines(model: Any) -> list[str]:
    """A model for a person at a terminal: what was found, and what to do next."""
    findings: Mapping[str, str] = model.checked.findings if model.checked else {}
    told = model.why_not or ""  # what it quotes is not printed twice
    answers = [(key, words) for key, words in findings.items() if key in _QUESTIONS and words.rstrip(".") not in told]
    said = [f"  {_QUESTIONS[key]:<22}{words}" for key, words in sorted(answers, key=lambda one: list(_QUESTIONS).index(one[0]))]
    head = f"{model.name}: {model.checked.model if model.checked else model.source}"
    next_step = model.why_not or ("" if model.active else f"Use it: `launch.py models use {model.name}`.")
    return [head, *said, *([next_step] if next_step else [])]


def _print_list(models: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(to_json(models), ensure_ascii=False))
        return
    for model in models:
        marks = [model.source, *([f"+ {model.adapter}"] if model.adapter else []), *(["4 bits"] if model.quantisation == "nf4" else [])]
        where = f"at {model.host}{', frames leave this machine' if model.remote else ''}" if model.host else "on this machine"
        print(f"{'->' if model.active else '  '} {model.name:<20} {_MARKS.get(model.state, model.state):<10} {' '.join(marks)}, {where}")


def _tick(done: int, of: int) -> None:
    """How far the check is, for a person who waits; nothing in a pipe."""
    if sys.stderr.isatty():
        print(f"\r{done} of {of} pictures", end="" if done < of else "\n", file=sys.stderr, flush=True)


def _whole(said: str) -> int:
    if not said.isascii() or not said.isdecimal() or int(said) < 1:
        raise argparse.ArgumentTypeError(f"{said!r} is not a whole number from 1 on")
    return int(said)


def _seconds(said: str) -> float:
    try:
        value = float(said)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{said!r} is no number of seconds up to 3600")
    return value
