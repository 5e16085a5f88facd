"""What the Runtime and Extensions APIs answer: requests and responses as values, and AWS's error texts.

Source: AWS's documentation of both APIs and its published reference (lambda_invoke.md 1.8). Texts that no recording
shows are marked unverified.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.ports import LARGEST_RESPONSE_BYTES

NOT_ALLOWED = "State transition is not allowed"


@dataclass(slots=True)
class Request:
    """One HTTP request. Header names are in lower case; trailers arrive among the headers."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    too_large: bool = False
    """The body was longer than any response may be; it was read and dropped."""


class Response(NamedTuple):
    """One HTTP answer; `headers` beside Content-Type: application/json."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def failure(status: int, error_type: str, message: str) -> Response:
    return Response(status, _json({"errorMessage": message, "errorType": error_type}))


ACCEPTED = Response(202, _json({"status": "OK"}))
OK = Response(200, b"OK")
NOT_FOUND = Response(404, b"404 page not found\n")
METHOD_NOT_ALLOWED = Response(405)
INVALID_REQUEST_ID = failure(400, "InvalidRequestID", "Invalid request ID")
RESPONSE_TOO_LARGE = failure(
    413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({LARGEST_RESPONSE_BYTES} bytes)."
)
INVALID_RESPONSE_MODE = failure(
    400, "InvalidFunctionResponseMode", "Invalid Lambda-Runtime-Function-Response-Mode value"
)  # text unverified
TRUNCATED = failure(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")  # text unverified
FOREIGN = failure(403, "Forbidden", "The Runtime API answers the processes of its own execution environment only")
"""Ours: a web page whose Host or Origin gives it away."""


def runtime_state(state: str, wanted: str) -> Response:
    message = f"State transition from {state} to {wanted} failed for runtime. Error: {NOT_ALLOWED}"
    return failure(403, "InvalidStateTransition", message)


def extension_state(state: str, wanted: str, name: str) -> Response:
    message = f"State transition from {state} to {wanted} failed for extension {name}. Error: {NOT_ALLOWED}"
    return failure(403, "Extension.InvalidExtensionState", message)


# Types: reference 1.8; the texts are unverified.
INVALID_EXTENSION_NAME = failure(403, "Extension.InvalidExtensionName", "Empty extension name")
MISSING_IDENTIFIER = failure(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
INVALID_IDENTIFIER = failure(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
MISSING_ERROR_TYPE = failure(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
TOO_MANY_EXTENSIONS = failure(403, "Extension.TooManyExtensions", "Extension limit (10) reached")
REGISTRATION_CLOSED = failure(403, "Extension.RegistrationClosed", "Extension registration closed already")
INVALID_REQUEST_FORMAT = failure(400, "InvalidRequestFormat", "Request body could not be parsed")


def unknown_identifier(identifier: str) -> Response:
    return failure(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")


def invalid_event_type(event: object) -> Response:
    return failure(403, "Extension.InvalidEventType", f"Invalid event type: {event}")


def shutdown_not_for_internal(name: str) -> Response:
    return failure(403, "Extension.InvalidEventType", f"ShutdownEvent is not supported for internal extension {name}")
