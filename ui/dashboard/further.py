"""Further frames, looked at before a training makes them: a frame that may teach beside what a change would make of it, with its boxes. It writes nothing."""

from __future__ import annotations

from html import escape

import streamlit as st

from annotations.learning.lessons import Lessons
from annotations.previewing import CHANGES, USUAL, Preview
from core.errors import AppError
from ui.dashboard.board import board, visitor, words
from ui.dashboard.reached import opened
from ui.dashboard.reasons import escaped
from ui.marks import colour
from ui.texts import Texts

MIXED = "usual"
KEPT_SECONDS = 300.0


def show(lessons: Lessons) -> None:
    """The preview."""
    say = words()
    st.caption(say("dashboard.further.what"))
    frames = dict(lessons.teachable())
    if not frames:
        st.caption(say("dashboard.further.none"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        frame_id = st.selectbox(
            say("dashboard.further.frame"),
            list(frames),
            key="further_frame",
            format_func=lambda each: f"{frames[each]} · {each[:8]}",
            width=360,
        )
        change = st.selectbox(
            say("dashboard.further.change"),
            [MIXED, *CHANGES],
            key="further_change",
            format_func=lambda name: say(f"dashboard.change.{name}"),
            width=300,
        )
        seed = st.number_input(
            say("dashboard.further.seed"), 0, 9_999, 0, key="further_seed", width=150, help=say("dashboard.further.seed.what")
        )
    covered = not visitor().may(lessons.see_faces)
    try:
        made = _preview(lessons.where, frame_id, change, int(seed), covered, board().reports.totals()["corrections"], lessons)
    except AppError as error:
        st.error(escaped(str(error)))
        return
    _beside(made, frame_id, say)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=24, show_spinner=False)
def _preview(where: str, frame_id: str, change: str, seed: int, covered: bool, corrections: int, _lessons: Lessons) -> Preview:
    profile = board().profile
    changes = USUAL if change == MIXED else (change,)
    return _lessons.preview(frame_id, changes, seed, lambda label: colour(profile, label), covered=covered)


def _beside(made: Preview, frame_id: str, say: Texts) -> None:
    with st.container(key="further"):
        left, right = st.columns(2, gap="medium")
    left.subheader(say("dashboard.further.before"))
    left.image(made.before, link=opened(frame_id, say), alt=say("dashboard.further.before"), width="stretch")
    right.subheader(say("dashboard.further.after"))
    if made.after is None:
        right.warning(say("dashboard.further.not_made"))
    else:
        done = say("dashboard.draws.between").join(say(f"dashboard.change.{name}") for name in made.changes)
        right.image(made.after, alt=f"{say('dashboard.further.after')}: {done}", width="stretch")
        right.caption(say("dashboard.further.made", changes=done))
    terms = {term.key: term.name(say.language) for term in board().profile.labels}
    chips = [
        f'<span><span style="color:{colour(board().profile, label)}">■</span> {escape(terms.get(label, label))}</span>'
        for label in made.labels
    ]
    left.html('<div style="display:flex;gap:1rem;flex-wrap:wrap">' + "".join(chips) + "</div>")
