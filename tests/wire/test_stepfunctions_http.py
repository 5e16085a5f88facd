"""HTTP tasks against a small server on this machine, and the EventBridge connections that they name."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.test_stepfunctions_integrations import Machines, machines

__all__ = ["machines"]
BASIC = {"BasicAuthParameters": {"Username": "me", "Password": "secret"}}


class Shop(BaseHTTPRequestHandler):
    """Tells what it was asked; `/status/N` answers N, `/token` gives a token, `/large` too much, `/cut` nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told: Any = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body}
        if self.path.startswith("/cut"):
            self.close_connection = True
            return
        if self.path.startswith("/token"):
            form = parse_qs(body)
            right = form.get("client_secret") == ["hush"] and form.get("grant_type") == ["client_credentials"]
            told = {"access_token": f"token-of-{form['client_id'][0]}-{form['scope'][0]}"} if right else {}
        content = json.dumps(told).encode() if not self.path.startswith("/large") else b"x" * 300_000
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def connect(emulator: RunningEmulator, kind: str = "BASIC", name: str = "shop", **parameters: Any) -> str:
    return emulator.client("events").create_connection(
        Name=name, AuthorizationType=kind, AuthParameters=parameters or BASIC
    )["ConnectionArn"]


def parameters(url: str, connection: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"ApiEndpoint": url, "Method": method, "Authentication": {"ConnectionArn": connection}, **more}


def told(machines: Machines, asked: dict[str, Any]) -> dict[str, Any]:
    return machines.output("http:invoke", asked)["ResponseBody"]


def test_an_http_task_sends_its_request_with_the_credentials_of_its_connection(
    machines: Machines, emulator: RunningEmulator, shop: str
) -> None:
    asked = parameters(
        f"{shop}/orders?kept=1", connect(emulator), "POST",
        Headers={"X-Mine": "yes", "User-Agent": "mine"}, QueryParameters={"q": "a b", "n": 2, "list": ["x", "y"]},
        RequestBody={"name": "Rex", "tags": [1, None]},
    )  # fmt: skip
    answer = machines.output("http:invoke", asked)
    assert list(answer) == ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    assert (answer["StatusCode"], answer["StatusText"]) == (200, "OK")
    assert answer["Headers"]["Set-Cookie"] == ["a=1", "b=2"]
    seen = answer["ResponseBody"]
    assert (seen["method"], seen["path"]) == ("POST", "/orders?kept=1&q=a+b&n=2&list=x&list=y")
    assert json.loads(seen["body"]) == {"name": "Rex", "tags": [1, None]}
    assert seen["headers"]["Authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()
    assert seen["headers"]["X-Mine"] == "yes"
    assert seen["headers"]["User-Agent"] == "Amazon|StepFunctions|HttpInvoke|us-east-1"
    assert seen["headers"]["Range"] == "bytes=0-262144"
    assert seen["headers"]["Content-Type"] == "application/json"


def test_a_connections_own_parameters_win_over_the_tasks(
    machines: Machines, emulator: RunningEmulator, shop: str
) -> None:
    def one(key: str, value: str) -> list[dict[str, Any]]:
        return [{"Key": key, "Value": value, "IsValueSecret": True}]

    connection = connect(
        emulator, "API_KEY",
        ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": "k1"},
        InvocationHttpParameters={
            "HeaderParameters": one("X-Mine", "connection"),
            "QueryStringParameters": one("q", "connection"),
            "BodyParameters": one("name", "connection"),
        },
    )  # fmt: skip
    asked = parameters(
        f"{shop}/a", connection, "PUT", Headers={"x-mine": "task"}, QueryParameters={"q": "task", "r": "1"},
        RequestBody={"name": "task", "age": 3},
    )  # fmt: skip
    seen = told(machines, asked)
    assert seen["path"] == "/a?r=1&q=connection"
    assert json.loads(seen["body"]) == {"name": "connection", "age": 3}
    assert (seen["headers"]["X-Mine"], seen["headers"]["X-Key"]) == ("connection", "k1")


def test_client_credentials_are_exchanged_for_a_token(machines: Machines, emulator: RunningEmulator, shop: str) -> None:
    def oauth(secret: str) -> dict[str, Any]:
        return {
            "ClientParameters": {"ClientID": "me", "ClientSecret": secret},
            "AuthorizationEndpoint": f"{shop}/token",
            "HttpMethod": "POST",
            "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
        }

    right = connect(emulator, "OAUTH_CLIENT_CREDENTIALS", OAuthParameters=oauth("hush"))
    assert told(machines, parameters(f"{shop}/a", right))["headers"]["Authorization"] == "Bearer token-of-me-all"
    wrong = connect(emulator, "OAUTH_CLIENT_CREDENTIALS", "wrong", OAuthParameters=oauth("guess"))
    assert machines.failure("http:invoke", parameters(f"{shop}/a", wrong)) == (
        "States.TaskFailed",
        "The authorization server answered 200 without an access token.",
    )


@pytest.mark.parametrize(
    ("lists", "body"),
    [
        ("INDICES", "a%5B0%5D=x&a%5B1%5D=y+z&b=1&c%5Bd%5D=true"),
        ("REPEAT", "a=x&a=y+z&b=1&c%5Bd%5D=true"),
        ("COMMAS", "a=x,y+z&b=1&c%5Bd%5D=true"),
        ("BRACKETS", "a%5B%5D=x&a%5B%5D=y+z&b=1&c%5Bd%5D=true"),
    ],
)
def test_a_body_is_url_encoded_with_lists_as_asked(
    machines: Machines, emulator: RunningEmulator, shop: str, lists: str, body: str
) -> None:
    transform = {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": lists}}
    value = {"a": ["x", "y z"], "b": 1, "c": {"d": True}}
    asked = parameters(f"{shop}/a", connect(emulator), "POST", RequestBody=value, Transform=transform)
    seen = told(machines, asked)
    assert (seen["body"], seen["headers"]["Content-Type"]) == (body, "application/x-www-form-urlencoded")


def test_answers_that_are_no_success_are_errors_by_their_status(
    machines: Machines, emulator: RunningEmulator, shop: str
) -> None:
    connection = connect(emulator)
    for status in (301, 404, 503):
        error, cause = machines.failure("http:invoke", parameters(f"{shop}/status/{status}", connection))
        assert error == f"States.Http.StatusCode.{status}"
        assert json.loads(cause)["path"] == f"/status/{status}"
    assert machines.failure("http:invoke", parameters(f"{shop}/cut", connection))[0] == "States.Http.Socket"
    error, cause = machines.failure("http:invoke", parameters("http://127.0.0.1:1/", connection))
    assert error == "States.Http.Socket"
    assert "Traceback" not in cause
    assert machines.failure("http:invoke", parameters(f"{shop}/large", connection))[0] == "States.DataLimitExceeded"
    gone = connection.replace("/shop/", "/nobody/")
    assert machines.failure("http:invoke", parameters(f"{shop}/a", gone)) == (
        "States.TaskFailed",
        f"Connection {gone} does not exist or is not authorized.",
    )


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"ApiEndpoint": "ftp://example.com"}, "ApiEndpoint"),
        ({"Method": "FETCH"}, "Method"),
        ({"Headers": {"a b": "c"}}, "Headers"),
        ({"QueryParameters": "q=1"}, "QueryParameters"),
        ({"Transform": {"RequestBodyEncoding": "XML"}}, "Transform"),
        ({"Authentication": {"ConnectionArn": "arn:nothing"}}, "ConnectionArn"),
    ],
)
def test_http_tasks_with_parameters_of_the_wrong_form_do_not_start(
    machines: Machines, more: dict[str, Any], field: str
) -> None:
    arn = "arn:aws:events:us-east-1:000000000000:connection/c/11111111-1111-1111-1111-111111111111"
    error, cause = machines.failure("http:invoke", {**parameters("http://localhost/", arn), **more})
    assert error == "States.Runtime"
    assert cause.endswith(f"[The value of the field '{field}' has an invalid format]")


def test_an_http_task_without_a_connection_is_refused_when_its_machine_is_created(machines: Machines) -> None:
    text = machines.refused("http:invoke", {"ApiEndpoint": "https://example.com", "Method": "GET"})
    assert "The field 'Authentication' is required but was missing at /States/T/Parameters" in text


# ── connections ─────────────────────────────────────────────────────────────────────────────────


def test_connections_show_everything_but_their_secrets(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    made = events.create_connection(
        Name="shop", Description="a shop", AuthorizationType="BASIC",
        AuthParameters={
            **BASIC,
            "InvocationHttpParameters": {
                "HeaderParameters": [
                    {"Key": "open", "Value": "seen"}, {"Key": "hidden", "Value": "unseen", "IsValueSecret": True},
                ]
            },
        },
    )  # fmt: skip
    del made["ResponseMetadata"]
    assert made["ConnectionState"] == "AUTHORIZED"
    assert set(made) == {"ConnectionArn", "ConnectionState", "CreationTime", "LastModifiedTime"}
    shown = events.describe_connection(Name="shop")
    assert shown["ConnectionArn"] == made["ConnectionArn"]
    assert shown["SecretArn"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:events!connection/shop/")
    assert shown["AuthParameters"] == {
        "BasicAuthParameters": {"Username": "me"},
        "InvocationHttpParameters": {
            "HeaderParameters": [
                {"IsValueSecret": False, "Key": "open", "Value": "seen"},
                {"IsValueSecret": True, "Key": "hidden"},
            ]
        },
    }
    listed = events.list_connections(NamePrefix="sh")["Connections"]
    assert [(each["Name"], each["AuthorizationType"]) for each in listed] == [("shop", "BASIC")]


def test_connections_are_updated_deauthorized_and_deleted(
    machines: Machines, emulator: RunningEmulator, shop: str
) -> None:
    connection = connect(emulator)
    events = emulator.client("events")
    events.update_connection(Name="shop", AuthParameters={"BasicAuthParameters": {"Username": "you", "Password": "p"}})
    seen = told(machines, parameters(f"{shop}/a", connection))
    assert seen["headers"]["Authorization"] == "Basic " + base64.b64encode(b"you:p").decode()
    assert events.deauthorize_connection(Name="shop")["ConnectionState"] == "DEAUTHORIZING"
    assert events.describe_connection(Name="shop")["ConnectionState"] == "DEAUTHORIZED"
    assert machines.failure("http:invoke", parameters(f"{shop}/a", connection))[0] == "States.TaskFailed"
    assert events.delete_connection(Name="shop")["ConnectionState"] == "DELETING"
    assert events.list_connections()["Connections"] == []


def test_bad_connections_are_refused_in_words(emulator: RunningEmulator) -> None:
    events = emulator.client("events")

    def error_of(work: Any) -> str:
        with pytest.raises(ClientError) as caught:
            work()
        return caught.value.response["Error"]["Code"]

    connect(emulator)
    assert error_of(lambda: connect(emulator)) == "ResourceAlreadyExistsException"
    assert error_of(lambda: connect(emulator, "API_KEY", "other")) == "ValidationException"
    assert error_of(lambda: connect(emulator, name="a b")) == "ValidationException"
    assert error_of(lambda: events.describe_connection(Name="none")) == "ResourceNotFoundException"
    assert error_of(lambda: events.delete_connection(Name="none")) == "ResourceNotFoundException"
    assert error_of(lambda: events.update_connection(Name="shop", AuthorizationType="API_KEY")) == "ValidationException"


def inspected(emulator: RunningEmulator, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The inspection data of TestState."""
    client = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": asked, "End": True}
    role = "arn:aws:iam::000000000000:role/states"
    answer = client.test_state(definition=json.dumps(state), roleArn=role, **more)
    return answer["inspectionData"]


def test_a_traced_test_shows_the_request_and_its_answer_and_secrets_only_if_asked(
    emulator: RunningEmulator, shop: str
) -> None:
    asked = parameters(f"{shop}/status/201", connect(emulator), "POST", RequestBody={"n": 1}, Headers={"X-Mine": "a"})
    plain = inspected(emulator, asked, inspectionLevel="TRACE")
    headers = (
        "Content-Type: application/json, User-Agent: Amazon|StepFunctions|HttpInvoke|us-east-1, Range: bytes=0-262144"
    )
    assert plain["request"] == {
        "protocol": "http", "method": "POST", "url": f"{shop}/status/201", "headers": f"[X-Mine: a, {headers}]",
        "body": '{"n":1}',
    }  # fmt: skip
    response = plain["response"]
    assert (response["protocol"], response["statusCode"], response["statusMessage"]) == ("http", "201", "Created")
    assert "Set-Cookie: a=1, Set-Cookie: b=2" in response["headers"]
    assert json.loads(response["body"])["headers"]["Authorization"].startswith("Basic ")
    revealed = inspected(emulator, asked, inspectionLevel="TRACE", revealSecrets=True)
    secret = base64.b64encode(b"me:secret").decode()
    assert revealed["request"]["headers"] == f"[X-Mine: a, Authorization: Basic {secret}, {headers}]"
    assert "request" not in inspected(emulator, asked, inspectionLevel="DEBUG")
