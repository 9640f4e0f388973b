"""The only way in, and the only place where the parts meet. It installs nothing, and imports nothing heavy before it is needed.

launch.py [run]              inspector, dashboard and API at one address
launch.py inspect FILE ...   what the model says of pictures, folders and videos, without a browser
launch.py models VERB        which models there are: add, list, check, use
launch.py people VERB        who may come in: add, list, role, on, off, link
launch.py export sft OUT     the reviewed frames as training data
launch.py import FROM        frames from elsewhere into the record, with what was said of them
launch.py evaluate COCO      the model's boxes against known ones
launch.py calibrate          what corrections say of the model's confidences
launch.py backup [TO]        record and frames into a folder of backups, while people work
launch.py restore FROM       a backup back into an empty --data folder
launch.py check              is everything still what was written
launch.py doctor             what works on this machine, and what to do about what does not
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from core.errors import AppError, SettingsError, StoreError
from core.settings import Settings, environment, load, quiet_frameworks
from ui.terminal import flags, gathering, inspecting, keeping, telling
from ui.terminal import models as choosing
from ui.terminal import people as admitting
from ui.terminal.serving import listening, serve

if TYPE_CHECKING:
    from annotations.entering.members import Members
    from annotations.store import Store
    from core.backends.base import Backend
    from core.frames import Limits
    from core.profile import Profile
    from core.prompts import Prompt

BESIDE = ("models.json", "calibration")  # what of a data folder a backup takes beside record and frames
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(argv: Sequence[str] | None = None) -> int:
    """0: done. 1: one sentence on stderr says what is wrong. 2: the command line cannot be understood. 130: Ctrl-C. 141: nobody reads on."""
    try:
        try:
            return _done(argv)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where it can be said; the interpreter would do it at its end
    except BrokenPipeError:  # `| head` has seen enough
        _drop_output()
        return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _drop_output()
        print(f"Nothing more can be written ({error.strerror}). Make room, or write somewhere else.", file=sys.stderr)
        return 1


def _drop_output() -> None:
    """What still waits to be written goes nowhere: the interpreter flushes once more when it ends, and would fail again."""
    with suppress(OSError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _done(argv: Sequence[str] | None) -> int:
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

    common = flags.everywhere()

    def verb(name: str, does: Callable[[argparse.Namespace, Settings], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common])
        made.set_defaults(verb=does)
        return made

    flags.run(verb("run", run, "start inspector, dashboard and API at one address (this is what happens without a verb)"))
    inspecting.arguments(
        verb("inspect", inspect, "tell what the model sees in pictures, folders and videos; nothing is kept in the record")
    )
    choosing.arguments(verbs, common).set_defaults(verb=models)
    admitting.arguments(verbs, common).set_defaults(verb=people)
    flags.export(verb("export", export, "write the reviewed frames as training data"))
    flags.bring_in(
        verb("import", bring_in, "bring frames from elsewhere into the record, with what was said of them; the server must be stopped")
    )
    flags.evaluate(verb("evaluate", evaluate, "hold the model's boxes against known ones"))
    flags.calibrate(verb("calibrate", calibrate, "learn from corrections how often each of the model's confidences is right"))
    keeping.arguments(verbs, common, BESIDE)
    flags.doctor(verb("doctor", doctor, "tell what works on this machine, and what to do about what does not"))
    return top


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Serve until Ctrl-C or SIGTERM, then close everything in the order in which it depends on each other."""
    with ExitStack() as stack:
        door = stack.enter_context(listening(settings))
        from annotations.store import FILE, Store

        store = stack.enter_context(Store(settings.data / FILE))
        members = members_of(store, settings)
        profile, backend, prompt = stack.enter_context(model_of(settings))
        shutil.rmtree(settings.data / "temporary", ignore_errors=True)  # the record's lock says that nobody else uses it
        from annotations.opening import opened_desk
        from annotations.reports import Reports
        from core.backends.registering import Registry
        from core.checkup import can_open_browser
        from core.evaluation.percents import FOLDER, percents
        from core.looking_at import looker, proof, proving
        from core.readiness import Readiness
        from ui.api import create
        from ui.metrics import Metrics, disk_gauges
        from ui.routes_erasing import erasing_routes
        from ui.routes_models import model_routes

        metrics = Metrics({**disk_gauges(settings.data, FILE), **model_gauges(backend, settings)})
        ready = Readiness(proof(looker(backend, profile)))
        look = metrics.counting(proving(looker(backend, profile, metrics.watch), ready))
        opening = opened_desk(store, profile, settings, limits_of(settings), inspect=look, model=backend.model, prompt_id=prompt.id)
        desk, eraser = stack.enter_context(opening)
        reports = Reports(store.path)
        stack.callback(reports.close)
        sure = percents(settings.data / FOLDER)
        more = [model_routes(desk, Registry(settings, profile)), erasing_routes(eraser)]
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a person stops it
            app = create(
                desk, reports, settings, ready=lambda: store.failed or ready(), metrics=metrics, calibrated=sure, members=members, more=more
            )
            first = members.first_link() if members.login else None
            link = f"{settings.public_address}/join/{first}" if first else None
            serve(app, door, settings, first_link=link, can_open_browser=can_open_browser)
    return 0


def inspect(asked: argparse.Namespace, settings: Settings) -> int:
    """One line a frame; what cannot be read or answered is said, the rest is done, and the exit code is 1."""
    from datetime import UTC, datetime

    from core.footage import SUFFIXES, Footage
    from core.frames import admit
    from core.looking_at import looker
    from core.patience import Patience

    limits, patience = limits_of(settings), Patience()
    with model_of(settings) as (profile, backend, prompt):
        look = looker(backend, profile)
        work = inspecting.Work(
            read=lambda file: gathering.read(file, limits.max_bytes),
            take=lambda content, name: admit(content, name, limits=limits, source="folder", now=datetime.now(UTC)),
            ask=lambda frame, content: look(frame, content, patience),
            stop=patience.give_up,
            footage=lambda file: Footage(file, asked.every),
            videos=SUFFIXES,
            model=backend.model,
            prompt_id=prompt.id,
        )
        return inspecting.inspect(asked, work, profile, settings.language)


def models(asked: argparse.Namespace, settings: Settings) -> int:
    """The catalogue: add, list, check, use; 1 when a model was found unfit."""
    from core.backends.registering import Registry
    from core.profile import read as read_profile

    return choosing.answer(asked, Registry(settings, read_profile(settings.profile_file)))


def people(asked: argparse.Namespace, settings: Settings) -> int:
    """Who may come in. All but `list` needs the record for itself; while a server has it, an admin does the same through its API."""
    from annotations.entering.members import Members
    from annotations.entering.people import everybody
    from annotations.store import FILE, Store

    place = settings.data / FILE
    if asked.act == "list":
        if not place.is_file():
            raise StoreError(f"There is no record in {settings.data}, so there is nobody in it. Is --data the folder of the inspector?")
        with Store.open_readonly(place) as record, record.reading() as connection:
            print(*admitting.lines(everybody(connection), as_json=asked.json), sep="\n")
        return 0
    with Store(place) as store:
        return admitting.answer(asked, Members(store), settings.public_address)


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
    print(telling.exported(report, as_json=asked.json))
    return 0


def bring_in(asked: argparse.Namespace, settings: Settings) -> int:
    """Our own records, our training sets, COCO; 1 when frames were not taken."""
    from annotations.bringing.importing import Importer
    from annotations.store import FILE, Store
    from core.frames import Vault, admit
    from core.profile import read as read_profile
    from core.rights import LOCAL

    profile = read_profile(settings.profile_file)
    with Store(settings.data / FILE) as store:
        done = Importer(store, Vault(settings.data), profile, LOCAL, limits_of(settings), admit).bring_in(asked.source)
    print(telling.brought_in(done, as_json=asked.json))
    return 1 if done.refused else 0


def evaluate(asked: argparse.Namespace, settings: Settings) -> int:
    """Precision, recall and F1 at an IoU of .5, over all labels and each; 1 when frames could not be read and so were not counted."""
    from core.evaluation.run import evaluate_coco

    with model_of(settings) as (profile, backend, _):
        figures = evaluate_coco(asked.coco, asked.images, asked.map, backend, profile, limits_of(settings), seen=telling.tick)
    unreadable = figures["unreadable"]
    for each in unreadable:
        print(f"{each['file']} could not be read and was not counted: {each['error']}", file=sys.stderr)
    print(json.dumps(figures, ensure_ascii=False) if asked.json else telling.figures(figures))
    return 1 if unreadable else 0


def calibrate(asked: argparse.Namespace, settings: Settings) -> int:
    """From the record, beside a running server or without one: calibrators for every model and prompt that people's words can be held against."""
    from annotations.queueing.listing import judged
    from annotations.store import FILE, Store
    from core.evaluation import calibration
    from core.evaluation.percents import FOLDER
    from core.profile import read as read_profile

    profile = read_profile(settings.profile_file)
    if not (settings.data / FILE).is_file():
        raise StoreError(
            f"There is no record in {settings.data}, so there is nothing to learn from. Is --data the folder of the inspector?"
        )
    with Store.open_readonly(settings.data / FILE) as record:
        pairs = list(judged(record))
    made = calibration.fit_each(pairs, profile)
    for each in made:
        calibration.write(settings.data / FOLDER, each)
        said = [pair for pair in pairs if calibration.key_of(pair[0]) == each.key]
        labels = [label for pair in said for label in calibration.labels_of(*pair, profile)]
        print(telling.calibrated(each, calibration.measure(labels), frames=len(said), as_json=asked.json))
    if not made:
        raise StoreError("Nobody has corrected or confirmed a frame of which the model said how sure it is. Review some frames first.")
    return 0


def doctor(asked: argparse.Namespace, settings: Settings) -> int:
    """A line a question; 1 when something that is needed does not work."""
    from core.checkup import Check, checks

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

    return telling.checked(answers(), as_json=asked.json)


def members_of(store: Store, settings: Settings) -> Members:
    """Who may come in. Raises SettingsError where a stranger could reach the server and nobody would be asked who they are."""
    from annotations.entering.members import Members

    members = Members(store, always=settings.login)
    if settings.reached and not members.login:
        named = settings.host if not settings.public_hosts else settings.public_hosts[0]
        raise SettingsError(
            f"{named} can be reached by other machines, and nobody has to log in here yet. Add --login (the link for the first admin is then "
            "printed here), or `launch.py people add NAME --role admin`, or use --host 127.0.0.1 without --public-hosts."
        )
    return members


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


def model_gauges(backend: Backend, settings: Settings) -> dict[str, tuple[str, Callable[[], float | None]]]:
    """What Prometheus may ask about the model: how many wait for it, and how its boxes stood to known ones when it was checked."""
    from core.checkup import frame_scale

    scale = frame_scale(settings)  # of the model that was opened now
    told = "Constant by which the boxes of the model had to be multiplied when it was checked; 1 is right."
    return {
        "queue_depth": ("Questions that wait for the model.", lambda: float(getattr(backend, "waiting", 0))),
        "frame_check_scale_x": (told, lambda: scale[0] if scale else None),
        "frame_check_scale_y": (told, lambda: scale[1] if scale else None),
    }


def limits_of(settings: Settings) -> Limits:
    """How large a frame may be."""
    from core.frames import Limits

    return Limits(settings.max_upload_mib * 2**20, round(settings.max_megapixels * 1e6), settings.max_side)


if __name__ == "__main__":
    sys.exit(main())
