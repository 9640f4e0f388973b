"""What the browser is handed: all terms in all languages, and not a word more than plain JSON."""

from __future__ import annotations

import json

import pytest

from core.profile import Profile, read
from core.settings import ASSETS
from ui.inspector.actions import given, terms_of


@pytest.fixture(params=["bench", "corridor"])
def profile(request: pytest.FixtureRequest) -> Profile:
    return read(ASSETS / "profiles" / f"{request.param}.toml")


def test_what_is_handed_over_is_plain_json(profile: Profile) -> None:
    handed = given(profile, language="zh", model="compact@abc", prompt_id="p1", max_upload_mib=25)
    assert json.loads(json.dumps(handed)) == handed
    assert set(handed["words"]) == {"en", "zh"}
    options = handed["options"]
    assert (options["language"], options["model"], options["prompt_id"], options["max_upload_mib"]) == ("zh", "compact@abc", "p1", 25)


def test_every_term_of_the_profile_can_be_chosen(profile: Profile) -> None:
    terms = terms_of(profile)
    assert [label["key"] for label in terms["labels"]] == [label.key for label in profile.labels]
    assert {name: [term["key"] for term in choices] for name, choices in terms["fields"].items()} == {
        name: [term.key for term in profile.terms(name)] for name in profile.fields
    }
    for label in terms["labels"]:
        assert set(label["names"]) == {"en", "zh"}
        assert label["colour"].startswith("#")


def test_without_a_model_the_screen_is_told_so() -> None:
    bench = read(ASSETS / "profiles" / "bench.toml")
    assert given(bench, language="en", model=None, max_upload_mib=1)["options"]["model"] is None


def test_no_confidence_is_handed_over_as_calibrated_beforehand() -> None:
    bench = read(ASSETS / "profiles" / "bench.toml")
    assert "calibrated" not in given(bench, language="en", model=None, max_upload_mib=1)["options"], "only an assessment can say so"
