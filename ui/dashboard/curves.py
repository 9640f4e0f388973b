"""Learning curves: a score over labels, one line a policy, its interval as a band, its name at its end. Plain figures, no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ui.dashboard.charts import Look, template


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of a curve, in shares (0..1)."""

    labels: int
    score: float
    low: float
    high: float
    word: str  # shown when it is pointed at


def learned(curves: Mapping[str, Sequence[Spot]], units: tuple[str, str], shades: Look, height: int = 340) -> go.Figure:
    """By the name that stands at its end; `units` of labels and of the score. The random arm, if there is one, comes last and is drawn pale."""
    figure = go.Figure()
    colours = (*shades.courses, shades.quiet)
    for place, (name, spots) in enumerate(curves.items()):
        colour = colours[min(place, len(colours) - 1)]
        x = [spot.labels for spot in spots]
        band = [100 * spot.high for spot in spots] + [100 * spot.low for spot in reversed(spots)]
        figure.add_scatter(
            x=[*x, *reversed(x)], y=band, fill="toself", fillcolor=_faint(colour), line={"width": 0}, hoverinfo="skip", mode="lines"
        )
        figure.add_scatter(
            x=x,
            y=[100 * spot.score for spot in spots],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"size": 8},
            customdata=[spot.word for spot in spots],
            hovertemplate="%{customdata}<extra></extra>",
        )
        figure.add_annotation(
            x=x[-1],
            y=100 * spots[-1].score,
            text=f'<span style="color:{colour}">●</span> {name}',
            xanchor="left",
            xshift=10,
            yshift=0 if place == 0 else -4,
            showarrow=False,
        )
    figure.update_layout(template=template(shades), height=height, margin={"l": 26, "r": 130, "t": 12, "b": 8}, hovermode="closest")
    figure.update_xaxes(title_text=units[0], rangemode="tozero")
    figure.update_yaxes(title_text=units[1], range=[0, 100], dtick=25)
    return figure


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"
