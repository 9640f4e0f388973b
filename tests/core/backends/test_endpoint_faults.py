"""A server that fails in every way that servers fail: each is a sentence within its time, none is an answer, nobody else waits for it."""

from __future__ import annotations

import random
import statistics
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from core.backends.breaker import REST_SECONDS
from core.backends.line import PAUSE_SECONDS
from core.errors import ModelBusy, ModelError, ModelGarbled, ModelLost, ModelRefused, ModelSilent
from core.geometry import THOUSANDTHS
from core.inspection import inspect_frame
from core.profile import Profile
from core.prompts import Prompt, build
from core.schema import Reply
from tests import makers
from tests.endpoints import KEY, PICTURE, TIMEOUT, Asking, close_all, opened, until
from tests.fault_server import WORDS, FaultServer, completion, failing, response
from tests.serving import free_port

FAULTS: dict[str, type[ModelError]] = {
    "refuse": ModelLost,
    "hang": ModelSilent,
    "latency": ModelSilent,
    "reset": ModelLost,
    "slow-close": ModelSilent,
    "drip": ModelSilent,
    "cut": ModelGarbled,
    "length": ModelLost,
    "html": ModelGarbled,
    "empty": ModelGarbled,
    "no-choices": ModelGarbled,
    "null": ModelGarbled,
    "tool-call": ModelGarbled,
    "utf-8": ModelGarbled,
    "nan": ModelGarbled,  # JSON has no NaN: what wrote one is broken, and its words are not believed either
    "twice": ModelGarbled,  # of two "choices" nobody knows which was meant; they differ in the risk
    "huge": ModelGarbled,
    "bomb": ModelGarbled,
    "301": ModelRefused,
    "401": ModelRefused,
    "404": ModelRefused,
    "429": ModelBusy,
    "500": ModelLost,
    "503": ModelLost,
}
FURTHER: dict[str, type[ModelError]] = {
    "huge-chunked": ModelGarbled,
    "short": ModelGarbled,
    "no-http": ModelLost,
    "400": ModelRefused,
    "another": ModelRefused,  # the base answers where an adapter was asked
}


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


def test_there_are_the_24_faults() -> None:
    assert len(FAULTS) == 24


def test_the_words_that_no_fault_may_become_call_the_frame_safe(server: FaultServer, bench: Profile) -> None:
    content = makers.jpeg()
    assessment = inspect_frame(makers.frame(content), content, opened(server.url("ok")), bench)
    assert assessment.reply is not None
    assert assessment.reply.text == WORDS
    assert (assessment.risk.level, assessment.dropped, assessment.step.phase.value) == ("none", (), "idle")


@pytest.mark.parametrize("fault", [*FAULTS, *FURTHER])
def test_a_fault_is_a_typed_error_in_time_and_no_answer(fault: str, server: FaultServer, bench: Profile) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1" if fault == "refuse" else server.url(fault)
    endpoint = opened(url, key=KEY)
    content = makers.jpeg()
    started = time.monotonic()
    with pytest.raises({**FAULTS, **FURTHER}[fault]) as found:
        inspect_frame(makers.frame(content), content, endpoint, bench)
    assert time.monotonic() - started < TIMEOUT + 1.5
    assert type(found.value) is {**FAULTS, **FURTHER}[fault]
    assert str(found.value).endswith((".", "?", '"')), "a sentence for a person"
    assert KEY not in f"{found.value!r}{found.value.__cause__!r}{found.value.__context__!r}"


def test_others_are_unharmed_while_a_server_fails_in_every_way(server: FaultServer, prompt: Prompt) -> None:
    failing_ones = [opened(server.url(fault)) for fault in FAULTS if fault != "refuse"]
    askers = [Asking(endpoint, prompt) for endpoint in failing_ones]
    good = opened(server.url("ok"))
    seconds: list[float] = []
    while any(asker.is_alive() for asker in askers) and len(seconds) < 200:
        started = time.monotonic()
        assert good.ask(PICTURE, prompt).text
        seconds.append(time.monotonic() - started)
    for asker in askers:
        asker.join(TIMEOUT + 2)
    assert all(isinstance(asker.became, ModelError) for asker in askers)
    assert len(seconds) >= 20
    assert statistics.quantiles(seconds, n=20)[-1] < 0.3, "the 95th percentile"


@pytest.mark.parametrize("fault", ["huge", "huge-chunked", "bomb"])
def test_a_huge_answer_takes_little_memory(fault: str, server: FaultServer, prompt: Prompt) -> None:
    endpoint = opened(server.url(fault))
    tracemalloc.start()
    try:
        with pytest.raises(ModelGarbled, match="not unpacked" if fault == "bomb" else "MiB"):
            endpoint.ask(PICTURE, prompt)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 24 * 2**20, "4 MiB, the piece that came last, and the server's own MiB"
    assert "Accept-Encoding: identity\r\n" in server.heads[0]


def test_an_answer_that_ran_out_of_tokens_is_kept_and_not_believed_whole(server: FaultServer, bench: Profile) -> None:
    endpoint = opened(server.url("stopped"))
    content = makers.jpeg()
    assessment = inspect_frame(makers.frame(content), content, endpoint, bench)
    assert assessment.reply is not None
    assert assessment.reply.text.endswith('"risk":"no')
    assert assessment.risk.level is None


@pytest.mark.parametrize("others", [{"0": -9999.0, "]": -9999.0}, {"0": 0.0, "]": 0.0}, {"x": 0.0}], ids=["nothing", "much", "other words"])
def test_words_that_had_no_probability_are_not_sure_and_count_as_numbers(
    others: dict[str, float], server: FaultServer, bench: Profile
) -> None:
    words = WORDS.replace("[]", '[{"label":"hammer","box":[100,100,300,300]}]', 1).replace('"tool":"none"', '"tool":"hammer"')
    top = [{"token": text, "logprob": logprob} for text, logprob in others.items()]
    tokens = [{"token": sign, "logprob": -9999.0, "top_logprobs": top} for sign in words]
    server.answers["unlikely"] = response(completion(words, logprobs={"content": tokens}))
    content = makers.jpeg()
    assessment = inspect_frame(makers.frame(content), content, opened(server.url("unlikely"), family="qwen3-vl"), bench)
    (hammer,) = assessment.findings
    assert (hammer.confidence, assessment.step.tool.confidence) == (0.0, 0.0)
    shares = [hammer.overlap, *assessment.risk.probabilities.values(), *assessment.missed.values()]
    assert all(share is None or 0 <= share <= 1 for share in shares), "NaN is neither"


@pytest.mark.parametrize(
    ("faults", "calls", "ends"),
    [
        (["429-soon"], 2, None),
        (["503"], 2, None),
        (["reset"], 2, None),
        (["502", "504"], 3, None),
        (["503", "503", "503"], 3, ModelLost),
        (["reset", "503", "429-soon", "ok"], 3, ModelBusy),
        (["400"], 1, ModelRefused),
        (["401"], 1, ModelRefused),
        (["404"], 1, ModelRefused),
        (["500"], 1, ModelLost),
        (["hang"], 1, ModelSilent),
        (["length"], 1, ModelLost),  # a part of the answer was here
        (["429"], 1, ModelBusy),  # its Retry-After lies beyond our time
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_retry_only_where_it_is_safe(
    faults: list[str], calls: int, ends: type[ModelError] | None, server: FaultServer, prompt: Prompt
) -> None:
    server.script["s"] = list(faults)
    endpoint = opened(server.url("s"), timeout_seconds=4)
    if ends is None:
        assert endpoint.ask(PICTURE, prompt).text
    else:
        with pytest.raises(ends):
            endpoint.ask(PICTURE, prompt)
    assert server.calls["s"] == calls


def test_a_retry_waits_for_as_long_as_the_server_says(server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["429-soon"]
    opened(server.url("s"), timeout_seconds=5).ask(PICTURE, prompt)
    first, second = server.times["s"]
    assert 1.0 <= second - first < 2.0


@pytest.mark.parametrize("seed", [1, 2, 12])
def test_not_all_come_back_at_the_same_time(seed: int, server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["503", "503"]
    opened(server.url("s"), timeout_seconds=5, dice=random.Random(seed)).ask(PICTURE, prompt)
    first, second, third = server.times["s"]
    dice = random.Random(seed)
    assert 0 <= second - first - PAUSE_SECONDS * dice.uniform(0.5, 1) < 0.2
    assert 0 <= third - second - 2 * PAUSE_SECONDS * dice.uniform(0.5, 1) < 0.2


def test_five_failures_in_a_row_and_the_server_is_left_alone(server: FaultServer, prompt: Prompt) -> None:
    now = [0.0]
    server.script["s"] = ["500"] * 5
    endpoint = opened(server.url("s"), clock=lambda: now[0])
    for _ in range(5):
        with pytest.raises(ModelLost):
            endpoint.ask(PICTURE, prompt)
    large = makers.picture(8000, 4500)  # takes longer than this to prepare, which nobody should do now
    for _ in range(20):
        started = time.monotonic()
        with pytest.raises(ModelLost, match="left alone"):
            endpoint.ask(large, prompt)
        assert time.monotonic() - started < 0.1
    assert server.calls["s"] == 5, "nobody called it meanwhile"
    now[0] = REST_SECONDS
    assert endpoint.ask(PICTURE, prompt).text
    assert endpoint.ask(PICTURE, prompt).text
    assert server.calls["s"] == 7


def test_after_the_rest_exactly_one_tries_and_decides(server: FaultServer, prompt: Prompt) -> None:
    now = [0.0]
    server.script["s"] = ["500"] * 5 + ["hang"]
    endpoint = opened(server.url("s"), clock=lambda: now[0])
    for _ in range(5):
        with pytest.raises(ModelLost):
            endpoint.ask(PICTURE, prompt)
    now[0] = REST_SECONDS
    askers = [Asking(endpoint, prompt) for _ in range(8)]
    for asker in askers:
        asker.join(TIMEOUT + 2)
    assert server.calls["s"] == 6
    assert sorted(type(asker.became).__name__ for asker in askers) == ["ModelLost"] * 7 + ["ModelSilent"]
    with pytest.raises(ModelLost, match="6 times"):
        endpoint.ask(PICTURE, prompt)


def test_samples_that_fail_close_the_server_to_nobody(server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["ok", *["500"] * 6]
    endpoint = opened(server.url("s"), samples=6)
    assert endpoint.ask(PICTURE, prompt).others == ()
    assert len(endpoint.ask(PICTURE, prompt).others) == 6


def test_samples_that_come_do_not_make_up_for_failures(server: FaultServer, prompt: Prompt) -> None:
    """Six frames in one line: the first's samples stand behind five answers that fail, and the server is left alone by then."""
    server.script["s"] = ["slow", *["500"] * 5]
    endpoint = opened(server.url("s"), concurrency=1, samples=3)
    first = Asking(endpoint, prompt)
    until(lambda: server.calls["s"] == 1)
    others = [Asking(endpoint, prompt) for _ in range(5)]
    for asker in (first, *others):
        asker.join(TIMEOUT + 2)
    assert isinstance(first.became, Reply)
    assert first.became.others == ()
    assert [type(asker.became) for asker in others] == [ModelLost] * 5
    assert server.calls["s"] == 6, "a sample is no reason to call a server that is left alone"


def test_a_refusal_is_no_failure_and_four_failures_are_not_five(server: FaultServer, prompt: Prompt) -> None:
    server.script["s"] = ["500"] * 4 + ["404"] + ["500"] * 4 + ["404"] * 8
    endpoint = opened(server.url("s"))
    for _ in range(17):
        with pytest.raises((ModelLost, ModelRefused)):
            endpoint.ask(PICTURE, prompt)
    assert server.calls["s"] == 17
