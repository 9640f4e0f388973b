"""What a model folder says of itself, read from its JSON files alone: family, prompt, boxes, a name that changes with its content. Loads nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.backends import hub
from core.backends.adapters import AdapterFolder, read_adapter
from core.backends.catalogue import LocalSpec
from core.backends.fingerprints import fingerprint
from core.backends.weights import plain, read_json, refuse_code, refuse_ways_out, shards
from core.errors import ModelError, ModelMissing, ModelUnfit
from core.geometry import FAMILIES, BoxFormat

MANIFEST = "gembalens.json"
"""Only our own models have one: family, prompt style, canvas, most tokens of an answer, whether a grammar may hold them."""

MOST_PICTURE_TOKENS = 1280
"""To which we bring a frame for a family that takes any size, unless somebody says otherwise."""

KINDS = {"qwen2_vl": "qwen2-vl", "qwen2_5_vl": "qwen2.5-vl", "qwen3_vl": "qwen3-vl", "mllama": "llama-3.2"}
"""A folder's `model_type` -> the family by which it writes boxes."""

_PATCH = {"qwen3_vl": 16}  # pixels; 14 for the others


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A local model. `canvas` (width, height in pixels) is where it sees at one size only; frames are stretched to it."""

    path: Path
    model: str  # NAME@FINGERPRINT[+ADAPTER@FINGERPRINT][:merged][:nf4][:guided]
    family: str
    prompt_style: str
    box_format: BoxFormat  # its pixels are those to which a frame is brought, for every family that takes any size
    canvas: tuple[int, int] | None
    most_tokens: int
    kind: str = ""  # model_type of its config.json
    base: str = ""  # NAME@FINGERPRINT alone
    names: tuple[str, ...] = ()  # under which an adapter may know the base
    adapter: Path | None = None
    merge: bool = False
    quantisation: str = "none"
    guided: bool = True
    batch: int = 8

    @property
    def own(self) -> bool:
        """Whether it is one of ours, and not as a hub gives it."""
        return (self.path / MANIFEST).exists()

    def with_adapter(self, adapter: AdapterFolder | None) -> ModelFolder:
        """The same base with another adapter, or none; the id says so."""
        marks = [f"+{adapter.name}"] if adapter else []
        marks += [":merged"] if adapter and self.merge else []  # rounds in another way
        marks += [":nf4"] if self.quantisation == "nf4" else []
        marks += [":guided"] if self.guided else []
        return replace(self, adapter=adapter.path if adapter else None, model=self.base + "".join(marks))


def read_folder(path: Path) -> ModelFolder:
    """Describe a model folder, without adapter and unquantised. Raises as `read_spec`."""
    return read_spec(path.name, LocalSpec(str(path.absolute())))


def read_spec(name: str, spec: LocalSpec, cache: Path | None = None) -> ModelFolder:
    """Describe the model that `spec` asks for; `name` is the catalogue's, for the sentences. `cache`: of the hub, None: the usual one.

    Raises ModelMissing when it or its adapter is not there, ModelUnfit when it must not be opened or used so, ModelError when
    it is of a kind that we cannot run.
    """
    from_hub = hub.is_id(spec.source)
    path = hub.snapshot(spec.source, spec.revision, offline=spec.offline, cache=cache) if from_hub else Path(spec.source).expanduser()
    if (path / "adapter_config.json").exists():
        raise ModelUnfit(
            f"{path.name} is an adapter, or holds one beside a model. Give the base model's folder, and the adapter as the adapter."
        )
    if not (path / "config.json").exists():
        if not path.is_dir():
            raise ModelMissing(
                f"There is no model and no folder of the name {path.name or path}; `launch.py models list` shows what there is. "
                "--model takes one of those names or a folder; `make model` makes the compact one."
            )
        raise ModelMissing(
            f"There is no model in {path.name or path}: config.json is missing. Give --model a folder, or make the compact model with `make model`."
        )
    refuse_ways_out(path)
    refuse_code(path)
    try:
        described = _described(name, spec, path)
    except (ValueError, TypeError, AttributeError, LookupError, OSError) as error:
        raise ModelError(f"The settings in {path.name} (or of {name} in the catalogue) cannot be used: {error}.") from error
    adapter = read_adapter(Path(spec.adapter).expanduser(), described.names, described.base) if spec.adapter else None
    return described.with_adapter(adapter)


def _described(name: str, spec: LocalSpec, path: Path) -> ModelFolder:
    weights = shards(path)
    kind = str(read_json(path / "config.json").get("model_type"))
    manifest = read_json(path / MANIFEST) if (path / MANIFEST).exists() else {}
    family = str(manifest.get("family", KINDS.get(kind)))
    if family not in FAMILIES or kind not in KINDS:
        raise ModelError(f'{path.name} is a "{kind}" model. This version runs Qwen2-VL, Qwen2.5-VL, Qwen3-VL and Llama-3.2-Vision.')
    if spec.merge and spec.quantisation != "none":
        raise ModelUnfit(f"{name}: an adapter cannot be merged into weights of 4 bits without loss. Switch off one of merge and nf4.")
    if spec.quantisation not in ("none", "nf4"):
        raise ModelUnfit(f'{name}: the quantisation "{spec.quantisation}" is not known; it is none or nf4.')
    if spec.batch < 1 or (spec.most_pixels is not None and spec.most_pixels < 1):
        raise ModelUnfit(f"{name}: batch and most_pixels are whole numbers from 1 on.")
    canvas = manifest.get("canvas")
    said = str(manifest.get("name", hub.name_of(path) or path.resolve().name))
    extra = f"most_pixels={spec.most_pixels}" if spec.most_pixels and not canvas else ""
    return ModelFolder(
        path=path,
        model="",
        family=family,
        prompt_style=str(manifest.get("prompt_style", "full")),
        box_format=FAMILIES[family] if canvas else _box_format(path, kind, family, spec.most_pixels),
        canvas=(int(canvas[0]), int(canvas[1])) if canvas else None,
        most_tokens=int(manifest.get("most_tokens", 2048)),
        kind=kind,
        base=f"{plain(said)}@{fingerprint([*weights, *_settings(path)], extra)}",
        names=(spec.source, said, path.name, path.resolve().name),
        merge=spec.merge,
        quantisation=spec.quantisation,
        guided=spec.guided and bool(manifest.get("guided", True)),
        batch=spec.batch,
    )


def picture_settings(path: Path) -> dict[str, Any]:
    """What the folder says of how pictures are prepared; old folders keep it in a file of its own."""
    if (path / "preprocessor_config.json").exists():
        return read_json(path / "preprocessor_config.json")
    whole = read_json(path / "processor_config.json") if (path / "processor_config.json").exists() else {}
    found = whole.get("image_processor")
    return found if isinstance(found, dict) else whole


def _settings(path: Path) -> list[Path]:
    """The files beside the weights that decide what is answered."""
    return sorted(each for ending in ("json", "jinja", "txt", "model") for each in path.glob(f"*.{ending}"))


def _box_format(path: Path, kind: str, family: str, most_pixels: int | None) -> BoxFormat:
    """The family's format, with the sizes to which this folder's own processor brings a frame, and ours where that is less."""
    fmt, settings = FAMILIES[family], picture_settings(path)
    size = settings.get("size") or {}
    if kind == "mllama":  # tiles of one size; a frame that is no larger than `most` is cut into fewer
        tiles = int(settings.get("max_image_tiles") or 4) * int(size.get("height") or 560) * int(size.get("width") or 560)
        return replace(fmt, min_pixels=1, max_pixels=min(tiles, most_pixels or tiles))
    factor = int(settings.get("patch_size") or _PATCH.get(kind, 14)) * int(settings.get("merge_size") or 2)
    least = int(settings.get("min_pixels") or size.get("shortest_edge") or 4 * factor * factor)
    usual = MOST_PICTURE_TOKENS * factor * factor
    own = int(settings.get("max_pixels") or size.get("longest_edge") or usual)
    most = max(factor * factor, min(own, most_pixels or usual))
    # A small frame is brought to at least `min_pixels` in whole patches, so that must stay well below the most.
    return replace(fmt, factor=factor, min_pixels=min(least, max(1, most // 4)), max_pixels=most)
