"""What comes in and goes out in large numbers: imports and exports, beside Label Studio's; and uploads while others work.

`python -m bench.moving DATA RECORDS` is such an import, in a process of its own, so that its CPU and its memory are nobody else's.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from annotations import datasets
from annotations.bringing.importing import Importer
from annotations.formats import records
from annotations.store import FILE, Store
from bench.figures import Figure
from bench.label_studio import Peer, tasks
from bench.measure import cpu_seconds, median, peak_mib
from bench.population import annotate, picture, populate
from core.frames import Vault
from core.profile import read
from core.settings import ASSETS

AT_ONCE = 50  # files of an upload
EXPORTED = 300  # frames


def bringing_in(address: str) -> Callable[[], int]:
    """Somebody who uploads frames as fast as they are taken, `AT_ONCE` a request; each call is one request and gives the number of frames."""
    content, serial, parts = picture((640, 480)), count(), urlsplit(address)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300)

    def upload() -> int:
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="upload.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'.encode()
        files = [content + next(serial).to_bytes(4, "big") for _ in range(AT_ONCE)]
        body = b"".join(head + file + b"\r\n" for file in files) + f"--{border}--\r\n".encode()
        connection.request("POST", "/api/v1/frames", body, {"Content-Type": f"multipart/form-data; boundary={border}"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"An upload was answered with {answer.status}: {said[:300]!r}")
        return AT_ONCE

    return upload


def imports(work: Path, peer: Peer | None, frames: int, rounds: int) -> Iterator[Figure]:
    """Rows 5 and 7: frames with predictions and annotations come in and go out. As with Label Studio the pictures are there already."""
    source = work / "source"
    populate(source, frames, corrected=1.0, findings=5, shown=1)
    out = _exported(source, source / "records.jsonl", frames)
    mine, theirs = [], []
    for turn in range(rounds):
        target = work / f"imported{turn}"
        shutil.copytree(source / "frames", target / "frames", copy_function=os.link)
        mine.append(_imported(target, source / "records.jsonl"))
        shutil.rmtree(target)
        if peer is not None and turn == 0:  # once: a larger project would slow down everything behind it
            theirs.append(_imported_there(peer, frames))
    cpu, wall, peak = (median([each[what] for each in mine]) for what in ("cpu", "wall", "peak_mib"))
    wrong = round(max(each["refused"] + abs(frames - each["new"]) for each in mine))
    note = f"pictures in the vault already, 5 findings each; {wall:.1f} s by the clock"
    figures = [
        Figure("5", f"import of {frames:,} frames, CPU", cpu, "s", 2.5, n=len(mine), note=note, wrong=wrong),
        Figure("5", f"import of {frames:,} frames, most memory", peak, "MiB", 250, n=len(mine)),
    ]
    if theirs:
        figures = [replace(each, peer=value, against="Label Studio") for each, value in zip(figures, theirs[0], strict=True)]
    yield from figures
    there = _exported_there(peer) if peer is not None else {}
    yield replace(out, peer=there["JSON"], against="Label Studio's JSON") if "JSON" in there else out
    for kind, cpu in there.items():
        if kind != "JSON":
            yield Figure("7", f"Label Studio's export as {kind}, CPU", cpu, "s", note="ours of this kind does not exist yet")


def _exported(source: Path, to: Path, frames: int) -> Figure:
    """Row 7 as far as it exists: everything that was said of every frame, as lines, streamed."""
    began = time.process_time()
    with Store.open_readonly(source / FILE) as record, to.open("wb") as file:
        written = sum(file.write(line) > 0 for line in records.lines(record))
    cpu = time.process_time() - began
    size = f"{to.stat().st_size / 2**20:.0f} MiB"
    return Figure("7", f"export of {frames:,} frames as JSON lines, CPU", cpu, "s", 0.3, n=written, note=size, wrong=abs(frames - written))


def _imported(target: Path, source: Path) -> dict[str, float]:
    line = [sys.executable, "-m", "bench.moving", str(target), str(source)]
    made = subprocess.run(line, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(made.stdout)
    return told


def _imported_there(peer: Peer, frames: int) -> tuple[float, float]:
    """Label Studio's CPU seconds and the most memory that it ever had."""
    client = peer.client()
    project, body = client.project("annotated"), tasks(frames, annotated=True)
    began = cpu_seconds(peer.pid)
    client.told("POST", f"/api/projects/{project}/import", body)
    return cpu_seconds(peer.pid) - began, peak_mib(peer.pid)


def _exported_there(peer: Peer) -> dict[str, float]:
    """CPU seconds of Label Studio's own exports, by their kind."""
    client, spent = peer.client(), {}
    project = next(each["id"] for each in client.told("GET", "/api/projects/?page_size=100")["results"] if each["title"] == "annotated")
    for kind in ("JSON", "COCO", "YOLO"):
        began = cpu_seconds(peer.pid)
        status, _ = client.ask("GET", f"/api/projects/{project}/export?exportType={kind}&download_resources=false")
        if status == 200:
            spent[kind] = cpu_seconds(peer.pid) - began
    return spent


def exports(work: Path) -> Iterator[Figure]:
    """Row 7, as far as it exists: the training set, which carries the frames themselves re-encoded."""
    data = work / "exported"
    populate(data, EXPORTED, shown=EXPORTED)
    annotate(data, EXPORTED)
    with Store.open_readonly(data / FILE) as record:
        began, spent = time.perf_counter(), time.process_time()
        report = datasets.export_sft(record, Vault(data), read(ASSETS / "profiles" / "bench.toml"), work / "set")
        wall, cpu = time.perf_counter() - began, time.process_time() - spent
    where = f"all formats, {report.written} frames of 1280 × 960 re-encoded"
    yield Figure("7", "training set, CPU a frame", 1000 * cpu / max(1, report.written), "ms", n=report.written, note=where)
    yield Figure("7", "training set", report.written / wall, "frames/s", better="more", n=report.written)


def _bring_in(data: Path, source: Path) -> dict[str, float]:
    with Store(data / FILE) as store:
        importer = Importer(store, Vault(data), read(ASSETS / "profiles" / "bench.toml"), by="bench")
        wall, cpu = time.perf_counter(), time.process_time()
        done = importer.bring_in(source)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "cpu": cpu, "peak_mib": peak_mib(os.getpid()), "new": done.new, "refused": done.refused}


if __name__ == "__main__":
    print(json.dumps(_bring_in(Path(sys.argv[1]), Path(sys.argv[2]))))
