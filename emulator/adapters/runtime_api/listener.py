"""The socket of one environment's Runtime API: bound at once, served from the first connection on.

A listener per environment, because the official runtime clients take an address and nothing else that could tell
environments apart. Binding costs a few system calls, so every environment can have one.
"""

from __future__ import annotations

import asyncio
import socket

from .http import Api, Connection

BACKLOG = 64


class Listener:
    """`address` is what AWS_LAMBDA_RUNTIME_API says."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(("127.0.0.1", 0))
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        names = ("127.0.0.1", "localhost", "sandbox", "sandbox.localdomain")
        self._hosts = frozenset(f"{name}:{self.port}" for name in names)
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """End the socket and every connection."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        for connection in list(self._connections):
            connection.close()
        for task in list(self._tasks):
            task.cancel()

    def _accept(self) -> None:
        try:
            accepted, _ = self._socket.accept()
        except OSError:
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._serve(accepted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self._api, self._hosts, self._connections), accepted
            )
        except OSError:
            accepted.close()
