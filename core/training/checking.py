"""What must be true before the first step: the loss is on the answers alone, and the model is taught what it is asked in use. Repairs nothing; refuses."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import sft
from core.backends.folder import ModelFolder
from core.errors import DatasetUnfit, TrainingError
from core.geometry import smart_resize

if TYPE_CHECKING:
    from core.backends.loading import Loaded
    from core.prompts import Prompt
    from core.schema import Pair, Sample
    from core.training.recipe import Recipe

IGNORED = -100
ANSWERS = ("completion", "chosen", "rejected")
"""Columns that are learned from."""

LOOKED_AT = 20
"""Rows that are made into a batch whole, frames and all, before anything is learned; of the others the words alone."""


def refuse_other_question(folder: Path, base: ModelFolder, prompt: Prompt) -> None:
    """Raises TrainingError when the set was made for another family, question or schema than the model is asked with in use."""
    said = sft.about(folder)
    family = (said.get("coordinates") or {}).get("family")
    if family != base.family:
        raise TrainingError(
            f"The set was written for the family {family} and {base.path.name} is of the family {base.family}: every box would lie elsewhere. "
            f"Export it anew with --family {base.family}."
        )
    for name, theirs, ours in (("prompt", said.get("prompt_id"), prompt.id), ("schema", said.get("schema_id"), prompt.schema_id)):
        if theirs != ours:
            raise TrainingError(
                f"The set's {name} is {theirs} and in use the model is asked with {ours}: it would be taught another question than it is asked. "
                "Export the set anew with the profile that is in use."
            )


def refuse_other_rows(samples: Sequence[Sample | Pair], base: ModelFolder, prompt: Prompt, file: str = sft.SAMPLES) -> None:
    """Raises DatasetUnfit for rows that ask otherwise, and for frames that the model's processor would still resize under their boxes."""
    fmt, defects = base.box_format, []
    for number, each in enumerate(samples, start=1):
        place = f"{file}, line {number}"
        if each.prompt != prompt.text:
            defects.append(f"{place}: it asks otherwise than the model is asked in use.")
        if fmt.resized:
            brought = smart_resize((each.width, each.height), fmt.factor, fmt.min_pixels, fmt.max_pixels)
            if brought != (each.width, each.height):
                defects.append(
                    f"{place}: its frame of {each.width} x {each.height} would be resized to {brought[0]} x {brought[1]} and its boxes not."
                )
    if defects:
        more = f" and {len(defects) - 1} more" if len(defects) > 1 else ""
        raise DatasetUnfit(f"This set must not teach {base.path.name}: {defects[0]}{more}", tuple(defects))


def refuse_reports(recipe: Recipe) -> None:
    """Raises TrainingError when what the recipe reports to is not installed: nobody finds out after hours that nothing was told."""
    packages = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
    for name in recipe.report_to:
        if importlib.util.find_spec(packages[name]) is None and not (name == "tensorboard" and importlib.util.find_spec("tensorboard")):
            raise TrainingError(
                f"The recipe reports to {name}, and {packages[name]} is not installed here. Install it (pip install {packages[name]}), "
                "or take it out of report_to; the loss curve is kept in progress.jsonl in any case."
            )


def refuse_loss_beside_answers(trainer: Any, loaded: Loaded) -> int:
    """See with the trainer's own collator that what counts decodes to exactly the answer and its end. How many tokens count in the rows looked at.

    Raises TrainingError otherwise. Every row's answers must also survive the tokenizer, and hold no token that ends them early: DatasetUnfit.
    """
    rows, words = trainer.train_dataset, loaded.processor.tokenizer
    counted = 0
    for start in range(0, min(LOOKED_AT, len(rows)), 4):
        taken = [rows[n] for n in range(start, min(start + 4, LOOKED_AT, len(rows)))]
        wanted = [row[name] for name in ANSWERS for row in taken if name in row]
        for n, (ids, answer) in enumerate(zip(_counting(trainer.data_collator(taken)), wanted, strict=True)):
            counted += len(ids)
            if words.decode(ids) != answer:
                raise TrainingError(
                    f"Row {start + n % len(taken) + 1} of the set: the loss would fall on {len(ids)} tokens that are not the answer and its end "
                    "alone. Nothing was learned."
                )
    _refuse_broken_answers(rows.with_format(None), words, sorted(loaded.ends))
    return counted


def _counting(batch: Mapping[str, Any]) -> list[Any]:
    """For each row of a batch the tokens that count in the loss."""
    if "labels" in batch:
        return [row[row != IGNORED] for row in batch["labels"]]
    return [ids[mask == 1] for ids, mask in zip(batch["input_ids"], batch["completion_mask"], strict=True)]


def _refuse_broken_answers(plain: Any, words: Any, ends: Sequence[int]) -> None:
    """`plain`: the rows' words alone, without frames and without the ends of answers."""
    for name in (each for each in ANSWERS if each in plain.column_names):
        for n, answer in enumerate(plain[name], start=1):
            ids = words(answer, add_special_tokens=False)["input_ids"]
            if words.decode(ids) != answer or any(end in ids for end in ends):
                raise DatasetUnfit(
                    f"Row {n} of the set: the {name} does not survive the model's tokenizer, or holds a token that would end it early."
                )


def refuse_other_sight(trainer: Any, loaded: Loaded, prompt: Prompt, raw: Sequence[Path]) -> None:
    """See on the first frames that training shows the model the very numbers that it is shown in use. `raw`: the frame files of the first rows.

    Raises TrainingError when a token of the question or a number of the picture differs.
    """
    import torch

    from core.training.feeding import shown

    for n, path in enumerate(raw):
        taught = trainer.data_collator([trainer.train_dataset[n]])
        used = loaded.prepare([shown(path.read_bytes(), loaded.folder)], prompt.text)
        ids = used["input_ids"].cpu()
        same = torch.equal(taught["input_ids"][:1, : ids.shape[1]], ids)
        for name, value in used.items():
            if name.startswith(("pixel_values", "image_grid", "aspect_ratio")):
                same = same and torch.equal(taught[name][: len(value)], value.cpu())  # dpo shows a frame twice
        if not same:
            raise TrainingError(
                f"{path.name}: training would show this frame or ask its question otherwise than the model is asked in use. Nothing was learned."
            )
