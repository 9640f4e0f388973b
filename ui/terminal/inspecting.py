"""`launch.py inspect`: files, folders and videos in, a line a frame out, several asked at once. It is handed how to look and how to ask."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

from core.errors import FrameRefused, ModelError
from core.profile import Profile
from core.schema import Assessment, Frame
from ui.terminal.gathering import gather, nothing_at
from ui.terminal.logbook import Logbook
from ui.terminal.telling import go_on, said, totals
from ui.wire import inspection_line

TOGETHER = 16
"""Frames that are asked about at the same time: what the largest batch takes."""


class Still(Protocol):
    """A picture of a video (`core.footage.Still`)."""

    @property
    def name(self) -> str: ...
    def jpeg(self) -> bytes: ...


class Footage(Protocol):
    """The stills of a video, and how many were left out because they show the same (`core.footage.Footage`)."""

    alike: int

    def __iter__(self) -> Iterator[Still]: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What the terminal cannot do itself."""

    read: Callable[[Path], bytes]  # a file's bytes; raises FrameRefused
    take: Callable[[bytes, str], Frame]  # bytes and a name -> a frame; raises FrameRefused
    ask: Callable[[Frame, bytes], Assessment]  # raises ModelError, FrameRefused; Abandoned after `stop`
    stop: Callable[[], object]  # nobody waits any more
    footage: Callable[[Path], Footage]
    videos: Collection[str]  # suffixes
    model: str
    prompt_id: str


@dataclass(slots=True)
class _Tally:
    """What came out so far."""

    levels: Counter[str]
    unread: int = 0
    empty: int = 0  # words that stand for no frame
    known: int = 0  # answered in an earlier run
    alike: int = 0  # stills that were left out


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of a frame. `line` None: it has its line already, from an earlier run, and said `level`."""

    line: dict[str, Any] | None
    level: str | None = None
    error: bool = False
    empty: bool = False  # there is no frame, so none is counted


_Question = Callable[[], _Answer]


def arguments(one: argparse.ArgumentParser) -> None:
    """The flags of the verb."""
    one.add_argument("files", metavar="FILE", nargs="+", help="pictures, videos, folders, or patterns in quotes such as 'frames/**/*.jpg'")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    one.add_argument("--every", metavar="SECONDS", type=_seconds, default=1.0, help="of a video, a still every so often (default 1)")
    kept = one.add_mutually_exclusive_group()
    kept.add_argument("--out", metavar="FILE.jsonl", type=Path, help="write the answers into this file")
    kept.add_argument("--resume", metavar="FILE.jsonl", type=Path, help="go on with this file: what it has an answer to is not asked again")


def inspect(asked: argparse.Namespace, work: Work, profile: Profile, language: str) -> int:
    """What cannot be read or answered is said, the rest is done, and the exit code is 1."""
    tally, kept = _Tally(Counter()), asked.resume or asked.out
    try:
        _answer_all(asked, work, profile, language, tally)
    except KeyboardInterrupt:
        if kept is not None:
            print(_totals(tally, language), go_on(shlex.quote(str(kept)), language), sep="\n", file=sys.stderr)
        raise
    if tally.levels.total() + tally.unread > 1 or kept is not None:
        print(_totals(tally, language), file=sys.stderr if asked.json else sys.stdout)
    return 1 if tally.unread or tally.empty else 0


def _totals(tally: _Tally, language: str) -> str:
    return totals(tally.levels, language, unread=tally.unread, known=tally.known, alike=tally.alike)


def _answer_all(asked: argparse.Namespace, work: Work, profile: Profile, language: str, tally: _Tally) -> None:
    """Ask, print and keep, and count into `tally` as it goes: whoever breaks it off is told how far it came."""
    from tqdm import tqdm

    paths, kept = list(gather(asked.files, work.videos)), asked.resume or asked.out
    quiet = kept is not None
    countable = not any(path.suffix.lower() in work.videos for path in paths)
    with (
        Logbook(kept, work.model, work.prompt_id, resume=asked.resume is not None) as book,
        tqdm(total=len(paths) if countable else None, unit=" frames", leave=False, disable=not sys.stderr.isatty(), file=sys.stderr) as bar,
        closing(_in_order(_questions(paths, work, book, tally), work.stop)) as answers,
    ):
        for answer in answers:
            bar.update()
            line = answer.line
            tally.unread += answer.error and not answer.empty
            tally.empty += answer.empty
            tally.known += line is None
            if not answer.error:
                tally.levels[answer.level or "undetermined"] += 1
            if line is None:
                continue
            book.write(line)
            if asked.json or not quiet or answer.error:
                text = json.dumps(line, ensure_ascii=False) if asked.json else said(line, profile, language)
                tqdm.write(text, file=sys.stderr if quiet and not asked.json else sys.stdout)
                sys.stdout.flush()


def _questions(paths: Iterable[Path], work: Work, book: Logbook, tally: _Tally) -> Iterator[_Question]:
    """One question a picture, made while the ones before it are answered."""
    for path in paths:
        why = nothing_at(path)
        if why is not None:
            yield lambda line={"file": str(path), "error": why}: _Answer(line, error=True, empty=True)  # type: ignore[misc]
        elif path.suffix.lower() in work.videos:
            yield from _stills(path, work, book, tally)
        else:
            yield _about(str(path), path.name, lambda path=path: work.read(path), work, book)  # type: ignore[misc]


def _stills(path: Path, work: Work, book: Logbook, tally: _Tally) -> Iterator[_Question]:
    footage = work.footage(path)
    try:
        for still in footage:
            yield _about(str(path.parent / still.name), still.name, still.jpeg, work, book)
    except FrameRefused as error:
        line = _refusal(str(path), path.name, error)
        yield lambda: _Answer(line, error=True)
    tally.alike += footage.alike


def _about(file: str, name: str, content: Callable[[], bytes], work: Work, book: Logbook) -> _Question:
    def ask() -> _Answer:
        try:
            given = content()
            frame = work.take(given, name)
            if book.has(file, frame.id):
                return _Answer(None, book.level(file, frame.id))
            line = book.known(file, frame.id) or inspection_line(frame, work.ask(frame, given), file)
        except (FrameRefused, ModelError) as error:
            return _Answer(_refusal(file, name, error), error=True)
        return _Answer(line, line["risk"]["level"])

    return ask


def _refusal(file: str, name: str, error: Exception) -> dict[str, Any]:
    """A line for what has no answer. Refusals begin with the name as it may be shown, which the line says already."""
    why, last = str(error), PurePath(name).name
    for said_already in (file, name, last, "".join(sign for sign in last if sign.isprintable())):
        why = why.removeprefix(f"{said_already}: ")
    return {"file": file, "error": why[:1].upper() + why[1:]}


def _in_order(questions: Iterable[_Question], stop: Callable[[], object]) -> Generator[_Answer, None, None]:
    """The answers in the order of the questions, of which TOGETHER are on their way at the same time. Ends them when it is left early."""
    waiting: deque[Future[_Answer]] = deque()
    threads = ThreadPoolExecutor(TOGETHER, thread_name_prefix="inspect")
    try:
        for question in questions:
            waiting.append(threads.submit(question))
            while waiting and (len(waiting) >= TOGETHER or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stop()
        threads.shutdown(wait=False, cancel_futures=True)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 86_400:
        raise argparse.ArgumentTypeError("must be a number of seconds from 0.01 to 86400")
    return value
