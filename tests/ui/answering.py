"""The API with a real desk and a scripted model, for the tests of the wire and of the screens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from annotations.desk import Desk, Inspect
from annotations.reports import Reports
from annotations.store import Store
from core.backends.scripted import Scripted
from core.frames import Limits, Vault
from core.inspection import inspect_frame
from core.patience import Patience
from core.profile import read
from core.prompts import build
from core.schema import Assessment, Frame
from core.settings import ASSETS, Settings
from ui.api import create
from ui.metrics import Metrics

SITE = "http://127.0.0.1:7860"
CAP_MIB = 1
REPLY = {
    "findings": [{"box": [100, 200, 400, 500], "label": "hammer"}, {"box": [350, 450, 600, 800], "label": "bolt"}],
    "tool": "none",
    "part": "bolt",
    "action": "none",
    "phase": "idle",
    "violations": [],
    "risk": "none",
}
PROFILE = read(ASSETS / "profiles" / "bench.toml")


def app_of(data: Path, *, model: bool = True, inspect: Inspect | None = None) -> tuple[FastAPI, Store]:
    """The API over a new record. `inspect` in the place of the scripted model."""
    metrics = Metrics()
    store = Store(data / "record.sqlite3")
    backend = Scripted("scripted:test", {"*": (json.dumps(REPLY, separators=(",", ":")), ())})

    def scripted(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        return inspect_frame(frame, content, backend, PROFILE, patience, metrics.watch)

    desk = Desk(
        store,
        Vault(data),
        PROFILE,
        inspect=metrics.counting(inspect or scripted) if model else None,
        model=backend.model if model else None,
        prompt_id=build(PROFILE, backend.prompt_style, backend.box_format).id if model else None,
        limits=Limits(max_bytes=CAP_MIB * 2**20),
    )
    settings = Settings(data=data, max_upload_mib=CAP_MIB)
    return create(desk, Reports(store.path), settings, metrics=metrics, screens=False), store


def received(client: TestClient, content: bytes, name: str = "bench.jpg") -> str:
    answer = client.post("/api/v1/frames", files={"file": (name, content, "image/jpeg")})
    assert answer.status_code == 200, answer.text
    frame_id: str = answer.json()[0]["frame"]["id"]
    return frame_id


def correction(**changes: Any) -> dict[str, Any]:
    return {
        "saw_revision": 0,
        "verdict": "reviewed",
        "findings": [{"label": "hammer", "box": [0.125, 0.25, 0.375, 0.5], "said_by": "person"}],
        "step": {
            name: {"value": value, "said_by": "confirmed"}
            for name, value in (("tool", "none"), ("part", "bolt"), ("action", "none"), ("phase", "idle"))
        },
        "violations": [],
        "risk": {"level": "none", "said_by": "confirmed"},
        "active_seconds": 4.5,
        **changes,
    }
