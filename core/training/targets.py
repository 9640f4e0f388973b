"""Which layers of a family an adapter may change, as one expression that a layer's whole name must match. Changes nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import TrainingError
from core.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Places:
    """The linear layers of a family, by where they stand."""

    language: str  # before attention and mlp
    language_attention: str
    language_mlp: str
    vision: str
    vision_attention: str
    vision_mlp: str
    merger: str


_TEXT = (r"model\.language_model\.layers\.\d+\.", r"self_attn\.(q|k|v|o)_proj", r"mlp\.(gate|up|down)_proj")
_BLOCKS, _SEES = r"model\.visual\.blocks\.\d+\.", r"attn\.(qkv|proj)"
_MERGES = r"model\.visual\.merger\.mlp\.[02]"  # 1 is the function between the two

PLACES: Mapping[str, Places] = {
    "qwen2_vl": Places(*_TEXT, _BLOCKS, _SEES, r"mlp\.fc[12]", _MERGES),
    "qwen2_5_vl": Places(*_TEXT, _BLOCKS, _SEES, r"mlp\.(gate|up|down)_proj", _MERGES),
    "qwen3_vl": Places(*_TEXT, _BLOCKS, _SEES, r"mlp\.linear_fc[12]", r"model\.visual\.(merger|deepstack_merger_list\.\d+)\.linear_fc[12]"),
    "mllama": Places(
        _TEXT[0],
        r"(self_attn|cross_attn)\.(q|k|v|o)_proj",
        _TEXT[2],
        r"model\.vision_model\.(transformer|global_transformer)\.layers\.\d+\.",
        r"self_attn\.(q|k|v|o)_proj",
        r"mlp\.fc[12]",
        r"model\.multi_modal_projector",
    ),
}
"""By `model_type`. Names as transformers 5 has them."""


def targets(kind: str, recipe: Recipe) -> str:
    """The expression for a model of this `model_type`. Raises TrainingError for one whose layers nobody wrote down here."""
    if kind not in PLACES:
        raise TrainingError(f'Nobody wrote down which layers of a "{kind}" model may learn. It can be trained elsewhere: docs/training.md.')
    at = PLACES[kind]
    found: list[str] = []
    for wanted, before, attention, mlp in (
        (recipe.language, at.language, at.language_attention, at.language_mlp),
        (recipe.vision, at.vision, at.vision_attention, at.vision_mlp),
    ):
        parts = [part for part, on in ((attention, recipe.attention), (mlp, recipe.mlp)) if on]
        if wanted and parts:
            found.append(f"{before}({'|'.join(parts)})")
    if recipe.merger:
        found.append(at.merger)
    return "|".join(f"({each})" for each in found)
