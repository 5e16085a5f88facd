"""The connections that are open: who they are, and what is on its way to them. In memory: no socket survives a
restart, and the job that waits for its end is what is left of it then.

What is sent waits in a queue of its own, bounded, so that a client who does not read costs no more than that and holds
up nobody who posts to it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.sockets import Socket

IDLE_SECONDS = 600.0
LONGEST_SECONDS = 7200.0
"""[D: apigateway-execution-service-websocket-limits-table], in AWS time."""
MOST_UNREAD_BYTES = 1024 * 1024
"""Beyond this a client's buffer is full and posting to it is refused (AWS's limit is unverified)."""


_KEPT = ("api_id", "stage_name", "connected_at", "domain_name", "port", "source_ip", "user_agent", "authorizer")


GOING_AWAY = (1001, "Going away")
"""Code and reason of an end that is AWS's doing."""


class BufferFull(Exception):
    """The client does not read what it was sent."""


@dataclass(slots=True)
class Connection:
    """A client's connection to a stage."""

    id: str
    scope: Scope
    """The API's."""
    api_id: str
    stage_name: str
    connected_at: float
    domain_name: str
    port: int
    source_ip: str
    user_agent: str
    socket: Socket
    authorizer: dict[str, Any] | None = None
    """What the authorizer of `$connect` said, for all events of the connection."""
    last_active_at: float = 0.0
    closed_by_us: tuple[int, str] | None = None
    """Code and reason, once the emulator has ended it."""
    forgotten: bool = False
    """Nobody is told of its end: the emulator was reset."""
    _unread: int = 0
    _outgoing: deque[str | bytes] = field(default_factory=deque[str | bytes])
    _writer: asyncio.Task[None] | None = None

    def row(self) -> dict[str, Any]:
        """What is kept of it while it is open, so that its end can be told by an emulator that has not seen it."""
        facts = {name: getattr(self, name) for name in _KEPT}
        return {"connection": self.id, "account": self.scope.account, "region": self.scope.region, **facts}

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Connection:
        """A connection that ended with an earlier emulator: nothing can be said to its client."""
        facts = {name: row[name] for name in _KEPT}
        return cls(row["connection"], Scope(row["account"], row["region"]), socket=Socket(_nobody, _nobody), **facts)

    @property
    def identity(self) -> dict[str, str]:
        """The caller as events show it."""
        agent = {"userAgent": self.user_agent} if self.user_agent else {}
        return {**agent, "sourceIp": self.source_ip}

    def ends_at(self) -> float:
        """When it is closed if nothing more is said."""
        return min(self.last_active_at + IDLE_SECONDS, self.connected_at + LONGEST_SECONDS)

    def send(self, data: str | bytes) -> None:
        """Put a message on its way. Raises `BufferFull`."""
        size = len(data)
        if self._unread + size > MOST_UNREAD_BYTES:
            raise BufferFull
        self._unread += size
        self._outgoing.append(data)
        self._write_on()

    def close(self, code: int, reason: str) -> None:
        """End it, after what is on its way."""
        if self.closed_by_us is None:
            self.closed_by_us = (code, reason)
            self._write_on()

    def _write_on(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name=f"connection {self.id}")

    async def _write(self) -> None:
        while self._outgoing:
            data = self._outgoing.popleft()
            await self.socket.send(data)
            self._unread -= len(data)
        if self.closed_by_us is not None:
            await self.socket.close(*self.closed_by_us)

    def drop(self) -> None:
        """Let go of what was on its way to a client that is gone."""
        self._outgoing.clear()
        if self._writer is not None:
            self._writer.cancel()


async def _nobody(*_: Any) -> Any:
    raise AssertionError("a connection of an earlier emulator has no client any more")


class Connections:
    """Open connections by id."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        """From now on it may be posted to."""
        self._open[connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """It is gone."""
        self._open.pop(connection.id, None)
        connection.drop()

    def get(self, connection_id: str) -> Connection | None:
        """The connection, if it is open."""
        found = self._open.get(connection_id)
        return None if found is None or found.closed_by_us is not None else found

    def forget(self) -> None:
        """Close all, and tell nobody."""
        for connection in list(self._open.values()):
            connection.forgotten = True
            connection.close(1001, "Going away")
