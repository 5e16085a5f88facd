"""CBOR (RFC 8949) as Smithy's rpc-v2-cbor uses it: encode plain values, decode untrusted bytes.

It knows definite and indefinite items, half floats and the epoch tag; other tags are refused.
"""

from __future__ import annotations

import struct
from typing import Any

_MAX_DEPTH = 200


class CborError(ValueError):
    """The bytes are not CBOR, or not of the subset that AWS sends."""


class EpochSeconds(float):
    """A timestamp: written and read as tag 1."""


def encode(value: Any) -> bytes:
    """A plain value (dict, list, str, bytes, int, float, bool, None, EpochSeconds) as CBOR."""
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _head(major: int, number: int, out: bytearray) -> None:
    if number < 24:
        out.append(major << 5 | number)
    elif number < 0x100:
        out += bytes((major << 5 | 24, number))
    elif number < 0x10000:
        out += struct.pack(">BH", major << 5 | 25, number)
    elif number < 0x100000000:
        out += struct.pack(">BI", major << 5 | 26, number)
    else:
        out += struct.pack(">BQ", major << 5 | 27, number)


def _encode(value: Any, out: bytearray) -> None:
    if value is None:
        out.append(0xF6)
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, EpochSeconds):
        out.append(0xC1)
        out += struct.pack(">Bd", 0xFB, value)
    elif isinstance(value, int):
        _head(0, value, out) if value >= 0 else _head(1, -1 - value, out)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xFB, value)
    elif isinstance(value, str):
        text = value.encode("utf-8", "replace")
        _head(3, len(text), out)
        out += text
    elif isinstance(value, bytes):
        _head(2, len(value), out)
        out += value
    elif isinstance(value, dict):
        _head(5, len(value), out)
        for key, item in value.items():
            _encode(key, out)
            _encode(item, out)
    else:
        _head(4, len(value), out)
        for item in value:
            _encode(item, out)


def decode(data: bytes) -> Any:
    """The one value in `data`. Raises CborError."""
    value, end = _decode(data, 0, 0)
    if end != len(data) or value is _BREAK:
        raise CborError("not exactly one value")
    return value


_BREAK = object()
_SIMPLE = {20: False, 21: True, 22: None, 23: None}


def _take(data: bytes, at: int, count: int) -> bytes:
    piece = data[at : at + count]
    if len(piece) != count:
        raise CborError("unexpected end of input")
    return piece


def _decode(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise CborError("nested too deeply")
    initial = _take(data, at, 1)[0]
    major, info, at = initial >> 5, initial & 31, at + 1
    if major == 7:
        return _decode_simple(data, at, info)
    if info == 31:
        return _decode_indefinite(data, at, major, depth)
    if info > 27:
        raise CborError("reserved length")
    number = info
    if info >= 24:
        size = 1 << (info - 24)
        number = int.from_bytes(_take(data, at, size), "big")
        at += size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        piece = _take(data, at, number)
        return (piece if major == 2 else _text(piece)), at + number
    if major == 4:
        return _decode_items(data, at, number, depth)
    if major == 5:
        return _decode_pairs(data, at, number, depth)
    value, at = _decode(data, at, depth + 1)
    if number != 1 or isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CborError("unknown tag")
    return EpochSeconds(value), at


def _text(piece: bytes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise CborError("text is not UTF-8") from problem


def _decode_items(data: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    if count > len(data):
        raise CborError("unexpected end of input")
    items: list[Any] = []
    for _ in range(count):
        item, at = _decode(data, at, depth + 1)
        if item is _BREAK:
            raise CborError("unexpected break")
        items.append(item)
    return items, at


def _decode_pairs(data: bytes, at: int, count: int, depth: int) -> tuple[dict[str, Any], int]:
    flat, at = _decode_items(data, at, count * 2, depth)
    return _pairs(flat), at


def _pairs(flat: list[Any]) -> dict[str, Any]:
    keys = flat[::2]
    if len(flat) % 2 or not all(isinstance(key, str) for key in keys):
        raise CborError("a map needs text keys")
    return dict(zip(keys, flat[1::2], strict=True))


def _decode_indefinite(data: bytes, at: int, major: int, depth: int) -> tuple[Any, int]:
    items: list[Any] = []
    while True:
        item, at = _decode(data, at, depth + 1)
        if item is _BREAK:
            break
        items.append(item)
    if major == 4:
        return items, at
    if major == 5:
        return _pairs(items), at
    kind: type = {2: bytes, 3: str}.get(major, type(None))
    if not all(isinstance(item, kind) for item in items) or major not in (2, 3):
        raise CborError("bad indefinite item")
    return kind().join(items), at


def _decode_simple(data: bytes, at: int, info: int) -> tuple[Any, int]:
    if info in _SIMPLE:
        return _SIMPLE[info], at
    if info == 31:
        return _BREAK, at
    sizes = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
    if info not in sizes:
        raise CborError("unknown simple value")
    form, size = sizes[info]
    return struct.unpack(form, _take(data, at, size))[0], at + size
