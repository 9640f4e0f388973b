"""From the choice of a file to boxes on the screen, in a real Chromium, the model taking no time: ours beside a Gradio page that draws them itself."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.ingest import photograph
from bench.measure import Row, median
from bench.servers import GRADIO_BOXES, bare, ours
from core.settings import ASSETS
from tests.browser.conftest import ARGS, REPLY
from tests.browser.install import installed
from tests.serving import scripted

OURS_DRAWN = """(id) => { const p = document.querySelector('.gl-picture');
    return p && p.src.includes(id) && p.complete && p.naturalWidth && document.querySelectorAll('.gl-box').length === 3; }"""
GRADIO_DRAWN = """(id) => { const all = [...document.querySelectorAll('#shown img')];
    return all.length > 3 && all.every(p => p.complete && p.naturalWidth); }"""  # the frame, and a mask for each of three boxes


def measure(work: Path, runs: int) -> list[Row]:
    """Wall milliseconds, a small frame and one of 12 megapixels; every run is another frame."""
    frames = {"640 x 480": sorted((ASSETS / "samples").glob("*.jpg"))[0].read_bytes(), "12 MP": photograph()}
    rows = []
    with sync_playwright() as playwright, ours(work / "data", scripted(work / "script.json", REPLY)) as mine, bare(GRADIO_BOXES) as theirs:
        browser = playwright.chromium.launch(executable_path=installed(), args=list(ARGS))
        page = browser.new_page()
        for name, content in frames.items():
            times: tuple[list[float], list[float]] = ([], [])
            for turn in range(runs + 1):  # the first of each only warms
                file = work / f"{name.replace(' ', '')}-{turn}.jpg"
                file.write_bytes(content + turn.to_bytes(4, "big"))
                page.goto(mine.address)
                page.locator(".gl[data-ready=true]").wait_for()
                times[0].append(_seconds(page, "input.gl-files", file, OURS_DRAWN))
                page.goto(theirs.address)
                page.locator("#given input[type=file]").wait_for(state="attached")
                times[1].append(_seconds(page, "#given input[type=file]", file, GRADIO_DRAWN))
            a, b = (1000 * median(column[1:]) for column in times)
            rows.append(Row(f"file to drawn boxes, {name}", a, b, "Gradio's AnnotatedImage", "ms", runs, goal=1.0))
        browser.close()
    return rows


def _seconds(page: Page, where: str, file: Path, drawn: str) -> float:
    """From the file's choice until the frame is decoded on the screen and its boxes are over it."""
    frame_id = hashlib.sha256(file.read_bytes()).hexdigest()
    began = time.perf_counter()
    page.locator(where).set_input_files(file)
    page.wait_for_function(drawn, arg=frame_id, polling="raf")
    return time.perf_counter() - began
