"""A real server in a process of its own on loopback, for tests that want the wire. Started as a person starts it, stopped by SIGTERM."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS, STOP_SECONDS = 90.0, 15.0


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path
    data: Path

    def client(self) -> httpx.Client:
        """A client of it, which knows no proxy."""
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code. Fails when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"still running {STOP_SECONDS:.0f} s after {how.name}:\n{self.log.read_text('utf-8')}") from None


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


def command(*words: str | Path) -> list[str]:
    """launch.py with these words."""
    return [sys.executable, str(ROOT / "launch.py"), *map(str, words)]


def launched(*words: str | Path, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run launch.py to its end."""
    return subprocess.run(command(*words), cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)


def scripted(path: Path, reply: dict[str, object], *, frame_id: str = "*") -> str:
    """Write a script for the backend that answers by it; the --model that names it."""
    path.write_text(json.dumps({frame_id: json.dumps(reply, separators=(",", ":"))}), "utf-8")
    return f"scripted:{path}"


@contextmanager
def serving(data: Path, model: str, *words: str | Path) -> Iterator[Served]:
    """A server on this data folder; stopped at the end, if the test has not."""
    port, log = free_port(), data.with_name(f"{data.name}.log")
    with log.open("wb") as out:
        line = command("run", "--data", data, "--port", str(port), "--no-browser", "--model", model, *words)
        process = subprocess.Popen(line, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    served = Served(f"http://127.0.0.1:{port}", process, log, data)
    try:
        _wait(served)
        yield served
    finally:
        served.stop()


def _wait(served: Served) -> None:
    end = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < end:
            if served.process.poll() is not None:
                break
            try:
                if client.get(f"{served.address}/livez").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise AssertionError(f"the server does not serve:\n{served.log.read_text('utf-8')}")
