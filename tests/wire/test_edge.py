"""The edge, spoken to as an ASGI application: who may come in, and what is refused how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from emulator.adapters.supporting_services import MotoServices
from emulator.aws.edge import Edge
from emulator.aws.errors import NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.scope import Scope
from emulator.aws.service import Service, Services
from emulator.services.lambda_.wire import LambdaService
from emulator.settings import Settings

SIGNED = "AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=x"


class IdleClock:
    """Counts holders only."""

    @contextmanager
    def busy(self, reason: str) -> Generator[None]:
        yield


class Recorder(Service):
    """Remembers calls; `GetFunction` is missing and `ListFunctions` breaks."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None, {})  # type: ignore[arg-type]
        self.calls: list[tuple[str, Scope, dict[str, Any]]] = []

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if operation == "GetFunction":
            raise NotEmulated(self.name, operation)
        if operation == "ListFunctions":
            raise RuntimeError("secret python text")
        self.calls.append((operation, scope, request))
        return {}


class Page:
    """A data plane that answers one path."""

    def match(self, host: str, path: str) -> Any | None:
        return "hit" if path.startswith("/page") else None

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        return HttpResponse(200, [("X-Odd", "a\r\nb")], request.body)


async def control(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"control"})


class Front:
    """An edge over recorders, and a way to send it one request."""

    def __init__(self, **settings: Any) -> None:
        self.recorders = {name: Recorder(name) for name in ("lambda", "stepfunctions", "ses", "sesv2", "apigateway")}
        services = Services()
        for recorder in self.recorders.values():
            services.add(recorder)
        clock: Any = IdleClock()
        self.edge = Edge(services, MotoServices(), clock, Settings(**settings), control, [Page()])

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        path, _, query = target.partition("?")
        given = {"host": "localhost:4566"} | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.edge(scope, receive, send))
        answer = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answer, sent[1]["body"]

    def only_call(self) -> tuple[str, str, Scope]:
        [(name, call)] = [(name, call) for name, recorder in self.recorders.items() for call in recorder.calls]
        return name, call[0], call[1]


HOME = Scope("000000000000", "us-east-1")
SIGNED_SCOPE = Scope("111122223333", "eu-west-1")


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "expected"),
    [
        (
            "POST",
            "/",
            b'{"stateMachineArn":"a"}',
            {"x_amz_target": "AWSStepFunctions.StartExecution"},
            ("stepfunctions", "StartExecution", HOME),
        ),
        ("POST", "/", b"Action=DeleteIdentity&Version=2010-12-01&Identity=a", {}, ("ses", "DeleteIdentity", HOME)),
        (
            "DELETE",
            "/v2/email/identities/a%40x",
            b"",
            {"authorization": SIGNED.format("ses")},
            ("sesv2", "DeleteEmailIdentity", SIGNED_SCOPE),
        ),
        ("POST", "/2015-03-31/functions/f/invocations", b"{}", {}, ("lambda", "Invoke", HOME)),
        (
            "GET",
            "/restapis/x",
            b"",
            {"host": "apigateway.eu-west-1.localhost"},
            ("apigateway", "GetRestApi", Scope(region="eu-west-1")),
        ),
        (
            "DELETE",
            "/restapis/x",
            b"",
            {"authorization": SIGNED.format("apigateway")},
            ("apigateway", "DeleteRestApi", SIGNED_SCOPE),
        ),
    ],
)
def test_requests_find_service_operation_account_and_region(
    method: str, target: str, body: bytes, headers: dict[str, str], expected: tuple[str, str, Scope]
) -> None:
    front = Front()
    assert front.send(method, target, body, **headers)[0] < 300
    assert front.only_call() == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "lambda.us-east-1.amazonaws.com"},
        {"host": "localhost.evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost.localstack.cloud:4566"},
        {"host": "evil-localhost.localstack.cloud"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
    ],
)
@pytest.mark.parametrize("target", ["/2015-03-31/functions/f/invocations", "/_emulator/reset"])
def test_foreign_pages_cannot_reach_the_control_planes(headers: dict[str, str], target: str) -> None:
    front = Front()
    status, answer, body = front.send("POST", target, b"{}", **headers)
    assert (status, answer["content-type"]) == (403, "application/json")
    assert json.loads(body)["message"]
    assert front.recorders["lambda"].calls == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:1", "[::1]:4566", "x.localhost", "allowed.example:80", "127.9.9.9", "sync-localhost:1"),
        *("localhost.localstack.cloud:4566", "s3.localhost.localstack.cloud:4566"),
    ],
)
def test_loopback_and_allowed_hosts_may_come_in(host: str) -> None:
    assert Front(allowed_hosts=("allowed.example",)).send("GET", "/_emulator/x", host=host)[2] == b"control"


def test_data_planes_are_open_and_their_headers_cannot_be_split() -> None:
    status, headers, body = Front().send("POST", "/page", b"hi", host="shop.example", origin="https://shop.example")
    assert (status, headers["x-odd"], body) == (200, "a  b", b"hi")


def test_a_missing_operation_is_refused_by_name() -> None:
    status, headers, body = Front().send("GET", "/2015-03-31/functions/f")
    assert (status, headers["x-emulator-error"]) == (501, "not-emulated")
    assert json.loads(body)["message"] == "lambda.GetFunction is not emulated; see docs/compatibility.md"


def test_our_own_failure_shows_no_python(capsys: pytest.CaptureFixture[str]) -> None:
    status, headers, body = Front().send("GET", "/2015-03-31/functions")
    assert (status, headers["x-amzn-errortype"]) == (500, "InternalFailure")
    assert b"python" not in body and "secret python text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", "/nobody/knows", {}, 404),
        ("GET", "/2015-03-31/nothing", {"authorization": SIGNED.format("lambda")}, 404),
        ("POST", "/", {"x_amz_target": "AWSStepFunctions.Dance"}, 400),
        ("POST", "/", {"authorization": SIGNED.format("events"), "x_amz_target": "AWSEvents.ListRules"}, 501),
        ("POST", "/", {"authorization": "nonsense"}, 404),
        ("POST", "/restapis", {"content_length": "999999999999"}, 413),
        ("POST", "/restapis", {"x_long": "x" * 70000}, 431),
    ],
)
def test_what_nobody_answers_is_refused_clearly(method: str, target: str, headers: dict[str, str], status: int) -> None:
    assert Front().send(method, target, b"", **headers)[0] == status


def test_an_invocation_far_too_large_is_refused_by_the_front_door() -> None:
    front = Front()
    front.recorders["lambda"].front_door_limits = LambdaService.front_door_limits
    status, _, body = front.send("POST", "/2015-03-31/functions/f/invocations", b"x" * (11 * 1024 * 1024))
    assert status == 413
    assert json.loads(body)["message"] == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"


def test_a_body_that_never_comes_is_refused_with_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.aws.edge.BODY_WAIT_SECONDS", 0.0)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    path = "/2015-03-31/functions/f/invocations"
    headers = [(b"host", b"localhost:4566"), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    front = Front()
    asyncio.run(front.edge(scope, receive, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"]) == {"message": "The request body did not arrive in time."}
    assert front.recorders["lambda"].calls == []
