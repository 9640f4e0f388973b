"""Today: what came in, what waits, which high risks nobody has judged yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from ui.dashboard.board import board, counted, dark, readable, whole, words
from ui.dashboard.cards import cards
from ui.dashboard.charts import CONFIG, Line, courses, look

SHOWN = 5  # open high risks
REFRESH_SECONDS = 30


@st.fragment(run_every=REFRESH_SECONDS)
def show() -> None:
    """The page. It follows the record by itself."""
    with readable():
        _show()


def _show() -> None:
    say, reports = words(), board().reports
    totals = reports.totals()
    if not totals["frames"]:
        st.title(say("dashboard.empty"))
        st.caption(say("dashboard.empty.todo"))
        return
    waiting, high = totals["waiting"], totals["waiting_by_level"]["high"]
    kind = "done" if not waiting else "high" if high else "calm"
    counts = {"waiting": whole(waiting), "high": whole(high), "frames": whole(totals["frames"])}
    lead = waiting or totals["frames"]
    st.title(counted(f"dashboard.today.answer.{kind}", lead, say, **counts))
    settled = totals["reviewed"] + totals["cannot_tell"]
    st.caption(say("dashboard.today.more", frames=whole(totals["frames"]), settled=whole(settled)) + " " + say("dashboard.today.utc"))
    days = reports.per_day()
    today = _today(days)
    figures = {"waiting": waiting, "high": high, "received": today["received"], "corrections": today["corrections"]}
    for place, (name, count) in zip(st.columns(4), figures.items(), strict=True):
        place.metric(say(f"dashboard.today.{name}"), whole(count), border=True)
    _courses(days)
    st.header(say("dashboard.today.open"))
    found = reports.queue(limit=SHOWN, filter="high")
    cards(found, say)
    if not found:
        st.caption(say("dashboard.today.open.none"))
    elif high > len(found):
        st.caption(say("dashboard.today.open.rest", n=whole(high - len(found))))


def _today(days: list[dict[str, Any]]) -> dict[str, Any]:
    now = datetime.now(UTC).date().isoformat()
    return next((line for line in days if line["day"] == now), {"received": 0, "corrections": 0})


def _courses(days: list[dict[str, Any]]) -> None:
    say, shades = words(), look(dark())
    dates = [line["day"] for line in days]
    flow = [
        Line(say("dashboard.today.line.received"), [line["received"] for line in days], shades.courses[0]),
        Line(say("dashboard.today.line.corrections"), [line["corrections"] for line in days], shades.courses[1]),
    ]
    backlog = [Line(say("dashboard.today.line.backlog"), [line["backlog"] for line in days], shades.courses[2], filled=True)]
    left, right = st.columns(2, gap="large")
    with left:
        st.header(say("dashboard.today.flow"))
        chart = courses(dates, flow, say("dashboard.today.per_day"), shades, say.language)
        st.plotly_chart(chart, theme=None, config=CONFIG, key="flow", alt=say("dashboard.today.flow"))
    with right:
        st.header(say("dashboard.today.backlog"))
        chart = courses(dates, backlog, say("dashboard.frames"), shades, say.language)
        st.plotly_chart(chart, theme=None, config=CONFIG, key="backlog", alt=say("dashboard.today.backlog"))


if __name__ == "__main__":  # Streamlit runs a page so
    show()
