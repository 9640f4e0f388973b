"""Quality: how often the machine is right, field by field, held against what people corrected."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.dashboard.board import board, dark, level_word, percent, whole, words
from ui.dashboard.charts import CONFIG, Rate, crossing, look, rates
from ui.texts import Texts

LEAST = 30  # labels; below, nothing is claimed


def show() -> None:
    """The page."""
    say, reports = words(), board().reports
    models = reports.models()
    model = st.session_state.get("quality_model") if len(models) > 1 else None
    rows = [row for row in reports.field_accuracy(model) if row["field"] in (*board().profile.fields, "risk")]
    _answer(rows, say)
    st.caption(say("dashboard.quality.how"))
    if len(models) > 1:
        st.selectbox(
            say("dashboard.quality.model"),
            [None, *models],
            key="quality_model",
            format_func=lambda m: m or say("dashboard.quality.all"),
            width=420,
        )
    if not any(row["n"] for row in rows):
        return
    st.header(say("dashboard.quality.fields"))
    known = [row for row in rows if row["n"]]
    chart = rates([_rate(row, say) for row in known], say("dashboard.quality.share"), [_word(row, say) for row in known], look(dark()))
    st.plotly_chart(chart, theme=None, config=CONFIG, key="fields", alt=say("dashboard.quality.fields"))
    with st.container(horizontal=True, gap="large"):
        if board().profile.tools:
            with st.container(width=620):
                _confusion(reports.confusion("tool", model), say)
        with st.container(width=440):
            _risk(reports.risk_matrix(model), say)


def _answer(rows: list[dict[str, Any]], say: Texts) -> None:
    """The deciding field first; while it has too few labels, how many are missing."""
    lead = rows[0]
    if lead["n"] < LEAST:
        st.title(say("dashboard.quality.answer.few", n=lead["n"], least=LEAST, missing=LEAST - lead["n"]))
        return
    shares = {name: percent(lead[key], say) for name, key in (("share", "accuracy"), ("high", "high"))}
    low = f"{100 * lead['low']:.0f}"
    st.title(say("dashboard.quality.answer", field=say(f"dashboard.field.{lead['field']}"), n=whole(lead["n"]), low=low, **shares))


def _rate(row: dict[str, Any], say: Texts) -> Rate:
    return Rate(say(f"dashboard.field.{row['field']}"), row["accuracy"], row["low"], row["high"], row["n"], row["n"] >= LEAST)


def _word(row: dict[str, Any], say: Texts) -> str:
    if row["n"] < LEAST:
        return say("dashboard.quality.row.few", missing=LEAST - row["n"], n=row["n"])
    low = f"{100 * row['low']:.0f}"
    return say("dashboard.quality.row", share=percent(row["accuracy"], say), low=low, high=percent(row["high"], say), n=whole(row["n"]))


def _confusion(pairs: list[dict[str, Any]], say: Texts) -> None:
    st.header(say("dashboard.quality.confusion"))
    n = sum(pair["n"] for pair in pairs)
    wrong = [pair for pair in pairs if pair["machine"] != pair["person"]]
    if not wrong:
        st.caption(say("dashboard.quality.confusion.none", n=whole(n)))
        return
    most = max(wrong, key=lambda pair: int(pair["n"]))
    names = {key: _tool(key, say) for key in {pair[side] for pair in pairs for side in ("machine", "person")}}
    st.caption(say("dashboard.quality.confusion.most", machine=names[most["machine"]], person=names[most["person"]], n=whole(most["n"])))
    order = [*(term.key for term in board().profile.tools), None]
    people, machines = ([key for key in order if any(pair[side] == key for pair in pairs)] for side in ("person", "machine"))
    counts = {(pair["person"], pair["machine"]): pair["n"] for pair in pairs}
    grid = [[counts.get((person, machine), 0) for machine in machines] for person in people]
    sides = say("dashboard.quality.person"), say("dashboard.quality.machine")
    chart = crossing([names[key] for key in people], [names[key] for key in machines], grid, sides, look(dark()))
    st.plotly_chart(chart, theme=None, config=CONFIG, key="confusion", alt=say("dashboard.quality.confusion"))


def _risk(matrix: dict[str, Any], say: Texts) -> None:
    st.header(say("dashboard.quality.risk"))
    levels, counts = matrix["levels"], matrix["counts"]
    if not any(n for line in counts for n in line):
        st.caption(say("dashboard.quality.risk.no_high"))
        return
    high = counts[levels.index("high")]
    missed = sum(high) - high[levels.index("high")]
    st.caption(
        say("dashboard.quality.risk.missed", n=whole(missed), high=whole(sum(high))) if sum(high) else say("dashboard.quality.risk.no_high")
    )
    words_of = [level_word(level, say) for level in levels]
    sides = say("dashboard.quality.person"), say("dashboard.quality.machine")
    chart = crossing(words_of, words_of, counts, sides, look(dark()))
    st.plotly_chart(chart, theme=None, config=CONFIG, key="risk", alt=say("dashboard.quality.risk"))


def _tool(key: str | None, say: Texts) -> str:
    tools = board().profile.tools
    return say("dashboard.nothing_said") if key is None else next((term.name(say.language) for term in tools if term.key == key), key)


if __name__ == "__main__":  # Streamlit runs a page so
    show()
