"""The sum of what a model needs, against a 7B of which only the heads of its files exist; and a model for which there is no room."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.backends import memory
from core.backends.catalogue import LocalSpec
from core.backends.folder import read_folder, read_spec
from core.backends.loading import load
from core.backends.memory import GIB
from core.backends.weights import Tensor
from core.errors import ModelError, ModelUnfit

HIDDEN, MLP, LAYERS, KEYS, WORDS = 3584, 18944, 28, 512, 152064
EYES, EYES_MLP, DEPTH = 1280, 3420, 32


def shapes_of_7b() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Qwen2.5-VL-7B's tensors, by its config on the hub."""
    yield "model.embed_tokens.weight", (WORDS, HIDDEN)
    yield "lm_head.weight", (WORDS, HIDDEN)
    yield "model.norm.weight", (HIDDEN,)
    for n in range(LAYERS):
        at = f"model.layers.{n}"
        for name, rows in (("q", HIDDEN), ("k", KEYS), ("v", KEYS)):
            yield f"{at}.self_attn.{name}_proj.weight", (rows, HIDDEN)
            yield f"{at}.self_attn.{name}_proj.bias", (rows,)
        yield f"{at}.self_attn.o_proj.weight", (HIDDEN, HIDDEN)
        yield f"{at}.mlp.gate_proj.weight", (MLP, HIDDEN)
        yield f"{at}.mlp.up_proj.weight", (MLP, HIDDEN)
        yield f"{at}.mlp.down_proj.weight", (HIDDEN, MLP)
        yield f"{at}.input_layernorm.weight", (HIDDEN,)
        yield f"{at}.post_attention_layernorm.weight", (HIDDEN,)
    yield "visual.patch_embed.proj.weight", (EYES, 3, 2, 14, 14)
    for n in range(DEPTH):
        at = f"visual.blocks.{n}"
        yield f"{at}.attn.qkv.weight", (3 * EYES, EYES)
        yield f"{at}.attn.proj.weight", (EYES, EYES)
        for name, shape in (("gate", (EYES_MLP, EYES)), ("up", (EYES_MLP, EYES)), ("down", (EYES, EYES_MLP))):
            yield f"{at}.mlp.{name}_proj.weight", shape
    yield "visual.merger.mlp.0.weight", (4 * EYES, 4 * EYES)
    yield "visual.merger.mlp.2.weight", (HIDDEN, 4 * EYES)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like Qwen2.5-VL-7B's; its weights are a head and a hole."""
    folder = tmp_path_factory.mktemp("large") / "Qwen2.5-VL-7B-Instruct"
    folder.mkdir()
    text = {
        "hidden_size": HIDDEN,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    }
    eyes = {"hidden_size": EYES, "intermediate_size": EYES_MLP, "depth": DEPTH}
    config = {"model_type": "qwen2_5_vl", "torch_dtype": "bfloat16", "vocab_size": WORDS, **text, "vision_config": eyes}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps({"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14}), "utf-8")
    head, end = {}, 0
    for name, shape in shapes_of_7b():
        begin = end
        end += 2 * Tensor("BF16", shape).numbers
        head[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    written = json.dumps(head).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        file.truncate(8 + len(written) + end)
    return folder


def test_a_7b_is_about_as_large_as_it_is(large: Path) -> None:
    """Measured of the true one: 8.3 G numbers, 15.4 GiB in bfloat16, about 6.3 GiB in nf4 with its eyes and last layer left alone."""
    whole, small = (memory.need(read_spec("7b", LocalSpec(str(large), quantisation=q))) for q in ("none", "nf4"))
    assert whole.weights / GIB == pytest.approx(15.4, rel=0.02)
    assert small.weights / GIB == pytest.approx(6.3, rel=0.05)


def test_keys_and_values_of_a_7b_are_counted_for_every_token_of_a_batch(large: Path) -> None:
    folder = read_folder(large)
    token = 2 * LAYERS * KEYS * 2  # bytes
    least = token * (1280 + folder.most_tokens)
    one, eight = (memory.need(folder, batch=many).answering for many in (1, 8))
    assert least < one < 6 * least
    assert eight == 8 * one


@pytest.mark.parametrize(
    ("free_gib", "more", "words"),
    [
        (10.0, {}, r"needs about 15\.4 GiB for its weights and \d+\.\d GiB to answer 8 frames at once; 10\.0 GiB are free.*in 4 bits \(nf4\) its weights take 6\.\d GiB"),
        (17.0, {}, r"frame by frame \(batch 1\) it needs 1[56]\.\d GiB"),
        (3.0, {"quantisation": "nf4"}, r"take a smaller model, or leave it to a server\.$"),
    ],
    ids=["nf4 would do", "one by one would do", "nothing would do"],
)  # fmt: skip
def test_a_model_without_room_is_refused_with_the_numbers_and_a_way_out(
    free_gib: float, more: dict[str, object], words: str, large: Path
) -> None:
    folder = read_spec("7b", LocalSpec(str(large), **more))  # type: ignore[arg-type]
    with pytest.raises(ModelUnfit, match=words):
        memory.refuse_too_large(folder, "cpu", int(free_gib * GIB))


def test_a_model_with_room_is_let_in(large: Path) -> None:
    memory.refuse_too_large(read_folder(large), "cpu", 40 * GIB)


def test_what_does_not_fit_is_refused_before_it_is_loaded(large: Path) -> None:
    """There is nothing to load: only the refusal can answer. Its batch is what no machine has room for."""
    with pytest.raises(ModelUnfit, match="GiB are free"):
        load(replace(read_folder(large), batch=1_000_000), 1)


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "mllama"])
def test_the_weights_of_each_family_are_counted_as_they_are_loaded(kind: str, families: Mapping[str, Path]) -> None:
    for quantisation in ("none", "nf4"):
        folder = read_spec("tiny", LocalSpec(str(families[kind]), quantisation=quantisation))
        loaded = load(folder, 1).net
        assert memory.need(folder).weights == pytest.approx(loaded.get_memory_footprint(), rel=0.06)


@pytest.mark.parametrize(
    "odd", [{"hidden_size": "wide"}, {"vision_config": [1]}, {"num_attention_heads": [1]}, {"text_config": 7}], ids=str
)
def test_a_config_that_makes_no_sense_is_an_error_in_words(odd: dict[str, object], large: Path, tmp_path: Path) -> None:
    config = json.loads((large / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, **odd}), "utf-8")
    (tmp_path / "model.safetensors").hardlink_to(large / "model.safetensors")
    with pytest.raises(ModelError, match=r"config\.json cannot be used"):
        memory.need(replace(read_folder(large), path=tmp_path))


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    assert memory._container_free(tmp_path) > 2**60
    for name, text in (("memory.max", "1000000"), ("memory.current", "700000"), ("memory.stat", "anon 500000\nfile 150000\n")):
        (tmp_path / name).write_text(text, "ascii")
    assert memory._container_free(tmp_path) == 450000
    (tmp_path / "memory.max").write_text("max", "ascii")
    assert memory._container_free(tmp_path) > 2**60


def test_this_machine_says_what_is_free() -> None:
    assert 50 * 2**20 < memory.free("cpu") < 2**50
