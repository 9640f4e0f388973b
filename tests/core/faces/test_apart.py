"""Covering in a process of its own: the same bytes, made once, and never the frame as it is."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from core.errors import FrameRefused, ModelLost, NotFound
from core.faces.apart import Coverer
from core.faces.blurring import faceless
from core.frames import Vault
from tests.makers import jpeg


def test_another_process_covers_as_this_one_does_and_a_death_costs_one_frame() -> None:
    content = jpeg(320, 240)
    with Coverer() as coverer:
        assert coverer.cover(content, 320) == faceless(content, 320)
        assert coverer._process is not None
        for pid in coverer._process._processes or {}:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(ModelLost, match="not shown"):
            coverer.cover(content, 320)
        assert coverer.cover(content, 320) == faceless(content, 320)
        with pytest.raises(FrameRefused):
            coverer.cover(b"no picture", 320)


def test_a_covered_frame_is_made_once_and_goes_with_its_frame(tmp_path: Path) -> None:
    vault, asked = Vault(tmp_path), []

    def cover(content: bytes, size: int | None) -> bytes:
        asked.append(size)
        return b"covered"

    frame_id = vault.put(jpeg())
    for size in (320, None, 320, None):
        assert vault.covered(frame_id, size, cover) == b"covered"
    assert asked == [320, None]
    vault.remove(frame_id)
    assert [place for place in tmp_path.rglob("*") if place.is_file()] == []
    with pytest.raises(NotFound):
        vault.covered(frame_id, 320, cover)


def test_what_could_not_be_covered_is_not_kept_and_not_shown(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    frame_id = vault.put(jpeg())

    def fails(content: bytes, size: int | None) -> bytes:
        raise ModelLost("no")

    with pytest.raises(ModelLost):
        vault.covered(frame_id, 320, fails)
    assert list(tmp_path.glob("previews/covered-*/*")) == []
