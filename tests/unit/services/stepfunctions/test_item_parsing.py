"""Items from bytes: however a file is cut into pieces, the items are the same, and what is odd is refused in words."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.stepfunctions.map_runs.packed import Unpacking
from emulator.services.stepfunctions.map_runs.parsing import (
    PARSERS,
    Longer,
    Unreadable,
    as_object,
    java_order,
    parse_manifest,
)
from emulator.services.stepfunctions.map_runs.reading import of_state


def read(kind: str, body: bytes, size: int, config: dict[str, Any], most: int = 3) -> list[Any]:
    """All items, read in pieces of `size` that grow where an item is longer, as reading.py does."""
    items: list[Any] = []
    start, state = 0, dict[str, Any]()
    length = size
    while True:
        piece = body[start : start + length]
        last = start + len(piece) >= len(body)
        try:
            found = PARSERS[kind](config, state, piece, last, most)
        except Longer:
            if last:
                raise Unreadable("cut") from None
            length *= 2
            continue
        items += [json.loads(item) for item in found.items]
        start, state, length = start + found.used, json.loads(json.dumps(found.state)), size
        if found.done or start >= len(body):
            return items


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
HEADERS = {"CSVHeaderLocation": "FIRST_ROW"}


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers(1, 40), st.sampled_from([None, 2]))
def test_json_arrays_are_the_same_in_pieces_of_any_size(items: list[Any], size: int, indent: int | None) -> None:
    body = json.dumps(items, ensure_ascii=False, indent=indent).encode()
    assert read("JSON", body, size, {}) == items


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers(1, 40))
def test_json_lines_are_the_same_in_pieces_of_any_size(items: list[Any], size: int) -> None:
    body = "\n".join(json.dumps(item, ensure_ascii=False) for item in items).encode()
    assert read("JSONL", body, size, {}) == items


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters='"\r\n\x00', exclude_categories=("Cs", "Cc")), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_rows_are_the_same_in_pieces_of_any_size(rows: list[tuple[str, str]], size: int, line_end: str) -> None:
    lines = ["a,b", *(f'"{left}","{right}"' for left, right in rows)]
    body = line_end.join(lines).encode()
    assert read("CSV", body, size, HEADERS) == [{"a": left, "b": right} for left, right in rows]


def test_quoted_line_breaks_and_quotes_are_inside_a_field() -> None:
    assert read("CSV", b'a,b\n"1\n2","say ""x"""\n', 4, HEADERS) == [{"a": "1\n2", "b": 'say "x"'}]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert read("CSV", b"\xef\xbb\xbfa\n1\n", 64, HEADERS) == [{"a": "1"}]
    assert read("JSON", b"\xef\xbb\xbf[1]", 64, {}) == [1]


def test_empty_files_and_empty_arrays_have_no_items() -> None:
    assert read("CSV", b"", 8, HEADERS) == []
    assert read("CSV", b"a,b\n", 8, HEADERS) == []
    assert read("JSONL", b"\n\n", 8, {}) == []
    assert read("JSON", b" [ ] ", 8, {}) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("JSON", b""), ("JSON", b"{}"), ("JSON", b"[1,]"), ("JSON", b"[1 2]"), ("JSON", b"[NaN]"), ("JSON", b"[1e999]"),
        ("JSON", b'["x'), ("JSON", b"[\xff]"), ("JSON", b"[" * 50_000), ("JSONL", b"{"), ("JSONL", b"1\n\xff\n"),
        ("CSV", b"a,a\n1,2\n"), ("CSV", b"a\n\xff\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(kind, body, 16, HEADERS)


@pytest.mark.parametrize("pointer", ["/missing", "/a/b/c", "/list/0", "/text"])
def test_pointers_to_nowhere_are_refused(pointer: str) -> None:
    with pytest.raises(Unreadable):
        read("JSON", b'{"a": {"b": 1}, "list": [1], "text": "x"}', 8, {"ItemsPointer": pointer})


def test_columns_are_in_the_order_of_a_java_hash_map() -> None:
    assert java_order(["0", "True", "{}"]) == ["0", "{}", "True"]  # [R:test_map_item_reader_csv_*_typed_headers]
    assert list(as_object(["H1", ""], ["x", "y", "cut"])) == ["", "H1"]
    assert as_object(["a", "b"], ["1"]) == {"a": "1", "b": ""}


def test_manifests_of_other_formats_are_refused_by_name() -> None:
    manifest = {"fileFormat": "ORC", "destinationBucket": "b", "fileSchema": "Bucket, Key", "files": []}
    with pytest.raises(Unreadable, match="ORC"):
        parse_manifest(json.dumps(manifest).encode())
    for odd in (b"[]", b"{}", b'{"fileFormat": "CSV"}', b"\xff"):
        with pytest.raises(Unreadable):
            parse_manifest(odd)


def test_a_packed_file_is_unpacked_from_any_byte_on() -> None:
    content = b"".join(b"row %d\n" % n for n in range(100_000))
    packed = gzip.compress(content[:700_000]) + gzip.compress(content[700_000:])
    for body in (packed, content):
        unpacking = Unpacking(body)
        for start, size in (
            (0, 100), (50, 300_000), (500_000, 1000), (699_000, 2000), (len(content) - 10, 100), (len(content), 5),
            (len(content) + 9, 5), (0, len(content) - 1), (0, len(content)), (len(content) - 10, 10),
        ):  # fmt: skip
            found, last = unpacking.piece(start, size)
            assert found == content[start : start + size]
            assert last == (start + size >= len(content))


def test_pieces_that_overlap_are_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacking, steps = Unpacking(gzip.compress(bytes(4_000_000))), list[int]()
    unpack = Unpacking._unpack
    monkeypatch.setattr(Unpacking, "_unpack", lambda self: (steps.append(1), unpack(self)))
    for start in range(0, 4_000_000, 100_000):
        assert unpacking.piece(start, 200_000)[0] == bytes(min(200_000, 4_000_000 - start))
    assert len(steps) <= 4_000_000 / 65_536 + 2


@pytest.mark.parametrize("cut", [5, 20, 1])
def test_a_packed_file_whose_end_is_missing_is_refused(cut: int) -> None:
    with pytest.raises(zlib.error):
        Unpacking(gzip.compress(b"0123456789" * 1000)[:-cut]).piece(0, 100_000)


def test_an_array_of_the_state_is_taken_piece_by_piece() -> None:
    text, position, found = json.dumps(list(range(2500))), dict[str, Any](), list[str]()
    exhausted = False
    while not exhausted:
        chunk = of_state(text, position)
        found += chunk.items
        position, exhausted = chunk.position, chunk.exhausted
    assert found == [str(n) for n in range(2500)]


def test_long_fields_are_read() -> None:
    long = "x" * 200_000
    assert read("CSV", f"a,b\n{long},1\n".encode(), 4096, HEADERS) == [{"a": long, "b": "1"}]
