"""The plan of the house, held with `ast` alone. Runs nothing of ours; when it is red, move the code, not the test."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("launch", "ui", "annotations", "core")  # from the top floor to the lowest; arrows run down only
GROUND = ("core.schema", "core.errors", "core.rights", "core.settings")  # imports nothing of ours but its like
SCREEN_WORDS = (*GROUND, "core.geometry", "core.profile")  # what a screen may take from core; for work it asks the desk
ONLY_IN = {
    "gradio": ("ui.inspector",),
    "gradio_client": (),
    "streamlit": ("ui.dashboard",),
    "sqlite3": ("annotations",),
    "sqlite_utils": ("annotations",),
    "apsw": (),
    "pickle": (),  # and its like: what executes when it is read
    "marshal": (),
    "shelve": (),
}
LATE = {
    "torch",
    "torchvision",
    "transformers",
    "tokenizers",
    "peft",
    "accelerate",
    "bitsandbytes",
    "safetensors",
    "trl",
    "datasets",
    "llguidance",
}
OLD_NAMES = ("core.profile",)  # the plan calls it so; nobody profiles code from in here
EMPTY_NAMES = {"utils", "util", "helpers", "common", "misc", "manager", "handler", "service", "data", "info"}
MOST_LINES, LONGEST_FUNCTION = 400, 60


@dataclass(frozen=True)
class Module:
    """A file of ours: its dotted name, its place below the root, its lines and its tree."""

    name: str
    place: str
    lines: int
    tree: ast.Module


@dataclass(frozen=True)
class Import:
    """One import: what is named, in which line, and whether it runs as soon as the file is imported."""

    target: str
    line: int
    at_top: bool


def survey(root: Path) -> list[Module]:
    """Every Python file of the rooms."""
    files = [root / "launch.py", *(file for room in ROOMS[1:] for file in sorted((root / room).rglob("*.py")))]
    return [read(file, root) for file in files if file.exists() and "__pycache__" not in file.parts]


def read(file: Path, root: Path) -> Module:
    place = file.relative_to(root)
    parts = place.with_suffix("").parts
    text = file.read_text("utf-8")
    return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), place.as_posix(), len(text.splitlines()), ast.parse(text))


def imports(module: Module) -> Iterator[Import]:
    """All imports, in functions too. What stands under TYPE_CHECKING never runs, so it is never `at_top`."""

    def walk(node: ast.AST, at_top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, at_top)
            elif isinstance(child, ast.ImportFrom):
                base = "." * child.level + (child.module or "")
                for alias in child.names:
                    yield Import(f"{base}.{alias.name}", child.lineno, at_top)
            else:
                late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
                yield from walk(child, at_top and not late and not typing_only)

    return walk(module.tree, True)


def ours(target: str, names: set[str]) -> str | None:
    """The module of ours that an import reaches: the longest known beginning of what it names."""
    if target.split(".")[0] not in (*ROOMS, "tests", "bench"):
        return None
    parts = target.split(".")
    return next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in names), parts[0])


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def floors(modules: list[Module]) -> Iterator[str]:
    names = {module.name for module in modules}
    for module in modules:
        room = module.name.split(".")[0]
        for found in imports(module):
            where = f"{module.place}:{found.line}"
            if found.target.startswith("."):
                yield f"{where}: a relative import; say it whole"
                continue
            target = ours(found.target, names)
            if target is None or target == module.name:
                continue
            below = target.split(".")[0]
            if below not in ROOMS or below == "launch" or ROOMS.index(below) < ROOMS.index(room):
                yield f"{where}: {module.name} reaches up to {target}"
            elif module.name in GROUND and target not in GROUND:
                yield f"{where}: the ground floor stands on {target}"
            elif room == "ui" and below == "core" and target not in SCREEN_WORDS:
                yield f"{where}: a screen does work with {target}; ask the desk"


def circles(modules: list[Module]) -> Iterator[str]:
    """One line for each import that closes a circle, late and typing-only imports included."""
    names = {module.name for module in modules}
    graph = {
        module.name: sorted({t for i in imports(module) if (t := ours(i.target, names)) in names and t != module.name})
        for module in modules
    }
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield f"a circle: {' -> '.join((*path[path.index(name) :], name))}"
        elif name not in done:
            for target in graph[name]:
                yield from follow(str(target), (*path, name))
            done.add(name)

    for name in graph:
        yield from follow(name, ())


def frameworks(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for found in imports(module):
            package = found.target.split(".")[0]
            if package in ONLY_IN and not within(module.name, ONLY_IN[package]):
                yield f"{module.place}:{found.line}: {package} belongs in {' or '.join(ONLY_IN[package]) or 'no room'}"
            if package in LATE and found.at_top:
                yield f"{module.place}:{found.line}: {package} at the top of a file; import it where it is used"


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _only_weights(call: ast.Call) -> bool:
    return any(word.arg == "weights_only" and isinstance(word.value, ast.Constant) and word.value.value is True for word in call.keywords)


def surroundings(modules: list[Module]) -> Iterator[str]:
    """The environment is read in one file; nothing that is read may execute."""
    for module in modules:
        for node in ast.walk(module.tree):
            place = f"{module.place}:{getattr(node, 'lineno', 0)}"
            name = _dotted(node)
            from_os = isinstance(node, ast.ImportFrom) and node.module == "os" and any(a.name in ("environ", "getenv") for a in node.names)
            if module.name != "core.settings" and (
                from_os or name in ("os.environ", "os.environb", "os.getenv", "os.putenv", "os.unsetenv")
            ):
                yield f"{place}: the environment is read in core/settings.py alone"
            if isinstance(node, ast.Call) and _dotted(node.func) == "torch.load" and not _only_weights(node):
                yield f"{place}: torch.load may execute what it reads; weights_only=True, or safetensors"
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code" and ast.unparse(node.value) != "False":
                yield f"{place}: no code comes with a model"


def sizes(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        if module.lines > MOST_LINES:
            yield f"{module.place}: {module.lines} lines; which two things is it?"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{module.place}:{node.lineno}: {node.name} has {length} lines"


def names(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        stem = module.name.rsplit(".", 1)[-1]
        if stem in sys.stdlib_module_names and module.name not in OLD_NAMES:
            yield f"{module.place}: {stem} is a module of the standard library"
        if stem in EMPTY_NAMES:
            yield f"{module.place}: {stem} says nothing"
        if not ast.get_docstring(module.tree) and module.tree.body:
            yield f"{module.place}: does not open with a sentence"


RULES = {"floors": floors, "circles": circles, "frameworks": frameworks, "surroundings": surroundings, "sizes": sizes, "names": names}


def test_there_is_a_house_to_look_at() -> None:
    assert {module.name.split(".")[0] for module in survey(ROOT)} == set(ROOMS)


@pytest.mark.parametrize("rule", RULES)
def test_the_house_stands_as_it_is_drawn(rule: str) -> None:
    found = list(RULES[rule](survey(ROOT)))
    assert not found, "\n".join(found)


def test_tests_and_benchmarks_keep_the_sizes_too() -> None:
    files = [file for folder in ("tests", "bench") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 5
    assert not list(sizes([read(file, ROOT) for file in files]))


def test_tests_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py")), "a tests/core package would shadow ours"


GOOD: Mapping[str, str] = {
    "launch.py": '"""In."""\nfrom ui.api import create\n',
    "ui/api.py": '"""Api."""\nfrom annotations.desk import Desk\ndef create():\n    from ui.inspector.app import build\n',
    "ui/inspector/app.py": '"""Screen."""\nimport gradio as gr\nfrom core.schema import Frame\n',
    "annotations/desk.py": '"""Desk."""\nimport sqlite3\nfrom core.inspection import inspect_frame\n',
    "core/inspection.py": '"""Work."""\nfrom core.schema import Frame\ndef ask():\n    import torch\n',
    "core/schema.py": '"""Words."""\n',
    "core/settings.py": '"""Where."""\nimport os\nseen = os.environ\n',
}

PLANTED = {
    "core knows the store": ("floors", "core/risk.py", "from annotations.desk import Desk\n"),
    "core knows the store, late": ("floors", "core/risk.py", "def f():\n    import annotations.desk\n"),
    "the record knows a screen": ("floors", "annotations/x.py", "import ui.api\n"),
    "a part knows launch": ("floors", "core/risk.py", "import launch\n"),
    "a part knows the tests": ("floors", "core/risk.py", "from tests.makers import jpeg\n"),
    "the ground floor stands on something": ("floors", "core/schema.py", "from core.inspection import inspect_frame\n"),
    "a screen does the work itself": ("floors", "ui/x.py", "from core import inspection\n"),
    "a relative import": ("floors", "core/risk.py", "from .schema import Frame\n"),
    "a circle": ("circles", "core/schema.py", "from core.inspection import inspect_frame\n"),
    "a circle by a late import": ("circles", "core/schema.py", "def f():\n    import core.inspection\n"),
    "gradio in the API": ("frameworks", "ui/api.py", "import gradio\n"),
    "gradio late in the desk": ("frameworks", "annotations/x.py", "def f():\n    from gradio import Blocks\n"),
    "streamlit in the inspector": ("frameworks", "ui/inspector/x.py", "import streamlit as st\n"),
    "sqlite in a screen": ("frameworks", "ui/dashboard/x.py", "import sqlite3\n"),
    "torch at the top": ("frameworks", "core/x.py", "import torch.nn as nn\n"),
    "torch at the top, in a try": ("frameworks", "core/x.py", "try:\n    import peft\nexcept ImportError:\n    pass\n"),
    "torch at the top, in a class": ("frameworks", "core/x.py", "class X:\n    import transformers\n"),
    "pickle": ("frameworks", "core/x.py", "def f():\n    import pickle\n"),
    "the environment elsewhere": ("surroundings", "core/x.py", "import os\nhome = os.environ['HOME']\n"),
    "getenv elsewhere": ("surroundings", "launch.py", "from os import getenv\n"),
    "torch.load of more than weights": ("surroundings", "core/x.py", "def f(torch):\n    return torch.load('x', weights_only=False)\n"),
    "torch.load": ("surroundings", "core/x.py", "def f(torch):\n    return torch.load('x')\n"),
    "remote code": ("surroundings", "core/x.py", "f(trust_remote_code=True)\n"),
    "a long file": ("sizes", "core/x.py", "\n" * 401),
    "a long function": ("sizes", "core/x.py", "def f():\n" + "    pass\n" * 60),
    "a name of the standard library": ("names", "core/queue.py", '"""A queue."""\nx = 1\n'),
    "a name that says nothing": ("names", "core/utils.py", '"""Things."""\nx = 1\n'),
    "no sentence": ("names", "core/x.py", "x = 1\n"),
}


def plant(root: Path, tree: Mapping[str, str]) -> list[Module]:
    for place, text in tree.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text, "utf-8")
    return survey(root)


def test_a_good_house_passes_every_rule(tmp_path: Path) -> None:
    modules = plant(tmp_path, GOOD)
    assert [found for rule in RULES.values() for found in rule(modules)] == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(fault: str, tmp_path: Path) -> None:
    rule, place, text = PLANTED[fault]
    found = list(RULES[rule](plant(tmp_path, {**GOOD, place: text})))
    assert any(place in line or rule == "circles" for line in found), f"{rule} saw nothing of {place}"
