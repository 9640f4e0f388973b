"""What the source may not even say: how a program reaches other machines, and how it takes in what would run. Held with `ast` alone, on every file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_architecture import Module, imports, read, survey, within

ROOT = Path(__file__).resolve().parent.parent
NETWORK = {
    "httpx": ("core.backends", "ui.dashboard.asking", "ui.entrance"),  # a declared model, our own API, a declared identity provider
    "socket": ("launch", "ui.terminal.serving", "core.backends.address"),  # listening; looking at where a declared model is
}
"""Who may open a line, and for what. Everybody else asks the desk."""

NEVER = (
    "requests", "urllib.request", "urllib3", "http.client", "http.cookiejar", "aiohttp", "httpx2", "websocket", "websockets", "ftplib", "smtplib",
    "imaplib", "poplib", "telnetlib", "xmlrpc", "socketserver", "gradio_client", "paramiko", "pycurl", "boto3", "sentry_sdk", "opentelemetry", "posthog",
)  # fmt: skip
RUNS = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "imp")
"""What executes what it reads."""

HUB = {
    "from_pretrained",
    "hf_hub_download",
    "snapshot_download",
    "load_dataset",
    "cached_file",
    "pipeline",
    "load_state_dict_from_url",
    "download_url_to_file",
}
FREE_NAMES = ("www.w3.org",)  # a namespace, not an address
_ADDRESS = re.compile(r"(?:https?:|wss?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})", re.IGNORECASE)
_EXAMPLE = re.compile(r"(^|\.)(example|invalid|test|localhost)(\.(com|org|net))?$")

Rule = Callable[[list[Module]], Iterator[str]]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or an attribute; of a call's result only what stands behind it."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call, dict[str, ast.expr]]]:
    """(what is called, the call, its keywords), in programs that stand in strings too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node, {word.arg: word.value for word in node.keywords if word.arg}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"(^|\n)\s*(import|from)\s+\w", node.value):
            try:
                inner = ast.parse(node.value)
            except SyntaxError:
                continue
            yield from calls(inner)


def is_constant(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def names_of(module: Module, package: str) -> dict[str, str]:
    """What a package and the things out of it are called in a file -> their true names."""
    found: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name.split(".")[0] == package}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def proxying(modules: list[Module]) -> Iterator[str]:
    """No page of another server in ours, no tunnel, no proxy, no cookies kept for others."""
    for module in modules:
        gradio = names_of(module, "gradio")
        for name, call, words in calls(module.tree):
            place = f"{module.place}:{call.lineno}"
            head, _, rest = name.partition(".")
            true = f"{gradio[head]}.{rest}".rstrip(".") if head in gradio else name
            if true in (
                "gradio.load",
                "gradio.Interface.load",
                "gradio.external.load",
                "gradio.load_chat",
                "gradio.load_openapi",
                "gradio.deploy",
            ):
                yield f"{place}: {true} shows another server's app in ours"
            launching = name.endswith("launch") or bool(gradio) or is_constant(words.get("share"), True)
            if "share" in words and launching and not is_constant(words["share"], False):
                yield f"{place}: share opens a tunnel to another machine"
            for word in ("proxy", "proxies", "proxy_url", "cookies"):
                if word in words and not is_constant(words[word], None):
                    yield f"{place}: {word}"


def reaching(modules: list[Module]) -> Iterator[str]:
    """A line to another machine is opened in few places, knows no proxy of the environment, and is not sent on."""
    for module in modules:
        for found in imports(module):
            if any(found.target == each or found.target.startswith(f"{each}.") for each in (*NEVER, "urllib.request")):
                yield f"{module.place}:{found.line}: {found.target} reaches out"
            allowed = NETWORK.get(found.target.split(".")[0])
            if allowed is not None and not within(module.name, allowed):
                yield f"{module.place}:{found.line}: {found.target} belongs in {' or '.join(allowed)}"
        for name, call, words in calls(module.tree):
            place = f"{module.place}:{call.lineno}"
            if name in ("httpx.Client", "httpx.AsyncClient") and not is_constant(words.get("trust_env"), False):
                yield f"{place}: {name} would take its proxy from the environment; trust_env=False"
            if re.fullmatch(r"httpx\.(get|post|put|patch|delete|head|options|request|stream)", name):
                yield f"{place}: {name} takes its proxy from the environment; use a client with trust_env=False"
            if "follow_redirects" in words and not is_constant(words["follow_redirects"], False):
                yield f"{place}: a server could send us on to another"


def fetching(modules: list[Module]) -> Iterator[str]:
    """What comes from a hub comes at a commit, or not from the network at all; nothing that runs comes with it."""
    for module in modules:
        for name, call, words in calls(module.tree):
            place, last = f"{module.place}:{call.lineno}", name.rsplit(".", 1)[-1]
            fixed = "revision" in words and not (
                isinstance(words["revision"], ast.Constant) and not re.fullmatch("[0-9a-f]{40}", str(words["revision"].value))
            )
            if last in HUB and not fixed and not is_constant(words.get("local_files_only"), True):
                yield f"{place}: {last} at no revision; give one, or local_files_only=True"
            if (
                last == "from_pretrained"
                and re.search(r"Model|ForConditional|ForImage", name)
                and not is_constant(words.get("use_safetensors"), True)
            ):
                yield f"{place}: {name} may open a pickle; use_safetensors=True"
            if "trust_remote_code" in words and not is_constant(words["trust_remote_code"], False):
                yield f"{place}: no code comes with a model"
            if name.startswith("torch.hub."):
                yield f"{place}: torch.hub runs what it fetches"


def running(modules: list[Module]) -> Iterator[str]:
    """Nothing that is read may execute: no pickles (.bin, .pt, .ckpt, .npy of objects), no eval."""
    for module in modules:
        for found in imports(module):
            if found.target.split(".")[0] in RUNS:
                yield f"{module.place}:{found.line}: {found.target} executes what it reads"
        for name, call, words in calls(module.tree):
            place = f"{module.place}:{call.lineno}"
            if name == "torch.load" and not (is_constant(words.get("weights_only"), True) and within(module.name, ("core.compact",))):
                yield f"{place}: torch.load, but for our own training state with weights_only=True; safetensors"
            if name in (
                "torch.jit.load",
                "torch.package.PackageImporter",
                "pandas.read_pickle",
                "pd.read_pickle",
                "eval",
                "exec",
                "__import__",
            ):
                yield f"{place}: {name} executes what it reads"
            if "allow_pickle" in words and not is_constant(words["allow_pickle"], False):
                yield f"{place}: allow_pickle"
            if re.fullmatch(r"yaml\.(unsafe_load|full_load|load)(_all)?", name):
                yield f"{place}: {name}; yaml.safe_load"


def addressed(text: str, place: str) -> Iterator[str]:
    """Addresses of other machines in what a browser is given."""
    for number, line in enumerate(text.splitlines(), 1):
        for host in _ADDRESS.findall(line):
            if host.lower() not in FREE_NAMES and not _EXAMPLE.search(host.lower()):
                yield f"{place}:{number}: {host}"


@cache
def house() -> list[Module]:
    return survey(ROOT)


RULES: dict[str, Rule] = {"proxying": proxying, "reaching": reaching, "fetching": fetching, "running": running}


@pytest.mark.parametrize("rule", RULES)
def test_the_source_reaches_for_nothing_that_was_not_declared(rule: str) -> None:
    modules = house()
    found = list(RULES[rule](modules))
    print(f"{rule}: {len(modules)} files, {sum(1 for m in modules for _ in calls(m.tree))} calls, {len(found)} findings")
    assert len(modules) > 100
    assert not found, "\n".join(found)


def test_no_page_names_another_machine() -> None:
    kinds = (".js", ".css", ".html", ".svg", ".json", ".toml")
    files = [file for room in ("ui", "assets/locales") for file in sorted((ROOT / room).rglob("*")) if file.suffix in kinds]
    assert len(files) > 20
    assert [fault for file in files for fault in addressed(file.read_text("utf-8"), file.relative_to(ROOT).as_posix())] == []


PLANTED = {
    "another server's app": ("proxying", "ui/inspector/x.py", "import gradio as gr\ngr.load('spaces/a/b')\n"),
    "the same by its name": ("proxying", "ui/inspector/x.py", "from gradio import load as take\ntake('spaces/a/b')\n"),
    "a tunnel": ("proxying", "ui/inspector/x.py", "def f(page):\n    page.launch(share=True)\n"),
    "a tunnel by a variable": ("proxying", "ui/inspector/x.py", "def f(page, wanted):\n    page.launch(share=wanted)\n"),
    "a proxy": ("proxying", "core/backends/x.py", "import httpx\nhttpx.Client(trust_env=False, proxy='http://p')\n"),
    "kept cookies": ("proxying", "core/backends/x.py", "import httpx\nhttpx.Client(trust_env=False, cookies=jar)\n"),
    "requests": ("reaching", "core/x.py", "def f():\n    import requests\n"),
    "urllib": ("reaching", "core/x.py", "from urllib.request import urlopen\n"),
    "urllib whole": ("reaching", "core/x.py", "import urllib.request as u\n"),
    "telemetry": ("reaching", "ui/x.py", "import sentry_sdk\n"),
    "a line in the store": ("reaching", "annotations/x.py", "import httpx\n"),
    "a socket in a screen": ("reaching", "ui/x.py", "def f():\n    import socket\n"),
    "a client with the environment's proxy": ("reaching", "core/backends/x.py", "import httpx\nhttpx.Client(timeout=1)\n"),
    "a call without a client": ("reaching", "core/backends/x.py", "import httpx\nhttpx.get('http://x')\n"),
    "sent on": ("reaching", "core/backends/x.py", "import httpx\nhttpx.AsyncClient(trust_env=False, follow_redirects=True)\n"),
    "a model at no commit": ("fetching", "core/backends/x.py", "def f(a):\n    return a.AutoConfig.from_pretrained('o/n')\n"),
    "a model at a branch": ("fetching", "core/backends/x.py", "def f(a):\n    return a.AutoConfig.from_pretrained('o/n', revision='main')\n"),
    "files of a hub": ("fetching", "core/x.py", "def f(hub):\n    hub.snapshot_download('o/n')\n"),
    "files of a hub, in a program in a string": ("fetching", "core/x.py", "P = '''\nimport huggingface_hub as h\nh.snapshot_download('o/n')\n'''\n"),
    "weights that may be a pickle": ("fetching", "core/x.py", "def f(AutoModel):\n    AutoModel.from_pretrained('x', local_files_only=True)\n"),
    "code with a model": ("fetching", "core/x.py", "def f(a):\n    a.from_pretrained('x', local_files_only=True, trust_remote_code=yes)\n"),
    "torch.hub": ("fetching", "core/x.py", "def f():\n    import torch\n    torch.hub.load('o/n', 'm')\n"),
    "a pickle": ("running", "core/x.py", "import pickle\n"),
    "a checkpoint": ("running", "core/x.py", "def f():\n    import torch\n    torch.load('a.ckpt', weights_only=True)\n"),
    "a checkpoint in training": ("running", "core/compact/x.py", "def f():\n    import torch\n    torch.load('a.pt')\n"),
    "objects in an array": ("running", "core/x.py", "import numpy as np\nnp.load('a.npy', allow_pickle=True)\n"),
    "eval": ("running", "core/x.py", "eval('1')\n"),
    "yaml": ("running", "core/x.py", "import yaml\nyaml.load('a')\n"),
}  # fmt: skip

FINE = {
    "an event of a page": ("proxying", "ui/inspector/x.py", "import gradio as gr\nwith gr.Blocks() as page:\n    page.load(f)\n"),
    "a share of something": ("proxying", "ui/dashboard/x.py", "def f(say, part):\n    say('x', share=part)\n"),
    "no tunnel": ("proxying", "ui/inspector/x.py", "def f(page):\n    page.launch(share=False)\n"),
    "parts of an address": ("reaching", "core/x.py", "from urllib.parse import urlsplit\n"),
    "a model at a commit": ("fetching", "core/x.py", f"def f(hub):\n    hub.snapshot_download('o/n', revision='{'a' * 40}')\n"),
    "a model at a commit that was checked": ("fetching", "core/x.py", "def f(hub, commit):\n    hub.snapshot_download('o/n', revision=commit)\n"),
    "a model on this disk": (
        "fetching", "core/x.py", "def f(AutoModel):\n    AutoModel.from_pretrained('x', local_files_only=True, use_safetensors=True)\n"
    ),
    "a net at rest": ("running", "core/x.py", "def f(net):\n    net.eval()\n"),
}  # fmt: skip


def planted(root: Path, place: str, text: str) -> list[Module]:
    (root / place).parent.mkdir(parents=True)
    (root / place).write_text(f'"""X."""\n{text}', "utf-8")
    return [read(root / place, root)]


@pytest.mark.parametrize(("rule", "place", "text"), PLANTED.values(), ids=PLANTED)
def test_what_reaches_out_is_seen(rule: str, place: str, text: str, tmp_path: Path) -> None:
    assert list(RULES[rule](planted(tmp_path, place, text)))


@pytest.mark.parametrize(("rule", "place", "text"), FINE.values(), ids=FINE)
def test_what_does_not_is_left_alone(rule: str, place: str, text: str, tmp_path: Path) -> None:
    assert list(RULES[rule](planted(tmp_path, place, text))) == []


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ('<script src="https://cdn.example.org.evil.io/x.js">', True),
        ("@import url(//fonts.googleapis.com/css);", True),
        ("new WebSocket('wss://stats.vendor.io')", True),
        ('createElementNS("http://www.w3.org/2000/svg")', False),
        ("fetch(`/api/v1/frames`)  // ours", False),
        ("placeholder: https://models.example/v1", False),
    ],
    ids=["a script", "a font", "a socket", "a namespace", "our own", "an example"],
)
def test_an_address_in_a_page_is_seen(line: str, seen: bool) -> None:
    assert bool(list(addressed(line, "x"))) == seen
