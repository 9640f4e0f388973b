"""What the parts of a set show, side by side: a bar for each word and part, its length the share of the part's frames, its number the frames. No Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ui.dashboard.charts import Look, template


@dataclass(frozen=True, slots=True)
class Row:
    """A word, and how many frames of each part show it."""

    name: str
    counts: tuple[int, ...]  # in the order of the parts


def balanced(rows: Sequence[Row], titles: Sequence[str], sizes: Sequence[int], unit: str, shades: Look) -> go.Figure:
    """`sizes`: frames of each part. All parts have one scale, so that bars can be compared across them; a 0 is written in full ink."""
    figure = make_subplots(rows=1, cols=len(titles), shared_yaxes=True, horizontal_spacing=0.04)
    names = [f"{row.name} " for row in rows]  # the space keeps the word off the bar
    shares = [[100 * row.counts[i] / size if size else 0.0 for row in rows] for i, size in enumerate(sizes)]
    top = max((share for part in shares for share in part), default=0.0) or 1.0
    for place, (title, part) in enumerate(zip(titles, shares, strict=True)):
        counts = [row.counts[place] for row in rows]
        figure.add_bar(
            x=part,
            y=names,
            orientation="h",
            marker={"color": shades.courses[0]},
            text=[f"{n:,}" for n in counts],
            textposition="outside",
            textfont={"color": [shades.ink if n == 0 else shades.quiet for n in counts]},
            cliponaxis=False,
            customdata=[[f"{n:,}", f"{sizes[place]:,}"] for n in counts],
            hovertemplate="%{y}: %{customdata[0]} / %{customdata[1]} (%{x:.0f} %)<extra></extra>",
            row=1,
            col=place + 1,
        )
        axis = "" if place == 0 else str(place + 1)
        figure.add_annotation(
            x=0,
            xref=f"x{axis} domain",
            y=1,
            yref="paper",
            yanchor="bottom",
            yshift=6,
            text=f"<b>{title}</b>",
            showarrow=False,
            xanchor="left",
        )
    figure.update_layout(
        template=template(shades), height=92 + 30 * len(rows), margin={"l": 8, "r": 30, "t": 34, "b": 8}, hovermode="closest"
    )
    figure.update_xaxes(range=[0, min(118.0, 1.2 * top)], nticks=4, title_text=unit, ticksuffix="")
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"color": shades.ink, "size": 14}, type="category")
    return figure
