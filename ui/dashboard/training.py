"""Data: what can be trained on, and the button that has it written. The page itself writes nothing: it asks the API."""

from __future__ import annotations

from typing import Any

import httpx
import streamlit as st

from core.geometry import FAMILIES
from ui.dashboard.board import board, counted, literal, visitor, whole, words
from ui.texts import Texts

LEAST = 300  # reviewed frames; below, training rather harms
USUAL_FAMILY = "qwen2.5-vl"
PATIENCE_SECONDS = 600.0


def show() -> None:
    """The page."""
    say = words()
    totals = board().reports.totals()
    reviewed = totals["reviewed"]
    st.title(counted("dashboard.data.answer", reviewed, say, n=whole(reviewed)) if reviewed else say("dashboard.data.answer.none"))
    enough = reviewed >= LEAST
    st.caption(say("dashboard.data.enough" if enough else "dashboard.data.few", least=LEAST, missing=whole(max(0, LEAST - reviewed))))
    figures = {"reviewed": reviewed, "cannot_tell": totals["cannot_tell"], "unjudged": totals["waiting"]}
    for place, (name, count) in zip(st.columns(3), figures.items(), strict=True):
        place.metric(say(f"dashboard.data.{name}"), whole(count), border=True)
    st.header(say("dashboard.data.write"))
    st.markdown(say("dashboard.data.what"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        families = list(FAMILIES)
        family = st.selectbox(say("dashboard.data.family"), families, index=families.index(USUAL_FAMILY), key="family", width=320)
        pressed = st.button(say("dashboard.data.write"), type="primary", disabled=not (reviewed and visitor().may("lead")), key="write")
    if pressed:
        with st.spinner(say("dashboard.data.writing")):
            st.session_state["written"] = ask(board().api, family, st.context.headers.get("Cookie", ""))
    if "written" in st.session_state:
        _outcome(st.session_state["written"], say)


def ask(api: str, family: str, cookie: str = "", transport: httpx.BaseTransport | None = None) -> dict[str, Any]:
    """Have the API write a training file, for who looks (`cookie`). The report, or {"error": sentence}; an empty sentence when nobody answered."""
    try:
        with httpx.Client(transport=transport, timeout=PATIENCE_SECONDS, trust_env=False) as client:
            said = client.post(f"{api}/api/v1/exports/sft", json={"family": family}, headers={"Cookie": cookie} if cookie else {}).json()
    except (httpx.HTTPError, ValueError):
        return {"error": ""}
    return said if isinstance(said, dict) else {"error": ""}


def _outcome(said: dict[str, Any], say: Texts) -> None:
    if "error" in said:
        st.error(say("dashboard.data.refused", why=literal(said["error"])) if said["error"] else say("dashboard.data.unreachable"))
        return
    st.success(say("dashboard.data.written", n=whole(said["written"]), folder=literal(said["folder"])))
    left, right = st.columns(2, gap="large")
    with left:
        st.header(say("dashboard.data.files"))
        st.table([{say("dashboard.data.file"): literal(str(name))} for name in said["files"]])
    with right:
        st.header(say("dashboard.data.left_out"))
        left_out = {reason: n for reason, n in said["left_out"].items() if n}
        if not left_out:
            st.caption(say("dashboard.data.left_out.none"))
            return
        st.table([{say("dashboard.data.reason"): _reason(reason, say), say("dashboard.data.frames"): n} for reason, n in left_out.items()])


def _reason(reason: str, say: Texts) -> str:
    key = f"dashboard.data.reason.{reason.replace(' ', '_')}"
    return say(key) if key in say.words else reason


if __name__ == "__main__":  # Streamlit runs a page so
    show()
