"""`Emulator`: a world of one's own, and everything a test says to it.

    with Emulator() as emulator:                                # an emulator in this process
    with Emulator.connect("http://localhost:4566") as emulator: # a world of one that runs already
    async with Emulator() as emulator:                          # the same, awaited

Decides nothing about time or state: every question is one of `/_emulator`'s, asked of a `Server`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.testing import watching
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from emulator.testing.faults import Faults
from emulator.testing.inbox import Inbox
from emulator.testing.metrics import value_of
from emulator.testing.queue import Queue
from emulator.testing.servers import HarnessError, LocalServer, RemoteServer, Server, refusals, told
from emulator.testing.timeline import Timeline

if TYPE_CHECKING:
    from emulator.faults import FaultPlan
    from emulator.settings import Settings
    from emulator.testing.asynchronous import AsyncEmulator
    from emulator.testing.deploying import Deployed


__tracebackhide__ = told


class Emulator:
    """An account that nobody else uses, with its clients, its mail and the time.

    `functions="threads"` runs Python handlers in threads of this process, for breakpoints and coverage.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        functions: str = "processes",
        server: Server | None = None,
        region: str | None = None,
    ) -> None:
        self._settings, self._functions = settings, functions
        self._server = server
        self._owns_server = server is None
        self._region = region
        self._account = ""
        self._begun_at = 0.0
        self._begin: Callable[[], tuple[Server, str]] | None = None

    @classmethod
    def connect(cls, url: str, region: str | None = None) -> Emulator:
        """A world of an emulator that serves at `url`. Raises HarnessError if none does."""
        emulator = cls(server=RemoteServer(url), region=region)
        emulator._owns_server = True
        return emulator

    @classmethod
    def restore(
        cls, snapshot: bytes | str | Path, *, functions: str = "processes", faults: FaultPlan | None = None
    ) -> Emulator:
        """The world of a snapshot, on an emulator of its own in this process, at the time at which it was saved.

        What was due then runs at once, under `faults` if there are any.

        Raises HarnessError for what is no snapshot of a world.
        """
        from emulator import snapshots

        content = snapshot if isinstance(snapshot, bytes) else Path(snapshot).read_bytes()
        with refusals():
            account = snapshots.about(content).account
        if not account:
            raise HarnessError("that is a snapshot of a whole emulator: `emulator snapshot restore` takes it")
        emulator = cls(functions=functions)
        emulator._begin = lambda: (LocalServer.restored(content, functions, faults), account)
        return emulator

    def snapshot(self, path: str | Path | None = None) -> bytes:
        """Everything that this world has, and the time; kept in a file too, if one is named.

        Raises HarnessError if it uses a service whose state cannot be written.
        """
        content = self.server.save(self.account)
        if path is not None:
            Path(path).write_bytes(content)
        return content

    @contextmanager
    def branch(self, faults: FaultPlan | None = None) -> Generator[Emulator]:
        """A copy of this world that goes its own way, in its own time: `with emulator.branch() as other:`.

        What is due runs in it at once, under `faults`, or the plan of this world counted anew. It has an emulator of
        its own in this process, until it ends. What S3, DynamoDB and other delegated services keep is shared
        meanwhile, and afterwards as it was before.
        """
        saved = self.snapshot()
        local = self.server if isinstance(self.server, LocalServer) else None
        functions = local.functions if local else "processes"
        plan = self.faults.plan if faults is None else faults
        try:
            with Emulator.restore(saved, functions=functions, faults=plan if plan.faults else None) as other:
                yield other
        finally:
            if local is not None:
                local.restore_library(saved)

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            watching.fails(self)
        self.stop()

    async def __aenter__(self) -> AsyncEmulator:
        from anyio import to_thread

        from emulator.testing.asynchronous import AsyncEmulator

        await to_thread.run_sync(self.start)
        return AsyncEmulator(self)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        from anyio import to_thread

        if kind is not None:
            await to_thread.run_sync(watching.fails, self)
        if self._account and "aws" in self.__dict__ and "async_http" in self.aws.__dict__:
            await self.aws.async_http.aclose()
        await to_thread.run_sync(self.stop)

    def start(self) -> Emulator:
        """Begin the world, and start the emulator if it is one of its own."""
        if self._begin is not None:
            self._server, self._account = self._begin()
        else:
            if self._server is None:
                self._server = LocalServer(self._settings, self._functions)
                self._server.ask("POST", "clock", {"action": "auto"})
            self._account = self._server.begin()
        self._begun_at = self.clock.now()
        if self._begin is None:  # else it is one of those that are watched, or goes on from a file
            watching.begins(self)
        return self

    def stop(self) -> None:
        """End the world: nothing of it runs on. Raises HarnessError if the emulator itself has made mistakes."""
        if self._server is None or not self._account:
            return
        try:
            watching.ends(self)
            if "aws" in self.__dict__:
                self.aws.close()
            failures = self._server.end(self._account)
        finally:
            self._account = ""
            for made in ("aws", "clock", "inbox", "faults"):
                self.__dict__.pop(made, None)
            if self._owns_server:
                self._server.close()
                self._server = None
        if failures:
            raise HarnessError("the emulator made mistakes; please report them:\n" + "\n".join(failures))

    @property
    def server(self) -> Server:
        """Where the world lives."""
        if self._server is None or not self._account:
            raise HarnessError("the emulator is not started: use `with Emulator() as emulator:`")
        return self._server

    @property
    def account(self) -> str:
        """The world's account id."""
        assert self.server
        return self._account

    @property
    def region(self) -> str:
        """The region of the clients."""
        return self._region or self.server.region

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return self.server.url

    @cached_property
    def aws(self) -> Aws:
        """boto3's clients of the world, as attributes, and `aws.http` for what it has deployed."""
        return Aws(self.server, self.account, self.region)

    @cached_property
    def clock(self) -> Clock:
        """AWS time."""
        return Clock(self.server, self.account)

    @cached_property
    def inbox(self) -> Inbox:
        """The world's mail."""
        return Inbox(self.server, self.account)

    @cached_property
    def faults(self) -> Faults:
        """What goes wrong in this world."""
        return Faults(self.server, self.account)

    def deploy(
        self,
        path: str | Path,
        parameters: dict[str, Any] | None = None,
        *,
        name: str | None = None,
        functions: str | Path | None = None,
    ) -> Deployed:
        """Deploy a SAM or CloudFormation template, or the one in a folder, with everything it names beside itself.

        An OpenAPI file is deployed with the handlers in `functions` (a folder; docs/deploy.md has the convention).

        Again with the same `name` (the folder's, if none is given) it updates the stack. Raises DeployFailed.
        """
        from emulator.testing.deploying import deploy

        return deploy(self, path, parameters, name, None if functions is None else Path(functions))

    def queue(self, name: str) -> Queue:
        """A queue of this world, by its name, URL or ARN."""
        return Queue(self.aws, name)

    def settle(self) -> None:
        """Run every consequence of what has happened in this world, however late it is due."""
        self.clock.settle()

    def attempts(self, function: str = "") -> list[dict[str, Any]]:
        """Attempts at running functions, in every region, oldest first: of all, or of one by its name or ARN."""
        return self._ask("attempts", function=function)["attempts"]

    def executions(self, machine: str = "", status: str = "") -> list[dict[str, Any]]:
        """Executions of standard state machines, oldest first, with input, output and the states they entered."""
        return self._ask("executions", machine=machine, status=status)["executions"]

    def logs(self, name: str, pattern: str = "") -> list[str]:
        """What a function has written, or what is in a log group: each event's text, oldest first.

        `pattern` is a filter pattern of CloudWatch Logs. Raises HarnessError if there is neither.
        """
        events, after, more = list[dict[str, Any]](), 0, True
        while more:
            page = self._ask("logs", name=name, filter=pattern, after=after, region=self.region)
            events, after, more = events + page["events"], page["next"], page["more"]
        return [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]

    def metric(self, namespace: str, name: str, *, statistic: str = "Sum", **dimensions: str) -> float:
        """A metric since the world began: `emulator.metric("AWS/Lambda", "Errors", FunctionName="render")`.

        `statistic` is one of CloudWatch's, `Sum`, `SampleCount`, `Minimum`, `Maximum` or `Average`; 0 without data.
        """
        period = (self._begun_at, self.clock.now())
        return value_of(self.aws, period, namespace, name, statistic, dimensions)

    def timeline(self) -> Timeline:
        """What has happened in this world, in the order of AWS time, and what is due next; `str` shows it."""
        return Timeline(self._ask("timeline"), self._begun_at)

    def request(self, request_id: str) -> dict[str, Any]:
        """A request to a deployed API, by its id (`x-amzn-RequestId`), step by step: headers, payloads, times."""
        return self.server.ask("GET", f"requests/{request_id}")

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings (docs/settings.md) for this server, until its last world ends; what all are then."""
        return self.server.ask("PUT", "settings", values) if values else self.server.ask("GET", "settings")

    def _ask(self, path: str, **query: Any) -> Any:
        return self.server.ask("GET", path, account=self.account, **query)
