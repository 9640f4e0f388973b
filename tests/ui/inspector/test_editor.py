"""The component as Gradio sees it, and its JavaScript as far as it can be read without a browser."""

from __future__ import annotations

import re

import pytest

from core.profile import read
from core.settings import ASSETS
from ui.inspector.actions import given
from ui.inspector.editor import FOLDER, SCRIPTS, TEMPLATE, Editor, script

BENCH = read(ASSETS / "profiles" / "bench.toml")


def test_the_component_can_be_configured_by_gradio() -> None:
    editor = Editor(given(BENCH, language="en", model=None, max_upload_mib=25))
    config = editor.get_config()
    assert config["html_template"] == TEMPLATE
    assert config["js_on_load"] == script()
    assert editor.preprocess({"findings": "forged"}) is None


def test_every_script_is_loaded_and_every_file_is_a_script() -> None:
    assert sorted(SCRIPTS) == sorted(path.stem for path in (FOLDER / "js").glob("*.js"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_can_turn_words_into_markup(name: str) -> None:
    source = (FOLDER / "js" / f"{name}.js").read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", source)
    assert source.startswith("// "), "a file says first what it is"
    assert source.count("\n") <= 250


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_speaks_with_another_machine(name: str) -> None:
    source = (FOLDER / "js" / f"{name}.js").read_text("utf-8")
    assert re.sub(r"http://www\.w3\.org/2000/svg", "", source).count("://") == 0
