"""A client of the API with a real desk, and one frame in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.makers import jpeg
from tests.ui.answering import SITE, app_of, received


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app, store = app_of(tmp_path)
    with TestClient(app, base_url=SITE, raise_server_exceptions=False) as client:
        yield client
    store.close()


@pytest.fixture
def frame_id(client: TestClient) -> str:
    return received(client, jpeg(640, 480))
