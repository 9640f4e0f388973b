"""XML, read without anything that a document could make it do: no entities, no document types, no size without end. Writes nothing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from core.errors import Malformed

MOST_BYTES = 64 * 2**20

__all__ = ["escape", "parsed", "quoteattr", "text_of"]


def parsed(path: Path) -> ET.Element:
    """The root of a file. Raises Malformed for what is no XML, for one that declares a document type or entities, and for one too large."""
    if path.stat().st_size > MOST_BYTES:
        raise Malformed(f"{path.name}: this file is larger than {MOST_BYTES // 2**20} MiB. Part it into several. Nothing was taken.")
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314 - what is dangerous in it raises in _NoDoctype
    try:
        root: ET.Element = ET.parse(path, parser).getroot()  # noqa: S314
    except (ET.ParseError, UnicodeError, ValueError, LookupError) as error:
        raise Malformed(f"{path.name}: this is no XML ({error}). Nothing was taken.") from error
    return root


def text_of(element: ET.Element, path: str) -> str | None:
    """The text of the first element at `path`, without the space around it; None: there is none."""
    found = element.findtext(path)
    return found.strip() if found is not None else None


class _NoDoctype(ET.TreeBuilder):
    """Builds the tree; a document type, in which alone entities can be declared, ends it."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it declares a document type, which is not taken")
