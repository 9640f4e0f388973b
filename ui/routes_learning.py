"""The routes about learning, together: draws, data sets, exports, trainings, adapters. Each subject has a file of its own; this one only lists them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from annotations.desk import Desk
from annotations.learning.opening import Learning
from ui.routes_adapters import adapter_routes
from ui.routes_datasets import dataset_routes
from ui.routes_draws import draw_routes
from ui.routes_exports import export_routes
from ui.routes_trainings import training_routes
from ui.trainings import Places, Trainings


def learning_routes(
    desk: Desk, learning: Learning, trainings: Trainings, places: Places, jobs: Path, as_json: Callable[[Any], dict[str, Any]]
) -> list[APIRouter]:
    """`trainings`, `places`, `as_json`: of `core.training`, which no screen imports. `jobs`: where trainings lie, each a folder."""
    return [
        draw_routes(learning.picking),
        dataset_routes(learning.sets),
        export_routes(learning.exports),
        training_routes(trainings, places, as_json, learning.began),
        adapter_routes(desk, learning.adapters, jobs),
    ]
