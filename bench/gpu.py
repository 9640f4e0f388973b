"""Tokens a second of a 7B-sized Qwen2.5-VL of random weights on a GPU: our own loop beside transformers' `generate`, and both beside what the memory can carry.

`python -m bench.gpu OUT.json` on a machine with a GPU. At each token every weight is read once, so bytes of weights over bytes a
second is the least time a step can take; the bytes a second are those of a plain copy, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from core.backends.catalogue import LocalSpec
from core.backends.decoding import decode
from core.backends.folder import read_spec
from core.backends.loading import Loaded, load
from core.settings import ASSETS
from tests import tiny

TEXT = {
    "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "max_position_embeddings": 32768,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}  # fmt: skip
EYES = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584}
"""Source: config.json of Qwen2.5-VL-7B-Instruct."""

BATCHES = (1, 8, 32)
TOKENS = 128


def main() -> None:
    """Make the model, load it in bf16 and in nf4, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--layers", type=int, default=28, help="fewer, to try this out on a small machine")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="gembalens-gpu-") as work:
        folder = model(Path(work) / "Qwen2.5-VL-7B-random", asked.layers)
        for quantisation in ("none", "nf4"):
            loaded = load(read_spec("random", LocalSpec(str(folder), quantisation=quantisation, guided=False)), 8)
            rows += [measured(loaded, quantisation, batch, asked.runs) for batch in BATCHES]
            del loaded
    asked.out.write_text(json.dumps({"device": device_name(), "tokens": TOKENS, "rows": rows}, indent=1) + "\n", "utf-8")


def model(folder: Path, layers: int) -> Path:
    """A folder as the hub has it, with random weights in bf16."""
    import torch
    from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration

    tiny.make("qwen2_5_vl", folder)
    small = AutoConfig.from_pretrained(folder).to_dict()
    text = {**small["text_config"], **TEXT, "num_hidden_layers": layers, "layer_types": ["full_attention"] * layers}
    eyes = {**small["vision_config"], **EYES, "depth": min(layers, 32), "fullatt_block_indexes": [n for n in (7, 15, 23, 31) if n < layers]}
    made: Any = AutoConfig.for_model(**{**small, "text_config": text, "vision_config": eyes, "tie_word_embeddings": False})
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        net = Qwen2_5_VLForConditionalGeneration(made)
    torch.set_default_dtype(torch.float32)
    for file in folder.glob("*.safetensors"):
        file.unlink()
    net.save_pretrained(folder, max_shard_size="4GB")
    return folder


def measured(loaded: Loaded, quantisation: str, batch: int, runs: int) -> dict[str, Any]:
    """Tokens a second of the decoding alone: the time of TOKENS tokens less that of one, prefill and eyes left out."""
    import torch

    frame = Image.open(sorted((ASSETS / "samples").glob("*.jpg"))[0]).convert("RGB")
    asked = loaded.prepare([frame] * batch, "What is seen here?")

    def ours(most: int) -> None:
        decode(loaded.net, asked, (), most)

    def theirs(most: int) -> None:
        loaded.net.generate(**asked, do_sample=False, max_new_tokens=most, min_new_tokens=most, repetition_penalty=1.0)

    with torch.inference_mode():
        mine, other = (min(decoding_seconds(case) for _ in range(runs)) for case in (ours, theirs))
    weights = sum(p.numel() * p.element_size() for name, p in loaded.net.named_parameters() if "visual" not in name and "embed" not in name)
    least = weights / bytes_a_second(loaded.device)
    steps = TOKENS - 1
    return {
        "quantisation": quantisation,
        "batch": batch,
        "ours_tokens_per_second": round(batch * steps / mine, 1),
        "generate_tokens_per_second": round(batch * steps / other, 1),
        "ratio": round(other / mine, 3),
        "share_of_bandwidth": round(least / (mine / steps), 3),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 1) if torch.cuda.is_available() else None,
    }


def decoding_seconds(case: Callable[[int], None]) -> float:
    """All tokens less the first."""
    return timed(case, TOKENS) - timed(case, 1)


def timed(case: Callable[[int], None], most: int) -> float:
    """Wall seconds until the GPU is done."""
    import torch

    case(1)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    case(most)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def bytes_a_second(device: str) -> float:
    """Of a plain copy: each byte is read and written."""
    import torch

    source = torch.empty(2**28 if device != "cpu" else 2**25, dtype=torch.float32, device=device)
    target = torch.empty_like(source)

    def copy(most: int) -> None:
        target.copy_(source)

    return max(2 * source.nbytes / timed(copy, 1) for _ in range(5))


def device_name() -> str:
    """What it ran on."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"


if __name__ == "__main__":
    main()
