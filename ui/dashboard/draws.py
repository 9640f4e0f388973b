"""The part of the Queue page about draws: let frames be drawn, see what was drawn and why each frame, and what each policy brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from annotations.learning.lessons import ENOUGH, Lessons, Picked
from annotations.picking.drawn import Drawn, Picking, Shown
from annotations.reports import wilson
from ui.dashboard.asking import ask
from ui.dashboard.board import board, dark, level_word, literal, percent, visitor, whole, words
from ui.dashboard.charts import CONFIG, Rate, look, rates
from ui.dashboard.reached import opened, refused, thumbnail
from ui.dashboard.whys import mixed, reasons
from ui.texts import Texts

USUAL_BUDGET, MOST = 40, 10_000
PAGE = 15  # tasks
WIDTH = 188  # pixels of a card's inside, as everywhere
WRONG = "wrong"
KEPT_SECONDS = 60.0


def show(picking: Picking) -> None:
    """The part. A draw is asked for before the list is read, so that it is in it."""
    say = words()
    st.header(say("dashboard.draws"))
    _ask(picking, say)
    drawn = picking.draws()
    if not drawn:
        st.caption(say("dashboard.draws.none"))
        return
    st.table([_row(each, say) for each in drawn])
    _tasks(picking, drawn, say)
    learning = board().learning
    if learning is not None and learning.lessons is not None:
        _brought(learning.lessons, drawn, say)


def policy_word(name: str, say: Texts) -> str:
    """A policy in the visitor's language; one of the site's own keeps its name."""
    key = f"dashboard.policy.{name.replace(' ', '_')}"
    return say(key) if key in say.words else name


def _ask(picking: Picking, say: Texts) -> None:
    may = visitor().may("lead")
    policies: Mapping[str, Mapping[str, float]] = picking.policies
    order = sorted(policies, key=lambda name: name != "usual")  # the usual one first
    with st.container(horizontal=True, vertical_alignment="bottom"):
        policy = st.selectbox(
            say("dashboard.draws.policy"), order, key="draw_policy", format_func=lambda name: policy_word(name, say), width=260
        )
        budget = st.number_input(say("dashboard.draws.budget"), 1, MOST, USUAL_BUDGET, key="draw_budget", width=160)
        pressed = st.button(
            say("dashboard.draws.draw"), type="primary", disabled=not may, key="draw", help=None if may else say("dashboard.for_leads")
        )
    st.caption(say("dashboard.draws.mix", mix=mixed(policies[policy], say)))
    if pressed:
        with st.spinner(say("dashboard.draws.drawing")):
            st.session_state["drawn"] = ask("draws", {"budget": int(budget), "policy": policy})
    said = st.session_state.get("drawn")
    if said is not None and not refused(said, say):
        pool, tasks = whole(said["pool"]), whole(said["tasks"])
        st.success(say("dashboard.draws.made", number=said["number"], tasks=tasks, pool=pool))


def _row(each: Drawn, say: Texts) -> dict[str, str]:
    named = {
        "number": str(each.number),
        "by_policy": policy_word(each.policy, say),
        "by": literal(each.by),
        "at": f"{each.at:%Y-%m-%d %H:%M}",
        "pool": whole(each.pool),
        "tasks": whole(each.tasks),
        "done": whole(each.done),
    }
    return {say(f"dashboard.draws.column.{name}"): value for name, value in named.items()}


def _tasks(picking: Picking, drawn: Sequence[Drawn], say: Texts) -> None:
    numbers = [each.number for each in drawn]
    by_number = {each.number: each for each in drawn}
    number = st.selectbox(
        say("dashboard.draws.chosen"),
        numbers,
        key="draw_chosen",
        width=420,
        format_func=lambda n: say(
            "dashboard.draws.one", number=n, policy=policy_word(by_number[n].policy, say), n=whole(by_number[n].tasks)
        ),
    )
    pages = st.session_state.get(f"draw_pages_{number}", 1)
    found = picking.tasks(number, limit=PAGE * pages)
    with st.container(horizontal=True, gap="small"):
        for task in found:
            with st.container(border=True, width=WIDTH + 26, gap="xsmall", key=f"card_task_{task.number}"):
                _card(task, say)
    total = by_number[number].tasks
    st.caption(say("dashboard.queue.shown", shown=whole(len(found)), n=whole(total)))
    if len(found) < total:
        st.button(say("dashboard.queue.more"), key="more_tasks", on_click=_more, args=(number,))


def _card(task: Shown, say: Texts) -> None:
    st.image(thumbnail(task.frame_id), link=opened(task.frame_id, say), alt=f"{say('dashboard.open')}: {task.name}", width=WIDTH)
    badges = [f":gray-badge[{say(f'dashboard.draws.kind.{task.kind}')}]"] if task.kind != "plain" else []
    badges += [f":green-badge[✓ {say('dashboard.draws.is_done')}]"] if task.done else []
    if badges:
        st.markdown(" ".join(badges))
    # of one that is to be judged unaided, what was measured would tell what the machine thinks
    why = [say("dashboard.draws.kept_back")] if task.sampler is None else reasons(task.sampler, task.why, say)
    st.markdown("  \n".join(f":small[{each}]" for each in why))
    chance = "" if task.inclusion is None else f"{say('dashboard.draws.inclusion', p=_chance(task.inclusion))}  \n"
    st.caption(f"{chance}{literal(task.name)}")


def _chance(inclusion: float) -> str:
    """A probability in as many digits as it takes.

    >>> _chance(0.25), _chance(0.00012)
    ('0.25', '0.00012')
    """
    return f"{inclusion:.2g}"


def _more(number: int) -> None:
    st.session_state[f"draw_pages_{number}"] = st.session_state.get(f"draw_pages_{number}", 1) + 1


@st.cache_data(ttl=KEPT_SECONDS, max_entries=8, show_spinner=False)
def _picked(where: str, stamp: tuple[int, ...], _lessons: Lessons) -> tuple[Picked, ...]:
    return _lessons.picked()


def _brought(lessons: Lessons, drawn: Sequence[Drawn], say: Texts) -> None:
    """What each policy drew, as people found it: the machine was wrong, or the risk was so high."""
    stamp = (board().reports.totals()["corrections"], drawn[0].number)
    picked = _picked(lessons.where, stamp, lessons)
    st.header(say("dashboard.picked"))
    what = st.segmented_control(
        say("dashboard.picked"),
        [WRONG, *reversed(board().profile.levels)],
        default=WRONG,
        required=True,
        key="picked_what",
        format_func=lambda key: say("dashboard.picked.wrong") if key == WRONG else level_word(key, say),
        label_visibility="collapsed",
    )
    rows = [_rate(each, what, say) for each in picked]
    st.caption(say("dashboard.picked.how.wrong" if what == WRONG else "dashboard.picked.how.level", least=ENOUGH))
    chart = rates(rows, say("dashboard.picked.share"), [_word(row, say) for row in rows], look(dark()))
    st.plotly_chart(chart, theme=None, config=CONFIG, key="picked", alt=say("dashboard.picked"))


def _rate(each: Picked, what: str, say: Texts) -> Rate:
    n, hits = (each.compared, each.wrong) if what == WRONG else (each.reviewed, each.levels.get(what, 0))
    low, high = wilson(hits, n) if n else (0.0, 1.0)
    return Rate(policy_word(each.policy, say), hits / n if n else 0.0, low, high, n, n >= ENOUGH)


def _word(row: Rate, say: Texts) -> str:
    if not row.enough:
        return say("dashboard.picked.few", n=row.n, least=ENOUGH)
    values: dict[str, Any] = {"share": percent(row.share, say), "low": f"{100 * row.low:.0f}", "high": percent(row.high, say)}
    return say("dashboard.quality.row", n=whole(row.n), **values)
