"""The compact model's shape: Qwen2.5-VL, small. And the dense head that helps it to see while it learns, thrown away afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

CANVAS = (336, 252)
"""Width and height in pixels to which every frame is stretched; sides are multiples of patch x merge = 28. The model sees at this grid only."""
PATCH = 14  # pixels
CELL = 28  # pixels of the canvas that one picture token stands for


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the network is. The default has about 3.6 M parameters."""

    hidden: int = 192
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 512
    vision_hidden: int = 128
    vision_layers: int = 4
    vision_heads: int = 4
    vision_mlp: int = 384


def config(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> Any:
    """The configuration, with the special tokens where this tokenizer has them."""
    from transformers import Qwen2_5_VLConfig

    def token(text: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(text))  # type: ignore[arg-type]

    section = shape.hidden // shape.heads // 6
    half = shape.hidden // shape.heads // 2
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": shape.hidden,
            "intermediate_size": shape.mlp,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "max_position_embeddings": 4096,
            "use_sliding_window": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [half - 2 * section, section, section]},
            "bos_token_id": None,
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|endoftext|>"),
        },
        vision_config={
            "depth": shape.vision_layers,
            "hidden_size": shape.vision_hidden,
            "intermediate_size": shape.vision_mlp,
            "num_heads": shape.vision_heads,
            "out_hidden_size": shape.hidden,
            "patch_size": PATCH,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": list(range(1, shape.vision_layers, 2)),  # the others look within 112 pixels
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
        initializer_range=0.05,  # type: ignore[call-arg]  # goes through to the text part
    )


def on_canvas(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame (height x width x 3) as the model sees it: stretched to the canvas, with a ruler.

    The ruler: the four pixels in the corner of each patch say in red and green how far right and down it lies. The family's
    vision tower knows only how patches lie to each other; with the ruler it knows where they are, and learns in a fraction of the scenes.
    """
    shrinks = picture.shape[1] >= CANVAS[0]
    seen = cv2.resize(picture, CANVAS, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR).astype(np.uint8)
    across, down = np.arange(CANVAS[0] // PATCH), np.arange(CANVAS[1] // PATCH)
    for y in (0, 1):
        for x in (0, 1):
            seen[y::PATCH, x::PATCH, 0] = np.rint(255 * across / (len(across) - 1))[None, :]
            seen[y::PATCH, x::PATCH, 1] = np.rint(255 * down / (len(down) - 1))[:, None]
            seen[y::PATCH, x::PATCH, 2] = 128
    return seen


def quicken(net: Any) -> None:
    """Cut patches by a matrix product instead of a 3-d convolution whose stride is its kernel: the same numbers, a seventh less time a step."""
    from torch.nn import functional as F

    patches = net.model.visual.patch_embed
    patches.forward = lambda pixels: F.linear(pixels, patches.proj.weight.flatten(1))


def dense_head(hidden: int, classes: int) -> torch.nn.Module:
    """Per picture token: class logits (0 = nothing's middle lies here), then the four sides of the box, in cells from the upper left corner of the canvas."""
    from torch import nn

    return nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, classes + 1 + 4))
