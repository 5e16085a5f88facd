"""Lambda authorizers: who gets in, what methods are told, how long an answer is remembered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import ACCOUNT, RestApi, create_function, function_uri, mock

AUTHORIZER = """
import json
def handler(event, context):
    print("asked", json.dumps(event))
    token = event.get("authorizationToken") or event["headers"].get("X-Token") or ""
    if token == "unauthorized":
        raise Exception("Unauthorized")
    if token == "broken":
        raise Exception("something else")
    if token == "odd":
        return {"principalId": "me"}
    effect = "Deny" if token == "deny" else "Allow"
    resource = event["methodArn"] if token == "only-this" else event["methodArn"].split("/")[0] + "/*"
    if token == "nothing":
        resource = "arn:aws:execute-api:us-east-1:000000000000:other/*"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"text": "t", "number": 1, "yes": True}}
"""
ECHO = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    create_function(emulator, "guard", AUTHORIZER)
    return RestApi(emulator)


def guarded(api: RestApi, **settings: Any) -> str:
    given = {"type": "TOKEN", "identitySource": "method.request.header.X-Token", **settings}
    made = api.client.create_authorizer(restApiId=api.id, name="guard", authorizerUri=function_uri("guard"), **given)
    return made["id"]


def protect(api: RestApi, path: str, authorizer: str) -> None:
    body = '{"who": "$context.authorizer.principalId", "number": "$context.authorizer.number"}'
    api.method(path, "GET", **mock(body=body), authorizationType="CUSTOM", authorizerId=authorizer)


def get(api: RestApi, token: str | None, path: str = "") -> httpx.Response:
    return api.request("GET", path, headers={} if token is None else {"X-Token": token})


def asked(emulator: RunningEmulator) -> list[dict[str, Any]]:
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/guard")["events"]
    return [json.loads(item["message"][6:]) for item in events if item["message"].startswith("asked ")]


def test_a_token_lets_in_and_the_method_is_told_who_it_is(emulator: RunningEmulator, api: RestApi) -> None:
    protect(api, "/", guarded(api))
    api.deploy()
    answer = get(api, "allow")
    assert (answer.status_code, answer.json()) == (200, {"who": "me", "number": "1"})
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/dev/GET/"
    assert asked(emulator) == [{"type": "TOKEN", "methodArn": arn, "authorizationToken": "allow"}]


@pytest.mark.parametrize(
    ("token", "status", "kind", "body"),
    [
        (None, 401, "UnauthorizedException", '{"message":"Unauthorized"}'),
        ("unauthorized", 401, "UnauthorizedException", '{"message":"Unauthorized"}'),
        ("broken", 500, "AuthorizerConfigurationException", '{"message":null}'),
        ("odd", 500, "AuthorizerConfigurationException", '{"message":null}'),
        ("nothing", 403, "AccessDeniedException", '{"Message":"User is not authorized to access this resource"}'),
        (
            "deny",
            403,
            "AccessDeniedException",
            '{"Message":"User is not authorized to access this resource with an explicit deny"}',
        ),
    ],
)
def test_who_is_not_let_in_is_told_so(api: RestApi, token: str | None, status: int, kind: str, body: str) -> None:
    protect(api, "/", guarded(api))
    api.deploy()
    answer = get(api, token)
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"], answer.text) == (status, kind, body)


def test_a_token_of_the_wrong_form_is_not_asked_about(emulator: RunningEmulator, api: RestApi) -> None:
    protect(api, "/", guarded(api, identityValidationExpression="Bearer [a-z]+"))
    api.deploy()
    assert get(api, "bearer").status_code == 401
    assert get(api, "Bearer x").status_code == 200
    assert len(asked(emulator)) == 1


def test_an_answer_is_remembered_for_its_time_across_methods(emulator: RunningEmulator, api: RestApi) -> None:
    authorizer = guarded(api, authorizerResultTtlInSeconds=60)
    protect(api, "/one", authorizer)
    protect(api, "/two", authorizer)
    api.deploy()
    assert [get(api, "allow", path).status_code for path in ("/one", "/one", "/two")] == [200, 200, 200]
    assert len(asked(emulator)) == 1
    assert [get(api, "only-this", path).status_code for path in ("/one", "/two")] == [200, 403]
    assert len(asked(emulator)) == 2
    emulator.advance(61)
    assert get(api, "allow", "/one").status_code == 200
    assert len(asked(emulator)) == 3


def test_nothing_is_remembered_without_a_time(emulator: RunningEmulator, api: RestApi) -> None:
    protect(api, "/", guarded(api, authorizerResultTtlInSeconds=0))
    api.deploy()
    get(api, "allow")
    get(api, "allow")
    assert len(asked(emulator)) == 2


def test_a_request_authorizer_sees_the_request_and_the_function_sees_its_context(
    emulator: RunningEmulator, api: RestApi
) -> None:
    create_function(emulator, "echo", ECHO)
    sources = "method.request.header.X-Token, method.request.querystring.q"
    authorizer = guarded(api, type="REQUEST", identitySource=sources)
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("echo")}
    api.method("/{id}", "GET", integration, authorizationType="CUSTOM", authorizerId=authorizer)
    api.deploy()
    assert get(api, "allow", "/7").status_code == 401
    told = get(api, "allow", "/7?q=1").json()["requestContext"]["authorizer"]
    assert {"principalId": "me", "text": "t", "number": "1", "yes": "true"}.items() <= told.items()
    assert isinstance(told["integrationLatency"], int)
    (event,) = asked(emulator)
    assert event["type"] == "REQUEST"
    assert event["methodArn"].endswith("/dev/GET/7")
    assert (event["pathParameters"], event["queryStringParameters"]) == ({"id": "7"}, {"q": "1"})
    assert (event["stageVariables"], "body" in event) == ({}, False)


def test_authorizers_are_kept_changed_and_deleted(api: RestApi) -> None:
    client = api.client
    authorizer = guarded(api)
    shown = client.get_authorizer(restApiId=api.id, authorizerId=authorizer)
    assert (shown["authType"], shown["type"], shown["name"]) == ("custom", "TOKEN", "guard")
    patch = [{"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "10"}]
    changed = client.update_authorizer(restApiId=api.id, authorizerId=authorizer, patchOperations=patch)
    assert changed["authorizerResultTtlInSeconds"] == 10
    protect(api, "/", authorizer)
    with pytest.raises(ClientError) as used:
        client.delete_authorizer(restApiId=api.id, authorizerId=authorizer)
    assert used.value.response["Error"]["Code"] == "ConflictException"
    client.delete_method(restApiId=api.id, resourceId=api.root, httpMethod="GET")
    client.delete_authorizer(restApiId=api.id, authorizerId=authorizer)
    assert client.get_authorizers(restApiId=api.id)["items"] == []
    with pytest.raises(ClientError) as nowhere:
        client.create_authorizer(restApiId="none", name="a", type="TOKEN")
    assert nowhere.value.response["Error"] == {
        "Code": "ConflictException",
        "Message": "Unable to complete operation due to concurrent modification. Please try again later.",
    }


def test_an_authorizer_is_tested_without_a_deployment(api: RestApi) -> None:
    authorizer = guarded(api)
    test = api.client.test_invoke_authorizer
    told = test(restApiId=api.id, authorizerId=authorizer, headers={"X-Token": "allow"})
    assert (told["clientStatus"], told["principalId"]) == (200, "me")
    assert json.loads(told["policy"])["Statement"][0]["Effect"] == "Allow"
    assert test(restApiId=api.id, authorizerId=authorizer, headers={})["clientStatus"] == 401
    assert test(restApiId=api.id, authorizerId=authorizer, headers={"X-Token": "broken"})["clientStatus"] == 500


def test_a_tested_authorizer_may_be_told_of_a_context(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    raise Exception('Unauthorized')\n")
    made = api.client.create_authorizer(
        restApiId=api.id,
        name="by context",
        type="REQUEST",
        authorizerUri=function_uri("echo"),
        identitySource="context.tenant",
        authorizerResultTtlInSeconds=0,
    )
    named = {"restApiId": api.id, "authorizerId": made["id"]}
    without = api.client.test_invoke_authorizer(**named)
    told = api.client.test_invoke_authorizer(**named, additionalContext={"tenant": "pets"})
    assert ("Endpoint request URI" in without["log"], "Endpoint request URI" in told["log"]) == (False, True)


def test_apis_are_listed_in_pages(emulator: RunningEmulator, api: RestApi) -> None:
    made = [api.id, *(api.client.create_rest_api(name=f"a{number}")["id"] for number in range(4))]
    first = api.client.get_rest_apis(limit=2)
    second = api.client.get_rest_apis(limit=2, position=first["position"])
    last = api.client.get_rest_apis(limit=2, position=second["position"])
    assert [item["id"] for page in (first, second, last) for item in page["items"]] == made
    assert "position" not in last
    assert api.client.get_rest_apis(position="9" * 30)["items"] == []


def test_a_file_brings_its_authorizer(emulator: RunningEmulator, api: RestApi) -> None:
    document = {
        "openapi": "3.0.1",
        "info": {"title": "guarded", "version": "1"},
        "components": {
            "securitySchemes": {
                "guard": {
                    "type": "apiKey",
                    "name": "X-Token",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "custom",
                    "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": function_uri("guard")},
                }
            }
        },
        "paths": {
            "/": {
                "get": {
                    "security": [{"guard": []}],
                    "responses": {"200": {"description": "ok"}},
                    "x-amazon-apigateway-integration": {
                        "type": "mock",
                        "requestTemplates": {"application/json": '{"statusCode": 200}'},
                        "responses": {"default": {"statusCode": "200"}},
                    },
                }
            }
        },
    }
    api.id = api.client.import_rest_api(body=json.dumps(document).encode())["id"]
    api.deploy()
    assert [get(api, token).status_code for token in (None, "allow", "deny")] == [401, 200, 403]
    (shown,) = api.client.get_authorizers(restApiId=api.id)["items"]
    assert (shown["identitySource"], shown["type"]) == ("method.request.header.X-Token", "TOKEN")


def test_a_method_is_tested_as_it_is_edited_with_the_log_of_aws(emulator: RunningEmulator, api: RestApi) -> None:
    ids = api.method("/pets/{petId}", "GET", **mock(body='{"petId": "$input.params(\'petId\')"}'))
    told = api.client.test_invoke_method(**ids, pathWithQueryString="/pets/123?a=b")
    assert (told["status"], told["body"]) == (200, '{"petId": "123"}')
    assert told["headers"] == {"Content-Type": "application/json"}
    assert told["multiValueHeaders"] == {"Content-Type": ["application/json"]}
    lines = told["log"].split("\n")
    number = lines[0].removeprefix("Execution log for request ")
    assert [line.partition(" : ")[2] for line in lines[1:]] == [
        f"Starting execution for request: {number}",
        "HTTP Method: GET, Resource Path: /pets/123",
        "Method request path: {petId=123}",
        "Method request query string: {a=b}",
        "Method request headers: {}",
        "Method request body before transformations: ",
        'Method response body after transformations: {"petId": "123"}',
        "Method response headers: {Content-Type=application/json}",
        "Successfully completed execution",
        "Method completed with status: 200",
        "",
    ]
    bare = api.client.test_invoke_method(**ids)
    assert "Resource Path: /pets/{petId}\n" in bare["log"]
    assert bare["body"] == '{"petId": "{petId}"}'
    elsewhere = api.client.test_invoke_method(**ids, pathWithQueryString="/random/test")
    assert (elsewhere["status"], elsewhere["body"]) == (200, '{"petId": ""}')


def test_the_test_of_a_function_shows_what_was_sent_and_what_came_back(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(emulator, "echo", "def handler(event, context):\n    return event\n")
    integration = {"type": "AWS", "integrationHttpMethod": "POST", "uri": function_uri("echo")}
    ids = api.method("/foo", "POST", integration)
    told = api.client.test_invoke_method(**ids, pathWithQueryString="/foo", body='{"a": 1}')
    assert (told["status"], json.loads(told["body"])) == (200, {"a": 1})
    assert list(told["headers"]) == ["X-Amzn-Trace-Id", "Content-Type"]
    spoken = [line.partition(" : ")[2].partition(":")[0] for line in told["log"].split("\n")]
    assert spoken[6:12] == [
        "Method request body before transformations",
        "Endpoint request URI",
        "Endpoint request headers",
        "Endpoint request body after transformations",
        "Sending request to https",
        "Received response. Status",
    ]
    emulator.client("lambda").put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=0)
    failed = api.client.test_invoke_method(**ids, pathWithQueryString="/foo", body="{}")
    assert (failed["status"], failed["headers"]) == (500, {"x-amzn-ErrorType": "InternalServerErrorException"})
    assert "Lambda invocation failed with status: 429. Lambda request id: " in failed["log"]
    assert "Execution failed due to configuration error: Rate Exceeded.\n" in failed["log"]


def test_authorizers_of_tokens_with_keys_are_refused_by_name(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    with pytest.raises(ClientError, match="type JWT"):
        api.client.create_authorizer(restApiId=api.id, name="jwt", type="JWT")


def test_an_arn_too_long_to_be_judged_is_a_request_uri_too_long(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    api.method("/signed/{proxy+}", "GET", **mock(), authorizationType="AWS_IAM")
    api.method("/open/{proxy+}", "GET", **mock())
    api.deploy()
    signature = "AWS4-HMAC-SHA256 Credential=test/20270115/us-east-1/execute-api/aws4_request, SignedHeaders=host, "
    headers = {"Authorization": f"{signature}Signature={'0' * 64}"}
    room = 1600 - len(f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api.id}/dev/GET/signed/")
    assert api.request("GET", "/signed/" + "a" * room, headers=headers).status_code == 200
    refused = api.request("GET", "/signed/" + "a" * (room + 1), headers=headers)
    assert (refused.status_code, refused.json()) == (414, {"message": "Request URI too long"})
    assert api.request("GET", "/open/" + "a" * 5000).status_code == 200
