"""`launch.py evaluate` from the inside: a scripted model, real files, every denominator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.backends.scripted import Scripted, open_backend
from core.errors import AppError
from core.evaluation.run import evaluate_coco
from core.frames import Limits
from core.profile import read
from tests import makers

BENCH = read(Path(__file__).parents[3] / "assets" / "profiles" / "bench.toml")
LIMITS = Limits(max_bytes=2**22, max_pixels=2_000_000, max_side=4096)
RIGHT = '{"findings":[{"box":[100,100,500,500],"label":"hammer"}],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two frames of one hammer each at (10, 10, 50, 50) of 100 x 100; the second also says what is done."""
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 100, "height": 100},
        {
            "id": 2,
            "file_name": "b.jpg",
            "width": 100,
            "height": 100,
            "step": {"tool": "hammer", "phase": "idle"},
            "violations": [],
            "risk": "low",
        },
    ]
    for image in images:
        (tmp_path / str(image["file_name"])).write_bytes(makers.jpeg(100, 100, colour="grey" if image["id"] == 1 else "white"))
    annotations = [{"id": n, "image_id": n, "category_id": 7, "bbox": [10, 10, 40, 40]} for n in (1, 2)]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "Claw hammer"}]}), "utf-8")
    return path


def scripted(folder: Path, reply: str) -> Scripted:
    file = folder / "script.json"
    file.write_text(json.dumps({"*": reply}), "utf-8")
    return open_backend(file)


def run(coco: Path, reply: str, mapping: Path | None = None) -> dict[str, Any]:
    return evaluate_coco(coco, coco.parent, mapping, scripted(coco.parent, reply), BENCH, LIMITS)


def test_what_is_right_is_counted_by_its_alias(coco: Path) -> None:
    result = run(coco, RIGHT)
    assert (result["precision"], result["recall"], result["f1"]) == (1, 1, 1)
    assert result["mean_iou"] > 0.98
    assert result["per_class"]["hammer"]["matched"] == 2
    assert result["fields"]["phase"] == {"accuracy": 1.0, "right": 1, "n": 1}
    assert result["fields"]["tool"]["accuracy"] == 0
    assert result["fields"]["risk"]["accuracy"] == 0
    assert result["fields"]["violations"]["accuracy"] == 1


def test_an_answer_that_cannot_be_read_is_a_wrong_answer(coco: Path) -> None:
    result = run(coco, "I am sorry, I cannot help with that.")
    assert result["recall"] == 0
    assert result["valid_json"] == 0
    assert result["fields"]["risk"] == {"accuracy": 0.0, "right": 0, "n": 1}


def test_an_unreadable_frame_is_listed(coco: Path) -> None:
    (coco.parent / "a.jpg").write_bytes(b"not a picture")
    result = run(coco, RIGHT)
    assert result["frames"] == 1
    assert [entry["file"] for entry in result["unreadable"]] == ["a.jpg"]


def test_a_name_that_stands_for_nothing_is_refused_until_it_is_mapped(coco: Path) -> None:
    raw = json.loads(coco.read_text("utf-8"))
    raw["categories"].append({"id": 8, "name": "Banana"})
    coco.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(AppError, match="Banana"):
        run(coco, RIGHT)
    mapping = coco.parent / "map.json"
    mapping.write_text('{"Banana": null}', "utf-8")
    assert run(coco, RIGHT, mapping)["f1"] == 1


@pytest.mark.parametrize(
    "harm",
    [
        lambda raw: raw.pop("images"),
        lambda raw: raw["annotations"][0].update(image_id=99),
        lambda raw: raw["annotations"][0].update(bbox=[1]),
    ],
    ids=["no images", "an image that is not there", "half a box"],
)
def test_a_file_that_is_no_coco_is_refused_in_words(coco: Path, harm: Callable[[dict[str, Any]], object]) -> None:
    raw = json.loads(coco.read_text("utf-8"))
    harm(raw)
    coco.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(AppError, match=r"truth\.json"):
        run(coco, RIGHT)


def test_a_box_without_area_is_no_object(coco: Path) -> None:
    raw = json.loads(coco.read_text("utf-8"))
    raw["annotations"].append({"id": 9, "image_id": 1, "category_id": 7, "bbox": [5, 5, 0, 10]})
    coco.write_text(json.dumps(raw), "utf-8")
    assert run(coco, RIGHT)["true"] == 2
