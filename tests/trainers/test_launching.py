"""The launcher, with two processes that train on two halves: one adapter is written, its loss is a number, and both processes took part."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

from supply import trainers
from tests import tiny
from tests.trainers.conftest import CONFIGS, ROOT
from tests.trainers.folders import exported

STEPS, ACCUMULATED = 3, 1


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in (CONFIGS / "accelerate").glob("*.yaml")))
def test_the_launcher_reads_every_file(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(CONFIGS / "accelerate" / name))
    kinds = {"ddp": "MULTI_GPU", "fsdp2": "FSDP", "deepspeed_zero3": "DEEPSPEED", "cpu_two_processes": "MULTI_GPU"}
    assert str(read.distributed_type.value) == kinds[name.removesuffix(".yaml")]
    assert read.num_processes >= 2
    sharded = read.fsdp_config or read.deepspeed_config
    assert ("fsdp_version" in sharded or "zero_stage" in sharded) is (name in ("fsdp2.yaml", "deepspeed_zero3.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_two_processes_train_one_adapter(tmp_path: Path, method: str) -> None:
    python = trainers.python_of("trl")
    if python is None:
        pytest.skip("`python -m supply.trainers trl` installs the trainer that this test starts")
    handed = exported(tmp_path, frames=8, sizes=((84, 112), (140, 84)))
    model = tiny.make("qwen2_5_vl", tmp_path / tiny.NAMES["qwen2_5_vl"])
    out = tmp_path / "out"
    words = ["--data", str(handed.folder), "--model", str(model), "--out", str(out), "--method", method, "--cpu"]
    words += ["--steps", str(STEPS), "--accumulate", str(ACCUMULATED), "--rank", "4"]
    config = str(CONFIGS / "accelerate" / "cpu_two_processes.yaml")
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(tmp_path / "hf"), "CUDA_VISIBLE_DEVICES": ""}
    launch = ["-m", "accelerate.commands.launch", "--config_file", config, "--main_process_port", "0", "-m", "tests.trainers.launched"]
    done = subprocess.run(
        [str(python), *launch, *words], cwd=ROOT, env={**os.environ, **quiet}, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert [path.name for path in tmp_path.rglob("adapter_model.safetensors")] == ["adapter_model.safetensors"]
    assert (out / "adapter_model.safetensors").stat().st_size > 0
    state = json.loads((out / "trainer_state.json").read_text("utf-8"))
    losses = [line["loss"] for line in state["log_history"] if "loss" in line]
    assert len(losses) == STEPS
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
    lines = len(handed.samples if method == "sft" else handed.pairs)
    assert state["epoch"] == pytest.approx(STEPS * ACCUMULATED / math.ceil(lines / 2))  # each process took one of two lines a step
