"""`launch.py queue` at a terminal: what it draws, lists and looks at, and how it tells."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.desk import Desk
from annotations.picking.drawn import Picking
from annotations.store import Store
from core.frames import Vault
from tests.annotations.desks import BENCH, desk_of, new_record
from tests.makers import jpeg
from tests.serving import launched
from ui.terminal import drawing


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(new_record(tmp_path)) as store:
        yield store


@pytest.fixture
def picking(store: Store, tmp_path: Path) -> Picking:
    desk: Desk = desk_of(store, tmp_path)
    for number in range(3):
        desk.receive(jpeg(64 + number, 48), f"{number}.jpg", by="lin")
    return Picking(store, Vault(tmp_path), BENCH)


def run(picking: Picking, *words: str) -> int:
    top = argparse.ArgumentParser()
    drawing.arguments(top.add_subparsers(), argparse.ArgumentParser(add_help=False))
    return drawing.answer(top.parse_args(["queue", *words]), picking)


def test_a_draw_and_the_list_of_draws(picking: Picking, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(picking, "draw", "--budget", "2", "--policy", "random", "--seed", "3") == 0
    assert "random (random 1): 2 of 3 frames, 0 done" in capsys.readouterr().out
    assert run(picking, "draw", "--budget", "1", "--mix", "risk=2", "rare=1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["mix"] == {"risk": 2.0, "rare": 1.0}
    assert run(picking, "list", "--json") == 0
    assert [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()] == [2, 1]


def test_a_look_tells_what_it_filled_in(picking: Picking, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(picking, "look", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"prints": 3, "vectors": 0, "unreadable": 0, "eyes": None}
    assert run(picking, "look") == 0
    assert "0 prints, 0 vectors (no model here can see alone)" in capsys.readouterr().out


def test_a_look_that_met_what_it_cannot_read_is_no_success(picking: Picking, store: Store, tmp_path: Path) -> None:
    with store.reading() as connection:
        frame_id = connection.execute("SELECT id FROM frames ORDER BY seq").fetchone()["id"]
    Vault(tmp_path).remove(frame_id)
    assert run(picking, "look") == 1


@pytest.mark.parametrize("words", [["draw"], ["draw", "--budget", "0"], ["draw", "--budget", "2", "--mix", "risk"], []], ids=str)
def test_what_cannot_be_understood_is_said(picking: Picking, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        run(picking, *words)


@pytest.mark.parametrize("words", [("list",), ("draw", "--budget", "1")], ids=["list", "draw"])
def test_without_a_record_it_is_one_sentence_and_none_is_made(words: tuple[str, ...], tmp_path: Path) -> None:
    done = launched("queue", *words, "--data", tmp_path / "data")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no record" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
