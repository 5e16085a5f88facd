"""Extensions: the Extensions API to the letter, and processes of layers that take part in a function's life."""

# Other processes tell what they did by files and by being gone: there is no event to wait for.
# ruff: noqa: ASYNC240

from __future__ import annotations

import json
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from emulator.adapters.runtime_api import api
from emulator.adapters.runtime_api.extensions import Extensions
from emulator.adapters.runtime_api.replies import Request, Response
from emulator.adapters.runtime_api.telemetry import Telemetry
from emulator.ports import CodeSource, FunctionSpec, InvocationResult
from emulator.settings import LiveSettings
from tests.ports.functions import ARN, REQUEST_ID, Bench, alive, error_of, invocation, runner, texts, until
from tests.ports.programs import layer, packaged
from tests.ports.test_provided_runtime import RUNTIME
from tests.ports.test_python_environments import needs_namespaces
from tests.ports.test_runtime_api_contract import ID, Client, on_bench
from tests.ports.test_runtime_api_contract import Bench as ApiBench

PREFIX = "/2020-01-01/extension/"

# ── the API ─────────────────────────────────────────────────────────────────────────────────────


async def register(client: Client, name: str = "one", body: Any = None, **headers: str) -> Any:
    events = json.dumps({"events": ["INVOKE"]} if body is None else body).encode()
    return await client.ask("POST", PREFIX + "register", events, {"Lambda-Extension-Name": name, **headers})


def test_registering_answers_about_the_function() -> None:
    async def test(bench: ApiBench) -> None:
        bench.sandbox.extensions.expect("one")
        answer = await register(await bench.connect(), body={"events": ["INVOKE", "SHUTDOWN"]})
        about = b'{"functionName":"reports","functionVersion":"$LATEST","handler":"app.handler"}'
        assert (answer.status, answer.body) == (200, about)
        assert uuid.UUID(answer.headers["Lambda-Extension-Identifier"])
        feature = {"Lambda-Extension-Accept-Feature": "accountId"}
        again = await register(await bench.connect(), "two", **feature)
        assert json.loads(again.body)["accountId"] == "123456789012"

    on_bench(test)


def test_the_runtime_starts_when_every_external_extension_has_registered() -> None:
    async def test(bench: ApiBench) -> None:
        for name in ("one", "two"):
            bench.sandbox.extensions.expect(name)
        bench.sandbox.begin()
        client = await bench.connect()
        await register(client, "one")
        assert bench.events == []
        await register(client, "two")
        assert bench.events == ["may start"]

    on_bench(test)


def test_an_invocation_is_complete_when_runtime_and_extensions_are() -> None:
    async def test(bench: ApiBench) -> None:
        bench.sandbox.extensions.expect("one")
        bench.sandbox.begin()
        extension, runtime = await bench.connect(), await bench.connect()
        identifier = (await register(extension)).headers["Lambda-Extension-Identifier"]
        headers = {"Lambda-Extension-Identifier": identifier}
        runtime.send("GET", "/2018-06-01/runtime/invocation/next")
        extension.send("GET", PREFIX + "event/next", b"", headers)
        await bench.until(lambda: "initialised" in bench.events)
        bench.invoke(trace_id="Root=1-2-3;Sampled=0")
        event = await extension.receive()
        assert json.loads(event.body) == {
            "eventType": "INVOKE",
            "deadlineMs": 1_800_000_003_000,
            "requestId": ID,
            "invokedFunctionArn": f"arn:aws:lambda:us-east-1:{'0' * 12}:function:reports",
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3;Sampled=0"},
        }
        assert uuid.UUID(event.headers["Lambda-Extension-Event-Identifier"])
        await runtime.receive()
        await runtime.ask("POST", f"/2018-06-01/runtime/invocation/{ID}/response", b"1")
        runtime.send("GET", "/2018-06-01/runtime/invocation/next")
        answer = await (await bench.connect()).ask("GET", "/2018-06-01/ping")
        assert (answer.body, bench.events[-1]) == (b"pong", "answered")
        extension.send("GET", PREFIX + "event/next", b"", headers)
        await bench.until(lambda: bench.events[-1][0] == "completed")
        bench.sandbox.shutdown("SPINDOWN", 1)
        # Registered for INVOKE only: it hears nothing of the end.
        assert (await (await bench.connect()).ask("GET", "/2018-06-01/ping")).body == b"pong"
        assert not extension.reader.at_eof()

    on_bench(test)


@pytest.mark.parametrize(
    ("name", "body", "status", "error_type"),
    [
        ("", b'{"events":[]}', 403, "Extension.InvalidExtensionName"),
        ("one", b"{", 400, "InvalidRequestFormat"),
        ("one", b'{"events":7}', 400, "InvalidRequestFormat"),
        ("one", b"[" * 100_000, 400, "InvalidRequestFormat"),
        ("one", b'{"events":["PAUSE"]}', 403, "Extension.InvalidEventType"),
        ("one", b'{"events":[["INVOKE"]]}', 403, "Extension.InvalidEventType"),
        ("inner", b'{"events":["SHUTDOWN"]}', 403, "Extension.InvalidEventType"),
    ],
)
def test_what_cannot_be_registered_is_refused(name: str, body: bytes, status: int, error_type: str) -> None:
    async def test(bench: ApiBench) -> None:
        bench.sandbox.extensions.expect("one")
        client = await bench.connect()
        answer = await client.ask("POST", PREFIX + "register", body, {"Lambda-Extension-Name": name})
        assert answer.error[:2] == (status, error_type)

    on_bench(test)


def test_ten_extensions_are_the_most_and_none_registers_twice_or_late() -> None:
    async def test(bench: ApiBench) -> None:
        client = await bench.connect()
        for number in range(10):
            assert (await register(client, f"inner-{number}")).status == 200
        assert (await register(client, "inner-10")).error[1] == "Extension.TooManyExtensions"
        assert (await register(client, "inner-0")).error == (
            403,
            "Extension.InvalidExtensionState",
            "State transition from Registered to Registered failed for extension inner-0. "
            "Error: State transition is not allowed",
        )

    on_bench(test)


def test_registration_ends_with_the_init_phase() -> None:
    async def test(bench: ApiBench) -> None:
        client = await bench.running()
        assert (await register(client, "late")).error[1] == "Extension.RegistrationClosed"

    on_bench(test)


@pytest.mark.parametrize("path", ["event/next", "init/error", "exit/error"])
@pytest.mark.parametrize(
    ("headers", "error_type"),
    [
        ({}, "Extension.MissingExtensionIdentifier"),
        ({"Lambda-Extension-Identifier": "x"}, "Extension.InvalidExtensionIdentifier"),
        ({"Lambda-Extension-Identifier": ID}, "Extension.UnknownExtensionIdentifier"),
    ],
)
def test_who_did_not_register_is_refused(path: str, headers: dict[str, str], error_type: str) -> None:
    async def test(bench: ApiBench) -> None:
        client = await bench.connect()
        method = "GET" if path == "event/next" else "POST"
        assert (await client.ask(method, PREFIX + path, b"", headers)).error[:2] == (403, error_type)

    on_bench(test)


def test_an_error_needs_its_type_and_is_told() -> None:
    async def test(bench: ApiBench) -> None:
        bench.sandbox.begin()
        client = await bench.connect()
        headers = {"Lambda-Extension-Identifier": (await register(client)).headers["Lambda-Extension-Identifier"]}
        missing = await client.ask("POST", PREFIX + "init/error", b"", headers)
        assert missing.error[:2] == (403, "Extension.MissingHeader")
        headers["Lambda-Extension-Function-Error-Type"] = "Own.Reason"
        answer = await client.ask("POST", PREFIX + "init/error", b"{}", headers)
        assert (answer.status, answer.body) == (202, b'{"status":"OK"}')
        assert bench.events[-1] == ("extension failed", "one", "Own.Reason")
        assert (await client.ask("GET", PREFIX + "event/next", b"", headers)).error[1] == (
            "Extension.InvalidExtensionState"
        )

    on_bench(test)


def test_an_event_that_an_extension_was_not_waiting_for_is_kept() -> None:
    answers: list[Response] = []
    extensions = Extensions({}, "1", lambda: None)
    extensions.expect("one")
    request = Request("POST", "", {"lambda-extension-name": "one"}, b'{"events":["INVOKE","SHUTDOWN"]}')
    identifier = extensions.register(request).headers["Lambda-Extension-Identifier"]
    extensions.send({"eventType": "INVOKE"})
    extensions.send({"eventType": "SHUTDOWN"})
    for _ in range(2):
        extensions.next(Request("GET", "", {"lambda-extension-identifier": identifier}), answers.append)
    assert [json.loads(answer.body)["eventType"] for answer in answers] == ["INVOKE", "SHUTDOWN"]


# ── processes ───────────────────────────────────────────────────────────────────────────────────

EXTENSION = f"""#!{sys.executable}
import http.client, json, os, sys, time
from pathlib import Path

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
name = Path(sys.argv[0]).name
headers = {{"Lambda-Extension-Name": name}}

def ask(method, path, body=None):
    api.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = api.getresponse()
    text = answer.read()
    assert answer.status < 300, text
    return answer, text

def register(events):
    answer, text = ask("POST", "register", json.dumps({{"events": events}}))
    headers["Lambda-Extension-Identifier"] = answer.headers["Lambda-Extension-Identifier"]
    return json.loads(text)

def next_event():
    return json.loads(ask("GET", "event/next")[1])

def note(*words):
    with open(os.environ["NOTES"], "a") as file:
        print(*words, file=file)

"""
LOYAL = """
print(name, "registers", flush=True)
register(["INVOKE", "SHUTDOWN"])
while True:
    event = next_event()
    note(event["eventType"], event.get("requestId") or event["shutdownReason"])
    print("extension saw", event["eventType"], flush=True)
    if event["eventType"] == "SHUTDOWN":
        sys.exit()
"""

FUNCTIONS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "python": ({"app.py": "def handler(event, context):\n    return event\n"}, {}),
    "provided": ({"bootstrap": RUNTIME + "serve(lambda event, headers: event)\n"}, {"runtime": "provided.al2023"}),
    "node": ({"app.js": "exports.handler = async (event) => event;\n"}, {"runtime": "nodejs20.x"}),
}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


def extension(body: str, name: str = "watcher", mode: int = 0o755) -> CodeSource:
    return layer({f"extensions/{name}": EXTENSION + body}, mode)


def extended(body: str, notes: Path, kind: str = "python", **changes: Any) -> FunctionSpec:
    files, values = FUNCTIONS[kind]
    return packaged(files, **{"layers": [extension(body)], "environment": {"NOTES": str(notes)}, **values, **changes})


async def run(bench: Bench, spec: FunctionSpec, event: Any = None) -> InvocationResult:
    return await bench.drive(bench.runtime.run(spec, invocation(event)))


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_an_extension_of_a_layer_lives_with_the_function(on_processes: Any, notes: Path, kind: str) -> None:
    if kind == "node" and shutil.which("node") is None:
        pytest.skip("needs Node.js (`node`) on the PATH")

    async def test(bench: Bench) -> None:
        spec = extended(LOYAL, notes, kind)
        first = await run(bench, spec, 1)
        second = await run(bench, spec, 2)
        assert (first.payload, second.payload) == (b"1", b"2")
        assert notes.read_text().splitlines() == [f"INVOKE {REQUEST_ID}"] * 2
        lines = texts(first)
        assert lines.index("watcher registers\n") < lines.index(
            "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"
        )
        assert "extension saw INVOKE\n" in texts(second)
        await bench.runtime.discard(ARN)
        assert notes.read_text().splitlines()[2:] == ["SHUTDOWN SPINDOWN"]

    on_processes(test)


def test_the_runtime_starts_after_the_extension_has_registered(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        late = "time.sleep(0.3)\nnote('registers')\n" + LOYAL
        files = {"app.py": "import os\nopen(os.environ['NOTES'], 'a').write('loads\\n')\ndef handler(e, c): pass\n"}
        spec = packaged(files, layers=[extension(late)], environment={"NOTES": str(notes)})
        await run(bench, spec)
        assert notes.read_text().splitlines()[:2] == ["registers", "loads"]

    on_processes(test)


@pytest.mark.parametrize("kind", ["python", "provided"])
def test_an_invocation_lasts_until_the_extension_is_done(
    on_processes: Any, notes: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "EXTERNAL_SHUTDOWN_SECONDS", 0.1)  # it did not ask to hear of it

    async def test(bench: Bench) -> None:
        slow = (
            "register(['INVOKE'])\nwhile True:\n    next_event()\n    time.sleep(0.3)\n    print('done', flush=True)\n"
        )
        assert "done\n" in texts(await run(bench, extended(slow, notes, kind)))

    on_processes(test)


def test_an_extension_that_never_finishes_costs_the_environment_not_the_answer(
    on_processes: Any, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "EXTERNAL_SHUTDOWN_SECONDS", 0.2)

    async def test(bench: Bench) -> None:
        stuck = "register(['INVOKE', 'SHUTDOWN'])\nnext_event()\nnote(os.getpid())\ntime.sleep(600)\n"
        spec = extended(stuck, notes, timeout_seconds=1.0)
        for _ in range(2):
            result = await run(bench, spec, 7)
            assert (result.payload, result.function_error) == (b"7", None)
            assert result.init_seconds is not None
        assert len(notes.read_text().split()) == 2

    on_processes(test)


def test_a_timeout_is_the_reason_of_the_shutdown(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        files = {"app.py": "import time\ndef handler(event, context):\n    time.sleep(600)\n"}
        spec = packaged(files, layers=[extension(LOYAL)], environment={"NOTES": str(notes)})
        assert error_of(await run(bench, spec))["errorType"] == "Sandbox.Timedout"
        assert notes.read_text().splitlines() == [f"INVOKE {REQUEST_ID}", "SHUTDOWN TIMEOUT"]

    on_processes(test)


def test_the_end_of_the_runtime_is_a_failure(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        files = {"app.py": "import os\ndef handler(event, context):\n    os._exit(3)\n"}
        spec = packaged(files, layers=[extension(LOYAL)], environment={"NOTES": str(notes)})
        assert error_of(await run(bench, spec))["errorMessage"].endswith("exit status 3")
        assert notes.read_text().splitlines() == [f"INVOKE {REQUEST_ID}", "SHUTDOWN FAILURE"]

    on_processes(test)


@pytest.mark.parametrize(
    ("body", "mode", "error_type", "message"),
    [
        ("sys.exit(3)\n", 0o755, "Extension.Crash", "exit status 3"),
        ("register(['INVOKE'])\nsys.exit(0)\n", 0o755, "Extension.Crash", "exit status 0"),
        ("register([])\nnext_event()\n", 0o644, "Extension.LaunchError",
         "fork/exec /opt/extensions/watcher: permission denied"),
        ("register([])\nheaders['Lambda-Extension-Function-Error-Type'] = 'Own.Reason'\n"
         "ask('POST', 'init/error')\nsys.exit(1)\n", 0o755, "Extension.InitError", "Own.Reason"),
        ("register(['INVOKE'])\nnext_event()\nheaders['Lambda-Extension-Function-Error-Type'] = 'Own.Reason'\n"
         "ask('POST', 'exit/error')\nsys.exit(1)\n", 0o755, "Extension.ExitError", "Own.Reason"),
        ("register(['INVOKE'])\nnext_event()\nos.kill(os.getpid(), 9)\n", 0o755, "Extension.Crash", "signal: killed"),
    ],
)  # fmt: skip
def test_an_extension_that_fails_fails_the_invocation(
    on_processes: Any, notes: Path, body: str, mode: int, error_type: str, message: str
) -> None:
    async def test(bench: Bench) -> None:
        files = {"app.py": "import time\ndef handler(event, context):\n    time.sleep(600)\n"}
        spec = packaged(files, layers=[extension(body, mode=mode)], timeout_seconds=900.0)
        assert error_of(await bench.drive(bench.runtime.run(spec, invocation()))) == {
            "errorType": error_type,
            "errorMessage": f"RequestId: {REQUEST_ID} Error: {message}",
        }

    on_processes(test)


def test_an_extension_has_not_all_variables_of_the_function(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        body = "note(json.dumps(dict(os.environ)))\n" + LOYAL
        await run(bench, extended(body, notes))
        variables = json.loads(notes.read_text().splitlines()[0])
        assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "reports"
        assert not {"_HANDLER", "LAMBDA_TASK_ROOT", "AWS_EXECUTION_ENV"} & set(variables)

    on_processes(test)


@needs_namespaces
def test_an_extension_is_at_opt(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        await run(bench, extended("note(os.path.abspath(sys.argv[0]))\n" + LOYAL, notes))
        assert notes.read_text().splitlines()[0] == "/opt/extensions/watcher"

    on_processes(test)


@needs_namespaces
def test_an_extension_cannot_change_code(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        body = (
            "for path in ('/var/task/app.py', sys.argv[0]):\n"
            "    try:\n        open(path, 'a').close()\n        note('written')\n"
            "    except OSError as error:\n        note(str(error.errno))\n"
        )
        await run(bench, extended(body + LOYAL, notes))
        assert notes.read_text().splitlines()[:2] == ["30", "30"]

    on_processes(test)


def test_the_runtime_is_asked_to_end_when_extensions_are_there(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        source = (
            "import os, signal, sys\n"
            "def ended(*_):\n"
            "    open(os.environ['NOTES'], 'a').write('runtime: SIGTERM\\n')\n"
            "    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, ended)\n"
            "def handler(event, context): pass\n"
        )
        patient = (
            "register(['SHUTDOWN'])\nnext_event()\n"
            "while 'SIGTERM' not in open(os.environ['NOTES']).read(): time.sleep(0.01)\n"
            "note('extension: SHUTDOWN')\n"
        )
        spec = packaged({"app.py": source}, layers=[extension(patient)], environment={"NOTES": str(notes)})
        await run(bench, spec)
        await bench.runtime.discard(ARN)
        assert notes.read_text().splitlines() == ["runtime: SIGTERM", "extension: SHUTDOWN"]

    on_processes(test)


def test_an_extension_within_a_python_function(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        inner = EXTENSION.replace("name = Path(sys.argv[0]).name", "name = 'inner'") + (
            "import threading\n"
            "register(['INVOKE'])\n"
            "def watch():\n"
            "    while True:\n"
            "        note(next_event()['requestId'])\n"
            "threading.Thread(target=watch, daemon=True).start()\n"
            "def handler(event, context):\n    return 'answered'\n"
        )
        spec = packaged({"app.py": inner}, environment={"NOTES": str(notes)})
        for _ in range(2):
            assert (await run(bench, spec)).payload == b'"answered"'
        assert notes.read_text().splitlines() == [REQUEST_ID] * 2

    on_processes(test)


def test_nothing_is_left_when_the_emulator_ends(tmp_path: Path, notes: Path, settings: LiveSettings) -> None:
    async def test(bench: Bench) -> None:
        body = "note(os.getpid())\n" + LOYAL
        await run(bench, extended(body, notes))

    runner("processes", tmp_path / "work", settings)(test)
    pid, *events = notes.read_text().splitlines()
    assert not alive(int(pid))
    assert events == [f"INVOKE {REQUEST_ID}", "SHUTDOWN SPINDOWN"]


def test_two_extensions_of_two_layers(on_processes: Any, notes: Path) -> None:
    async def test(bench: Bench) -> None:
        layers = [extension(LOYAL, "first"), extension(LOYAL, "second")]
        spec = extended("", notes, layers=layers)
        lines = texts(await run(bench, spec))
        assert [line.split("\t")[1] for line in lines if line.startswith("EXTENSION")] == [
            "Name: first",
            "Name: second",
        ]
        await bench.runtime.discard(ARN)
        await until(lambda: notes.read_text().count("SHUTDOWN") == 2)

    on_processes(test)


# ── telemetry ───────────────────────────────────────────────────────────────────────────────────

OBSERVER = """
import http.server, threading

done = threading.Event()

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            note(json.dumps(event))
            if event["type"] == "platform.runtimeDone":
                done.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *values):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
register(["INVOKE", "SHUTDOWN"])
body = {"schemaVersion": "2022-12-13", "types": ["platform", "function", "extension"],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}"}}
api.request("PUT", "/2022-07-01/telemetry", json.dumps(body), headers)
answer = api.getresponse()
assert (answer.status, answer.read()) == (200, b"OK")
print("of the extension", flush=True)
while next_event()["eventType"] == "INVOKE":
    done.wait()  # as agents do that send what they gathered before they let go
    done.clear()
"""


@pytest.mark.parametrize("kind", ["python", "provided"])
def test_a_subscriber_is_told_what_happens_while_it_happens(on_processes: Any, notes: Path, kind: str) -> None:
    async def test(bench: Bench) -> None:
        say = "print('of the function', flush=True)"
        files = {
            "python": {"app.py": f"def handler(event, context):\n    {say}\n"},
            "provided": {"bootstrap": RUNTIME + f"serve(lambda event, headers: {say})\n"},
        }[kind]
        values = FUNCTIONS[kind][1]
        spec = packaged(files, layers=[extension(OBSERVER)], environment={"NOTES": str(notes)}, **values)
        for _ in range(2):
            assert (await run(bench, spec)).function_error is None
        await bench.runtime.discard(ARN)
        events = [json.loads(line) for line in notes.read_text().splitlines()]
        assert all(event["time"] == "2027-01-15T08:00:00.000Z" for event in events)
        invocation = ["platform.start", "function", "platform.runtimeDone", "platform.report"]
        assert [event["type"] for event in events if event["type"] != "extension"] == [
            "platform.initStart", "platform.telemetrySubscription", "platform.extension", "platform.initRuntimeDone",
            "platform.initReport", *invocation, *invocation,
        ]  # fmt: skip
        by_type = {event["type"]: event["record"] for event in events}
        assert by_type["function"] == "of the function"
        assert by_type["extension"] == "of the extension"
        assert by_type["platform.start"] == {"requestId": REQUEST_ID, "version": "$LATEST"}
        assert by_type["platform.runtimeDone"] == {
            "requestId": REQUEST_ID, "status": "success", "metrics": {"durationMs": 0.0, "producedBytes": 4},
            "spans": [],
        }  # fmt: skip
        assert by_type["platform.report"]["metrics"]["memorySizeMB"] == 128

    on_processes(test)


def _subscription(**changes: Any) -> Any:
    return {
        "schemaVersion": "2022-12-13",
        "types": ["platform"],
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080"},
        **changes,
    }


@pytest.mark.parametrize(
    "body",
    [
        7,
        _subscription(schemaVersion="1"),
        _subscription(types=[]),
        _subscription(types=["gossip"]),
        _subscription(types=[["platform"]]),
        _subscription(destination=None),
        _subscription(destination={"protocol": "TCP", "port": 8080}),
        _subscription(destination={"protocol": "HTTP", "URI": "http://example.com:80"}),
        _subscription(destination={"protocol": "HTTP", "URI": "http://sandbox.localdomain:99999"}),
        _subscription(buffering=[]),
        _subscription(buffering={"timeoutMs": 24}),
        _subscription(buffering={"maxItems": "many"}),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(body: Any) -> None:
    request = Request("PUT", "", {}, json.dumps(body).encode())
    response = Telemetry(lambda: 0.0).subscribe("one", request)
    assert (response.status, json.loads(response.body)["errorType"]) == (400, "ValidationError")
