"""The charts of the dashboard, all in one look: no titles inside, zero-based, intervals drawn, the colours of the inspector. Plain figures, no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import plotly.graph_objects as go

from ui.marks import PALETTE, contrast

ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = PALETTE
FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "displaylogo": False}
"""For every st.plotly_chart: a chart is read and clicked, not panned away."""


@dataclass(frozen=True, slots=True)
class Look:
    """What changes between light and dark."""

    ink: str
    quiet: str
    grid: str
    pale: str  # too few labels
    ground: str
    heat: tuple[str, str]  # none to most
    courses: tuple[str, str, str]  # what comes, what is done, what piles up


LIGHT = Look("#12181F", "#4B5763", "#E3E8EC", "#B4BDC4", "#FFFFFF", ("#FFFFFF", "#164FB5"), (BLUE, GREEN, VERMILION))
DARK = Look("#EDF1F4", "#A9B4BE", "#2A3138", "#59646D", "#15191D", ("#15191D", "#8DB6FF"), (SKY, GREEN, ORANGE))


def look(dark: bool) -> Look:
    """The look of the visitor's theme."""
    return DARK if dark else LIGHT


def template(shades: Look) -> go.layout.Template:
    """The one template."""
    axis = {
        "gridcolor": shades.grid,
        "linecolor": shades.grid,
        "zerolinecolor": shades.grid,
        "ticks": "",
        "tickfont": {"color": shades.quiet},
        "title": {"font": {"color": shades.quiet, "size": 12}},
        "automargin": True,
        "fixedrange": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": shades.ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": [BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY],
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "showlegend": False,
            "hoverlabel": {"font": {"family": FONT, "size": 13}},
            "hovermode": "x unified",
            "dragmode": False,
            "xaxis": axis,
            "yaxis": axis,
            "bargap": 0.35,
        }
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One course over days, with the word that stands at its end."""

    name: str
    values: Sequence[float]
    colour: str
    filled: bool = False


def courses(days: Sequence[str], lines: Sequence[Line], unit: str, shades: Look, language: str, height: int = 260) -> go.Figure:
    """Counts over days, each line named at its end rather than in a legend."""
    figure = go.Figure()
    for line in lines:
        figure.add_scatter(
            x=list(days),
            y=list(line.values),
            name=line.name,
            mode="lines+markers" if len(days) < 40 else "lines",
            line={"color": line.colour, "width": 2.5},
            marker={"size": 6},
            fill="tozeroy" if line.filled else None,
            fillcolor=_faint(line.colour, 0.16),
            hovertemplate="%{y:,}<extra>" + line.name + "</extra>",
        )
    for line, shift in zip(lines, _apart([line.values[-1] for line in lines], height), strict=True):
        figure.add_annotation(
            x=days[-1],
            y=line.values[-1],
            text=f'<span style="color:{line.colour}">●</span> {line.name}',
            xanchor="left",
            xshift=8,
            yshift=shift,
            showarrow=False,
        )
    room = 34 + 8 * max(_width(line.name) for line in lines)
    figure.update_layout(template=template(shades), height=height, margin={"l": 26, "r": room, "t": 30, "b": 8})
    _unit(figure, unit, shades)
    ends = [datetime.fromisoformat(day) for day in (days[0], days[-1])]
    margin = max((ends[1] - ends[0]) / 40, timedelta(hours=8))
    figure.update_xaxes(
        showgrid=False, type="date", tickformat="%-m/%-d" if language == "zh" else "%-d %b", range=[ends[0] - margin, ends[1] + margin]
    )
    figure.update_xaxes(tickangle=0, **({"tickvals": list(days)} if len(days) <= 4 else {"nticks": 6}))
    figure.update_yaxes(rangemode="tozero", nticks=5, tickformat=",d")
    return figure


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its interval; `enough` False: too few labels, drawn pale."""

    name: str
    share: float
    low: float
    high: float
    n: int
    enough: bool


def rates(rows: Sequence[Rate], unit: str, words: Sequence[str], shades: Look) -> go.Figure:
    """Each share as a point with its interval, on a scale from 0 to 100 %. `words` stand at the right of each row."""
    figure = go.Figure()
    for row, word in zip(rows, words, strict=True):
        colour = shades.courses[0] if row.enough else shades.pale
        figure.add_scatter(
            x=[100 * row.share],
            y=[row.name],
            mode="markers",
            marker={"size": 12, "color": colour},
            error_x={
                "array": [100 * (row.high - row.share)],
                "arrayminus": [100 * (row.share - row.low)],
                "color": colour,
                "thickness": 3,
                "width": 0,
            },
            hovertemplate=word + "<extra></extra>",
        )
        figure.add_annotation(
            x=1,
            xref="paper",
            y=row.name,
            text=word,
            xanchor="left",
            xshift=12,
            showarrow=False,
            font={"color": shades.ink if row.enough else shades.quiet},
        )
    room = 20 + 8 * max((_width(word) for word in words), default=0)
    figure.update_layout(
        template=template(shades), height=70 + 46 * len(rows), margin={"l": 8, "r": room, "t": 8, "b": 8}, hovermode="closest"
    )
    figure.update_xaxes(range=[0, 100], title_text=unit, dtick=25)
    figure.update_yaxes(autorange="reversed", showgrid=True, tickfont={"color": shades.ink, "size": 14}, type="category")
    return figure


def crossing(
    rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]], words: tuple[str, str], shades: Look
) -> go.Figure:
    """Counts of pairs, `words` name what stands in rows and columns; what agrees is framed. The shade grows with the root: rare pairs are seen."""
    height = 120 + 38 * len(rows)
    top = max((n for line in counts for n in line), default=1) or 1
    figure = go.Figure(
        go.Heatmap(
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            z=[[(n / top) ** 0.5 for n in line] for line in counts],
            zmin=0,
            zmax=1,
            colorscale=[[0, shades.heat[0]], [1, shades.heat[1]]],
            showscale=False,
            xgap=3,
            ygap=3,
            customdata=[[[rows[i], columns[j], n] for j, n in enumerate(line)] for i, line in enumerate(counts)],
            hovertemplate=f"{words[0]}: %{{customdata[0]}}<br>{words[1]}: %{{customdata[1]}}<br>n = %{{customdata[2]}}<extra></extra>",
        )
    )
    corner = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom", "align": "right"}
    legend = {"text": f"{words[1]} →<br>{words[0]} ↓", "xshift": -10, "yshift": 6, "font": {"color": shades.quiet, "size": 12}, **corner}
    notes = [_count(j, i, n, top, shades) for i, line in enumerate(counts) for j, n in enumerate(line)]
    alike = [(j, i) for i, row in enumerate(rows) for j, column in enumerate(columns) if row == column]
    figure.update_layout(  # all at once: one by one they take Plotly a tenth of a second
        template=template(shades),
        height=height,
        hovermode="closest",
        margin={"l": 8, "r": 70, "t": 8, "b": 8},
        annotations=[{"showarrow": False, **note} for note in (*notes, legend)],
        shapes=[
            {"type": "rect", "x0": x - 0.49, "x1": x + 0.49, "y0": y - 0.49, "y1": y + 0.49, "line": {"color": shades.quiet, "width": 1.5}}
            for x, y in alike
        ],
    )
    bare = {"showgrid": False, "zeroline": False, "ticklabeloverflow": "allow"}
    figure.update_xaxes(side="top", tickangle=-40, tickvals=list(range(len(columns))), ticktext=list(columns), **bare)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[f"{row} " for row in rows], autorange="reversed", **bare)
    return figure


def _count(x: int, y: int, n: int, top: int, shades: Look) -> dict[str, object]:
    """The number of a cell, in whichever colour reads better on the cell's shade."""
    ground = _mix(*shades.heat, (n / top) ** 0.5)
    reads = max((shades.ink, shades.ground), key=lambda colour: contrast(colour, ground))
    return {"x": x, "y": y, "text": f"{n:,}" if n else "·", "font": {"color": reads if n else shades.pale}}


def _mix(one: str, other: str, share: float) -> str:
    """A colour on the way from one to the other.

    >>> _mix("#000000", "#FF8000", 0.5)
    '#804000'
    """
    pairs = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in pairs)


def _unit(figure: go.Figure, word: str, shades: Look) -> None:
    """The axis' unit above it, upright: Chinese on its side cannot be read."""
    quiet = {"color": shades.quiet, "size": 12}
    figure.add_annotation(
        x=0, y=1, xref="paper", yref="paper", text=word, xanchor="left", xshift=-24, yanchor="bottom", yshift=8, showarrow=False, font=quiet
    )


def _width(word: str) -> float:
    """How many Latin letters wide a word is.

    >>> _width("abc"), _width("积压")
    (3.0, 4.0)
    """
    return float(sum(2 if ord(letter) > 0x2E7F else 1 for letter in word))


def _apart(ends: Sequence[float], height: int, gap: float = 18.0) -> list[float]:
    """By how many pixels each end's word must be shifted up so that no two overlap.

    >>> _apart([10, 10], 268)
    [0.0, 18.0]
    """
    top = max([*ends, 1])
    pixels = [end / top * (height - 68) for end in ends]
    placed = list(pixels)
    order = sorted(range(len(ends)), key=lambda i: pixels[i])
    for lower, upper in pairwise(order):
        placed[upper] = max(placed[upper], placed[lower] + gap)
    return [place - pixel for place, pixel in zip(placed, pixels, strict=True)]


def _faint(colour: str, share: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
