"""How a program at a terminal ends: its exit code when nobody reads on, when the disk is full, when somebody stops it. Knows no verb."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from core.errors import AppError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def code_of(work: Callable[[], int]) -> int:
    """What the work gives; 1 with the sentence of an AppError, and when nothing more can be written; 130 after Ctrl-C; 141 when nobody reads on."""
    try:
        try:
            return _said(work)
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


def _said(work: Callable[[], int]) -> int:
    try:
        return work()
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def stop(*_: object) -> NoReturn:
    """SIGTERM ends the program by the way out that every `with` block knows."""
    raise SystemExit(0)


def _drop_output() -> None:
    """What still waits to be written goes nowhere: the interpreter flushes once more when it ends, and would fail again."""
    with suppress(OSError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
