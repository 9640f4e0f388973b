"""One frozen set: whether it still is what was frozen, what its parts show, what is on both sides of its split, and what another set has otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from annotations.freezing.comparing import Compared
from annotations.freezing.frozen import PARTS, Frozen, Part, Verified
from annotations.freezing.sets import Counted, Datasets, Leak
from ui.dashboard.balances import Row, balanced
from ui.dashboard.board import board, dark, level_word, literal, whole, words
from ui.dashboard.charts import CONFIG, look
from ui.dashboard.reached import linked
from ui.texts import Texts

KEPT_SECONDS = 60.0
_OUTSIDE = "not_applicable"


def show(sets: Datasets, known: Sequence[Frozen]) -> None:
    """The part of the page about the set that is chosen."""
    say = words()
    st.header(say("dashboard.set"))
    names = [each.name for each in known]
    name = st.selectbox(say("dashboard.set.chosen"), names, key="set_chosen", width=420)
    chosen = known[names.index(name)]
    counts, leaks, verified = _told(board().api, chosen.name, chosen.digest, sets)
    _verified(verified, say)
    _leaks(leaks, say)
    _balance(counts, say)
    others = [each for each in names if each != name]
    if others:
        other = st.selectbox(say("dashboard.set.other"), others, key="set_other", width=420)
        _compared(sets.compare(other, name), say)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=16, show_spinner=False)
def _told(where: str, name: str, digest: str, _sets: Datasets) -> tuple[Mapping[Part, Counted], tuple[Leak, ...], Verified]:
    return _sets.balance(name), _sets.leaks(name), _sets.verify(name)


def _verified(verified: Verified, say: Texts) -> None:
    if verified.sound:
        st.markdown(f":green-badge[✓ {say('dashboard.set.sound')}]")
    elif verified.erased:
        st.warning(say("dashboard.set.smaller", n=whole(verified.erased)))
    else:
        st.error(say("dashboard.set.changed"))


def _leaks(leaks: Sequence[Leak], say: Texts) -> None:
    if not leaks:
        st.markdown(f":green-badge[✓ {say('dashboard.set.no_leak')}]")
        return
    lines = []
    for leak in leaks:
        parts = say("dashboard.draws.between").join(say(f"dashboard.part.{part}") for part in leak.parts)
        sentence = say(f"dashboard.leak.{leak.kind.replace(' ', '_').replace('-', '_')}", n=whole(leak.count), parts=parts)
        lines.append(f"{sentence} {linked(leak.examples, say, most=6)}")
    st.warning("  \n".join(lines))


def _balance(counts: Mapping[Part, Counted], say: Texts) -> None:
    """Labels and levels by part. A part that lacks what another has is told in words too."""
    profile = board().profile
    titles = {part: say("dashboard.set.part", part=say(f"dashboard.part.{part}"), n=whole(counts[part].frames)) for part in PARTS}
    labels = [
        Row(term.name(say.language), tuple(counts[part].labels.get(term.key, 0) for part in PARTS))
        for term in profile.labels
        if any(counts[part].labels.get(term.key) for part in PARTS)
    ]
    levels = [*reversed(profile.levels), *([_OUTSIDE] if any(counts[part].risks.get(_OUTSIDE) for part in PARTS) else [])]
    risks = [Row(_level(level, say), tuple(counts[part].risks.get(level, 0) for part in PARTS)) for level in levels]
    sizes = tuple(counts[part].frames for part in PARTS)
    for key, rows in (("labels", labels), ("risks", risks)):
        if rows:
            st.subheader(say(f"dashboard.set.{key}"))
            chart = balanced(rows, list(titles.values()), sizes, say("dashboard.set.share"), look(dark()))
            st.plotly_chart(chart, theme=None, config=CONFIG, key=f"balance_{key}", alt=say(f"dashboard.set.{key}"))
    lacking = [row.name for row in (*labels, *risks) if row.counts[0] == 0 and any(row.counts)]
    if lacking:
        st.warning(say("dashboard.set.lacking", what=say("dashboard.draws.between").join(lacking)))


def _level(level: str, say: Texts) -> str:
    return say("dashboard.set.outside") if level == _OUTSIDE else level_word(level, say)


def _compared(compared: Compared, say: Texts) -> None:
    if compared.same:
        st.caption(say("dashboard.set.same", a=literal(compared.a), b=literal(compared.b)))
        return
    found = {
        "added": compared.added,
        "gone": compared.gone,
        "corrected": compared.corrected,
        "moved": tuple(each.frame_id for each in compared.moved),
    }
    for place, (name, frames) in zip(st.columns(4), found.items(), strict=True):
        place.metric(say(f"dashboard.set.{name}"), whole(len(frames)), border=True)
        if frames:
            place.caption(linked(frames, say, most=6))
