"""A client of a deployed WebSocket API: `client = aws.websocket()`, `client.say(…)`, `client.hear()`.

Decides nothing about time: what is said to it later comes once the test has moved AWS time there.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from wsproto import ConnectionType, WSConnection, events
from wsproto.connection import ConnectionState
from wsproto.utilities import RemoteProtocolError

from emulator.testing.servers import HarnessError

if TYPE_CHECKING:
    import httpx

WAIT_SECONDS = 120.0
"""Host time for which a message may take to come."""
CHUNK = 65536


def told(excinfo: Any) -> bool:
    """Whether what was raised is an answer to the test: pytest hides our frames then."""
    return excinfo.errisinstance((HarnessError, Refused, Closed))


__tracebackhide__ = told


class Refused(Exception):
    """The API did not take the connection: `status` and `body` of its answer."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body.decode(errors='replace')}")
        self.status, self.body = status, body


class Closed(Exception):
    """The API has ended the connection, with this `code` and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code, self.reason = code, reason


class WebSocket:
    """A connection; `with` closes it, and so does the end of the world."""

    def __init__(self, line: socket.socket, connection: WSConnection) -> None:
        self._line = line
        self._connection = connection
        self._arrived: list[events.Event] = []
        self._text = ""
        self.subprotocol: str | None = None
        """The one that the API has chosen."""

    @classmethod
    def open(
        cls,
        line: socket.socket,
        target: str,
        host: str,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> Self:
        """Shake hands on a line that is there. Raises Refused."""
        connection = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        asked = events.Request(host=host, target=target, extra_headers=extra, subprotocols=list(subprotocols))
        line.sendall(connection.send(asked))
        made = cls(line, connection)
        try:
            made._accepted()
        except BaseException:
            line.close()
            raise
        return made

    def _accepted(self) -> None:
        status, body = 0, b""
        while True:
            event = self._next()
            if isinstance(event, events.AcceptConnection):
                self.subprotocol = event.subprotocol
                return
            if isinstance(event, events.RejectConnection):
                status = event.status_code
                if not event.has_body:
                    raise Refused(status, body)
            if isinstance(event, events.RejectData):
                body += event.data
                if event.body_finished:
                    raise Refused(status, body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, message: Any) -> None:
        """Send a message, text or what becomes JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        self._line.sendall(self._connection.send(events.TextMessage(text)))

    def hear(self) -> str:
        """The next message. Raises Closed if the API has ended the connection, HarnessError if nothing comes."""
        while True:
            message = self._message(self._next())
            if message is not None:
                return message

    def json(self) -> Any:
        """The next message, read as JSON."""
        return json.loads(self.hear())

    def heard(self) -> list[str]:
        """Every message that has been sent to this client up to now and not been heard; none is waited for."""
        self._line.sendall(self._connection.send(events.Ping(b"up to now")))
        return list(self._until_pong())

    def _until_pong(self) -> Iterator[str]:
        while True:  # the answer to a ping comes behind whatever was sent before it
            event = self._next()
            if isinstance(event, events.Pong):
                return
            message = self._message(event)
            if message is not None:
                yield message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and wait until the API has heard it. Again, it does nothing."""
        if self._connection.state is ConnectionState.OPEN:
            self._goodbye(self._connection.send(events.CloseConnection(code=code, reason=reason or None)))
        self._line.close()

    def _goodbye(self, frame: bytes) -> None:
        try:
            self._line.sendall(frame)
            while True:
                self._next()
        except (Closed, OSError, RemoteProtocolError):
            pass
        self._line.close()

    def vanish(self) -> None:
        """Leave without a word, as clients do whose line is cut."""
        self._line.close()

    def _message(self, event: events.Event) -> str | None:
        """The message that this completes. Raises Closed."""
        if isinstance(event, events.TextMessage):
            self._text += event.data
            if event.message_finished:
                text, self._text = self._text, ""
                return text
        elif isinstance(event, events.CloseConnection):
            if self._connection.state is ConnectionState.REMOTE_CLOSING:
                self._line.sendall(self._connection.send(event.response()))
            raise Closed(event.code, event.reason or "")
        return None

    def _next(self) -> events.Event:
        while not self._arrived:
            try:
                data = self._line.recv(CHUNK)
            except TimeoutError:
                raise HarnessError(
                    f"nothing came within {WAIT_SECONDS:g} s of this machine's time; what is said later needs "
                    "`emulator.settle()` or `clock.advance(…)` first, and `heard()` does not wait"
                ) from None
            if not data:
                raise Closed(1006, "the line is cut")
            self._connection.receive_data(data)
            self._arrived.extend(self._connection.events())
        return self._arrived.pop(0)


def connect(
    url: httpx.URL, host: str, headers: Mapping[str, str] | None = None, subprotocols: Sequence[str] = ()
) -> WebSocket:
    """A connection to an address on this machine. Raises Refused."""
    line = socket.create_connection((url.host, url.port or 80), WAIT_SECONDS)
    return WebSocket.open(line, url.raw_path.decode(), host, headers, subprotocols)
