"""What routes of WebSocket APIs lead to: functions of type AWS, services, HTTP endpoints, MOCK; templates, mappings."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION, ROLE
from tests.wire.lambda_support import error_of
from tests.wire.websocket_support import Refused, WebSocketApi, echo, websocket_api

Emulator = RunningEmulator
INVOKE = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"

PLAIN = """
import time

def handler(event, context):
    if isinstance(event, dict) and event.get("do") == "raise":
        raise ValueError(event["what"])
    if isinstance(event, dict) and event.get("do") == "sleep":
        time.sleep(60)
    return {"got": event}
"""


@pytest.fixture
def api(emulator: Emulator) -> WebSocketApi:
    echo(emulator, "plain", PLAIN, Timeout=120)
    return websocket_api(emulator)


@contextmanager
def endpoint() -> Iterator[str]:
    """The address of an endpoint that shows the request it gets."""

    class Shows(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen = json.dumps({"path": self.path, "headers": dict(self.headers.items()), "body": body}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(seen)))
            self.end_headers()
            self.wfile.write(seen)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shows)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def respond(api: WebSocketApi, integration: str, key: str = "$default", **members: Any) -> None:
    api.client.create_integration_response(
        ApiId=api.id, IntegrationId=integration, IntegrationResponseKey=key, **members
    )


def custom(api: WebSocketApi, **members: Any) -> str:
    uri = INVOKE.format(FUNCTION + "plain")
    return api.integration(IntegrationType="AWS", IntegrationMethod="POST", IntegrationUri=uri, **members)


# ── functions ───────────────────────────────────────────────────────────────────────────────────


def test_a_function_of_type_aws_gets_the_message_and_its_result_is_the_answer(api: WebSocketApi) -> None:
    made = custom(api)
    respond(api, made)
    api.route("$default", made)
    with api.talk() as client:
        client.say({"a": 1})
        assert client.json() == {"got": {"a": 1}}


def test_templates_are_selected_by_the_message_and_see_all_of_it(api: WebSocketApi) -> None:
    templates = {
        "short": '{"n": "$input.path(\'$.name\')"}',
        "$default": '{"all": $input.json("$"), "id": "$context.connectionId", "v": "$stageVariables.colour"}',
    }
    api.client.update_stage(ApiId=api.id, StageName="prod", StageVariables={"colour": "red"})
    made = custom(api, TemplateSelectionExpression="$request.body.kind", RequestTemplates=templates)
    respond(api, made)
    api.route("$default", made)
    with api.talk() as client:
        client.say({"kind": "short", "name": "x"})
        assert client.json() == {"got": {"n": "x"}}
        client.say({"kind": "other"})
        got = client.json()["got"]
        assert (got["all"], got["v"], len(got["id"])) == ({"kind": "other"}, "red", 16)


@pytest.mark.parametrize(
    ("behaviour", "templates", "heard"),
    [
        ("WHEN_NO_MATCH", {"other": "{}"}, {"got": {"a": 1}}),
        ("WHEN_NO_TEMPLATES", {}, {"got": {"a": 1}}),
        ("WHEN_NO_TEMPLATES", {"other": "{}"}, "Unsupported Media Type"),
        ("NEVER", {}, "Unsupported Media Type"),
    ],
)
def test_without_a_template_the_passthrough_behaviour_decides(
    api: WebSocketApi, behaviour: str, templates: dict[str, str], heard: Any
) -> None:
    made = custom(api, PassthroughBehavior=behaviour, RequestTemplates=templates, TemplateSelectionExpression="none")
    respond(api, made)
    api.route("$default", made)
    with api.talk() as client:
        client.say({"a": 1})
        answer = client.json()
        assert answer.get("message", answer) == heard


def test_an_integration_response_is_chosen_by_the_error_of_a_function(api: WebSocketApi) -> None:
    made = custom(api)
    respond(api, made, "/.*not found.*/", ResponseTemplates={"$default": '{"missing": $input.json("$.errorMessage")}'})
    respond(api, made, ResponseTemplates={"$default": '{"fine": $input.json("$")}'})
    api.route("$default", made)
    with api.talk() as client:
        client.say({"do": "raise", "what": "it was not found here"})
        assert client.json() == {"missing": "it was not found here"}
        client.say({"do": "raise", "what": "another"})
        assert client.json()["fine"]["errorMessage"] == "another"
        client.say({"a": 1})
        assert client.json() == {"fine": {"got": {"a": 1}}}


def test_a_two_way_route_needs_an_integration_response(api: WebSocketApi) -> None:
    made = custom(api)
    api.route("$default", made)
    with api.talk() as client:
        client.say({"a": 1})
        assert client.json()["message"] == "Internal server error"


def test_a_broken_template_is_an_internal_error(api: WebSocketApi) -> None:
    made = custom(api, RequestTemplates={"$default": "#if("}, TemplateSelectionExpression="\\$default")
    respond(api, made)
    api.route("$default", made)
    with api.talk() as client:
        client.say({"a": 1})
        assert client.json()["message"] == "Internal server error"


def test_base64_becomes_bytes_and_bytes_base64(api: WebSocketApi) -> None:
    made = custom(api, ContentHandlingStrategy="CONVERT_TO_BINARY")
    respond(api, made, ContentHandlingStrategy="CONVERT_TO_TEXT")
    api.route("$default", made)
    with api.talk() as client:
        client.say("eyJhIjoxfQ==")
        assert client.hear() == "eyJnb3QiOiB7ImEiOiAxfX0="


# ── services and endpoints ──────────────────────────────────────────────────────────────────────


def test_a_message_starts_an_execution_of_step_functions(api: WebSocketApi) -> None:
    states = api.emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    template = f'{{"stateMachineArn": "{machine}", "input": "$util.escapeJavaScript($input.json(\'$\'))"}}'
    made = api.integration(
        IntegrationType="AWS",
        IntegrationMethod="POST",
        IntegrationUri="arn:aws:apigateway:us-east-1:states:action/StartExecution",
        CredentialsArn=ROLE,
        RequestTemplates={"$default": template},
        TemplateSelectionExpression="\\$default",
    )
    respond(api, made, "/2\\d\\d/", ResponseTemplates={"$default": "started"})
    respond(api, made, ResponseTemplates={"$default": "refused"})
    api.route("$default", made)
    with api.talk() as client:
        client.say({"order": 1})
        assert client.hear() == "started"
    api.emulator.settle()
    [execution] = states.list_executions(stateMachineArn=machine)["executions"]
    assert json.loads(states.describe_execution(executionArn=execution["executionArn"])["output"]) == {"order": 1}
    states.delete_state_machine(stateMachineArn=machine)
    with api.talk() as client:
        client.say({"order": 2})
        assert client.hear() == "refused"


@pytest.mark.parametrize("kind", ["HTTP", "HTTP_PROXY"])
def test_an_endpoint_gets_the_message_with_mapped_headers(api: WebSocketApi, kind: str) -> None:
    with endpoint() as url:
        mappings = {
            "integration.request.header.X-Connection": "context.connectionId",
            "integration.request.header.X-Name": "route.request.body.name",
            "integration.request.querystring.fixed": "'yes'",
            "integration.request.path.proxy": "stageVariables.place",
        }
        api.client.update_stage(ApiId=api.id, StageName="prod", StageVariables={"place": "here"})
        made = api.integration(
            IntegrationType=kind,
            IntegrationMethod="POST",
            IntegrationUri=f"{url}/{{proxy}}",
            RequestParameters=mappings,
        )
        if kind == "HTTP":
            respond(api, made)
        api.route("$default", made)
        with api.talk() as client:
            client.say({"name": "x"})
            seen = client.json()
    assert seen["path"] == "/here?fixed=yes"
    assert seen["body"] == '{"name": "x"}'
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert (headers["x-name"], len(headers["x-connection"])) == ("x", 16)


def test_an_endpoint_that_nobody_serves_is_an_internal_error(api: WebSocketApi) -> None:
    made = api.integration(IntegrationType="HTTP_PROXY", IntegrationMethod="POST", IntegrationUri="http://127.0.0.1:1/")
    api.route("$default", made)
    with api.talk() as client:
        client.say("x")
        assert client.json()["message"] == "Internal server error"


def test_a_mock_answers_by_its_templates(api: WebSocketApi) -> None:
    made = api.integration(
        IntegrationType="MOCK",
        TemplateSelectionExpression="200",
        RequestTemplates={"200": '{"a": {"statusCode": 418}, "statusCode": $input.path("$.status")}'},
    )
    respond(api, made, "/2\\d\\d/", ResponseTemplates={"$default": '{"pong": "$context.routeKey"}'})
    respond(
        api,
        made,
        TemplateSelectionExpression="${integration.response.statuscode}",
        ResponseTemplates={"404": "nothing", "$default": "else"},
    )
    api.route("ping", made)
    with api.talk() as client:
        for status, heard in ((200, '{"pong": "ping"}'), (404, "nothing"), (500, "else")):
            client.say({"action": "ping", "status": status})
            assert client.hear() == heard


def test_a_mock_refuses_connections_by_its_status(api: WebSocketApi) -> None:
    template = '{"statusCode": #if($input.params("x-secret") == "open")200#{else}403#end}'
    made = api.integration(
        IntegrationType="MOCK", TemplateSelectionExpression="200", RequestTemplates={"200": template}
    )
    api.route("$connect", made)
    with api.talk(headers={"X-Secret": "open"}):
        pass
    with pytest.raises(Refused) as refused:
        api.connect()
    assert refused.value.status == 403


# ── invoking and not waiting ────────────────────────────────────────────────────────────────────


def test_a_function_of_type_aws_may_be_invoked_asynchronously(api: WebSocketApi) -> None:
    made = custom(api, RequestParameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"})
    api.route("work", made, two_way=False)
    answered = custom(api)
    respond(api, answered)
    api.route("$default", answered)
    with api.talk() as client:
        client.say({"action": "work", "do": "raise", "what": "intended"})
        client.say({"a": 1})
        assert client.json() == {"got": {"a": 1}}  # and no error before it
    api.emulator.settle()
    attempts = [item for item in api.emulator.control("GET", "timeline")["invocations"] if item["attempt"] > 1]
    assert len(attempts) == 2


def test_what_cannot_be_mapped_is_refused(api: WebSocketApi) -> None:
    for target, source in (
        ("integration.request.header.X", "method.request.header.X"),
        ("method.request.header.X", "'x'"),
        ("integration.request.header.X", "route.request.path.x"),
    ):
        refused = error_of(lambda target=target, source=source: custom(api, RequestParameters={target: source}))
        assert refused[:2] == ("BadRequestException", 400)
