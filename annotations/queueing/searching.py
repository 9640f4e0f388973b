"""Frames by what stands in their names and in people's notes and comments: parts of words and Chinese too. Whatever people type is text, never syntax.

SQLite's trigram index finds every word of three characters or more; blanks part words, and all words must stand in one and the same text.
A query of shorter words alone (two characters are a whole word in Chinese) is answered by the parts that begin with it, out of the index's own
list of parts, and by a look through the newest texts. Every look is bounded: of what is found everywhere the newest are given.
What opinions say is kept here by triggers, in the transaction in which it is said; blind opinions are not searched.
"""

from __future__ import annotations

import re
import sqlite3

import orjson

from annotations.queueing.queues import OWED
from core.errors import Malformed

LONGEST = 200  # characters of a query
MOST_WORDS = 8
MOST_FOUND = 1_000  # texts that are looked at for one query, the newest first
MOST_PARTS = 800  # places in the index's list of parts at which a query of one or two characters is looked for
MOST_LOOKED = 1_500  # newest texts through which it looks
PART = 3  # characters of a part of the index


def frames(connection: sqlite3.Connection, said: str) -> list[int]:
    """Numbers of frames of which a text holds all the words, without order. Raises Malformed for a query that is too long or says nothing."""
    asked = words(said)
    long = [word for word in asked if len(word) >= PART]
    short = [word for word in asked if len(word) < PART]
    if long:
        phrases = " ".join('"' + word.replace('"', '""') + '"' for word in long)
        found = connection.execute(FOUND, {"phrases": phrases, "checked": bool(short), "most": MOST_FOUND})
    else:
        first = max(asked, key=len)
        begun = connection.execute(BEGUN, {"first": first, "behind": first + chr(0x10FFFF), "most": MOST_PARTS})
        also = orjson.dumps([row["doc"] for row in begun]).decode()
        like = "%" + re.sub(r"([\\%_])", r"\\\1", first) + "%"
        found = connection.execute(NEWEST, {"also": also, "like": like, "most": MOST_LOOKED})
    return list({row["frame"]: None for row in found if all(word in row["text"].lower() for word in short)})


_OPEN = f"NOT (t.kind = 'note' AND EXISTS (SELECT 1 FROM frame_states s WHERE s.frame = t.frame AND {OWED}))"  # noqa: S608 - written above
"""A note that somebody who owes an opinion shall not have seen yet is found by nobody."""

FOUND = (
    "SELECT t.frame, CASE WHEN :checked THEN t.text END AS text FROM (SELECT rowid AS seq FROM found WHERE found MATCH :phrases ORDER BY rowid DESC LIMIT :most) f "  # noqa: S608
    f"CROSS JOIN texts t ON t.seq = f.seq WHERE {_OPEN}"
)
BEGUN = "SELECT DISTINCT doc FROM (SELECT doc FROM found_parts WHERE term >= :first AND term < :behind LIMIT :most)"
"""Texts in which a part begins so. Two line breaks stand behind every text, so its last characters begin a part too."""
NEWEST = (
    f"SELECT t.frame, t.text FROM texts t WHERE t.seq IN (SELECT value FROM json_each(:also)) AND {_OPEN} "  # noqa: S608
    "UNION ALL SELECT t.frame, t.text FROM (SELECT * FROM texts ORDER BY seq DESC LIMIT :most) t "
    f"WHERE t.text LIKE :like ESCAPE '\\' AND {_OPEN}"
)


def drop(connection: sqlite3.Connection, frame: int) -> int:
    """Take all texts of a frame out of the index; how many there were. What is erased must not be found, nor tell by its parts that it was there."""
    gone = connection.execute("DELETE FROM texts WHERE frame = ?", (frame,)).rowcount
    if gone:
        connection.execute("INSERT INTO found (found, rank) VALUES ('merge', -500)")
    return gone


def words(said: str) -> list[str]:
    """The words of a query as the index folds them: lower case. What no text can hold is a blank. Raises Malformed."""
    if len(said) > LONGEST:
        raise Malformed(f"search takes at most {LONGEST} characters.")
    shown = "".join(c if c.isprintable() else " " for c in said.encode("utf-8", "replace").decode("utf-8"))
    found = list(dict.fromkeys(shown.lower().split()))
    if not found:
        raise Malformed("search needs a word, or leave it out.")
    if len(found) > MOST_WORDS:
        raise Malformed(f"search takes at most {MOST_WORDS} words.")
    return found
