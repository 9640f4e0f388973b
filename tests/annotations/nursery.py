"""Starts processes that are to be killed, hundreds of them, without loading everything anew for each: one mother that forks.

    python -m tests.annotations.nursery MODULE

The module's `prepare`, if it has one, is called once, by the mother. A line on its standard input (JSON: function of MODULE, told) starts a process that calls it. On standard output: `begun PID` from the child,
whatever the child says, `ended STATUS` from the mother. `Nursery` is the test's side of it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from core.settings import ROOT

SECONDS = 30.0  # in which a process that was asked to end must have ended


class Nursery:
    """`module`: where the functions are that children call; `wrapped`: a program that starts the mother, such as a tracer."""

    def __init__(self, module: str, wrapped: Sequence[str] = ()) -> None:
        command = [*wrapped, sys.executable, "-m", "tests.annotations.nursery", module]
        self._mother = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, function: str, told: Mapping[str, Any]) -> int:
        """A child that calls the function; its process id."""
        assert self._mother.stdin is not None
        self._mother.stdin.write(json.dumps({"function": function, "told": told}) + "\n")
        self._mother.stdin.flush()
        return int(self.heard("begun"))

    def heard(self, word: str) -> str:
        """What the child, or the mother of it, says behind this word; other lines before it are passed over."""
        assert self._mother.stdout is not None
        while line := self._mother.stdout.readline():
            said, _, value = line.rstrip("\n").partition(" ")
            if said == word:
                return value
            assert said != "ended", f"the child ended ({value}) before it said {word}"
        raise AssertionError(f"the mother is gone before anybody said {word}")

    def ended(self) -> int:
        """Wait for the child's end; its exit code, or minus the signal that ended it."""
        return os.waitstatus_to_exitcode(int(self.heard("ended")))

    def killed(self, pid: int) -> bool:
        """End it with kill -9; False: it had ended by itself, without a fault, before that."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        code = self.ended()
        assert code in (0, -signal.SIGKILL), f"it ended with {code}"
        return code != 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.close()
        try:
            self._mother.wait(SECONDS if kind is None else 1)
        except subprocess.TimeoutExpired:
            self._mother.kill()
            self._mother.wait()
        self._mother.stdout.close()


def say(words: str) -> None:
    """A child's line for the test; one call, so it is there whole or not at all."""
    os.write(1, f"{words}\n".encode())


def main() -> None:
    """One child after the other."""
    module = importlib.import_module(sys.argv[1])
    getattr(module, "prepare", lambda: None)()
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                say(f"begun {os.getpid()}")
                getattr(module, asked["function"])(asked["told"])
                status = 0
            except BaseException:  # noqa: BLE001 - a child must never go on in this loop
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        say(f"ended {os.waitpid(pid, 0)[1]}")


if __name__ == "__main__":
    main()
