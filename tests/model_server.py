"""The smallest honest server of `/v1/chat/completions`: a real model of ours behind the real protocol, log-probabilities with bytes included.

transformers' own `serve` would have been the first choice; it ignores `logprobs` and `response_format` (5.23: "not yet supported").
Not for production: one question at a time, no key, no streaming. `serving(folder)` starts it on loopback and stops it.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from PIL import Image
from starlette.concurrency import run_in_threadpool

from core.backends.base import Backend
from core.backends.folder import read_folder
from core.prompts import Prompt
from core.schema import Reply, Token
from tests.serving import free_port

END = "<|im_end|>"
START_SECONDS = 60.0


class Unfit(Exception):
    """A question that this server does not take, as OpenAI's errors put it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def application(backend: Callable[[bool], Backend], name: str, asked: list[dict[str, Any]]) -> FastAPI:
    """The two pages that clients know. `backend`: guided or not -> who answers. Every question is appended to `asked` as it came."""
    app = FastAPI(openapi_url=None)
    turn = threading.Lock()

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "tests"}]}

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> JSONResponse:
        body = await request.json()
        asked.append(body)
        try:
            picture, prompt = question(body, name)
        except Unfit as error:
            return JSONResponse({"error": {"message": str(error), "type": "invalid_request_error"}}, error.status)

        def answer() -> Reply:
            with turn:
                return backend("response_format" in body).ask(picture, prompt)

        reply = await run_in_threadpool(answer)
        return JSONResponse(completion(reply, body))

    return app


def question(body: dict[str, Any], name: str) -> tuple[Image.Image, Prompt]:
    """The picture and the prompt of a request. Raises Unfit."""
    if body.get("model") != name:
        raise Unfit(404, f"The model `{body.get('model')}` does not exist.")
    parts = [part for message in body["messages"] for part in message["content"]]
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    words = [part["text"] for part in parts if part["type"] == "text"]
    if len(pictures) != 1:
        raise Unfit(400, f"At most 1 image(s) may be provided in one prompt, and {len(pictures)} came.")
    head, _, content = pictures[0].partition(",")
    if head != "data:image/jpeg;base64":
        raise Unfit(400, "The image is no data URL.")
    if body.get("temperature") != 0:
        raise Unfit(400, "This server draws nothing by chance.")
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    picture = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
    schema_id = sha256(json.dumps(schema).encode()).hexdigest()[:12]
    return picture, Prompt(id=schema_id, text="\n".join(words), schema_id=schema_id, schema=schema)


def completion(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    """A reply as a chat completion, with the end mark that vLLM gives as a token of its own."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text},
        "finish_reason": "stop",
        "logprobs": None,
    }
    if body.get("logprobs"):
        tokens = (*reply.tokens, Token(END, 0.0, ((END, 0.0),)))
        choice["logprobs"] = {"content": [entry(token, body.get("top_logprobs", 0)) for token in tokens]}
    return {"id": "chatcmpl-0", "object": "chat.completion", "created": int(time.time()), "model": body["model"], "choices": [choice]}


def entry(token: Token, top: int) -> dict[str, Any]:
    return {**spelled(token.text, token.logprob), "top_logprobs": [spelled(text, logprob) for text, logprob in token.top[:top]]}


def spelled(text: str, logprob: float) -> dict[str, Any]:
    raw = text.encode("utf-8", "surrogateescape")
    return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw)}


def load(folder: Path, *, guided: bool = True) -> Backend:
    """The model of a folder, in this process."""
    from core.backends.local import LocalModel

    return LocalModel(replace(read_folder(folder), guided=guided), 1)


@contextmanager
def serving(folder: Path, *, asked: list[dict[str, Any]] | None = None, backend: Backend | None = None) -> Iterator[str]:
    """Serve a model folder under its own name, with a grammar or without as each question wants it; gives the address up to and with /v1. `asked` receives the bodies of all questions."""

    @cache
    def loaded(guided: bool) -> Backend:
        return backend or load(folder, guided=guided)

    loaded(True)
    app = application(loaded, folder.name, asked if asked is not None else [])
    with running(app) as address:
        yield f"{address}/v1"


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """An application on loopback, in a thread of this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, name="model server", daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started:
        assert time.monotonic() < end, "the server does not start"
        assert thread.is_alive(), "the server ended"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def written(reply: dict[str, Any]) -> bytes:
    """A completion whose words are this JSON, without log-probabilities; for servers that play one."""
    choice = {"index": 0, "message": {"role": "assistant", "content": json.dumps(reply)}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice]}).encode()
