"""Prints every route of the whole app, Gradio's and Streamlit's included, as JSON lines of method and address. Run in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute, Mount, WebSocketRoute

from core.settings import Settings, quiet_frameworks

quiet_frameworks(Path(tempfile.gettempdir()) / "gembalens-tests")


def app_with_screens(data: Path) -> Any:
    """The app as `launch.py` makes it, without a model."""
    from annotations.desk import Desk
    from annotations.entering.members import Members
    from annotations.erasing import Eraser
    from annotations.exporting import Exports
    from annotations.freezing.sets import Datasets
    from annotations.learning.adapters import Adapters
    from annotations.picking.drawn import Picking
    from annotations.reports import Reports
    from annotations.store import Store
    from core.backends.registering import Registry
    from core.frames import Vault
    from core.training.places import Places
    from core.training.trainings import Trainings, as_json
    from tests.ui.answering import PROFILE
    from ui.api import create
    from ui.routes_adapters import adapter_routes
    from ui.routes_datasets import dataset_routes
    from ui.routes_draws import draw_routes
    from ui.routes_erasing import erasing_routes
    from ui.routes_exports import export_routes
    from ui.routes_models import model_routes
    from ui.routes_trainings import training_routes

    settings = Settings(data=data)
    store = Store(data / "record.sqlite3")
    vault = Vault(data)
    desk = Desk(store, vault, PROFILE)
    more = [model_routes(desk, Registry(settings, PROFILE)), erasing_routes(Eraser(store, vault.remove, data))]
    more += [draw_routes(Picking(store, vault, PROFILE))]
    more += [dataset_routes(Datasets(store, vault, PROFILE))]
    more += [adapter_routes(desk, Adapters(store, data / "adapters"), data / "trainings")]
    more += [export_routes(Exports(data / "exports", store, vault, PROFILE))]
    more += [training_routes(Trainings(data / "trainings", settings.profile_file), Places(settings), as_json, lambda *_: None)]
    return create(desk, Reports(store.path), settings, members=Members(store), more=more)


def routes(found: Sequence[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """(method, address) of every route below `before`; of a mount whose inside is not known, its beginning and any rest."""
    for route in found:
        if hasattr(route, "effective_candidates"):  # FastAPI's router inside a router
            yield from routes([*route.effective_candidates(), *route.effective_low_priority_routes()], before)
        elif isinstance(route, Mount):
            inside = _inside(route)
            if inside is None:
                yield "GET", f"{before}{route.path}/{{path:path}}"
            else:
                yield from routes(inside, before + route.path)
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", before + route.path
        else:
            for method in sorted(set(route.methods or ("GET",)) - {"HEAD"}):
                yield method, before + route.path


def _inside(mount: Mount) -> Sequence[BaseRoute] | None:
    """The routes behind a mount; Streamlit makes its own only when it is first asked."""
    if mount.routes:
        return mount.routes
    streamlit: Any = getattr(mount.app, "app", None)
    if type(streamlit).__name__ != "App":
        return None
    from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

    made: Sequence[BaseRoute] = create_streamlit_routes(streamlit._runtime)
    return made


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for method, address in dict.fromkeys(routes(app_with_screens(Path(folder)).routes)):
            print(json.dumps([method, address]))
    sys.exit(0)
