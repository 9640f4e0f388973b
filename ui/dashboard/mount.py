"""The dashboard as a part of our own app: one process, one port, one guard. Streamlit's runtime lives as long as the app does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from annotations.reports import Reports
from core.profile import Profile
from core.settings import Settings
from ui.dashboard.board import Board, Learning, hand_over
from ui.dashboard.page_head import PageHead

SCRIPT = Path(__file__).with_name("app.py")


def mount_dashboard(
    app: FastAPI, reports: Reports, profile: Profile, settings: Settings, *, guarded: bool = False, learning: Learning | None = None
) -> None:
    """Mount it at /dashboard. Call once a process: Streamlit knows one script only."""
    import streamlit as st  # late: a second and a half that only a served app has to pay

    hand_over(Board(reports, profile, settings.language, settings.address, guarded, learning))
    screens = st.App(SCRIPT)
    running, before = screens.lifespan(), app.router.lifespan_context

    @asynccontextmanager
    async def both(outer: Any) -> AsyncIterator[Any]:
        async with before(outer) as state, running(outer):
            yield state

    app.router.lifespan_context = both
    app.mount("/dashboard", PageHead(screens))
