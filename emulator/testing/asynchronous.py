"""The twins of `Emulator`, `Clock` and `Inbox` for coroutines: every call is made in a thread and awaited."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread

if TYPE_CHECKING:
    import httpx

    from emulator.testing.aws import Aws
    from emulator.testing.clock import Clock
    from emulator.testing.deploying import Deployed
    from emulator.testing.inbox import Inbox, Message
    from emulator.testing.timeline import Timeline
    from emulator.testing.world import Emulator


class AsyncClock:
    """`Clock`, awaited."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> float:
        """Seconds of AWS time since 1970."""
        return await to_thread.run_sync(self._clock.now)

    async def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> float:
        """Move time; everything that falls due on the way has run when this returns. The time it is then."""
        move = partial(self._clock.advance, seconds, minutes=minutes, hours=hours, days=days)
        return await to_thread.run_sync(move)

    async def to_next(self) -> bool:
        """Move time to what is due next and run it. False if nothing is due within a year."""
        return await to_thread.run_sync(self._clock.to_next)

    async def settle(self) -> None:
        """Run every consequence of what has happened in this world, however late it is due (a year at most)."""
        await to_thread.run_sync(self._clock.settle)

    async def freeze(self) -> None:
        """Time stands still until somebody moves it."""
        await to_thread.run_sync(self._clock.freeze)

    async def resume(self) -> None:
        """Time passes as on the host."""
        await to_thread.run_sync(self._clock.resume)

    async def scale(self, factor: float) -> None:
        """Time passes `factor` times as fast as on the host."""
        await to_thread.run_sync(self._clock.scale, factor)

    async def auto(self, wanted: bool = True) -> None:
        """Whether frozen time moves by itself while a client waits for an answer."""
        await to_thread.run_sync(self._clock.auto, wanted)

    async def why(self) -> str:
        """Who holds time still, who waits for it, and what is due next."""
        return await to_thread.run_sync(self._clock.why)


class AsyncInbox:
    """`Inbox`, awaited."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def messages(self) -> list[Message]:
        """All messages, oldest first."""
        return await to_thread.run_sync(self._inbox.find)

    async def find(self, **search: str) -> list[Message]:
        """Messages of which parts fit: `to`, `sender`, `subject`, `q`."""
        return await to_thread.run_sync(partial(self._inbox.find, **search))

    async def wait(self, **search: Any) -> Message:
        """The first message that fits; AWS time moves until it comes."""
        return await to_thread.run_sync(partial(self._inbox.wait, **search))


class AsyncEmulator:
    """`Emulator`, awaited. boto3's clients are what they are: `await to_thread.run_sync(aws.sqs.list_queues)`."""

    def __init__(self, emulator: Emulator) -> None:
        self.sync = emulator
        """The same world for code that does not await."""
        self.clock = AsyncClock(emulator.clock)
        self.inbox = AsyncInbox(emulator.inbox)

    @cached_property
    def aws(self) -> Aws:
        """boto3's clients of the world, as attributes."""
        return self.sync.aws

    @property
    def http(self) -> httpx.AsyncClient:
        """For deployed APIs: takes full URLs, AWS's own, or paths of the only API there is."""
        return self.sync.aws.async_http

    async def settle(self) -> None:
        """Run every consequence of what has happened in this world, however late it is due."""
        await to_thread.run_sync(self.sync.settle)

    async def deploy(self, path: str | Path, parameters: dict[str, Any] | None = None, **more: Any) -> Deployed:
        """Deploy a template or an OpenAPI file with everything it names beside itself. Raises DeployFailed."""
        return await to_thread.run_sync(partial(self.sync.deploy, path, parameters, **more))

    async def timeline(self) -> Timeline:
        """What has happened in this world, in the order of AWS time, and what is due next."""
        return await to_thread.run_sync(self.sync.timeline)

    async def attempts(self, function: str = "") -> list[dict[str, Any]]:
        """Attempts at running functions, oldest first."""
        return await to_thread.run_sync(self.sync.attempts, function)

    async def executions(self, machine: str = "", status: str = "") -> list[dict[str, Any]]:
        """Executions of standard state machines, oldest first."""
        return await to_thread.run_sync(self.sync.executions, machine, status)
