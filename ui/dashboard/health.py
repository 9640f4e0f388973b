"""Health: is the record safe tonight? Disk, backups, audit; what is not well comes first and says what to do. For leads."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.dashboard.board import board, literal, whole, words

LITTLE = 2 * 2**30  # bytes free; below, it is said
OLD = 26 * 3600  # seconds; a nightly backup that did not run is older
MIB = 2**20


def show() -> None:
    """The page."""
    say = words()
    found = board().reports.health()
    wrong = faults(found)
    st.title(say(f"dashboard.health.answer.{wrong[0]}") if wrong else say("dashboard.health.answer.well"))
    for name in wrong:
        st.warning(say(f"dashboard.health.do.{name}"))
    age = found["backup_age_seconds"]
    figures = {
        "free": say("dashboard.health.gib", n=f"{found['free_bytes'] / 2**30:.1f}"),
        "backup": say("dashboard.health.never") if age is None else say("dashboard.health.hours", n=f"{age / 3600:.0f}"),
        "record": say("dashboard.health.mib", n=f"{(found['record_bytes'] + found['log_bytes']) / MIB:.1f}"),
        "audit": whole(found["audit_entries"]),
    }
    for place, (name, value) in zip(st.columns(4), figures.items(), strict=True):
        place.metric(say(f"dashboard.health.{name}"), value, border=True)
    st.header(say("dashboard.health.proof"))
    st.markdown(say("dashboard.health.proof.how"))
    st.code(f"{found['audit_entries']} {found['audit_chain']}", language=None)
    st.caption(say("dashboard.health.more", sqlite=literal(found["sqlite"]), backups=whole(found["backups"])))


def faults(found: dict[str, Any]) -> list[str]:
    """What is not well, the worst first: "disk", "backup", "never"."""
    age = found["backup_age_seconds"]
    wrong = ["disk"] if found["free_bytes"] < LITTLE else []
    if age is None:
        return [*wrong, "never"]
    return [*wrong, "backup"] if age > OLD else wrong


if __name__ == "__main__":  # Streamlit runs a page so
    show()
