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


RESPONSE_TYPES = {
    401: "UNAUTHORIZED",
    403: "ACCESS_DENIED",
    413: "REQUEST_TOO_LARGE",
    429: "THROTTLED",
}
"""`$context.error.responseType`, by status: HTTP APIs' own are not documented; these are REST APIs' (unverified)."""

GATEWAY, AUTHORIZER, INTEGRATION = "gateway", "authorizer", "integration"
"""Before whom a request is: whose a failure is, access logs say by different variables."""


def response_type(status: int, whose: str) -> str:
    """The kind of gateway response that a failure is (unverified)."""
    if whose == INTEGRATION and status >= 500:
        return "INTEGRATION_TIMEOUT" if status == 503 else "INTEGRATION_FAILURE"
    if whose == AUTHORIZER and status >= 500:
        return "AUTHORIZER_FAILURE"
    return RESPONSE_TYPES.get(status) or ("DEFAULT_4XX" if status < 500 else "DEFAULT_5XX")


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
