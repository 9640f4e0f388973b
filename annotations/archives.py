"""A folder as one ZIP file that is never written: its length is known before it is sent, and any part of it can be asked for, so a download goes on.

Files stand in it as they are (pictures do not shrink), in the order of their names, without a time: the same folder gives the same bytes. Layout: APPNOTE.TXT
of PKWARE, 4.3, with the fields of ZIP64 where a number is too large for the old ones.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFound

_BIG = 0xFFFFFFFF
_MANY = 0xFFFF
_UTF8, _STORED, _NEW_YEAR_1980 = 0x800, 0, 0x21
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive."""

    path: Path
    name: bytes
    size: int
    offset: int  # of its header in the archive

    @property
    def head(self) -> int:
        """Bytes before the file itself."""
        return 30 + len(self.name) + (20 if self.size >= _BIG else 0)

    @property
    def large(self) -> tuple[int, ...]:
        """The numbers that need ZIP64 in the directory."""
        sizes = (self.size, self.size) if self.size >= _BIG else ()
        return sizes + ((self.offset,) if self.offset >= _BIG else ())


class Archive:
    """The archive of a folder. Raises NotFound when there is none."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise NotFound("There is no such export any more.")
        self._entries: list[Entry] = []
        offset = 0
        for path in sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()):
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}".encode()
            entry = Entry(path, name, path.stat().st_size, offset)
            self._entries.append(entry)
            offset += entry.head + entry.size
        self._directory_at = offset
        self._directory_size = sum(46 + len(each.name) + (4 + 8 * len(each.large) if each.large else 0) for each in self._entries)
        self._zip64 = len(self._entries) >= _MANY or offset >= _BIG or self._directory_size >= _BIG
        self.size = offset + self._directory_size + (76 if self._zip64 else 0) + 22
        self._sums: dict[int, int] = {}

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but without `end`. Raises OSError when a file is gone meanwhile: better half an archive than a wrong one."""
        end = self.size if end is None else end
        for number, entry in enumerate(self._entries):
            if entry.offset >= end:
                return
            body = entry.offset + entry.head
            if body > start:
                yield _within(self._header(number), entry.offset, start, end)
            if body + entry.size > start:
                yield from _slice(entry, max(0, start - body), min(entry.size, end - body))
        if end > self._directory_at:
            yield _within(self._directory(), self._directory_at, start, end)

    def _header(self, number: int) -> bytes:
        entry, size = self._entries[number], min(self._entries[number].size, _BIG)
        extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if entry.size >= _BIG else b""
        version = 45 if extra else 20
        fields = (b"PK\3\4", version, _UTF8, _STORED, 0, _NEW_YEAR_1980, self._sum(number), size, size, len(entry.name), len(extra))
        return struct.pack("<4s5H3L2H", *fields) + entry.name + extra

    def _directory(self) -> bytes:
        made = bytearray()
        for number, entry in enumerate(self._entries):
            large, size = entry.large, min(entry.size, _BIG)
            extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
            version = 45 if large else 20
            fields = (b"PK\1\2", 0x300 | version, version, _UTF8, _STORED, 0, _NEW_YEAR_1980, self._sum(number), size, size)
            more = (len(entry.name), len(extra), 0, 0, 0, 0o100644 << 16, min(entry.offset, _BIG))
            made += struct.pack("<4s6H3L5H2L", *fields, *more) + entry.name + extra
        count, at = len(self._entries), self._directory_at
        if self._zip64:
            made += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 0x32D, 45, 0, 0, count, count, self._directory_size, at)
            made += struct.pack("<4sLQL", b"PK\6\7", 0, at + self._directory_size, 1)
        few = min(count, _MANY)
        return bytes(made) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, few, few, min(self._directory_size, _BIG), min(at, _BIG), 0)

    def _sum(self, number: int) -> int:
        """CRC-32 of a file; it stands before the file, so the file is read once for it."""
        if number not in self._sums:
            crc = 0
            for piece in _slice(self._entries[number], 0, self._entries[number].size):
                crc = zlib.crc32(piece, crc)
            self._sums[number] = crc
        return self._sums[number]


def _slice(entry: Entry, start: int, end: int) -> Iterator[bytes]:
    with entry.path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise OSError(f"{entry.path.name} is shorter than it was")
            left -= len(piece)
            yield piece


def _within(piece: bytes, at: int, start: int, end: int) -> bytes:
    return piece[max(0, start - at) : max(0, end - at)]
