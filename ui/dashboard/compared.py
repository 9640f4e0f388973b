"""Two models on the same frames: every figure before and after with interval and n, and the difference with its word. It measures nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.dashboard.board import board, dark, level_word, percent, whole
from ui.dashboard.charts import CONFIG, crossing, look
from ui.dashboard.forests import BETTER, FEW, UNSURE, WORSE, Shift, shifts
from ui.dashboard.reasons import FIELDS, PLAIN, escaped, metric_word, sentence, signed
from ui.texts import Texts

LEAST = 20
"""Of how many a figure must be before anything is claimed by it."""

LEVELS = ("none", "low", "medium", "high")

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both models. `difference` None: it is not held against each other."""

    name: str  # of the metric
    before: Told
    after: Told
    difference: Told | None
    frames: int  # that both were asked about

    @property
    def n(self) -> int:
        """Of how many, the smaller of both."""
        return min(int(each.get("n") or 0) for each in (self.before, self.after))

    @property
    def judged(self) -> int:
        """On how many a claim would stand: many boxes in few frames are few."""
        return min(self.n, self.frames)

    @property
    def kind(self) -> str:
        """What the difference tells."""
        if self.judged < LEAST:
            return FEW
        said = (self.difference or {}).get("better")
        return UNSURE if said is None else BETTER if said else WORSE


_EVERY: Mapping[str, tuple[str, ...]] = {
    "field_accuracy": ("fields", "all", "accuracy"),
    "field_f1": ("fields", "all", "macro_f1"),
    "joint": ("fields", "all", "joint"),
    "valid_json": ("valid_json",),
    **{f"{field}_{short}": ("fields", field, long) for field in FIELDS for short, long in (("accuracy", "accuracy"), ("f1", "macro_f1"))},
    "box_f1": ("boxes", "f1"),
    "box_precision": ("boxes", "precision"),
    "box_recall": ("boxes", "recall"),
    "box_iou": ("boxes", "mean_iou"),
    **{f"box_{size}": ("boxes", "sizes", size, "recall") for size in ("small", "medium", "large")},
    "violation_f1": ("violations", "f1"),
    "violation_precision": ("violations", "precision"),
    "violation_recall": ("violations", "recall"),
    "high_recall": ("risk", "high_recall"),
    "alarm_rate": ("risk", "alarm_rate"),
    "risk_cost": ("risk", "cost"),
    "risk_kappa": ("risk", "kappa"),
}
"""By the name of a metric: where its figure stands in what was measured of one model (`core.evaluation.report`)."""

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "fields": ("field_accuracy", "field_f1", "joint", *(f"{field}_{what}" for field in FIELDS for what in ("accuracy", "f1"))),
    "boxes": ("box_f1", "box_precision", "box_recall", "box_iou", "box_small", "box_medium", "box_large"),
    "violations": ("violation_f1", "violation_precision", "violation_recall"),
    "risk": ("high_recall", "alarm_rate", "risk_cost", "risk_kappa", "valid_json"),
}
HEAD = ("field_f1", "box_f1", "violation_f1", "high_recall")
CHART = ("field_accuracy", "joint", *(f"{field}_accuracy" for field in FIELDS), "box_f1", "violation_f1", "high_recall")


def rows(comparison: Told, names: Sequence[str]) -> list[Row]:
    """The figures of these metrics; those that nothing was measured of are left out."""
    differences = comparison.get("differences") or {}
    frames = int((comparison.get("after") or {}).get("frames") or 0)
    found = []
    for name in names:
        sides = [_at(comparison.get(side), _EVERY[name]) for side in ("before", "after")]
        difference = differences.get(name)
        if name == "high_recall" and difference:  # it is held against each other at one rate of alarms, so both values are of that
            sides = [{**each, "value": difference[side], "low": None, "high": None} for side, each in zip(_SIDES, sides, strict=True)]
        if sides[0] or sides[1]:
            found.append(Row(name, sides[0], sides[1], difference, frames))
    return found


def show(comparison: Told, say: Texts) -> None:
    """All of it."""
    for reason in comparison.get("red") or ():
        st.error(sentence(reason, say))
    after = comparison.get("after") or {}
    if not after.get("frames"):
        st.caption(say("dashboard.compared.none"))
        return
    _figures(rows(comparison, HEAD), say)
    told = rows(comparison, CHART)
    drawn = [_shift(row, say) for row in told if row.difference and row.difference.get("low") is not None]
    if drawn:
        st.header(say("dashboard.compared.differences"))
        chart = shifts(drawn, say("dashboard.compared.points"), look(dark()))
        st.plotly_chart(chart, theme=None, config=CONFIG, key="shifts", alt=say("dashboard.compared.differences"))
    st.caption(say("dashboard.compared.how", frames=whole(after["frames"]), scenes=whole(after["scenes"])) + _seconds(comparison, say))
    for section, names in SECTIONS.items():
        found = rows(comparison, names)
        if found:
            with st.expander(say(f"dashboard.compared.{section}"), expanded=section == "fields"):
                st.table([_line(row, say) for row in found])
                if section == "risk":
                    _confusions(comparison, say)
    with st.expander(say("dashboard.compared.slices")):
        _slices(comparison, say)


def word(kind: str, n: int, say: Texts) -> str:
    """What a difference tells, as a badge."""
    if kind == FEW:
        return f":gray[{_few(n, say)}]"
    return {BETTER: ":green-badge[▲ {}]", WORSE: ":red-badge[▼ {}]", UNSURE: ":gray-badge[≈ {}]"}[kind].format(
        say(f"dashboard.compared.{kind}")
    )


_SIDES = ("before", "after")


def _few(n: int, say: Texts) -> str:
    """Too few: how many there are, and how many are missing."""
    return say("dashboard.compared.few", n=whole(n), missing=whole(LEAST - n))


def _at(found: Any, path: tuple[str, ...]) -> Told:
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _figures(found: Sequence[Row], say: Texts) -> None:
    """At most four, each with n, and the change only where it is sure to be one."""
    with st.container(horizontal=True):  # four in a line on a wide screen, two on a tablet
        for row in found:
            value = row.after.get("value")
            delta = _few(row.judged, say) if row.kind == FEW else _difference(row, say)
            label = say("dashboard.compared.label", what=metric_word(row.name, say), n=whole(row.n))
            shown = "–" if value is None else percent(value, say)
            sure = {BETTER: "up", WORSE: "down"}.get(row.kind)
            with st.container(key=f"{row.kind}_{row.name}", width=268):  # dashboard.css greys a figure of too few
                colour, arrow = ("normal", sure) if sure else ("off", "off")
                st.metric(label, shown, delta, delta_color=colour, delta_arrow=arrow, border=True)  # type: ignore[arg-type]


def _line(row: Row, say: Texts) -> dict[str, str]:
    sides = {side: _figure(figure, row, say) for side, figure in zip(_SIDES, (row.before, row.after), strict=True)}
    told = {
        "figure": metric_word(row.name, say),
        **sides,
        "difference": _difference(row, say) if row.difference else "–",
        "word": word(row.kind, row.judged, say) if row.difference or row.kind == FEW else "–",
    }
    if row.kind == FEW:
        told |= {name: f":gray[{told[name]}]" for name in ("before", "after", "difference")}
    return {say(f"dashboard.compared.column.{name}"): value for name, value in told.items()}


def _figure(figure: Told, row: Row, say: Texts) -> str:
    value, low, high = (figure.get(name) for name in ("value", "low", "high"))
    n = whole(int(figure.get("n") or 0))
    if value is None:
        return say("dashboard.compared.unknown", n=n)
    if row.name in PLAIN:
        shown, ends = f"{value:.2f}", None if low is None or high is None else (f"{low:.2f}", f"{high:.2f}")
    else:
        shown = percent(value, say)
        ends = None if low is None or high is None else (f"{100 * low:.0f}", f"{100 * high:.0f}")
    if ends is None:
        return say("dashboard.compared.alone", value=shown, n=n)
    return say("dashboard.compared.value", value=shown, low=ends[0], high=ends[1], n=n)


def _difference(row: Row, say: Texts) -> str:
    found = row.difference or {}
    if found.get("difference") is None:
        return "–"
    told = signed(found["difference"], row.name)
    if found.get("low") is None or found.get("high") is None:
        return told
    return say("dashboard.compared.between", difference=told, low=signed(found["low"], row.name), high=signed(found["high"], row.name))


def _shift(row: Row, say: Texts) -> Shift:
    found = row.difference or {}
    points = [100 * found[name] for name in ("difference", "low", "high")]
    told = _few(row.judged, say) if row.kind == FEW else _difference(row, say)
    return Shift(metric_word(row.name, say), points[0], points[1], points[2], row.kind, told)


def _seconds(comparison: Told, say: Texts) -> str:
    taken = [_at(comparison.get(side), ("seconds",)).get("median") for side in _SIDES]
    if None in taken:
        return ""
    return " " + say("dashboard.compared.seconds", before=f"{taken[0]:.2f}", after=f"{taken[1]:.2f}")


def _confusions(comparison: Told, say: Texts) -> None:
    """Risk as a person said it against what each model said."""
    counts = [_at(comparison.get(side), ("risk", "confusion")) for side in _SIDES]
    levels = [level for level in LEVELS if any(level in side for side in counts)]
    said = [*LEVELS, "undetermined"]
    columns = [name for name in said if any(side.get(level, {}).get(name) for side in counts for level in levels) or name in levels]
    sides = say("dashboard.quality.person"), say("dashboard.quality.machine")
    for side, place, found in zip(_SIDES, st.columns(2, gap="large"), counts, strict=True):
        grid = [[round(found.get(level, {}).get(name, 0)) for name in columns] for level in levels]
        chart = crossing([level_word(each, say) for each in levels], [level_word(each, say) for each in columns], grid, sides, look(dark()))
        with place:
            st.markdown(f"**{say(f'dashboard.compared.column.{side}')}**")
            st.plotly_chart(chart, theme=None, config=CONFIG, key=f"confusion_{side}", alt=say("dashboard.compared.risk"))


def _slices(comparison: Told, say: Texts) -> None:
    found = list(_slice_rows(comparison, say))
    if not found:
        st.caption(say("dashboard.compared.slices.none"))
        return
    st.caption(say("dashboard.compared.slices.how", least=LEAST))
    st.table(found)


def _slice_rows(comparison: Told, say: Texts) -> Iterator[dict[str, str]]:
    old, new = (_at(comparison.get(side), ("slices",)) for side in _SIDES)
    for way, named in new.items():
        for name, after in named.items():
            before = _at(old, (way, name))
            hidden = after.get("hidden", True)
            told = {
                "slice": f"{_way(way, say)}: {_slice(way, name, say)}",
                "n": f":gray[{_few(after['n'], say)}]" if hidden else whole(after["n"]),
                **{key: "–" if hidden else _both(before, after, metric, say) for key, metric in _SLICED.items()},
            }
            yield {say(f"dashboard.compared.column.{key}"): value for key, value in told.items()}


_SLICED = {"slice_fields": "field_accuracy", "slice_joint": "joint", "slice_boxes": "box_f1"}


def _both(before: Told, after: Told, name: str, say: Texts) -> str:
    """Before and after with their intervals; n stands beside."""

    def told(figure: Told) -> str:
        if figure.get("value") is None:
            return "–"
        if figure.get("low") is None:
            return percent(figure["value"], say)
        return say(
            "dashboard.compared.slice",
            value=percent(figure["value"], say),
            low=f"{100 * figure['low']:.0f}",
            high=f"{100 * figure['high']:.0f}",
        )

    return f"{told(_at(before, (name,)))} → {told(_at(after, (name,)))}"


def _way(way: str, say: Texts) -> str:
    key = f"dashboard.slice.{way}"
    return say(key) if key in say.words else escaped(way)


def _slice(way: str, name: str, say: Texts) -> str:
    if way == "risk":
        return level_word(name, say)
    if way in ("tool", "action"):
        found = next((term for term in board().profile.terms(way) if term.key == name), None)
        return escaped(name) if found is None else found.name(say.language)
    key = f"dashboard.slice.{way}.{name.replace(' ', '_')}"
    return say(key) if key in say.words else escaped(name)
