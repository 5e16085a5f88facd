"""`X-Amzn-Trace-Id`: how an invocation is followed through services, and how a loop of functions is recognised.

The header's `Lineage` is `requests:function:loops`: how many invocations the chain has, the hash of one function of
it, and how often that function came back.

One function is enough to find any loop, however it was entered, if the one that is remembered is replaced at the 2nd,
4th, 8th … invocation until it has come back (Brent's algorithm). That the field has three parts with these ranges is
public (AWS's X-Ray propagators); which function AWS remembers is not: unverified.
"""

from __future__ import annotations

import re
from zlib import crc32

MOST_RETURNS = 16
"""A function that would run in one chain for the 17th time is stopped ("approximately 16 times", 2.7)."""

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_NO_DIGIT = re.compile(r"[^0-9a-f]+")
_OWN = re.compile(r"Root=([^;]*);Parent=[^;]*;Sampled=([^;]*);Lineage=")
_LINEAGE = re.compile(r"(\d{1,5}):([0-9a-f]{8}):(\d{1,3})")


def following(received: str, request_id: str, at: float, arn: str) -> str:
    """The header of an invocation of `arn` that a request with the header `received` (or none) asked for.

    The root is the request's own or derived from the request id, so that all attempts share it.
    """
    parts = _parts(received) if received else {}
    digits = _NO_DIGIT.sub("", request_id.lower()).ljust(32, "0")
    root = parts.get("Root", "")
    if not _ROOT.fullmatch(root):
        root = f"1-{int(at):08x}-{digits[:24]}"
    sampled = "1" if parts.get("Sampled") == "1" else "0"
    return f"Root={root};Parent={digits[16:32]};Sampled={sampled};Lineage={_lineage(parts.get('Lineage', ''), arn)}"


def is_loop(header: str, arn: str) -> bool:
    """Whether the invocation of `arn` with this header is one too many of a loop."""
    if header.endswith(":0"):  # as `following` writes what has not come back yet, which is nearly everything
        return False
    match = _LINEAGE.fullmatch(_parts(header).get("Lineage", ""))
    return match is not None and int(match.group(3)) >= MOST_RETURNS and match.group(2) == _hash(arn)


def short(header: str) -> str:
    """The form in which an accepted event is answered: lower case, without parent and lineage (1.11)."""
    own = _OWN.match(header)
    if own is not None:
        return f"root={own[1]};sampled={own[2]}"
    parts = _parts(header)
    return f"root={parts.get('Root', '')};sampled={parts.get('Sampled', '0')}"


def _lineage(received: str, arn: str) -> str:
    function = _hash(arn)
    match = _LINEAGE.fullmatch(received)
    if match is None:
        return f"1:{function}:0"
    requests, remembered, loops = min(int(match.group(1)) + 1, 32767), match.group(2), int(match.group(3))
    if remembered == function:
        loops = min(loops + 1, 255)
    elif loops == 0 and requests & (requests - 1) == 0:
        remembered, loops = function, 0
    return f"{requests}:{remembered}:{loops}"


def _hash(arn: str) -> str:
    return f"{crc32(arn.encode()):08x}"


def _parts(header: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in header[:1024].split(";") if "=" in part)
