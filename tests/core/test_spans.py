"""Every value of a JSON text is found where it stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.spans import Path, locate

keys = st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=25,
)


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    if isinstance(value, dict):
        return {p: leaf for key, inner in value.items() for p, leaf in leaves(inner, (*path, key)).items()}
    if isinstance(value, list):
        return {p: leaf for at, inner in enumerate(value) for p, leaf in leaves(inner, (*path, at)).items()}
    return {path: value}


@given(
    value=st.lists(values, max_size=5) | st.dictionaries(keys, values, max_size=5),
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
)
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None, ascii_only: bool, before: str, after: str) -> None:
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    text = before + written + after
    spans = locate(text, len(before)).values
    expected = leaves(value)
    assert spans.keys() == expected.keys()
    for path, (start, end) in spans.items():
        said = text[start:end]
        assert json.loads(f'"{said}"' if isinstance(expected[path], str) else said) == expected[path]


def test_a_list_tells_where_it_went_on_and_where_it_closed() -> None:
    text = '{"a": [ 1 , {"b":[]}\n]}'
    turns = locate(text).turns
    assert [text[start:end] for start, end in turns["a",]] == [" 1", " ,", "\n]"]
    assert [text[start:end] for start, end in turns["a", 1, "b"]] == ["]"]


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    text = '{"a":[{"x":1},{"y":2}],"a":[{"z":3}]}'
    layout = locate(text)
    assert {path: text[start:end] for path, (start, end) in layout.values.items()} == {("a", 0, "z"): "3"}
    assert {path: len(turns) for path, turns in layout.turns.items()} == {("a",): 2}
