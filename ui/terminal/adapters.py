"""`launch.py adapters`: the flags of its verbs, and what they print. Opens no model and holds no rule; the registry that it is handed does.

adapters list
adapters show NAME
adapters register FOLDER [--name NAME]      an adapter's folder, or that of the training that made it
adapters promote NAME --why WHY [--anyway]
adapters roll-back --why WHY
adapters lineage --assessment N | --frame ID [--revision N] | --correction N | --adapter NAME
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ui.wire import to_json

BY = "terminal"
"""Who did it, in the record: whoever can log in to this machine."""

ASKS_THE_MODEL = ("promote",)
"""The verbs that open the model in use: an adapter that it does not take is not promoted."""

READS = ("list", "show", "lineage")
"""The verbs that need no right to write; the others need the record for themselves."""


class Adapters(Protocol):
    """The verbs of `annotations.learning.adapters.Adapters`."""

    def register(self, source: Path, *, by: str, name: str | None = None) -> Any: ...
    def adapters(self) -> Sequence[Any]: ...
    def one(self, name: str) -> Any: ...
    def gate(self, name: str) -> Any: ...
    def gates(self, name: str) -> Sequence[Any]: ...
    def live(self) -> Any: ...
    def promote(self, name: str, *, by: str, why: str, anyway: bool = False) -> Any: ...
    def roll_back(self, *, by: str, why: str) -> Any: ...
    def lineage_of_assessment(self, number: int) -> Any: ...
    def lineage_of_frame(self, frame_id: str, model: str | None = None) -> Any: ...
    def lineage_of_adapter(self, name: str) -> Any: ...
    def adapters_of_correction(self, number: int) -> Any: ...
    def adapters_of_revision(self, frame_id: str, revision: int) -> Any: ...


def arguments(verbs: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Adds `adapters` to the verbs of `launch.py`. The parser, so that its verb can be set."""
    text = "what was trained here: list, show, register, promote, roll-back, lineage; what changes something needs the server stopped"
    top: argparse.ArgumentParser = verbs.add_parser("adapters", help=text, description=f"{text[0].upper()}{text[1:]}.")
    acts = top.add_subparsers(dest="act", metavar="VERB", required=True)

    def act(name: str, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = acts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common])
        made.add_argument("--json", action="store_true", help="as JSON")
        return made

    act("list", "all adapters, and which one speaks")
    act("show", "one of them: what taught it, what the gate said").add_argument("name", metavar="NAME")
    one = act("register", "take an adapter in, from its folder or from that of the training that made it")
    one.add_argument("source", metavar="FOLDER", type=Path)
    one.add_argument("--name", metavar="NAME", help="how it is called here (default: as the folder)")
    one = act("promote", "let an adapter speak from now on, if its gate beside the model in use was passed")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--why", required=True, metavar="WORDS", help="the reason; it is kept")
    one.add_argument("--anyway", action="store_true", help="although its gate was not passed; that is kept too")
    act("roll-back", "let the adapter speak again that spoke before, or the base alone").add_argument(
        "--why", required=True, metavar="WORDS", help="the reason; it is kept"
    )
    one = act("lineage", "what taught a verdict or an adapter, or which adapters a correction went into")
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument("--assessment", type=int, metavar="N")
    what.add_argument("--frame", metavar="ID", help="its latest verdict; with --revision: that correction of it")
    what.add_argument("--correction", type=int, metavar="N")
    what.add_argument("--adapter", metavar="NAME")
    one.add_argument("--revision", type=int, metavar="N")
    return top


def answer(asked: argparse.Namespace, adapters: Adapters) -> int:
    """Do what was asked and print it."""
    if asked.act == "list":
        _print_list(adapters, as_json=asked.json)
    elif asked.act == "show":
        _print_one(adapters, asked.name, as_json=asked.json)
    elif asked.act == "lineage":
        found = _lineage(asked, adapters)
        print(json.dumps(to_json(found), ensure_ascii=False) if asked.json else "\n".join(lines(to_json(found))))
    else:
        done, words = _done(asked, adapters)
        print(json.dumps(to_json(done), ensure_ascii=False) if asked.json else words)
    return 0


def _done(asked: argparse.Namespace, adapters: Adapters) -> tuple[Any, str]:
    if asked.act == "register":
        made = adapters.register(asked.source, by=BY, name=asked.name)
        taught = f"taught by the data set {made.dataset}" if made.dataset else "taught elsewhere"
        gate = adapters.gate(made.name)
        found = "its gate was passed" if gate and gate.passed else "its gate was not passed" if gate else "nobody measured it here yet"
        return made, f"{made.id} is registered: {taught}; {found}. Let it speak: `launch.py adapters promote {made.name} --why WHY`."
    if asked.act == "promote":
        done = adapters.promote(asked.name, by=BY, why=asked.why, anyway=asked.anyway)
        return done, f"{asked.name} speaks from the next start on. `launch.py adapters roll-back --why WHY` takes it back."
    done = adapters.roll_back(by=BY, why=asked.why)
    return done, f"{done.adapter or 'The base alone'} speaks from the next start on."


def _lineage(asked: argparse.Namespace, adapters: Adapters) -> object:
    if asked.assessment is not None:
        return adapters.lineage_of_assessment(asked.assessment)
    if asked.correction is not None:
        return adapters.adapters_of_correction(asked.correction)
    if asked.adapter is not None:
        return adapters.lineage_of_adapter(asked.adapter)
    if asked.revision is not None:
        return adapters.adapters_of_revision(asked.frame, asked.revision)
    return adapters.lineage_of_frame(asked.frame)


def lines(found: Mapping[str, Any]) -> list[str]:
    """A lineage, or what ate a correction, for a person at a terminal."""
    if "model" in found:
        sets = [
            f"  {each['name']}: {', '.join(f'{part} {n}' for part, n in each['parts'].items())}; frozen by {each['by']} at {each['at']}"
            for each in found["datasets"]
        ]
        people = [f"  {author or 'nobody'}: {n}" for author, n in found["authors"].items()]
        adapter = found["adapter"] or "none: the base spoke alone"
        return [
            f"model     {found['model']}",
            f"adapter   {adapter}{'' if found['registered'] or not found['adapter'] else ' (not registered here)'}",
            f"data sets {len(found['datasets'])}",
            *sets,
            f"corrections that taught it {found['corrections']}",
            *people,
        ]
    eaten = [
        f"  {each['name']}: {'judged by it' if each['part'] == 'test' else 'learned from it'} ({each['dataset']}, {each['part']})"
        f"{'; it speaks now' if each['live'] else ''}"
        for each in found["adapters"]
    ]
    head = f"correction {found['number']}: revision {found['revision']} of {found['frame_id'][:12]}, by {found['author']}"
    sets = [f"  {name}: {part}" for name, part in found["datasets"].items()]
    return [head, f"data sets {len(sets)}", *sets, f"adapters {len(eaten)}", *eaten]


def _print_list(adapters: Adapters, *, as_json: bool) -> None:
    live = adapters.live()
    for each in adapters.adapters():
        speaks = live is not None and live.name == each.name
        if as_json:
            print(json.dumps({**to_json(each), "live": speaks}, ensure_ascii=False))
            continue
        print(f"{'->' if speaks else '  '} {each.name:<24} {each.fingerprint}  {each.dataset or 'taught elsewhere':<20} for {each.base}")
    if not as_json and live is None:
        print("The base speaks alone.")


def _print_one(adapters: Adapters, name: str, *, as_json: bool) -> None:
    adapter, gates, lineage = adapters.one(name), adapters.gates(name), to_json(adapters.lineage_of_adapter(name))
    if as_json:
        print(json.dumps({**to_json(adapter), "gates": to_json(gates), "lineage": lineage}, ensure_ascii=False))
        return
    print(f"{adapter.id}, for {adapter.base}; registered by {adapter.by}")
    print(*lines(lineage)[2:], sep="\n")
    for gate in gates:
        print(f"beside {gate.against}: {'passed' if gate.passed else 'not passed'}")
        for reason in gate.reasons:
            print(f"  {'ok ' if reason.get('passed') else 'NO '} {reason.get('words', reason.get('key', ''))}")
