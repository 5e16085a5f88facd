"""Custom runtimes: a `bootstrap` of the package or a layer that speaks AWS's Runtime API."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.ports import FunctionSpec, InvocationResult
from tests.ports.functions import ARN, REQUEST_ID, Bench, alive, error_of, invocation, texts, until
from tests.ports.programs import layer, packaged

# ── a runtime in a page of Python ───────────────────────────────────────────────────────────────

RUNTIME = f"""#!{sys.executable}
import http.client, json, os, sys

class Api:
    def __init__(self):
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def ask(self, method, path, body=None, headers={{}}):
        self.connection.request(method, "/2018-06-01/runtime/" + path, body, headers)
        answer = self.connection.getresponse()
        return answer, answer.read()

api = Api()

def serve(handle):
    while True:
        answer, event = api.ask("GET", "invocation/next")
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        result = handle(json.loads(event), answer.headers)
        api.ask("POST", f"invocation/{{request_id}}/response", json.dumps(result))

"""


def provided(body: str, files: dict[str, str | bytes] | None = None, **changes: Any) -> FunctionSpec:
    values = {"runtime": "provided.al2023", **changes}
    return packaged({"bootstrap": RUNTIME + body, **(files or {})}, **values)


async def run(bench: Bench, spec: FunctionSpec, event: Any = None, **changes: Any) -> InvocationResult:
    return await bench.drive(bench.runtime.run(spec, invocation(event, **changes)))


def test_a_custom_runtime_answers_and_stays_warm(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided("seen = []\nserve(lambda event, headers: [event, seen.append(1) or len(seen)])\n")
        assert [(await run(bench, spec, "x")).payload for _ in range(3)] == [b'["x", 1]', b'["x", 2]', b'["x", 3]']

    on_processes(test)


def test_it_has_awss_headers_variables_and_folder(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided(
            "names = ['Deadline-Ms', 'Invoked-Function-Arn', 'Trace-Id', 'Client-Context']\n"
            "serve(lambda event, headers: [[headers['Lambda-Runtime-' + name] for name in names], dict(os.environ),"
            " os.getcwd()])\n"
        )
        result = await run(bench, spec, trace_id="Root=1-2-3;Sampled=0", client_context='{"custom":{}}')
        headers, variables, folder = json.loads(result.payload)
        assert headers == ["1800000003000", ARN, "Root=1-2-3;Sampled=0", '{"custom":{}}']
        assert "AWS_EXECUTION_ENV" not in variables
        assert variables["_HANDLER"] == "app.handler"
        assert variables["LAMBDA_TASK_ROOT"] == folder
        assert result.used_memory_mb > 0

    on_processes(test)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_a_runtime_in_shell_as_in_awss_tutorial(on_processes: Any) -> None:
    bootstrap = """#!/bin/sh
set -eu
while true; do
  HEADERS="$(mktemp)"
  EVENT=$(curl -sS -LD "$HEADERS" "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next")
  REQUEST_ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  echo "handling $EVENT" >&2
  RESPONSE="{\\"echo\\": $EVENT}"
  curl -sS "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/$REQUEST_ID/response" -d "$RESPONSE"
done
"""

    async def test(bench: Bench) -> None:
        spec = packaged({"bootstrap": bootstrap}, runtime="provided.al2")
        for number in range(2):
            result = await run(bench, spec, number)
            assert json.loads(result.payload) == {"echo": number}
            assert f"handling {number}\n" in texts(result)

    on_processes(test)


def test_the_bootstrap_may_come_from_a_layer(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        layers = [layer({"bootstrap": RUNTIME + "serve(lambda event, headers: open('data.txt').read())\n"})]
        spec = packaged({"data.txt": "of the package"}, runtime="provided", layers=layers)
        assert (await run(bench, spec)).payload == b'"of the package"'

    on_processes(test)


def test_an_error_is_relayed_verbatim(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided(
            "answer, event = api.ask('GET', 'invocation/next')\n"
            "request_id = answer.headers['Lambda-Runtime-Aws-Request-Id']\n"
            'body = \'{ "errorType": "Own", "errorMessage": "why", "more": [1] }\'\n'
            "api.ask('POST', f'invocation/{request_id}/error', body)\n"
            "serve(lambda event, headers: 'next one')\n"
        )
        result = await run(bench, spec)
        assert result.payload == b'{ "errorType": "Own", "errorMessage": "why", "more": [1] }'
        assert (result.function_error, result.error_type) == ("Unhandled", "Own")
        assert (await run(bench, spec)).payload == b'"next one"'

    on_processes(test)


def test_an_init_error_is_the_answer(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        body = '{"errorMessage": "no", "errorType": "Own.Init"}'
        spec = provided(f"api.ask('POST', 'init/error', '{body}')\nsys.exit(1)\n")
        result = await run(bench, spec)
        assert (result.payload.decode(), result.error_type) == (body, "Own.Init")
        assert any("INIT_REPORT" in text and "Error Type: Own.Init" in text for text in texts(result))

    on_processes(test)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(127)", "Runtime exited with error: exit status 127"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
    ],
)
@pytest.mark.parametrize("where", ["at once", "in the handler"])
def test_a_runtime_that_ends_is_told_as_aws_tells_it(on_processes: Any, where: str, end: str, reason: str) -> None:
    async def test(bench: Bench) -> None:
        spec = provided(end + "\n" if where == "at once" else f"serve(lambda event, headers: {end})\n")
        error = error_of(await run(bench, spec))
        assert error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST_ID} Error: {reason}"}

    on_processes(test)


def test_a_runtime_that_ends_after_its_response_has_answered(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided(
            "answer, event = api.ask('GET', 'invocation/next')\n"
            "request_id = answer.headers['Lambda-Runtime-Aws-Request-Id']\n"
            "api.ask('POST', f'invocation/{request_id}/response', str(os.getpid()))\n"
        )
        first, second = [(await run(bench, spec)) for _ in range(2)]
        assert first.function_error is second.function_error is None
        assert first.payload != second.payload

    on_processes(test)


def test_a_timeout_ends_the_whole_process_group(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided(
            "import subprocess\n"
            "def handle(event, headers):\n"
            "    print(subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
            "    import time; time.sleep(600)\n"
            "serve(handle)\n",
            timeout_seconds=1.0,
        )
        result = await run(bench, spec)
        assert error_of(result)["errorType"] == "Sandbox.Timedout"
        pid = int(next(text for text in texts(result) if text.strip().isdigit()))
        await until(lambda: not alive(pid))

    on_processes(test)


@pytest.mark.parametrize("files", [{}, {"bootstrap/main.py": "x = 1"}])
def test_a_missing_bootstrap_is_named(on_processes: Any, files: dict[str, str]) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, packaged({"other": "x", **files}, runtime="provided.al2023"))
        assert error_of(result) == {
            "errorType": "Runtime.InvalidEntrypoint",
            "errorMessage": f"RequestId: {REQUEST_ID} Error: "
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
        }

    on_processes(test)


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"#!/bin/sh\n", 0o644, "permission denied"),
        (b"#!/nonexistent/interpreter\n", 0o755, "no such file or directory"),
        (b"neither script nor program", 0o755, "exec format error"),
    ],
)
def test_a_bootstrap_that_cannot_be_run_says_why(on_processes: Any, content: bytes, mode: int, reason: str) -> None:
    async def test(bench: Bench) -> None:
        result = await run(bench, packaged({"bootstrap": content}, mode, runtime="provided.al2023"))
        assert error_of(result) == {
            "errorType": "Runtime.InvalidEntrypoint",
            "errorMessage": f"RequestId: {REQUEST_ID} Error: fork/exec /var/task/bootstrap: {reason}",
        }

    on_processes(test)


def test_a_bootstrap_for_another_processor_is_explained(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        machine = b"\xf3\x00"  # RISC-V
        elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + machine + bytes(100)
        result = await run(bench, packaged({"bootstrap": elf}, runtime="provided.al2023"))
        assert error_of(result)["errorMessage"].endswith("fork/exec /var/task/bootstrap: exec format error")
        line = f"[emulator] /var/task/bootstrap is built for riscv64, this machine is {platform.machine()}\n"
        assert line in texts(result)

    on_processes(test)


def test_a_response_over_the_limit_is_refused_and_the_next_invocation_works(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided("serve(lambda event, headers: 'x' * event)\n")
        assert error_of(await run(bench, spec, 6_291_556))["errorType"] == "Function.ResponseSizeTooLarge"
        assert (await run(bench, spec, 3)).payload == b'"xxx"'

    on_processes(test)


def test_streamed_pieces_arrive_as_they_are_written(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided(
            "answer, event = api.ask('GET', 'invocation/next')\n"
            "request_id = answer.headers['Lambda-Runtime-Aws-Request-Id']\n"
            "c = api.connection\n"
            "c.putrequest('POST', f'/2018-06-01/runtime/invocation/{request_id}/response')\n"
            "c.putheader('Lambda-Runtime-Function-Response-Mode', 'streaming')\n"
            "c.putheader('Transfer-Encoding', 'chunked')\n"
            "c.endheaders()\n"
            "for piece in (b'one', b'two'):\n"
            "    c.send(b'3\\r\\n' + piece + b'\\r\\n')\n"
            "c.send(b'0\\r\\n\\r\\n')\n"
            'assert c.getresponse().read() == b\'{"status":"OK"}\'\n'
            "api.ask('GET', 'invocation/next')\n"
        )
        pieces: list[bytes] = []
        result = await run(bench, spec, on_chunk=pieces.append)
        assert (result.payload, b"".join(pieces)) == (b"", b"onetwo")

    on_processes(test)


def test_what_is_printed_is_in_the_log_a_line_an_event(on_processes: Any) -> None:
    async def test(bench: Bench) -> None:
        spec = provided("serve(lambda event, headers: print('one\\ntwo', flush=True))\n")
        lines = texts(await run(bench, spec))
        assert lines[0].startswith("INIT_START Runtime Version: provided:al2023.v1")
        assert lines[2:4] == ["one\n", "two\n"]

    on_processes(test)


# ── official runtime interface clients ──────────────────────────────────────────────────────────


def test_awss_runtime_interface_client_for_python_runs_against_it(on_processes: Any) -> None:
    client = pytest.importorskip("awslambdaric", reason="needs awslambdaric, which has wheels for Linux only")
    site = Path(client.__file__).parent.parent

    async def test(bench: Bench) -> None:
        bootstrap = f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} -m awslambdaric "$_HANDLER"\n'
        source = (
            "def handler(event, context):\n    if event == 'fail': raise ValueError('no cash flow')\n    return event\n"
        )
        spec = packaged({"bootstrap": bootstrap, "app.py": source}, runtime="provided.al2023")
        assert (await run(bench, spec, {"a": [1, 2]})).payload == b'{"a": [1, 2]}'
        error = error_of(await run(bench, spec, "fail"))
        assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]

    on_processes(test)
