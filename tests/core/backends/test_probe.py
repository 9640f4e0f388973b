from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from core.backends.base import Backend
from core.backends.catalogue import LocalSpec
from core.backends.folder import MANIFEST, read_folder
from core.backends.opening import open_spec
from core.backends.probe import PICTURES, annotated, chance_of_a_or_b, look, probe, rectangles, told
from core.backends.scripted import Scripted
from core.errors import ModelLost
from core.framecheck import COLOURS, UNTOLD, Convention, Known
from core.geometry import FAMILIES, BoxFormat
from core.patience import Patience
from core.profile import Profile
from core.prompts import Prompt
from core.schema import Reply
from core.settings import ASSETS, Settings
from tests.seeing import Seer, tokens_of

AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
COMPACT = ASSETS / "models" / "compact"


class Declared:
    """A model whose boxes are declared to be in another frame. What it answered once is remembered: it is asked the same again."""

    prompt_style = "brief"

    def __init__(self, backend: Backend, box_format: BoxFormat, heard: dict[bytes, Reply]) -> None:
        self.backend, self.box_format, self.model, self.heard = backend, box_format, backend.model, heard

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        key = prompt.text.encode() + picture.tobytes()
        if key not in self.heard:
            self.heard[key] = self.backend.ask(picture, prompt, patience)
        return self.heard[key]

    def close(self) -> None:
        self.backend.close()


@pytest.fixture(scope="module")
def compact() -> Backend:
    from core.backends.local import LocalModel

    return LocalModel(read_folder(COMPACT), 2)


@pytest.fixture(scope="module")
def heard() -> dict[bytes, Reply]:
    return {}


def test_the_model_that_ships_passes_its_own_check(compact: Backend, bench: Profile, heard: dict[bytes, Reply]) -> None:
    found = look("compact", Declared(compact, compact.box_format, heard), bench, at=AT)
    assert found.checked.passed, found.checked.findings
    assert found.checked.model == compact.model
    assert found.fit is not None
    assert found.fit.scale == pytest.approx((1.0, 1.0), abs=0.02)
    assert found.fit.iou is not None
    assert found.fit.iou > 0.7
    assert found.masked == "raw"  # no grammar holds it


@pytest.mark.parametrize("family", ["qwen2.5-vl", "paligemma"])
def test_the_model_that_ships_is_refused_under_another_family_with_the_right_name(
    compact: Backend, bench: Profile, heard: dict[bytes, Reply], family: str
) -> None:
    found = look("compact", Declared(compact, FAMILIES[family], heard), bench, at=AT)
    assert not found.checked.passed
    assert found.fit is not None
    assert found.fit.convention == Convention()
    assert "its boxes are in thousandths of the picture (0 to 1000), and" in found.checked.findings["frame"]
    assert "Declare the family qwen2-vl (" in found.checked.findings["frame"]


@pytest.mark.slow
def test_a_folder_that_declares_another_family_is_refused_by_the_model_in_its_own_process(bench: Profile, tmp_path: Path) -> None:
    folder = tmp_path / "compact"
    shutil.copytree(COMPACT, folder)
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, "family": "qwen2.5-vl"}), "utf-8")
    for place, passes in ((COMPACT, True), (folder, False)):
        backend = open_spec("compact", LocalSpec(str(place)), Settings(data=tmp_path))
        try:
            assert probe("compact", backend, bench, at=AT).passed is passes
        finally:
            backend.close()


@pytest.mark.parametrize(
    "spoken",
    [
        Convention(order, scale, resized)
        for order in ("xyxy", "yxyx")
        for scale, resized in ((None, False), (None, True), (1000, False), (100, False), (1, False))
    ],
    ids=lambda c: c.words,
)
def test_a_general_model_is_shown_rectangles_and_its_frame_is_named(spoken: Convention, bench: Profile) -> None:
    fmt = FAMILIES["qwen2.5-vl"]
    found = look("seer", Seer(spoken, fmt), bench, at=AT)
    assert found.fit is not None
    assert found.fit.convention == spoken
    assert found.checked.passed is (spoken == Convention(fmt.order, fmt.scale, fmt.resized))
    assert spoken.words in found.checked.findings["frame"]


def test_a_model_that_sees_no_rectangles_is_not_passed_and_not_called_wrong(bench: Profile) -> None:
    found = look("seer", Seer(blind=True), replace(bench, key="elsewhere"), at=AT)
    assert not found.checked.passed
    assert found.checked.findings["frame"].startswith(UNTOLD)


def test_a_taught_model_of_a_profile_without_known_frames_is_not_shown_rectangles(bench: Profile) -> None:
    seer = Seer(prompt_style="brief")
    found = look("seer", seer, replace(bench, key="elsewhere"), at=AT)
    assert found.fit is None
    assert found.checked.findings["frame"].startswith(UNTOLD)
    assert len(seer.asked) == 1 + len(PICTURES)


def test_reviewed_frames_can_be_taken_instead(bench: Profile) -> None:
    known = annotated(bench, 9)
    replies = {"*": (json.dumps({"findings": []}), ())}
    found = look("any", Scripted("any@1", replies), bench, at=AT, known=known)
    assert found.fit is not None
    assert (found.fit.true, found.fit.said, found.fit.verdict) == (sum(len(one.true) for one in known), 0, "undecided")


@pytest.mark.parametrize(
    ("seer", "masked", "schema", "words"),
    [
        (Seer(chance=1.0), "masked", "kept to", "what the grammar allows"),
        (Seer(chance=0.02), "raw", "kept to", "shares of everything"),
        (Seer(chance=0.6), "raw", "kept to", "shares of everything"),
        (Seer(chance=None), "none", "kept to", ""),
        (Seer(keeps_to_schema=False), "unknown", "asked for and not kept to", "could not be told"),
        (Seer(model="seer@1", keeps_to_schema=False), "raw", "not asked for", "no grammar is used"),
    ],
    ids=["after the mask", "before the mask", "before, and likely", "none", "a server that knows no schema", "unguided"],
)
def test_what_log_probabilities_are_shares_of(seer: Seer, masked: str, schema: str, words: str, bench: Profile) -> None:
    found = look("seer", seer, bench, at=AT)
    assert found.masked == masked
    assert found.checked.findings["schema"].startswith(schema)
    assert words in found.checked.findings.get("masked", "")
    assert found.checked.findings["logprobs"].startswith("none" if masked == "none" else "yes")


@pytest.mark.parametrize(
    ("pieces", "others", "share"),
    [
        ([('{"answer"', 1.0), (': "', 1.0), ("B", 0.6), ('"}', 1.0)], {2: [("A", 0.4)]}, 1.0),
        ([('{"answer":', 1.0), ('"A"', 0.5), ("}", 1.0)], {1: [('"B"', 0.3), ('"', 0.2)]}, 1.0),
        ([('{"answer":"', 1.0), ('A"}', 0.1)], {1: [("B", 0.05), ('A"', 0.05), ("Alas", 0.3)]}, 0.2),
        ([('{"answer":"', 1.0), ("A", 1.0), ('"}', 1.0)], {}, None),
        ([("Tuesday", 0.5)], {}, None),
    ],
    ids=["letters", "with its quote", "several spellings", "one alone", "no letter"],
)
def test_a_and_b_are_found_however_they_are_cut(
    pieces: list[tuple[str, float]], others: dict[int, list[tuple[str, float]]], share: float | None
) -> None:
    tokens = tokens_of(pieces, others)
    found = chance_of_a_or_b(Reply("".join(text for text, _ in pieces), "m", "p", 0.0, tokens))
    assert found == (share if share is None else pytest.approx(share, abs=1e-6))


def test_the_largest_picture_is_found_and_the_frame_check_keeps_within_it(bench: Profile) -> None:
    seer = Seer(most_pixels=2048 * 1536 // 3)
    found = look("seer", seer, bench, at=AT)
    assert found.largest == PICTURES[0]
    assert found.checked.findings["picture"].startswith(
        "1024 x 768 pixels; one of 2048 x 1536 pixels was not answered: The picture is too large"
    )
    assert found.checked.passed
    assert all(width * height <= 1024 * 768 for width, height in seer.asked[3:])


def test_the_number_of_questions_is_bounded(bench: Profile) -> None:
    seer = Seer(blind=True)
    look("seer", seer, bench, at=AT)
    assert len(seer.asked) <= 1 + len(PICTURES) + 6 + 12


class Lost(Seer):
    """A server that goes away after some questions."""

    after = 0

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        if len(self.asked) >= self.after:
            raise ModelLost("The line to the model's server broke.")
        return super().ask(picture, prompt, patience)


@pytest.mark.parametrize("after", [0, 4, 7])
def test_a_model_that_does_not_answer_has_not_passed(after: int, bench: Profile) -> None:
    lost = Lost()
    lost.after = after
    checked = probe("lost", lost, bench, at=AT)
    assert not checked.passed
    assert "frame" not in checked.findings
    assert checked.findings["answers"].startswith("no: The line" if after == 0 else "not always")


def test_frames_that_measure_models_are_left_out(bench: Profile) -> None:
    coco = json.loads((ASSETS / "frames" / "tools_bench" / "test.coco.json").read_text("utf-8"))
    known = annotated(bench)
    assert len(known) == 12
    assert len({one.picture.size for one in known}) == 6
    measuring = {(ASSETS / "frames" / "tools_bench" / "images" / image["file_name"]).read_bytes() for image in coco["images"]}
    thumbs = {_thumb(Image.open(io.BytesIO(content))) for content in measuring}
    whole = [one for one in annotated(bench, 60) if one.picture.size == (640, 480)]
    assert len(whole) > 5
    assert all(_thumb(one.picture) not in thumbs for one in whole)


def _thumb(picture: Image.Image) -> bytes:
    return picture.convert("RGB").tobytes()


def test_a_reply_is_read_as_numbers_whatever_their_frame() -> None:
    known = Known(Image.new("RGB", (640, 480)), ())
    text = """Sure: ```json
{"findings": [{"bbox_2d": [0.1, 0.2, 0.3, 0.4], "label": "red"}, {"box": [1, 2, 3], "label": "red"}, {"box": [1, 2, 3, true], "label": "red"},
 {"box": [5000, -3, 6000, 1e3], "label": "blue"}, {"box": [1, 2, 3, 4], "label": "a cat"}, "red", {"label": "red"}]}
```"""
    assert told(known, text, lambda said: said if said in COLOURS else None).said == (
        ("red", (0.1, 0.2, 0.3, 0.4)),
        ("blue", (5000, -3, 6000, 1000)),
    )
    for nothing in ("", "I see no rectangles.", "{}", "[1, 2]", '{"findings": 3}'):
        assert told(known, nothing, lambda said: said).said == ()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_question_about_rectangles_says_the_declared_convention(family: str) -> None:
    prompt = rectangles(FAMILIES[family])
    assert ("[y0,x0,y1,x1]" in prompt.text) is (FAMILIES[family].order == "yxyx")
    assert ("pixels" in prompt.text) is (FAMILIES[family].scale is None)
    assert "$" not in prompt.text
