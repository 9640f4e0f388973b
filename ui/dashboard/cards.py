"""Frames as cards: thumbnail, mark, uncertainty, and the way into the inspector. Pictures come from our own API by address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from ui.dashboard.board import badge, literal
from ui.dashboard.reached import opened, thumbnail
from ui.inspector.actions import SURE_ABOVE, UNCERTAIN_BELOW
from ui.texts import Texts

WIDTH = 188  # pixels of a card's inside; five in a row on a wide screen, three on a tablet


def cards(rows: Sequence[dict[str, Any]], say: Texts) -> None:
    """A card for each row of `Reports.queue`, as many in a line as the screen holds."""
    with st.container(horizontal=True, gap="small"):
        for row in rows:
            with st.container(border=True, width=WIDTH + 26, gap="xsmall", key=f"card_{row['frame_id'][:16]}"):
                _card(row, say)


def _card(row: dict[str, Any], say: Texts) -> None:
    picture, link = thumbnail(row["frame_id"]), opened(row["frame_id"], say)
    st.image(picture, link=link, alt=f"{say('dashboard.open')}: {row['name']}", width=WIDTH)
    st.markdown(badge(row["level"], say))
    st.caption(f"{_sureness(row, say)}  \n{literal(row['name'])}")


def _sureness(row: dict[str, Any], say: Texts) -> str:
    """How sure the model was: a bar of three steps, as in the inspector. No percentage while confidences are not calibrated."""
    unsure, word = row["uncertainty"], "unassessed"
    if unsure is not None:
        word = "unjudged" if row["level"] is None and row["verdict"] is None else "sure"
    steps = 0 if unsure is None else 1 + (1 - unsure >= UNCERTAIN_BELOW) + (1 - unsure >= SURE_ABOVE)
    return say(f"dashboard.queue.{word}", bar="▂▅▇"[:steps])
