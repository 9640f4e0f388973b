"""Queue: which frames a person should judge next, and why these."""

from __future__ import annotations

import streamlit as st

from ui.dashboard import draws
from ui.dashboard.board import board, counted, whole, words
from ui.dashboard.cards import cards

FILTERS = ("waiting", "high", "undetermined", "cannot_tell")
PAGE = 15  # cards; three full lines on a wide screen, five on a tablet


def show() -> None:
    """The page: who is next by the queue's own order, then what was drawn."""
    _waiting()
    learning = board().learning
    if learning is not None:
        draws.show(learning.picking)


def _waiting() -> None:
    say, reports = words(), board().reports
    totals = reports.totals()
    counts = {
        "waiting": totals["waiting"],
        "high": totals["waiting_by_level"]["high"],
        "undetermined": totals["waiting_by_level"][None],
        "cannot_tell": totals["cannot_tell"],
    }
    waiting = counts["waiting"]
    st.title(counted("dashboard.queue.answer", waiting, say, n=whole(waiting)) if waiting else say("dashboard.queue.answer.none"))
    st.caption(say("dashboard.queue.why"))
    chosen = st.segmented_control(
        say("dashboard.queue.filter"),
        FILTERS,
        default="waiting",
        required=True,
        key="queue_filter",
        format_func=lambda key: f"{say(f'dashboard.queue.filter.{key}')} {whole(counts[key])}",
        label_visibility="collapsed",
    )
    total = counts[chosen]
    shown = min(total, PAGE * (1 + st.session_state.get(f"pages_{chosen}", 0)))
    if not total:
        st.caption(say("dashboard.queue.answer.none"))
        return
    cards(reports.queue(limit=shown, filter=chosen), say)
    st.caption(say("dashboard.queue.shown", shown=whole(shown), n=whole(total)))
    if shown < total:
        st.button(say("dashboard.queue.more"), on_click=_more, args=(chosen,))


def _more(chosen: str) -> None:
    st.session_state[f"pages_{chosen}"] = st.session_state.get(f"pages_{chosen}", 0) + 1


if __name__ == "__main__":  # Streamlit runs a page so
    show()
