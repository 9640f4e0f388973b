"""A login elsewhere that led nowhere: one error, with the word under which its sentence stands in every language."""

from __future__ import annotations

from core.errors import LoginNeeded


class Unproven(LoginNeeded):
    """`why` is one of `ui.entrance.pages.FAULTS`; the message is for the log, and holds nothing that was sent."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why
