"""Processors of the Qwen-VL family without their video half, which would need torchvision. Reads the hub's own folders as they are."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any


@functools.cache
def picture_processor_class() -> Any:
    """`Qwen2_5_VLProcessor` that takes pictures and text only; Qwen2-VL and Qwen2.5-VL folders hold the same parts.

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

        @property
        def model_input_names(self) -> list[str]:
            return [*ProcessorMixin.model_input_names.fget(self), "mm_token_type_ids"]  # type: ignore[attr-defined]

    PictureProcessor.__name__ = "Qwen2_5_VLProcessor"  # what is saved must name a class that everybody has
    return PictureProcessor


def make(pictures: Any, words: Any, template: str) -> Any:
    """A processor out of its parts."""
    return picture_processor_class()(pictures, words, chat_template=template)


def load(folder: Path) -> Any:
    """The processor of a model folder. Pictures are prepared by Pillow, which differs from torchvision by at most one grey step."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    pictures = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    own = (folder / "gembalens.json").exists()  # the family's tokenizer class would put its own splitting of digits back
    words = (PreTrainedTokenizerFast if own else AutoTokenizer).from_pretrained(folder, local_files_only=True)
    template = words.chat_template
    named = folder / "chat_template.jinja"
    if named.exists():
        template = named.read_text("utf-8")
    return make(pictures, words, template)
