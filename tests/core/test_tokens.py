"""Tokens lie over the bytes that they are, in any document and any cutting."""

from __future__ import annotations

import math
import random

from core.schema import Reply, Token
from core.spans import Path, locate
from core.tokens import in_bytes, lay, spans_in_bytes

WORDS = ("a", "hammer", "锤子", "😀", "é", "\\u9524", '\\"', "\\\\", "\\n", "{", "]", ",", ":", " ", "\\ud83d\\ude00", "𝄞")
KEYS = ("findings", "box", "label", "工具", "a", "a", '\\"', "😀")


class Writer:
    """Writes a random document and notes where it put each value: bytes, by its own count."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.text = ""
        self.values: dict[Path, tuple[int, int, str]] = {}
        self._gap = self._dice.choice(["", "", " ", "\n  ", "\t"])
        self.text = self._dice.choice(["", "Here it is: ", "好的，", "😀 "])
        self.start = len(self.text)
        self._container((), 0)
        self.text += self._dice.choice(["", " done", "。"])

    def _value(self, path: Path, depth: int) -> None:
        kind = self._dice.random()
        if kind < 0.35 and depth < 4:
            self._container(path, depth)
        elif kind < 0.7:
            said = "".join(self._dice.choices(WORDS, k=self._dice.randint(0, 5)))
            self.text += '"'
            self._note(path, said)
            self.text += '"'
        else:
            self._note(path, self._dice.choice(["0", "-12", "299", "1000", "0.25", "1e-3", "true", "false", "null"]))

    def _note(self, path: Path, said: str) -> None:
        start = len(self.text.encode())
        self.values[path] = (start, start + len(said.encode()), said)
        self.text += said

    def _container(self, path: Path, depth: int) -> None:
        count, is_object = self._dice.randint(0, 4), self._dice.random() < 0.6
        self.text += "{" if is_object else "["
        for at in range(count):
            self.text += ("," if at else "") + self._gap
            if not is_object:
                self._value((*path, at), depth + 1)
                continue
            key = self._dice.choice(KEYS)
            inner = (*path, '"' if key == '\\"' else key)
            for known in [known for known in self.values if known[: len(inner)] == inner]:
                del self.values[known]  # the last of two that are called the same counts
            self.text += f'"{key}"' + self._dice.choice([":", ": ", " : "])
            self._value(inner, depth + 1)
        self.text += self._gap + ("}" if is_object else "]")


def cut(text: str, dice: random.Random) -> tuple[Token, ...]:
    """Tokens of 1 to 6 bytes, through characters too."""
    content, tokens, at = text.encode(), [], 0
    while at < len(content):
        length = dice.randint(1, 6)
        tokens.append(Token(content[at : at + length].decode("utf-8", "surrogateescape"), math.log(dice.uniform(0.05, 1))))
        at += length
    return tuple(tokens)


def mistakes(seed: int) -> int:
    """Values of one document that are not found, found elsewhere, or given other tokens than those that a byte-by-byte count gives them."""
    writer = Writer(seed)
    made = cut(writer.text, random.Random(seed))
    tokens = lay(Reply(writer.text, "m", "p", 0.1, made))
    assert tokens is not None
    owners = [number for number, token in enumerate(made) for _ in in_bytes(token.text)]
    layout = spans_in_bytes(writer.text, locate(writer.text, writer.start))
    wrong = len(layout.values.keys() ^ writer.values.keys())
    for path, (start, end, said) in writer.values.items():
        if layout.values.get(path) != (start, end):
            wrong += 1
            continue
        pieces = tokens.over((start, end + 1))  # with what ends it, as it is always read: a value may be empty
        expected = sorted(set(owners[start : end + 1]))
        joined = b"".join(piece.inside for piece in pieces)
        right = tokens.numbers((start, end + 1)) == expected and joined[:-1] == said.encode()
        right = right and [piece.p for piece in pieces] == [math.exp(made[number].logprob) for number in expected]
        right = right and all(piece.prefix == joined[: len(piece.prefix)] for piece in pieces)
        wrong += not right
    return wrong


def test_every_value_of_every_document_has_its_own_tokens() -> None:
    found = [mistakes(seed) for seed in range(10_000)]
    assert (len(found), sum(found)) == (10_000, 0)


def test_the_documents_hold_what_is_hard() -> None:
    """Characters that are cut, values of several tokens, keys in keys, indents, chatter."""
    writers = [Writer(seed) for seed in range(500)]
    assert sum(any(ord(letter) > 0xFFFF for letter in writer.text) for writer in writers) > 100
    assert sum(any(path.count("a") > 1 for path in writer.values) for writer in writers) > 20
    assert sum("\n" in writer.text for writer in writers) > 50
    assert sum(len(writer.values) for writer in writers) > 1500
    assert any("\udc80" <= letter <= "\udcff" for token in cut(writers[0].text + "锤子" * 9, random.Random(0)) for letter in token.text)


def test_tokens_of_another_text_are_laid_over_nothing() -> None:
    assert lay(Reply("ab", "m", "p", 0.1, (Token("a", -0.1),))) is None
    assert lay(Reply("ab", "m", "p", 0.1)) is None


def test_half_a_character_of_utf_16_breaks_nothing() -> None:
    text = '{"a":"\ud83d","b":1}'
    tokens = lay(Reply(text, "m", "p", 0.1, tuple(Token(letter, -0.1) for letter in text)))
    assert tokens is not None
    start, end = spans_in_bytes(text, locate(text)).values[("b",)]
    assert tokens.text[start:end] == b"1"
