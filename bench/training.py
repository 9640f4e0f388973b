"""Seconds a step and memory of a training of the compact model, beside the same by TRL's plain example; and of a 7B-sized model of random weights.

`make bench ARGS=training`: each case in a process of its own, in turns. `python -m bench.training --gpu OUT.json`: bf16 LoRA and nf4 QLoRA with 1
and 4 frames a batch, on a machine with a GPU; `--layers 2 --frame 224x168` tries it out on a small machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.measure import Row, median
from core import sft
from core.settings import ASSETS, quiet_frameworks
from tests import training_sets

COMPACT = ASSETS / "models" / "compact"
BATCH, STEPS, WARM = 8, 8, 2  # steps that are measured, and those before
MANY = 20_000  # frames of the large set
GIB = 2**30


def measure(work: Path, runs: int) -> list[Row]:
    """Ours and TRL's example in turns, then the large set."""
    data = training_sets.exported(work / "set", train=64, test=0, size=(640, 480)) / "train"
    cases = ("ours", "fp32", "plain")
    told: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in range(runs):
        for name in cases:
            told[name].append(_alone(name, data, work / name))
    large = _many(data, work / "many")
    whole = _alone("ours", large, work / "large")
    at = {name: {key: median([each[key] for each in said]) for key in said[0]} for name, said in told.items()}
    plain, against = at["plain"], "TRL's example: SFTTrainer on rows of pictures in memory, fp32"
    return [
        Row("CPU seconds a step of 8 frames, bf16 autocast", at["ours"]["cpu"], plain["cpu"], against, "s", runs, goal=1.0),
        Row("CPU seconds a step of 8 frames, fp32", at["fp32"]["cpu"], plain["cpu"], against, "s", runs, goal=1.0),
        Row("peak memory of the process", at["ours"]["peak"] / 2**20, plain["peak"] / 2**20, against, "MiB", runs, goal=1.1),
        Row(
            f"peak memory with {MANY} frames", whole["peak"] / 2**20, at["ours"]["peak"] / 2**20, "64 frames", "MiB", 1, absolute_goal=2048
        ),
        Row(f"seconds until the first step with {MANY} frames", whole["ready"], at["ours"]["ready"], "64 frames", "s", 1),
    ]


def _alone(name: str, data: Path, out: Path) -> dict[str, float]:
    """A case in a process of its own: its memory is its own too."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(_measured, (name, str(data), str(out))))


def _measured(name: str, data: str, out: str) -> dict[str, float]:
    from core.training.progress import memory

    quiet_frameworks(Path(out))
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    trainer = {"ours": _ours, "fp32": _ours_fp32, "plain": _plain}[name](Path(data), Path(out))
    ready = time.perf_counter() - began
    seconds = _steps(trainer)
    return {**seconds, "ready": ready, "peak": float(memory("cpu")[1])}


def _steps(trainer: Any) -> dict[str, float]:
    """Median CPU and wall seconds of a step, the first ones left out."""
    from transformers import TrainerCallback
    from transformers.trainer_callback import PrinterCallback

    from core.training.tutoring import quietly

    marks: list[tuple[float, float]] = []

    class Watch(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            marks.append((time.process_time(), time.perf_counter()))

        on_step_end = on_step_begin

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Watch())
    with quietly():
        trainer.train()
    pairs = list(zip(marks[::2], marks[1::2], strict=True))[WARM:]
    return {"cpu": median([b[0] - a[0] for a, b in pairs]), "wall": median([b[1] - a[1] for a, b in pairs])}


def _ours(data: Path, out: Path, **given: Any) -> Any:
    from core.backends.folder import read_folder
    from core.profile import read
    from core.prompts import build
    from core.training.recipe import recipe_of
    from core.training.tutoring import Lesson, pupil, quietly, tutor

    folder, profile = read_folder(COMPACT), read(training_sets.PROFILE)
    asked = {"most_steps": STEPS + WARM, "batch": BATCH, "save_every": 10**6, **given}
    recipe = recipe_of(asked, frames=64, family=folder.family)
    with quietly():
        prompt = build(profile, folder.prompt_style, folder.box_format)
        return tutor(Lesson(data, pupil(folder, recipe), prompt, profile, recipe), out)


def _ours_fp32(data: Path, out: Path) -> Any:
    return _ours(data, out, bf16=False)


def _plain(data: Path, out: Path) -> Any:
    """As TRL's documentation has it: conversations with pictures in memory, its own collator, its own loss. Frames on the canvas, the same LoRA."""
    import torch

    from core.backends.switching import quiet_bitsandbytes

    quiet_bitsandbytes()
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForImageTextToText
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from core.backends import processors
    from core.backends.folder import read_folder
    from core.training import feeding
    from core.training.recipe import recipe_of
    from core.training.targets import targets
    from core.training.tutoring import quietly

    torch.set_num_threads(1)
    folder = read_folder(COMPACT)
    recipe = recipe_of({}, frames=64, family="compact")
    rows = [
        {
            "images": [feeding.look(data / each.image, folder)],
            "prompt": [{"role": "user", "content": each.prompt}],
            "completion": [{"role": "assistant", "content": each.answer}],
        }
        for each in sft.samples(data)
    ]
    net: Any = AutoModelForImageTextToText.from_pretrained(COMPACT, local_files_only=True)
    with quietly():
        return SFTTrainer(
            model=net,
            args=SFTConfig(
                output_dir=str(out),
                max_length=None,
                max_steps=STEPS + WARM,
                per_device_train_batch_size=BATCH,
                learning_rate=recipe.rate,
                use_cpu=True,
                bf16=False,
                activation_checkpointing=False,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
                logging_steps=1,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=processors.load(COMPACT),
            peft_config=LoraConfig(
                r=recipe.rank, lora_alpha=recipe.alpha, target_modules=targets(folder.kind, recipe), task_type="CAUSAL_LM"
            ),
        )


def _many(data: Path, out: Path) -> Path:
    """A part of MANY frames: the known ones again and again, under names of their own."""
    (out / "frames").mkdir(parents=True)
    lines = (data / sft.SAMPLES).read_text("utf-8").splitlines()
    frames = json.loads((data / sft.MANIFEST).read_text("utf-8"))
    known = list(frames["frames"].values())
    listed: dict[str, Any] = {}
    with (out / sft.SAMPLES).open("w", encoding="utf-8") as file:
        for n in range(MANY):
            line = json.loads(lines[n % len(lines)])
            name = f"{n:064x}"
            os.link(data / line["images"][0], out / "frames" / f"{name}.jpg")
            line["images"] = [f"frames/{name}.jpg"]
            listed[name] = {**known[n % len(known)], "image": line["images"][0], "scene": n}
            file.write(json.dumps(line) + "\n")
    (out / sft.MANIFEST).write_text(json.dumps({**frames, "frames": listed}), "utf-8")
    return out


def large_model(out: Path, layers: int, frame: tuple[int, int], steps: int) -> None:
    """A 7B-sized Qwen2.5-VL of random weights: seconds a step and peak memory, by quantisation and batch."""
    from bench.gpu import device_name, model
    from core.backends.catalogue import LocalSpec
    from core.backends.folder import read_spec
    from core.profile import read
    from core.prompts import build
    from core.training.progress import memory
    from core.training.recipe import recipe_of
    from core.training.tutoring import Lesson, learning_bytes, numbers, pupil, quietly, tutor

    rows: list[dict[str, Any]] = []
    profile = read(training_sets.PROFILE)
    with tempfile.TemporaryDirectory(prefix="gembalens-training-") as work:
        base = model(Path(work) / "Qwen2.5-VL-7B-random", layers)
        for quantisation in ("none", "nf4"):
            spec = read_spec("random", LocalSpec(str(base), quantisation="nf4" if quantisation == "nf4" else "none"))
            data = training_sets.exported(Path(work) / quantisation, family=spec.family, train=8, test=0, size=frame) / "train"
            for batch in (1, 4):
                asked = {"quantisation": quantisation, "batch": batch, "accumulation": 1, "most_steps": steps + WARM, "least_frames": 1}
                recipe = recipe_of(asked, frames=8, family=spec.family)
                _forget()
                prompt = build(profile, spec.prompt_style, spec.box_format)
                loaded = pupil(spec, recipe)
                with_model = memory(loaded.device)[0]
                with quietly():
                    trainer = tutor(Lesson(data, loaded, prompt, profile, recipe), Path(work) / "checkpoints")
                tokens = int(trainer.data_collator([trainer.train_dataset[0]])["input_ids"].shape[1])
                row = {"quantisation": quantisation, "batch": batch, "tokens": tokens, **_steps(trainer)}
                learning, all_of_them = numbers(trainer.model)
                row |= {"loaded": with_model, "peak": memory(loaded.device)[1], "learning": learning, "numbers": all_of_them}
                rows.append(row | {"learning_bytes": learning_bytes(trainer.model), "loss": trainer.state.log_history[0].get("loss")})
                print(json.dumps(rows[-1]), flush=True)
                del trainer, loaded
    told = {"device": device_name(), "layers": layers, "frame": frame, "steps": steps, "rows": rows}
    out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _forget() -> None:
    """Give back what the case before took, and count the peak anew."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def main() -> None:
    """`--gpu OUT.json`; without it, the table that `make bench` prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=__doc__)
    parser.add_argument("--gpu", type=Path, metavar="OUT.json")
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--frame", default="1280x720", help="width and height of the frames")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    if asked.gpu:
        with tempfile.TemporaryDirectory(prefix="gembalens-training-") as work:
            quiet_frameworks(Path(work))
            width, height = (int(each) for each in asked.frame.split("x"))
            large_model(asked.gpu, asked.layers, (width, height), asked.steps)
        return
    with tempfile.TemporaryDirectory(prefix="gembalens-training-") as work:
        rows = measure(Path(work), asked.runs)
    for row in rows:
        print(f"{row.what}: {row.ours:.3g} {row.unit}, {row.against}: {row.other:.3g}, ratio {row.ratio:.2f}, reached: {row.reached}")


if __name__ == "__main__":
    main()
