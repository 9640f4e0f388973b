"""An adapter that was asked for and cannot be used is an error, never the base model in its place."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.backends.catalogue import LocalSpec
from core.backends.folder import read_spec
from core.backends.loading import Loaded, load
from core.errors import ModelError, ModelMissing, ModelUnfit
from tests import tiny

KIND = "qwen2_5_vl"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def change_config(folder: Path, **more: Any) -> None:
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    (folder / CONFIG).write_text(json.dumps({**config, **more}), "utf-8")


def change_weights(folder: Path, change: Callable[[str, Any], tuple[str, Any] | None]) -> None:
    from safetensors.torch import load_file, save_file

    kept = [new for name, each in load_file(folder / WEIGHTS).items() if (new := change(name, each)) is not None]
    save_file({name: each.contiguous() for name, each in kept}, folder / WEIGHTS, metadata={"format": "pt"})


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({}))


def pickle_beside(folder: Path) -> None:
    (folder / "training_args.bin").write_bytes(pickle.dumps({}))


def cut_short(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])


def no_head(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"\xff" * 4000)


def empty(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"")


def broken_config(folder: Path) -> None:
    (folder / CONFIG).write_text("{", "utf-8")


def code(folder: Path) -> None:
    change_config(folder, auto_map={"x": "y.Z"})


def link_out(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder.parent / "elsewhere.safetensors")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere.safetensors")


def another_base(folder: Path) -> None:
    change_config(folder, base_model_name_or_path="Qwen/Qwen2.5-VL-3B-Instruct")


def another_base_by_its_manifest(folder: Path) -> None:
    (folder / "gembalens.json").write_text(json.dumps({"base": f"{tiny.NAMES[KIND]}@000000000000"}), "utf-8")


def another_rank(folder: Path) -> None:
    change_config(folder, r=8)


def another_method(folder: Path) -> None:
    change_config(folder, peft_type="IA3")


def changed_biases(folder: Path) -> None:
    change_config(folder, bias="all")


def whole_modules(folder: Path) -> None:
    change_config(folder, modules_to_save=["lm_head"])


def repeated_layers(folder: Path) -> None:
    change_config(folder, layer_replication=[[0, 2], [0, 2]])


def of_no_base(folder: Path) -> None:
    change_config(folder, base_model_name_or_path=None)


def of_no_base_in_its_manifest_either(folder: Path) -> None:
    change_config(folder, base_model_name_or_path="")
    (folder / "gembalens.json").write_text(json.dumps({"base": None}), "utf-8")


def base_rewritten(how: Any) -> Callable[[Path], None]:
    def begun(folder: Path) -> None:
        change_config(folder, init_lora_weights=how)

    begun.__name__ = f"begun_by_{how}"
    return begun


def no_lora_in_it(folder: Path) -> None:
    change_weights(folder, lambda name, each: (name.replace(".lora_", ".other_"), each))


EARLY: list[tuple[Callable[[Path], None], type[ModelError], str]] = [
    (gone, ModelMissing, "There is no adapter"),
    (no_weights, ModelMissing, "adapter_model.safetensors"),
    (pickled, ModelUnfit, r"adapter_model\.bin"),
    (pickle_beside, ModelUnfit, r"training_args\.bin"),
    (cut_short, ModelUnfit, "damaged"),
    (no_head, ModelUnfit, "damaged"),
    (empty, ModelUnfit, "damaged"),
    (broken_config, ModelError, "JSON"),
    (code, ModelUnfit, "auto_map"),
    (link_out, ModelUnfit, "outside the folder"),
    (another_base, ModelUnfit, "was made for Qwen/Qwen2.5-VL-3B-Instruct"),
    (another_base_by_its_manifest, ModelUnfit, "was made for .*@000000000000"),
    (another_rank, ModelUnfit, "rank 8 and .* has rank 4"),
    (another_method, ModelUnfit, "IA3"),
    (changed_biases, ModelUnfit, "more of the base model than LoRA"),
    (whole_modules, ModelUnfit, "more of the base model than LoRA"),
    (no_lora_in_it, ModelUnfit, "no LoRA"),
    (repeated_layers, ModelUnfit, "more of the base model than LoRA"),
    (of_no_base, ModelUnfit, r'write {"base": "Qwen2\.5-VL-tiny-Instruct@[0-9a-f]{12}"} into gembalens\.json'),
    (of_no_base_in_its_manifest_either, ModelUnfit, "does not say which base model"),
    *(
        (base_rewritten(how), ModelUnfit, "begun with init_lora_weights")
        for how in ("pissa", "pissa_niter_16", "olora", "corda", "loftq", "eva", 1)
    ),
]
"""What its files alone show: refused when the model is described, before anything is loaded."""


def other_rank_in_a_pattern(folder: Path) -> None:
    change_config(folder, rank_pattern={"q_proj": 2})


def other_shapes(folder: Path) -> None:
    import torch

    change_weights(folder, lambda name, each: (name, torch.cat([each, each], 1) if "lora_A" in name else each))


def no_target(folder: Path) -> None:
    change_config(folder, target_modules=["nobody"])


def too_few_tensors(folder: Path) -> None:
    change_weights(folder, lambda name, each: None if "layers.1.self_attn.q_proj" in name else (name, each))


def half_a_pair(folder: Path) -> None:
    change_weights(folder, lambda name, each: None if "layers.1.self_attn.q_proj.lora_B" in name else (name, each))


def too_many_tensors(folder: Path) -> None:
    change_config(folder, target_modules=r"model\.language_model\.layers\.0\.(self_attn\.(q|v)_proj|mlp\.down_proj)")


def also_elsewhere(folder: Path) -> None:
    change_config(folder, target_modules=r"model\.language_model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.down_proj)")


def no_numbers(folder: Path) -> None:
    change_weights(folder, lambda name, each: (name, each * float("nan")))


def other_names(folder: Path) -> None:
    change_weights(folder, lambda name, each: (name.replace("language_model", "text_model"), each))


LATE: list[Callable[[Path], None]] = [
    other_rank_in_a_pattern, other_shapes, no_target, too_few_tensors, half_a_pair, too_many_tensors, also_elsewhere, other_names, no_numbers,
]  # fmt: skip
"""What only the network shows; PEFT itself says nothing of the last six."""


@pytest.fixture
def copied(loras: Mapping[str, Path], tmp_path: Path) -> Path:
    shutil.copytree(loras[KIND], tmp_path / "lora")
    return tmp_path / "lora"


@pytest.mark.parametrize(("harm", "error", "words"), EARLY, ids=lambda each: getattr(each, "__name__", None))
def test_its_files_alone_can_refuse_it(
    harm: Callable[[Path], None], error: type[ModelError], words: str, copied: Path, families: Mapping[str, Path]
) -> None:
    harm(copied)
    with pytest.raises(error, match=words):
        read_spec("bench", LocalSpec(str(families[KIND]), adapter=str(copied)))


@pytest.fixture(scope="module")
def speaking(families: Mapping[str, Path], loras: Mapping[str, Path]) -> Loaded:
    """With the good adapter laid over."""
    return load(read_spec("bench", LocalSpec(str(families[KIND]), adapter=str(loras[KIND]))), 1)


def scores(model: Loaded) -> Any:
    import torch

    with torch.inference_mode():
        return model.net(**model.prepare([Image.new("RGB", (90, 60), "red")], "what?")).logits


@pytest.mark.parametrize("harm", LATE, ids=lambda each: each.__name__)
def test_it_does_not_load_with_an_adapter_that_does_not_fit(
    harm: Callable[[Path], None], copied: Path, families: Mapping[str, Path]
) -> None:
    harm(copied)
    with pytest.raises(ModelUnfit):
        load(read_spec("bench", LocalSpec(str(families[KIND]), adapter=str(copied))), 1)


@pytest.mark.parametrize("harm", [*(each[0] for each in EARLY), *LATE], ids=lambda each: each.__name__)
def test_after_a_switch_that_failed_the_one_before_goes_on_speaking(harm: Callable[[Path], None], copied: Path, speaking: Loaded) -> None:
    import torch

    before, model, parameters = scores(speaking), speaking.folder.model, {name for name, _ in speaking.net.named_parameters()}
    harm(copied)
    with pytest.raises(ModelError):
        speaking.switch(copied)
    assert torch.equal(scores(speaking), before)
    assert speaking.folder.model == model
    assert {name for name, _ in speaking.net.named_parameters()} == parameters


def test_the_base_goes_on_speaking_when_its_first_adapter_fails(copied: Path, families: Mapping[str, Path]) -> None:
    import torch

    model = load(read_spec("bench", LocalSpec(str(families[KIND]))), 1)
    before = scores(model)
    too_few_tensors(copied)
    with pytest.raises(ModelUnfit, match="counterpart"):
        model.switch(copied)
    assert torch.equal(scores(model), before)


def test_two_adapters_take_turns(speaking: Loaded, families: Mapping[str, Path], loras: Mapping[str, Path], tmp_path: Path) -> None:
    import torch

    second = tiny.adapter(families[KIND], tmp_path / "second", rank=2, seed=5)
    first_said, first_id = scores(speaking), speaking.folder.model
    speaking.switch(second)
    second_said, second_id = scores(speaking), speaking.folder.model
    alone = load(read_spec("bench", LocalSpec(str(families[KIND]), adapter=str(second))), 1)
    assert torch.equal(scores(alone), second_said)
    assert alone.folder.model == second_id != first_id
    speaking.switch(loras[KIND])
    assert torch.equal(scores(speaking), first_said)
    assert speaking.folder.model == first_id


def test_an_adapter_retrained_in_its_place_is_another_one(
    speaking: Loaded, families: Mapping[str, Path], loras: Mapping[str, Path], tmp_path: Path
) -> None:
    import torch

    folder = tiny.adapter(families[KIND], tmp_path / "lora", seed=5)
    speaking.switch(folder)
    said, model = scores(speaking), speaking.folder.model
    shutil.rmtree(folder)
    tiny.adapter(families[KIND], folder, seed=6)
    speaking.switch(folder)
    assert speaking.folder.model != model
    assert not torch.equal(scores(speaking), said)
    speaking.switch(loras[KIND])


def test_an_adapter_that_changed_between_asking_and_loading_is_refused(copied: Path, families: Mapping[str, Path]) -> None:
    described = read_spec("bench", LocalSpec(str(families[KIND]), adapter=str(copied)))
    change_weights(copied, lambda name, each: (name, each + 1))
    with pytest.raises(ModelUnfit, match="changed since"):
        load(described, 1)


def before_the_move(name: str, each: Any) -> tuple[str, Any]:
    return name.replace("model.language_model.layers", "model.layers"), each


def test_an_adapter_with_the_names_of_older_versions_is_the_same_adapter(copied: Path, speaking: Loaded, loras: Mapping[str, Path]) -> None:
    import torch

    speaking.switch(loras[KIND])
    said = scores(speaking)
    change_weights(copied, before_the_move)
    speaking.switch(copied)
    assert torch.equal(scores(speaking), said)
    speaking.switch(loras[KIND])


@pytest.mark.parametrize(
    "name",
    [
        "somebody/{}",
        "/home/somebody/models/{}/",
        "C:\\models\\{}",
        "/home/li/.cache/huggingface/hub/models--somebody--{}/snapshots/0123456789abcdef0123456789abcdef01234567",
    ],
    ids=["hub id", "folder", "folder of Windows", "hub cache"],
)
def test_the_base_is_known_by_the_end_of_its_name(name: str, copied: Path, families: Mapping[str, Path]) -> None:
    change_config(copied, base_model_name_or_path=name.format(tiny.NAMES[KIND]))
    assert "+lora@" in read_spec("bench", LocalSpec(str(families[KIND]), adapter=str(copied))).model


def test_a_base_that_is_not_said_is_known_by_the_line_that_the_refusal_names(copied: Path, families: Mapping[str, Path]) -> None:
    of_no_base(copied)
    spec = LocalSpec(str(families[KIND]), adapter=str(copied))
    with pytest.raises(ModelUnfit) as refused:
        read_spec("bench", spec)
    line = re.search(r"\{.*?\}", str(refused.value))
    assert line
    (copied / "gembalens.json").write_text(line[0], "utf-8")
    assert "+lora@" in read_spec("bench", spec).model


@pytest.mark.parametrize("how", [True, False, "gaussian"], ids=str)
def test_adapters_leave_the_base_as_it_was(how: object, copied: Path, families: Mapping[str, Path]) -> None:
    import torch

    change_config(copied, init_lora_weights=how)
    model = load(read_spec("bench", LocalSpec(str(families[KIND]))), 1)
    before = scores(model)
    model.switch(copied)
    assert not torch.equal(scores(model), before)
    model.switch(None)
    assert torch.equal(scores(model), before)
