"""The Runtime API over its socket, byte for byte: what runtimes and their interface clients rely on."""

# A server in the same loop reads in the turns that `until` gives it.
# ruff: noqa: ASYNC110

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from emulator.adapters.runtime_api.extensions import Extension
from emulator.adapters.runtime_api.listener import Listener
from emulator.adapters.runtime_api.replies import ACCEPTED, Request, Response
from emulator.adapters.runtime_api.sandbox import Outcome, Sandbox, Work
from tests.stuck import STUCK_SECONDS

ID = "8f507cfc-0000-4000-8000-000000000001"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:reports"
NEXT = "GET", "/2018-06-01/runtime/invocation/next"


class Recorder:
    """The owner of a sandbox, writing down what it is told; `told` wakes whoever waits for it."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.told = asyncio.Condition()

    def _tell(self, *event: Any) -> None:
        self.events.append(event if len(event) > 1 else event[0])

    def extensions_registered(self) -> None:
        self._tell("may start")

    def initialised(self) -> None:
        self._tell("initialised")

    def init_failed(self, outcome: Outcome) -> None:
        self._tell("init failed", outcome)

    def answered(self, outcome: Outcome) -> None:
        self._tell("answered")

    def completed(self, outcome: Outcome) -> None:
        self._tell("completed", outcome)

    def extension_failed(self, extension: Extension) -> None:
        self._tell("extension failed", extension.name, extension.error_type)

    def subscribe(self, name: str, request: Request) -> Response:
        return ACCEPTED


class Answered:
    """A parsed response."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def error(self) -> tuple[int, str, str]:
        value = json.loads(self.body)
        assert list(value) == ["errorMessage", "errorType"]
        return self.status, value["errorType"], value["errorMessage"]


class Client:
    """One connection of a runtime or an extension."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer, self.host = reader, writer, host

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        lines = {"Host": self.host, "Content-Length": str(len(body)), **(headers or {})}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.writer.write(head.encode() + b"\r\n" + body)

    async def receive(self) -> Answered:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        return Answered(int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["Content-Length"])))

    async def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answered:
        self.send(method, path, body, headers)
        return await self.receive()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


class Bench:
    """A sandbox behind a listener."""

    def __init__(self, native: bool = False) -> None:
        self.recorder = Recorder()
        about = {"functionName": "reports", "functionVersion": "$LATEST", "handler": "app.handler"}
        self.sandbox = Sandbox(self.recorder, about, "123456789012", native)
        self.listener = Listener(self.sandbox)
        self.clients: list[Client] = []

    @property
    def events(self) -> list[Any]:
        return self.recorder.events

    async def connect(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        client = Client(reader, writer, self.listener.address)
        self.clients.append(client)
        return client

    async def close(self) -> None:
        for client in self.clients:
            client.writer.close()
        self.listener.close()
        await asyncio.sleep(0)

    def invoke(self, payload: bytes = b"{}", **changes: Any) -> None:
        values: dict[str, Any] = {
            "request_id": ID,
            "payload": payload,
            "deadline_ms": 1_800_000_003_000,
            "invoked_function_arn": ARN,
            **changes,
        }
        self.sandbox.invoke(Work(**values))

    async def running(self, **changes: Any) -> Client:
        """A runtime that has received an invocation."""
        self.sandbox.begin()
        client = await self.connect()
        client.send(*NEXT)
        await self.until(lambda: "initialised" in self.events)
        self.invoke(**changes)
        assert (await client.receive()).status == 200
        return client

    async def until(self, true: Callable[[], bool]) -> None:
        """Turn the loop until the server has read what was sent."""
        while not true():
            await asyncio.sleep(0)


def on_bench(test: Callable[[Bench], Coroutine[Any, Any, None]], native: bool = False) -> None:
    async def whole() -> None:
        bench = Bench(native)
        try:
            await asyncio.wait_for(test(bench), STUCK_SECONDS)
        finally:
            await bench.close()

    asyncio.run(whole())


def test_next_waits_for_an_invocation_and_hands_it_over_with_awss_headers() -> None:
    async def test(bench: Bench) -> None:
        bench.sandbox.begin()
        assert bench.events == ["may start"]
        client = await bench.connect()
        client.send(*NEXT)
        await bench.until(lambda: "initialised" in bench.events)
        bench.invoke(b'{"a":1}', trace_id="Root=1-2-3;Sampled=0", client_context='{"custom":{}}')
        answer = await client.receive()
        assert (answer.status, answer.body) == (200, b'{"a":1}')
        assert answer.headers == {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": ID,
            "Lambda-Runtime-Deadline-Ms": "1800000003000",
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-2-3;Sampled=0",
            "Lambda-Runtime-Client-Context": '{"custom":{}}',
            "Content-Length": "7",
        }

    on_bench(test)


def test_an_invocation_is_complete_when_the_runtime_asks_for_the_next_one() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        answer = await client.ask("POST", f"/2018-06-01/runtime/invocation/{ID}/response", b"[1]")
        assert (answer.status, answer.body) == (202, b'{"status":"OK"}')
        assert bench.events[-1] == "answered"
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1] == ("completed", Outcome(b"[1]")))
        bench.invoke(b"2")
        assert (await client.receive()).body == b"2"

    on_bench(test)


def test_the_body_of_an_error_is_relayed_verbatim() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        body = b'{ "errorMessage": "no cash flow", "errorType": "ValueError", "stackTrace": [], "own": 1 }'
        headers = {"Lambda-Runtime-Function-Error-Type": "Function.ValueError"}
        assert (
            await client.ask("POST", f"/2018-06-01/runtime/invocation/{ID}/error", body, headers)
        ).body == b'{"status":"OK"}'
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1] == ("completed", Outcome(body, "ValueError")))

    on_bench(test)


def test_an_error_that_names_no_type_has_the_headers() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        headers = {"Lambda-Runtime-Function-Error-Type": "Function.Odd"}
        await client.ask("POST", f"/2018-06-01/runtime/invocation/{ID}/error", b"not json", headers)
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1] == ("completed", Outcome(b"not json", "Function.Odd")))

    on_bench(test)


def test_an_init_error_is_told_and_then_nothing_else_is_allowed() -> None:
    async def test(bench: Bench) -> None:
        bench.sandbox.begin()
        client = await bench.connect()
        body = b'{"errorMessage":"no","errorType":"Runtime.ImportModuleError"}'
        assert (await client.ask("POST", "/2018-06-01/runtime/init/error", body)).status == 202
        assert bench.events[-1] == ("init failed", Outcome(body, "Runtime.ImportModuleError"))
        assert (await client.ask(*NEXT)).error == (
            403,
            "InvalidStateTransition",
            "State transition from InitError to Ready failed for runtime. Error: State transition is not allowed",
        )

    on_bench(test)


@pytest.mark.parametrize("call", ["response", "error"])
def test_a_wrong_or_repeated_request_id_is_refused(call: str) -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        invalid = (400, "InvalidRequestID", "Invalid request ID")
        path = "/2018-06-01/runtime/invocation/{}/" + call
        assert (await client.ask("POST", path.format("other"), b"1")).error == invalid
        assert (await client.ask("POST", path.format(ID), b"{}")).status == 202
        assert (await client.ask("POST", path.format(ID), b"{}")).error == invalid

    on_bench(test)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (f"runtime/invocation/{ID}/response", "InvocationResponse"),
        (f"runtime/invocation/{ID}/error", "InvocationErrorResponse"),
        ("runtime/restore/error", "RestoreError"),
    ],
)
def test_a_call_in_the_wrong_state_names_both_states(path: str, wanted: str) -> None:
    async def test(bench: Bench) -> None:
        client = await bench.connect()
        assert (await client.ask("POST", "/2018-06-01/" + path, b"1")).error == (
            403,
            "InvalidStateTransition",
            f"State transition from Started to {wanted} failed for runtime. Error: State transition is not allowed",
        )

    on_bench(test)


def test_a_response_over_the_limit_is_413_fails_the_function_and_the_next_invocation_works() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        path = f"/2018-06-01/runtime/invocation/{ID}/response"
        assert (await client.ask("POST", path, b"x" * 6_291_557)).error == (
            413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).",
        )  # fmt: skip
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1][0] == "completed")
        outcome = bench.events[-1][1]
        assert outcome.error_type == "Function.ResponseSizeTooLarge"
        assert json.loads(outcome.body)["errorMessage"] == (
            "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        )
        bench.invoke()
        assert (await client.receive()).status == 200
        assert (await client.ask("POST", path, b"x" * 6_291_556)).status == 202

    on_bench(test)


def test_a_runtime_whose_poll_was_cut_gets_the_invocation_when_it_asks_again() -> None:
    async def test(bench: Bench) -> None:
        bench.sandbox.begin()
        client = await bench.connect()
        client.send(*NEXT)
        await bench.until(lambda: "initialised" in bench.events)
        await client.close()
        await bench.until(lambda: bench.sandbox._waiting is None)  # pyright: ignore[reportPrivateUsage]
        bench.invoke(b"7")
        again = await bench.connect()
        assert (await again.ask(*NEXT)).body == b"7"
        assert (await again.ask(*NEXT)).body == b"7"

    on_bench(test)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def stream_head(client: Client, trailers: str = "") -> bytes:
    return (
        f"POST /2018-06-01/runtime/invocation/{ID}/response HTTP/1.1\r\nHost: {client.host}\r\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
        f"Trailer: {trailers}\r\n\r\n"
    ).encode()


def test_a_streamed_response_is_passed_on_piece_by_piece() -> None:
    async def test(bench: Bench) -> None:
        pieces: list[bytes] = []
        client = await bench.running(on_chunk=pieces.append)
        client.writer.write(stream_head(client) + chunk(b"one"))
        await bench.until(lambda: pieces == [b"one"])
        assert "answered" not in bench.events
        client.writer.write(chunk(b"two") + b"0\r\n\r\n")
        assert (await client.receive()).status == 202
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1] == ("completed", Outcome(b"")))
        assert pieces == [b"one", b"two"]

    on_bench(test)


def test_a_streamed_response_that_nobody_streams_is_collected() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        client.writer.write(stream_head(client) + chunk(b"one") + chunk(b"two") + b"0\r\n\r\n")
        assert (await client.receive()).status == 202
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1] == ("completed", Outcome(b"onetwo")))

    on_bench(test)


def test_a_stream_may_fail_midway_by_its_trailers() -> None:
    async def test(bench: Bench) -> None:
        pieces: list[bytes] = []
        client = await bench.running(on_chunk=pieces.append)
        error = b'{"errorType":"Broken","errorMessage":"midway"}'
        client.writer.write(
            stream_head(client, "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
            + chunk(b"one")
            + b"0\r\nLambda-Runtime-Function-Error-Type: Broken\r\nLambda-Runtime-Function-Error-Body: "
            + base64.b64encode(error)
            + b"\r\n\r\n"
        )
        assert (await client.receive()).status == 202
        client.send(*NEXT)
        await bench.until(lambda: bench.events[-1] == ("completed", Outcome(error, "Broken")))

    on_bench(test)


def test_a_truncated_stream_fails_the_invocation() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running(on_chunk=lambda data: None)
        client.writer.write(stream_head(client) + chunk(b"one"))
        client.writer.write_eof()
        assert (await client.receive()).error[:2] == (400, "TruncatedHTTPRequest")
        again = await bench.connect()
        again.send(*NEXT)
        await bench.until(lambda: bench.events[-1][0] == "completed")
        assert bench.events[-1][1].error_type == "Runtime.TruncatedResponse"

    on_bench(test)


def test_an_unknown_response_mode_is_refused() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.running()
        headers = {"Lambda-Runtime-Function-Response-Mode": "sideways"}
        path = f"/2018-06-01/runtime/invocation/{ID}/response"
        assert (await client.ask("POST", path, b"1", headers)).error[:2] == (400, "InvalidFunctionResponseMode")
        assert (await client.ask("POST", path, b"1")).status == 202

    on_bench(test)


def test_restore_is_answered_at_once() -> None:
    async def test(bench: Bench) -> None:
        bench.sandbox.begin()
        client = await bench.connect()
        assert (await client.ask("GET", "/2018-06-01/runtime/restore/next")).status == 200
        client.send(*NEXT)
        await bench.until(lambda: "initialised" in bench.events)

    on_bench(test)


def test_ping_and_unknown_paths() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.connect()
        assert (await client.ask("GET", "/2018-06-01/ping")).body == b"pong"
        assert (await client.ask("GET", "/2018-06-01/nope")).status == 404
        assert (await client.ask("GET", "/")).status == 404
        assert (await client.ask("POST", "/2018-06-01/runtime/invocation/next")).status == 405

    on_bench(test)


@pytest.mark.parametrize("headers", [{"Host": "evil.example:80"}, {"Origin": "http://evil.example"}])
def test_a_web_page_cannot_drive_it(headers: dict[str, str]) -> None:
    async def test(bench: Bench) -> None:
        client = await bench.connect()
        assert (await client.ask(*NEXT, b"", headers)).status == 403
        assert bench.events == []

    on_bench(test)


def test_a_body_may_wait_to_be_asked_for() -> None:
    """curl announces bodies over a megabyte; bootstraps in shell use curl."""

    async def test(bench: Bench) -> None:
        client = await bench.running()
        headers = {"Expect": "100-continue"}
        body = b"x" * 10
        client.writer.write(
            f"POST /2018-06-01/runtime/invocation/{ID}/response HTTP/1.1\r\nHost: {client.host}\r\n"
            f"Content-Length: {len(body)}\r\nExpect: {headers['Expect']}\r\n\r\n".encode()
        )
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.writer.write(body)
        assert (await client.receive()).status == 202

    on_bench(test)


def test_nonsense_is_answered_400() -> None:
    async def test(bench: Bench) -> None:
        client = await bench.connect()
        client.writer.write(b"\x16\x03\x01nonsense\r\n\r\n")
        assert (await client.receive()).status == 400
        large = await bench.connect()
        large.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 70_000)
        assert (await large.receive()).status == 400

    on_bench(test)
