"""Payload compression of an API with a `minimumCompressionSize` [D: Enabling payload compression for an API]. Pure.

A compressed request is unpacked before anything reads it; an answer that is long enough is compressed in the first way
that the client accepts. Identity, gzip and deflate are the codings of AWS.
"""

from __future__ import annotations

import gzip
import zlib

from emulator.aws.http import HttpResponse
from emulator.services.apigateway.gateway.failures import Failure

LARGEST_BODY = 10 * 1024 * 1024
_CODINGS = ("gzip", "deflate", "identity")
_WINDOW_BITS = {"gzip": 31, "deflate": 47}
"""47: with the header of zlib or of gzip, whichever there is."""


def unpacked(coding: str, body: bytes) -> bytes:
    """A request's body as it was before it was compressed. Raises the 415 or 400 (texts unverified), or the 413."""
    coding = coding.strip().lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in _WINDOW_BITS:
        raise Failure("UNSUPPORTED_MEDIA_TYPE")
    decoder = zlib.decompressobj(_WINDOW_BITS[coding])
    try:
        found = decoder.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise Failure("BAD_REQUEST_BODY", "Could not decompress request body") from None
    if len(found) > LARGEST_BODY:
        raise Failure("REQUEST_TOO_LARGE")
    return found


def compress(answer: HttpResponse, accepted: str, smallest: int) -> None:
    """Compress an answer, unless it is too short, streamed, or compressed already."""
    if answer.stream is not None or len(answer.body) < smallest or not answer.body:
        return
    if any(name.lower() == "content-encoding" for name, _ in answer.headers):
        return
    coding = chosen(accepted)
    if coding == "identity":
        return
    answer.body = gzip.compress(answer.body, mtime=0) if coding == "gzip" else zlib.compress(answer.body)
    answer.headers.append(("Content-Encoding", coding))


def chosen(accepted: str) -> str:
    """The coding that a client's Accept-Encoding asks for first, by quality, then by place; `identity` if none."""
    best, quality = "identity", 0.0
    for item in accepted.split(","):
        name, _, parameters = item.strip().lower().partition(";")
        name = "gzip" if name.strip() == "*" else name.strip()
        if name not in _CODINGS:
            continue
        try:
            weight = float(parameters.partition("q=")[2] or 1)
        except ValueError:
            continue
        if weight > quality:
            best, quality = name, weight
    return best
