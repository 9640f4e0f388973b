"""Dashboards that stand open in a browser and are looked at again and again: each a session of its own, asked as the browser asks. Draws nothing."""

from __future__ import annotations

import threading
import time
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

PAGES = ("today", "queue", "quality")
PATIENCE_SECONDS = 60.0


class Viewer:
    """A page of the dashboard, run anew every `every` seconds until `stop`."""

    def __init__(self, address: str, page: str, every: float, token: str | None = None) -> None:
        parts = urlsplit(address)
        self.page, self.every = page, every
        self.seconds: list[float] = []  # of each run of the page
        self.wrong: list[str] = []  # exceptions that the page showed
        self._address = f"ws://{parts.netloc}/dashboard/_stcore/stream"
        self._origin = Origin(address)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def watch(self, stop: threading.Event) -> None:
        """Look until it is over."""
        with connect(
            self._address,
            origin=self._origin,
            subprotocols=[Subprotocol("streamlit")],
            additional_headers=self._headers,
            proxy=None,
            max_size=None,
        ) as line:
            while not stop.is_set():
                began = time.perf_counter()
                self._run(line)
                self.seconds.append(time.perf_counter() - began)
                stop.wait(max(0.0, self.every - (time.perf_counter() - began)))

    def _run(self, line: ClientConnection) -> None:
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        asked.rerun_script.page_name = "" if self.page == "today" else self.page
        line.send(asked.SerializeToString())
        while True:
            said = ForwardMsg()
            said.ParseFromString(line.recv(timeout=PATIENCE_SECONDS, decode=False))
            if said.WhichOneof("type") == "delta" and said.delta.new_element.WhichOneof("type") == "exception":
                self.wrong.append(said.delta.new_element.exception.message)
            if said.WhichOneof("type") == "script_finished":
                return
