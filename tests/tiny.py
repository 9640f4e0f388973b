"""Makes tiny models of the true architecture of each family, with random weights, as folders that look like the hub's; and LoRA adapters for them."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from core.backends.switching import quiet_bitsandbytes

NAMES = {
    "qwen2_vl": "Qwen2-VL-tiny-Instruct",
    "qwen2_5_vl": "Qwen2.5-VL-tiny-Instruct",
    "qwen3_vl": "Qwen3-VL-tiny-Instruct",
    "mllama": "Llama-3.2-tiny-Vision-Instruct",
}
"""By `model_type`: the folder's name."""

KINDS = tuple(NAMES)
WORDS = 640  # tokens beside the special ones
QWEN_MARKS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
LLAMA_MARKS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    "<|finetune_right_pad_id|>",
    "<|image|>",  # last: its number is the size of the vocabulary that can be said
)
QWEN_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant."
    "<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n"
    "{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA_TEMPLATE = (
    "<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}<|image|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
TARGETS = {
    "mllama": r"model\.language_model\.layers\.\d+\.(self_attn|cross_attn)\.(q|v)_proj",
    **dict.fromkeys(KINDS[:3], r"model\.language_model\.layers\.\d+\.(self_attn\.(q|v)_proj|mlp\.down_proj)"),
}
CORPUS = (
    '{"findings": [{"label": "screwdriver", "bbox_2d": [12, 345, 678, 901]}], "risk": "low", "reason": "nobody is near"} what is seen here'
)


def make(kind: str, folder: Path, *, seed: int = 7, corpus: str = CORPUS) -> Path:
    """A model of this `model_type` with less than half a million numbers. `corpus`: what its tokenizer learns its words from."""
    import torch

    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    words = _words(kind, corpus)
    net = _net(kind, words)
    net.save_pretrained(folder)
    words.save_pretrained(folder)
    pictures, template = _pictures(kind), LLAMA_TEMPLATE if kind == "mllama" else QWEN_TEMPLATE
    _write(folder / "preprocessor_config.json", pictures)
    if kind in ("qwen2_vl", "qwen2_5_vl"):  # older folders keep it so
        _write(folder / "chat_template.json", {"chat_template": template})
    else:
        (folder / "chat_template.jinja").write_text(template, "utf-8")
    ends = ["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"] if kind == "mllama" else ["<|im_end|>", "<|endoftext|>"]
    told = {"do_sample": True, "temperature": 0.1, "repetition_penalty": 1.05, "top_p": 0.001}  # as hub folders have it
    _write(
        folder / "generation_config.json", {**told, "eos_token_id": words.convert_tokens_to_ids(ends), "pad_token_id": words.pad_token_id}
    )
    return folder


def adapter(model: Path, folder: Path, *, rank: int = 4, seed: int = 1) -> Path:
    """A LoRA adapter for that model, of random numbers that change its answers; written by hand in PEFT's form. Its scale is 4."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForImageTextToText

    quiet_bitsandbytes()
    from peft import LoraConfig

    dice = torch.Generator().manual_seed(seed)
    net: Any = AutoModelForImageTextToText.from_pretrained(model, local_files_only=True)
    config = LoraConfig(r=rank, lora_alpha=4 * rank, target_modules=TARGETS[net.config.model_type], base_model_name_or_path=model.name)
    config.save_pretrained(str(folder))
    matrices = {}
    for name, module in net.named_modules():
        if re.fullmatch(TARGETS[net.config.model_type], name):
            matrices[f"base_model.model.{name}.lora_A.weight"] = torch.randn(rank, module.in_features, generator=dice) * 0.05
            matrices[f"base_model.model.{name}.lora_B.weight"] = torch.randn(module.out_features, rank, generator=dice) * 0.05
    save_file(matrices, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return folder


@functools.cache
def _learned(corpus: str) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        [corpus], trainers.BpeTrainer(vocab_size=WORDS, initial_alphabet=sorted(alphabet), show_progress=False, min_frequency=1)
    )
    model = json.loads(core.to_str())["model"]
    return model["vocab"], [(a, b) for a, b in model["merges"]]


def _words(kind: str, corpus: str) -> Any:
    from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

    vocab, merges = _learned(corpus)
    if kind == "mllama":
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

        core = Tokenizer(models.BPE(vocab=vocab, merges=merges))
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        core.add_special_tokens(list(LLAMA_MARKS))
        first = (LLAMA_MARKS[0], core.token_to_id(LLAMA_MARKS[0]))
        core.post_processor = processors.TemplateProcessing(single=f"{first[0]} $A", special_tokens=[first])  # as the hub's has it
        return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_object=core,
            bos_token="<|begin_of_text|>",
            eos_token="<|eot_id|>",
            pad_token="<|finetune_right_pad_id|>",
        )
    words: Any = Qwen2Tokenizer(vocab=vocab, merges=merges, eos_token="<|im_end|>")  # type: ignore[arg-type]
    words.add_special_tokens({"additional_special_tokens": list(QWEN_MARKS)})
    return words


def _pictures(kind: str) -> dict[str, Any]:
    """preprocessor_config.json as the hub's folders have it."""
    if kind == "mllama":
        own = {"image_processor_type": "MllamaImageProcessor", "max_image_tiles": 4, "size": {"height": 56, "width": 56}}
        return {
            **own,
            "image_mean": [0.48, 0.46, 0.41],
            "image_std": [0.27, 0.26, 0.28],
            "do_pad": True,
            "processor_class": "MllamaProcessor",
        }
    shared = {"image_processor_type": "Qwen2VLImageProcessor", "merge_size": 2, "temporal_patch_size": 2}
    if kind == "qwen3_vl":
        size = {"shortest_edge": 65536, "longest_edge": 16777216}
        return {
            **shared,
            "size": size,
            "patch_size": 16,
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
            "processor_class": "Qwen3VLProcessor",
        }
    return {**shared, "min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "processor_class": "Qwen2_5_VLProcessor"}


def _net(kind: str, words: Any) -> Any:
    import torch
    import transformers as hf

    number = words.convert_tokens_to_ids
    if kind == "mllama":
        net = hf.MllamaForConditionalGeneration(_mllama(len(words) - 1, words))
        for name, gate in net.named_parameters():
            if "gate" in name and gate.numel() == 1:  # they begin at 0, where pictures do not count
                torch.nn.init.constant_(gate, 0.7)
        return net
    text: dict[str, Any] = {
        "vocab_size": len(words), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 8192, "bos_token_id": None, "eos_token_id": number("<|im_end|>"),
        "pad_token_id": number("<|endoftext|>"), "initializer_range": 0.2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5]},
    }  # fmt: skip
    seen: dict[str, Any] = {"depth": 2, "num_heads": 2, "spatial_merge_size": 2, "temporal_patch_size": 2, "initializer_range": 0.1}
    marks = {f"{name}_token_id": number(f"<|{name}{'_pad' if name in ('image', 'video') else ''}|>") for name in ("image", "video")}
    marks |= {f"{name}_token_id": number(f"<|{name}|>") for name in ("vision_start", "vision_end")}
    if kind == "qwen2_vl":
        eyes: dict[str, Any] = {**seen, "embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2, "patch_size": 14}
        return hf.Qwen2VLForConditionalGeneration(hf.Qwen2VLConfig(text_config=text, vision_config=eyes, tie_word_embeddings=True, **marks))
    eyes = {**seen, "hidden_size": 32, "intermediate_size": 48, "out_hidden_size": 64}
    if kind == "qwen2_5_vl":
        eyes |= {"patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1]}
        return hf.Qwen2_5_VLForConditionalGeneration(
            hf.Qwen2_5_VLConfig(text_config=text, vision_config=eyes, tie_word_embeddings=True, **marks)
        )
    del text["bos_token_id"]
    rope = {**text["rope_parameters"], "mrope_interleaved": True}
    eyes |= {"patch_size": 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    return hf.Qwen3VLForConditionalGeneration(
        hf.Qwen3VLConfig(
            text_config={**text, "head_dim": 32, "rope_parameters": rope}, vision_config=eyes, tie_word_embeddings=True, **marks
        )
    )


def _mllama(said: int, words: Any) -> Any:
    """`said`: how many tokens can be said; the picture's mark has the number after them."""
    from transformers import MllamaConfig

    number = words.convert_tokens_to_ids
    return MllamaConfig(
        text_config={
            "vocab_size": said, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2,
            "num_key_value_heads": 1, "cross_attention_layers": [1], "max_position_embeddings": 8192, "initializer_range": 0.2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "bos_token_id": number("<|begin_of_text|>"),
            "eos_token_id": number("<|eot_id|>"), "pad_token_id": number("<|finetune_right_pad_id|>"),
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_global_layers": 1, "attention_heads": 2,
            "image_size": 56, "patch_size": 14, "max_num_tiles": 4, "intermediate_layers_indices": [0], "vision_output_dim": 64,
            "initializer_range": 0.1,
        },
        image_token_index=number("<|image|>"),
    )  # fmt: skip


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), "utf-8")
