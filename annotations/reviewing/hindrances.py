"""What stands in the way of a verb: a word for each, which bulk verbs count, and the sentence that a person reads. Looks at no record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from core.errors import AppError, Forbidden, OutOfTurn
from core.schema import Correction

OPEN, OWN, UNCONFIRMED, MOVED_ON = "not corrected", "own work", "unconfirmed", "corrected meanwhile"
ACCEPTED, RETURNED, DISPUTED, NOT_DISPUTED = "accepted already", "returned already", "disputed", "not disputed"
WAITING, NOT_WANTED, SAID_ALREADY, OWED = "waits for opinions", "no opinion wanted", "said already", "owes an opinion"
BINNED, NOT_BINNED, SAME_NUMBER, UNKNOWN = "in the bin", "not in the bin", "wanted already", "not in the record"

SENTENCES: Mapping[str, tuple[type[AppError], str]] = {
    OPEN: (OutOfTurn, "Nobody has corrected this frame yet; correct it first."),
    OWN: (Forbidden, "This is your own work; somebody else has to look at it. Nothing was changed."),
    UNCONFIRMED: (
        OutOfTurn,
        "Something in this correction was said by the model alone, and nobody confirmed it. Return it, or correct it yourself; nothing was accepted.",
    ),
    MOVED_ON: (OutOfTurn, "Somebody saved this frame meanwhile; look at the newer version and decide again. Nothing was changed."),
    ACCEPTED: (OutOfTurn, "This frame is accepted already. Nothing was changed."),
    RETURNED: (OutOfTurn, "This frame was returned already; its author is to correct it. Nothing was changed."),
    DISPUTED: (OutOfTurn, "Two opinions on this frame differ; a reviewer decides between them. Nothing was changed."),
    NOT_DISPUTED: (OutOfTurn, "No two opinions differ on this frame just now, so there is nothing to decide. Nothing was changed."),
    WAITING: (OutOfTurn, "This frame still waits for another opinion; look at it when all are in, or want fewer. Nothing was changed."),
    NOT_WANTED: (OutOfTurn, "No further opinion is wanted of this frame. Nothing was saved."),
    SAID_ALREADY: (OutOfTurn, "You have said what you think of this frame already; somebody else is to give the other opinion. Nothing was saved."),
    OWED: (OutOfTurn, "This frame wants an opinion that has not seen the first one. Send yours as an opinion; nothing was saved."),
    BINNED: (OutOfTurn, "This frame is in the bin; take it out first. Nothing was changed."),
    NOT_BINNED: (OutOfTurn, "This frame is not in the bin. Nothing was changed."),
    SAME_NUMBER: (OutOfTurn, "So many opinions are wanted of this frame already. Nothing was changed."),
}  # fmt: skip
"""By the word: the kind of error, and what it says. A frame that is not there at all is `NotFound`, raised where it is looked up."""


def refuse(hindrance: str, *, theirs: Correction | None = None) -> NoReturn:
    """Raise what this hindrance is for a single frame; `theirs`: the correction that came meanwhile."""
    kind, sentence = SENTENCES[hindrance]
    raise OutOfTurn(sentence, theirs=theirs) if kind is OutOfTurn else kind(sentence)
