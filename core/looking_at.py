"""A backend as one callable that looks at a frame; how it is proved that it does, and what each answer says about that; how its adapter is changed.
Opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from core.backends.base import Backend, Switching
from core.errors import ModelGarbled, ModelLost, ModelSilent, ModelUnfit
from core.frames import Limits, admit
from core.inspection import Watch, inspect_frame
from core.patience import Patience
from core.profile import Profile
from core.prompts import build
from core.readiness import Prove, Readiness, understood
from core.schema import Assessment, Frame
from core.settings import ASSETS

Look = Callable[[Frame, bytes, Patience | None], Assessment]
"""Asks a model about a frame and its bytes, for as long as somebody waits. Raises ModelError when it could not answer."""

Switch = Callable[[Path | None], tuple[str, str]]
"""Lets an adapter speak (its folder), or the base alone; the id of the model and of the prompt from then on. Raises ModelError's kin, and nothing changed."""


def looker(backend: Backend, profile: Profile, watch: Watch | None = None) -> Look:
    """What the desk is handed: a callable that knows the model. `watch` is told how long each stage took."""

    def look(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        return inspect_frame(frame, content, backend, profile, patience, watch)

    return look


def proof(look: Look) -> Prove:
    """How it is proved that the model answers: it is asked about the first sample frame, and what it says must be understood."""
    sample = sorted((ASSETS / "samples").glob("*.jpg"))[0]
    content = sample.read_bytes()
    frame = admit(content, sample.name, limits=Limits(), source="sample", now=datetime.now(UTC))
    return lambda patience: understood(look(frame, content, patience))


def proving(look: Look, ready: Readiness) -> Look:
    """`look`, of which each answer that can be read is a proof too, and each failure of the model its contrary."""

    def looked(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        try:
            said = look(frame, content, patience)
        except (ModelLost, ModelSilent, ModelGarbled) as error:
            ready.failed(str(error))
            raise
        with suppress(ModelGarbled):
            understood(said)
            ready.answered()
        return said

    return looked


def switcher(backend: Backend, profile: Profile) -> Switch:
    """What changes the adapter of a backend that runs; of one that cannot (it asks a server, or plays a script) it says so."""

    def switch(adapter: Path | None) -> tuple[str, str]:
        if not isinstance(backend, Switching):
            raise ModelUnfit(
                f"{backend.model} is not opened here, so no adapter can be laid over it. At a server an adapter is a model name of its own: "
                "`launch.py models add NAME --url URL --served-name ADAPTER`, then `launch.py models use NAME`."
            )
        backend.switch(adapter)
        return backend.model, build(profile, backend.prompt_style, backend.box_format).id

    return switch
