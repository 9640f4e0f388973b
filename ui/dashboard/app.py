"""The dashboard's frame: pages, language, the way back to the inspector. Run by Streamlit at every visit and click; holds no figure itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.dashboard.board import board, choose_language, readable, visitor, words
from ui.texts import LANGUAGES, Texts

_HERE = Path(__file__).parent
_NAMES = {"en": "English", "zh": "中文"}


def main() -> None:
    """One run."""
    language = choose_language()
    say = words()
    st.set_page_config(page_title=say("dashboard.title"), page_icon="🔎", layout="wide", initial_sidebar_state="collapsed")
    st.html(_HERE / "dashboard.css")
    pages = [
        st.Page(_HERE / "today.py", title=say("dashboard.page.today"), url_path="today", default=True),
        st.Page(_HERE / "waiting.py", title=say("dashboard.page.queue"), url_path="queue"),
        st.Page(_HERE / "quality.py", title=say("dashboard.page.quality"), url_path="quality"),
        st.Page(_HERE / "sets.py", title=say("dashboard.page.data"), url_path="data"),
    ]
    if board().learning is not None:
        pages.append(st.Page(_HERE / "lessons.py", title=say("dashboard.page.training"), url_path="training"))
        pages.append(st.Page(_HERE / "adapters.py", title=say("dashboard.page.models"), url_path="models"))
        pages.append(st.Page(_HERE / "efficiency.py", title=say("dashboard.page.bought"), url_path="efficiency"))
    if visitor().may("lead"):
        pages.append(st.Page(_HERE / "team.py", title=say("dashboard.page.team"), url_path="people"))
        pages.append(st.Page(_HERE / "health.py", title=say("dashboard.page.health"), url_path="health"))
    page = st.navigation(pages, position="top")
    _strip(language, say)
    with readable():
        page.run()


def _strip(language: str, say: Texts) -> None:
    """What stands beside the pages' names: the way to the inspector, and the languages."""
    st.session_state["language_switch"] = language
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="strip"):
        # Not st.link_button: it opens another tab at every change between the two halves of the house. No data goes into this HTML;
        # head.js listens to the second.
        inspector = f'<a class="gl-link" target="_self" href="/?lang={language}">{say("dashboard.inspector")}</a>'
        theme = f'<a class="gl-link gl-theme" role="button" href="#theme" title="{say("dashboard.theme")}">◐</a>'
        st.html(inspector + theme, width="content")
        st.segmented_control(
            say("dashboard.language"),
            LANGUAGES,
            key="language_switch",
            format_func=lambda key: _NAMES[key],
            label_visibility="collapsed",
            on_change=_switched,
        )


def _switched() -> None:
    chosen = st.session_state.get("language_switch")
    if chosen in LANGUAGES:
        st.session_state["language"] = st.query_params["lang"] = chosen


if __name__ == "__main__":  # Streamlit runs a script so
    main()
