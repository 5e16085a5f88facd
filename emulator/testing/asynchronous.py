"""The twins of `Emulator` and of what hangs on it for coroutines: every call is made in a thread and awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread

if TYPE_CHECKING:
    import httpx

    from emulator.faults import FaultPlan
    from emulator.testing.aws import Aws
    from emulator.testing.clock import Clock
    from emulator.testing.deploying import Deployed
    from emulator.testing.faults import Faults
    from emulator.testing.inbox import Inbox, Message
    from emulator.testing.queue import Queue
    from emulator.testing.timeline import Timeline
    from emulator.testing.websocket import WebSocket
    from emulator.testing.world import Emulator


class AsyncClock:
    """`Clock`, awaited."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> float:
        """Seconds of AWS time since 1970."""
        return await to_thread.run_sync(self._clock.now)

    async def datetime(self) -> datetime:
        """AWS time as a datetime in UTC."""
        return await to_thread.run_sync(self._clock.datetime)

    async def frozen(self) -> bool:
        """Whether time stands still."""
        return await to_thread.run_sync(lambda: self._clock.frozen)

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


class AsyncQueue:
    """`Queue`, awaited."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.name = queue.name

    async def url(self) -> str:
        """Its URL."""
        return await to_thread.run_sync(lambda: self._queue.url)

    async def arn(self) -> str:
        """Its ARN."""
        return await to_thread.run_sync(lambda: self._queue.arn)

    async def length(self) -> int:
        """How many messages there are: visible, in flight and delayed."""
        return await to_thread.run_sync(len, self._queue)

    async def send(self, body: Any, **more: Any) -> str:
        """Send a message, text or what becomes JSON; its id."""
        return await to_thread.run_sync(partial(self._queue.send, body, **more))

    async def receive(self, limit: int = 10, wait_seconds: int = 0) -> list[dict[str, Any]]:
        """Receive up to `limit` messages and delete them, as boto3 shows them."""
        return await to_thread.run_sync(self._queue.receive, limit, wait_seconds)

    async def bodies(self, limit: int = 10) -> list[str]:
        """`receive`, and the texts alone."""
        return await to_thread.run_sync(self._queue.bodies, limit)


class AsyncWebSocket:
    """`WebSocket`, awaited."""

    def __init__(self, client: WebSocket) -> None:
        self._client = client
        self.subprotocol = client.subprotocol

    async def say(self, message: Any) -> None:
        """Send a message, text or what becomes JSON."""
        await to_thread.run_sync(self._client.say, message)

    async def hear(self) -> str:
        """The next message. Raises Closed if the API has ended the connection, HarnessError if nothing comes."""
        return await to_thread.run_sync(self._client.hear)

    async def json(self) -> Any:
        """The next message, read as JSON."""
        return await to_thread.run_sync(self._client.json)

    async def heard(self) -> list[str]:
        """Every message that has been sent to this client up to now and not been heard; none is waited for."""
        return await to_thread.run_sync(self._client.heard)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and wait until the API has heard it."""
        await to_thread.run_sync(self._client.close, code, reason)

    async def vanish(self) -> None:
        """Leave without a word, as clients do whose line is cut."""
        await to_thread.run_sync(self._client.vanish)


class AsyncFaults:
    """`Faults`, awaited; what each can be, `Faults` says."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def function(self, name: str, fault: str, **more: Any) -> None:
        """A function."""
        await to_thread.run_sync(partial(self._faults.function, name, fault, **more))

    async def state(self, name: str, fault: str, **more: Any) -> None:
        """A Task state."""
        await to_thread.run_sync(partial(self._faults.state, name, fault, **more))

    async def destination(self, name: str, fault: str, **more: Any) -> None:
        """What AWS itself delivers to."""
        await to_thread.run_sync(partial(self._faults.destination, name, fault, **more))

    async def queue(self, name: str, fault: str, **more: Any) -> None:
        """A message sent to a queue."""
        await to_thread.run_sync(partial(self._faults.queue, name, fault, **more))

    async def gateway(self, name: str, fault: str, **more: Any) -> None:
        """A request to an API or a function URL."""
        await to_thread.run_sync(partial(self._faults.gateway, name, fault, **more))

    async def websocket(self, name: str, fault: str, **more: Any) -> None:
        """A connection or a message of a WebSocket API."""
        await to_thread.run_sync(partial(self._faults.websocket, name, fault, **more))

    async def mail(self, to: str, fault: str, **more: Any) -> None:
        """Mail to a recipient."""
        await to_thread.run_sync(partial(self._faults.mail, to, fault, **more))

    async def store(self, fault: str, **more: Any) -> None:
        """A commit."""
        await to_thread.run_sync(partial(self._faults.store, fault, **more))

    async def put(self, plan: FaultPlan) -> None:
        """From now on this is the plan."""
        await to_thread.run_sync(self._faults.put, plan)

    async def load(self, path: str | Path) -> None:
        """The plan in a file."""
        await to_thread.run_sync(self._faults.load, path)

    async def seed(self, seed: int) -> None:
        """Begin an empty plan whose dice follow from this number."""
        await to_thread.run_sync(self._faults.seed, seed)

    async def clear(self) -> None:
        """Nothing goes wrong any more."""
        await to_thread.run_sync(self._faults.clear)

    async def plan(self) -> FaultPlan:
        """What is to go wrong."""
        return await to_thread.run_sync(lambda: self._faults.plan)

    async def strikes(self) -> list[dict[str, Any]]:
        """What has gone wrong."""
        return await to_thread.run_sync(lambda: self._faults.strikes)

    async def seen(self) -> list[dict[str, Any]]:
        """Calls that could have failed."""
        return await to_thread.run_sync(lambda: self._faults.seen)


class AsyncEmulator:
    """`Emulator`, awaited. boto3's clients are what they are: `await to_thread.run_sync(aws.sqs.list_queues)`."""

    def __init__(self, emulator: Emulator) -> None:
        self.sync = emulator
        """The same world for code that does not await."""
        self.clock = AsyncClock(emulator.clock)
        self.inbox = AsyncInbox(emulator.inbox)
        self.faults = AsyncFaults(emulator.faults)
        self.account, self.region, self.url = emulator.account, emulator.region, emulator.url

    @cached_property
    def aws(self) -> Aws:
        """boto3's clients of the world, as attributes."""
        return self.sync.aws

    @property
    def http(self) -> httpx.AsyncClient:
        """For deployed APIs: takes full URLs, AWS's own, or paths of the only API there is."""
        return self.sync.aws.async_http

    def queue(self, name: str) -> AsyncQueue:
        """A queue of this world, by its name, URL or ARN."""
        return AsyncQueue(self.sync.queue(name))

    @asynccontextmanager
    async def branch(self, faults: FaultPlan | None = None) -> AsyncGenerator[AsyncEmulator]:
        """A copy of this world that goes its own way, in its own time: `async with emulator.branch() as other:`."""
        branching = self.sync.branch(faults)
        other = await to_thread.run_sync(branching.__enter__)
        try:
            yield AsyncEmulator(other)
        finally:
            await to_thread.run_sync(branching.__exit__, None, None, None)

    async def snapshot(self, path: str | Path | None = None) -> bytes:
        """Everything that this world has, and the time; kept in a file too, if one is named."""
        return await to_thread.run_sync(self.sync.snapshot, path)

    async def request(self, request_id: str) -> dict[str, Any]:
        """A request to a deployed API, by its id, step by step."""
        return await to_thread.run_sync(self.sync.request, request_id)

    async def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings for this server, until its last world ends; what all are then."""
        return await to_thread.run_sync(partial(self.sync.settings, **values))

    async def settle(self) -> None:
        """Run every consequence of what has happened in this world, however late it is due."""
        await to_thread.run_sync(self.sync.settle)

    async def deploy(self, path: str | Path, parameters: dict[str, Any] | None = None, **more: Any) -> Deployed:
        """Deploy a template or an OpenAPI file with everything it names beside itself. Raises DeployFailed."""
        return await to_thread.run_sync(partial(self.sync.deploy, path, parameters, **more))

    async def logs(self, name: str, pattern: str = "") -> list[str]:
        """What a function has written, or what is in a log group: each event's text, oldest first."""
        return await to_thread.run_sync(self.sync.logs, name, pattern)

    async def metric(self, namespace: str, name: str, *, statistic: str = "Sum", **dimensions: str) -> float:
        """A metric since the world began, as one number."""
        return await to_thread.run_sync(partial(self.sync.metric, namespace, name, statistic=statistic, **dimensions))

    @asynccontextmanager
    async def websocket(self, url: str = "/", **more: Any) -> AsyncGenerator[AsyncWebSocket]:
        """A client of a WebSocket API: `async with emulator.websocket() as client:`. Raises Refused."""
        client = AsyncWebSocket(await to_thread.run_sync(partial(self.aws.websocket, url, **more)))
        try:
            yield client
        finally:
            await client.close()

    async def timeline(self) -> Timeline:
        """What has happened in this world, in the order of AWS time, and what is due next."""
        return await to_thread.run_sync(self.sync.timeline)

    async def attempts(self, function: str = "") -> list[dict[str, Any]]:
        """Attempts at running functions, oldest first."""
        return await to_thread.run_sync(self.sync.attempts, function)

    async def executions(self, machine: str = "", status: str = "") -> list[dict[str, Any]]:
        """Executions of standard state machines, oldest first."""
        return await to_thread.run_sync(self.sync.executions, machine, status)
