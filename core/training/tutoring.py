"""TRL's trainers, made from a recipe: LoRA over a loaded model, rows from disk, the loss on the answer. Keeps no job and judges no outcome."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import sft
from core.backends.switching import quiet_bitsandbytes
from core.errors import DatasetUnfit, TrainingError
from core.training import checking, feeding
from core.training.recipe import Recipe
from core.training.targets import targets
from core.training.weighing import cardless, collating, loss_class

if TYPE_CHECKING:
    from core.backends.folder import ModelFolder
    from core.backends.loading import Loaded
    from core.profile import Profile
    from core.prompts import Prompt
    from core.schema import Pair, Sample

See = Callable[[Path], Any]
"""A frame file as the model's processor gets it."""

CHECKED_SIGHT = 3  # frames that are compared number by number with those in use


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught to whom."""

    part: Path  # the training part's folder
    loaded: Loaded
    prompt: Prompt  # as the model is asked in use
    profile: Profile
    recipe: Recipe


def tutor(lesson: Lesson, checkpoints: Path, callbacks: Sequence[Any] = ()) -> Any:
    """The trainer of a lesson, checked and ready for `train()`. `checkpoints`: the folder for them.

    Raises TrainingError, DatasetUnfit or Malformed, before anything was learned.
    """
    quiet_bitsandbytes()  # TRL imports it
    loaded, recipe = lesson.loaded, lesson.recipe
    checking.refuse_other_question(lesson.part, loaded.folder, lesson.prompt)
    _fit_processor(loaded)
    spelled = feeding.phrasing(loaded, lesson.prompt.text)
    see = functools.partial(feeding.look, folder=loaded.folder)
    make = {"sft": _sft, "dpo": _dpo, "kto": _kto, "grpo": _grpo}[recipe.method]
    made = make(lesson, spelled, see, checkpoints)
    from transformers.trainer_callback import PrinterCallback

    made.remove_callback(PrinterCallback)
    for callback in callbacks:
        made.add_callback(callback)
    return made


def _sft(lesson: Lesson, spelled: feeding.Phrasing, see: See, checkpoints: Path) -> Any:
    from trl.trainer.sft_config import SFTConfig

    loaded, recipe = lesson.loaded, lesson.recipe
    samples = list(sft.samples(lesson.part))
    checking.refuse_other_rows(samples, loaded.folder, lesson.prompt)
    rows = feeding.answered(lesson.part, spelled, see, weigh=recipe.class_weights)
    _refuse_few(len(rows), recipe, sft.SAMPLES)
    trainer = loss_class(recipe, loaded)(
        model=loaded.net,
        args=SFTConfig(
            **_arguments(lesson, checkpoints), max_length=None, completion_only_loss=True, dataset_kwargs={"skip_prepare_dataset": True}
        ),
        train_dataset=rows,
        processing_class=loaded.processor,
        peft_config=lora(lesson),
    )
    return _checked(trainer, lesson, samples)


def _dpo(lesson: Lesson, spelled: feeding.Phrasing, see: See, checkpoints: Path) -> Any:
    """Preferred answers against rejected ones, with the plain loss on the preferred as an anchor; the reference is the model without its adapter."""
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    recipe = lesson.recipe
    pairs = list(sft.pairs(lesson.part))
    checking.refuse_other_rows(pairs, lesson.loaded.folder, lesson.prompt, sft.PAIRS)
    rows = feeding.preferred(lesson.part, spelled, see)
    _refuse_few(len(rows), recipe, sft.PAIRS)
    losses = (["sigmoid", "sft"], [1.0, recipe.anchor]) if recipe.anchor else (["sigmoid"], [1.0])
    trainer = cardless(DPOTrainer)(
        model=lesson.loaded.net,
        args=DPOConfig(**_arguments(lesson, checkpoints), max_length=None, beta=recipe.beta, loss_type=losses[0], loss_weights=losses[1]),
        train_dataset=rows,
        processing_class=lesson.loaded.processor,
        peft_config=lora(lesson),
    )
    return _checked(trainer, lesson, pairs)


def _kto(lesson: Lesson, spelled: feeding.Phrasing, see: See, checkpoints: Path) -> Any:
    """Single answers, each good or not."""
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    recipe = lesson.recipe
    if recipe.batch < 2:
        raise TrainingError("kto compares the answers of a batch with each other: set batch to 2 or more in the recipe.")
    told = [each for each, _ in sft.verdicts(lesson.part)]
    checking.refuse_other_rows(told, lesson.loaded.folder, lesson.prompt, sft.VERDICTS)
    rows = feeding.judged(lesson.part, spelled, see)
    _refuse_few(len(rows), recipe, sft.VERDICTS)
    trainer = cardless(KTOTrainer)(
        model=lesson.loaded.net,
        args=KTOConfig(
            **_arguments(lesson, checkpoints),
            max_length=None,
            beta=recipe.beta,
            desirable_weight=recipe.good,
            undesirable_weight=recipe.bad,
        ),
        train_dataset=rows,
        processing_class=lesson.loaded.processor,
        peft_config=lora(lesson),
    )
    return _checked(trainer, lesson, told)


def _grpo(lesson: Lesson, spelled: feeding.Phrasing, see: See, checkpoints: Path) -> Any:
    """Answers that are drawn, several to a question, each worth what `core.training.rewards` says of it. No grammar holds them."""
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    from core.training.rewards import Rewards, functions

    recipe, folder = lesson.recipe, lesson.loaded.folder
    if folder.kind == "mllama":
        raise TrainingError("grpo cannot be done with Llama-3.2-Vision here: TRL draws answers without its masks. Take sft, dpo or kto.")
    samples = list(sft.samples(lesson.part))
    checking.refuse_other_rows(samples, folder, lesson.prompt)
    rows = feeding.asked(lesson.part, lesson.prompt.text, see)
    _refuse_few(len(rows), recipe, sft.SAMPLES)
    told, weights = functions(Rewards(lesson.profile, folder.box_format))
    return cardless(GRPOTrainer)(
        model=lesson.loaded.net,
        reward_funcs=told,
        args=GRPOConfig(
            **_arguments(lesson, checkpoints),
            reward_weights=weights,
            num_generations=recipe.generations,
            max_completion_length=recipe.longest_answer or folder.most_tokens,
            temperature=recipe.temperature,
            beta=recipe.beta,
        ),
        train_dataset=rows,
        processing_class=lesson.loaded.processor,
        peft_config=lora(lesson),
    )


def _checked(trainer: Any, lesson: Lesson, rows: Sequence[Sample | Pair]) -> Any:
    """What must be true before the first step, by the very batches that will be learned from."""
    trainer.data_collator = collating(trainer.data_collator)
    checking.refuse_loss_beside_answers(trainer, lesson.loaded)
    checking.refuse_other_sight(trainer, lesson.loaded, lesson.prompt, [lesson.part / each.image for each in rows[:CHECKED_SIGHT]])
    return trainer


def pupil(base: ModelFolder, recipe: Recipe) -> Loaded:
    """The base model in this process, as it is when it answers, ready to learn. Raises ModelError's kin."""
    from core.backends.loading import load
    from core.backends.patches import flatten_patches

    loaded = load(base, recipe.threads)
    flatten_patches(loaded.net)
    if recipe.quantisation == "nf4" and loaded.device == "cpu":
        from bitsandbytes.nn.modules import Linear4bit

        for module in loaded.net.modules():
            if isinstance(module, Linear4bit):  # an answer between two steps would pack its weights in a form that cannot learn
                module.support_avx512bf16_for_cpu = False
    return loaded


def numbers(model: Any) -> tuple[int, int]:
    """How many numbers learn, and how many there are; of 4-bit weights two count in each byte."""
    every = [(p.requires_grad, p.numel() * (2 if type(p).__name__ == "Params4bit" else 1)) for p in model.parameters()]
    return sum(n for learns, n in every if learns), sum(n for _, n in every)


def learning_bytes(model: Any) -> int:
    """What learning takes beside the model: the adapter's numbers, their gradients, and two of 4 bytes for each in the optimizer."""
    return sum(p.numel() * (2 * p.element_size() + 8) for p in model.parameters() if p.requires_grad)


def finite(model: Any) -> bool:
    """Whether every number that learned is one."""
    return all(bool(p.isfinite().all()) for p in model.parameters() if p.requires_grad)


@contextmanager
def quietly() -> Iterator[None]:
    """Without what the trainers say to programmers about their own next versions."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*(pin_memory|use_cache|use_reentrant|lr_scheduler).*")
        yield


def lora(lesson: Lesson) -> Any:
    """PEFT's own words for the recipe's adapter."""
    quiet_bitsandbytes()  # PEFT imports it
    from peft import LoraConfig

    recipe, folder = lesson.recipe, lesson.loaded.folder
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        use_rslora=recipe.rslora,
        use_dora=recipe.dora,
        target_modules=targets(folder.kind, recipe),
        task_type="CAUSAL_LM",
    )


def _arguments(lesson: Lesson, checkpoints: Path) -> dict[str, Any]:
    """What all of TRL's configurations share."""
    recipe, on_gpu = lesson.recipe, lesson.loaded.device != "cpu"
    return {
        "output_dir": str(checkpoints),
        "per_device_train_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "num_train_epochs": recipe.epochs,
        "max_steps": recipe.most_steps or -1,
        "learning_rate": recipe.rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup,  # below 1: a share of all steps
        "weight_decay": recipe.decay,
        "max_grad_norm": recipe.clip,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "bf16": on_gpu or recipe.bf16,
        "use_cpu": not on_gpu,
        "activation_checkpointing": recipe.gradient_checkpointing,
        "logging_steps": recipe.log_every,
        "save_steps": recipe.save_every,
        "save_total_limit": 2,  # the one before stays until the new one is whole
        "report_to": list(recipe.report_to) or "none",
        "remove_unused_columns": False,  # the rows make their columns when they are asked for
        "dataloader_num_workers": 0,
        "disable_tqdm": True,
        "log_level": "error",
    }


def _fit_processor(loaded: Loaded) -> None:
    """Let the processor by itself prepare frames as `Loaded.prepare` tells it to each time: TRL calls it without a word of sizes.

    Llama-3.2's would put the mark of a text's beginning before each answer, which TRL hands to it alone; the question has that mark from its template.
    """
    folder = loaded.folder
    if folder.kind == "mllama":
        loaded.processor.bos_token = ""
    elif folder.canvas is None:
        fmt = folder.box_format
        loaded.processor.image_processor.size = {"shortest_edge": fmt.min_pixels, "longest_edge": fmt.max_pixels}


def _refuse_few(rows: int, recipe: Recipe, file: str) -> None:
    if rows < recipe.least_frames:
        raise DatasetUnfit(
            f"{file} holds {rows} rows and the recipe asks for {recipe.least_frames} at least: so few teach a model less than the prompt, the rules "
            "and the calibrator do. Review more frames, or say least_frames in the recipe."
        )
