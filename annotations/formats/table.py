"""Lists as tables for spreadsheets: CSV and XLSX in which no text can become a formula, and out of which the exact text comes back.

A spreadsheet takes a text for a formula by how it begins (https://owasp.org/www-community/attacks/CSV_Injection). In CSV such a text gets an
apostrophe before it, as does what follows a semicolon, tab or line break inside it: where the semicolon parts cells, the rest would be a cell of
its own. In XLSX every cell has a type, and a text is a string whatever it says. Numbers stay numbers in both.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from core.errors import ExportError

Cell = str | int | float | None
"""None: empty."""

LONGEST = 32_767
"""Characters of a cell of XLSX; a longer text is cut there and says so."""

MOST_ROWS = 1_048_575
"""Of a sheet, below its head."""

_CUT = " [...]"
_STARTS = "=+\\-@\t\r\n＝＋－＠﹢﹣﹦﹫−"
_UNSEEN = r"\s'\"\x00-\x1f\x7f\u200b-\u200f\ufeff"  # what may stand before it all the same
_DANGER = re.compile(rf"(\A|[;\t\r\n])(?=[{_UNSEEN}]*[{_STARTS}])")
_SAVED = re.compile(rf"(\A|[;\t\r\n])'(?=[{_UNSEEN}]*[{_STARTS}])")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> neutral("=1+1"), neutral("a;=1+1"), neutral("1 - 1"), neutral("'=1")
    ("'=1+1", "a;'=1+1", '1 - 1', "''=1")
    """
    return _DANGER.sub(r"\1'", text)


def restored(text: str) -> str:
    """What it was.

    >>> restored("'=1+1"), restored("it's"), restored("''=1")
    ('=1+1', "it's", "'=1")
    """
    return _SAVED.sub(r"\1", text)


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """UTF-8 with a mark that spreadsheets need, one line a row; every text in quotes, every number bare."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    yield b"\xef\xbb\xbf"
    for row in _with_head(head, rows):
        writer.writerow([neutral(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in row])
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()


def read_csv(file: IO[str]) -> Iterator[dict[str, str | float]]:
    """The rows of such a file by their head, each text as it was. `file` opened with `newline=""`, as UTF-8 without its mark (utf-8-sig)."""
    for row in csv.DictReader(file, quoting=csv.QUOTE_NONNUMERIC):
        yield {name: restored(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def write_xlsx(path: Path, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """A workbook of one sheet, written row by row; how many rows there are below the head. Raises ExportError."""
    from xlsxwriter import Workbook  # only who asks for one pays for it
    from xlsxwriter.exceptions import XlsxWriterException

    try:
        with path.open("wb") as file:
            return _write(Workbook, file, head, rows)
    except (OSError, XlsxWriterException) as error:
        raise ExportError(f"The table could not be written ({error}). Make room, or take it as CSV.") from error


def _write(make: Callable[..., Any], file: IO[bytes], head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    plain = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    number = 0
    with make(file, plain) as book:
        sheet = book.add_worksheet("frames")
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(_with_head(head, rows)):
            if number > MOST_ROWS:
                raise ExportError(f"A workbook holds {MOST_ROWS:,} frames and these are more. Narrow the list, or take it as CSV.")
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, column, _fitting(cell))
                elif cell is not None:
                    sheet.write_number(number, column, cell)
    return number


def _with_head(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    yield head
    yield from rows


def _fitting(text: str) -> str:
    """A text that a cell can hold: not too long, and without characters that XML has no sign for."""
    shown = _NO_XML.sub("\ufffd", text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - len(_CUT)] + _CUT
