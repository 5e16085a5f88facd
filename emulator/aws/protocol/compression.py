"""Requests that AWS's SDKs send compressed: which services take them, and how large they may become."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest

if TYPE_CHECKING:
    from emulator.aws.protocol.model import ServiceModel

LARGEST_UNPACKED_BYTES = 8 * 1024 * 1024
"""CloudWatch, the only service of that kind, limits a request to 1 MB; the rest is slack."""


def unpack_request(service: ServiceModel, request: HttpRequest) -> None:
    """Unpack a gzip body in place, if the service's model says that clients may send one. Raises AwsError."""
    if request.header("content-encoding").strip().lower() != "gzip" or not service.takes_compressed_requests:
        return
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(request.body, LARGEST_UNPACKED_BYTES)
    except zlib.error:
        raise AwsError("SerializationException", "The request body is not valid gzip data.", 400) from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        text = "The request body is incomplete." if not unpacker.unconsumed_tail else "The request body is too large."
        raise AwsError("SerializationException", text, 400)
    request.body = body
