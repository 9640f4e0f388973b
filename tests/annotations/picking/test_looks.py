"""Looks: what is missing is filled in, once; what cannot be read is passed over; beside a server it goes on by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotations.desk import Desk
from annotations.picking.looks import Filled, Looks
from annotations.picking.scenes import scene_of
from annotations.store import Store
from core.errors import ModelLost
from core.frames import Vault
from tests.makers import jpeg

COLOURS = ("red", "green", "blue", "yellow", "black")


class Sees:
    """Eyes that see the mean colour, and know how often they were asked."""

    def __init__(self) -> None:
        self.asked = self.closed = 0

    def __call__(self, contents: Sequence[bytes]) -> NDArray[np.float32]:
        self.asked += len(contents)
        rows = np.array([[len(content), 1.0, 2.0] for content in contents], np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def received(desk: Desk, n: int, begin: int = 0) -> list[str]:
    made = []
    for number in range(begin, begin + n):
        rects = [((10 + 9 * number, 20, 60 + 9 * number, 90 + number), COLOURS[number % 5])]
        made.append(desk.receive(jpeg(160, 120, rects=rects), f"{number}.jpg", by="lin").id)
    return made


def count(store: Store, table: str) -> int:
    with store.reading() as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


def test_only_what_is_missing_is_looked_at(store: Store, desk: Desk, vault: Vault) -> None:
    eyes = Sees()
    looks = Looks(store, vault, eyes, "mean")
    received(desk, 4)
    assert looks.wanting() == (4, 4)
    assert looks.look() == Filled(4, 4, 0)
    received(desk, 1, begin=4)
    assert looks.look() == Filled(1, 1, 0)
    assert looks.look() == Filled()
    assert (eyes.asked, count(store, "prints"), count(store, "scenes"), count(store, "embeddings")) == (5, 5, 5, 5)
    assert eyes.closed == 3


def test_at_most_so_many_at_a_time(store: Store, desk: Desk, vault: Vault) -> None:
    received(desk, 5)
    looks = Looks(store, vault, Sees(), "mean")
    assert [looks.look(2) for _ in range(3)] == [Filled(2, 2), Filled(2, 2), Filled(1, 1)]


def test_other_eyes_look_anew_and_the_first_ones_vectors_stay(store: Store, desk: Desk, vault: Vault) -> None:
    received(desk, 3)
    Looks(store, vault, Sees(), "one").look()
    assert Looks(store, vault, Sees(), "two").look() == Filled(0, 3, 0)
    assert count(store, "embeddings") == 6


def test_without_eyes_there_are_prints_alone(store: Store, desk: Desk, vault: Vault) -> None:
    received(desk, 3)
    looks = Looks(store, vault, None, "")
    assert looks.look() == Filled(3, 0, 0)
    assert looks.wanting() == (0, 0)


def test_a_frame_that_cannot_be_read_stops_nobody(store: Store, desk: Desk, vault: Vault) -> None:
    ids = received(desk, 4)
    vault.remove(ids[1])
    vault.place(ids[2]).write_bytes(b"damaged")
    (vault.previews / "320" / f"{ids[2]}.jpg").unlink(missing_ok=True)
    looks = Looks(store, vault, Sees(), "mean")
    assert looks.look(2) == Filled(2, 2, 2)
    assert looks.wanting() == (2, 2)


def test_vectors_are_kept_of_length_1_in_half_precision(store: Store, desk: Desk, vault: Vault) -> None:
    received(desk, 1)
    Looks(store, vault, Sees(), "mean").look()
    with store.reading() as connection:
        row = connection.execute("SELECT vector FROM embeddings").fetchone()
    vector = np.frombuffer(row["vector"], "<f2").astype(np.float64)
    assert vector.shape == (3,)
    assert abs(np.linalg.norm(vector) - 1) < 2e-3


def test_frames_that_show_the_same_share_a_scene(store: Store, desk: Desk, vault: Vault) -> None:
    rects = [((10, 10, 90, 70), "red"), ((100, 60, 150, 110), "black")]
    for quality in (95, 60):
        desk.receive(jpeg(160, 120, rects=rects, quality=quality), "same.jpg", by="lin")
    desk.receive(jpeg(160, 120, rects=[((90, 0, 160, 120), "blue")]), "other.jpg", by="lin")
    Looks(store, vault, None, "").look()
    with store.reading() as connection:
        assert scene_of(connection, [1, 2, 3]) == {1: 1, 2: 1, 3: 3}


def test_eyes_that_fail_leave_the_prints_and_are_let_go(store: Store, desk: Desk, vault: Vault) -> None:
    class Blind(Sees):
        def __call__(self, contents: Sequence[bytes]) -> NDArray[np.float32]:
            raise ModelLost("The eyes ended.")

    received(desk, 2)
    eyes = Blind()
    with pytest.raises(ModelLost):
        Looks(store, vault, eyes, "blind").look()
    assert (count(store, "prints"), eyes.closed) == (2, 1)


def test_beside_a_server_new_frames_are_found(store: Store, desk: Desk, vault: Vault) -> None:
    after: list[int] = []
    with Looks(store, vault, Sees(), "mean").beside(every=0.05, then=lambda: after.append(1)):
        received(desk, 3)
        end = time.monotonic() + 20
        while count(store, "embeddings") < 3 and time.monotonic() < end:
            time.sleep(0.02)
    assert count(store, "embeddings") == 3
    assert after


def test_prints_are_made_of_all_frames_and_no_eyes_are_asked(
    store: Store, desk: Desk, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotations.picking.looks.AT_ONCE", 2)
    eyes = Sees()
    looks = Looks(store, vault, eyes, "mean")
    with looks.beside():
        pass
    ids = received(desk, 7)
    vault.remove(ids[2])
    vault.remove(ids[3])  # a whole turn that cannot be read ends nothing
    assert looks.prints() == Filled(5, 0, 2)  # also when nobody looks in the background any more
    assert (eyes.asked, count(store, "prints"), count(store, "scenes")) == (0, 5, 5)
    assert looks.prints() == Filled(0, 0, 2)


def test_prints_do_not_wait_for_eyes_that_are_at_work(store: Store, desk: Desk, vault: Vault) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow(Sees):
        def __call__(self, contents: Sequence[bytes]) -> NDArray[np.float32]:
            began.set()
            go_on.wait(20)
            return super().__call__(contents)

    received(desk, 2)
    looks = Looks(store, vault, Slow(), "slow")
    worker, other = threading.Thread(target=looks.look), threading.Thread(target=looks.prints)
    worker.start()
    assert began.wait(20)
    received(desk, 2, begin=2)
    other.start()
    try:
        other.join(10)
        assert count(store, "prints") == 4
    finally:
        go_on.set()
        worker.join(20)
        other.join(20)
