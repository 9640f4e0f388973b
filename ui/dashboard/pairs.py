"""How many preference pairs the corrections give, by what was put right, and why other frames give none. It makes no file."""

from __future__ import annotations

import streamlit as st

from annotations.learning.lessons import Lessons, Pairs
from ui.dashboard.balances import Row, balanced
from ui.dashboard.board import board, dark, whole, words
from ui.dashboard.charts import CONFIG, look
from ui.dashboard.written import USUAL_FAMILY
from ui.texts import Texts

AT_ONCE = 2_000  # corrected frames; more are gone through only when somebody asks
KEPT_SECONDS = 3600.0


@st.cache_data(ttl=KEPT_SECONDS, max_entries=8, show_spinner=False)
def _pairs(where: str, stamp: tuple[int, ...], family: str, _lessons: Lessons) -> Pairs:
    return _lessons.pairs(family)


def show(lessons: Lessons) -> None:
    """The part of the page."""
    say, totals = words(), board().reports.totals()
    st.header(say("dashboard.pairs"))
    st.caption(say("dashboard.pairs.what"))
    stamp = (totals["corrections"], totals["assessed"])
    if totals["reviewed"] > AT_ONCE and st.session_state.get("pairs_of") != stamp:
        if not st.button(say("dashboard.pairs.count", n=whole(totals["reviewed"])), key="count_pairs"):
            return
        st.session_state["pairs_of"] = stamp
    with st.spinner(say("dashboard.pairs.counting")):
        found = _pairs(lessons.where, stamp, USUAL_FAMILY, lessons)
    if not found.n:
        st.caption(say("dashboard.pairs.no"))
    else:
        order = sorted(found.kinds, key=lambda kind: -found.kinds[kind])
        rows = [Row(say(f"dashboard.edit.{kind.replace(' ', '_')}"), (found.kinds[kind],)) for kind in order]
        chart = balanced(rows, [say("dashboard.pairs.n", n=whole(found.n))], (found.n,), say("dashboard.pairs.share"), look(dark()))
        st.plotly_chart(chart, theme=None, config=CONFIG, key="pairs", alt=say("dashboard.pairs"))
    if found.none:
        with st.expander(say("dashboard.pairs.none", n=whole(sum(found.none.values())))):
            st.table(
                [{say("dashboard.data.reason"): _why(why, say), say("dashboard.data.frames"): whole(n)} for why, n in found.none.items()]
            )


def _why(reason: str, say: Texts) -> str:
    keys = (f"dashboard.pairs.reason.{reason.replace(' ', '_')}", f"dashboard.data.reason.{reason.replace(' ', '_')}")
    return next((say(key) for key in keys if key in say.words), reason)
