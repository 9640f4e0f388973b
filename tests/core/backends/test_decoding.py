"""Token by token, for each family with its true architecture: the same words as transformers' own loop, alone and in a batch, free and guided."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from core.backends.folder import ModelFolder, read_folder
from core.backends.local import LocalModel
from core.errors import Abandoned, ModelError
from core.parsing import parse_reply
from core.profile import Profile
from core.prompts import Prompt, build
from core.schema import Reply
from tests import makers, tiny

SIZES = [(160, 120), (90, 200), (64, 64), (200, 90), (160, 120)]
PICTURES = [makers.picture(w, h, rects=[((10 + 5 * n, 20, 40, 60), "red")]) for n, (w, h) in enumerate(SIZES)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("families")
    return {kind: tiny.make(kind, home / kind) for kind in tiny.KINDS}


@pytest.fixture(params=tiny.KINDS)
def described(request: pytest.FixtureRequest, folders: dict[str, Path]) -> ModelFolder:
    return replace(read_folder(folders[request.param]), most_tokens=40, batch=8)


def free(described: ModelFolder) -> ModelFolder:
    return replace(described, guided=False)


def asked(model: LocalModel, profile: Profile) -> Prompt:
    return build(profile, "brief", model.box_format)


def answers(model: LocalModel, prompt: Prompt) -> list[Reply]:
    got = model.ask_many(PICTURES, prompt)
    assert all(isinstance(each, Reply) for each in got)
    return [each for each in got if isinstance(each, Reply)]


def test_it_says_what_transformers_itself_would_say(described: ModelFolder, bench: Profile) -> None:
    model = LocalModel(free(described), threads=1)
    prompt = asked(model, bench)
    for picture in PICTURES[:3]:
        reply = model.ask(picture, prompt)
        batch = model._loaded.prepare([picture], prompt.text)
        with torch.inference_mode():
            out = model._loaded.net.generate(
                **batch, do_sample=False, max_new_tokens=40, repetition_penalty=1.0, return_dict_in_generate=True, output_logits=True
            )
        said = out.sequences[0, batch["input_ids"].shape[1] :].tolist()
        said = said[: next((n for n, token in enumerate(said) if token in model._loaded.ends), len(said))]
        assert [token.text for token in reply.tokens] == [model._vocabulary[n] for n in said]
        theirs = [float(torch.log_softmax(step[0].float(), -1)[n]) for step, n in zip(out.logits, said, strict=False)]
        assert [token.logprob for token in reply.tokens] == pytest.approx(theirs, abs=1e-4)
        assert not reply.masked


@pytest.mark.parametrize("guided", [False, True], ids=["free", "guided"])
def test_a_batch_of_mixed_sizes_answers_as_one_by_one(described: ModelFolder, bench: Profile, guided: bool) -> None:
    model = LocalModel(replace(described, guided=guided), threads=1)
    prompt = asked(model, bench)
    together = answers(model, prompt)
    for picture, reply in zip(PICTURES, together, strict=True):
        alone = model.ask(picture, prompt)
        assert alone.text == reply.text
        assert [t.logprob for t in alone.tokens] == pytest.approx([t.logprob for t in reply.tokens], abs=1e-3)


def test_a_guided_reply_has_the_form_that_was_asked_for_even_from_a_model_that_learned_nothing(
    described: ModelFolder, bench: Profile
) -> None:
    model = LocalModel(replace(described, most_tokens=3000), threads=1)
    small = replace(bench, labels=bench.labels[:3])
    prompt = asked(model, small)
    prompt = replace(prompt, schema_id="short", schema=_at_most(prompt.schema, 2))
    reply = model.ask(PICTURES[0], prompt)
    said = json.loads(reply.text)
    assert list(said) == list(prompt.schema["properties"])
    parsed = parse_reply(reply.text, small, model.box_format, PICTURES[0].size)
    assert parsed.how == "strict"
    assert parsed.risk_level == said["risk"] or not parsed.whole
    assert reply.masked


def _at_most(schema: object, many: int) -> dict[str, object]:
    """The same schema with short lists: a model of random weights ends none by itself."""
    short = json.loads(json.dumps(schema))
    short["properties"]["findings"]["maxItems"] = many
    short["properties"]["violations"]["maxItems"] = many
    short["properties"]["findings"]["items"]["properties"]["box"]["items"]["maximum"] = 1000
    return dict(short)


def test_probabilities_of_a_guided_reply_are_shares_of_what_was_allowed(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)
    reply = model.ask(PICTURES[0], asked(model, bench))
    first = reply.tokens[0]
    assert {text for text, _ in first.top} <= {"{", '{"findings":[', '{"findings":[]'}
    assert sum(2.718281828**p for _, p in first.top) == pytest.approx(1, abs=1e-5)


def test_memory_that_runs_out_halves_the_batch_and_goes_on(tiny: Path, bench: Profile) -> None:
    model = LocalModel(replace(read_folder(tiny), batch=8), threads=1)
    prompt = asked(model, bench)
    whole = [reply.text for reply in answers(model, prompt)]
    sizes: list[int] = []
    net = model._loaded.net

    def short(module: object, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        sizes.append(len(kwargs["input_ids"]))
        if len(kwargs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook = net.register_forward_pre_hook(short, with_kwargs=True)
    assert [reply.text for reply in answers(model, prompt)] == whole
    assert sizes[:2] == [5, 2]
    hook.remove()


def test_memory_that_runs_out_for_one_frame_is_said_for_that_frame(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)

    def none(module: object, args: object, kwargs: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    model._loaded.net.register_forward_pre_hook(none, with_kwargs=True)
    with pytest.raises(ModelError, match="ran out of memory"):
        model.ask(PICTURES[0], asked(model, bench))


def test_a_fault_that_is_not_memory_is_not_taken_for_one(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)

    def fault(module: object, args: object, kwargs: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    model._loaded.net.register_forward_pre_hook(fault, with_kwargs=True)
    with pytest.raises(RuntimeError, match="device-side assert"):
        model.ask(PICTURES[0], asked(model, bench))


def test_who_stops_waiting_leaves_the_batch_and_the_others_are_answered(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)
    prompt = asked(model, bench)
    whole = [reply.text for reply in answers(model, prompt)]
    got = model.ask_many(PICTURES, prompt, counted([1, 3], after=4))
    assert [isinstance(each, Abandoned) for each in got] == [False, True, False, True, False]
    assert [each.text for each in got if isinstance(each, Reply)] == [whole[0], whole[2], whole[4]]


def counted(gone: list[int], after: int) -> Callable[[], Collection[int]]:
    """Those who stop waiting at the `after`th look."""
    looks = 0

    def look() -> Collection[int]:
        nonlocal looks
        looks += 1
        return gone if looks > after else []

    return look


def test_frames_of_like_size_share_a_batch(tiny: Path, bench: Profile, folders: dict[str, Path]) -> None:
    model = LocalModel(replace(read_folder(folders["qwen2_vl"]), most_tokens=2, batch=2), threads=1)
    widths: list[list[int]] = []
    prepare = model._loaded.prepare

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(loaded, name)

        def prepare(self, pictures: list[Image.Image], text: str) -> dict[str, torch.Tensor]:
            widths.append([picture.width * picture.height for picture in pictures])
            return prepare(pictures, text)

    loaded = model._loaded
    model._loaded = Watched()  # type: ignore[assignment]
    answers(model, asked(model, bench))
    assert widths == [[64 * 64, 90 * 200], [200 * 90, 160 * 120], [160 * 120]]


def test_one_impossible_frame_does_not_fail_the_others_of_its_batch(bench: Profile, folders: dict[str, Path]) -> None:
    model = LocalModel(replace(read_folder(folders["qwen2_vl"]), most_tokens=4), threads=1)
    thread = makers.picture(450, 2)  # more than 200 times as long as it is wide
    got = model.ask_many([PICTURES[0], thread, PICTURES[1]], asked(model, bench))
    assert [type(each) for each in got] == [Reply, ModelError, Reply]
