"""Every language says everything, with the same places to fill, and the screens ask for nothing that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ui.inspector.actions import SCREEN_WORDS
from ui.inspector.editor import FOLDER, SCRIPTS
from ui.texts import LANGUAGES, Texts, read

_PLACE = re.compile(r"\{(\w+)\}")
OTHERS = [language for language in LANGUAGES if language != "en"]


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_key(language: str) -> None:
    assert set(read(language)) == set(read("en"))


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_fills_the_same_places(language: str) -> None:
    english, other = read("en"), read(language)
    assert {key: set(_PLACE.findall(words)) for key, words in other.items()} == {
        key: set(_PLACE.findall(words)) for key, words in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_empty_and_nobody_shouts(language: str) -> None:
    for key, words in read(language).items():
        assert words.strip(), key
        assert not {"!", "！"} & set(words), key


def test_chinese_is_written_in_chinese() -> None:
    foreign = {"language.switch"}
    untouched = [
        key for key, words in Texts("zh").starting(*SCREEN_WORDS).items() if not re.search(r"[㐀-鿿…、]", words) and key not in foreign
    ]
    assert untouched == []


def test_the_inspector_asks_only_for_words_that_it_is_given() -> None:
    given = set(Texts("en").starting(*SCREEN_WORDS))
    script = "\n".join((FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    whole = set(re.findall(r"""say\("([\w.]+)"[,)]""", script))
    begun = set(re.findall(r"""say\("([\w.]+[._])" \+""", script))
    assert whole - given == set()
    assert [start for start in begun if not any(key.startswith(start) for key in given)] == []


def test_no_words_of_the_inspector_are_left_over() -> None:
    script = "\n".join((FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    begun = ("net.", *set(re.findall(r"""say\("([\w.]+[._])" \+""", script)))
    own = json.loads((Path(__file__).parents[2] / "assets" / "locales" / "en.json").read_text("utf-8"))
    assert [key for key in own if not key.startswith(begun) and f'"{key}"' not in script and f'"{key.split(".")[-1]}"' not in script] == []


def test_a_missing_word_is_a_bug_and_not_an_empty_place() -> None:
    with pytest.raises(KeyError):
        Texts("en")("no.such.words")
    with pytest.raises(KeyError):
        Texts("fr")


def test_places_are_filled() -> None:
    assert Texts("en")("drop.progress", n=3, all=20) == "Adding 3 of 20"


def test_two_files_with_the_same_key_are_refused(tmp_path: Path) -> None:
    (tmp_path / "en.json").write_text('{"a": "x"}', "utf-8")
    (tmp_path / "board.en.json").write_text('{"a": "y"}', "utf-8")
    with pytest.raises(KeyError, match=r"board\.en\.json"):
        read("en", tmp_path)
