"""The servers that are put beside ours: bare ones that do the same work without a record, checks or users. Started on loopback, stopped at the end."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.serving import command, free_port

BARE_GRADIO = """
import sys
import gradio as gr
with gr.Blocks(analytics_enabled=False) as page:
    said, shown = gr.Textbox(), gr.Textbox()
    gr.Button().click(lambda x: x, said, shown)
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, share=False, ssr_mode=False)
"""

# What one would write in an hour: an upload, a picture with boxes drawn by the toolkit.
GRADIO_BOXES = """
import sys
import gradio as gr
BOXES = [((.05, .10, .30, .40), "hand"), ((.10, .20, .40, .50), "hammer"), ((.35, .45, .60, .80), "bolt")]
def look(picture):
    high, wide = picture.shape[:2]
    return picture, [((int(a * wide), int(b * high), int(c * wide), int(d * high)), name) for (a, b, c, d), name in BOXES]
with gr.Blocks(analytics_enabled=False) as page:
    given, shown = gr.Image(elem_id="given"), gr.AnnotatedImage(elem_id="shown")
    given.upload(look, given, shown)
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, share=False, ssr_mode=False)
"""

# The floor of "save, then next": one insert, one update, one select, nothing else.
BARE_STARLETTE = """
import json, sqlite3, sys, threading
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route
db = sqlite3.connect(sys.argv[2], isolation_level=None, check_same_thread=False)
db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE task(id TEXT PRIMARY KEY, unsure REAL, done INT DEFAULT 0);"
                 "CREATE INDEX waiting ON task(unsure DESC) WHERE done = 0; CREATE TABLE told(task TEXT, body TEXT);")
db.executemany("INSERT INTO task(id, unsure) VALUES(?, ?)", [(f"{n:064x}", n * .61803 % 1) for n in range(int(sys.argv[3]))])
turn = threading.Lock()
def save(task, body):
    with turn:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO told VALUES(?, ?)", (task, json.dumps(body)))
        db.execute("UPDATE task SET done = 1 WHERE id = ?", (task,))
        db.execute("COMMIT")
def following():
    with turn:
        row = db.execute("SELECT id FROM task WHERE done = 0 ORDER BY unsure DESC LIMIT 1").fetchone()
    return {"frame_id": row and row[0]}
async def post(request):
    return JSONResponse(await run_in_threadpool(save, request.path_params["id"], await request.json()))
async def get(request):
    return JSONResponse(await run_in_threadpool(following))
app = Starlette(routes=[Route("/api/v1/frames/{id}/corrections", post, methods=["POST"]), Route("/api/v1/next", get)])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: where, which process, and how long it took from the first line to the first whole page."""

    address: str
    pid: int
    wall: float  # seconds
    cpu: float  # seconds


@contextmanager
def bare(source: str, *words: str, page: str = "/") -> Iterator[Running]:
    """One of the above."""
    port = free_port()
    with _started([sys.executable, "-c", source, str(port), *words], port, page) as running:
        yield running


@contextmanager
def ours(data: Path, model: str, page: str = "/") -> Iterator[Running]:
    """Ours, as a person starts it."""
    port = free_port()
    with _started(command("run", "--data", data, "--port", str(port), "--no-browser", "--model", model), port, page) as running:
        yield running


@contextmanager
def _started(line: list[str], port: int, page: str) -> Iterator[Running]:
    from bench.measure import cpu_seconds

    began = time.perf_counter()
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed below; a pipe that nobody reads would stop the server when it is full
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while True:
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(log.read().decode())
                try:
                    if client.get(address + page).status_code < 500:
                        break
                except httpx.TransportError:
                    time.sleep(0.01)
        yield Running(address, process.pid, time.perf_counter() - began, cpu_seconds(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
