"""What the tests of HTTP APIs share: an API in front of a function, and raw requests to it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.lambda_support import create, package

ROLE = "arn:aws:iam::000000000000:role/gateway"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"

ECHO = """
import json, time

def handler(event, context):
    query = event.get("queryStringParameters") or {}
    if query.get("do") == "raise":
        raise ValueError("intended")
    if query.get("do") == "sleep":
        time.sleep(float(query["for"]))
    if query.get("do") == "return":
        return json.loads(event["body"])
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""


class Answer(NamedTuple):
    """What a client got; header names in lower case."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    host: str | None = None,
) -> Answer:
    """One raw request to this machine, whatever name the URL gives it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=STUCK_SECONDS)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body=body, headers={"Host": host or parts.netloc, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


@dataclass
class HttpApi:
    """An HTTP API under construction, with a stage `$default` that deploys itself."""

    emulator: RunningEmulator
    client: Any
    id: str
    url: str
    integrations: dict[str, str] = field(default_factory=dict)

    def integration(self, **members: Any) -> str:
        made = self.client.create_integration(ApiId=self.id, **members)
        return f"integrations/{made['IntegrationId']}"

    def function(self, name: str, version: str = "2.0", **members: Any) -> str:
        return self.integration(
            IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION + name, PayloadFormatVersion=version, **members
        )

    def service(self, subtype: str, **parameters: str) -> str:
        return self.integration(
            IntegrationType="AWS_PROXY",
            IntegrationSubtype=subtype,
            PayloadFormatVersion="1.0",
            CredentialsArn=ROLE,
            RequestParameters=parameters,
        )

    def route(self, key: str, target: str, **members: Any) -> dict[str, Any]:
        return self.client.create_route(ApiId=self.id, RouteKey=key, Target=target, **members)

    def ask(self, path: str = "/", method: str = "GET", **more: Any) -> Answer:
        return ask(self.url + path, method, **more)


def http_api(emulator: RunningEmulator, **members: Any) -> HttpApi:
    """A new API without routes."""
    client = emulator.client("apigatewayv2")
    made = client.create_api(Name="api", ProtocolType="HTTP", **members)
    client.create_stage(ApiId=made["ApiId"], StageName="$default", AutoDeploy=True)
    return HttpApi(emulator, client, made["ApiId"], made["ApiEndpoint"])


def echo(emulator: RunningEmulator, name: str = "echo", code: str = ECHO, **more: Any) -> str:
    """A function that shows its event, and does what the query `do` says."""
    create(emulator.client("lambda"), name, Code={"ZipFile": package(code)}, Runtime="python3.11", **more)
    return name


def while_time_passes(emulator: RunningEmulator, work: Callable[[], Answer]) -> Answer:
    """The answer to a client that waits, while frozen time is moved on until it has one."""
    answers: list[Answer] = []
    client = threading.Thread(target=lambda: answers.append(work()))
    client.start()
    for _ in range(300):
        emulator.advance(1)
        client.join(0.05)
        if not client.is_alive():
            break
    [answer] = answers
    return answer
