"""Plain values for one HTTP exchange, between the ASGI edge and whoever answers."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.aws.request_traces import RequestTrace


_REST_OF_LINE = len("  HTTP/1.1")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def is_header_name(text: str) -> bool:
    """Whether a header can have this name (RFC 9110 5.1)."""
    return _TOKEN.fullmatch(text) is not None


class BrokenStream(Exception):
    """Raised by a `HttpResponse.stream` that cannot go on: the connection ends without the end of the body."""


@dataclass(slots=True)
class HttpRequest:
    """A whole request; `path` is as sent (percent-encoded), header names keep the client's case."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    scheme: str = "http"
    http_version: str = "1.1"
    disconnected: Callable[[], Coroutine[Any, Any, None]] | None = field(default=None, repr=False)
    """Ends once the client has gone; for those who make it wait. Await it once at most."""
    served_by: str = ""
    """The API or function that answers, by its name; said by the data plane that knows it."""
    trace: RequestTrace | None = field(default=None, repr=False)
    """What has happened to it, once a data plane that says so has begun."""
    _lower: dict[str, str] | None = field(default=None, repr=False)

    def header(self, name: str, default: str = "") -> str:
        """The last value of a header, by lower-case name."""
        if self._lower is None:
            self._lower = {key.lower(): value for key, value in self.headers}
        return self._lower.get(name, default)

    def head_size(self) -> int:
        """Bytes of path, query and headers: what the emulator limits."""
        return sum(map(len, chain.from_iterable(self.headers))) + len(self.path) + len(self.query)

    def line_and_values_size(self) -> int:
        """Bytes of the request line and of header values, which API Gateway limits [D: quotas]."""
        line = len(self.method) + len(self.path) + len(self.query) + _REST_OF_LINE
        return line + sum([len(value) for _, value in self.headers])


@dataclass(slots=True)
class HttpResponse:
    """An answer; Content-Length is added by the edge, unless the body is a stream."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    stream: AsyncGenerator[bytes] | None = None
    """Pieces of a body that is sent as it comes into being; `body` is then ignored. Closed by the edge."""
