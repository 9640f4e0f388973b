"""People at work, as their browsers and as programs speak to a server: draw, open, save. They count what went wrong; they judge nothing."""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson


@dataclass(slots=True)
class Diary:
    """What somebody lived through."""

    seconds: dict[str, list[float]] = field(default_factory=dict)  # by what was done
    wrong: Counter[str] = field(default_factory=Counter)  # by what was done and the status of the answer
    drawn: list[str] = field(default_factory=list)  # frames, in order
    saved: dict[str, int] = field(default_factory=dict)  # frame -> the acknowledged revision
    locked: int = 0  # answers that speak of a locked database

    def add(self, what: str, seconds: float) -> None:
        """One more."""
        self.seconds.setdefault(what, []).append(seconds)


def together(diaries: Iterable[Diary]) -> Diary:
    """All as one; `saved` of frames that several saved keeps the highest revision."""
    whole = Diary()
    for each in diaries:
        for what, seconds in each.seconds.items():
            whole.seconds.setdefault(what, []).extend(seconds)
        whole.wrong.update(each.wrong)
        whole.drawn += each.drawn
        whole.locked += each.locked
        for frame, revision in each.saved.items():
            whole.saved[frame] = max(revision, whole.saved.get(frame, 0))
    return whole


class Annotator:
    """One tab of a browser or one program, on one keep-alive connection."""

    def __init__(self, address: str, tab: str, token: str | None = None) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        self.diary = Diary()
        self.tab = tab
        self.frame: str | None = None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, what: str, method: str, path: str, body: object = None, *, write: bool = True) -> bytes | None:
        """Ask, and note how long it took; None, and a line in the diary, when the answer is no good one."""
        headers, content = dict(self._headers), None
        if body is not None:
            headers["Content-Type"], content = "application/json", orjson.dumps(body)
            if write:
                headers["Idempotency-Key"] = uuid.uuid4().hex
        began = time.perf_counter()
        status, said = self._exchange(method, path, content, headers)
        self.diary.add(what, time.perf_counter() - began)
        if status < 400:
            return said
        self.diary.wrong[f"{what} {status}"] += 1
        self.diary.locked += b"database is locked" in said
        return None

    def draw(self) -> str | None:
        """The next frame, reserved for this tab."""
        said = self.ask("next", "POST", "/api/v1/next", {"tab": self.tab, "after": self.frame}, write=False)
        self.frame = None if said is None else orjson.loads(said)["frame_id"]
        if self.frame is not None:
            self.diary.drawn.append(self.frame)
        return self.frame

    def open(self, *, picture: bool = False) -> None:
        """What a browser asks for to show a frame; how long all of it took."""
        began = time.perf_counter()
        self.ask("sheet", "GET", f"/api/v1/frames/{self.frame}")
        if picture:
            self.ask("picture", "GET", f"/api/v1/frames/{self.frame}/preview/1600")
        self.diary.add("open", time.perf_counter() - began)

    def save(self) -> None:
        """Correct the frame as one that nobody corrected before."""
        assert self.frame is not None
        said = self.ask("save", "POST", f"/api/v1/frames/{self.frame}/corrections", BODY)
        if said is not None:
            self.diary.saved[self.frame] = orjson.loads(said)["revision"]

    def cycles(self, many: int, *, opening: bool) -> None:
        """Save, draw, and as a browser does open. The frame to begin with is drawn before, outside the times of a cycle."""
        if self.frame is None:
            self.draw()
        for _ in range(many):
            if self.frame is None:
                self.diary.wrong["no frame left"] += 1
                return
            began = time.perf_counter()
            self.save()
            if self.draw() is not None and opening:
                self.open()
            self.diary.add("cycle", time.perf_counter() - began)

    def close(self) -> None:
        """Hang up; asked again it would call anew."""
        self._connection.close()

    def _exchange(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        for attempt in (0, 1):  # a connection that was closed while idle is opened once more; a write has its key
            try:
                self._connection.request(method, path, content, headers)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                if attempt:
                    return 599, b"no answer"
        raise AssertionError("one of both attempts answers")


def at_once(works: Sequence[Callable[[], object]]) -> float:
    """Each in a thread of its own; the seconds until the last one is done. Raises what the first that failed raised."""
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below, where somebody sees it
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - began


def _said(value: str) -> dict[str, Any]:
    return {"value": value, "confidence": None, "said_by": "person"}


BODY: dict[str, Any] = {
    "saw_revision": 0,
    "verdict": "reviewed",
    "findings": [
        {"label": label, "box": [0.1, 0.2, 0.4, 0.5], "confidence": None, "said_by": "person"}
        for label in ("hand", "hammer", "bolt", "wrench", "plate")
    ],
    "step": {"tool": _said("hammer"), "part": _said("bolt"), "action": _said("strike"), "phase": _said("work")},
    "violations": [],
    "risk": {"level": "none", "probabilities": {}, "reasons": [], "said_by": "person"},
    "active_seconds": 3.0,
    "note": "",
}
