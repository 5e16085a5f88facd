"""An emulator in this process that a fault plan may kill: it starts again at the same address, on the same data.

What a kill ends, ends: whatever is in memory, functions that run, connections of clients. What is committed stays, and
so does the time. Nothing else tells the difference, so a test goes on with the emulator it had.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.testing.harness import CALL_TIMEOUT_SECONDS, RunningEmulator

if TYPE_CHECKING:
    from emulator.app import Emulator

T = TypeVar("T")


@dataclass(frozen=True)
class _Left:
    """What a life leaves to the next."""

    dumped: bytes | None = None
    """All its data, if it had no directory for them."""
    moves_for_clients: bool = False


class MortalEmulator(RunningEmulator):
    """A `RunningEmulator` with several lives."""

    _gone: asyncio.Event
    """This life is over."""
    _back: asyncio.Event
    """The next one has begun."""

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the emulator's loop; again, if the emulator was killed meanwhile."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._survive(work), self._loop).result(CALL_TIMEOUT_SECONDS)

    async def _survive(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        while True:
            await self._back.wait()
            gone = self._gone
            doing, ending = asyncio.ensure_future(work()), asyncio.ensure_future(gone.wait())
            await asyncio.wait([doing, ending], return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            if not gone.is_set():
                return doing.result()
            doing.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await doing

    async def _serve(self) -> None:
        from emulator.adapters import http_server
        from emulator.app import Emulator

        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._back = asyncio.Event()
        make = self._make or Emulator
        listener = http_server.bind(self.settings.host, self.settings.port)
        settings, before, left = self.settings, None, _Left()
        url = f"http://localhost:{listener.getsockname()[1]}"
        try:
            while not self._stop.is_set():
                self._gone = asyncio.Event()
                emulator = make(settings, url)
                if before is not None:
                    _go_on(emulator, before, left)
                before, left = emulator, await self._live(emulator, listener.dup(), url)
                settings = replace(settings, start_at=emulator.clock.now(), frozen=emulator.clock.mode == "frozen")
        finally:
            listener.close()

    async def _live(self, emulator: Emulator, listener: Any, url: str) -> _Left:
        """One life, until its end or somebody's `stop`."""
        from emulator.adapters import http_server

        gone, server = self._gone, http_server.server(emulator.asgi)

        def crash() -> None:
            self._back.clear()
            emulator.release_worlds()  # the connections that end are not their clients' doing
            for accepting in server.servers:
                accepting.close()
            for connection in list(server.server_state.connections):
                connection.transport.abort()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            asyncio.get_running_loop().call_soon(gone.set)

        emulator.crash = crash
        await emulator.start()
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
        assert self._stop is not None
        ends = [asyncio.create_task(self._stop.wait()), asyncio.create_task(gone.wait())]
        try:
            await server.listening.wait()
            self.emulator, self.url = emulator, url.replace("localhost", "127.0.0.1")
            self._back.set()
            self._ready.set()
            await asyncio.wait([serving, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            server.stop(at_once=gone.is_set())
            await serving
            kept = gone.is_set() and self.settings.data is None
            left = _Left(emulator.sqlite.dump() if kept else None, emulator.moves_for_clients)
            await emulator.stop()
        return left


def _go_on(emulator: Emulator, before: Emulator, left: _Left) -> None:
    """Begin where the life before ended; what a test has set goes on, though a process would have forgotten it."""
    if left.dumped is not None:
        emulator.sqlite.restore(left.dumped)
    emulator.faults.take_over(before.faults)
    for item in fields(before.live):
        setattr(emulator.live, item.name, getattr(before.live, item.name))
    emulator.move_for_clients(left.moves_for_clients)
