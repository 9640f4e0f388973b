"""The one component of the inspector: a gr.HTML whose JavaScript draws the whole screen and speaks with the API. It holds no frame and no state.

Gradio carries it to the browser; the JavaScript lives in `js/`, one file a thing, joined here in the order in which they need each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

FOLDER = Path(__file__).resolve().parent
SCRIPTS = (
    "words", "keymap", "elements", "geometry", "sheet", "sureness", "effort", "remote", "stage", "boxes", "pointer", "labels", "changes", "panel", "person", "lease", "review", "work", "onward",
    "walk", "intake", "dialogs", "merge", "bin", "people", "models", "keys", "start",
)  # fmt: skip
TEMPLATE = '<div class="gl"></div>'
"""Constant for ever: Gradio would write the element anew when the template's outcome changes, and with it all that stands in it."""


def script() -> str:
    """The screen's JavaScript as one function body, strict, in one scope of its own."""
    return '"use strict";\n' + "\n".join((FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


def style() -> str:
    """The screen's one style sheet."""
    return (FOLDER / "inspector.css").read_text("utf-8")


class Editor(gr.HTML):
    """The screen. `given` is what `actions.given` says; nothing comes back through Gradio, so its value is always None."""

    def __init__(self, given: dict[str, Any], *, elem_id: str = "inspector") -> None:
        self.given = given  # Gradio reads every parameter of the constructor back from the instance
        super().__init__(
            value=None,
            html_template=TEMPLATE,
            js_on_load=script(),
            apply_default_css=False,
            container=False,
            padding=False,
            elem_id=elem_id,
            given=given,
        )

    def preprocess(self, payload: object) -> str | None:
        """Whatever a client sends as this component's value is dropped: corrections come by the API, where they are checked."""
        return None
