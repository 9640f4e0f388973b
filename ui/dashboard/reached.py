"""What pages share about our own API: the address at which this visitor reaches it, links to frames, and the sentence of a refusal. It asks nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from ui.dashboard.board import board
from ui.dashboard.reasons import escaped
from ui.texts import Texts


def site() -> str:
    """The address at which this visitor reached us: what the browser can reach again, whatever the server calls itself."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else board().api


def opened(frame_id: str, say: Texts) -> str:
    """The way to a frame in the inspector."""
    return f"{site()}/?frame={frame_id}&lang={say.language}"


def thumbnail(frame_id: str) -> str:
    """Its small picture."""
    return f"{site()}/api/v1/frames/{frame_id}/preview/320"


def linked(frame_ids: list[str] | tuple[str, ...], say: Texts, most: int = 8) -> str:
    """Frames as links, by the first letters of their ids; Markdown."""
    links = [f"[{frame_id[:8]}]({opened(frame_id, say)})" for frame_id in frame_ids[:most]]
    return " · ".join([*links, *(["…"] if len(frame_ids) > most else [])])


def refused(said: dict[str, Any], say: Texts) -> bool:
    """Show why something was refused; whether it was."""
    if "error" not in said:
        return False
    st.error(escaped(str(said["error"])) if said["error"] else say("dashboard.unreachable"))
    return True
