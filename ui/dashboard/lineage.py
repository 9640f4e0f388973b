"""Who taught an adapter, and what became of a correction: both ways through what was learned. People's names are for leads. It reads only."""

from __future__ import annotations

import re
from collections.abc import Mapping

import streamlit as st

from annotations.learning.adapters import Adapters, Eaten, Lineage
from annotations.learning.lineage import Eater, Taught
from core.errors import NotFound
from ui.dashboard.board import literal, percent, visitor, whole
from ui.dashboard.reasons import escaped
from ui.texts import Texts

_FRAME = re.compile(r"[0-9a-f]{64}")


def show(adapters: Adapters, name: str, say: Texts) -> None:
    """Of one adapter: the sets that taught it, and, for leads, whose corrections; below it the question about one correction."""
    found = adapters.lineage_of_adapter(name)
    if not found.datasets:
        st.markdown(say("dashboard.lineage.elsewhere", name=escaped(name)))
    else:
        st.markdown(say("dashboard.lineage.answer", name=escaped(name), n=whole(found.corrections), sets=whole(len(found.datasets))))
        st.table([_set(each, say) for each in found.datasets])
    if not visitor().may("lead"):
        st.caption(say("dashboard.lineage.leads"))
        return
    if found.authors:
        _people(found, say)
    st.subheader(say("dashboard.lineage.ask"))
    _question(adapters, say)


def _set(taught: Taught, say: Texts) -> dict[str, str]:
    told = {
        "set": literal(taught.name),
        "parts": _parts(taught.parts, say),
        "through": literal(taught.adapter),
        "by": literal(taught.by),
        "at": f"{taught.at:%Y-%m-%d %H:%M}",
        "digest": literal(taught.digest[:12]),
    }
    return {say(f"dashboard.lineage.column.{key}"): value for key, value in told.items()}


def _parts(parts: Mapping[str, int], say: Texts) -> str:
    return " · ".join(f"{say(f'dashboard.lineage.part.{part}')} {whole(n)}" for part, n in parts.items() if n)


def _people(found: Lineage, say: Texts) -> None:
    """By how much each taught, which depends on what they were given: no ranking of people."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.markdown(f"**{say('dashboard.lineage.authors')}**")
        most = sorted(found.authors.items())
        told = [(literal(who), whole(n), percent(n / max(1, found.corrections), say)) for who, n in most]
        st.table([dict(zip((say(f"dashboard.lineage.column.{key}") for key in ("who", "n", "share")), row, strict=True)) for row in told])
    with right:
        st.markdown(f"**{say('dashboard.lineage.sources', n=whole(len(found.sources)), of=whole(found.corrections))}**")
        with st.container(height=260, border=False):
            lines = [(each.frame_id, each.revision, each.author, each.part) for each in found.sources]
            heads = [say(f"dashboard.lineage.column.{key}") for key in ("frame", "revision", "who", "part")]
            st.table(
                [
                    dict(zip(heads, (literal(frame[:12]), whole(n), literal(who), say(f"dashboard.lineage.part.{part}")), strict=True))
                    for frame, n, who, part in lines
                ]
            )


def _question(adapters: Adapters, say: Texts) -> None:
    """Which sets and adapters a correction went into."""
    with st.form("eaten", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        frame = st.text_input(say("dashboard.lineage.frame"), key="eaten_frame", placeholder=say("dashboard.lineage.frame.how"))
        revision = st.number_input(say("dashboard.lineage.column.revision"), min_value=1, value=1, step=1, key="eaten_revision", width=140)
        st.form_submit_button(say("dashboard.lineage.look"), key="eaten_look")
    if not frame.strip():
        return
    known = _FRAME.search(frame)
    if known is None:
        st.error(say("dashboard.lineage.no_frame"))
        return
    try:
        found = adapters.adapters_of_revision(known.group(), int(revision or 1))
    except NotFound:
        st.error(say("dashboard.lineage.unknown", frame=literal(known.group()[:12]), revision=whole(int(revision or 1))))
        return
    _eaten(found, say)


def _eaten(found: Eaten, say: Texts) -> None:
    """The answer: first whether what speaks now learned from it."""
    told = {"author": literal(found.author), "at": f"{found.at:%Y-%m-%d %H:%M}"}
    if found.live:
        st.warning(say("dashboard.lineage.live", **told))
    elif found.adapters:
        st.info(say("dashboard.lineage.not_live", **told))
    else:
        st.info(say("dashboard.lineage.nobody", **told))
    if found.datasets:
        sets = [f"{literal(name)} ({say(f'dashboard.lineage.part.{part}')})" for name, part in found.datasets.items()]
        st.markdown(say("dashboard.lineage.sets", sets=" · ".join(sets)))
    if found.adapters:
        st.table([_eater(each, say) for each in found.adapters])


def _eater(eater: Eater, say: Texts) -> dict[str, str]:
    told = {
        "adapter": (f"{literal(eater.name)} :blue-badge[● {say('dashboard.models.live')}]" if eater.live else literal(eater.name)),
        "did": say("dashboard.lineage.judged" if eater.part == "test" else "dashboard.lineage.learned"),
        "set": literal(eater.dataset),
        "through": literal(eater.through),
    }
    return {say(f"dashboard.lineage.column.{key}"): value for key, value in told.items()}
