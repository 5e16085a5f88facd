"""`vnd.amazon.eventstream`: messages of typed headers and a payload, with checksums, sent one after the other.

Decides bytes only: prelude (two lengths and their CRC), headers, payload, CRC of all (AWS's event stream encoding, as
botocore and the other SDKs read it).
"""

from __future__ import annotations

import struct
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def encode_message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message; all headers are strings."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = b"".join((prelude, struct.pack(">I", crc32(prelude)), block, payload))
    return message + struct.pack(">I", crc32(message))


def encode_event(event_type: str, payload: bytes, content_type: str) -> bytes:
    """One event of an operation's event stream: `event_type` is the member's name."""
    headers = {":message-type": "event", ":event-type": event_type, ":content-type": content_type}
    return encode_message(headers, payload)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", _STRING, len(text)) + text
