"""A model of a known family brought into this process, and questions made into tensors for it. Generates nothing and understands nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.backends import memory, processors
from core.backends.adapters import AdapterFolder, read_adapter
from core.backends.folder import ModelFolder
from core.backends.switching import Rack, quiet_bitsandbytes
from core.errors import ModelError, ModelUnfit

if TYPE_CHECKING:
    import torch
    from PIL import Image

SEEING = {
    "qwen2_vl": ("model.visual",),
    "qwen2_5_vl": ("model.visual",),
    "qwen3_vl": ("model.visual",),
    "mllama": ("model.vision_model", "model.multi_modal_projector"),
}
"""By `model_type`: modules that see. Like the last layer they keep their precision when the rest is brought to 4 bits."""


@dataclass(slots=True)
class Loaded:
    """A model in this process. Belongs to one thread at a time."""

    folder: ModelFolder
    net: Any
    processor: Any
    device: str
    ends: frozenset[int]  # tokens that end an answer
    pad: int
    _rack: Rack = field(repr=False)

    def prepare(self, pictures: Sequence[Image.Image], text: str) -> dict[str, torch.Tensor]:
        """The same question about each picture (upright RGB, any size) as one batch on the device, padded on the left.

        Raises ModelError when the processor refuses a picture (200 times as long as wide, say): ask for the others without it.
        """
        from jinja2 import TemplateError

        folder, fmt = self.folder, self.folder.box_format
        said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]
        size: dict[str, Any] = {}
        if folder.canvas:
            pictures = [_on_canvas(picture) for picture in pictures]
        elif folder.kind == "mllama":
            pictures = [_within(picture, fmt.max_pixels) for picture in pictures]
        else:
            size = {"images_kwargs": {"size": {"shortest_edge": fmt.min_pixels, "longest_edge": fmt.max_pixels}}}
        try:
            chat = self.processor.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
            asked = self.processor(
                images=[[picture] for picture in pictures] if folder.kind == "mllama" else list(pictures),
                text=[chat] * len(pictures),
                return_tensors="pt",
                padding=True,
                add_special_tokens=False,  # the chat template has them
                **size,
            )
        except (ValueError, TemplateError) as error:
            raise ModelError(f"The frame cannot be prepared for {folder.path.name}: {error}") from error
        return {name: value.to(self.device) for name, value in asked.items()}

    def switch(self, adapter: Path | None) -> None:
        """Answer with this adapter from now on, or with the base alone; the base stays loaded and `folder.model` changes.

        Raises ModelMissing or ModelUnfit; then everything is as it was.
        """
        described = None if adapter is None else read_adapter(adapter, self.folder.names, self.folder.base)
        self._rack.switch(described)
        self.folder = self.folder.with_adapter(described)


def load(folder: ModelFolder, threads: int) -> Loaded:
    """Bring a model with its adapter into this process: seconds to minutes.

    Raises ModelUnfit when there is no room for it or its adapter does not fit, ModelError when it cannot be loaded.
    """
    import torch

    torch.set_num_threads(threads)
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    memory.refuse_too_large(folder, device)
    processor, net = _read(folder, device)
    rack = Rack(net)
    if folder.adapter is not None:
        adapter: AdapterFolder = read_adapter(folder.adapter, folder.names, folder.base)
        if folder.with_adapter(adapter).model != folder.model:
            raise ModelUnfit(f"The adapter {folder.adapter.name} changed since it was asked for. Start again.")
        rack.switch(adapter)
        if folder.merge:
            rack.merge()
    words = processor.tokenizer
    said = net.generation_config.eos_token_id if net.generation_config else None
    said = words.eos_token_id if said is None else said
    ends = frozenset(said if isinstance(said, list) else [] if said is None else [said])
    if not ends or words.pad_token_id is None:
        raise ModelError(
            f"{folder.path.name} does not say which token ends an answer (eos_token_id in generation_config.json). Copy it again."
        )
    return Loaded(folder, net, processor, device, ends, int(words.pad_token_id), rack)


def _read(folder: ModelFolder, device: str) -> tuple[Any, Any]:
    """Processor and network, from safetensors alone, every weight in its place."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    try:
        processor = processors.load(folder.path, folder.kind)
        read: Any = AutoModelForImageTextToText.from_pretrained(
            folder.path,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=_dtype(folder, device),
            attn_implementation=_attention(folder, device),
            output_loading_info=True,
            **_quantised(folder, device),
        )
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ModelUnfit(f"There is no room for the model {folder.path.name}. {memory.WAY_OUT}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError) as error:
        raise ModelError(f"The model {folder.path.name} could not be loaded: {error}") from error
    net, outcome = read
    astray = sorted({*outcome["missing_keys"], *(str(each[0]) for each in outcome["mismatched_keys"])})
    if astray:
        raise ModelUnfit(
            f"The model {folder.path.name} is not whole: {len(astray)} of its weights are missing or of another shape, {astray[0]} the first."
        )
    if folder.quantisation == "nf4":
        _spare_odd_layers(net)
    return processor, net.eval()


def _spare_odd_layers(net: Any) -> None:
    """On CPUs with AVX512-BF16 bitsandbytes packs weights anew in blocks of 32 x 64 and fails on a layer that these do not fill; it leaves those alone."""
    from bitsandbytes.nn.modules import Linear4bit

    for module in net.modules():
        if isinstance(module, Linear4bit) and (module.in_features % 64 or module.out_features % 32):
            module.support_avx512bf16_for_cpu = False


def _dtype(folder: ModelFolder, device: str) -> Any:
    """bfloat16 on a GPU; on a CPU as saved, but never float16, which CPUs only imitate. Our own models everywhere as saved: they are small."""
    import torch

    if folder.own:
        return "auto"
    return torch.bfloat16 if device != "cpu" or memory.saved_dtype(folder) == "F16" else "auto"


def _attention(folder: ModelFolder, device: str) -> str | None:
    """Flash attention where the machine and the architecture have it. None: sdpa, or eager for an architecture without it."""
    has = device != "cpu" and importlib.util.find_spec("flash_attn") is not None
    return "flash_attention_2" if has and folder.kind != "mllama" and not folder.own else None


def _quantised(folder: ModelFolder, device: str) -> dict[str, Any]:
    """What transformers is told for nf4: pairs of scales quantised once more, eyes and last layer left alone."""
    if folder.quantisation == "none":
        return {"device_map": {"": device}} if device != "cpu" else {}
    import torch
    from transformers import BitsAndBytesConfig

    quiet_bitsandbytes()

    wide = memory.saved_dtype(folder) == "F32" and (device == "cpu" or folder.own)
    how = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32 if wide else torch.bfloat16,
        llm_int8_skip_modules=[*SEEING[folder.kind], "lm_head"],
    )
    return {"quantization_config": how, "device_map": {"": device}}


def _on_canvas(picture: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    from core.compact.network import on_canvas

    return Image.fromarray(on_canvas(np.asarray(picture)))


def _within(picture: Image.Image, most_pixels: int) -> Image.Image:
    """The picture with at most so many pixels, its ratio kept."""
    from PIL import Image

    share = (most_pixels / (picture.width * picture.height)) ** 0.5
    if share >= 1:
        return picture
    return picture.resize((max(1, int(picture.width * share)), max(1, int(picture.height * share))), Image.Resampling.BICUBIC)
