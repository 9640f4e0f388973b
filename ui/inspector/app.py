"""Where the inspector stands: one Gradio page with one component, mounted in our FastAPI. Layout only; decides and stores nothing."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from annotations.desk import Desk
from core.profile import Profile
from core.settings import Settings
from ui.inspector.actions import given
from ui.inspector.editor import Editor, style

FONTS = ("system-ui", "Segoe UI", "Roboto", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif")
HEAD = (
    '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"><meta name="referrer" content="same-origin">'
)


def build(desk: Desk, profile: Profile, settings: Settings) -> gr.Blocks:
    """The page. It asks the desk only which model answers, and to what; all else the browser fetches by the API."""
    handed = given(profile, language=settings.language, model=desk.model, prompt_id=desk.prompt_id, max_upload_mib=settings.max_upload_mib)
    page: gr.Blocks
    with gr.Blocks(title="GembaLens", analytics_enabled=False, fill_width=True, fill_height=True) as page:
        Editor(handed)
    return page


def mount_inspector(app: FastAPI, desk: Desk, profile: Profile, settings: Settings, *, path: str = "/") -> FastAPI:
    """Mount the page. Whatever is mounted at "/" answers all addresses that nobody has taken before: call this last."""
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build(desk, profile, settings),
        path=path,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size=settings.max_upload_mib * 1024 * 1024,
        theme=gr.themes.Base(font=FONTS, font_mono=("ui-monospace", "Consolas", "Noto Sans Mono", "monospace")),
        head=f"{HEAD}<style>{style()}</style>",
    )
    return mounted
