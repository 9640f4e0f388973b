"""ms-swift's own way from a file to a batch: its argument parser, its loader, its template and collator. Runs in its environment and trains nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.trainers.standing_in import answer, lines_of


def work(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`config`: a file of ours; `changed`, `without`: what is said otherwise here, and what not; `boxes`: how the environment wants them written.

    The lines of one batch of everything; for pairs the chosen ones first.
    """
    os.chdir(asked["folder"])
    config, environment = _read(asked["config"])
    os.environ.update({**environment, "QWENVL_BBOX_FORMAT": asked["boxes"]})
    args = _parsed({**{key: value for key, value in config.items() if key not in asked["without"]}, **asked["changed"]})
    template = args.get_template(args.get_model_processor(load_model=False)[1])
    template.use_model = False
    mode = "rlhf" if getattr(args, "rlhf_type", None) else "train"
    template.set_mode(mode)
    found, _ = import_module("swift.dataset").load_dataset(args.dataset, load_from_cache_file=False, strict=asked["strict"])
    if mode == "rlhf" and "rejected_response" not in found.column_names:
        return {"columns": found.column_names, "rows": len(found)}
    batch = template.data_collator([template.encode(dict(row)) for row in found])
    return {
        "lines": lines_of(batch, template.tokenizer),
        "columns": found.column_names,
        "frames": 0 if "image_grid_thw" not in batch else len(batch["image_grid_thw"]),
        "kept": {key: value for key, value in config.items() if _plain(getattr(args, key, None)) == value},
        "config": config,
        "environment": environment,
    }


def _read(config: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A file as `swift sft FILE` reads it: the arguments, and what belongs into the environment."""
    said: dict[str, Any] = import_module("yaml").safe_load(Path(config).read_text("utf-8"))
    return said, {key: str(value) for key, value in said.pop("ENV", {}).items()}


def _parsed(said: Mapping[str, Any]) -> Any:
    """The arguments of a training, by the trainer's own parser. Raises ValueError for what it does not know."""
    told = [word for key, value in said.items() for word in (f"--{key}", str(value))]
    kinds = import_module("swift.arguments")
    args, left = import_module("swift.utils").parse_args(kinds.RLHFArguments if "rlhf_type" in said else kinds.SftArguments, told)
    if left:
        raise ValueError(f"not understood: {left}")
    return args


def _plain(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value).removeprefix("torch.") if type(value).__name__ == "dtype" else getattr(value, "value", value)


if __name__ == "__main__":
    answer(work)
