"""What clients get when the gateway itself ends a request (4.5). Pure."""

from __future__ import annotations

import json

from emulator.aws.http import HttpResponse

TEXTS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    414: "URI Too Long",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""By status; of 414 and 431 unverified."""


class Failure(Exception):
    """The request ends here; `reason` is for access logs."""

    def __init__(self, status: int, reason: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason or TEXTS[status])
        self.status = status
        self.reason = reason
        self.headers = headers

    def answer(self) -> HttpResponse:
        """`{"message":…}` with the status."""
        body = json.dumps({"message": TEXTS[self.status]}, separators=(",", ":")).encode()
        return HttpResponse(self.status, [("Content-Type", "application/json"), *self.headers], body)
