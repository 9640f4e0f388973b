"""The only way in, and the only place where the parts meet. It installs nothing, and imports nothing heavy before it is needed.

launch.py [run]              inspector, dashboard and API at one address
launch.py inspect FILE ...   what the model says of frames, without a browser
launch.py export sft OUT     the reviewed frames as training data
launch.py evaluate COCO      the model's boxes against known ones
launch.py doctor             what works on this machine, and what to do about what does not
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core.errors import AppError, FrameRefused, ModelError, SettingsError, StoreError
from core.geometry import FAMILIES
from core.settings import LANGUAGES, Settings, environment, load, quiet_frameworks

if TYPE_CHECKING:
    import socket

    from annotations.desk import Inspect
    from core.backends.base import Backend
    from core.frames import Limits
    from core.patience import Patience
    from core.profile import Profile
    from core.prompts import Prompt
    from core.schema import Assessment, Frame

STOP_SECONDS = 5  # how long open requests may take to end when the server stops


def main(argv: Sequence[str] | None = None) -> int:
    """0: done. 1: one sentence on stderr says what is wrong. 2: the command line cannot be understood."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "run")
    asked = parser().parse_args(given)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, _stop)
    try:
        settings_file = asked.settings or environment().get("GEMBALENS_SETTINGS")
        settings = load(vars(asked), environment(), Path(settings_file) if settings_file else None)
        quiet_frameworks(settings.data / "temporary")
        verb: Callable[[argparse.Namespace, Settings], int] = asked.verb
        return verb(asked, settings)
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _stop(*_: object) -> NoReturn:
    """SIGTERM ends the program by the way out that every `with` block knows."""
    raise SystemExit(0)


def parser() -> argparse.ArgumentParser:
    """Every verb and flag. A flag that was not given is None, so that environment and file can speak."""
    top = argparse.ArgumentParser(prog="launch.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(metavar="VERB", required=True)

    common = argparse.ArgumentParser(add_help=False)
    place = common.add_argument_group(
        "everywhere", "Each can also be set as GEMBALENS_NAME in the environment, or as name in a settings file."
    )
    place.add_argument("--settings", metavar="FILE", help="a TOML file of settings")
    place.add_argument("--data", metavar="FOLDER", help="where record and frames are kept (default ~/.local/share/gembalens)")
    place.add_argument("--profile", metavar="NAME", help="what is looked for: a name in assets/profiles or a .toml file (default bench)")
    place.add_argument("--model", metavar="NAME", help="a name in assets/models, a model folder, or scripted:FILE (default compact)")
    place.add_argument("--language", choices=LANGUAGES, help="what a first visitor sees (default en)")
    place.add_argument("--threads", metavar="N", help="CPU threads of the model (default 2)")
    place.add_argument("--max-upload-mib", metavar="N", help="largest file that is taken (default 25)")
    place.add_argument("--max-megapixels", metavar="N", help="largest frame that is taken (default 50)")
    place.add_argument("--max-side", metavar="PIXELS", help="longest side that is taken (default 16384)")

    def verb(name: str, does: Callable[[argparse.Namespace, Settings], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common])
        made.set_defaults(verb=does)
        return made

    one = verb("run", run, "start inspector, dashboard and API at one address (this is what happens without a verb)")
    one.add_argument("--host", help="address to listen at (default 127.0.0.1: this machine only)")
    one.add_argument("--port", metavar="N", help="port to listen at (default 7860)")
    one.add_argument("--no-browser", dest="open_browser", action="store_const", const="no", help="do not open the browser")
    one.add_argument("--open-to-network", action="store_const", const="yes", help="allow a --host that others reach; there is no login yet")
    one.add_argument(
        "--public-hosts", metavar="NAMES", help="other host names it answers to, with commas, as behind a proxy (default none)"
    )
    one = verb("inspect", inspect, "tell what the model sees in frames; nothing is kept")
    one.add_argument("files", metavar="FILE", nargs="+", type=Path)
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    one = verb("export", export, "write the reviewed frames as training data")
    one.add_argument("kind", choices=("sft",))
    one.add_argument("out", metavar="OUT", type=Path, help="a new or empty folder; an earlier export there is replaced")
    one.add_argument(
        "--family", choices=tuple(FAMILIES), default="qwen2.5-vl", help="whose convention the boxes follow (default %(default)s)"
    )
    one.add_argument("--json", action="store_true", help="the report as JSON")
    one = verb("evaluate", evaluate, "hold the model's boxes against known ones")
    one.add_argument("coco", metavar="COCO.json", type=Path)
    one.add_argument("--images", metavar="FOLDER", type=Path, required=True)
    one.add_argument("--map", metavar="FILE", type=Path, help="JSON: name of a category -> label of the profile, or null to leave it out")
    one.add_argument("--json", action="store_true", help="all figures as JSON")
    one = verb("doctor", doctor, "tell what works on this machine, and what to do about what does not")
    one.add_argument("--port", metavar="N", help="the port to look at (default 7860)")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    return top


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Serve until Ctrl-C or SIGTERM, then close everything in the order in which it depends on each other."""
    with ExitStack() as stack:
        door = stack.enter_context(listening(settings))
        from annotations.store import FILE, Store

        store = stack.enter_context(Store(settings.data / FILE))
        profile, backend, prompt = stack.enter_context(model_of(settings))
        shutil.rmtree(settings.data / "temporary", ignore_errors=True)  # the record's lock says that nobody else uses it
        from annotations.desk import Desk
        from annotations.reports import Reports
        from core.frames import Vault
        from ui.api import create

        vault = Vault(settings.data)
        vault.sweep()
        look = looker(backend, profile)
        desk = Desk(store, vault, profile, inspect=look, model=backend.model, prompt_id=prompt.id, limits=limits_of(settings))
        reports = Reports(store.path)
        stack.callback(reports.close)
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a person stops it
            serve(create(desk, reports, settings, ready=warmed(backend, prompt)), door, settings)
    return 0


def inspect(asked: argparse.Namespace, settings: Settings) -> int:
    """One line a file; what cannot be read or answered is said, the rest is done, and the exit code is 1."""
    from datetime import UTC, datetime

    from core.frames import admit
    from ui.wire import inspection_line

    limits, failed = limits_of(settings), 0
    with model_of(settings) as (profile, backend, _):
        look = looker(backend, profile)
        for file in asked.files:
            try:
                content = read(file, limits.max_bytes)
                frame = admit(content, file.name, limits=limits, source="folder", now=datetime.now(UTC))
                line = inspection_line(frame, look(frame, content, None), str(file))
            except (FrameRefused, ModelError) as error:
                failed += 1
                line = {"file": str(file), "error": str(error)}
            print(json.dumps(line, ensure_ascii=False) if asked.json else said(line, profile, settings.language), flush=True)
    return 1 if failed else 0


def export(asked: argparse.Namespace, settings: Settings) -> int:
    """Read the record, beside a running server or without one, and write the data set."""
    from annotations.datasets import export_sft
    from annotations.store import FILE, Store
    from core.frames import Vault
    from core.profile import read as read_profile

    profile = read_profile(settings.profile_file)
    if not (settings.data / FILE).is_file():  # a vault makes its folders, and --data may be mistyped
        raise StoreError(f"There is no record in {settings.data}, so there is nothing to export. Is --data the folder of the inspector?")
    with Store.open_readonly(settings.data / FILE) as record:
        report = export_sft(record, Vault(settings.data), profile, asked.out, family=asked.family)
    if asked.json:
        print(
            json.dumps(
                {"folder": str(report.folder), "files": report.files, "written": report.written, "left_out": report.left_out},
                ensure_ascii=False,
            )
        )
    else:
        print(f"{report.written} frames in {report.folder}: {', '.join(report.files)}")
        for reason, count in sorted(report.left_out.items()):
            print(f"  left out, {reason}: {count}")
    return 0


def evaluate(asked: argparse.Namespace, settings: Settings) -> int:
    """Precision, recall and F1 at an IoU of .5, over all labels and each; 1 when frames could not be read and so were not counted."""
    from core.evaluation.run import evaluate_coco

    with model_of(settings) as (profile, backend, _):
        figures = evaluate_coco(asked.coco, asked.images, asked.map, backend, profile, limits_of(settings), seen=_tick)
    unreadable = figures["unreadable"]
    for each in unreadable:
        print(f"{each['file']} could not be read and was not counted: {each['error']}", file=sys.stderr)
    if asked.json:
        print(json.dumps(figures, ensure_ascii=False))
        return 1 if unreadable else 0
    for name, figure in figures.items():
        if not isinstance(figure, dict | list):
            print(f"{name:<24}{figure:.3f}" if isinstance(figure, float) else f"{name:<24}{figure}")
    for label, row in figures.get("per_class", {}).items():
        print(f"  {label:<22}" + "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    return 1 if unreadable else 0


def _tick(done: int, of: int) -> None:
    """How far it is, for a person who waits; nothing in a pipe."""
    if sys.stderr.isatty():
        print(f"\r{done} of {of} frames", end="" if done < of else "\n", file=sys.stderr, flush=True)


def doctor(asked: argparse.Namespace, settings: Settings) -> int:
    """A line a question; 1 when something that is needed does not work."""
    from core.checkup import Check, checks

    marks = {"works": "ok     ", "limited": "limited", "broken": "BROKEN "}
    broken = 0

    def answers() -> Iterator[Check]:
        from annotations.engine import is_sound, version

        fault = "" if is_sound() else "A rare fault of this version needs several writers; GembaLens has one, so nothing has to be done."
        yield Check("SQLite", "works" if is_sound() else "limited", version(), fault)
        try:
            with listening(settings):
                yield Check("port", "works", f"{settings.port} is free")
        except SettingsError as error:
            yield Check("port", "limited", str(error))
        yield from checks(settings)

    for check in answers():
        broken += check.state == "broken"
        if asked.json:
            print(
                json.dumps({"what": check.what, "state": check.state, "said": check.said, "advice": check.advice}, ensure_ascii=False),
                flush=True,
            )
        else:
            print(
                f"{marks[check.state]}  {check.what:<20} {check.said}",
                *([f"\n{'':31}-> {check.advice}"] if check.advice else []),
                flush=True,
            )
    return 1 if broken else 0


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The port, taken before anything slow is done. Raises SettingsError when it cannot be had."""
    import errno
    import socket

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named: asyncio switches Nagle's algorithm off only then, and with it on every answer waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((settings.host, settings.port))
            door.listen(256)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"Port {settings.port} is taken, perhaps by another GembaLens. Stop that one, or choose another: --port {settings.port + 1}"
            else:
                why = f"{settings.host}:{settings.port} cannot be listened at ({error.strerror or error}). Choose others: --host, --port"
            raise SettingsError(f"{why}.") from error
        yield door


@contextmanager
def model_of(settings: Settings) -> Iterator[tuple[Profile, Backend, Prompt]]:
    """The profile, the model that is asked about it, and the question. The model's process ends with the block."""
    from core.backends.opening import open_model
    from core.profile import read as read_profile
    from core.prompts import build

    profile = read_profile(settings.profile_file)
    backend = open_model(settings)
    try:
        yield profile, backend, build(profile, backend.prompt_style, backend.box_format)
    finally:
        close = getattr(backend, "close", None)  # only a backend with a process of its own has one
        if close is not None:
            close()


def looker(backend: Backend, profile: Profile) -> Inspect:
    """What the desk is handed: a callable that knows the model."""
    from core.inspection import inspect_frame

    def look(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        return inspect_frame(frame, content, backend, profile, patience)

    return look


def limits_of(settings: Settings) -> Limits:
    """How large a frame may be."""
    from core.frames import Limits

    return Limits(settings.max_upload_mib * 2**20, round(settings.max_megapixels * 1e6), settings.max_side)


def warmed(backend: Backend, prompt: Prompt) -> Callable[[], str | None]:
    """Ask the model once, beside the start, about an empty frame. The answer to "is it ready": None, or why not."""
    import threading

    state: dict[str, str | None] = {"why": "The model is still loading."}

    def ask() -> None:
        from PIL import Image

        try:
            backend.ask(Image.new("RGB", (64, 64), "grey"), prompt)
            state["why"] = None
        except AppError as error:
            state["why"] = str(error)

    threading.Thread(target=ask, name="warm", daemon=True).start()
    return lambda: state["why"]


def serve(app: Any, door: socket.socket, settings: Settings) -> None:
    """Run the server on a port that is open already; say the address once it answers."""
    import uvicorn

    from core.checkup import can_open_browser

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"GembaLens: {settings.address}   dashboard: {settings.address}/dashboard   (Ctrl-C stops it)", flush=True)
            if settings.open_browser and can_open_browser():
                import threading
                import webbrowser

                threading.Thread(target=webbrowser.open, args=(settings.address,), daemon=True).start()

    calm = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=STOP_SECONDS)
    Server(calm).run(sockets=[door])


def read(file: Path, most: int) -> bytes:
    """A file's bytes, no more than one beyond what is taken. Raises FrameRefused."""
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise FrameRefused(f"{file}: this file cannot be read ({error.strerror}).") from error


def said(line: dict[str, Any], profile: Profile, language: str) -> str:
    """An inspection for a person at a terminal."""
    if "error" in line:
        return f"{line['file']}: {line['error']}"
    from ui.texts import Texts

    say = Texts(language)
    comma = say("list.comma")
    step = {name: line["step"][name]["value"] for name in profile.fields}
    words = [f"{say(f'field.{name}')} {profile.term(name, key).name(language)}" for name, key in step.items() if key]
    things = [profile.term("label", finding["label"]).name(language) for finding in line["findings"]]
    wrong = [profile.hazard(violation["hazard"]).name(language) for violation in line["violations"]]
    level, colon = line["risk"]["level"] or "undetermined", "：" if language == "zh" else ": "
    seen = f"{say('seen.title')}{colon}{comma.join(things)}" if things else say("seen.none_short")
    return "\n".join(
        [f"{line['file']}: {say(f'risk.{level}')} ({line['model']}, {say('seconds', n=format(line['seconds'], '.1f'))})"]
        + [f"  {part}" for part in (comma.join(words), seen, *wrong) if part]
        + [f"  {say('dropped.title')}{colon}{' '.join(each['what'].split())[:200]} ({each['why']})" for each in line["dropped"]]
    )


if __name__ == "__main__":
    sys.exit(main())
