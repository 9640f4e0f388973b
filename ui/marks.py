"""Colours and shapes that mean the same on every screen: a level's mark, a label's colour. No toolkit, no words."""

from __future__ import annotations

from dataclasses import dataclass

from core.profile import Profile

PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""Okabe and Ito (2008), told apart by people who see few colours. Black is left out: it is the casing of every line."""

OTHER = "#9AA0A6"  # a label that the profile no longer has


@dataclass(frozen=True, slots=True)
class Mark:
    """How a risk level looks: a shape beside the word, text on ground in light and dark, all at 4.5:1 or more."""

    shape: str
    light: tuple[str, str]  # text, ground
    dark: tuple[str, str]


MARKS = {
    "high": Mark("⬣", ("#B71C1C", "#FDECEA"), ("#FFB4AB", "#4A1512")),
    "medium": Mark("▲", ("#8A4200", "#FFF1E0"), ("#FFCC99", "#42260A")),
    "low": Mark("●", ("#0B5563", "#E3F4F7"), ("#9ADCE8", "#0E3138")),
    "none": Mark("✓", ("#1B5E20", "#E8F5E9"), ("#A5D6A7", "#14331A")),
    "undetermined": Mark("?", ("#4A3B6B", "#EFEAF7"), ("#D0C4EC", "#2C2440")),
}


def mark(level: str | None) -> Mark:
    """The mark of a level; None is *undetermined* and is never shown as "none"."""
    return MARKS["undetermined" if level is None else level]


def colour(profile: Profile, label: str) -> str:
    """The colour of a label: by its place in the profile, so always the same."""
    for place, term in enumerate(profile.labels):
        if term.key == label:
            return PALETTE[place % len(PALETTE)]
    return OTHER


def ink(ground: str) -> str:
    """Black or white, whichever reads better on `ground` (relative luminance as WCAG 2.2 defines it).

    >>> ink("#F0E442"), ink("#0072B2")
    ('#000000', '#FFFFFF')
    """
    return "#000000" if contrast("#000000", ground) >= contrast("#FFFFFF", ground) else "#FFFFFF"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1..21 (WCAG 2.2)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
