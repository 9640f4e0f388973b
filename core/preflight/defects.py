"""A defect of a training set: where it is, of which kind, and what is wrong in a sentence. Finds none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFECTS: Mapping[str, str] = {
    "missing": "a frame file is not there, or lies outside the folder",
    "unreadable": "a frame file is no picture, is cut off, or is not the one that was exported",
    "tags": "the number of frames is not the number of places for them",
    "schema": "a line or an answer has not the shape that is asked for",
    "empty": "there is no answer to learn",
    "box": "a box lies outside the frame, or has no size",
    "label": "an answer holds a word that the profile does not have",
    "prompt": "the question is not the one that is asked in use",
    "mask": "the loss would fall on something other than the answer",
    "duplicate": "a frame is there twice",
    "leak": "the same frame or scene is in two parts",
    "coordinates": "the boxes are not in the frame of reference that the manifest declares",
}
"""The kinds by key, and what each means."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Something for which a set must not teach."""

    place: str  # "train/sft.parts.jsonl, line 7", relative to the set's folder
    key: str  # of DEFECTS
    words: str  # a sentence

    @property
    def sentence(self) -> str:
        """Place and words.

        >>> Defect("test/sft.parts.jsonl, line 7", "empty", "There is no answer.").sentence
        'test/sft.parts.jsonl, line 7: There is no answer.'
        """
        return f"{self.place}: {self.words}"
