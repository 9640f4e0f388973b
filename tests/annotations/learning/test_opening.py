"""What is opened to learn with: sets that know every near-duplicate, and gates that only strangers' frames decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from annotations import audit
from annotations.desk import Desk
from annotations.freezing.sets import Datasets
from annotations.learning import opening
from annotations.picking.looks import Looks
from annotations.store import Store
from core.errors import ModelLost, NotFound, OutOfTurn
from core.frames import Vault
from core.settings import Settings
from tests import makers
from tests.annotations.desks import BENCH
from tests.annotations.freezing.sets import parts_of
from tests.annotations.learning.houses import House
from tests.annotations.learning.nursery import BASE, PASSED, training

REPORT: dict[str, Any] = {"model": BASE, "gate": {"passed": True, "reasons": [dict(PASSED)]}}


class Blind:
    """Eyes of a model that is broken."""

    id = "blind"

    def __call__(self, contents: Sequence[bytes]) -> NDArray[np.float32]:
        raise ModelLost("The eyes ended.")


def at_the_terminal(store: Store, settings: Settings, stack: ExitStack) -> Datasets:
    return opening.sets_of(store, BENCH, settings)


def at_the_server(store: Store, settings: Settings, stack: ExitStack) -> Datasets:
    opened = opening.opened_learning(store, Desk(store, Vault(settings.data), BENCH), BENCH, settings, lambda adapter: ("", ""))
    return stack.enter_context(opened).sets


@pytest.mark.parametrize("opens", [at_the_terminal, at_the_server])
def test_a_broken_model_stops_nobody_from_freezing_and_every_frame_has_its_print(
    opens: Callable[[Store, Settings, ExitStack], Datasets], store: Store, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "eyes_of", lambda settings: Blind())
    monkeypatch.setattr(Looks.look, "__defaults__", (3,))  # fewer than there are frames, as a thousand are on a site
    drawn = [((10 + 9 * number, 20, 60 + 9 * number, 90 + number), ("red", "blue", "black")[number % 3]) for number in range(4)]
    with ExitStack() as stack:
        sets = opens(store, Settings(data=tmp_path), stack)  # what looks in the background found nothing, and waits
        for number in range(8):  # each twice, the second time a little worse
            content = makers.jpeg(160, 120, rects=[drawn[number % 4]], quality=95 - number // 4)
            frame = desk.receive(content, f"{number}.jpg", by="lin")
            desk.correct(makers.correction(frame))
        sets.freeze("first", by="lead", shares={"train": 0.5, "test": 0.5})
        with store.reading() as connection:
            (bare,) = connection.execute("SELECT count(*) FROM frames WHERE seq NOT IN (SELECT frame FROM prints)").fetchone()
        assert bare == 0
        assert sets.leaks("first") == ()


def frames_of(house: House, name: str, part: str) -> list[str]:
    return [frame for frame, lies_in in parts_of(house.sets, name).items() if lies_in == part]


def test_frames_that_taught_an_adapter_decide_no_gate_of_it_whichever_set_they_judge_in(house: House) -> None:
    settings = Settings(data=house.folder)
    house.sets.freeze("first", by="lead")
    house.trained("parent", "first")
    grown = house.adapters.one("parent").id
    house.adapters.register(training(house.folder / "jobs" / "child", seed=2, trained_from=grown), by="lead")
    teaching, judging = frames_of(house, "first", "train"), frames_of(house, "first", "test")
    for name in ("parent", "child"):
        before = house.adapters.gates(name)
        with house.store.reading() as connection:
            noted = len(audit.entries(connection, limit=50))
        with pytest.raises(OutOfTurn, match=f"{name} has learned from 1 of the frames that judged it"):
            opening.keep_gate(house.store, settings, name, REPORT, "terminal", [*judging, teaching[0]])
        with house.store.reading() as connection:
            assert len(audit.entries(connection, limit=50)) == noted
        assert house.adapters.gates(name) == before
        opening.keep_gate(house.store, settings, name, REPORT, "terminal", [*judging, "f" * 64])
        assert [gate.passed for gate in house.adapters.gates(name)] == [True, *(gate.passed for gate in before)]
    with pytest.raises(NotFound):
        opening.keep_gate(house.store, settings, "nobody", REPORT, "terminal", judging)
