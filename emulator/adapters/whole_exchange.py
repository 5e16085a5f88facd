"""A request and its answer in one piece each, past ASGI's messages: `scope["whole"]`.

Nearly every request is there entirely when it begins to be served, and nearly every answer is one piece. ASGI's two
messages each way, with an event to wait for and a deadline around it, cost a quarter of what a durable accept costs
altogether (30 of 130 µs). `body` and `answer` decline what is not like that; `receive`, `head` and `send` then work.

Header names are sent as they are given, as AWS does it; uvicorn's own `send` writes all of them in lower case.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_SPECIAL = frozenset({b"connection", b"transfer-encoding"})
"""Headers that decide how the connection goes on: such an answer is sent by `head` and `send`."""
_SPECIAL_LENGTHS = frozenset(map(len, _SPECIAL))
_KEPT = b"Connection: keep-alive\r\n"
"""In every answer of AWS after which the connection stays [R:test_aws_proxy_response_payload_format_validation]."""
LARGEST_COPIED_BYTES = 65_536
"""Up to here one system call is worth a copy."""


class WholeExchange:
    """One request of a connection. Each method is to be called once at most, and before any `send`."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def body(self) -> bytes | None:
        """The body, if all of it has arrived; `receive` then says nothing more but that the client has gone."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.flow.resume_reading()
        cycle.message_event.clear()
        return body

    def answer(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send an answer that is complete (with its Content-Length if it has one).

        False if nothing was sent: the connection ends with this answer or the client reads too slowly, for example.
        """
        cycle = self._cycle
        if (
            cycle.response_started
            or cycle.disconnected
            or not cycle.keep_alive
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        pieces = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            pieces += (name, b": ", value, b"\r\n")
        for name, value in headers:
            if len(name) in _SPECIAL_LENGTHS and name.lower() in _SPECIAL:
                return False
            pieces += (name, b": ", value, b"\r\n")
        pieces.append(_KEPT)
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        if len(body) > LARGEST_COPIED_BYTES:
            cycle.transport.write(b"".join([*pieces, b"\r\n"]))
            cycle.transport.write(body)
        else:
            cycle.transport.write(b"".join([*pieces, b"\r\n", body]))
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head of an answer whose body goes by `send`: ASGI's `http.response.start` in its own spelling.

        An answer without a length has its body in chunks, and ends a connection that the client does not want kept.
        """
        cycle = self._cycle
        if cycle.disconnected:
            return
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        pieces = [STATUS_LINE[status]]
        says_how = False
        for name, value in [*cycle.default_headers, *headers]:
            pieces += (name, b": ", value, b"\r\n")
            known = name.lower()
            if known == b"content-length" and cycle.chunked_encoding is None:
                cycle.expected_content_length = int(value)
                cycle.chunked_encoding = False
            elif known == b"transfer-encoding" and value.lower() == b"chunked":
                cycle.expected_content_length = 0
                cycle.chunked_encoding = True
            elif known == b"connection":
                says_how = True
                if b"close" in map(bytes.strip, value.lower().split(b",")):
                    cycle.keep_alive = False
        if not says_how:
            pieces.append(_KEPT if cycle.keep_alive else b"Connection: close\r\n")
        if cycle.chunked_encoding is None and cycle.scope["method"] != "HEAD" and status not in (204, 304):
            cycle.chunked_encoding = True
            pieces.append(b"Transfer-Encoding: chunked\r\n")
        cycle.transport.write(b"".join([*pieces, b"\r\n"]))
