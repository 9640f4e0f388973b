"""Files for trainers and other tools: ask for an export, see how it goes, fetch it. The API writes it in the background."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from annotations.exporting import OPEN, Exports, Job
from annotations.formats import EXCHANGES, FORMATS, NAMES, PAIR_FORMATS, VERDICT_FORMATS
from core.geometry import FAMILIES
from ui.dashboard.asking import ask
from ui.dashboard.board import literal, visitor, whole, words
from ui.dashboard.reached import refused, site
from ui.dashboard.reasons import escaped
from ui.texts import Texts

USUAL_FAMILY = "qwen2.5-vl"
SHOWN = 8  # exports
REFRESH_SECONDS = 2


def show(sets: Sequence[str], ready: int, exports: Exports | None) -> None:
    """`sets`: names of frozen ones, the latest first; `ready`: frames that may teach now; `exports` None: how one goes is not known here."""
    say = words()
    st.header(say("dashboard.data.write"))
    st.markdown(say("dashboard.data.what"))
    _ask(sets, ready, say)
    if exports is None or not visitor().may("lead"):  # as the API: what was written out is for leads
        return
    if any(job.phase in OPEN for job in exports.every()[:SHOWN]):
        _following(exports)
    else:
        _listed(exports.every()[:SHOWN], say)


def _ask(sets: Sequence[str], ready: int, say: Texts) -> None:
    may = visitor().may("lead")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.selectbox(
            say("dashboard.data.which"),
            [*sets, None],
            key="export_set",
            format_func=lambda name: name or say("dashboard.data.all"),
            width=260,
        )
        families = list(FAMILIES)
        family = st.selectbox(say("dashboard.data.family"), families, index=families.index(USUAL_FAMILY), key="family", width=260)
        formats = st.multiselect(
            say("dashboard.data.formats"),
            NAMES,
            key="formats",
            format_func=lambda name: f"{name} · {say(f'dashboard.data.format.{_kind(name)}')}",
            placeholder=say("dashboard.data.formats.usual"),
            width=380,
        )
        pressed = st.button(
            say("dashboard.data.export"),
            type="primary",
            disabled=not (may and (ready or which)),
            key="write",
            help=None if may else say("dashboard.for_leads"),
        )
    if pressed:
        st.session_state["written"] = ask("exports", {"family": family, "formats": formats, "dataset": which})
    said = st.session_state.get("written")
    if said is not None and "id" in said:  # a job has a field "error" of its own, so that alone tells no refusal
        st.success(say("dashboard.data.asked", name=literal(said["id"])))
    elif said is not None:
        refused(said, say)


def _kind(name: str) -> str:
    """What a format is for."""
    known = {"examples": FORMATS, "preferences": PAIR_FORMATS, "verdicts": VERDICT_FORMATS, "tools": EXCHANGES}
    return next(kind for kind, names in known.items() if name in names)


@st.fragment(run_every=REFRESH_SECONDS)
def _following(exports: Exports) -> None:
    """The list while something is being written; it follows by itself, and ends with that."""
    jobs = exports.every()[:SHOWN]
    _listed(jobs, words())
    if not any(job.phase in OPEN for job in jobs):
        st.rerun()


def _listed(jobs: Sequence[Job], say: Texts) -> None:
    for job in jobs:
        with st.container(border=True, key=f"job_{job.id}", gap="xsmall"):
            _job(job, say)


def _job(job: Job, say: Texts) -> None:
    which = literal(job.wanted.dataset) if job.wanted.dataset else say("dashboard.data.all")
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(f"**{say(f'dashboard.export.{job.phase}')}** · {which} · {job.wanted.family} · {job.at[:16].replace('T', ' ')} UTC")
    if job.phase == "writing":
        left.progress(
            min(1.0, job.frames / job.of) if job.of else 0.0, say("dashboard.export.progress", n=whole(job.frames), of=whole(job.of))
        )
    elif job.phase == "done":
        left_out = sum(job.left_out.values())
        left.caption(say("dashboard.export.written", n=whole(job.written), files=len(job.files), left_out=whole(left_out)))
        right.markdown(f"[{say('dashboard.export.fetch')}]({site()}/api/v1/exports/{job.id}/file)")
    elif job.error:
        left.caption(escaped(job.error))
    left.caption(" · ".join(job.wanted.formats))
