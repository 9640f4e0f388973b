"""The compact model's tokenizer and processor: bytes for any text, and one token for each piece of the JSON it is to write.

Whole numbers 0..1000, the profile's keys, and keys of the JSON with their punctuation are single tokens, so an answer of
three findings has some fifty of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.compact.network import CANVAS
from core.profile import LEVELS, NO_TERM, Profile

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def pieces(profile: Profile) -> list[str]:
    """The JSON's own words: punctuation with keys, then the profile's keys."""
    marks = [
        '{"findings":[',
        '{"findings":[]',
        '{"box":[',
        '],"label":"',
        '"},{"box":[',
        '"}]',
        '","violations":["',
        '","',
        '","violations":[]',
        '"],"risk":"',
    ]
    marks += [f'","{name}":"' for name in profile.fields[1:]] + [
        f',"{profile.fields[0]}":"',
        ',"risk":"',
        '"}',
        ",",
        "user\n",
        "assistant\n",
    ]
    keys = [t.key for name in ("label", *profile.fields) for t in profile.terms(name)] + [h.key for h in profile.hazards]
    return list(dict.fromkeys([*marks, *keys, NO_TERM, *LEVELS]))


def tokenizer(profile: Profile, prompt: str) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with those pieces; `prompt` is cut into words of its own."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    words = [*pieces(profile), *(str(n) for n in range(1001)), prompt]
    core.add_tokens([AddedToken(w, normalized=False) for w in dict.fromkeys(words)])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>", padding_side="left"
    )


def processor(words: PreTrainedTokenizerFast) -> Any:
    """Pictures and words together, as the family's own processor does it. Its size is the one grid the model sees at."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    from core.backends.processors import make

    area = CANVAS[0] * CANVAS[1]
    pictures = Qwen2VLImageProcessorPil(patch_size=14, merge_size=2, size={"shortest_edge": area, "longest_edge": area})
    return make(pictures, words, TEMPLATE)
