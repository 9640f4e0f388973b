"""One exported set and one model folder for all trainers, and a way to ask a trainer in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from supply import trainers
from tests.trainers.folders import Exported, exported, hub_like

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIGS = ROOT / "deploy" / "trainers"

Answers = Mapping[str, Any]


@pytest.fixture(scope="session")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return exported(tmp_path_factory.mktemp("handed"))


@pytest.fixture(scope="session")
def hub(handed: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [text for pair in handed.pairs for text in (pair.prompt, pair.chosen, pair.rejected)]
    return hub_like(tmp_path_factory.mktemp("hub") / "Qwen2.5-VL-tiny", "\n".join([*texts, *(each.answer for each in handed.samples)]))


def ask(name: str, script: str, folder: Path, questions: Mapping[str, Any]) -> Answers:
    """Put questions to a trainer, all in one process of its environment: to load one takes longer than to ask it."""
    python = trainers.python_of(name)
    if python is None:
        pytest.skip(f"`python -m supply.trainers {name}` installs the trainer that this test asks")
    asked, told = folder / "asked.json", folder / "told.json"
    asked.write_text(json.dumps(questions), "utf-8")
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hf"), "MODELSCOPE_CACHE": str(folder / "ms")}
    done = subprocess.run(
        [str(python), "-m", f"tests.trainers.{script}", str(asked), str(told)],
        cwd=ROOT, env={**os.environ, **quiet, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    found: Answers = json.loads(told.read_text("utf-8"))
    return found


def arrived(told: Any) -> Any:
    """An answer that is no error."""
    assert "error" not in told, told["trace"]
    return told
