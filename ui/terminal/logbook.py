"""A file of answers, one JSON object a line, that grows while frames are judged and can be gone on with after a break. Judges nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from core.errors import ExportError


class Logbook:
    """`path` None: nothing is kept. Safe to ask from many threads; written by one.

    An answer counts for the same bytes, model and prompt: another of the three, and the frame is asked about again. Frames that failed
    are tried again. Raises ExportError for a file that cannot be written, holds something else, or holds answers and is not to be gone on with.
    """

    def __init__(self, path: Path | None, model: str, prompt_id: str, *, resume: bool) -> None:
        self._path, self._key = path, (model, prompt_id)
        self._places: dict[str, int] = {}  # frame id -> where its line begins
        self._levels: dict[tuple[str, str], str | None] = {}  # (file, frame id) -> the level that was said
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        if path is None:
            return
        try:
            if not resume and path.exists() and path.stat().st_size:
                raise ExportError(f"{path} holds answers already. Go on with it by --resume {path}, or choose another file.")
            self._file = path.open("r+b" if path.exists() else "w+b")
            with _closed_if_wrong(self._file):
                self._read(self._file)
        except OSError as error:
            raise ExportError(f"{path}: answers cannot be kept here ({error.strerror or error}).") from error

    def has(self, file: str, frame_id: str) -> bool:
        """Whether this very file has its line."""
        return (file, frame_id) in self._levels

    def level(self, file: str, frame_id: str) -> str | None:
        """The level in its line."""
        return self._levels[file, frame_id]

    def known(self, file: str, frame_id: str) -> dict[str, Any] | None:
        """The line of the same frame under another name, as this file's; None: it was not asked about."""
        if frame_id not in self._places or self._file is None:
            return None
        with self._lock:
            self._file.seek(self._places[frame_id])
            line: dict[str, Any] = json.loads(self._file.readline())
        return {**line, "file": file}

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line; it is with the system when this returns."""
        if self._file is None:
            return
        with self._lock:
            try:
                at = self._file.seek(0, 2)
                self._file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
                self._file.flush()
            except OSError as error:
                raise ExportError(f"{self._path}: an answer could not be written ({error.strerror or error}).") from error
        self._keep(line, at)

    def _read(self, file: BinaryIO) -> None:
        """What is there. Half a line at the end is what a break left of an answer: it is cut off and asked for again."""
        at = whole = 0
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                break
            try:
                line = json.loads(raw)
                self._keep(line, at)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ExportError(f"{self._path}, line {number}: this is no answer of `launch.py inspect`. Choose another file.") from error
            at = whole = at + len(raw)
        file.truncate(whole)

    def _keep(self, line: Mapping[str, Any], at: int) -> None:
        if not isinstance(line["file"], str):
            raise TypeError("file")
        if "error" in line or (line["model"], line["prompt_id"]) != self._key:
            return
        self._places.setdefault(line["frame_id"], at)
        self._levels[line["file"], line["frame_id"]] = line["risk"]["level"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            with suppress(OSError):  # every line was flushed; one that could not be was said, and closing tries it again
                self._file.close()


@contextmanager
def _closed_if_wrong(file: BinaryIO) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.close()
        raise
