"""What a gate looked at, in sentences of the visitor's language. It decides nothing; a reason that it does not know keeps the gate's own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ui.dashboard.board import percent, whole
from ui.texts import Texts

PLAIN = ("risk_cost", "risk_kappa", "box_iou")
"""Metrics that are no shares."""

FIELDS = ("tool", "part", "action", "phase", "risk")

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#$~|:!+-])")

Told = Mapping[str, Any]
Words = tuple[str, dict[str, object]]
"""The end of a key, and what stands in its places."""


def escaped(text: str) -> str:
    """Somebody else's words for a place that reads Markdown, where they are to look like ours: nothing in them is taken as Markdown.

    >>> escaped("a*b*")
    'a\\\\*b\\\\*'
    """
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def name_of(reason: Told, say: Texts) -> str:
    """What was looked at, in a word or two."""
    key = f"dashboard.gate.name.{_key(reason)}"
    return say(key) if key in say.words else escaped(str(reason.get("key", "–")))


def sentence(reason: Told, say: Texts) -> str:
    """Why it held or did not, as Markdown."""
    make, values = _SAID.get(str(reason.get("key"))), reason.get("values")
    if make is not None and isinstance(values, Mapping):
        try:
            key, places = make(reason, values, say)
        except (KeyError, TypeError, ValueError):  # written by another version: its own words say it
            return _own(reason)
        return say(f"dashboard.gate.{key}", **places) if places else say(f"dashboard.gate.{key}")
    return _own(reason)


def metric_word(name: str, say: Texts) -> str:
    """A metric by the name that the gate knows it by."""
    field, _, what = name.partition("_")
    if field in FIELDS and what in ("accuracy", "f1"):
        return say(f"dashboard.metric.of.{what}", field=say(f"dashboard.field.{field}"))
    key = f"dashboard.metric.{name}"
    return say(key) if key in say.words else escaped(name)


def signed(value: float, name: str = "") -> str:
    """A difference with its sign: of shares in points of percent, of other metrics as it is.

    >>> signed(0.1234), signed(-0.3333, "risk_cost"), signed(-0.0001)
    ('+12.3', '-0.33', '+0.0')
    """
    scaled, digits = (value, 2) if name in PLAIN else (100 * value, 1)
    return f"{round(scaled, digits) + 0.0:+.{digits}f}"


def _own(reason: Told) -> str:
    return escaped(str(reason.get("words") or reason.get("key") or "–"))


def _key(reason: Told) -> str:
    return str(reason.get("key")).replace(" ", "_")


def _held(reason: Told) -> str:
    return f"{_key(reason)}.{'ok' if reason.get('passed') else 'bad'}"


def _share(value: float, say: Texts) -> str:
    return say("dashboard.percent", n=f"{100 * value:g}")


def _counted(*names: str) -> Callable[[Told, Told, Texts], Words]:
    """A sentence with counts; what is needed of shares is told as one."""

    def make(reason: Told, values: Told, say: Texts) -> Words:
        places: dict[str, object] = {name: whole(int(values[name])) for name in names}
        if "needed" in values:
            places["needed"] = _share(values["needed"], say) if isinstance(values["needed"], float) else whole(values["needed"])
        return _held(reason), places

    return make


def _frame(reason: Told, values: Told, say: Texts) -> Words:
    if not values:
        return "frame.unchecked", {}
    verdict = str(values["verdict"])
    if verdict == "scaled":
        x, y = values["scale"]
        return "frame.scaled", {"x": f"{x:.2f}", "y": f"{y:.2f}"}
    return {"fits": "frame.fits", "other": "frame.other", "undecided": "frame.undecided"}[verdict], {}


def _unknown(reason: Told, values: Told, say: Texts) -> Words:
    if reason.get("passed"):
        return _held(reason), {}
    return _held(reason), {"unknown": whole(int(values["unknown"])), "some": escaped(str(values["some"]))}


def _blank(reason: Told, values: Told, say: Texts) -> Words:
    if not values["blank"]:
        return "blank.unasked", {}
    if reason.get("passed"):
        return "blank.ok", {"blank": whole(int(values["blank"]))}
    return "blank.bad", {"blank": whole(int(values["blank"])), "hazards": escaped(", ".join(map(str, values["hazards"])))}


def _kept(reason: Told, values: Told, say: Texts) -> Words:
    """Whether something was lost."""
    what = say(f"dashboard.gate.what.{_key(reason)}")
    if "scenes" in values:
        return "high.few", {"scenes": whole(int(values["scenes"])), "needed": whole(int(values["needed"]))}
    if values["least"] is None or values["before"] is None or values["after"] is None:
        return "kept.unmeasured", {"what": what}
    how = "ok" if reason.get("passed") else "unknown" if reason.get("undetermined") else "bad"
    told: dict[str, object] = {
        "what": what,
        "before": percent(values["before"], say),
        "after": percent(values["after"], say),
        "least": signed(values["least"]),
    }
    return f"kept.{how}", told if how == "ok" else {**told, "allowed": signed(values["allowed"])}


def _better(reason: Told, values: Told, say: Texts) -> Words:
    name = str(values["metric"])
    if values["least"] is None or values["difference"] is None:
        return "better.unmeasured", {"metric": metric_word(name, say)}
    unit = say("dashboard.gate.plain" if name in PLAIN else "dashboard.gate.points")
    ends = {"gain": signed(values["difference"], name), "least": signed(values["least"], name), "unit": unit}
    return _held(reason), {"metric": metric_word(name, say), **ends}


def _whose(*names: str) -> Callable[[Told, Told, Texts], Words]:
    """A sentence about one of both models."""
    sides = {"the base": "before", "before": "before", "the adapter": "after", "after": "after", "the model": "after"}

    def make(reason: Told, values: Told, say: Texts) -> Words:
        whose = say(f"dashboard.gate.whose.{sides[str(values['whose'])]}")
        return _key(reason), {"whose": whose, **{name: whole(int(values[name])) for name in names}}

    return make


def _plainly(*names: str) -> Callable[[Told, Told, Texts], Words]:
    return lambda reason, values, say: (_key(reason), {name: whole(int(values[name])) for name in names})


_SAID: Mapping[str, Callable[[Told, Told, Texts], Words]] = {
    "scenes": _counted("scenes"),
    "frame": _frame,
    "differs": _counted("differing", "frames"),
    "json": _counted("valid", "frames"),
    "unknown clauses": _unknown,
    "unknown labels": _unknown,
    "blank": _blank,
    "fields": _kept,
    "boxes": _kept,
    "high": _kept,
    "better": _better,
    "learned": _plainly("frames"),
    "identical": _plainly("frames"),
    "no frames": _plainly(),
    "dropped frames": _whose("missing", "frames"),
    "foreign frames": _whose("foreign"),
    "constant": _whose(),
    "unmeasured": _plainly(),
}
"""By the key of a reason (`core.evaluation.gate`, `core.evaluation.soundness`, `annotations.learning`)."""
