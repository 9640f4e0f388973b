"""What every address asks of whoever comes: one table, looked up before any app is reached. What is not in it is shut, to everybody.

A new route needs its line here; a test walks all routes of the running app and is red for one that is neither declared nor shut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from core.rights import Role

OPEN: Final = None
"""Open to everybody, also to those who did not log in."""

WEBSOCKET = "WEBSOCKET"
"""The method of a socket."""

NEEDS: Mapping[tuple[str, str], Role | None] = {
    # is it alive; of readiness no more than a yes, a no and a sentence
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): "viewer",
    ("GET", "/api/v1/openapi.json"): "viewer",
    # coming in
    ("GET", "/login"): OPEN,
    ("GET", "/join/{token}"): OPEN,
    ("POST", "/join/{token}"): OPEN,
    ("GET", "/entrance/{name}"): OPEN,
    ("POST", "/api/v1/login"): OPEN,
    ("POST", "/api/v1/logout"): OPEN,
    ("GET", "/api/v1/oidc/start"): OPEN,
    ("GET", "/api/v1/oidc/back"): OPEN,
    ("GET", "/api/v1/me"): "viewer",
    # people and tokens
    ("GET", "/api/v1/tokens"): "viewer",
    ("POST", "/api/v1/tokens"): "viewer",
    ("DELETE", "/api/v1/tokens/{token_id}"): "viewer",
    ("GET", "/api/v1/people"): "admin",
    ("POST", "/api/v1/people"): "admin",
    ("PATCH", "/api/v1/people/{name}"): "admin",
    ("POST", "/api/v1/people/{name}/link"): "admin",
    ("GET", "/api/v1/people/{name}/tokens"): "admin",
    ("DELETE", "/api/v1/people/{name}/tokens/{token_id}"): "admin",
    # frames, and what machines and people say of them
    ("GET", "/api/v1/frames"): "viewer",
    ("POST", "/api/v1/frames"): "inspector",
    ("GET", "/api/v1/frames/{frame_id}"): "viewer",
    ("POST", "/api/v1/frames/{frame_id}/assess"): "inspector",
    ("POST", "/api/v1/frames/{frame_id}/corrections"): "annotator",
    ("GET", "/api/v1/frames/{frame_id}/history"): "viewer",
    ("GET", "/api/v1/frames/{frame_id}/preview/{size}"): "viewer",
    ("GET", "/api/v1/frames/{frame_id}/picture"): "viewer",
    ("GET", "/api/v1/frames/{frame_id}/annotated"): "viewer",
    ("GET", "/api/v1/assessments"): "viewer",
    ("GET", "/api/v1/walk"): "viewer",
    ("GET", "/api/v1/next"): "annotator",
    ("POST", "/api/v1/inspect"): "inspector",
    ("POST", "/api/v1/inspect/base64"): "inspector",
    ("GET", "/api/v1/frames.csv"): "lead",
    ("GET", "/api/v1/frames.xlsx"): "lead",
    # second looks
    ("POST", "/api/v1/frames/{frame_id}/reviews"): "reviewer",
    ("POST", "/api/v1/frames/{frame_id}/restore"): "annotator",
    ("POST", "/api/v1/frames/{frame_id}/opinions"): "annotator",
    ("POST", "/api/v1/frames/{frame_id}/adjudicate"): "reviewer",
    ("PUT", "/api/v1/frames/{frame_id}/wanted"): "reviewer",
    ("POST", "/api/v1/frames/{frame_id}/bin"): "lead",
    ("POST", "/api/v1/frames/{frame_id}/unbin"): "lead",
    ("GET", "/api/v1/bin"): "lead",
    ("POST", "/api/v1/bulk"): "lead",
    # the queue
    ("POST", "/api/v1/next"): "annotator",
    ("PUT", "/api/v1/frames/{frame_id}/lease"): "annotator",
    ("DELETE", "/api/v1/frames/{frame_id}/lease"): "annotator",
    # draws of the queue
    ("GET", "/api/v1/policies"): "viewer",
    ("GET", "/api/v1/draws"): "viewer",
    ("POST", "/api/v1/draws"): "lead",
    ("GET", "/api/v1/draws/{number}"): "viewer",
    # the site
    ("GET", "/api/v1/profile"): "viewer",
    ("GET", "/api/v1/samples"): "viewer",
    ("GET", "/api/v1/samples/{name}"): "viewer",
    ("POST", "/api/v1/samples/{name}"): "inspector",
    ("POST", "/api/v1/exports/sft"): "lead",
    ("POST", "/api/v1/exports"): "lead",
    ("GET", "/api/v1/exports"): "lead",
    ("GET", "/api/v1/exports/{name}"): "lead",
    ("POST", "/api/v1/exports/{name}/cancel"): "lead",
    ("GET", "/api/v1/exports/{name}/file"): "lead",
    ("GET", "/api/v1/audit"): "lead",
    # privacy
    ("GET", "/api/v1/frames/{frame_id}/original"): "lead",
    ("POST", "/api/v1/erasures"): "lead",
    # models
    ("GET", "/api/v1/models"): "viewer",
    ("POST", "/api/v1/models/{name}/check"): "admin",
    ("POST", "/api/v1/models/{name}/use"): "admin",
    # frozen data sets
    ("GET", "/api/v1/datasets"): "viewer",
    ("POST", "/api/v1/datasets"): "lead",
    ("GET", "/api/v1/datasets/{name}"): "viewer",
    ("GET", "/api/v1/datasets/{name}/leaks"): "viewer",
    ("GET", "/api/v1/datasets/{a}/compare/{b}"): "viewer",
    # adapters, and what taught them; to promote one that did not pass its gate is for admins, which the route asks itself
    ("GET", "/api/v1/adapters"): "viewer",
    ("GET", "/api/v1/adapters/{name}"): "viewer",
    ("POST", "/api/v1/adapters"): "lead",
    ("POST", "/api/v1/adapters/roll-back"): "lead",
    ("POST", "/api/v1/adapters/{name}/promote"): "lead",
    ("GET", "/api/v1/lineage"): "lead",
    # trainings
    ("GET", "/api/v1/trainings"): "viewer",
    ("POST", "/api/v1/trainings"): "lead",
    ("GET", "/api/v1/trainings/{name}"): "viewer",
    ("POST", "/api/v1/trainings/{name}/cancel"): "lead",
    ("POST", "/api/v1/trainings/{name}/resume"): "lead",
    # the inspector: Gradio brings one page and what that page loads; nothing goes back through it
    ("GET", "/"): "viewer",
    ("GET", "/assets/{path:path}"): "viewer",
    ("GET", "/static/{path:path}"): "viewer",
    ("GET", "/theme.css"): "viewer",
    ("GET", "/favicon.ico"): OPEN,
    # the dashboard: Streamlit's page under the name of each of ours, what it loads, and its socket
    ("GET", "/dashboard"): "viewer",
    ("GET", "/dashboard/"): "viewer",
    ("GET", "/dashboard/today"): "viewer",
    ("GET", "/dashboard/queue"): "viewer",
    ("GET", "/dashboard/quality"): "viewer",
    ("GET", "/dashboard/data"): "viewer",
    ("GET", "/dashboard/training"): "viewer",
    ("GET", "/dashboard/models"): "viewer",
    ("GET", "/dashboard/efficiency"): "viewer",
    ("GET", "/dashboard/health"): "lead",
    ("GET", "/dashboard/people"): "lead",
    ("GET", "/dashboard/static/{path:path}"): "viewer",
    ("GET", "/dashboard/favicon.png"): "viewer",
    ("GET", "/dashboard/_stcore/health"): "viewer",
    ("GET", "/dashboard/_stcore/host-config"): "viewer",
    (WEBSOCKET, "/dashboard/_stcore/stream"): "viewer",
}
"""(method, address as a route writes it) -> the least role. HEAD is a GET. Inside the dashboard a page asks for its role itself: changing
from page to page goes through the socket, not through an address."""

_PLACE = re.compile(r"\{\w+(:path)?\}")


@dataclass(frozen=True, slots=True)
class Need:
    """What an address asks for."""

    template: str  # as a route writes it
    role: Role | None  # None: open to everybody


@dataclass(frozen=True, slots=True)
class Permissions:
    """The table, compiled: exact addresses first, then those with places in them, in the order of the table."""

    exact: Mapping[tuple[str, str], Need]
    shaped: Mapping[str, tuple[re.Pattern[str], tuple[Need, ...]]]  # by method: one pattern, a group a line
    methods: tuple[str, ...] = field(default=())

    def need(self, method: str, path: str) -> Need | None:
        """What it asks for; None: it is shut."""
        asked = "GET" if method == "HEAD" else method
        known = self.exact.get((asked, path))
        if known is not None:
            return known
        pattern, needs = self.shaped.get(asked, (None, ()))
        found = pattern.fullmatch(path) if pattern else None
        return needs[found.lastindex - 1] if found is not None and found.lastindex else None

    def others(self, path: str) -> list[str]:
        """The methods that this address does take."""
        return [method for method in self.methods if method != WEBSOCKET and self.need(method, path)]


def compiled(needs: Mapping[tuple[str, str], Role | None] = NEEDS) -> Permissions:
    """The table as it is looked up.

    >>> compiled().need("GET", "/api/v1/frames/abc/preview/320").role
    'viewer'
    >>> compiled().need("POST", "/gradio_api/upload") is None
    True
    """
    exact = {key: Need(key[1], role) for key, role in needs.items() if "{" not in key[1]}
    lines = sorted(((method, path, role) for (method, path), role in needs.items() if "{" in path), key=lambda line: line[0])
    shaped = {method: _joined((path, role) for _, path, role in group) for method, group in groupby(lines, key=lambda line: line[0])}
    return Permissions(exact, shaped, tuple(dict.fromkeys(method for method, _ in needs)))


def _joined(lines: Iterable[tuple[str, Role | None]]) -> tuple[re.Pattern[str], tuple[Need, ...]]:
    needs = tuple(Need(path, role) for path, role in lines)
    return re.compile("|".join(f"({_pattern(need.template)})" for need in needs)), needs


def _pattern(template: str) -> str:
    """A template as a pattern without groups: a place is one part of an address, `:path` any number of them."""
    out, end = "", 0
    for place in _PLACE.finditer(template):
        out += re.escape(template[end : place.start()]) + (r"[\s\S]*" if place.group(1) else "[^/]+")
        end = place.end()
    return out + re.escape(template[end:])
