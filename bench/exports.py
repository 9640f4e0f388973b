"""Labels and training lines leaving the record: 10,000 frames for other tools, 100,000 lines for trainers, beside json and Hugging Face `datasets` in the same run.

Pictures stay where they are: they cost the same whoever writes the labels. What Label Studio took for the same 10,000 frames on such a machine is
told beside: 16.7 s of CPU for JSON, 17.4 s for COCO, 19.4 s for YOLO.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from annotations import teaching
from annotations.datasets import export_sft
from annotations.formats import records, sft_parts
from annotations.parts import Bench, Kept, Order, Part
from annotations.store import FILE, Store
from annotations.teaching import truths
from bench.measure import Row, in_turns, median
from bench.population import populate
from core.frames import Vault
from core.profile import Profile, read
from core.schema import Sample
from core.settings import ASSETS

FRAMES, LINES = 10_000, 100_000
FINDINGS = 5  # of a frame
LABEL_STUDIO = {"JSON": 16.7, "COCO": 17.4, "YOLO": 19.4}
"""CPU seconds of its own exports of as many frames, on two shared cores like these."""
GOALS = {"JSON": 0.3, "COCO": 0.3, "YOLO": 0.8}


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds, the middle of the runs."""
    profile = read(ASSETS / "profiles" / "bench.toml")
    return [*_for_others(work, profile, runs), *_for_trainers(work, profile, runs)]


def _for_others(work: Path, profile: Profile, runs: int) -> Iterator[Row]:
    """Row 7: labels of 10,000 frames."""
    data, serial = work / "ten", count()
    populate(data, FRAMES, corrected=1.0, findings=FINDINGS)
    with Store.open_readonly(data / FILE) as record:

        def write(name: str) -> None:
            fresh = work / f"out{next(serial)}"
            report = export_sft(record, Vault(data), profile, fresh, family="qwen3-vl", formats=[name], pictures=False)
            assert report.written == FRAMES, report.left_out

        def lines() -> None:
            with (work / "records.jsonl").open("wb") as file:
                file.writelines(records.lines(record))

        ours: dict[str, Callable[[], object]] = {
            "JSON": lines,
            "COCO": partial(write, "coco"),
            "YOLO": partial(write, "yolo"),
            "Label Studio's JSON": partial(write, "label_studio"),
        }
        naive: dict[str, Callable[[], object]] = {
            f"json, {kind}": partial(_plainly, data / FILE, work, kind, serial) for kind in ("JSON", "COCO", "YOLO")
        }
        taken = _cpu(in_turns({**ours, **naive}, runs))
    for kind in ours:
        what, other = f"{FRAMES:,} frames as {kind}", f"json, {kind}" if f"json, {kind}" in naive else "json, JSON"
        yield Row(what, taken[kind], taken[other], "sqlite3 and json, one by one", "s", runs, absolute_goal=GOALS.get(kind))
        if kind in LABEL_STUDIO:
            yield Row(
                f"{what}, beside Label Studio", taken[kind], LABEL_STUDIO[kind], "Label Studio, measured before", "s", runs, goal=1 / 20
            )


def _for_trainers(work: Path, profile: Profile, runs: int) -> Iterator[Row]:
    """Row 19: 100,000 lines of training data."""
    data = work / "hundred"
    populate(data, LINES, corrected=1.0, findings=4)
    place = work / "lines"
    hashes: set[str] = set()
    place.mkdir()
    with Store.open_readonly(data / FILE) as record:
        bench = Bench(record, Vault(data), profile, Order("compact", ("sft_parts",)))
        part = Part()
        for listed, each in truths(record, profile, teaching.everything(record), Counter()):
            part.keep(
                Kept(each.frame_id, f"frames/{each.frame_id}.jpg", 640, 480, "", each.revision, listed.scene, each.numbers), each.said
            )
        ready = list(bench.samples(part))
        rows = [json.loads(json.dumps(sft_parts._line(each))) for each in ready]

        def rescaled() -> None:
            sft_parts.write(list(bench.samples(part)), place)

        cases: dict[str, Callable[[], object]] = {
            "ours": lambda: sft_parts.write(ready, place),
            "rescaled": rescaled,
            "json": partial(_by_json, rows, work / "json.jsonl"),
            "json, rescaled": partial(_rescaled_by_json, data / FILE, ready[0], work / "json.jsonl"),
            "datasets": partial(_by_datasets, rows, work / "hf.jsonl"),
        }
        taken = _cpu(in_turns(cases, runs))
        for write in (cases["ours"], rescaled, rescaled):
            write()
            hashes.add(hashlib.sha256((place / sft_parts.FILE).read_bytes()).hexdigest())
    assert len(hashes) == 1, "the same record gave other bytes"
    for other in ("json", "datasets"):
        yield Row(f"{LINES:,} training lines", taken["ours"], taken[other], other, "s", runs, absolute_goal=0.6)
    for other, of in (("json, rescaled", "sqlite3 and json, one by one"), ("datasets", "datasets, nothing read and nothing rescaled")):
        yield Row(f"{LINES:,} lines out of the record, boxes rescaled", taken["rescaled"], taken[other], of, "s", runs, absolute_goal=1.0)


def _cpu(taken: Mapping[str, list[tuple[float, float]]]) -> dict[str, float]:
    return {name: median([cpu for _, cpu in times]) for name, times in taken.items()}


def _plainly(record: Path, work: Path, kind: str, serial: Iterator[int]) -> None:
    """What one would write in ten minutes: every body decoded, every line built, the library's own json. It checks nothing."""
    out = work / f"naive{next(serial)}"
    out.mkdir()
    connection = sqlite3.connect(f"{record.as_uri()}?mode=ro", uri=True)
    found = connection.execute(
        "SELECT f.id, f.width, f.height, c.body FROM frames f JOIN frame_states s ON s.frame = f.seq JOIN corrections c ON c.seq = s.correction ORDER BY f.id"
    )
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    names = {"hand": 0, "hammer": 1, "bolt": 2, "wrench": 3, "plate": 4}
    for number, (name, width, height, body) in enumerate(found):
        said = json.loads(body)
        if kind == "YOLO":
            lines = []
            for each in said["findings"]:
                x0, y0, x1, y1 = each["box"]
                lines.append(f"{names[each['label']]} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}")
            (out / f"{name}.txt").write_text("\n".join(lines))
        elif kind == "COCO":
            images.append({"id": number, "file_name": f"{name}.jpg", "width": width, "height": height, "risk": said["risk"]["level"]})
            for each in said["findings"]:
                x0, y0, x1, y1 = each["box"]
                box = [round(x0 * width, 2), round(y0 * height, 2), round((x1 - x0) * width, 2), round((y1 - y0) * height, 2)]
                area = round(box[2] * box[3], 2)
                boxes.append(
                    {"id": len(boxes), "image_id": number, "category_id": names[each["label"]], "bbox": box, "area": area, "iscrowd": 0}
                )
        else:
            images.append({"id": name, "width": width, "height": height, "said": said})
    connection.close()
    if kind != "YOLO":
        with (out / "all.json").open("w") as file:
            json.dump({"images": images, "annotations": boxes, "categories": names}, file)


def _by_json(rows: list[dict[str, Any]], path: Path) -> None:
    with path.open("w") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rescaled_by_json(record: Path, shape: Sample, path: Path) -> None:
    """Bodies decoded, boxes brought to thousandths, lines written: the same work without a check."""
    connection = sqlite3.connect(f"{record.as_uri()}?mode=ro", uri=True)
    found = connection.execute("SELECT f.id, c.body FROM frames f JOIN corrections c ON c.frame = f.seq ORDER BY f.id")
    with path.open("w") as file:
        for name, body in found:
            said = json.loads(body)
            answer: dict[str, Any] = {
                "findings": [{"box": [round(side * 100) * 10 for side in each["box"]], "label": each["label"]} for each in said["findings"]]
            }
            answer |= {field: said["step"][field]["value"] for field in ("tool", "part", "action", "phase")}
            answer |= {"violations": [each["hazard"] for each in said["violations"]], "risk": said["risk"]["level"]}
            line = sft_parts._line(Sample(name, f"frames/{name}.jpg", 640, 480, shape.prompt, json.dumps(answer)))
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    connection.close()


def _by_datasets(rows: list[dict[str, Any]], path: Path) -> None:
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows).to_json(str(path))
