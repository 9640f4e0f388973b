"""Data: what can be trained on now, sets that were frozen of it, and files for trainers. The page itself writes nothing: it asks the API."""

from __future__ import annotations

import streamlit as st

from annotations.freezing.frozen import PARTS, Frozen
from annotations.freezing.making import TOGETHER
from annotations.freezing.sets import SHARES, Datasets
from annotations.learning.lessons import Lessons, MayTeach
from ui.dashboard import further, one_set, pairs, written
from ui.dashboard.asking import ask
from ui.dashboard.board import board, counted, literal, visitor, whole, words
from ui.dashboard.reached import refused
from ui.texts import Texts

LEAST = 300  # reviewed frames; below, training rather harms
KEPT_SECONDS = 60.0
LOOKED_THROUGH = 50_000
"""Frames of sets whose digests are taken anew for the table; of sets beyond, only of the one that is chosen."""


def show() -> None:
    """The page."""
    say, learning = words(), board().learning
    lessons = learning.lessons if learning is not None else None
    ready = _now(lessons, say)
    known: tuple[Frozen, ...] = ()
    if learning is not None:
        known = _sets(learning.sets, ready, say)
        if known:
            one_set.show(learning.sets, known)
    written.show([each.name for each in known], ready, None if learning is None else learning.exports)
    if lessons is not None and ready:
        pairs.show(lessons)
        with st.expander(say("dashboard.further"), key="further_open", on_change="rerun") as more:
            if more.open:
                further.show(lessons)


def reason_word(reason: str, say: Texts) -> str:
    """Why a frame was left out, in words."""
    key = f"dashboard.data.reason.{reason.replace(' ', '_')}"
    return say(key) if key in say.words else reason


@st.cache_data(ttl=KEPT_SECONDS, max_entries=8, show_spinner=False)
def _may_teach(where: str, stamp: tuple[int, ...], _lessons: Lessons) -> MayTeach:
    return _lessons.may_teach()


def _now(lessons: Lessons | None, say: Texts) -> int:
    """The answer, and why other frames may not teach. How many may."""
    totals = board().reports.totals()
    stamp = (totals["frames"], totals["corrections"], totals["reviewed"])
    teach = None if lessons is None else _may_teach(lessons.where, stamp, lessons)
    ready: int = totals["reviewed"] if teach is None else teach.frames
    st.title(counted("dashboard.data.answer", ready, say, n=whole(ready)) if ready else say("dashboard.data.answer.none"))
    enough = ready >= LEAST
    st.caption(say("dashboard.data.enough" if enough else "dashboard.data.few", least=LEAST, missing=whole(max(0, LEAST - ready))))
    figures = {"reviewed": totals["reviewed"], "cannot_tell": totals["cannot_tell"], "unjudged": totals["waiting"]}
    for place, (name, count) in zip(st.columns(3), figures.items(), strict=True):
        place.metric(say(f"dashboard.data.{name}"), whole(count), border=True)
    if teach is not None and teach.left_out:
        with st.expander(say("dashboard.data.left_out.now", n=whole(sum(teach.left_out.values())))):
            left_out = [{"reason": reason_word(reason, say), "n": whole(n)} for reason, n in teach.left_out.items()]
            st.table([{say("dashboard.data.reason"): row["reason"], say("dashboard.data.frames"): row["n"]} for row in left_out])
    return ready


def _sets(sets: Datasets, ready: int, say: Texts) -> tuple[Frozen, ...]:
    """Freeze one, and all there are."""
    st.header(say("dashboard.sets"))
    st.caption(say("dashboard.sets.what"))
    with st.expander(say("dashboard.sets.freeze")):
        _freeze(ready, say)
    said = st.session_state.get("frozen")
    if said is not None and not refused(said, say):
        parts = {part: whole(said["parts"].get(part, 0)) for part in PARTS}
        st.success(say("dashboard.sets.frozen", name=literal(said["name"]), n=whole(said["frames"]), **parts))
    known = sets.all()
    if not known:
        st.caption(say("dashboard.sets.none"))
        return known
    through = 0
    lines = []
    for each in known:
        through += each.frames
        lines.append(_row(each, sets if through <= LOOKED_THROUGH else None, say))
    st.table(lines)
    return known


def _freeze(ready: int, say: Texts) -> None:
    may = visitor().may("lead")
    with st.form("freeze", border=False):
        left, right = st.columns([2, 3])
        name = left.text_input(say("dashboard.sets.name"), key="set_name", max_chars=64, placeholder=say("dashboard.sets.name.like"))
        note = right.text_input(say("dashboard.sets.note"), key="set_note", max_chars=400)
        places = st.columns(4)
        shares = {
            part: place.number_input(
                say("dashboard.sets.share", part=say(f"dashboard.part.{part}")), 0, 100, round(100 * SHARES[part]), key=f"share_{part}"
            )
            for part, place in zip(PARTS, places, strict=False)
        }
        by_what = places[3].selectbox(
            say("dashboard.sets.by_what"), list(TOGETHER), key="by_what", format_func=lambda each: say(f"dashboard.sets.by_what.{each}")
        )
        st.caption(say("dashboard.sets.keep"))
        pressed = st.form_submit_button(
            say("dashboard.sets.freeze.now"),
            disabled=not (may and ready),
            key="freeze_now",
            help=None if may else say("dashboard.for_leads"),
        )
    if pressed:
        body = {"name": name.strip(), "note": note, "shares": {part: share / 100 for part, share in shares.items()}, "by_what": by_what}
        with st.spinner(say("dashboard.sets.freezing")):
            st.session_state["frozen"] = ask("datasets", body)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=64, show_spinner=False)
def _state(where: str, name: str, digest: str, _sets: Datasets) -> str:
    verified = _sets.verify(name)
    return "sound" if verified.sound else "smaller" if verified.erased else "changed"


def _row(each: Frozen, sets: Datasets | None, say: Texts) -> dict[str, str]:
    state = "later" if sets is None else _state(board().api, each.name, each.digest, sets)
    parts = " / ".join(whole(each.parts.get(part, 0)) for part in PARTS)
    named = {
        "name": literal(each.name),
        "frames": whole(each.frames),
        "parts": parts,
        "by": literal(each.by),
        "at": f"{each.at:%Y-%m-%d %H:%M}",
        "note": literal(each.note) if each.note else "–",
        "state": say(f"dashboard.sets.state.{state}"),
    }
    return {say(f"dashboard.sets.column.{name}"): value for name, value in named.items()}


if __name__ == "__main__":  # Streamlit runs a page so
    show()
