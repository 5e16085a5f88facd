"""Items from the bytes of an object: CSV, JSON, JSON Lines, an inventory's manifest. Pure, and a piece at a time.

Decides where an item ends and what it looks like, so that a reader can go on at any byte between two items
[R:scenarios::test_map_item_reader_*]. A piece that holds no whole item asks for a longer one; causes without a
recording are unverified.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, NamedTuple

from emulator.services.stepfunctions.asl import json_words
from emulator.services.stepfunctions.asl.data import DECODER, Json, dumps, loads
from emulator.services.stepfunctions.asl.distribution import DELIMITERS

NOT_ITERABLE = "Attempting to map over non-iterable node."
_SPACE = " \t\n\r"


class Unreadable(Exception):
    """The object holds no items; the text is the cause of `States.ItemReaderFailed`."""


class Longer(Exception):
    """The piece ends within an item, or before the first one."""


class Parsed(NamedTuple):
    """What was found in a piece."""

    items: list[str]
    used: int
    """Bytes of the piece that need not be read again."""
    state: dict[str, Any]
    """What the parser must know to go on there; JSON."""
    done: bool = False
    """Nothing that follows is an item."""


Parser = Callable[[dict[str, Any], dict[str, Any], bytes, bool, int], Parsed]
"""(ReaderConfig, state, piece, whether it is the last one, how many items at most) → `Parsed`."""


def parse_csv(config: dict[str, Any], state: dict[str, Any], piece: bytes, last: bool, most: int) -> Parsed:
    """Rows as objects of strings. A row too short is filled with empty strings, one too long is cut [R]."""
    delimiter = DELIMITERS[config.get("CSVDelimiter", "COMMA")]
    headers: list[str] | None = state.get("headers")
    if headers is None and config.get("CSVHeaderLocation") == "GIVEN":
        headers = _checked_headers(config["CSVHeaders"])
    items: list[str] = []
    used = 0
    while len(items) < most:
        end = _record_end(piece, used, last)
        if end is None:
            break
        row = _row(piece[used:end], delimiter, first=not state and used == 0)
        used = end
        if row is None:
            continue
        if headers is None:
            headers = _checked_headers(row)
        else:
            items.append(dumps(as_object(headers, row)))
    if used == 0 and not last:
        raise Longer
    return Parsed(items, used, {"headers": headers})


def _record_end(piece: bytes, start: int, last: bool) -> int | None:
    """Where the record at `start` ends, behind its line break; None if that is not known yet or there is none."""
    at, quotes = start, 0
    while True:
        end = piece.find(b"\n", at)
        if end < 0:
            return len(piece) if last and start < len(piece) else None
        quotes += piece.count(b'"', at, end)
        at = end + 1
        if quotes % 2 == 0:
            return at


def _row(record: bytes, delimiter: str, first: bool) -> list[str] | None:
    """The fields of a record; None if it is empty."""
    try:
        text = record.decode("utf-8-sig" if first else "utf-8").rstrip("\r\n")
        if '"' not in text:
            return text.split(delimiter) if text else None
        return next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), None)
    except UnicodeDecodeError:
        raise Unreadable("Failed to read a row of the CSV file: it is not encoded in UTF-8.") from None
    except csv.Error:
        raise Unreadable(
            "Failed to read a row of the CSV file: its quotes do not match, or a field is too long."
        ) from None


def _checked_headers(headers: list[str]) -> list[str]:
    if len(set(headers)) < len(headers):
        raise Unreadable("CSV headers cannot contain duplicates.")
    return headers


def as_object(headers: list[str], row: list[str]) -> dict[str, str]:
    """A row under its headers, in the order of a Java hash map, which is how AWS writes it [R]."""
    padded = row + [""] * (len(headers) - len(row))
    named = dict(zip(headers, padded, strict=False))
    return {name: named[name] for name in java_order(headers)}


def java_order(names: list[str]) -> list[str]:
    """Names in the order in which a `java.util.HashMap` that they were put into one by one hands them out."""
    size = 16
    while len(names) > size * 3 // 4:
        size *= 2
    return sorted(names, key=lambda name: _bucket(name, size))


def _bucket(name: str, size: int) -> int:
    code = 0
    units = name.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        code = (31 * code + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return (code ^ code >> 16) & (size - 1)


def parse_lines(config: dict[str, Any], state: dict[str, Any], piece: bytes, last: bool, most: int) -> Parsed:
    """JSON Lines: each line that is not empty is an item."""
    items: list[str] = []
    used = 0
    while len(items) < most:
        end = piece.find(b"\n", used) + 1 or (len(piece) if last and used < len(piece) else 0)
        if not end:
            break
        line = piece[used:end].strip()
        used = end
        if line:
            items.append(dumps(_loaded(line)))
    if used == 0 and not last:
        raise Longer
    return Parsed(items, used, {})


def _loaded(text: str | bytes) -> Json:
    try:
        return loads(text)
    except ValueError as problem:
        raise _unparsable(text, problem) from None


def _unparsable(text: str | bytes, problem: ValueError) -> Unreadable:
    return Unreadable(f"Failed to parse JSON: {json_words.sentence(text, problem)}")


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────


def parse_json(config: dict[str, Any], state: dict[str, Any], piece: bytes, last: bool, most: int) -> Parsed:
    """The elements of the array that the object is, or that `ItemsPointer` points to in it."""
    text = _decoded(piece, last)
    scan = _Scan(text, last)
    at = 0
    if not state:
        at = scan.array(config.get("ItemsPointer", ""))
    items: list[str] = []
    inside = at
    needs_comma = bool(state.get("comma"))
    done = False
    while len(items) < most:
        try:
            at = scan.blank(inside)
            if text[at] == "]":
                done = True
                inside = at + 1
                break
            if needs_comma:
                if text[at] != ",":
                    raise Unreadable(f"Failed to parse JSON: a comma is missing before '{text[at : at + 20]}'")
                at = scan.blank(at + 1)
            value, at = scan.value(at)
            scan.blank(at)  # a number that ends the piece may go on
        except Longer:
            break
        items.append(dumps(value))
        inside, needs_comma = at, True
    if not items and not done:
        raise Longer
    return Parsed(items, len(text[:inside].encode()), {"comma": needs_comma}, done)


def _decoded(piece: bytes, last: bool) -> str:
    """The text of a piece, which may be cut within a character."""
    for cut in range(1 if last else 4):
        try:
            return piece[: len(piece) - cut].decode()
        except UnicodeDecodeError as problem:
            if last or problem.start < len(piece) - 4:
                raise _unparsable(piece, problem) from None
    raise Longer


class _Scan:
    """Reads JSON in a text that may go on; raises `Longer` where it would have to know how."""

    def __init__(self, text: str, last: bool) -> None:
        self._text = text
        self._last = last

    def blank(self, at: int) -> int:
        """The first place from `at` on that is no white space."""
        text = self._text
        while at < len(text) and text[at] in _SPACE:
            at += 1
        if at >= len(text):
            self._end()
        return at

    def value(self, at: int) -> tuple[Json, int]:
        """The value at `at` and where it ends."""
        try:
            value, end = DECODER.raw_decode(self._text, at)
        except RecursionError:
            raise Unreadable("Failed to parse JSON: nested too deeply") from None
        except ValueError as problem:
            if self._last:
                raise _unparsable(self._text, problem) from None
            raise Longer from None
        if "\\u" in self._text[at:end]:
            value = _loaded(self._text[at:end])  # lone surrogates
        return value, end

    def array(self, pointer: str) -> int:
        """Where the array that a JSON Pointer points to has its first element."""
        at = self.blank(1 if self._text.startswith("\ufeff") else 0)
        for name in pointer.split("/")[1:]:
            at = self._member(at, name.replace("~1", "/").replace("~0", "~"))
        if self._text[at] != "[":
            self._whole(at)
            raise Unreadable(NOT_ITERABLE)
        return at + 1

    def _member(self, at: int, name: str) -> int:
        """Where the value of a member begins."""
        if self._text[at] != "{":
            raise Unreadable(f"ItemsPointer: there is no '{name}'")
        at = self.blank(at + 1)
        while self._text[at] != "}":
            key, at = self.value(at)
            at = self.blank(at)
            if not isinstance(key, str) or self._text[at] != ":":
                raise Unreadable("Failed to parse JSON: an object needs names and colons")
            at = self.blank(at + 1)
            if key == name:
                return at
            at = self.blank(self.value(at)[1])
            if self._text[at] == ",":
                at = self.blank(at + 1)
        raise Unreadable(f"ItemsPointer: there is no '{name}'")

    def _whole(self, at: int) -> None:
        """What is no array is still checked for being JSON."""
        if self._last:
            self.value(at)

    def _end(self) -> None:
        if self._last:
            raise Unreadable("Failed to parse JSON: unexpected end of input")
        raise Longer


# ── S3 inventories ──────────────────────────────────────────────────────────────────────────────


class Inventory(NamedTuple):
    """A manifest.json of S3 Inventory [D: S3 Inventory]."""

    bucket: str
    schema: list[str]
    files: list[str]


def parse_manifest(content: bytes) -> Inventory:
    """Read a manifest. Only inventories in CSV are."""
    document = _loaded(content)
    try:
        kind, bucket, schema = document["fileFormat"], document["destinationBucket"], document["fileSchema"]
        files = [file["key"] for file in document["files"]]
        names = [name.strip() for name in schema.split(",")]
        assert all(isinstance(key, str) for key in files)
    except (KeyError, TypeError, AttributeError, AssertionError):
        raise Unreadable("The manifest is not a valid S3 Inventory manifest.") from None
    if kind != "CSV":
        raise Unreadable(f"S3 Inventory in the format {kind} is not emulated.")
    return Inventory(str(bucket).removeprefix("arn:aws:s3:::"), names, files)


def inventory_rows(schema: list[str]) -> dict[str, Any]:
    """The ReaderConfig under which the files of an inventory are read."""
    return {"CSVHeaderLocation": "GIVEN", "CSVHeaders": schema}


def parse_uris(content: bytes) -> list[tuple[str, str]]:
    """(bucket, key) of the objects that a manifest of Athena's UNLOAD names, one URI a line [D: Athena UNLOAD]."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Unreadable("The manifest is not a valid Athena manifest.") from None
    uris = [line.strip().strip('"') for line in lines if line.strip()]
    found = [uri.removeprefix("s3://").partition("/") for uri in uris]
    if not all(uri.startswith("s3://") for uri in uris) or not all(bucket and key for bucket, _, key in found):
        raise Unreadable("The manifest is not a valid Athena manifest.")
    return [(bucket, key) for bucket, _, key in found]


PARSERS: dict[str, Parser] = {"CSV": parse_csv, "JSON": parse_json, "JSONL": parse_lines}
