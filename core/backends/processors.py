"""Processors of the families that run here, without the video half of Qwen's, which would need torchvision. Reads the hub's own folders as they are."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any


@functools.cache
def picture_processor_class() -> Any:
    """`Qwen2_5_VLProcessor` that takes pictures and text only; Qwen2-VL, Qwen2.5-VL and Qwen3-VL folders hold the same parts.

    Built at the first call: transformers takes seconds to import.
    """
    from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
    from transformers.processing_utils import ProcessorMixin

    class PictureProcessor(Qwen2_5_VLProcessor):  # type: ignore[misc,unused-ignore]
        """The family's processor; only the constructor differs, from which transformers reads which parts to load."""

        def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None) -> None:
            self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
            self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
            self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
            ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)  # type: ignore[no-untyped-call]
            # Qwen3-VL's asks for these too.
            self.vision_start_token, self.vision_end_token = "<|vision_start|>", "<|vision_end|>"
            self.vision_start_token_id = tokenizer.convert_tokens_to_ids(self.vision_start_token)
            self.vision_end_token_id = tokenizer.convert_tokens_to_ids(self.vision_end_token)

        @property
        def model_input_names(self) -> list[str]:
            return [*ProcessorMixin.model_input_names.fget(self), "mm_token_type_ids"]  # type: ignore[attr-defined]

    PictureProcessor.__name__ = "Qwen2_5_VLProcessor"  # what is saved must name a class that everybody has
    return PictureProcessor


def make(pictures: Any, words: Any, template: str) -> Any:
    """A processor out of its parts."""
    return picture_processor_class()(pictures, words, chat_template=template)


def load(folder: Path, kind: str = "qwen2_5_vl") -> Any:
    """The processor of a model folder of this `model_type`; it pads on the left.

    Pictures are prepared by Pillow, which differs from torchvision by at most one grey step.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    own = (folder / "gembalens.json").exists()  # the family's tokenizer class would put its own splitting of digits back
    words: Any = (PreTrainedTokenizerFast if own else AutoTokenizer).from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    words.padding_side = "left"
    if words.pad_token is None:
        words.pad_token = words.eos_token
    template = _template(folder) or words.chat_template
    if kind == "mllama":
        from transformers import MllamaProcessor
        from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

        tiles = MllamaImageProcessorPil.from_pretrained(folder, local_files_only=True)
        return MllamaProcessor(tiles, words, chat_template=template)  # type: ignore[no-untyped-call]
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    return make(Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True), words, template)


def _template(folder: Path) -> str | None:
    """The folder's own chat template: in a file of its own, or as older folders keep it."""
    if (folder / "chat_template.jinja").exists():
        return (folder / "chat_template.jinja").read_text("utf-8")
    if (folder / "chat_template.json").exists():
        return str(json.loads((folder / "chat_template.json").read_text("utf-8"))["chat_template"])
    return None
