"""How the invocation type reaches a function through a REST API, and what the client sees (G1-G18, G20-G23)."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.stories.telling import function, invocations

ECHO = "def handler(event, context):\n    return {'saw': event}\n"
RAISES = "def handler(event, context):\n    raise ValueError('this is four hundred here')\n"
SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(5)\n    return 'late'\n"
MAPPED = {"integration.request.header.X-Amz-Invocation-Type": "method.request.header.InvocationType"}
ALWAYS_EVENT = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
DECLARED = "method.request.header.InvocationType"


class Gateway:
    """A REST API with one resource `/reports`, built by ordinary boto3 calls."""

    def __init__(self, aws):
        self.aws = aws
        self.client = aws.apigateway
        self.api = self.client.create_rest_api(name="reports")["id"]
        root = self.client.get_resources(restApiId=self.api)["items"][0]["id"]
        self.resource = self.client.create_resource(restApiId=self.api, parentId=root, pathPart="reports")["id"]

    def function(self, code):
        """What leads an integration to a new function."""
        arn = function(self.aws, "report", code, Timeout=30)
        return invocations(arn)

    def ids(self, method="POST"):
        return {"restApiId": self.api, "resourceId": self.resource, "httpMethod": method}

    def method(self, uri, mapped=None, declared=None, kind="AWS", method="POST", status="200", **integration):
        ids = self.ids(method)
        self.client.put_method(**ids, authorizationType="NONE", requestParameters=declared or {})
        self.client.put_method_response(**ids, statusCode=status)
        if uri:
            integration.update(uri=uri, integrationHttpMethod="POST")
        self.client.put_integration(**ids, type=kind, requestParameters=mapped or {}, **integration)
        if kind != "AWS_PROXY":
            self.client.put_integration_response(**ids, statusCode=status)

    def deploy(self):
        self.client.create_deployment(restApiId=self.api, stageName="dev")


def ran_as_an_event(emulator):
    """Whether Lambda's queue of events has run the function, once."""
    emulator.settle()
    return sum(attempt["invocation_type"] == "Event" for attempt in emulator.attempts()) == 1


@pytest.fixture
def gateway(aws):
    return Gateway(aws)


def test_a_static_event_answers_200_with_an_empty_body_as_the_aws_sample_maps_it(aws, emulator, gateway):
    gateway.method(gateway.function(ECHO), ALWAYS_EVENT)  # G1
    gateway.deploy()
    answer = aws.http.post("/reports", json={"a": 1})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["x-amzn-trace-id"].startswith("Root=1-")
    assert ran_as_an_event(emulator)


def test_a_default_response_of_202_answers_202(aws, emulator, gateway):
    gateway.method(gateway.function(ECHO), ALWAYS_EVENT, status="202")  # G2
    gateway.deploy()
    answer = aws.http.post("/reports", json={"a": 1})
    assert (answer.status_code, answer.content) == (202, b"")
    assert ran_as_an_event(emulator)


@pytest.mark.parametrize("required", [False, True])
def test_without_the_mapped_header_the_client_gets_the_function_result(aws, gateway, required):
    gateway.method(gateway.function(ECHO), MAPPED, {DECLARED: required})  # G3, G6
    gateway.deploy()
    answer = aws.http.post("/reports", json={"a": 1})
    assert (answer.status_code, answer.json()) == (200, {"saw": {"a": 1}})


def test_the_client_chooses_event_by_header(aws, emulator, gateway):
    gateway.method(gateway.function(ECHO), MAPPED, {DECLARED: False})  # G4
    gateway.deploy()
    answer = aws.http.post("/reports", json={"a": 1}, headers={"InvocationType": "Event"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert ran_as_an_event(emulator)


def test_a_required_header_with_a_validator_is_demanded(aws, gateway):
    gateway.method(gateway.function(ECHO), MAPPED, {DECLARED: True})  # G5
    validator = gateway.client.create_request_validator(
        restApiId=gateway.api, name="parameters", validateRequestParameters=True
    )["id"]
    patch = [{"op": "replace", "path": "/requestValidatorId", "value": validator}]
    gateway.client.update_method(**gateway.ids(), patchOperations=patch)
    gateway.deploy()
    answer = aws.http.post("/reports", json={"a": 1})
    assert answer.status_code == 400
    assert answer.json() == {"message": "Missing required request parameters: [InvocationType]"}
    assert answer.headers["x-amzn-errortype"] == "BadRequestException"


def test_a_dry_run_answers_by_the_default_response_and_runs_nothing(aws, emulator, gateway):
    gateway.method(gateway.function(RAISES), MAPPED, {DECLARED: False})  # G7
    gateway.deploy()
    answer = aws.http.post("/reports", json={}, headers={"InvocationType": "DryRun"})
    assert (answer.status_code, answer.content) == (200, b"")
    emulator.settle()
    assert emulator.attempts() == []


def test_an_unknown_invocation_type_is_an_internal_server_error(aws, gateway):
    gateway.method(gateway.function(ECHO), MAPPED, {DECLARED: False})  # G8
    gateway.deploy()
    answer = aws.http.post("/reports", json={}, headers={"InvocationType": "bogus"})
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})


def test_a_proxy_integration_ignores_the_mapping_and_stays_synchronous(aws, gateway):
    code = "def handler(event, context):\n    return {'statusCode': 201, 'body': event['body']}\n"
    gateway.method(gateway.function(code), ALWAYS_EVENT, kind="AWS_PROXY")  # G9
    gateway.deploy()
    answer = aws.http.post("/reports", content=b"hello")
    assert (answer.status_code, answer.text) == (201, "hello")


def test_an_edit_shows_only_after_the_next_deployment(aws, emulator, gateway):
    gateway.method(gateway.function(ECHO))  # G10
    gateway.deploy()
    path = "/requestParameters/integration.request.header.X-Amz-Invocation-Type"
    gateway.client.update_integration(
        **gateway.ids(), patchOperations=[{"op": "add", "path": path, "value": "'Event'"}]
    )
    assert aws.http.post("/reports", json={"a": 1}).json() == {"saw": {"a": 1}}
    gateway.deploy()
    assert aws.http.post("/reports", json={"a": 1}).content == b""
    assert ran_as_an_event(emulator)


def test_a_template_chooses_event_by_request_override(aws, emulator, gateway):
    template = '#set($context.requestOverride.header.X-Amz-Invocation-Type = "Event")\n$input.json("$")'
    gateway.method(gateway.function(ECHO), requestTemplates={"application/json": template})
    gateway.deploy()
    answer = aws.http.post("/reports", json={"a": 1})
    assert (answer.status_code, answer.content) == (200, b"")
    assert ran_as_an_event(emulator)


def test_a_selection_pattern_matches_the_whole_error_message(aws, gateway):
    gateway.method(gateway.function(RAISES))  # G11, G12
    for status, pattern in (("405", ".*four hundred.*"), ("504", "200"), ("409", "four hundred")):
        gateway.client.put_method_response(**gateway.ids(), statusCode=status)
        gateway.client.put_integration_response(**gateway.ids(), statusCode=status, selectionPattern=pattern)
    gateway.deploy()
    answer = aws.http.post("/reports", json={})
    assert answer.status_code == 405
    assert answer.json()["errorMessage"] == "this is four hundred here"


def test_a_body_without_a_template_is_refused_where_templates_exist(aws, gateway):
    gateway.method(  # G13
        gateway.function(ECHO),
        requestTemplates={"application/json": "{}"},
        passthroughBehavior="WHEN_NO_TEMPLATES",
    )
    gateway.deploy()
    answer = aws.http.post("/reports", content=b"x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()) == (415, {"message": "Unsupported Media Type"})
    assert (
        aws.http.post("/reports", json={}, headers={"Content-Type": "application/json; charset=utf-8"}).status_code
        == 200
    )


def test_a_function_beyond_the_timeout_runs_on_while_the_client_gets_504(aws, emulator, gateway):
    gateway.method(gateway.function(SLEEPS), timeoutInMillis=50)  # G14
    gateway.deploy()
    answer = aws.http.post("/reports", json={})
    assert answer.status_code == 504
    assert answer.content == b'{"message": "Endpoint request timed out"}'
    assert answer.headers["x-amzn-errortype"] == "InternalServerErrorException"
    emulator.settle()
    [attempt] = emulator.attempts()
    assert (attempt["outcome"], round(attempt["ended_at"] - attempt["started_at"])) == ("success", 5)


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ("{}", 200, ""),
        ("{'statusCode': '201'}", 201, ""),
        ("{'statusCode': 200, 'wrongValue': 1}", 502, '{"message": "Internal server error"}'),
        ("{'statusCode': 'test'}", 502, '{"message": "Internal server error"}'),
        ("[]", 502, '{"message": "Internal server error"}'),
        ("1/0", 502, '{"message": "Internal server error"}'),
    ],
)
def test_a_proxy_answer_is_read_as_aws_reads_it(aws, gateway, result, status, body):
    uri = gateway.function(f"def handler(event, context):\n    return {result}\n")  # G15
    gateway.method(uri, kind="AWS_PROXY", method="GET")
    gateway.deploy()
    answer = aws.http.get("/reports")
    assert (answer.status_code, answer.text) == (status, body)


@pytest.mark.parametrize(("method", "path"), [("GET", "unknown"), ("DELETE", "reports"), ("GET", "")])
def test_what_has_no_method_is_a_missing_authentication_token(aws, gateway, method, path):
    gateway.method(None, kind="MOCK", method="GET", requestTemplates={"application/json": "{statusCode: 200}"})  # G16
    gateway.deploy()
    answer = aws.http.request(method, f"/{path}")
    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert aws.http.get("/reports").status_code == 200


def test_an_illegal_mapped_header_fails_the_request(aws, gateway):
    gateway.method(gateway.function(ECHO), {"integration.request.header.Authorization": "'x'"})  # G17
    gateway.deploy()
    answer = aws.http.post("/reports", json={})
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})


def test_a_patch_path_needs_json_pointer_escapes(gateway):
    gateway.method(gateway.function(ECHO))  # G18
    update = gateway.client.update_integration
    patched = update(
        **gateway.ids(), patchOperations=[{"op": "add", "path": "/requestTemplates/application~1json", "value": "{}"}]
    )
    assert patched["requestTemplates"] == {"application/json": "{}"}
    with pytest.raises(ClientError) as refused:
        update(**gateway.ids(), patchOperations=[{"op": "add", "path": "/requestTemplates/a/json", "value": "{}"}])
    assert refused.value.response["Error"]["Message"] == "Invalid patch path /requestTemplates/a/json"


def test_a_mock_answers_a_cors_preflight(aws, gateway):
    ids = gateway.ids("OPTIONS")  # G20
    name = "method.response.header.Access-Control-Allow-Origin"
    gateway.client.put_method(**ids, authorizationType="NONE")
    gateway.client.put_method_response(**ids, statusCode="200", responseParameters={name: True})
    gateway.client.put_integration(**ids, type="MOCK", requestTemplates={"application/json": "{statusCode: 200}"})
    gateway.client.put_integration_response(**ids, statusCode="200", responseParameters={name: "'*'"})
    gateway.deploy()
    answer = aws.http.options("/reports", headers={"Origin": "http://example.com"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize(
    ("template", "body", "expected"),
    [
        ('{"body": $input.body}', None, {"body": {}}),  # G21
        ('{"printed": "$input.path(\'$.json\')"}', {"json": {"foo": "bar"}}, {"printed": "{foo=bar}"}),  # G22
    ],
)
def test_templates_print_as_java_does(aws, gateway, template, body, expected):
    gateway.method(gateway.function(ECHO), requestTemplates={"application/json": template})
    gateway.deploy()
    answer = aws.http.post("/reports", content=b"" if body is None else json.dumps(body).encode())
    assert answer.json() == {"saw": expected}


def test_a_response_override_in_the_request_template_takes_effect(aws, gateway):
    template = "#set($context.responseOverride.status = 444)\n{statusCode: 200}"  # G23
    gateway.method(None, kind="MOCK", method="GET", requestTemplates={"application/json": template})
    gateway.deploy()
    assert aws.http.get("/reports").status_code == 444
