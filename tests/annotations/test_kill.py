"""A program that is killed in the middle of saving loses nothing that it had acknowledged, and leaves nothing half done."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from annotations.store import Store
from core.settings import ROOT
from tests.annotations.keeping import broken

THREADS = 4


def saved_until_killed(record: Path, seconds: float) -> list[str]:
    """Keys that the program acknowledged before it was killed, `seconds` after the first."""
    command = [sys.executable, "-m", "tests.annotations.saver", str(record), str(THREADS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as saver:
        assert saver.stdout is not None
        first = saver.stdout.readline()
        time.sleep(seconds)
        saver.send_signal(signal.SIGKILL)
        rest, faults = saver.communicate(timeout=30)
    assert saver.returncode == -signal.SIGKILL, faults
    assert faults == ""
    return [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.parametrize("kills", [20, pytest.param(1000, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_no_acknowledged_correction_is_lost_by_a_kill(tmp_path: Path, kills: int) -> None:
    dice = random.Random(7)
    record = tmp_path / "record.sqlite3"
    acknowledged: list[str] = []
    for _ in range(kills):
        acknowledged += [key.strip() for key in saved_until_killed(record, dice.uniform(0.005, 0.2))]
    with Store(record) as store, store.reading() as connection:
        kept = [row["note"] for row in connection.execute("SELECT note FROM corrections")]
    lost = set(acknowledged) - set(kept)
    assert (len(lost), len(kept) - len(set(kept))) == (0, 0), f"{len(lost)} of {len(acknowledged)} lost in {kills} kills"
    assert len(acknowledged) >= kills
    assert broken(record) == []


def test_the_check_would_notice_a_lost_summary(tmp_path: Path) -> None:
    record = tmp_path / "record.sqlite3"
    saved_until_killed(record, 0.05)
    assert broken(record) == []
    connection = sqlite3.connect(record, isolation_level=None)
    connection.execute("UPDATE tally_days SET corrections = corrections + 1")
    connection.close()
    assert broken(record) == ["summaries differ from a replay: tally_days"]
