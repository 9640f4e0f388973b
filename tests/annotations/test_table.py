"""Tables for spreadsheets: no text of any field becomes a formula, numbers stay numbers, and out of CSV comes exactly what went in."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from annotations import opinions, sheets
from annotations.formats import table
from annotations.queueing.pages import Asked
from annotations.reviewing import reviews
from annotations.store import FILE, Store
from core.errors import ExportError
from tests.makers import NOON, correction, frame

STARTS = "=+-@＝＋－＠"
PAYLOADS = [
    *(f"{start}1+1" for start in STARTS),
    *(f" {start}1+1" for start in STARTS),
    *(f"'{start}1+1" for start in "=+-@"),
    *(f'"{start}1+1' for start in "=+-@"),
    *(f"note;{start}1+1" for start in "=+-@"),
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\x00=1+1",
    "a\n=1+1",
    "a\t=1+1",
    '=HYPERLINK("http://example.org","click")',
    "=cmd|' /C calc'!A0",
    '=DDE("cmd";"/C calc";"x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1,=1+1",
    "-2+3+cmd|' /C calc'!A0",
    "''=1+1",
    "=1+1\ud800",
    "=" + "锤" * 200,
]
TEXTS = ("name", "source", "author", "note")
"""The fields of a list in which people's or other programs' words stand."""


def filled(data: Path, payload: str) -> Store:
    """One frame with the payload in every field of it that is a text."""
    store = Store(data / FILE)
    with store.writing() as connection:
        one = frame(name=payload, source=payload)
        opinions.add_frame(connection, one, by=payload)
        opinions.add_correction(connection, correction(one, author=payload, note=payload), at=NOON)
        reviews.add(connection, one.id, "returned", payload, 1, by="boss", at=NOON)
    return store


def kept(payload: str) -> str:
    """What the record holds of it."""
    return payload.encode("utf-8", "replace").decode("utf-8")


def test_there_are_forty_payloads() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) >= 40


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_no_payload_in_any_field_becomes_a_formula_and_each_comes_back(tmp_path: Path, payload: str) -> None:
    with filled(tmp_path, payload) as store:
        rows = list(sheets.rows_of(store, Asked()))
        lines = b"".join(table.csv_lines(sheets.HEAD, rows))
        table.write_xlsx(tmp_path / "frames.xlsx", sheets.HEAD, rows)
    text = lines.decode("utf-8-sig")
    (back,) = table.read_csv(io.StringIO(text, newline=""))
    assert {name: back[name] for name in TEXTS} == dict.fromkeys(TEXTS, kept(payload))
    assert (back["revision"], back["findings"]) == (1, 2)
    for delimiter in ",;\t":  # as spreadsheets of several countries part cells
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            assert not [cell for cell in row if is_formula(cell)], delimiter
    sheet = load_workbook(tmp_path / "frames.xlsx").active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert len(cells) == 2 * len(sheets.HEAD)
    assert [cell.coordinate for cell in cells if cell.data_type == "f"] == []
    assert {cell.data_type for cell in cells if cell.column_letter == column_of("revision") and cell.row == 2} == {"n"}
    assert all(cell.data_type == "s" for cell in cells if cell.row == 2 and sheets.HEAD[cell.column - 1] in TEXTS)


def is_formula(cell: str) -> bool:
    """How a spreadsheet begins to think of a formula, full-width signs read as plain ones."""
    return unicodedata.normalize("NFKC", cell).strip(" \"'\x00")[:1] in set("=+@-") and not cell.startswith("'")


def column_of(name: str) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[sheets.HEAD.index(name)]


def test_the_test_sees_a_formula_where_nothing_is_neutralised(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active["A1"] = "=1+1"
    book.save(tmp_path / "bad.xlsx")
    assert load_workbook(tmp_path / "bad.xlsx").active["A1"].data_type == "f"
    assert is_formula("=1+1")
    assert is_formula(" ＝1+1")


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("=+-@＝＋;,\t\r\n'\" \x00")), max_size=20))
def test_whatever_text_goes_in_comes_out(text: str) -> None:
    assert table.restored(table.neutral(text)) == text
    lines = b"".join(table.csv_lines(["a", "b"], [[text, 7]]))
    assert list(table.read_csv(io.StringIO(lines.decode("utf-8-sig"), newline=""))) == [{"a": text, "b": 7.0}]


def test_numbers_stay_numbers_and_nothing_stays_nothing(tmp_path: Path) -> None:
    rows: list[list[Any]] = [[-0.5, None, "-0.5", 3]]
    assert b"".join(table.csv_lines(["a", "b", "c", "d"], rows)).splitlines()[1] == b'-0.5,"","\'-0.5",3'
    table.write_xlsx(tmp_path / "x.xlsx", ["a", "b", "c", "d"], rows)
    assert [(cell.value, cell.data_type) for cell in load_workbook(tmp_path / "x.xlsx").active[2]] == [
        (-0.5, "n"),
        (None, "n"),
        ("-0.5", "s"),
        (3, "n"),
    ]


def test_a_text_that_no_cell_can_hold_is_cut_and_says_so(tmp_path: Path) -> None:
    table.write_xlsx(tmp_path / "x.xlsx", ["a"], [["x" * 40_000]])
    value = load_workbook(tmp_path / "x.xlsx").active["A2"].value
    assert (len(value), value[-5:]) == (table.LONGEST, "[...]")


def test_a_workbook_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="could not be written"):
        table.write_xlsx(tmp_path / "nowhere" / "x.xlsx", ["a"], [["b"]])


def test_a_table_holds_what_the_list_shows_and_no_more(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        with store.writing() as connection:
            for number in range(sheets.AT_ONCE + 3):
                opinions.add_frame(connection, frame(frame_id=f"{number:064x}", name=f"{number}.jpg"), by="lin")
            opinions.add_correction(connection, correction(f"{0:064x}", note="only this"), at=NOON)
        everything = list(sheets.rows_of(store, Asked(sort="oldest")))
        one = list(sheets.rows_of(store, Asked(state="corrected")))
    assert [row[1] for row in everything] == [f"{number}.jpg" for number in range(sheets.AT_ONCE + 3)]
    (row,) = (dict(zip(sheets.HEAD, each, strict=True)) for each in one)
    told = (row["name"], row["state"], row["author"], row["tool"], row["note"], row["violations"])
    assert told == ("0.jpg", "corrected", "lin", "hammer", "only this", "tool_at_edge")
