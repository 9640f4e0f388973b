"""People: how much was done, how much of it was right at the first look, how often two agree. By name, never by rank; for leads."""

from __future__ import annotations

from typing import Any

import streamlit as st

from annotations.reports import wilson
from ui.dashboard.board import board, literal, percent, whole, words
from ui.texts import Texts

LEAST = 20  # checked corrections, or pairs of opinions; below, no share is shown
ENTRIES = 50


def show() -> None:
    """The page."""
    say, reports = words(), board().reports
    lines = reports.people()
    checked, accepted = (sum(line[name] for line in lines) for name in ("checked", "accepted"))
    if checked >= LEAST:
        low, high = wilson(accepted, checked)
        shares = {"share": percent(accepted / checked, say), "low": f"{100 * low:.0f}", "high": percent(high, say)}
        st.title(say("dashboard.team.answer", n=whole(checked), **shares))
    else:
        st.title(say("dashboard.team.answer.few", n=whole(checked), missing=whole(LEAST - checked)))
    st.caption(say("dashboard.team.how"))
    if lines:
        st.header(say("dashboard.team.work"))
        st.table([_line(line, say) for line in lines])
    _trail(lines, say)


def _line(line: dict[str, Any], say: Texts) -> dict[str, str]:
    pace = f"{line['active_seconds'] / line['corrections']:.0f}" if line["corrections"] else "–"
    told = {
        "name": literal(line["name"]),
        "corrections": whole(line["corrections"]),
        "frames": whole(line["frames"]),
        "hours": f"{line['active_seconds'] / 3600:.1f}",
        "pace": say("dashboard.team.seconds", n=pace),
        "accepted": _share(line["accepted"], line["checked"], say),
        "alike": _share(line["alike"], line["compared"], say),
    }
    return {say(f"dashboard.team.{name}"): value for name, value in told.items()}


def _share(right: int, n: int, say: Texts) -> str:
    """A share with its interval; with too few, how many are missing."""
    if n < LEAST:
        return say("dashboard.team.few", n=whole(n), missing=whole(LEAST - n))
    low, high = wilson(right, n)
    return say("dashboard.team.share", share=percent(right / n, say), low=f"{100 * low:.0f}", high=percent(high, say), n=whole(n))


def _trail(lines: list[dict[str, Any]], say: Texts) -> None:
    st.header(say("dashboard.team.trail"))
    names = [None, *(line["name"] for line in lines)]
    who = st.selectbox(
        say("dashboard.team.who"), names, key="trail_who", format_func=lambda name: name or say("dashboard.team.all"), width=320
    )
    found = board().reports.audit(ENTRIES, who)
    if not found:
        st.caption(say("dashboard.team.trail.none"))
        return
    st.table([_entry(entry, say) for entry in found])


def _entry(entry: dict[str, Any], say: Texts) -> dict[str, str]:
    action = f"dashboard.did.{entry['action']}"
    told = {
        "at": f"{entry['at']:%Y-%m-%d %H:%M:%S}",
        "name": literal(entry["who"]) if entry["who"] else "–",
        "did": say(action) if action in say.words else literal(entry["action"]),
        "about": literal((entry["frame"] or "")[:12] or entry["subject"] or "–"),
    }
    return {say(f"dashboard.team.{name}"): value for name, value in told.items()}


if __name__ == "__main__":  # Streamlit runs a page so
    show()
