"""Writes what the compact model learned as a folder that anybody loads by `from_pretrained`, and the composed scenes by which it is judged."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from core.backends.folder import MANIFEST
from core.compact.lessons import gather
from core.compact.network import CANVAS
from core.compact.scenes import Scene, compose
from core.compact.split import read_frames, split
from core.profile import Profile, read

if TYPE_CHECKING:
    from core.compact.pupil import Pupil

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FRESH_SEED = 900_000_000
"""First seed of the scenes for judging. Lessons draw theirs from 0..2**62 at random, so the same seed is as good as impossible."""


def write_folder(pupil: Pupil, out: Path, log: Path) -> None:
    """Weights as safetensors, tokenizer, processor, manifest, learning curve. Whole or not at all; a model card that lies there stays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=out.parent))
    pupil.net.eval().save_pretrained(fresh, safe_serialization=True)
    pupil.processor.save_pretrained(fresh)
    manifest = {
        "name": "compact",
        "family": "compact",
        "prompt_style": "brief",
        "canvas": list(CANVAS),
        "most_tokens": 640,
        "guided": False,  # it knows the form by heart; where it loses the thread, a broken form shows it, and a grammar would hide it
        "profile": pupil.profile.key,
        "scenes": pupil.shown,
        "seed": pupil.recipe.seed,
    }
    (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    if log.exists():
        shutil.copyfile(log, fresh / "learning_curve.jsonl")
    card = out / "MODEL_CARD.md"
    if card.exists():
        shutil.copyfile(card, fresh / card.name)
    fresh.chmod(0o755)
    (fresh / "model.safetensors").chmod(0o644)
    old = fresh.with_suffix(".old")
    if out.exists():
        out.replace(old)
    fresh.replace(out)
    shutil.rmtree(old, ignore_errors=True)


def write_scenes(out: Path, frames: Path, profile: Profile, count: int, first_seed: int = FRESH_SEED) -> None:
    """`count` composed scenes as PNG with `annotations.coco.json`, in which each image also has its step, violations and risk."""
    stock = gather(frames, profile).stock
    (out / "images").mkdir(parents=True, exist_ok=True)
    scenes = {f"scene_{first_seed + n}.png": compose(stock, first_seed + n) for n in range(count)}
    for name, scene in scenes.items():
        cv2.imwrite(str(out / "images" / name), scene.picture[:, :, ::-1])
    (out / "annotations.coco.json").write_text(json.dumps(_coco(scenes, profile)), "utf-8")


def _coco(scenes: dict[str, Scene], profile: Profile) -> dict[str, Any]:
    keys = [term.key for term in profile.labels]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, scene) in enumerate(scenes.items(), 1):
        height, width = scene.picture.shape[:2]
        step = {field: scene.judged.step[field].value for field in profile.fields}
        hazards = [v.hazard for v in scene.judged.violations]
        images.append(
            {
                "id": number,
                "file_name": name,
                "width": width,
                "height": height,
                "step": step,
                "violations": hazards,
                "risk": scene.judged.level,
            }
        )
        for finding in scene.findings:
            assert finding.box is not None  # composed things always have one
            x0, y0, x1, y1 = (c * side for c, side in zip(finding.box.xyxy, (width, height) * 2, strict=True))
            category = keys.index(finding.label)
            bbox = [x0, y0, x1 - x0, y1 - y0]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": bbox,
                    "area": bbox[2] * bbox[3],
                    "iscrowd": 0,
                }
            )
    return {"images": images, "annotations": annotations, "categories": [{"id": n, "name": key} for n, key in enumerate(keys)]}


def write_test_part(folder: Path) -> Path:
    """`test.coco.json` beside the annotations of real frames: the part that never taught anything."""
    coco = json.loads((folder / "annotations.coco.json").read_text("utf-8"))
    parts = split([frame.path.name for frame in read_frames(folder)])
    images = [image for image in coco["images"] if parts[image["file_name"]] == "test"]
    kept = {image["id"] for image in images}
    test = {**coco, "images": images, "annotations": [a for a in coco["annotations"] if a["image_id"] in kept]}
    path = folder / "test.coco.json"
    path.write_text(json.dumps(test) + "\n", "utf-8")
    return path


def main() -> None:
    """`python -m core.compact.ship scenes OUT` or `... test-part`."""
    parser = argparse.ArgumentParser(prog="python -m core.compact.ship", description="Write what the compact model is judged by.")
    parser.add_argument("what", choices=["scenes", "test-part"])
    parser.add_argument("out", type=Path, nargs="?", default=Path("runs/scenes"))
    parser.add_argument("--count", type=int, default=1000, help="how many scenes (default %(default)s)")
    asked = parser.parse_args()
    frames = ASSETS / "frames" / "tools_bench"
    if asked.what == "test-part":
        print(write_test_part(frames))
    else:
        write_scenes(asked.out, frames, read(ASSETS / "profiles" / "bench.toml"), asked.count)
        print(asked.out / "annotations.coco.json")


if __name__ == "__main__":
    main()
