"""A house for the tests of what is learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations.store import Store
from tests.annotations.learning.houses import House, house_of


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    return house_of(store, tmp_path)
