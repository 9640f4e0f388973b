"""The pool's columns, read from the record once and kept: what came since is read the next time. Ranks nothing, writes nothing.

Opinions only grow, so the highest numbers that were read tell what is new; an erasure is the one thing that begins all anew. What changes in place
(who waits, how uncertain, which scene) is read each time. At 100,000 frames with vectors of 384 numbers this holds some 100 MB, let go by `forget`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import orjson
from numpy.typing import NDArray

from annotations.picking.drift import Drift
from annotations.picking.measured import Body, disagreement, measures, shown
from annotations.picking.pool import Pool
from annotations.picking.scenes import camera_of

Floats = NDArray[np.float32]
MEASURED = ("margin", "entropy", "missed", "high", "sampled", "disagreement")

_SAID = (
    "SELECT a.seq, a.frame, a.body, a.reply IS NOT NULL AS replied, CASE WHEN r.tokens IS NULL THEN r.others END AS others "
    "FROM assessments a LEFT JOIN replies r ON r.seq = a.reply WHERE a.seq > ? ORDER BY a.seq"
)
_OF_TWO = "SELECT frame FROM assessments GROUP BY frame HAVING min(model) <> max(model)"
_WAITING = (
    "SELECT s.frame, s.uncertainty FROM frame_states s INDEXED BY frame_states_by_verdict "
    "WHERE s.verdict IS NULL AND s.binned = 0 AND NOT EXISTS (SELECT 1 FROM open_tasks o WHERE o.frame = s.frame)"
)


class Columns:
    """One entry a frame of the record, in the order of their numbers. Not safe for several threads."""

    def __init__(self, choices: Mapping[str, int], eyes_id: str) -> None:
        self._choices, self._drift = dict(choices), Drift(eyes_id)
        self.forget()

    def forget(self) -> None:
        """Let go of all that was read."""
        self._erased = self._last_said = self._last_told = 0
        self.frames = np.zeros(0, np.int64)
        self._camera, self._hour = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._cameras: dict[str, int] = {}
        self._measured: dict[str, Floats] = {name: np.zeros(0, np.float32) for name in MEASURED}
        self._garbled, self._labelled = np.zeros(0, np.bool_), np.zeros(0, np.bool_)
        self._words: dict[str, int] = {}  # what can be shown -> its column below
        self._shown, self._told = np.zeros((0, 0), np.bool_), np.zeros((0, 0), np.bool_)  # words x frames: by machines, by people
        self._drift.forget()

    def pool(self, connection: sqlite3.Connection, threshold: float | None = None) -> Pool:
        """The frames that wait for a person and were not drawn yet. `threshold`: of high risk, as it was promised; None: nothing was promised."""
        self.refresh(connection)
        waiting = np.array([tuple(row) for row in connection.execute(_WAITING)], np.float64).reshape(-1, 2)
        waiting = waiting[np.argsort(waiting[:, 0])]
        numbers = waiting[:, 0].astype(np.int64)
        rows = np.searchsorted(self.frames, numbers)
        measured = {name: column[rows] for name, column in self._measured.items()}
        sampled = measured.pop("sampled")
        apart = np.where(np.isnan(measured["disagreement"]), sampled, measured["disagreement"])
        return Pool(
            frames=numbers,
            uncertain=waiting[:, 1].astype(np.float32),
            **{**measured, "disagreement": apart},
            garbled=self._garbled[rows],
            rare=self._rare()[rows],
            drifted=self._drift.drifted()[rows],
            threshold=_near(measured["high"], threshold),
            camera=self._camera[rows],
            hour=self._hour[rows],
            scene=self._scenes(connection)[rows],
            vectors=self._drift.vectors(rows),
        )

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read what came since the last time."""
        erased = connection.execute("SELECT coalesce(max(seq), 0) FROM erasures").fetchone()[0]
        if erased != self._erased:
            self.forget()
            self._erased = erased
        self._read_frames(connection)
        self._read_assessments(connection)
        self._read_corrections(connection)
        self._drift.refresh(connection, self.frames, self._labelled)

    def _read_frames(self, connection: sqlite3.Connection) -> None:
        last = int(self.frames[-1]) if len(self.frames) else 0
        found = connection.execute(
            "SELECT seq, source, site, name, taken_at, received_at FROM frames WHERE seq > ? ORDER BY seq", (last,)
        ).fetchall()
        if not found:
            return
        cameras = [camera_of(row["source"], row["site"], row["name"]) for row in found]
        codes = [self._cameras.setdefault(camera, len(self._cameras)) for camera in cameras]
        self.frames = np.concatenate([self.frames, np.array([row["seq"] for row in found], np.int64)])
        self._camera = np.concatenate([self._camera, np.array(codes, np.int32)])
        self._hour = np.concatenate([self._hour, np.array([_hour(row["taken_at"] or row["received_at"]) for row in found], np.int64)])
        more = len(found)
        self._measured = {name: np.concatenate([column, np.full(more, np.nan, np.float32)]) for name, column in self._measured.items()}
        self._garbled = np.concatenate([self._garbled, np.zeros(more, np.bool_)])
        self._labelled = np.concatenate([self._labelled, np.zeros(more, np.bool_)])
        self._shown, self._told = (np.pad(each, ((0, 0), (0, more))) for each in (self._shown, self._told))

    def _read_assessments(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(_SAID, (self._last_said,))
        changed: dict[int, tuple[float, ...]] = {}
        words: dict[int, set[str]] = {}
        garbled: dict[int, bool] = {}
        for row in found:
            body = orjson.loads(row["body"])
            said = measures(body, self._choices, replied=bool(row["replied"]), sampled=(row["others"] or "[]") != "[]")
            changed[row["frame"]] = (said.margin, said.entropy, said.missed, said.high, said.sampled)
            garbled[row["frame"]], words[row["frame"]] = said.garbled, shown(body)
            self._last_said = row["seq"]
        if not changed:
            return
        rows = np.searchsorted(self.frames, np.fromiter(changed, np.int64))
        for name, values in zip(MEASURED, zip(*changed.values(), strict=True), strict=False):
            self._measured[name][rows] = values
        self._garbled[rows] = list(garbled.values())
        self._shown = self._marked(self._shown, rows, list(words.values()))
        self._hold_against(connection, set(changed))

    def _hold_against(self, connection: sqlite3.Connection, changed: set[int]) -> None:
        """Of the frames of which two models spoke, how far the latest words of the two latest are apart."""
        if len(changed) > 100:  # else each is asked for alone
            changed &= {row["frame"] for row in connection.execute(_OF_TWO)}
        for frame in changed:
            latest: dict[str, Body] = {}
            for row in connection.execute("SELECT model, body FROM assessments WHERE frame = ? ORDER BY seq DESC", (frame,)):
                latest.setdefault(row["model"], row["body"])
            if len(latest) > 1:
                one, other = (orjson.loads(body) for body in list(latest.values())[:2])  # type: ignore[arg-type]
                self._measured["disagreement"][np.searchsorted(self.frames, frame)] = disagreement(one, other)

    def _read_corrections(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("SELECT seq, frame, verdict, body FROM corrections WHERE seq > ? ORDER BY seq", (self._last_told,))
        latest: dict[int, tuple[str, str]] = {}
        for row in found:
            latest[row["frame"]] = (row["verdict"], row["body"])
            self._last_told = row["seq"]
        if not latest:
            return
        rows = np.searchsorted(self.frames, np.fromiter(latest, np.int64))
        reviewed = [verdict == "reviewed" for verdict, _ in latest.values()]
        words = [shown(orjson.loads(body)) if truth else set() for truth, (_, body) in zip(reviewed, latest.values(), strict=True)]
        self._labelled[rows] = reviewed
        self._told = self._marked(self._told, rows, words)

    def _marked(self, table: NDArray[np.bool_], rows: NDArray[np.int64], words: list[set[str]]) -> NDArray[np.bool_]:
        """The table with what is shown in these frames; both tables grow with words that are new."""
        for each in words:
            for word in each:
                self._words.setdefault(word, len(self._words))
        table = np.pad(table, ((0, len(self._words) - len(table)), (0, 0)))
        table[:, rows] = False
        columns = np.fromiter((self._words[word] for each in words for word in each), np.int64)
        table[columns, np.repeat(rows, [len(each) for each in words])] = True
        return table

    def _rare(self) -> Floats:
        """1 - the share of labelled frames that show the rarest of what a frame seems to show; NaN: nothing is shown, or nothing is labelled."""
        rare = np.full(len(self.frames), np.nan, np.float32)
        labelled = int(self._labelled.sum())
        if not labelled:
            return rare
        counts = np.zeros(len(self._shown), np.int64)
        told = self._told[: len(self._shown), :].sum(axis=1)
        counts[: len(told)] = told
        for word in np.argsort(-counts):  # the rarest last, so that it stands
            rare[self._shown[word]] = 1 - counts[word] / labelled
        return rare

    def _scenes(self, connection: sqlite3.Connection) -> NDArray[np.int64]:
        scenes = self.frames.copy()
        found = np.array([tuple(row) for row in connection.execute("SELECT frame, scene FROM scenes")], np.int64).reshape(-1, 2)
        scenes[np.searchsorted(self.frames, found[:, 0])] = found[:, 1]
        return scenes


def _near(high: Floats, threshold: float | None) -> Floats:
    """1 where the probability of high risk is the promise's threshold, falling evenly to 0 at the end that is farther; NaN: nobody knows."""
    if threshold is None:
        return np.full(len(high), np.nan, np.float32)
    return np.asarray(np.clip(1 - np.abs(high - threshold) / max(threshold, 1 - threshold), 0, 1), np.float32)


def _hour(at: str) -> int:
    """Hours since 1970, of a clock of which only differences count."""
    moment = datetime.fromisoformat(at)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 3600)
