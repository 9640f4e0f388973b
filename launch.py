"""The only way in, and the only place where the parts meet. It installs nothing, and imports nothing heavy before it is needed.

launch.py [run]              inspector, dashboard and API at one address
launch.py inspect FILE ...   what the model says of pictures, folders and videos, without a browser
launch.py models VERB        which models there are: add, list, check, use
launch.py people VERB        who may come in: add, list, role, on, off, link
launch.py queue VERB         what to label next: draw, list, look
launch.py dataset VERB       frozen sets: freeze, list, show, compare, check, further
launch.py export sft OUT     the reviewed frames, or a frozen set, as training data
launch.py import FROM        frames from elsewhere into the record, with what was said of them
launch.py train SET          teach a model by an exported set; also list, show, cancel, resume
launch.py evaluate WHAT      a model on an exported set or a COCO file, or an adapter against the model in use
launch.py adapters VERB      list, show, register, promote, roll-back, lineage
launch.py calibrate          what corrections say of the model's confidences
launch.py backup | restore | check     record and frames into a folder of backups, and back; is everything still what was written
launch.py doctor             what works on this machine, and what to do about what does not
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.settings import Settings, environment, load, quiet_frameworks
from ui.terminal import adapters as promoting
from ui.terminal import drawing, evaluating, flags, freezing, gathering, inspecting, keeping, leaving, telling
from ui.terminal import models as choosing
from ui.terminal import people as admitting
from ui.terminal import training as teaching
from ui.terminal.serving import listening, serve

if TYPE_CHECKING:
    from annotations.store import Reader
    from core.backends.base import Backend
    from core.frames import Limits
    from core.profile import Profile
    from core.prompts import Prompt

BESIDE = ("models.json", "calibration", "adapters")  # what of a data folder a backup takes beside record and frames


def main(argv: Sequence[str] | None = None) -> int:
    """0: done. 1: one sentence on stderr says what is wrong. 2: the command line cannot be understood. 130: Ctrl-C. 141: nobody reads on."""
    return leaving.code_of(lambda: _done(argv))


def _done(argv: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "run")
    asked = parser().parse_args(given)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, leaving.stop)
    settings_file = asked.settings or environment().get("GEMBALENS_SETTINGS")
    settings = load(vars(asked), environment(), Path(settings_file) if settings_file else None)
    quiet_frameworks(settings.data / "temporary")
    verb: Callable[[argparse.Namespace, Settings], int] = asked.verb
    return verb(asked, settings)


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
    drawing.arguments(verbs, common).set_defaults(verb=queue)
    freezing.arguments(verbs, common).set_defaults(verb=dataset)
    teaching.arguments(verbs, common).set_defaults(verb=train)
    promoting.arguments(verbs, common).set_defaults(verb=adapters)
    flags.export(verb("export", export, "write the reviewed frames as training data"))
    flags.bring_in(verb("import", bring_in, "bring in frames from elsewhere, with what was said of them; the server must be stopped"))
    evaluating.options(verb("evaluate", evaluate, "measure the model on an exported set or on known boxes, or an adapter against it"))
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
        members = admitting.members_of(store, settings)
        profile, backend, prompt = stack.enter_context(model_of(settings))
        shutil.rmtree(settings.data / "temporary", ignore_errors=True)  # the record's lock says that nobody else uses it
        from annotations.learning.lessons import Lessons
        from annotations.learning.opening import opened_learning
        from annotations.opening import opened_desk
        from annotations.reports import Reports
        from core.backends.registering import Registry
        from core.checkup import can_open_browser, model_gauges
        from core.evaluation.percents import FOLDER, percents
        from core.looking_at import looker, proof, proving, switcher
        from core.readiness import Readiness
        from core.training.places import TRAININGS, Places
        from core.training.trainings import Trainings, as_json
        from ui.api import create
        from ui.dashboard.board import Learning
        from ui.metrics import Metrics, disk_gauges
        from ui.routes_erasing import erasing_routes
        from ui.routes_learning import learning_routes
        from ui.routes_models import model_routes

        metrics = Metrics({**disk_gauges(settings.data, FILE), **model_gauges(backend, settings)})
        ready = Readiness(proof(looker(backend, profile)))
        look = metrics.counting(proving(looker(backend, profile, metrics.watch), ready))
        opening = opened_desk(store, profile, settings, limits_of(settings), inspect=look, model=backend.model, prompt_id=prompt.id)
        desk, eraser = stack.enter_context(opening)
        reports = Reports(store.path)
        stack.callback(reports.close)
        sure = percents(settings.data / FOLDER)
        learned = stack.enter_context(opened_learning(store, desk, profile, settings, switcher(backend, profile)))
        jobs = settings.data / TRAININGS
        trainings = Trainings(jobs, settings.profile_file)
        lessons = Lessons(store, profile, desk.picture, settings.see_faces)
        more = [model_routes(desk, Registry(settings, profile)), erasing_routes(eraser)]
        more += learning_routes(desk, learned, trainings, Places(settings), jobs, as_json)
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a person stops it
            app = create(
                desk,
                reports,
                settings,
                ready=lambda: store.failed or ready(),
                metrics=metrics,
                calibrated=sure,
                members=members,
                more=more,
                learning=Learning(*learned.verbs, trainings, learned.exports, lessons),
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

    return choosing.answer(asked, Registry(settings, profile_of(settings)))


def people(asked: argparse.Namespace, settings: Settings) -> int:
    """Who may come in. All but `list` needs the record for itself; while a server has it, an admin does the same through its API."""
    from annotations.entering.members import Members
    from annotations.entering.people import everybody
    from annotations.store import FILE, Store

    if asked.act == "list":
        with record_of(settings) as record, record.reading() as connection:
            print(*admitting.lines(everybody(connection), as_json=asked.json), sep="\n")
        return 0
    with Store(settings.data / FILE) as store:
        return admitting.answer(asked, Members(store), settings.public_address)


def queue(asked: argparse.Namespace, settings: Settings) -> int:
    """What to label next. All but `list` needs the record for itself; while a server has it, a lead does the same through its API."""
    from annotations.learning.opening import picking_of

    with record_of(settings, writes=asked.act != "list") as record:
        return drawing.answer(asked, picking_of(record, profile_of(settings), settings))


def dataset(asked: argparse.Namespace, settings: Settings) -> int:
    """Frozen sets, and the look through an exported one before it teaches; 1 when it must not."""
    from annotations.augmented import add_further
    from annotations.learning.opening import sets_of
    from core.augmenting.plan import Plan
    from core.preflight.checking import check

    profile = profile_of(settings)
    if asked.act in freezing.FOLDERS:
        return freezing.of_folder(asked, partial(check, profile=profile), lambda folder, plan: add_further(folder, Plan(**plan), profile))
    with record_of(settings, writes=asked.act == "freeze") as record:
        return freezing.answer(asked, sets_of(record, profile, settings))


def train(asked: argparse.Namespace, settings: Settings) -> int:
    """Teach, beside a running server or without one; 1 when a training ended without its adapter."""
    from core.training.places import TRAININGS, Places
    from core.training.recipe import read
    from core.training.trainings import Trainings, as_json

    trainings = Trainings(settings.data / TRAININGS, settings.profile_file)
    return teaching.answer(asked, trainings, Places(settings, anywhere=True), read, as_json)


def adapters(asked: argparse.Namespace, settings: Settings) -> int:
    """The registry. What changes it needs the record for itself; while a server has it, a lead does the same through its API."""
    from annotations.learning.adapters import Running, Said
    from annotations.learning.opening import adapters_of
    from core.looking_at import switcher

    with ExitStack() as stack:
        record, running = stack.enter_context(record_of(settings, writes=asked.act not in promoting.READS)), None
        if asked.act in promoting.ASKS_THE_MODEL:  # an adapter that the model does not take is not promoted
            profile, backend, prompt = stack.enter_context(model_of(settings))
            running = Running(Said(backend.model, prompt.id), switcher(backend, profile))
        return promoting.answer(asked, adapters_of(record, settings, running))


def export(asked: argparse.Namespace, settings: Settings) -> int:
    """Write the reviewed frames, or a frozen set, beside a running server or without one."""
    from annotations.datasets import export_dataset, export_sft
    from core.frames import Vault

    write, which = (export_dataset, [asked.dataset]) if asked.dataset else (export_sft, [])
    with record_of(settings) as record:
        of = (Vault(settings.data), profile_of(settings), *which, asked.out)
        report = write(record, *of, family=asked.family, formats=asked.formats, pictures=not asked.no_pictures)
    print(telling.exported(report, as_json=asked.json))
    return 0


def bring_in(asked: argparse.Namespace, settings: Settings) -> int:
    """Our own records, our training sets, COCO; 1 when frames were not taken."""
    from annotations.bringing.importing import Importer
    from annotations.store import FILE, Store
    from core.frames import Vault, admit
    from core.rights import LOCAL

    profile = profile_of(settings)
    with Store(settings.data / FILE) as store:
        done = Importer(store, Vault(settings.data), profile, LOCAL, limits_of(settings), admit).bring_in(asked.source)
    print(telling.brought_in(done, as_json=asked.json))
    return 1 if done.refused else 0


def evaluate(asked: argparse.Namespace, settings: Settings) -> int:
    """An exported set: 1 when its figures are red or the gate did not open. A COCO file: 1 when frames could not be read and so were not counted."""
    if not evaluating.of_coco(asked):
        return _evaluate_set(asked, settings)
    from core.evaluation.run import evaluate_coco

    with model_of(settings) as (profile, backend, _):
        figures = evaluate_coco(asked.place, asked.images, asked.map, backend, profile, limits_of(settings), seen=telling.tick)
    for each in figures["unreadable"]:
        print(f"{each['file']} could not be read and was not counted: {each['error']}", file=sys.stderr)
    print(evaluating.told(figures, as_json=asked.json))
    return 1 if figures["unreadable"] else 0


def _evaluate_set(asked: argparse.Namespace, settings: Settings) -> int:
    """The model in use on the test part of a set; with an adapter, both and the gate between them; with a judge, its marks beside people's."""
    from annotations.learning.opening import keep_gate
    from annotations.learning.promotions import promoted_in
    from annotations.reviewing.doubles import doubles
    from annotations.store import FILE
    from core.backends.opening import open_model
    from core.evaluation import whole
    from core.training.places import Places

    profile, out = profile_of(settings), evaluating.kept_in(asked, settings.data)
    with record_of(settings) if (settings.data / FILE).is_file() else nullcontext() as known:
        pairs = whole.Known(doubles=tuple(doubles(known)) if known else ())
    adapter = Places(settings, anywhere=True).adapter(asked.adapter) if asked.adapter else None
    report = whole.evaluate_set(
        asked.place,
        profile,
        out,
        lambda: closing(open_model(settings, promoted_in(settings.data))),
        (lambda: closing(open_model(settings, lambda base: adapter))) if adapter else None,
        metric=asked.metric,
        known=pairs,
        seen=telling.tick,
    )
    if asked.judge:
        with closing(open_model(replace(settings, model=asked.judge))) as backend:
            report["judge"] = whole.judged(backend, asked.place, out, asked.marks, adapted=adapter is not None)
    if asked.keep:
        with record_of(settings, writes=True) as record:
            keep_gate(record, settings, asked.adapter, report, evaluating.BY, whole.frames_to_judge_by(asked.place))
    print(evaluating.told(report, as_json=asked.json, kept=out))
    return evaluating.code(report)


def calibrate(asked: argparse.Namespace, settings: Settings) -> int:
    """From the record, beside a running server or without one: calibrators for every model and prompt that people's words can be held against."""
    from annotations.queueing.listing import judged
    from core.evaluation import calibration
    from core.evaluation.percents import FOLDER

    profile = profile_of(settings)
    with record_of(settings) as record:
        pairs = list(judged(record))
    made = list(calibration.kept(pairs, profile, settings.data / FOLDER))
    for each, measured, frames in made:
        print(telling.calibrated(each, measured, frames=frames, as_json=asked.json))
    if not made:
        raise StoreError("Nobody has corrected or confirmed a frame of which the model said how sure it is. Review some frames first.")
    return 0


def doctor(asked: argparse.Namespace, settings: Settings) -> int:
    """A line a question; 1 when something that is needed does not work."""
    from annotations.engine import is_sound, version
    from core.checkup import checks, database, port

    mine = (database(version(), sound=is_sound()), port(settings.port, lambda: listening(settings)))
    return telling.checked(chain(mine, checks(settings)), as_json=asked.json)


def profile_of(settings: Settings) -> Profile:
    """What is looked for. Raises ProfileError."""
    from core.profile import read

    return read(settings.profile_file)


@contextmanager
def model_of(settings: Settings) -> Iterator[tuple[Profile, Backend, Prompt]]:
    """The profile, the model that is asked about it with the adapter that was promoted, and the question. Its process ends with the block."""
    from annotations.learning.promotions import promoted_in
    from core.backends.opening import open_model
    from core.prompts import build

    profile = profile_of(settings)
    backend = open_model(settings, promoted_in(settings.data))
    try:
        yield profile, backend, build(profile, backend.prompt_style, backend.box_format)
    finally:
        backend.close()


@contextmanager
def record_of(settings: Settings, *, writes: bool = False) -> Iterator[Reader]:
    """The record, beside a running server; `writes`: for itself. Raises StoreError where there is none: --data may be mistyped."""
    from annotations.store import FILE, Store

    place = settings.data / FILE
    if not place.is_file():
        raise StoreError(f"There is no record in {settings.data}, so there is nothing in it. Is --data the folder of the inspector?")
    with Store(place) if writes else Store.open_readonly(place) as record:
        yield record


def limits_of(settings: Settings) -> Limits:
    """How large a frame may be."""
    from core.frames import Limits

    return Limits(settings.max_upload_mib * 2**20, round(settings.max_megapixels * 1e6), settings.max_side)


if __name__ == "__main__":
    sys.exit(main())
