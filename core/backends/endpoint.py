"""A model behind an OpenAI-compatible address: vLLM, SGLang, llama.cpp, Ollama, LM Studio, or a hosted one. Calls that address and no other.

Questions are asked in an event loop in a thread of its own; `ask` waits for the answer there, so many threads may ask at once.
Every end other than a whole answer is a ModelError's kin, within the time that the entry of the catalogue gives.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from core.backends import address as addresses
from core.backends import chat
from core.backends.address import Address, Resolve
from core.backends.breaker import Breaker, Clock
from core.backends.catalogue import EndpointSpec
from core.backends.line import Line
from core.errors import Abandoned, ModelBusy, ModelError, ModelLost, ModelSilent, ModelUnfit
from core.geometry import FAMILIES, BoxFormat
from core.prompts import STYLES
from core.schema import Reply

if TYPE_CHECKING:
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt

LEAST_SHARE = 0.1
"""Of its time that a question must have left when its turn comes: with less it would only fail, and be taken for the server's failure."""

SAMPLES_SHARE = 0.5
"""Of the time that an answer left over: longer it does not wait for those that are compared with it."""

CLOSE_SECONDS = 5.0
_MOST_PIXELS = EndpointSpec("", "").most_pixels
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What came of one question."""

    answer: chat.Answer
    seconds: float  # of the server, without the waiting for a place
    others: tuple[str, ...] = ()


class Endpoint:
    """Asks one server. Safe to use from many threads; `close` ends what is under way."""

    def __init__(self, address: Address, spec: EndpointSpec, key: str | None, *, clock: Clock, dice: random.Random) -> None:
        self._address, self._spec = address, spec
        self._box_format = _box_format(spec)
        self._waiting = 0  # changed by the loop only
        self._places = threading.BoundedSemaphore(spec.concurrency + spec.waiting)
        self._turns = asyncio.Semaphore(spec.concurrency)
        self._breaker = Breaker(address.shown, clock)
        self._line = Line(address, key, spec.concurrency, dice)
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"endpoint {address.shown}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Endpoint({self.model})"

    @property
    def model(self) -> str:
        """`HOST:PORT/NAME[:PIXELSpx][:guided]`; the pixels only where they are not the usual ones."""
        pixels = "" if self._spec.most_pixels == _MOST_PIXELS else f":{self._spec.most_pixels}px"
        return f"{self.host}/{self._spec.model}{pixels}{':guided' if self._spec.guided else ''}"

    @property
    def host(self) -> str:
        """Where frames go, as host:port."""
        return self._address.shown

    @property
    def prompt_style(self) -> str:
        """As the entry has it."""
        return self._spec.prompt_style

    @property
    def box_format(self) -> BoxFormat:
        """That of its family, for frames of the size at which they are sent."""
        return self._box_format

    @property
    def waiting(self) -> int:
        """How many frames wait for a place at the server, those that it is being asked about not counted."""
        return self._waiting

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The server's reply. Raises ModelBusy at once when too many wait, ModelLost while the server rests, Abandoned, or another of ModelError's kin."""
        until = self._loop.time() + self._spec.timeout_seconds
        self._breaker.check()
        if not self._places.acquire(blocking=False):
            raise ModelBusy(
                f"{self._spec.concurrency + self._spec.waiting} frames are waiting for the model's server {self.host}. Try again in a minute; nothing was lost."
            )
        try:
            url = chat.picture_url(picture, self.box_format, self._spec.most_pixels)
            first, *others = (chat.question(self._spec, prompt, url, sample=k) for k in range(self._spec.samples + 1))
            asked = self._wait_for(self._ask(first, others, until), patience)
        finally:
            self._places.release()
        return Reply(
            text=asked.answer.text,
            model=self.model,
            prompt_id=prompt.id,
            seconds=asked.seconds,
            tokens=asked.answer.tokens,
            masked=self._spec.masked,
            host=self.host,
            others=asked.others,
        )

    def close(self) -> None:
        """End what is under way, and the thread. Closing twice is closing once."""
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T], patience: Patience | None) -> T:
        """Wait in this thread for what the loop does. When patience ends, so does the work."""
        if self._closed:
            work.close()
            raise ModelLost(f"The line to the model's server {self.host} was closed.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        if patience is not None:
            patience.watch(future.cancel)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            if patience is not None and patience.gave_up:
                raise Abandoned("Nobody waits for this answer any more.") from error
            raise ModelLost(f"The line to the model's server {self.host} was closed.") from error
        finally:
            future.cancel()  # when this thread was interrupted

    async def _ask(self, first: bytes, others: Sequence[bytes], until: float) -> _Asked:
        """One answer, and where it comes without probabilities what else the model would have said."""
        asked = await self._once(first, until)
        if asked.answer.tokens or not others:
            return asked
        now = self._loop.time()
        end = now + SAMPLES_SHARE * (until - now)
        texts = await asyncio.gather(*(self._sample(body, end) for body in others))
        return replace(asked, others=tuple(text for text in texts if text is not None))

    async def _sample(self, body: bytes, until: float) -> str | None:
        """The words of a further reply. None when it fails, which says nothing of how the server answers: only answers teach the breaker."""
        try:
            async with asyncio.timeout_at(until), self._turns:
                self._breaker.check()
                return chat.read(await self._line.post(body, until), self._spec.model).text
        except (ModelError, TimeoutError):
            return None  # the answer itself is there; that fewer compare with it is seen from their number

    async def _once(self, body: bytes, until: float) -> _Asked:
        self._waiting += 1
        try:
            async with asyncio.timeout_at(until - LEAST_SHARE * self._spec.timeout_seconds):
                await self._turns.acquire()
        except TimeoutError as error:
            raise ModelBusy(f"The model's server {self.host} was busy with other frames all the time. Try again in a minute.") from error
        finally:
            self._waiting -= 1
        try:
            with self._breaker.call():
                started = self._loop.time()
                answer = chat.read(await self._post(body, until), self._spec.model)
                return _Asked(answer, self._loop.time() - started)
        finally:
            self._turns.release()

    async def _post(self, body: bytes, until: float) -> bytes:
        try:
            async with asyncio.timeout_at(until):
                return await self._line.post(body, until)
        except TimeoutError as error:
            raise ModelSilent(
                f"The model's server {self.host} gave no whole answer within {self._spec.timeout_seconds:g} seconds. A person has to judge this frame."
            ) from error

    async def _end(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._line.close()


def open_endpoint(
    name: str,
    spec: EndpointSpec,
    key: str | None,
    *,
    resolve: Resolve = addresses.look_up,
    clock: Clock = time.monotonic,
    dice: random.Random | None = None,
) -> Endpoint:
    """The backend of an entry `name`. Looks the address up and calls nobody. Raises ModelUnfit, ModelRefused or ModelLost."""
    for field, fits in {
        "family": spec.family in FAMILIES,
        "prompt_style": spec.prompt_style in STYLES,
        "model": isinstance(spec.model, str) and 0 < len(spec.model) <= 200 and spec.model.isprintable(),
        "url": isinstance(spec.url, str),
        "timeout_seconds": _number(spec.timeout_seconds) and 0 < spec.timeout_seconds <= 3600,
        "concurrency": _number(spec.concurrency, whole=True) and 1 <= spec.concurrency <= 256,
        "waiting": _number(spec.waiting, whole=True) and 0 <= spec.waiting <= 10_000,
        "most_pixels": _number(spec.most_pixels, whole=True) and spec.most_pixels >= 56 * 56,
        "most_tokens": _number(spec.most_tokens, whole=True) and spec.most_tokens >= 1,
        "samples": _number(spec.samples, whole=True) and 0 <= spec.samples <= 20,
    }.items():
        if not fits:
            raise ModelUnfit(f"models.json, {name}: {field} cannot be {getattr(spec, field)!r}. Correct the entry, or add the model again.")
    address = addresses.read(spec.url, allow_remote=spec.allow_remote is True, resolve=resolve)
    return Endpoint(address, spec, key, clock=clock, dice=dice or random.Random())


def _box_format(spec: EndpointSpec) -> BoxFormat:
    """That of its family, for frames of the size at which they are sent."""
    fmt = FAMILIES[spec.family]
    return replace(fmt, max_pixels=spec.most_pixels) if fmt.resized else fmt


def _number(said: object, *, whole: bool = False) -> bool:
    return not isinstance(said, bool) and isinstance(said, int if whole else int | float)
