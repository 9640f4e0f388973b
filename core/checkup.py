"""What works on this machine and what to do about what does not: one answer a question. Repairs nothing, and knows no record and no screen."""

from __future__ import annotations

import re
import shutil
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.errors import AppError
from core.settings import ASSETS, ROOT, Settings, environment

if TYPE_CHECKING:
    from core.backends.base import Backend

State = Literal["works", "limited", "broken"]
LEAST_FREE = 1024**3  # bytes
_SCALE = re.compile(r"(\d+\.\d+) x (\d+\.\d+)")  # as `core.backends.probe` keeps it


@dataclass(frozen=True, slots=True)
class Check:
    """One answer. `advice` is what to do; empty when there is nothing to do."""

    what: str
    state: State
    said: str
    advice: str = ""


def checks(settings: Settings) -> Iterator[Check]:
    """Every answer this room can give, the quick ones first."""
    yield python()
    yield packages(ROOT / "requirements.txt")
    yield folder(settings.data)
    yield disk(settings.data)
    yield from profiles(settings)
    yield browser()
    yield gpu()
    yield chosen(settings)
    yield model(settings)


def python() -> Check:
    """The Python that runs this."""
    said = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    fits = sys.version_info >= (3, 11)
    return Check(
        "Python", "works" if fits else "broken", said, "" if fits else "Install Python 3.11 or newer, remove .venv and run `make setup`."
    )


def packages(requirements: Path) -> Check:
    """Installed versions against the pinned ones."""
    pins = dict(line.split("==") for raw in requirements.read_text("utf-8").splitlines() if "==" in (line := raw.split("#")[0].strip()))
    other: list[str] = []
    for name, wanted in pins.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        if found.split("+")[0] != wanted:
            other.append(f"{name} {found} instead of {wanted}")
    if other:
        return Check("packages", "broken" if any("missing" in line for line in other) else "limited", "; ".join(other), "Run `make setup`.")
    return Check("packages", "works", f"{len(pins)} pinned packages, all as pinned")


def folder(data: Path) -> Check:
    """Whether the data folder can be written. Made when it is missing, as a start would."""
    probe = data / ".probe"
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Check("data folder", "broken", f"{data}: {error.strerror}", "Choose one that can be written: --data FOLDER.")
    return Check("data folder", "works", str(data))


def disk(data: Path) -> Check:
    """Free space where the data folder is, or will be."""
    place = next((parent for parent in (data, *data.parents) if parent.is_dir()), Path("/"))
    free = shutil.disk_usage(place).free
    if free < LEAST_FREE:
        return Check("disk", "limited", f"{free / 1024**3:.1f} GiB free", "Free some space, or choose another disk: --data FOLDER.")
    return Check("disk", "works", f"{free / 1024**3:.0f} GiB free")


def profiles(settings: Settings) -> Iterator[Check]:
    """The profiles that ship, and the chosen one when it is another."""
    from core.profile import read

    for file in sorted({*(ASSETS / "profiles").glob("*.toml"), settings.profile_file}):
        try:
            profile = read(file)
        except AppError as error:
            yield Check(f"profile {file.stem}", "broken", str(error), "Correct the file, or choose another: --profile NAME.")
        else:
            yield Check(f"profile {file.stem}", "works", f"{len(profile.labels)} labels, {len(profile.hazards)} hazards")


def browser() -> Check:
    """Whether a browser can be opened from here."""
    if not can_open_browser():
        return Check("browser", "limited", "none that could be opened from here", "Open the printed address in a browser yourself.")
    return Check("browser", "works", "opens by itself")


def can_open_browser() -> bool:
    """Whether there is a screen and a browser. Without a screen Python would start a text browser in this very terminal."""
    seen = environment()
    if sys.platform.startswith("linux") and not (seen.get("DISPLAY") or seen.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def gpu() -> Check:
    """A GPU is welcome and not needed."""
    import torch

    if torch.cuda.is_available():
        return Check("GPU", "works", torch.cuda.get_device_name(0))
    return Check("GPU", "limited", "none; models run on the CPU", "The compact model does not need one; a 7B model is slow without.")


def chosen(settings: Settings) -> Check:
    """Which model of the catalogue a start takes, and whether it was checked."""
    from core.backends.registering import Registry
    from core.profile import read

    try:
        known = Registry(settings, read(settings.profile_file)).listed()
    except AppError as error:
        return Check("models", "broken", str(error), "Correct the file, or move it away and add the models again.")
    active = next((each for each in known if each.active), None)
    named = f"{len(known)} known"
    if settings.model:
        return Check("models", "works", f"{named}; {settings.model} is taken, because the settings name it")
    if active is None:
        return Check("models", "broken", f"{named}; the one in use is not among them", "Use another: `launch.py models use compact`.")
    if active.why_not:
        return Check("models", "limited", f"{named}; {active.name} is in use", active.why_not)
    how = "ships with GembaLens" if active.checked is None else f"was checked at {active.checked.at}"
    return Check("models", "works", f"{named}; {active.name} is in use and {how}")


def frame_scale(settings: Settings) -> tuple[float, float] | None:
    """By what the boxes of the model in use had to be multiplied (x, y) when it was checked: 1.0 is right. None: it never was, or it ships."""
    from core.backends import catalogue

    known = catalogue.read(settings.data)
    entry = known.entries.get(settings.model or known.active or "")
    found = _SCALE.fullmatch(entry.checked.findings.get("scale", "")) if entry and entry.checked else None
    return (float(found[1]), float(found[2])) if found else None


def model(settings: Settings) -> Check:
    """Load the chosen model and ask it about a shipped frame."""
    from core.backends.opening import USUAL, open_model
    from core.pixels import upright
    from core.profile import read
    from core.prompts import build

    samples = sorted((ASSETS / "samples").glob("*.jpg"))
    if not samples:
        return Check(f"model {settings.model or USUAL}", "limited", "not asked: no sample frame ships", "Get a complete copy of assets/.")
    began = time.monotonic()
    try:
        backend = open_model(settings)
        try:
            reply = backend.ask(
                upright(samples[0].read_bytes()), build(read(settings.profile_file), backend.prompt_style, backend.box_format)
            )
        finally:
            backend.close()
    except AppError as error:
        return Check(
            f"model {settings.model or USUAL}", "broken", str(error), "`make model` makes the compact one; --model FOLDER takes another."
        )
    return Check(
        f"model {settings.model or USUAL}",
        "works",
        f"{reply.model} answered in {reply.seconds:.1f} s, loaded in {time.monotonic() - began - reply.seconds:.1f} s",
    )


def model_gauges(backend: Backend, settings: Settings) -> dict[str, tuple[str, Callable[[], float | None]]]:
    """What Prometheus may ask about the model: how many wait for it, and how its boxes stood to known ones when it was checked."""
    scale = frame_scale(settings)  # of the model that was opened now
    told = "Constant by which the boxes of the model had to be multiplied when it was checked; 1 is right."
    return {
        "queue_depth": ("Questions that wait for the model.", lambda: float(getattr(backend, "waiting", 0))),
        "frame_check_scale_x": (told, lambda: scale[0] if scale else None),
        "frame_check_scale_y": (told, lambda: scale[1] if scale else None),
    }


def database(version: str, *, sound: bool) -> Check:
    """SQLite itself."""
    fault = "" if sound else "A rare fault of this version needs several writers; GembaLens has one, so nothing has to be done."
    return Check("SQLite", "works" if sound else "limited", version, fault)


def port(number: int, listening: Callable[[], AbstractContextManager[object]]) -> Check:
    """Whether a server could listen there; `listening` tries it and raises AppError when it cannot."""
    try:
        with listening():
            return Check("port", "works", f"{number} is free")
    except AppError as error:
        return Check("port", "limited", str(error))
