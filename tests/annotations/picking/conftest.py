"""What draws, over the record of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations.picking.drawn import Picking
from annotations.store import Store
from core.frames import Vault
from tests.annotations.desks import BENCH, Clock
from tests.annotations.picking.drawings import EYES


@pytest.fixture
def picking(store: Store, tmp_path: Path) -> Picking:
    return Picking(store, Vault(tmp_path), BENCH, eyes_id=EYES, clock=Clock())
