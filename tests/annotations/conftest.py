"""A record and a desk over it, for tests of what people do; whatever a test did to the record, it is sound afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.desk import Desk
from annotations.store import Store
from tests.annotations.desks import desk_of, new_record
from tests.annotations.keeping import broken


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    record = new_record(tmp_path)
    with Store(record) as made:
        yield made
    assert broken(record) == []


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return desk_of(store, tmp_path)
