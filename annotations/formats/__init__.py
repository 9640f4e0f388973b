"""The files a training set can be written as. A new one: a file with `write` and `read`, and a line here. No single file serves all trainers."""

from __future__ import annotations

from collections.abc import Mapping

from annotations.formats import sft_parts, sft_qwen, sft_tag
from annotations.formats.folder import Format

FORMATS: Mapping[str, Format] = {
    "sft_tag": Format(sft_tag.FILE, sft_tag.write, sft_tag.read, sft_tag.VALID_FOR, sft_tag.NOT_FOR),
    "sft_parts": Format(sft_parts.FILE, sft_parts.write, sft_parts.read, sft_parts.VALID_FOR, sft_parts.NOT_FOR),
    "sft_qwen": Format(sft_qwen.FILE, sft_qwen.write, sft_qwen.read, sft_qwen.VALID_FOR, sft_qwen.NOT_FOR),
}
"""By the name a person asks for."""
