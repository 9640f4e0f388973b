"""The gate's reasons in the language of the screen: each by its key and values, with shares as people read them. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ui.texts import Texts

NUMBERS = ("risk_cost", "risk_kappa", "box_iou")
"""Metrics that are no shares: told as they are."""

_SHARES = ("before", "after")
_APART = ("least", "allowed", "difference")
_WHOSE = {"the base": "gate.whose.base", "the adapter": "gate.whose.adapter"}


def said(reason: Mapping[str, Any], texts: Texts) -> str:
    """One reason, as `core.evaluation.gate` told it in plain JSON; in its own English words where there are none for its key."""
    values = dict(reason.get("values") or {})
    key = f"gate.{str(reason['key']).replace(' ', '_')}.{_how(reason, values)}"
    if key not in texts.words:
        return str(reason["words"])
    return texts(key, **{name: _shown(name, value, values, texts) for name, value in values.items()})


def _how(reason: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    if reason["passed"]:
        return "yes"
    if reason["key"] == "high" and "scenes" in values:
        return "few"
    if reason["key"] == "scenes":
        return "no"
    return "open" if reason.get("undetermined") else "no"


def _shown(name: str, value: Any, values: Mapping[str, Any], texts: Texts) -> str:
    plain = values.get("metric") in NUMBERS
    if value is None:
        return "–"
    if name == "whose":
        return texts(_WHOSE.get(str(value), "gate.whose.model"))
    if isinstance(value, list | tuple):
        return texts("list.comma").join(str(each) for each in value)
    if name in _APART:
        return f"{value:+.3f}" if plain else texts("gate.points", n=f"{100 * value:+.1f}")
    if name in _SHARES or (name == "needed" and isinstance(value, float)):
        return f"{100 * value:.1f} %"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
