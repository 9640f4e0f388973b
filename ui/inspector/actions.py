"""What the inspector hands to the browser, as plain values. No toolkit, no store: the browser asks the API for frames by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.profile import Profile, Term
from ui.marks import OTHER, colour, ink
from ui.texts import LANGUAGES, Texts

UNCERTAIN_BELOW = 0.6  # a field or box of the model below this is marked "?" and comes first in Tab order
SURE_ABOVE = 0.85  # from here on the bar of three steps is full
ROUGH_BELOW = 0.6  # a box whose expected overlap with the true one is less is marked "?"
MISSED_ABOVE = 0.2  # from here on the screen says that the model may have missed something
SCREEN_WORDS = (
    "nav.", "language.", "theme.", "seconds", "close", "list.", "top.", "name.", "risk.", "level.", "panel.", "field.", "sure.", "said.", "violations.", "seen.",
    "dropped.", "note.", "origin.", "history.", "stage.", "bar.", "tools.", "menu.", "agree", "cannot_tell", "save", "next.", "draft.", "conflict.",
    "faded.", "walk.", "person.", "role.", "state.", "review.", "bin.", "merge.", "people.", "add.", "drop.", "samples.", "camera.", "net.", "keys.", "host.", "models.",
)  # fmt: skip


def given(profile: Profile, *, language: str, model: str | None, prompt_id: str | None = None, max_upload_mib: int) -> dict[str, Any]:
    """All that the screen needs before its first frame: words of every language, the profile's terms with their colours, options."""
    return {
        "words": {each: Texts(each).starting(*SCREEN_WORDS) for each in LANGUAGES},
        "profile": terms_of(profile),
        "options": {
            "api": "/api/v1",
            "dashboard": "/dashboard",
            "language": language,
            "model": model,
            "prompt_id": prompt_id,  # with the model: whose answer counts as given; another's is asked for anew
            "max_upload_mib": max_upload_mib,
            "uncertain_below": UNCERTAIN_BELOW,
            "sure_above": SURE_ABOVE,
            "rough_below": ROUGH_BELOW,
            "missed_above": MISSED_ABOVE,
            "boxless": not profile.fields,
            "other_colour": OTHER,
        },
    }


def terms_of(profile: Profile) -> dict[str, Any]:
    """The profile as the form needs it, in every language."""
    return {
        "key": profile.key,
        "names": dict(profile.names),
        "levels": list(profile.levels),
        "labels": [
            {**_term(term), "aliases": list(term.aliases), "colour": (ground := colour(profile, term.key)), "ink": ink(ground)}
            for term in profile.labels
        ],
        "fields": {name: _terms(profile.terms(name)) for name in profile.fields},
        "hazards": [
            {"key": hazard.key, "names": dict(hazard.names), "fixes": dict(hazard.fixes), "risk": hazard.risk, "mark": list(hazard.mark)}
            for hazard in profile.hazards
        ],
        "not_applicable": list(profile.not_applicable),
    }


def _terms(terms: Sequence[Term]) -> list[dict[str, Any]]:
    return [_term(term) for term in terms]


def _term(term: Term) -> dict[str, Any]:
    return {"key": term.key, "names": dict(term.names)}
