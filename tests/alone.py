"""A working day against a real server: frames in, assessed, corrected, seen on every page, exported. Run as a program, for where no network is.

`python -m tests.alone FOLDER FRAMES` prints as one JSON line what it did, how often something knocked at a door that nobody should know, and how
many packets the kernel had no route for since it began: on a machine with loopback only, those are the attempts to reach another.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests import makers
from tests.packets import no_route
from tests.serving import ROOT, Served, launched, serving

PAGES = (
    "/",
    "/dashboard/",
    "/livez",
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/models",
    "/api/v1/profile",
    "/api/v1/samples",
    "/api/v1/walk",
)
SHUT = ("/config", "/gradio_api/info", "/theme.css", "/gradio_api/startup-events", "/dashboard/_stcore/host-config")
"""What the frameworks would serve too; whether we let them is no matter here."""

DASHBOARD = ("today", "queue", "quality", "data")
CARRIERS = (
    "/gradio_api/proxy={}",
    "/proxy={}",
    "/gradio_api/proxy/{}",
    "/gradio_api/file={}",
    "/file={}",
    "/gradio_api/file/{}",
    "/?url={}",
    "/config?url={}",
    "/dashboard/media/{}",
    "/dashboard/component/{}",
    "/api/v1/samples/{}",
)
"""Addresses by which servers were talked into fetching something for a stranger."""

STRIKING = {
    "saw_revision": 0,
    "verdict": "reviewed",
    "findings": [{"label": "hammer", "box": [0.1, 0.2, 0.5, 0.6]}, {"label": "bolt", "box": [0.4, 0.5, 0.6, 0.7]}],
    "step": {"tool": {"value": "hammer"}, "part": {"value": "bolt"}, "action": {"value": "strike"}, "phase": {"value": "work"}},
    "risk": {"level": "low"},
}
MANY = 50  # frames of a day on which the terminal is used too
_ALONE = {"Connection": "close"}  # a refusal may end the connection, and the next request must not suffer from it


@dataclass
class Day:
    """What was done."""

    assessed: int = 0
    corrected: int = 0
    pages: int = 0
    dashboard_runs: int = 0
    exported: int = 0  # lines
    verbs: int = 0  # of the terminal, on a long day
    carriers: int = 0  # requests that asked the server to fetch something
    knocks: list[str] = field(default_factory=list)  # at the canary's door
    no_route: int | None = None  # packets; None: this kernel does not count
    complaints: list[str] = field(default_factory=list)


def inspect(served: Served, client: httpx.Client, frames: int, day: Day) -> None:
    """Different frames, each a shipped sample with a mark of its own: taken in, assessed, confirmed by a person."""
    samples = sorted((ROOT / "assets" / "samples").glob("*.jpg"))
    for number in range(frames):
        with Image.open(samples[number % len(samples)]) as sample:
            marked = sample.convert("RGB")
        marked.putpixel((number % marked.width, number // marked.width), (255, 0, 0))
        taken = client.post("/api/v1/frames", files={"file": (f"{number}.png", makers.encoded(marked, "PNG"))}).raise_for_status().json()
        frame_id = taken[0]["frame"]["id"]
        said = client.post(f"/api/v1/frames/{frame_id}/assess").raise_for_status().json()
        day.assessed += said["frame_id"] == frame_id
        client.get(f"/api/v1/frames/{frame_id}/annotated").raise_for_status()
        answer = client.post(f"/api/v1/frames/{frame_id}/corrections", json=STRIKING)
        day.corrected += answer.status_code == 200
        if answer.status_code != 200:
            day.complaints.append(answer.text[:200])


def visit(served: Served, client: httpx.Client, day: Day) -> None:
    """Every page by HTTP, and every page of the dashboard run to its end, as a browser runs it."""
    for page in PAGES:
        client.get(page).raise_for_status()
        day.pages += 1
    for page in SHUT:
        client.get(page, headers=_ALONE)
    for name in DASHBOARD:
        for told in pages_of(served.address, name):
            if told.WhichOneof("type") == "delta" and told.delta.new_element.WhichOneof("type") == "exception":
                day.complaints.append(told.delta.new_element.exception.message)
        day.dashboard_runs += 1


def pages_of(address: str, name: str) -> Iterator[ForwardMsg]:
    """What a page of the dashboard sends to a browser, until its script has ended."""
    line = f"{address.replace('http', 'ws', 1)}/dashboard/_stcore/stream"
    with connect(line, subprotocols=[Subprotocol("streamlit")], proxy=None, max_size=None) as wire:
        ask = BackMsg()
        ask.rerun_script.page_name = name
        wire.send(ask.SerializeToString())
        while True:
            told = ForwardMsg.FromString(wire.recv(timeout=60))
            yield told
            if told.WhichOneof("type") == "script_finished":
                return


def tempt(client: httpx.Client, day: Day) -> None:
    """Ask the server in every known way to fetch an address of ours, at which nobody should ever knock."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        threading.Thread(target=_listen, args=(door, day.knocks), daemon=True).start()
        canary = f"http://127.0.0.1:{door.getsockname()[1]}/canary.jpg"
        for carrier in CARRIERS:
            for address in (canary, canary.replace(":", "%3A").replace("/", "%2F"), canary.replace("http://", "http:/")):
                client.get(carrier.format(address), headers=_ALONE)
                day.carriers += 1
        picture = {"path": canary, "url": canary, "meta": {"_type": "gradio.FileData"}}
        for place in (
            "/gradio_api/queue/join",
            "/gradio_api/run/predict",
            "/gradio_api/api/predict",
            "/gradio_api/component_server",
            "/api/v1/inspect/base64",
        ):
            body = {
                "data": [picture],
                "fn_index": 0,
                "session_hash": "x",
                "picture": canary,
                "image": canary,
                "content": canary,
                "url": canary,
            }
            client.post(place, json=body, headers=_ALONE)
            day.carriers += 1
        with socket.create_connection(door.getsockname()) as own:  # the canary sings: what knocks is heard
            own.sendall(b"own")
        while "own" not in day.knocks:
            threading.Event().wait(0.01)
        day.knocks.remove("own")


def _listen(door: socket.socket, knocks: list[str]) -> None:
    while True:
        try:
            line, _ = door.accept()
        except OSError:
            return
        with line:
            knocks.append(line.recv(200).decode("latin-1"))


def spend(folder: Path, frames: int, model: str = "") -> Day:
    """The whole day, with the model that ships unless another is named."""
    day, before = Day(), no_route()
    with ExitStack() as stack:
        served = stack.enter_context(serving(folder / "data", model or "compact"))
        client = stack.enter_context(served.client())
        inspect(served, client, frames, day)
        visit(served, client, day)
        tempt(client, day)
    told = launched("export", "sft", folder / "out", "--data", folder / "data", "--json")
    if told.returncode:
        day.complaints.append(told.stderr[:300])
    else:
        day.exported = json.loads(told.stdout)["written"]
    if frames >= MANY:
        for words in (("inspect", ROOT / "assets" / "samples"), ("models", "list"), ("doctor",), ("calibrate",)):
            told = launched(*words, "--data", folder / "data", seconds=300)
            day.verbs += 1
            if words != ("calibrate",) and told.returncode:  # the compact model says no confidence, and calibrate may say so
                day.complaints.append(f"{words[0]}: {told.stderr[:300]}")
    after = no_route()
    day.no_route = None if before is None or after is None else after - before
    return day


if __name__ == "__main__":
    print(json.dumps(asdict(spend(Path(sys.argv[1]), int(sys.argv[2])))))
