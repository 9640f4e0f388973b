"""That no screen hands words to something that takes them for markup, read from the code itself."""

from __future__ import annotations

import ast
from pathlib import Path

UI = Path(__file__).resolve().parents[2] / "ui"


def calls() -> list[tuple[Path, ast.Call]]:
    """Every call in `ui`."""
    return [
        (path, node) for path in UI.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]


def test_nothing_is_shown_as_markup_that_is_unsafe() -> None:
    found = calls()
    allowed = [
        (path.name, word.arg)
        for path, call in found
        for word in call.keywords
        if word.arg in ("unsafe_allow_html", "unsafe_allow_javascript")
    ]
    print(f"{len(found)} calls in ui, {len(allowed)} of them allow markup")
    assert len(found) > 1000
    assert allowed == []


def test_only_markup_of_our_own_is_shown_as_markup() -> None:
    """st.html: our stylesheet, and the strip's two links, whose only parts are addresses and our own words, escaped."""
    shown = sorted(
        (path.name, ast.unparse(call.args[0]))
        for path, call in calls()
        if ast.unparse(call.func) in ("st.html", "components.html", "st.iframe", "gr.HTML")
    )
    assert shown == [("app.py", "_HERE / 'dashboard.css'"), ("app.py", "inspector + theme")]
