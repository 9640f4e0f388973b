"""The words of a language, for every screen. Knows no screen; a missing word is a bug, not an empty place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

LANGUAGES = ("en", "zh")
LOCALES = Path(__file__).resolve().parent.parent / "assets" / "locales"


class Texts:
    """What is written on the screens in one language.

    >>> Texts("en")("walk.add")
    'Add frames'
    """

    def __init__(self, language: str, folder: Path = LOCALES) -> None:
        if language not in LANGUAGES:
            raise KeyError(f"{language} is none of the languages {', '.join(LANGUAGES)}")
        self.language = language
        self.words: Mapping[str, str] = MappingProxyType(read(language, folder))

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key, with {places} filled. Raises KeyError for a key that no file has."""
        words = self.words[key]
        return words.format(**values) if values else words

    def starting(self, *prefixes: str) -> dict[str, str]:
        """All words whose key begins with one of the prefixes."""
        return {key: words for key, words in self.words.items() if key.startswith(prefixes)}


def read(language: str, folder: Path = LOCALES) -> dict[str, str]:
    """`en.json` and every `<screen>.en.json` beside it, as one. Raises KeyError when two files have the same key."""
    merged: dict[str, str] = {}
    for path in [folder / f"{language}.json", *sorted(folder.glob(f"*.{language}.json"))]:
        for key, words in json.loads(path.read_text("utf-8")).items():
            if key in merged:
                raise KeyError(f"{key} stands in {path.name} and in another file")
            merged[key] = words
    return merged
