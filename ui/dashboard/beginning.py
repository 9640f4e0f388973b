"""The form that begins a training: which set, which way, which model, what is to get better. What is left empty is as usual. It asks the API."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.dashboard.asking import ask
from ui.dashboard.board import Learning, visitor
from ui.dashboard.reasons import metric_word
from ui.texts import Texts

METHODS = ("sft", "dpo", "kto", "grpo")
METRICS = (
    "field_f1", "field_accuracy", "joint", "box_f1", "violation_f1", "high_recall", "risk_cost", "risk_kappa", "tool_f1", "part_f1", "action_f1",
    "phase_f1", "risk_f1",
)  # fmt: skip
"""Of those that a gate may be told (`core.evaluation.metrics.NAMES`) the ones that people mean; the first is usual."""

WHOLE = (("rank", 1, 512), ("batch", 1, 256), ("accumulation", 1, 1024), ("least_frames", 1, 10**7), ("seed", 0, 2**31 - 1))
REAL = (("rate", 1e-8, 1.0, "%g"), ("epochs", 0.01, 1000.0, "%g"))
"""Numbers of a recipe that are asked for here, with their bounds; an API call may say all of them."""


def set_of(name: str, learning: Learning) -> str:
    """The frozen set that lies in an exported folder of this name; the name itself where nobody knows."""
    if learning.exports is None:
        return name
    return next((job.wanted.dataset for job in learning.exports.every() if job.id == name and job.wanted.dataset), name)


def exported(learning: Learning) -> dict[str, str]:
    """By name of the folder, in words: the frozen sets that were written out, the latest first."""
    if learning.exports is None:
        return {}
    done = [job for job in learning.exports.every() if job.phase == "done" and job.wanted.dataset]
    return {job.id: f"{job.wanted.dataset} · {job.wanted.family} · {job.at[:16].replace('T', ' ')}" for job in done}


def form(learning: Learning, say: Texts, *, running: bool) -> None:
    """The form. One training at a time."""
    st.header(say("dashboard.teach.begin"))
    st.caption(say("dashboard.teach.begin.how"))
    lead = visitor().may("lead")
    may = lead and not running
    sets, known = exported(learning), learning.adapters.adapters()
    live = learning.adapters.live()
    if not sets:
        st.info(say("dashboard.teach.no_sets"))
    with st.form("begin"):
        left, right = st.columns(2, gap="large")
        with left:
            data = st.selectbox(
                say("dashboard.teach.set"), list(sets), index=0 if sets else None, key="begin_set", format_func=lambda name: sets.get(name, name),
                accept_new_options=True, placeholder=say("dashboard.teach.set.how"), disabled=not may,
            )  # fmt: skip
            method = st.selectbox(
                say("dashboard.teach.method"), METHODS, key="begin_method", format_func=lambda key: say(f"dashboard.teach.method.{key}"),
                disabled=not may,
            )  # fmt: skip
            name = st.text_input(
                say("dashboard.teach.name"), key="begin_name", max_chars=64, placeholder=say("dashboard.teach.name.how"), disabled=not may
            )
        with right:
            bases = ["", *dict.fromkeys([each.base for each in learning.trainings.list()])]
            base = st.selectbox(
                say("dashboard.teach.base"), bases, key="begin_base", format_func=lambda key: key or say("dashboard.teach.base.usual"),
                accept_new_options=True, disabled=not may,
            )  # fmt: skip
            others = ["", *(each.name for each in known)]
            against = st.selectbox(
                say("dashboard.teach.against"), others, index=others.index(live.name) if live else 0, key="begin_against",
                format_func=lambda key: key or say("dashboard.teach.base_alone"), disabled=not may,
            )  # fmt: skip
            metric = st.selectbox(
                say("dashboard.teach.metric"), METRICS, key="begin_metric", format_func=lambda key: _plain(metric_word(key, say)), disabled=not may,
                help=say("dashboard.teach.metric.how"),
            )  # fmt: skip
        recipe = _recipe(say, may=may)
        pressed = st.form_submit_button(say("dashboard.teach.begin"), key="begin", type="primary", disabled=not may)
        if not may:
            st.caption(say("dashboard.teach.leads" if not lead else "dashboard.teach.one_at_a_time"))
    if pressed:
        body = {
            "dataset": data or "",
            "base": base,
            "against": against,
            "metric": metric,
            "name": name.strip(),
            "recipe": {"method": method, **recipe},
        }
        _begin({key: value for key, value in body.items() if value or key == "dataset"}, say)


def _recipe(say: Texts, *, may: bool) -> dict[str, Any]:
    """What is to be otherwise than usual."""
    given: dict[str, Any] = {}
    with st.expander(say("dashboard.teach.recipe")):
        st.caption(say("dashboard.teach.recipe.how"))
        places = st.columns(4) + st.columns(4)
        usual = say("dashboard.teach.usual")
        for place, (key, low, high) in zip(places, WHOLE, strict=False):
            said = place.number_input(
                say(f"dashboard.teach.recipe.{key}"), low, high, value=None, step=1, placeholder=usual, key=f"begin_{key}", disabled=not may
            )
            given |= {} if said is None else {key: int(said)}
        for place, (key, least, most, shape) in zip(places[len(WHOLE) :], REAL, strict=False):
            real = place.number_input(
                say(f"dashboard.teach.recipe.{key}"), least, most, value=None, step=least, format=shape, placeholder=usual, key=f"begin_{key}",
                disabled=not may,
            )  # fmt: skip
            given |= {} if real is None else {key: float(real)}
        kept = places[-1].selectbox(
            say("dashboard.teach.recipe.quantisation"), ("", "none", "nf4"), key="begin_quantisation", disabled=not may,
            format_func=lambda key: say(f"dashboard.teach.recipe.quantisation.{key}") if key else usual,
        )  # fmt: skip
        given |= {"quantisation": kept} if kept else {}
    return given


def _begin(body: dict[str, Any], say: Texts) -> None:
    with st.spinner(say("dashboard.teach.beginning")):
        said = ask("trainings", body)
    st.session_state["teach_said"] = {"told": "begun", "name": said["id"]} if "id" in said and "phase" in said else said
    st.rerun()


def _plain(words: str) -> str:
    """Escapes are for Markdown; an option is plain text."""
    return words.replace("\\", "")
