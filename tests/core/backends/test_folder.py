"""What a model folder says of itself; what is refused before anything of it is opened."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from core.backends.catalogue import LocalSpec
from core.backends.folder import read_folder, read_spec
from core.errors import ModelError, ModelMissing, ModelUnfit


@pytest.mark.parametrize(
    ("kind", "family", "factor", "resized"),
    [("qwen2_vl", "qwen2-vl", 28, False), ("qwen2_5_vl", "qwen2.5-vl", 28, True), ("qwen3_vl", "qwen3-vl", 32, False), ("mllama", "llama-3.2", 28, False)],
)  # fmt: skip
def test_a_folder_as_the_hub_has_it_is_known(kind: str, family: str, factor: int, resized: bool, families: Mapping[str, Path]) -> None:
    found = read_folder(families[kind])
    assert (found.kind, found.family, found.box_format.factor, found.box_format.resized) == (kind, family, factor, resized)
    assert (found.prompt_style, found.canvas, found.own, found.adapter) == ("full", None, False, None)
    if kind != "mllama":
        assert found.box_format.max_pixels == 1280 * factor * factor


def said(model: Path, **more: object) -> str:
    return read_spec("any", LocalSpec(str(model), **more)).model  # type: ignore[arg-type]


def test_whatever_changes_an_answer_is_in_the_id(families: Mapping[str, Path], loras: Mapping[str, Path]) -> None:
    model = families["qwen2_5_vl"]
    lora = str(loras["qwen2_5_vl"])
    variants: list[dict[str, object]] = [
        {},
        {"guided": False},
        {"quantisation": "nf4"},
        {"adapter": lora},
        {"adapter": lora, "quantisation": "nf4"},
        {"most_pixels": 50_000},
    ]
    ids = [said(model, **each) for each in variants]
    assert len(set(ids)) == len(ids)
    assert ids[0].startswith(f"{model.name}@")
    assert ids[4].endswith(":nf4:guided")
    assert ids[4].startswith(ids[0].removesuffix(":guided") + "+qwen2_5_vl-bench@")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("qwen2_5_vl", "chat_template.json"),
        ("qwen3_vl", "chat_template.jinja"),
        ("qwen2_5_vl", "preprocessor_config.json"),
        ("qwen2_5_vl", "tokenizer.json"),
        ("qwen2_5_vl", "generation_config.json"),
    ],
)
def test_the_files_beside_the_weights_are_in_the_id(kind: str, name: str, families: Mapping[str, Path], tmp_path: Path) -> None:
    other = tmp_path / families[kind].name
    shutil.copytree(families[kind], other)
    assert said(other) == said(families[kind])
    (other / name).write_text((other / name).read_text("utf-8") + "\n", "utf-8")
    assert said(other) != said(families[kind])


def test_the_name_in_an_id_holds_no_signs_that_mean_something_there(families: Mapping[str, Path], tmp_path: Path) -> None:
    shutil.copytree(families["qwen2_vl"], tmp_path / "a+b@c:nf4 d")
    assert said(tmp_path / "a+b@c:nf4 d").startswith("a-b-c-nf4-d@")


class Canary:
    """Writes a file when it is read by pickle."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (exec, (f"open({str(self.place)!r}, 'w')",))


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(folder.parent / "sang")))


def checkpoint(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.ckpt").write_bytes(pickle.dumps(Canary(folder.parent / "sang")))


def code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModelForImageTextToText": "sing.Sing"}}), "utf-8")
    (folder / "sing.py").write_text(f"open({str(folder.parent / 'sang')!r}, 'w')", "utf-8")


def code_of_the_tokenizer(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "auto_map": {"AutoTokenizer": ["sing.Sing", None]}}), "utf-8")


def link_out(folder: Path) -> None:
    (folder.parent / "elsewhere.json").write_text("{}", "utf-8")
    (folder / "generation_config.json").unlink()
    (folder / "generation_config.json").symlink_to(folder.parent / "elsewhere.json")


def folder_link_out(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "assets").symlink_to(folder.parent / "elsewhere")


def lost_shard(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-2-of-2.safetensors"}}), "utf-8")


def odd_settings(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"patch_size": "fourteen", "size": []}), "utf-8")


def odd_manifest(folder: Path) -> None:
    (folder / "gembalens.json").write_text(json.dumps({"family": "compact", "canvas": {"wide": 3}}), "utf-8")


def adapter_beside(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/somewhere/else"}), "utf-8")


HARMS = [
    (pickled, ModelMissing, "pytorch_model.bin"),
    (checkpoint, ModelMissing, r"model\.ckpt"),
    (code, ModelUnfit, "auto_map"),
    (code_of_the_tokenizer, ModelUnfit, "tokenizer_config.json.*auto_map"),
    (link_out, ModelUnfit, "outside the folder"),
    (folder_link_out, ModelUnfit, "outside the folder"),
    (lost_shard, ModelMissing, "model-2-of-2"),
    (adapter_beside, ModelUnfit, "is an adapter"),
    (odd_settings, ModelError, "cannot be used"),
    (odd_manifest, ModelError, "cannot be used"),
]


@pytest.mark.parametrize(("harm", "error", "words"), HARMS, ids=lambda each: getattr(each, "__name__", None))
def test_a_folder_is_refused_before_anything_of_it_runs(
    harm: Callable[[Path], None], error: type[ModelError], words: str, families: Mapping[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "harmed"
    shutil.copytree(families["qwen2_5_vl"], folder)
    harm(folder)
    with pytest.raises(error, match=words):
        read_folder(folder)
    assert not (tmp_path / "sang").exists()


def test_the_canary_can_sing(tmp_path: Path) -> None:
    """Else the test before would prove nothing."""
    (tmp_path / "model.bin").write_bytes(pickle.dumps(Canary(tmp_path / "sang")))
    subprocess.run([sys.executable, "-c", f"import pickle; pickle.load(open({str(tmp_path / 'model.bin')!r}, 'rb'))"], check=True)
    assert (tmp_path / "sang").exists()


def test_pickles_beside_safetensors_are_left_alone(families: Mapping[str, Path], tmp_path: Path) -> None:
    from core.backends.loading import load

    folder = tmp_path / "both"
    shutil.copytree(families["qwen2_5_vl"], folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(tmp_path / "sang")))
    load(read_folder(folder), 1)
    assert not (tmp_path / "sang").exists()


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"batch": "8"}, {"most_pixels": 0}, {"quantisation": "int3"}, {"merge": True, "quantisation": "nf4"}], ids=str
)
def test_a_spec_that_asks_for_nonsense_is_refused(wrong: dict[str, object], families: Mapping[str, Path]) -> None:
    with pytest.raises(ModelError, match="bench-7b"):
        read_spec("bench-7b", LocalSpec(str(families["qwen2_5_vl"]), **wrong))  # type: ignore[arg-type]
