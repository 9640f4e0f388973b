"""What a model sees in a frame, before it speaks: its vision tower's view as a vector of length 1. Asks no question and understands nothing.

Only the tower is read, out of the model's own weights, in a process of its own that begins with the first frame and ends when it is let go:
the server stays small, and a tower of 7B's kind takes 1.3 GB there and only for so long. Frames are prepared as the model's are.
The vector: mean and spread of the merged picture tokens, less what the same eyes see in an even grey frame, brought to length 1.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from core.backends import catalogue
from core.backends.catalogue import LocalSpec
from core.backends.folder import ModelFolder, picture_settings, read_folder, read_spec
from core.backends.opening import USUAL, chosen
from core.backends.weights import shards
from core.errors import ModelError, ModelLost, ModelUnfit
from core.settings import ASSETS, Settings

if TYPE_CHECKING:
    from PIL import Image

AT_ONCE = 16  # frames of one look
GREY = 128
_ENDS = 64 * 1024  # bytes hashed of each end of a tensor
_PREFIXES = ("visual.", "model.visual.")
KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
"""Whose towers can be read without the rest of the model."""


def can_see(folder: ModelFolder) -> bool:
    """Whether this model's tower can be used alone."""
    return folder.kind in KINDS


def eyes_of(settings: Settings, folder: Path | None = None) -> Eyes | None:
    """The eyes of `folder`, else of the model that a start takes; else, where that is at a server or cannot see alone, the compact model's that ships.

    None: there is none of them, and frames get no vectors. Opens nothing yet. Raises ModelError's kin for a `folder` that cannot be used.
    """
    if folder is not None:
        return Eyes(read_folder(folder), settings.threads)
    name = chosen(settings)
    entry = catalogue.read(settings.data).entries.get(name)
    shipped = ASSETS / "models"
    place = shipped / name if (shipped / name / "config.json").exists() else Path(name).expanduser()
    tries = [(name, LocalSpec(str(place)) if entry is None else entry.spec), (USUAL, LocalSpec(str(shipped / USUAL)))]
    for called, spec in tries:
        if isinstance(spec, LocalSpec):
            with suppress(ModelError):  # not there, or of a kind that cannot see alone: then the one that ships
                return Eyes(read_spec(called, spec), settings.threads)
    return None


class Eyes:
    """The vision tower of a model folder. Safe to use from many threads; one look at a time. Raises ModelError's kin."""

    def __init__(self, folder: ModelFolder, threads: int = 1) -> None:
        if not can_see(folder):
            raise ModelUnfit(f'The vision tower of a "{folder.kind}" model cannot be used alone. Name a Qwen model as the eyes.')
        self._folder, self._threads = folder, threads
        self._guard = threading.Lock()
        self._process: ProcessPoolExecutor | None = None
        self._id: str | None = None

    @property
    def id(self) -> str:
        """Twelve hex digits that change with the tower's weights and with how frames are prepared for it; not with what the model was taught to say."""
        if self._id is None:
            self._id = fingerprint(self._folder)
        return self._id

    def __call__(self, contents: Sequence[bytes]) -> NDArray[np.float32]:
        """Vectors of pictures that are upright already (previews of ours): n x d, rows of length 1."""
        with self._guard:
            if self._process is None:  # spawned, not forked: a fork of many threads may hang
                self._process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _open, (self._folder, self._threads))
            try:
                parts = [self._process.submit(_see, contents[n : n + AT_ONCE]).result() for n in range(0, len(contents), AT_ONCE)]
            except BrokenProcessPool as error:
                self._end()
                raise ModelLost(f"The eyes of {self._folder.path.name} could not be opened, or ended. Is there room in memory?") from error
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def close(self) -> None:
        """Let go of the process and its memory; the next look begins another."""
        with self._guard:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def fingerprint(folder: ModelFolder) -> str:
    """SHA-256 over the tower's tensors (name, shape, kind and both ends of each) and over how pictures are brought to it."""
    digest = hashlib.sha256()
    for name, file, start, stop, shape in _tensors(folder.path):
        digest.update(f"{name}:{shape}:{stop - start};".encode())
        with file.open("rb") as stream:
            for begin in {start, max(start, stop - _ENDS)}:
                stream.seek(begin)
                digest.update(stream.read(min(_ENDS, stop - begin)))
    fmt = folder.box_format
    settings = {"canvas": folder.canvas, "pixels": (fmt.min_pixels, fmt.max_pixels), "pictures": picture_settings(folder.path)}
    digest.update(json.dumps([settings, "mean+spread-grey"], sort_keys=True, default=str).encode())
    return digest.hexdigest()[:12]


class Tower:
    """The tower itself, in the process that owns it. Not safe for several threads."""

    def __init__(self, folder: ModelFolder, threads: int) -> None:
        import torch

        from core.backends.processors import load

        torch.set_num_threads(threads)
        self._folder = folder
        self._pictures = load(folder.path, folder.kind).image_processor
        self._net, self._kind = _read(folder)
        from PIL import Image

        self._grey = self._pooled([Image.new("RGB", (320, 240), (GREY, GREY, GREY))])

    def see(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """n x d, rows of length 1."""
        told = self._pooled(pictures) - self._grey
        return np.asarray(told / np.maximum(np.linalg.norm(told, axis=1, keepdims=True), 1e-9), np.float32)

    def _pooled(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Mean and spread over the picture tokens of each, both of one length each, side by side."""
        import torch

        size: dict[str, Any] = {}
        if self._folder.canvas:
            from core.compact.network import on_canvas

            pictures = [on_canvas(np.asarray(each)) for each in pictures]  # type: ignore[misc]
        else:
            fmt = self._folder.box_format
            size = {"size": {"shortest_edge": fmt.min_pixels, "longest_edge": fmt.max_pixels}}
        asked = self._pictures(images=list(pictures), return_tensors="pt", **size)
        grid = asked["image_grid_thw"]
        with torch.inference_mode():
            seen = self._net(asked["pixel_values"].to(self._kind), grid).pooler_output
        seen = seen if isinstance(seen, tuple | list) else torch.split(seen, (grid.prod(-1) // 4).tolist())
        both = [torch.cat([each.float().mean(0), each.float().std(0)]) for each in seen]
        return torch.stack(both).numpy()


_TOWER: list[Tower | ModelError] = []  # of this process: the one that was opened for it


def _open(folder: ModelFolder, threads: int) -> None:
    try:
        _TOWER.append(Tower(folder, threads))
    except ModelError as error:
        _TOWER.append(error)


def _see(contents: Sequence[bytes]) -> NDArray[np.float32]:
    from PIL import Image

    tower = _TOWER[0]
    if isinstance(tower, ModelError):
        raise tower
    return tower.see([Image.open(io.BytesIO(content)).convert("RGB") for content in contents])


def _read(folder: ModelFolder) -> tuple[Any, Any]:
    """The tower and the kind of its numbers. Raises ModelError when the weights are not those of its settings."""
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig, AutoModel

    from core.backends.patches import flatten_patches

    try:
        config = AutoConfig.from_pretrained(folder.path, local_files_only=True, trust_remote_code=False).vision_config
        kind = torch.bfloat16 if torch.cuda.is_available() else torch.float32
        net: Any
        if folder.kind == "qwen2_vl":  # the oldest, which transformers knows under no name of its own
            from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

            net = Qwen2VisionTransformerPretrainedModel._from_config(config, dtype=kind)  # type: ignore[no-untyped-call]
        else:
            net = AutoModel.from_config(config, dtype=kind)  # type: ignore[no-untyped-call]
        known: dict[str, Any] = {}
        for file in shards(folder.path):
            with safe_open(file, "pt") as held:
                known |= {_plain(name): held.get_tensor(name).to(kind) for name in held.keys() if _plain(name)}  # noqa: SIM118 - not a dict
        net.load_state_dict(known, strict=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError) as error:
        raise ModelError(f"The vision tower of {folder.path.name} could not be read: {error}") from error
    flatten_patches(net)
    return net.eval(), kind


def _plain(name: str) -> str:
    """A tensor's name inside the tower; empty: it is none of the tower's.

    >>> _plain("model.visual.merger.ln_q.weight"), _plain("lm_head.weight")
    ('merger.ln_q.weight', '')
    """
    return next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), "")


def _tensors(path: Path) -> Iterator[tuple[str, Path, int, int, str]]:
    """(name, file, first byte, last byte, shape) of every tensor of the tower, by name."""
    found = []
    for file in shards(path):
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            head = json.loads(stream.read(length))
        for name, said in head.items():
            if _plain(name):
                begin, end = (8 + length + int(offset) for offset in said["data_offsets"])
                found.append((_plain(name), file, begin, end, f"{said['dtype']}{said['shape']}"))
    if not found:
        raise ModelUnfit(f"{path.name} has no vision tower that can be read alone.")
    yield from sorted(found, key=lambda each: each[0])
