"""What a page has changed: it asks our own API, for who looks, and gets the answer or the sentence of a refusal. It writes nothing itself."""

from __future__ import annotations

from typing import Any

import httpx
import streamlit as st

from ui.dashboard.board import board

PATIENCE_SECONDS = 600.0


def ask(path: str, body: object, transport: httpx.BaseTransport | None = None) -> dict[str, Any]:
    """POST `body` to /api/v1/`path`. The answer, or {"error": sentence}; an empty sentence when nobody answered."""
    cookie = st.context.headers.get("Cookie", "")
    try:
        with httpx.Client(transport=transport, timeout=PATIENCE_SECONDS, trust_env=False) as client:
            said = client.post(f"{board().api}/api/v1/{path}", json=body, headers={"Cookie": cookie} if cookie else {}).json()
    except (httpx.HTTPError, ValueError):
        return {"error": ""}
    return said if isinstance(said, dict) else {"error": ""}
