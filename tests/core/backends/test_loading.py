"""Each family, as a tiny model of its true architecture: loaded, asked in batches, an adapter laid over and taken off, in 4 bits."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from core.backends.catalogue import LocalSpec
from core.backends.folder import read_folder, read_spec
from core.backends.loading import SEEING, Loaded, load
from core.errors import ModelError, ModelUnfit
from tests import makers
from tests.tiny import KINDS, TARGETS

if TYPE_CHECKING:
    import torch

MOST = 100 * 28 * 28  # pixels
TEXT = "what is seen here?"
PICTURES = [
    makers.picture(320, 240, rects=[((20, 20, 160, 90), "red")]),
    makers.picture(90, 300, rects=[((5, 100, 60, 290), "blue")]),
    makers.picture(64, 48, rects=[((1, 1, 30, 40), "green")]),
]


def opened(model: Path, adapter: Path | None = None, **more: Any) -> Loaded:
    spec = LocalSpec(str(model), adapter=str(adapter) if adapter else None, most_pixels=MOST, **more)
    return load(read_spec("tried", spec), threads=1)


def scores(model: Loaded, pictures: list[Image.Image] = PICTURES) -> torch.Tensor:
    """Logits of the first token of each answer."""
    import torch

    with torch.inference_mode():
        return model.net(**model.prepare(pictures, TEXT)).logits[:, -1].float()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_mixed_sizes_is_answered_as_one_by_one(kind: str, families: Mapping[str, Path]) -> None:
    import torch

    model = opened(families[kind])
    batch = model.prepare(PICTURES, TEXT)
    assert batch["input_ids"].shape[0] == 3
    assert (batch["attention_mask"][:, -1] == 1).all(), "padded on the left"
    if kind != "mllama":  # whose pictures are no tokens among the words
        assert (batch["attention_mask"][:, 0] == 0).any()
        assert set(batch["input_ids"][batch["attention_mask"] == 0].tolist()) == {model.pad}
    together = scores(model)
    alone = torch.cat([scores(model, [picture]) for picture in PICTURES])
    assert torch.isfinite(together).all()
    assert torch.allclose(together, alone, atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-2), "the picture makes no difference"


@pytest.mark.parametrize("kind", KINDS)
def test_it_generates_and_its_log_probabilities_are_finite(kind: str, families: Mapping[str, Path]) -> None:
    import torch

    model = opened(families[kind])
    asked = model.prepare(PICTURES, TEXT)
    with torch.inference_mode():
        out = model.net.generate(
            **asked, max_new_tokens=6, do_sample=False, repetition_penalty=1.0, return_dict_in_generate=True, output_logits=True
        )
    said = out.sequences[:, asked["input_ids"].shape[1] :]
    assert said.shape[0] == 3
    chances = torch.stack([torch.log_softmax(step.float(), -1) for step in out.logits], 1)
    assert torch.isfinite(chances.gather(2, said[..., None])).all()
    assert model.ends <= set(range(model.net.get_input_embeddings().num_embeddings))


@pytest.mark.parametrize("kind", KINDS)
def test_the_beginning_is_said_once_and_the_question_stands_in_its_template(kind: str, families: Mapping[str, Path]) -> None:
    model = opened(families[kind])
    words = model.processor.tokenizer
    text = words.decode(model.prepare(PICTURES[:1], TEXT)["input_ids"][0])
    assert text.count("<|begin_of_text|>" if kind == "mllama" else "<|im_start|>system") == 1
    assert text.endswith("assistant<|end_header_id|>\n\n" if kind == "mllama" else f"{TEXT}<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("kind", KINDS[:3])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1000, 120), (30, 20), (97, 1001), (1920, 1080), (28, 28)], ids=str)
@pytest.mark.parametrize("most", [None, MOST, 40_000], ids=str)
def test_the_frame_of_the_boxes_is_the_one_that_the_processor_makes(
    kind: str, size: tuple[int, int], most: int | None, families: Mapping[str, Path]
) -> None:
    from dataclasses import replace

    from core.backends import processors
    from core.backends.switching import Rack
    from core.geometry import smart_resize

    folder = read_spec("tried", LocalSpec(str(families[kind]), most_pixels=most))
    eyes = Loaded(folder, None, processors.load(folder.path, folder.kind), "cpu", frozenset(), 0, Rack(None))
    _, rows, columns = eyes.prepare([Image.new("RGB", size)], TEXT)["image_grid_thw"][0].tolist()
    fmt, patch = folder.box_format, folder.box_format.factor // 2
    made = (columns * patch, rows * patch)
    assert made == smart_resize(size, fmt.factor, fmt.min_pixels, fmt.max_pixels)
    assert [int(side) for side in replace(fmt, scale=None, resized=True).grid(size)] == list(made)
    assert made[0] * made[1] <= (most or 1280 * fmt.factor**2) or min(made) == fmt.factor


def test_a_large_frame_is_cut_into_fewer_tiles_when_fewer_pixels_are_wanted(families: Mapping[str, Path]) -> None:
    large = [makers.picture(400, 400, rects=[((20, 20, 160, 90), "red")])]

    def tiles(most: int | None) -> int:
        model = load(read_spec("tried", LocalSpec(str(families["mllama"]), most_pixels=most)), 1)
        return int(model.prepare(large, TEXT)["aspect_ratio_mask"].sum())

    assert (tiles(None), tiles(56 * 56)) == (4, 1)


@pytest.mark.parametrize("template", ["{{ nobody() }}", "{% if %}", "no picture here"], ids=["a call", "broken", "no picture"])
def test_a_template_that_cannot_be_used_is_an_error_in_words(template: str, families: Mapping[str, Path], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(families["qwen3_vl"], tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text(template, "utf-8")
    with pytest.raises(ModelError, match="cannot be prepared"):
        opened(tmp_path / "model").prepare(PICTURES, TEXT)


def test_a_frame_that_is_no_frame_is_an_error_in_words(families: Mapping[str, Path]) -> None:
    with pytest.raises(ModelError, match="cannot be prepared"):
        opened(families["qwen2_5_vl"]).prepare([Image.new("RGB", (4100, 20))], TEXT)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_put_on_and_taken_off_without_a_trace(kind: str, families: Mapping[str, Path], loras: Mapping[str, Path]) -> None:
    import torch

    base = scores(opened(families[kind]))
    model = opened(families[kind], loras[kind])
    with_it = scores(model)
    assert not torch.allclose(with_it, base, atol=0.1)
    assert re.search(rf"\+{loras[kind].name}@[0-9a-f]{{12}}:guided$", model.folder.model)
    model.switch(None)
    assert torch.equal(scores(model), base)
    assert model.folder.model == read_spec("tried", LocalSpec(str(families[kind]), most_pixels=MOST)).model
    model.switch(loras[kind])
    assert torch.equal(scores(model), with_it)


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_adapter_answers_as_one_laid_over(kind: str, families: Mapping[str, Path], loras: Mapping[str, Path]) -> None:
    import torch

    laid_over, merged = opened(families[kind], loras[kind]), opened(families[kind], loras[kind], merge=True)
    assert torch.allclose(scores(merged), scores(laid_over), atol=1e-3)
    assert merged.folder.model.replace(":merged", "") == laid_over.folder.model  # it rounds in another way, so it is another model
    assert not any("lora" in name for name, _ in merged.net.named_parameters())
    with pytest.raises(ModelUnfit, match="without merge"):
        merged.switch(None)
    merged.switch(loras[kind])  # it is the one that speaks


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_weight_is_the_base_and_the_product_of_the_adapter(
    kind: str, families: Mapping[str, Path], loras: Mapping[str, Path]
) -> None:
    """Worked out by hand from both files: W + alpha / r * B A."""
    import torch
    from safetensors.torch import load_file

    held = load_file(loras[kind] / "adapter_model.safetensors")
    base, merged = (
        dict(opened(families[kind], loras[kind] if merge else None, merge=merge).net.named_parameters()) for merge in (False, True)
    )
    changed = {name for name in base if not torch.equal(base[name], merged[name])}
    assert changed == {f"{n}.weight" for n, m in _modules(families[kind]) if re.fullmatch(TARGETS[kind], n)}
    for name in changed:
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        by_hand = base[name] + 4 * held[f"{stem}.lora_B.weight"] @ held[f"{stem}.lora_A.weight"]
        assert torch.allclose(merged[name], by_hand, atol=1e-5)


def _modules(model: Path) -> list[tuple[str, Any]]:
    return list(opened(model).net.named_modules())


@pytest.mark.parametrize("kind", KINDS)
def test_four_bits_with_an_adapter_answer_and_the_eyes_keep_their_precision(
    kind: str, families: Mapping[str, Path], loras: Mapping[str, Path]
) -> None:
    import torch

    model = opened(families[kind], loras[kind], quantisation="nf4")
    from bitsandbytes.nn.modules import Linear4bit

    small = [name for name, module in model.net.named_modules() if isinstance(module, Linear4bit)]
    assert small
    assert all(name.startswith("model.language_model.layers.") for name in small)
    assert not [name for name in small if name.startswith(SEEING[kind])]
    quantised: list[Any] = [module for module in model.net.modules() if isinstance(module, Linear4bit)]
    states = [module.weight.quant_state for module in quantised]
    assert all(state.nested and state.quant_type == "nf4" for state in states)
    assert torch.isfinite(scores(model)).all()
    assert ":nf4:guided" in model.folder.model
    said = model.net.generate(**model.prepare(PICTURES, TEXT), max_new_tokens=4, do_sample=False)
    assert said.shape[0] == 3
    with_it = scores(model)
    model.switch(None)
    assert not torch.allclose(scores(model), with_it, atol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_four_bits_answer_as_the_weights_that_they_stand_for(kind: str, families: Mapping[str, Path]) -> None:
    """The whole model with each weight taken back out of its four bits says the same, but for the rounding of bfloat16."""
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn.modules import Linear4bit

    small, whole = opened(families[kind], quantisation="nf4"), opened(families[kind])
    before = scores(whole)
    quantised: dict[str, Any] = {name: each for name, each in small.net.named_modules() if isinstance(each, Linear4bit)}
    for name, each in quantised.items():
        whole.net.get_submodule(name).weight.data = dequantize_4bit(each.weight.data, each.weight.quant_state).float()
    after, said = scores(whole), scores(small)
    assert (said - after).abs().max() < 0.2 * (said - before).abs().max()


def test_half_precision_of_a_gpu_becomes_what_a_cpu_can_do(families: Mapping[str, Path], tmp_path: Path) -> None:
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    half = tmp_path / "half"
    shutil.copytree(families["qwen2_5_vl"], half)
    weights = {name: each.half() for name, each in load_file(half / "model.safetensors").items()}
    save_file(weights, half / "model.safetensors", metadata={"format": "pt"})
    model = opened(half)
    assert model.net.dtype == torch.bfloat16
    assert torch.isfinite(scores(model)).all()


def test_layers_whose_rows_are_no_multiple_of_a_block_work_in_four_bits(tiny: Path) -> None:
    import torch

    model = load(read_spec("tiny", LocalSpec(str(tiny), quantisation="nf4")), 1)  # hidden size 48
    assert torch.isfinite(scores(model)).all()


def test_our_own_model_keeps_its_numbers_and_its_canvas(tiny: Path) -> None:
    import torch

    model = load(read_folder(tiny), 1)
    assert model.net.dtype == torch.float32
    grids = model.prepare(PICTURES, TEXT)["image_grid_thw"].tolist()
    assert grids == [[1, 18, 24]] * 3


def test_half_a_model_is_no_model(families: Mapping[str, Path], tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    harmed = tmp_path / "harmed"
    shutil.copytree(families["qwen2_5_vl"], harmed)
    weights = load_file(harmed / "model.safetensors")
    lost = next(name for name in weights if "down_proj" in name)
    save_file({name: each for name, each in weights.items() if name != lost}, harmed / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnfit, match=r"not whole: 1 of its weights.*down_proj"):
        opened(harmed)


def test_no_family_needs_torchvision(families: Mapping[str, Path]) -> None:
    for kind in KINDS:
        opened(families[kind])
    assert "torchvision" not in sys.modules
