"""`launch.py adapters` as a person types it, over a real registry; what it prints, and that it says what to do next."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from annotations.learning.promotions import FOLDER
from annotations.store import Store
from core.errors import Malformed, OutOfTurn
from tests.annotations.desks import new_record
from tests.annotations.freezing.sets import corrected, sets_of, taken
from tests.annotations.learning.nursery import BASE, adapter, training
from ui.terminal import adapters as registry


def typed(store: Store, folder: Path, *words: str) -> int:
    """`launch.py adapters` with these words."""
    from annotations.learning.adapters import Adapters

    top = argparse.ArgumentParser()
    registry.arguments(top.add_subparsers(), argparse.ArgumentParser(add_help=False))
    return registry.answer(top.parse_args(["adapters", *words]), Adapters(store, folder / FOLDER))


def test_an_adapter_is_registered_promoted_asked_about_and_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(new_record(tmp_path)) as store:
        frames = corrected(store, tmp_path, 6)
        sets = sets_of(store, tmp_path)
        sets.freeze("first", by="boss")
        job = training(tmp_path / "jobs" / "run-1", dataset={"name": "first", "digest": sets.one("first").digest})
        typed(store, tmp_path, "list")
        assert capsys.readouterr().out == "The base speaks alone.\n"
        typed(store, tmp_path, "register", str(job), "--name", "bench-2")
        said = capsys.readouterr().out
        assert "taught by the data set first; its gate was passed" in said
        assert "`launch.py adapters promote bench-2 --why WHY`" in said
        typed(store, tmp_path, "promote", "bench-2", "--why", "+3 points")
        assert "speaks from the next start on" in capsys.readouterr().out
        typed(store, tmp_path, "list")
        assert capsys.readouterr().out.startswith("-> bench-2 ")
        typed(store, tmp_path, "show", "bench-2")
        shown = capsys.readouterr().out
        assert f"beside {BASE}: passed" in shown
        assert "ok  Field F1 rose" in shown
        assert "  lin: " in shown
        typed(store, tmp_path, "lineage", "--frame", frames[0].id, "--revision", "1")
        assert "it speaks now" in (told := capsys.readouterr().out) or "judged by it" in told
        typed(store, tmp_path, "lineage", "--adapter", "bench-2", "--json")
        assert json.loads(capsys.readouterr().out)["datasets"][0]["name"] == "first"
        typed(store, tmp_path, "roll-back", "--why", "worse")
        assert capsys.readouterr().out == "The base alone speaks from the next start on.\n"
        typed(store, tmp_path, "list", "--json")
        assert json.loads(capsys.readouterr().out)["live"] is False


def test_what_is_refused_is_one_sentence(tmp_path: Path) -> None:
    with Store(new_record(tmp_path)) as store:
        taken(store, tmp_path, 1)
        typed(store, tmp_path, "register", str(adapter(tmp_path / "bare")))
        with pytest.raises(OutOfTurn, match="never measured beside"):
            typed(store, tmp_path, "promote", "bare", "--why", "x")
        with pytest.raises(Malformed, match="Say why"):
            typed(store, tmp_path, "promote", "bare", "--why", "", "--anyway")
        typed(store, tmp_path, "promote", "bare", "--why", "by eye", "--anyway")
        with pytest.raises(SystemExit):
            typed(store, tmp_path, "promote", "bare")
