"""A server asked over a real wire: the same answer as from the model itself, for as long as somebody waits, and nothing sent that it need not know."""

from __future__ import annotations

import base64
import io
import json
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image, ImageChops

from core.backends import chat
from core.backends.endpoint import SAMPLES_SHARE
from core.errors import Abandoned, ModelBusy, ModelError, ModelLost, ModelRefused, ModelUnfit
from core.geometry import FAMILIES, THOUSANDTHS, smart_resize
from core.patience import Patience
from core.profile import Profile
from core.prompts import Prompt, build
from tests import makers, model_server
from tests.endpoints import KEY, PICTURE, TIMEOUT, Asking, close_all, opened, until
from tests.fault_server import WORDS, FaultServer, completion, failing, response


@pytest.fixture
def prompt(bench: Profile) -> Prompt:
    return build(bench, "brief", THOUSANDTHS)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with failing() as made:
        yield made


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    close_all()


def shown(body: bytes | dict[str, Any]) -> Image.Image:
    """The picture of a question."""
    said = body if isinstance(body, dict) else json.loads(body)
    url = said["messages"][0]["content"][0]["image_url"]["url"]
    return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))


def test_the_same_answer_over_the_wire_as_directly(tiny: Path, bench: Profile) -> None:
    asked: list[dict[str, Any]] = []
    model = model_server.load(tiny)
    with model_server.serving(tiny, asked=asked, backend=model) as url:
        endpoint = opened(url, model=tiny.name, family="compact", prompt_style="brief", timeout_seconds=60)
        prompt = build(bench, endpoint.prompt_style, endpoint.box_format)
        over = endpoint.ask(PICTURE, prompt)
    direct = model.ask(shown(asked[0]).convert("RGB"), prompt)
    assert (over.text, len(over.tokens)) == (direct.text, len(direct.tokens))
    assert over.tokens
    for ours, theirs in zip(over.tokens, direct.tokens, strict=True):
        assert (ours.text, ours.logprob) == (theirs.text, theirs.logprob)
        assert ours.top == theirs.top[: chat.TOP]
    assert (over.host, over.prompt_id) == (url.split("/")[2], prompt.id)
    assert over.model == f"{over.host}/{tiny.name}:guided"
    assert asked[0]["response_format"]["json_schema"]["schema"] == prompt.schema
    assert asked[0]["messages"][0]["content"][1]["text"] == prompt.text
    assert max(high for _, high in ImageChops.difference(shown(asked[0]).convert("RGB"), PICTURE).getextrema()) < 32  # type: ignore[misc]


def test_the_schema_goes_along_only_when_the_entry_says_so(tiny: Path, bench: Profile) -> None:
    asked: list[dict[str, Any]] = []
    prompt = build(bench, "brief", THOUSANDTHS)
    with model_server.serving(tiny, asked=asked) as url:
        free, guided = (opened(url, model=tiny.name, guided=each, timeout_seconds=60).ask(PICTURE, prompt).text for each in (False, True))
    assert ["response_format" in body for body in asked] == [False, True]
    assert guided.startswith('{"findings":[')
    assert not free.startswith("{"), "a model that learned nothing, left to itself"


def test_a_model_that_the_server_does_not_know_is_a_refusal_in_its_own_words(tiny: Path, prompt: Prompt) -> None:
    with model_server.serving(tiny, backend=model_server.load(tiny)) as url, pytest.raises(ModelRefused, match=r"lora-b.*does not exist"):
        opened(url, model="lora-b").ask(PICTURE, prompt)


def test_who_comes_when_all_places_are_taken_is_told_at_once(server: FaultServer, prompt: Prompt) -> None:
    endpoint = opened(server.url("hang"), concurrency=2, waiting=3)
    askers = [Asking(endpoint, prompt) for _ in range(5)]
    until(lambda: server.calls["hang"] == 2)
    started = time.monotonic()
    with pytest.raises(ModelBusy, match="5 frames are waiting"):
        endpoint.ask(PICTURE, prompt)
    assert time.monotonic() - started < 1
    for asker in askers:
        asker.join(TIMEOUT + 2)
    assert server.calls["hang"] == 2, "no more than two at a time"
    assert sorted(type(asker.became).__name__ for asker in askers) == ["ModelBusy"] * 3 + ["ModelSilent"] * 2


@pytest.mark.parametrize("delay", [0.0] + [0.01 * k for k in range(1, 20)])
def test_who_gives_up_frees_the_place_and_gets_nothing(delay: float, server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["hang"]
    endpoint = opened(server.url("s"), concurrency=1, waiting=0, timeout_seconds=30)
    patience = Patience()
    asker = Asking(endpoint, prompt, patience)
    time.sleep(delay)
    given_up = time.monotonic()
    patience.give_up()
    asker.join(5)
    assert isinstance(asker.became, Abandoned)
    server.script["s"] = []
    assert endpoint.ask(PICTURE, prompt).text
    assert time.monotonic() - given_up < 3, "the place is free at once"


def test_a_hundred_who_gave_up_while_it_connected_leave_no_place_taken(server: FaultServer, prompt: Prompt) -> None:
    endpoint = opened(server.url("ok"), concurrency=1, waiting=0)
    dice = random.Random(7)
    for _ in range(120):
        patience = Patience()
        asker = Asking(endpoint, prompt, patience)
        time.sleep(dice.uniform(0, 0.02))
        patience.give_up()
        asker.join(5)
        assert not isinstance(asker.became, ModelError) or isinstance(asker.became, Abandoned)
    assert endpoint.ask(PICTURE, prompt).text
    lines = psutil.Process().net_connections("tcp")
    assert sum(bool(line.raddr) and line.raddr.port == server.port and line.status == psutil.CONN_ESTABLISHED for line in lines) <= 1


def test_who_waits_in_line_can_give_up_too(server: FaultServer, prompt: Prompt) -> None:
    endpoint = opened(server.url("hang"), concurrency=1, waiting=1, timeout_seconds=30)
    first, patience = Patience(), Patience()
    asking = Asking(endpoint, prompt, first)
    until(lambda: server.calls["hang"] == 1)
    behind = Asking(endpoint, prompt, patience)
    patience.give_up()
    behind.join(2)
    assert isinstance(behind.became, Abandoned)
    assert server.calls["hang"] == 1
    first.give_up()
    asking.join(2)
    assert isinstance(asking.became, Abandoned)


def test_closing_ends_what_is_under_way(server: FaultServer, prompt: Prompt) -> None:
    endpoint = opened(server.url("hang"), timeout_seconds=30)
    asker = Asking(endpoint, prompt)
    until(lambda: server.calls["hang"] == 1)
    endpoint.close()
    asker.join(2)
    assert isinstance(asker.became, ModelLost)
    with pytest.raises(ModelLost, match="closed"):
        endpoint.ask(PICTURE, prompt)


def test_no_probabilities_and_samples_wanted_asks_for_more(server: FaultServer, prompt: Prompt) -> None:
    reply = opened(server.url("ok"), samples=3).ask(PICTURE, prompt)
    assert len(reply.others) == 3
    asked = [json.loads(body) for body in server.bodies]
    assert [(each["temperature"], "logprobs" in each) for each in asked] == [(0, True), (1, False), (1, False), (1, False)]
    assert sorted(each["seed"] for each in asked) == [0, 1, 2, 3]


def test_a_sample_that_fails_costs_the_sample_and_not_the_answer(server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["ok", "500", "html", "ok"]
    reply = opened(server.url("s"), samples=3).ask(PICTURE, prompt)
    assert reply.text
    assert len(reply.others) == 1


def test_an_answer_waits_for_its_samples_no_longer_than_their_share(server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["ok", "ok", "hang", "hang"]
    endpoint = opened(server.url("s"), samples=3)
    started = time.monotonic()
    reply = endpoint.ask(PICTURE, prompt)
    seconds = time.monotonic() - started
    assert (reply.text, reply.others) == (WORDS, (WORDS,))
    assert seconds < SAMPLES_SHARE * TIMEOUT + 0.5 < TIMEOUT, "it is here, and nobody keeps it from who asked"


def test_a_sample_of_another_model_is_none(server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["ok", "another", "ok", "another"]
    assert opened(server.url("s"), samples=3).ask(PICTURE, prompt).others == (WORDS,)


def test_how_many_wait_is_told(server: FaultServer, prompt: Prompt) -> None:
    endpoint = opened(server.url("hang"), concurrency=2, waiting=3, timeout_seconds=30)
    assert endpoint.waiting == 0
    patiences = [Patience() for _ in range(5)]
    askers = [Asking(endpoint, prompt, patience) for patience in patiences[:2]]
    until(lambda: server.calls["hang"] == 2)
    assert endpoint.waiting == 0, "those that the server is asked about do not wait"
    askers += [Asking(endpoint, prompt, patience) for patience in patiences[2:]]
    until(lambda: endpoint.waiting == 3)
    patiences[4].give_up()
    until(lambda: endpoint.waiting == 2)
    patiences[0].give_up()
    until(lambda: server.calls["hang"] == 3)
    until(lambda: endpoint.waiting == 1)
    for patience in patiences:
        patience.give_up()
    for asker in askers:
        asker.join(5)
    until(lambda: endpoint.waiting == 0)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_how_a_model_writes_boxes_is_one_value_for_its_life(family: str) -> None:
    endpoint = opened("http://127.0.0.1:8000/v1", family=family, most_pixels=401408)
    assert endpoint.box_format is endpoint.box_format
    assert endpoint.box_format == (replace(FAMILIES[family], max_pixels=401408) if FAMILIES[family].resized else FAMILIES[family])


def test_probabilities_make_samples_needless(server: FaultServer, prompt: Prompt) -> None:
    said = [{"token": "{}", "logprob": -0.25, "bytes": [123, 125], "top_logprobs": []}]
    server.answers["probable"] = response(completion("{}", logprobs={"content": said}))
    reply = opened(server.url("probable"), samples=3, masked=True).ask(PICTURE, prompt)
    assert (reply.others, reply.masked, reply.tokens[0].logprob) == ((), True, -0.25)
    assert server.calls["probable"] == 1


@pytest.mark.parametrize("family", ["qwen2.5-vl", "qwen3-vl", "compact"])
@pytest.mark.parametrize("size", [(4000, 3000), (640, 480), (1920, 300), (31, 30)])
def test_the_picture_that_is_sent_is_small_upright_and_bare(
    family: str, size: tuple[int, int], server: FaultServer, prompt: Prompt
) -> None:
    endpoint = opened(server.url("ok"), family=family, most_pixels=512 * 28 * 28)
    picture = makers.picture(*size)
    picture.info = {"comment": b"see http://127.0.0.1/secret", "exif": makers.exif(6, Make="camera").tobytes()}
    endpoint.ask(picture, prompt)
    sent = shown(server.bodies[0])
    assert sent.width * sent.height <= 512 * 28 * 28
    assert sent.format == "JPEG"
    assert set(sent.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    if family == "qwen2.5-vl":
        fmt = endpoint.box_format
        assert sent.size == fmt.grid(size) == smart_resize(sent.size, fmt.factor, fmt.min_pixels, fmt.max_pixels), (
            "the server's resize changes nothing"
        )


def test_what_changes_an_answer_is_in_the_id() -> None:
    url = "http://127.0.0.1:8000/v1"
    ids = [opened(url, **more).model for more in ({}, {"guided": False}, {"model": "m-lora"}, {"most_pixels": 401408})]
    assert ids == ["127.0.0.1:8000/m:guided", "127.0.0.1:8000/m", "127.0.0.1:8000/m-lora:guided", "127.0.0.1:8000/m:401408px:guided"]


def test_the_key_goes_to_the_server_and_nowhere_else(server: FaultServer, prompt: Prompt, caplog: pytest.LogCaptureFixture) -> None:
    server.answers["echo"] = response(json.dumps({"error": {"message": f"Bad key {KEY} in your question"}}).encode(), "422 Unprocessable")
    endpoint = opened(server.url("echo"), key=KEY)
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelRefused, match=r"Bad key \(our key\)") as found:
        endpoint.ask(PICTURE, prompt)
    assert f"Authorization: Bearer {KEY}" in server.heads[0]
    assert KEY not in f"{endpoint!r}{endpoint.__dict__}{found.value!r}{found.getrepr()}{caplog.text}"


@pytest.mark.parametrize(
    "wrong",
    [{"family": "yolo"}, {"prompt_style": "long"}, {"model": ""}, {"concurrency": 0}, {"concurrency": "8"}, {"timeout_seconds": 0}, {"waiting": -1},
     {"most_pixels": 3}, {"most_tokens": True}, {"samples": 99}],
    ids=str,
)  # fmt: skip
def test_an_entry_that_cannot_be_meant_is_refused_with_its_place(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelUnfit, match=rf"models\.json, there: {next(iter(wrong))}"):
        opened("http://127.0.0.1:8000/v1", **wrong)
