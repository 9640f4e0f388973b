"""A program that saves corrections from several threads until it is killed, and says each one only after it was acknowledged.

    python -m tests.annotations.saver RECORD THREADS

Every thread works on a frame of its own; a line on standard output is the key (the note) of a correction that is on the disk.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import uuid4

from annotations import opinions
from annotations.store import Store
from tests import makers


def save_for_ever(store: Store, number: int) -> None:
    """Frame after frame: it comes, a machine speaks, people correct it four times."""
    for turn in count():
        frame = makers.frame(frame_id=f"{os.getpid():032x}{number:08x}{turn:024x}")
        with store.writing() as connection:
            opinions.add_frame(connection, frame, by=str(number))
        with store.writing() as connection:
            opinions.add_assessment(connection, makers.assessment(frame), uncertainty=0.5, at=datetime.now(UTC))
        for seen in range(4):
            key = uuid4().hex
            told = makers.correction(frame, saw_revision=seen, note=key, verdict="cannot_tell" if seen == 2 else "reviewed")
            with store.writing() as connection:
                opinions.add_correction(connection, told, at=datetime.now(UTC))
            os.write(1, f"{key}\n".encode())  # one call: a line is there whole or not at all


if __name__ == "__main__":
    record = Store(Path(sys.argv[1]))
    for thread in range(int(sys.argv[2])):
        threading.Thread(target=save_for_ever, args=(record, thread)).start()
