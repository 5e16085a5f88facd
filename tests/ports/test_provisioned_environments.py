"""Environments that are started ahead of invocations: when they are initialised, kept, replaced and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emulator.ports import FunctionSpec, LogEvent, Provision
from tests.ports.functions import ARN, Bench, error_of, function, invocation, texts

SOURCE = """
import os
pid, calls = os.getpid(), 0
print("init of", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"])

def handler(event, context):
    global calls
    calls += 1
    if event == "die":
        os._exit(3)
    return [pid, calls]
"""


class Wanted:
    """A function that is provisioned, and what its environments logged in their init phases."""

    def __init__(self, bench: Bench, source: str = SOURCE, **members: Any) -> None:
        self.bench = bench
        self.spec: FunctionSpec = replace(function(source, **members), initialization_type="provisioned-concurrency")
        self.streams: list[str] = []
        self.logs: list[str] = []

    def _log(self, stream: str, events: Sequence[LogEvent]) -> None:
        self.streams.append(stream)
        self.logs.extend(event.message for event in events)

    async def provide(self, count: int, owner: str = "owner") -> str | None:
        wanted = [Provision(self.spec, count, self._log)] if count else []
        return await self.bench.runtime.provision(owner, wanted)

    async def ask(self, event: Any = None) -> Any:
        return await self.bench.runtime.run(self.spec, invocation(event))

    @property
    def idle(self) -> int:
        """Environments of the function that wait."""
        runtime: Any = self.bench.runtime
        return len(runtime._idle.get(self.spec.key, []))


async def settled(bench: Bench) -> None:
    """Whatever the runtime does in the background is done."""
    runtime: Any = bench.runtime
    while runtime._background:
        await next(iter(runtime._background))


def test_a_provisioned_function_is_initialised_once_and_ahead_of_its_first_invocation(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench)
        assert await wanted.provide(2) is None
        assert wanted.idle == 2
        assert wanted.logs.count("init of provisioned-concurrency\n") == 2
        assert sum(line.startswith("INIT_START") for line in wanted.logs) == 2
        result = await wanted.ask()
        assert result.init_seconds is None
        assert [text.split()[0] for text in texts(result)] == ["START", "END", "REPORT"]
        assert "Init Duration" not in texts(result)[-1]
        assert result.log_stream in wanted.streams
        assert await wanted.provide(2) is None
        assert len(wanted.streams) == 2

    on_processes(test)


def test_more_are_added_and_fewer_are_ended(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench)
        for count in (1, 3, 2, 0):
            assert await wanted.provide(count) is None
            assert wanted.idle == count
        assert len(wanted.streams) == 3

    on_processes(test)


def test_an_environment_that_crashes_is_replaced_at_once(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench)
        await wanted.provide(1)
        assert error_of(await wanted.ask("die"))["errorType"] == "Runtime.ExitError"
        await settled(bench)
        assert wanted.idle == 1
        assert len(wanted.streams) == 2
        result = await wanted.ask()
        assert result.init_seconds is None
        assert result.payload.endswith(b" 1]")

    on_processes(test)


def test_code_that_cannot_be_initialised_is_told_and_not_tried_again_and_again(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench, "raise KeyError('k')")
        assert await wanted.provide(2) == "KeyError"
        await settled(bench)
        assert wanted.idle == 0
        assert len(wanted.streams) == 2
        assert any(line.startswith("INIT_REPORT") and "Status: error" in line for line in wanted.logs)

    on_processes(test)


def test_a_runtime_that_is_not_here_is_told(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench, runtime="java21", handler="app.Handler")
        assert await wanted.provide(1) == "Runtime.NotAvailable"

    on_processes(test)


def test_environments_that_sleep_while_they_are_initialised_sleep_at_the_same_time(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench, "import time\ntime.sleep(20)\n" + SOURCE)
        begun = bench.clock.now()
        assert await bench.drive(wanted.provide(3)) is None
        assert (wanted.idle, bench.clock.now() - begun) == (3, 20.0)

    on_processes(test)


def test_provisioned_environments_are_not_ended_for_being_idle(on_processes: Any, settings: Any) -> None:
    settings.environment_idle_seconds = 0

    async def test(bench: Bench) -> None:
        wanted = Wanted(bench)
        await wanted.provide(1)
        first = (await wanted.ask()).payload
        assert first.endswith(b" 1]")
        assert (await wanted.ask()).payload == first.replace(b" 1]", b" 2]")

    on_processes(test)


def test_the_limit_of_the_machine_bounds_what_is_started_ahead(on_processes: Any, settings: Any) -> None:
    settings.provisioned_environments = 3

    async def test(bench: Bench) -> None:
        one, other = Wanted(bench), Wanted(bench, SOURCE + "# other")
        assert await one.provide(2, "one") is None
        assert await other.provide(2, "other") is None
        assert (one.idle, other.idle) == (2, 1)

    on_processes(test)


def test_a_discarded_function_is_not_replaced(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench)
        await wanted.provide(1)
        await bench.runtime.discard(ARN)
        await settled(bench)
        assert wanted.idle == 0
        assert len(wanted.streams) == 1

    on_processes(test)


def test_a_runtime_in_the_test_process_starts_nothing_ahead(on_each: Any) -> None:
    async def test(bench: Bench) -> None:
        wanted = Wanted(bench)
        assert await wanted.provide(1) is None
        assert (await wanted.ask()).payload.endswith(b" 1]")

    on_each(test)
