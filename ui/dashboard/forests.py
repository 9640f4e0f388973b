"""Differences with their intervals, and a loss by step: charts about teaching, in the one look. Plain figures, no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ui.dashboard.charts import Look, template

BETTER, WORSE, UNSURE, FEW = "better", "worse", "unsure", "few"
"""What a difference tells: surely more, surely less, nothing surely, nothing at all because too few were measured."""


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much something changed."""

    name: str
    points: float  # points of percent
    low: float
    high: float
    kind: str  # one of the four
    word: str  # stands at the right


def shifts(rows: Sequence[Shift], unit: str, shades: Look) -> go.Figure:
    """Each difference as a point with its interval; zero is drawn, and what says nothing surely is drawn open."""
    figure = go.Figure()
    colours = {BETTER: shades.courses[1], WORSE: shades.courses[2], UNSURE: shades.quiet, FEW: shades.pale}
    for row in rows:
        colour = colours[row.kind]
        figure.add_scatter(
            x=[row.points],
            y=[row.name],
            mode="markers",
            marker={
                "size": 12,
                "color": colour,
                "symbol": {BETTER: "triangle-right", WORSE: "triangle-left"}.get(row.kind, "circle-open"),
                "line": {"width": 2, "color": colour},
            },
            error_x={"array": [row.high - row.points], "arrayminus": [row.points - row.low], "color": colour, "thickness": 3, "width": 0},
            hovertemplate=f"{row.word}<extra></extra>",
        )
        ink = shades.quiet if row.kind == FEW else shades.ink
        note = {"x": 1, "xref": "paper", "y": row.name, "text": row.word, "xanchor": "left", "xshift": 12, "showarrow": False}
        figure.add_annotation(**note, font={"color": ink})
    least, most = min([-5.0, *(row.low for row in rows)]), max([5.0, *(row.high for row in rows)])
    air = 0.04 * (most - least)
    room = 24 + 7.5 * max((_width(row.word) for row in rows), default=0)
    figure.update_layout(
        template=template(shades), height=64 + 34 * len(rows), margin={"l": 8, "r": room, "t": 8, "b": 8}, hovermode="closest"
    )
    figure.add_vline(x=0, line={"color": shades.quiet, "width": 1.5})
    figure.update_xaxes(range=[least - air, most + air], title_text=unit, zeroline=False)
    figure.update_yaxes(autorange="reversed", tickfont={"color": shades.ink, "size": 13}, type="category", ticksuffix=" ")
    return figure


def falling(steps: Sequence[int], losses: Sequence[float], of: int, units: tuple[str, str], shades: Look) -> go.Figure:
    """A loss by step, of so many in the end; `units` of both axes. From zero on, so that a small fall looks small."""
    figure = go.Figure()
    figure.add_scatter(
        x=list(steps),
        y=list(losses),
        mode="lines+markers" if len(steps) < 40 else "lines",
        line={"color": shades.courses[0], "width": 2.5},
        marker={"size": 6},
        hovertemplate="%{y:.4f}<extra></extra>",
    )
    if steps:
        note = {"x": steps[-1], "y": losses[-1], "text": f"{losses[-1]:.3f}", "xanchor": "left", "xshift": 8, "showarrow": False}
        figure.add_annotation(**note)
    corner = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "xshift": -24, "yanchor": "bottom", "yshift": 8}
    figure.add_annotation(
        text=units[1], showarrow=False, font={"color": shades.quiet, "size": 12}, **corner
    )  # upright: Chinese is not read on its side
    figure.update_layout(template=template(shades), height=260, margin={"l": 26, "r": 60, "t": 30, "b": 8})
    figure.update_xaxes(title_text=units[0], showgrid=False, range=[0, max([of, *steps]) * 1.02], tickformat=",d")
    figure.update_yaxes(rangemode="tozero", nticks=5)
    return figure


def _width(word: str) -> float:
    return float(sum(2 if ord(letter) > 0x2E7F else 1 for letter in word))
