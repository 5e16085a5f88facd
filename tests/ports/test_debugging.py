"""A debugged function: it waits for its debugger, has no timeout, and AWS time stands still at a breakpoint."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emulator.adapters import process_runtime
from emulator.adapters.clock import LiveClock
from emulator.adapters.process_runtime import ProcessRuntime
from emulator.adapters.runtime.debugging import debug_ports, debugpy_folder, how_to_attach
from emulator.cli import app
from emulator.ports import FunctionSpec, InvocationResult
from emulator.settings import LiveSettings
from tests.free_port import free_port
from tests.ports.functions import function, invocation, until
from tests.stuck import STUCK_SECONDS

SOURCE = "import time\ndef handler(event, context):\n    found = event\n    time.sleep(1)\n    return found\n"
LINE = 4


class Debugger:
    """As much of the Debug Adapter Protocol as a breakpoint needs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._number = 0
        self._heard: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: Any) -> None:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def hear(self, **wanted: str) -> dict[str, Any]:
        """The next message with these members; what comes before it is kept for later calls."""
        for message in self._heard:
            if wanted.items() <= message.items():
                self._heard.remove(message)
                return message
        while True:
            header = await self._reader.readuntil(b"\r\n\r\n")
            message = json.loads(await self._reader.readexactly(int(header.split(b":")[1])))
            assert message.get("success", True), message
            if wanted.items() <= message.items():
                return message
            self._heard.append(message)

    async def break_at(self, path: Path, line: int) -> None:
        self.send("initialize", adapterID="test", linesStartAt1=True)
        await self.hear(command="initialize")
        self.send("attach", justMyCode=True)
        await self.hear(event="initialized")
        self.send("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": line}])
        await self.hear(command="setBreakpoints")
        self.send("configurationDone")
        await self.hear(command="configurationDone")

    async def value_of(self, stopped: dict[str, Any], expression: str) -> str:
        self.send("stackTrace", threadId=stopped["body"]["threadId"])
        frames = (await self.hear(command="stackTrace"))["body"]["stackFrames"]
        self.send("evaluate", expression=expression, frameId=frames[0]["id"])
        result: str = (await self.hear(command="evaluate"))["body"]["result"]
        return result


@asynccontextmanager
async def attached(port: int) -> AsyncIterator[Debugger]:
    """Connected once the function listens."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.02)
    try:
        yield Debugger(reader, writer)
    finally:
        writer.close()


@pytest.mark.real_process
def test_a_debugged_function_stops_at_a_breakpoint_without_timeout_and_time_stands_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("debugpy", reason="debugpy is optional")
    folder, port = tmp_path / "source", free_port()
    folder.mkdir()
    (folder / "app.py").write_text(SOURCE)

    async def test() -> InvocationResult:
        clock = LiveClock(frozen=True, start_at=1_800_000_000.0)
        runtime = ProcessRuntime(
            clock, LiveSettings(), tmp_path / "work", lambda: "http://127.0.0.1:1", debug_ports={"reports": port}
        )
        spec: FunctionSpec = function("", source_directory=str(folder), timeout_seconds=0.1)
        try:
            running = asyncio.create_task(runtime.run(spec, invocation("seen")))
            async with attached(port) as debugger:
                await debugger.break_at(folder / "app.py", LINE)
                stopped = await debugger.hear(event="stopped")
                assert stopped["body"]["reason"] == "breakpoint"
                assert await debugger.value_of(stopped, "found") == "'seen'"
                assert clock.at_work() and clock.next_sleeper() is None and clock.now() == 1_800_000_000.0
                debugger.send("continue", threadId=stopped["body"]["threadId"])
                await debugger.hear(command="continue")
                await until(lambda: clock.next_sleeper() is not None)
                clock.jump(1_800_000_001.0)
                return await running
        finally:
            await runtime.aclose()

    async def bounded() -> InvocationResult:
        return await asyncio.wait_for(test(), STUCK_SECONDS * 2)

    result = asyncio.run(bounded())
    assert (result.payload, result.function_error) == (b'"seen"', None)
    said = capsys.readouterr().err
    assert f"reports waits for a debugger on 127.0.0.1:{port}" in said and '"type": "debugpy"' in said


@pytest.mark.real_process
def test_running_time_stands_still_at_a_breakpoint_and_has_its_pace_back_afterwards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("debugpy", reason="debugpy is optional")
    folder, port = tmp_path / "source", free_port()
    folder.mkdir()
    (folder / "app.py").write_text(SOURCE)

    async def test() -> None:
        clock = LiveClock()
        clock.set_factor(1000.0)
        runtime = ProcessRuntime(
            clock, LiveSettings(), tmp_path / "work", lambda: "http://127.0.0.1:1", debug_ports={"reports": port}
        )
        spec: FunctionSpec = function("", source_directory=str(folder), timeout_seconds=0.1)
        try:
            running = asyncio.create_task(runtime.run(spec, invocation("seen")))
            await asyncio.sleep(0)
            begun = clock.now()
            await until(lambda: "waits for a debugger" in capsys.readouterr().err)
            # No second attempt: the console says so when the port answers.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            debugger = Debugger(reader, writer)
            await debugger.break_at(folder / "app.py", LINE)
            stopped = await debugger.hear(event="stopped")
            assert clock.now() == begun
            debugger.send("continue", threadId=stopped["body"]["threadId"])
            result = await running
            writer.close()
            assert result.payload == b'"seen"'
            assert clock.now() >= begun + 1.0, "the handler slept a second of AWS time, which passed"
            later = clock.now()
            await asyncio.sleep(0.01)
            assert clock.factor == 1000.0 and clock.now() > later
        finally:
            await runtime.aclose()

    asyncio.run(asyncio.wait_for(test(), STUCK_SECONDS * 2))


def test_a_port_that_is_taken_is_the_functions_error_and_refused_at_start(tmp_path: Path) -> None:
    async def test(port: int) -> InvocationResult:
        clock = LiveClock(frozen=True, start_at=1_800_000_000.0)
        work = tmp_path / "work"
        runtime = ProcessRuntime(
            clock, LiveSettings(), work, lambda: "http://127.0.0.1:1", debug_ports={"reports": port}
        )
        try:
            return await runtime.run(function("def handler(event, context): pass\n"), invocation())
        finally:
            await runtime.aclose()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        result = asyncio.run(test(port))
        assert result.error_type == "Emulator.DebugPortInUse"
        assert f"127.0.0.1:{port}".encode() in result.payload
        if debugpy_folder() is not None:
            done = CliRunner().invoke(app, ["start", "--ephemeral", "--debug", f"zf:{port}"])
            assert done.exit_code == 1
            assert f"Port {port}, on which zf would wait for its debugger, is in use." in done.output


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.real_process
def test_a_function_that_cannot_be_debugged_runs_and_the_console_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remarks: list[str] = []
    # Not caplog: what other tests of this process did to loggers must not matter.
    monkeypatch.setattr(process_runtime.logger, "warning", lambda text, *values: remarks.append(text % values))
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "app.js").write_text("exports.handler = async () => 1;\n")
    spec = function("", source_directory=str(folder), runtime="nodejs22.x")

    async def test() -> list[bytes]:
        clock = LiveClock(frozen=True, start_at=1_800_000_000.0)
        work = tmp_path / "work"
        runtime = ProcessRuntime(clock, LiveSettings(), work, lambda: "http://127.0.0.1:1", debug_ports={"reports": 1})
        try:
            return [(await runtime.run(spec, invocation())).payload for _ in range(2)]
        finally:
            await runtime.aclose()

    assert asyncio.run(asyncio.wait_for(test(), STUCK_SECONDS)) == [b"1", b"1"]
    assert remarks == ["--debug reports has no effect: only Python functions can be debugged, this one is nodejs22.x"]


def test_functions_without_a_port_take_the_first_free_ones() -> None:
    assert debug_ports(["a", "b:5678", "c"]) == {"b": 5678, "a": 5679, "c": 5680}


@pytest.mark.parametrize("targets", [[":1"], ["a:x"], ["a:70000"], ["a:1", "b:1"]])
def test_a_target_that_makes_no_sense_is_refused(targets: list[str]) -> None:
    with pytest.raises(ValueError):
        debug_ports(targets)


def test_a_packaged_function_needs_to_be_told_where_its_source_is() -> None:
    assert '"remoteRoot": "/work/code"' in how_to_attach("reports", 5678, Path("/work/code"), False)
    assert "pathMappings" not in how_to_attach("reports", 5678, Path("/work/code"), True)
