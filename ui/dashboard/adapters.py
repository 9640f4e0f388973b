"""Models: which one speaks and by whose word, what each adapter brought beside what was in use, and the buttons that let one speak or take it back.

What is decided here is asked of the API; whether a gate was passed is not for this page to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from annotations.learning.adapters import Adapter, Adapters, Gate, Promotion
from ui.dashboard import compared, lineage
from ui.dashboard.asking import ask
from ui.dashboard.board import board, literal, visitor, whole, words
from ui.dashboard.reasons import escaped, metric_word, name_of, sentence
from ui.texts import Texts
from ui.wire import without_paths


def show() -> None:
    """The page."""
    say, learning = words(), board().learning
    if learning is None:
        st.title(say("dashboard.models.answer.nothing"))
        return
    adapters = learning.adapters
    known, live = adapters.adapters(), adapters.live()
    history = adapters.promotions()
    _answer(live, history, adapters, say)
    _outcome(say)
    if live is not None:
        _take_back(live, say)
    if not known:
        st.caption(say("dashboard.models.none"))
        return
    st.header(say("dashboard.models.known"))
    labels = {each.name: each.parts.get("train", 0) for each in learning.sets.all()}
    st.table([_line(each, live, adapters, labels, say) for each in known])
    chosen = _chosen(known, say)
    names = ("compared", "gate", "lineage", "history")
    told = st.tabs([say(f"dashboard.models.tab.{name}") for name in names])
    with told[0]:
        _comparison(chosen, adapters, say)
    with told[1]:
        _gate(chosen, live, adapters, say)
    with told[2]:
        lineage.show(adapters, chosen.name, say)
        _recipe(chosen, say)
    with told[3]:
        _history(history, say)


def _answer(live: Adapter | None, history: tuple[Promotion, ...], adapters: Adapters, say: Texts) -> None:
    """Which speaks, since when, by whose word, and what its gate said."""
    last = history[0] if history else None
    if last is None:
        st.title(say("dashboard.models.answer.base"))
        st.caption(say("dashboard.models.how"))
        return
    told = {"at": f"{last.at:%Y-%m-%d %H:%M}", "by": escaped(last.by)}
    if live is None:
        st.title(say("dashboard.models.answer.back_to_base", **told))
    elif last.back:
        st.title(say("dashboard.models.answer.back", name=escaped(live.name), **told))
    else:
        key = "dashboard.models.answer.anyway" if last.anyway else "dashboard.models.answer"
        st.title(say(key, name=escaped(live.name), **told))
    st.caption(say("dashboard.models.why", why=escaped(last.why)) + " " + say("dashboard.models.how"))


def _outcome(say: Texts) -> None:
    """What became of what was asked for last."""
    said = st.session_state.pop("models_said", None)
    if said is None:
        return
    if "error" in said:
        st.error(escaped(without_paths(said["error"])) if said["error"] else say("dashboard.models.unreachable"))
    else:
        st.success(say("dashboard.models.done", model=literal(str(said.get("running") or "–"))))


def _asked(path: str, body: Mapping[str, Any], say: Texts) -> None:
    with st.spinner(say("dashboard.models.switching")):
        st.session_state["models_said"] = ask(path, dict(body))
    st.rerun()


def _line(adapter: Adapter, live: Adapter | None, adapters: Adapters, labels: Mapping[str, int], say: Texts) -> dict[str, str]:
    speaks = live is not None and live.number == adapter.number
    taught = labels.get(adapter.dataset) if adapter.dataset else None
    told = {
        "name": literal(adapter.name) + (f" :blue-badge[● {say('dashboard.models.live')}]" if speaks else ""),
        "base": literal(adapter.base.split("@")[0]),
        "set": literal(adapter.dataset) if adapter.dataset else say("dashboard.models.elsewhere"),
        "labels": "–" if taught is None else whole(taught),
        "gate": say("dashboard.models.gate.live") if speaks else _word(adapters.gate(adapter.name), say),
        "by": literal(adapter.by),
        "at": f"{adapter.at:%Y-%m-%d %H:%M}",
    }
    return {say(f"dashboard.models.column.{key}"): value for key, value in told.items()}


def _word(gate: Gate | None, say: Texts) -> str:
    """What was found of it beside the model in use, as a badge."""
    if gate is None:
        return f":gray-badge[– {say('dashboard.models.gate.unmeasured')}]"
    if gate.passed:
        return f":green-badge[✓ {say('dashboard.models.gate.passed')}]"
    if all(reason.get("passed") or reason.get("undetermined") for reason in gate.reasons):
        return f":violet-badge[? {say('dashboard.models.gate.undetermined')}]"
    return f":red-badge[✕ {say('dashboard.models.gate.refused')}]"


def _chosen(known: tuple[Adapter, ...], say: Texts) -> Adapter:
    names = [each.name for each in known]
    if len(names) == 1:
        return known[0]
    chosen = st.selectbox(say("dashboard.models.choose"), names, key="adapter", width=360)
    return next((each for each in known if each.name == chosen), known[0])


def _comparison(adapter: Adapter, adapters: Adapters, say: Texts) -> None:
    comparison = adapter.metrics.get("comparison")
    if not isinstance(comparison, Mapping):
        st.markdown(say("dashboard.compared.unmeasured", name=escaped(adapter.name)))
        return
    gates = adapters.gates(adapter.name)
    against = escaped(gates[-1].against if gates else adapter.base)  # the first came with the figures
    st.markdown(say("dashboard.compared.what", name=escaped(adapter.name), against=against, metric=_named(gates, say)))
    compared.show(comparison, say)


def _named(gates: tuple[Gate, ...], say: Texts) -> str:
    """The metric that was named before anything was measured."""
    found = [reason.get("values", {}).get("metric") for gate in gates[-1:] for reason in gate.reasons if reason.get("key") == "better"]
    return metric_word(str(found[0]), say) if found and found[0] else "–"


def _gate(adapter: Adapter, live: Adapter | None, adapters: Adapters, say: Texts) -> None:
    """What the gate found, beside what; and the button."""
    speaks = live is not None and live.number == adapter.number
    gate = adapters.gate(adapter.name)
    shown = gate or next(iter(adapters.gates(adapter.name)), None)
    if shown is None:
        st.markdown(say("dashboard.models.gate.never", name=escaped(adapter.name)))
    else:
        told = {"against": escaped(shown.against), "by": escaped(shown.by), "at": f"{shown.at:%Y-%m-%d %H:%M}"}
        st.markdown(f"{_word(shown, say)} {say('dashboard.models.gate.beside', **told)}")
        if gate is None and not speaks:
            st.warning(say("dashboard.models.gate.other", name=escaped(adapter.name)))
        order = sorted(shown.reasons, key=lambda reason: bool(reason.get("passed")))  # what stands against it first
        st.table([_reason(reason, say) for reason in order])
    if speaks:
        st.caption(say("dashboard.models.speaks", name=escaped(adapter.name)))
    else:
        _promote(adapter, passed=gate is not None and gate.passed, say=say)


def _reason(reason: Mapping[str, Any], say: Texts) -> dict[str, str]:
    if reason.get("passed"):
        mark = f":green-badge[✓ {say('dashboard.models.held')}]"
    elif reason.get("undetermined"):
        mark = f":violet-badge[? {say('dashboard.models.nobody_knows')}]"
    else:
        mark = f":red-badge[✕ {say('dashboard.models.not_held')}]"
    told = {"asked": name_of(reason, say), "held": mark, "reason": sentence(reason, say)}
    return {say(f"dashboard.models.column.{key}"): value for key, value in told.items()}


def _promote(adapter: Adapter, *, passed: bool, say: Texts) -> None:
    """Let it speak. Against its gate only an admin may, and the form says so."""
    lead, admin = visitor().may("lead"), visitor().may("admin")
    with st.form("promote"):
        st.markdown(f"**{say('dashboard.models.promote.title', name=escaped(adapter.name))}**")
        why = st.text_input(say("dashboard.models.promote.why"), key="promote_why", max_chars=2000, disabled=not lead)
        anyway = False
        if not passed and admin:
            anyway = st.checkbox(f":red-badge[⚠ {say('dashboard.models.promote.anyway')}]", key="promote_anyway")
            st.caption(say("dashboard.models.promote.anyway.how"))
        may = lead and (passed or admin)
        if not may:
            st.caption(say("dashboard.models.promote.leads" if not lead else "dashboard.models.promote.not_passed"))
        label = say("dashboard.models.promote")
        pressed = st.form_submit_button(label, key="promote", type="primary" if passed else "secondary", disabled=not may)
    if pressed:
        _asked(f"adapters/{adapter.name}/promote", {"why": why, "anyway": anyway}, say)


def _take_back(live: Adapter, say: Texts) -> None:
    """Let speak again what spoke before."""
    with st.expander(say("dashboard.models.back.title", name=escaped(live.name))), st.form("roll_back", border=False):
        may = visitor().may("lead")
        why = st.text_input(say("dashboard.models.back.why"), key="back_why", max_chars=2000, disabled=not may)
        pressed = st.form_submit_button(say("dashboard.models.back"), key="back", disabled=not may)
        if not may:
            st.caption(say("dashboard.models.promote.leads"))
    if pressed:
        _asked("adapters/roll-back", {"why": why}, say)


def _recipe(adapter: Adapter, say: Texts) -> None:
    with st.expander(say("dashboard.models.recipe")):
        told = {**adapter.recipe, **{key: adapter.about[key] for key in ("frames", "steps", "job") if adapter.about.get(key) is not None}}
        columns = say("dashboard.models.column.what"), say("dashboard.models.column.value")
        st.table([dict(zip(columns, (literal(str(key)), literal(str(value))), strict=True)) for key, value in told.items()])


def _history(history: tuple[Promotion, ...], say: Texts) -> None:
    if not history:
        st.caption(say("dashboard.models.history.none"))
        return
    st.table([_turn(each, say) for each in history])


def _turn(turn: Promotion, say: Texts) -> dict[str, str]:
    name = literal(turn.adapter) if turn.adapter else say("dashboard.models.base_alone")
    mark = f":red-badge[⚠ {say('dashboard.models.turn.anyway')}]"
    told = {
        "at": f"{turn.at:%Y-%m-%d %H:%M}",
        "turn": say("dashboard.models.turn.back") if turn.back else mark if turn.anyway else say("dashboard.models.turn.promoted"),
        "speaks": name,
        "by": literal(turn.by),
        "why": escaped(turn.why),
    }
    return {say(f"dashboard.models.column.{key}"): value for key, value in told.items()}


if __name__ == "__main__":  # Streamlit runs a page so
    show()
