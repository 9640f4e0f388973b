"""Training: what is being taught just now, how it goes, what became of the ones before, and the form that begins one. It teaches nothing: it asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui.dashboard import beginning
from ui.dashboard.asking import ask
from ui.dashboard.board import Learning, board, dark, literal, percent, readable, visitor, whole, words
from ui.dashboard.charts import CONFIG, look
from ui.dashboard.forests import falling
from ui.dashboard.reasons import escaped, sentence
from ui.texts import Texts
from ui.wire import without_paths

REFRESH_SECONDS = 2.0  # while something runs; nothing is asked again while nothing does
MIB = 2**20
BADGES: Mapping[str, str] = {
    "waiting": ":gray-badge[○ {}]",
    "measuring": ":blue-badge[◔ {}]",
    "training": ":blue-badge[◑ {}]",
    "evaluating": ":blue-badge[◕ {}]",
    "done": ":green-badge[✓ {}]",
    "failed": ":red-badge[✕ {}]",
    "cancelled": ":orange-badge[■ {}]",
}
"""Each phase as shape, word and colour together."""


def show() -> None:
    """The page."""
    say, learning = words(), board().learning
    if learning is None:
        st.title(say("dashboard.teach.nothing"))
        return
    running = any(each.running for each in learning.trainings.list())
    st.fragment(_watch, run_every=REFRESH_SECONDS if running else None)(running)
    beginning.form(learning, say, running=running)


def _watch(ran: bool) -> None:
    """All that changes by itself. When what ran has ended, or something began, the whole page is drawn again, and the refreshing stops or starts."""
    with readable():
        say, learning = words(), board().learning
        if learning is None:
            return
        known = learning.trainings.list()
        now = next((each for each in known if each.running), None)
        if (now is not None) != ran:
            st.rerun()
        _answer(now, known[0] if known else None, say)
        _outcome(say)
        if not known:
            return
        names = [each.id for each in known]
        chosen = names[0]
        if len(names) > 1:
            first = names.index(now.id) if now else 0
            chosen = st.selectbox(say("dashboard.teach.choose"), names, index=first, key="training", width=360) or names[first]
        _one(next((each for each in known if each.id == chosen), known[0]), learning, say)
        st.header(say("dashboard.teach.all"))
        st.table([_line(each, learning, say) for each in known])


def _answer(now: Any, latest: Any, say: Texts) -> None:
    if now is None:
        st.title(say("dashboard.teach.answer.nothing"))
        if latest is None:
            st.caption(say("dashboard.teach.none"))
            return
        key = f"dashboard.teach.latest.{latest.state.phase}"
        st.caption(
            say(key if key in say.words else "dashboard.teach.latest.other", name=escaped(latest.id)) + " " + say("dashboard.teach.how")
        )
        return
    state = now.state
    told = {"name": escaped(now.id), "left": left(state.seconds_left, say)}
    if state.phase == "training" and state.steps:
        told["share"] = percent(state.step / state.steps, say)
        key = "training"
    else:
        key = state.phase if state.phase in ("measuring", "evaluating") else "beginning"
    st.title(say(f"dashboard.teach.answer.{key}", **told))
    st.caption(say("dashboard.teach.how"))


def left(seconds: float | None, say: Texts) -> str:
    """How long it still takes, as people say it."""
    if seconds is None:
        return say("dashboard.teach.left.unknown")
    if seconds < 90:
        return say("dashboard.teach.left.seconds", n=max(1, round(seconds)))
    if seconds < 5400:
        return say("dashboard.teach.left.minutes", n=round(seconds / 60))
    return say("dashboard.teach.left.hours", n=f"{seconds / 3600:.1f}")


def _outcome(say: Texts) -> None:
    said = st.session_state.pop("teach_said", None)
    if said is None:
        return
    if "error" in said:
        st.error(escaped(without_paths(said["error"])) if said["error"] else say("dashboard.teach.unreachable"))
        for defect in said.get("defects", [])[:10]:
            st.markdown(f"- {escaped(str(defect))}")
    elif said.get("told"):
        st.success(say(f"dashboard.teach.done.{said['told']}", name=escaped(said["name"])))


def _one(chosen: Any, learning: Learning, say: Texts) -> None:
    """One training: stage, figures, loss, what went wrong, and what can be done."""
    state = chosen.state
    stage = f"{_phase(state.phase, say)}"
    if state.steps:
        stage += " " + say("dashboard.teach.step", step=whole(state.step), steps=whole(state.steps))
    if chosen.running and state.seconds_left is not None:
        stage += " · " + say("dashboard.teach.left", left=left(state.seconds_left, say))
    done = 1.0 if state.phase in ("evaluating", "done") else state.step / state.steps if state.steps else 0.0
    with st.container(border=True):
        st.markdown(f"**{escaped(chosen.id)}** {_about(chosen, learning, say)}")
        st.progress(min(1.0, max(0.0, done)), text=stage)
        if state.error:
            st.error(escaped(without_paths(state.error)))
        _figures(chosen, say)
        _loss(learning.trainings.curve(chosen.id), state, say)
        if chosen.gate:
            _gate(chosen.gate, say)
        _buttons(chosen, learning, say)


def _about(chosen: Any, learning: Learning, say: Texts) -> str:
    against = escaped(chosen.against) if chosen.against else say("dashboard.teach.base_alone")
    told = {"method": chosen.method.upper(), "set": escaped(beginning.set_of(chosen.dataset, learning)), "base": escaped(chosen.base)}
    return say("dashboard.teach.about", **told, against=against, by=escaped(chosen.by))


def _figures(chosen: Any, say: Texts) -> None:
    state, lora = chosen.state, chosen.state.adapter_bytes
    figures = {
        "loss": "–" if state.loss is None else f"{state.loss:.3f}",
        "memory_now": _size(state.memory_now if chosen.running else None, say),
        "memory_peak": _size(state.memory_peak, say),
        "lora": _size(lora, say),
    }
    for place, (name, value) in zip(st.columns(4), figures.items(), strict=True):
        place.metric(say(f"dashboard.teach.{name}"), value, border=True)
    if lora and state.adapter_share and state.memory_peak:
        of_peak = f"{100 * lora / state.memory_peak:.1f}"
        st.caption(say("dashboard.teach.lora.how", share=f"{100 * state.adapter_share:.1f}", of_peak=of_peak))


def _size(n: int | None, say: Texts) -> str:
    if n is None:
        return "–"
    return say("dashboard.teach.gib", n=f"{n / 2**30:.1f}") if n >= 2**30 else say("dashboard.health.mib", n=f"{n / MIB:.0f}")


def _loss(curve: Any, state: Any, say: Texts) -> None:
    told = [(int(line["step"]), float(line["loss"])) for line in curve if line.get("loss") is not None]
    if len(told) < 2:
        if state.phase in ("done", "training"):
            st.caption(say("dashboard.teach.no_curve", n=len(told)))
        return
    units = say("dashboard.teach.steps"), say("dashboard.teach.loss")
    chart = falling([step for step, _ in told], [loss for _, loss in told], state.steps, units, look(dark()))
    st.plotly_chart(chart, theme=None, config=CONFIG, key="loss", alt=say("dashboard.teach.loss"))


def _gate(gate: Mapping[str, Any], say: Texts) -> None:
    """The word of the gate, with what stands against it."""
    word = "passed" if gate.get("passed") else "undetermined" if gate.get("undetermined") else "refused"
    colour, shape = {"passed": ("green", "✓"), "undetermined": ("violet", "?"), "refused": ("red", "✕")}[word]
    against = [sentence(reason, say) for reason in gate.get("reasons") or () if not reason.get("passed")]
    st.markdown(f"{say('dashboard.teach.gate')} :{colour}-badge[{shape} {say(f'dashboard.models.gate.{word}')}] {' '.join(against)}")


def _buttons(chosen: Any, learning: Learning, say: Texts) -> None:
    """What a lead may do with it."""
    lead = visitor().may("lead")
    taken = next((each.name for each in learning.adapters.adapters() if each.about.get("job") == chosen.id), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen.running:
            if st.button(say("dashboard.teach.cancel"), key="cancel", disabled=not lead, help=say("dashboard.teach.cancel.how")):
                _asked(f"trainings/{chosen.id}/cancel", {}, "cancelled", chosen.id)
        elif chosen.may_resume and st.button(say("dashboard.teach.resume"), key="resume", type="primary", disabled=not lead):
            _asked(f"trainings/{chosen.id}/resume", {}, "resumed", chosen.id)
        if chosen.state.phase == "done" and taken is None:
            if st.button(say("dashboard.teach.register"), key="register", type="primary", disabled=not lead):
                _asked("adapters", {"job": chosen.id}, "registered", chosen.id)
            st.caption(say("dashboard.teach.register.how"))
        if taken is not None:
            st.caption(say("dashboard.teach.registered", name=escaped(taken)))


def _asked(path: str, body: Mapping[str, Any], told: str, name: str) -> None:
    said = ask(path, dict(body))
    st.session_state["teach_said"] = said if "error" in said and "phase" not in said else {"told": told, "name": name}
    st.rerun()


def _line(training: Any, learning: Learning, say: Texts) -> dict[str, str]:
    state = training.state
    told = {
        "name": literal(training.id),
        "method": training.method.upper(),
        "set": literal(beginning.set_of(training.dataset, learning)),
        "phase": _phase(state.phase, say),
        "progress": say("dashboard.teach.of", step=whole(state.step), steps=whole(state.steps)) if state.steps else "–",
        "loss": "–" if state.loss is None else f"{state.loss:.3f}",
        "memory": _size(state.memory_peak, say),
        "at": training.at[:16].replace("T", " "),
        "by": literal(training.by),
    }
    return {say(f"dashboard.teach.column.{key}"): value for key, value in told.items()}


def _phase(phase: str, say: Texts) -> str:
    return BADGES.get(phase, "{}").format(say(f"dashboard.teach.phase.{phase}"))


if __name__ == "__main__":  # Streamlit runs a page so
    show()
