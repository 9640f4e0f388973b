"""The port that is listened at, and the server on it. Knows no app: it is handed one."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from core.errors import SettingsError
from core.settings import Settings

STOP_SECONDS = 5  # how long open requests may take to end when the server stops


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The port, taken before anything slow is done. Raises SettingsError when it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named: asyncio switches Nagle's algorithm off only then, and with it on every answer waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((settings.host, settings.port))
            door.listen(256)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"Port {settings.port} is taken, perhaps by another GembaLens. Stop that one, or choose another: --port {settings.port + 1}"
            else:
                why = f"{settings.host}:{settings.port} cannot be listened at ({error.strerror or error}). Choose others: --host, --port"
            raise SettingsError(f"{why}.") from error
        yield door


def serve(
    app: Any, door: socket.socket, settings: Settings, *, first_link: str | None = None, can_open_browser: Callable[[], bool]
) -> None:
    """Run the server on a port that is open already; say the address once it answers, and the link by which the first admin comes in."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"GembaLens: {settings.address}   dashboard: {settings.address}/dashboard   (Ctrl-C stops it)", flush=True)
            if first_link:
                print(
                    f"There is no admin yet. Who opens this link becomes the first; it works once, for 72 hours:\n{first_link}", flush=True
                )
            if settings.open_browser and can_open_browser():
                import threading
                import webbrowser

                threading.Thread(target=webbrowser.open, args=(settings.address,), daemon=True).start()

    calm = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_tls,  # who says for whom they ask is believed only where something in front was declared
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    Server(calm).run(sockets=[door])
