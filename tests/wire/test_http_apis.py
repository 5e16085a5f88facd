"""The data plane of HTTP APIs over raw HTTP: vectors H1 to H10 of the reference, payload formats, mappings, CORS."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION, HttpApi, ask, echo, http_api, while_time_passes
from tests.wire.lambda_support import create, error_of, package

Emulator = RunningEmulator


@pytest.fixture
def api(emulator: Emulator) -> HttpApi:
    """`$default` in front of a function that echoes its event."""
    made = http_api(emulator)
    made.route("$default", made.function(echo(emulator)))
    return made


# ── vectors ─────────────────────────────────────────────────────────────────────────────────────


def test_h1_a_client_that_asks_for_an_event_is_answered_synchronously(api: HttpApi) -> None:
    answer = api.ask("/mail", "POST", headers={"X-Amz-Invocation-Type": "Event"}, body="{}")
    assert answer.status == 200
    assert answer.json()["headers"]["x-amz-invocation-type"] == "Event"


def test_h2_the_invocation_type_is_a_reserved_header(api: HttpApi) -> None:
    code, status, text = error_of(
        lambda: api.function("echo", RequestParameters={"overwrite:header.x-amz-invocation-type": "Event"})
    )
    assert (code, status) == ("BadRequestException", 400)
    assert "x-amz-invocation-type" in text


@pytest.mark.parametrize(
    ("returned", "status", "kind", "body"),
    [
        ("hi", 200, "application/json", b"hi"),
        ({"message": "x"}, 200, "application/json", b'{"message":"x"}'),
        (None, 200, "application/json", b"null"),
        ({"statusCode": 201, "body": "made"}, 201, "text/plain; charset=utf-8", b"made"),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, "text/plain; charset=utf-8", b"hi"),
        ({"statusCode": 200, "body": {"a": 1}}, 500, "application/json", b'{"message":"Internal Server Error"}'),
        ({"statusCode": "abc"}, 500, "application/json", b'{"message":"Internal Server Error"}'),
    ],
)
def test_h3_h4_what_a_function_returns_is_read_as_a_response_or_as_a_body(
    api: HttpApi, returned: Any, status: int, kind: str, body: bytes
) -> None:
    answer = api.ask("/?do=return", "POST", body=json.dumps(returned))
    assert (answer.status, answer.headers["content-type"], answer.body) == (status, kind, body)


def test_h5_a_function_that_fails_is_an_internal_server_error(api: HttpApi) -> None:
    answer = api.ask("/?do=raise")
    assert (answer.status, answer.body) == (500, b'{"message":"Internal Server Error"}')


def test_h6_a_function_that_takes_longer_than_the_integration_waits_is_an_unavailable_service(
    emulator: Emulator,
) -> None:
    api = http_api(emulator)
    api.route("$default", api.function(echo(emulator, Timeout=60)))
    answer = while_time_passes(emulator, lambda: api.ask("/?do=sleep&for=40"))
    assert (answer.status, answer.body) == (503, b'{"message":"Service Unavailable"}')
    emulator.advance(60)
    assert api.ask("/").status == 200


def test_h7_a_path_that_no_route_has_is_not_found(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.route("GET /pets", api.function(echo(emulator)))
    for path, method in (("/nowhere", "GET"), ("/pets", "POST"), ("/pets/", "GET")):
        answer = api.ask(path, method)
        assert (answer.status, answer.body) == (404, b'{"message":"Not Found"}')


def test_h10_a_stage_that_deploys_itself_shows_changes_at_once(api: HttpApi) -> None:
    [integration] = api.client.get_integrations(ApiId=api.id)["Items"]
    api.client.update_integration(
        ApiId=api.id, IntegrationId=integration["IntegrationId"], RequestParameters={"append:header.changed": "yes"}
    )
    assert api.ask("/").json()["headers"]["changed"] == "yes"


def test_a_stage_that_does_not_deploy_itself_waits_for_a_deployment(emulator: Emulator) -> None:
    client = emulator.client("apigatewayv2")
    made = client.create_api(Name="manual", ProtocolType="HTTP")
    api = HttpApi(emulator, client, made["ApiId"], made["ApiEndpoint"])
    client.create_stage(ApiId=api.id, StageName="prod", StageVariables={"colour": "blue"})
    api.route("GET /x", api.function(echo(emulator)))
    assert api.ask("/prod/x").status == 404
    client.create_deployment(ApiId=api.id, StageName="prod")
    event = api.ask("/prod/x").json()
    assert (event["rawPath"], event["stageVariables"]) == ("/prod/x", {"colour": "blue"})
    api.route("GET /y", api.function("echo"))
    assert api.ask("/prod/y").status == 404
    assert api.ask("/x").status == 404  # there is no $default stage


# ── events ──────────────────────────────────────────────────────────────────────────────────────


def test_the_event_of_format_2_is_aws_s(api: HttpApi) -> None:
    answer = api.ask(
        "/mail?a=1&a=2&b=",
        "POST",
        headers={"Cookie": "s=1; t=2", "Content-Type": "application/json", "X-Two": "1", "User-Agent": "curl/8"},
        body='{"a":1}',
    )
    event = answer.json()
    assert list(event) == [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "cookies",
        "headers",
        "queryStringParameters",
        "requestContext",
        "body",
        "isBase64Encoded",
    ]
    assert event["version"] == "2.0"
    assert event["cookies"] == ["s=1", "t=2"]
    assert event["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert event["headers"]["content-length"] == "7"
    assert "cookie" not in event["headers"]
    context = event["requestContext"]
    assert list(context) == [
        "accountId",
        "apiId",
        "domainName",
        "domainPrefix",
        "http",
        "requestId",
        "routeKey",
        "stage",
        "time",
        "timeEpoch",
    ]
    assert context["domainName"].startswith(f"{api.id}.execute-api.us-east-1.")
    assert context["http"] == {
        "method": "POST",
        "path": "/mail",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "curl/8",
    }
    assert (context["routeKey"], context["stage"]) == ("$default", "$default")
    assert answer.headers["apigw-requestid"] == context["requestId"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"a":1}', False)


def test_the_event_of_format_1_has_a_rest_api_s_members(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.route("POST /pets/{id}", api.function(echo(emulator), "1.0"))
    event = api.ask("/pets/7?a=1&a=2", "POST", headers={"Cookie": "s=1"}, body="text").json()
    assert event["version"] == "1.0"
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/pets/{id}", "/pets/7", "POST")
    assert event["pathParameters"] == {"id": "7"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert event["headers"]["cookie"] == "s=1"
    assert event["stageVariables"] is None
    assert event["requestContext"]["resourceId"] == "POST /pets/{id}"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_bytes_are_base64_in_an_event(api: HttpApi) -> None:
    event = api.ask("/", "POST", headers={"Content-Type": "image/png"}, body=b"\x89PNG").json()
    assert (event["body"], event["isBase64Encoded"]) == ("iVBORw==", True)


def test_cookies_of_format_2_and_several_values_of_format_1_are_headers_of_the_answer(emulator: Emulator) -> None:
    api = http_api(emulator)
    echo(emulator)
    api.route("POST /two", api.function("echo"))
    api.route("POST /one", api.function("echo", "1.0"))
    two = api.ask("/two?do=return", "POST", body=json.dumps({"statusCode": 200, "cookies": ["a=1", "b=2"]}))
    assert two.headers.get_all("set-cookie") == ["a=1", "b=2"]
    several = {"statusCode": 200, "multiValueHeaders": {"X-A": ["1", "2"]}, "headers": {"x-b": 3}, "body": "b"}
    one = api.ask("/one?do=return", "POST", body=json.dumps(several))
    assert (one.status, one.headers.get_all("x-a"), one.headers["x-b"], one.body) == (200, ["1", "2"], "3", b"b")
    odd = api.ask("/one?do=return", "POST", body='{"statusCode": 200, "unknown": 1}')
    assert odd.status == 500


# ── routes, stages, addresses ───────────────────────────────────────────────────────────────────


def test_the_most_specific_route_is_taken(emulator: Emulator) -> None:
    api = http_api(emulator)
    target = api.function(echo(emulator))
    keys = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"]
    for key in keys:
        api.route(key, target)
    asked = [("/pets/dog/1", "GET"), ("/pets/dog/2", "GET"), ("/pets/cat/3", "GET"), ("/pets/x", "POST"), ("/", "GET")]
    assert [api.ask(path, method).json()["routeKey"] for path, method in asked] == keys
    assert api.ask("/pets/cat/3").json()["pathParameters"] == {"proxy": "cat/3"}


def test_a_stage_is_a_prefix_and_the_path_form_of_the_address_works_too(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.client.create_stage(ApiId=api.id, StageName="beta", AutoDeploy=True)
    api.route("GET /x", api.function(echo(emulator)))
    assert api.ask("/beta/x").json()["requestContext"]["stage"] == "beta"
    assert api.ask("/x").json()["requestContext"]["stage"] == "$default"
    for path in ("x", "beta/x", "$default/x", "%24default/x"):
        assert ask(f"{emulator.url}/_aws/execute-api/{api.id}/{path}").json()["routeKey"] == "GET /x"


def test_a_rest_api_at_the_same_kind_of_address_still_answers(emulator: Emulator) -> None:
    client = emulator.client("apigateway")
    rest = client.create_rest_api(name="rest")
    answer = ask(emulator.data_plane(rest["id"], "prod"))
    assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})


def test_an_api_whose_endpoint_is_disabled_is_not_found(api: HttpApi) -> None:
    api.client.update_api(ApiId=api.id, DisableExecuteApiEndpoint=True)
    assert api.ask("/").status == 404


# ── parameter mapping ───────────────────────────────────────────────────────────────────────────


def test_requests_are_mapped_before_the_function_sees_them(emulator: Emulator) -> None:
    api = http_api(emulator)
    mappings = {
        "append:header.a": "$request.header.b",
        "overwrite:header.c": "${request.path.id}-${context.routeKey}-${stageVariables.none}",
        "remove:header.d": "''",
        "append:querystring.q": "$request.body.deep.list[1]",
        "overwrite:path": "/changed/${request.path.id}",
    }
    api.route("POST /x/{id}", api.function(echo(emulator), RequestParameters=mappings))
    headers = {"A": "1", "B": "2", "D": "gone"}
    event = api.ask("/x/7?q=0", "POST", headers=headers, body='{"deep":{"list":[1,{"y":2}]}}').json()
    assert event["headers"]["a"] == "1,2"
    assert event["headers"]["c"] == "7-POST /x/{id}-"
    assert "d" not in event["headers"]
    assert event["queryStringParameters"] == {"q": '0,{"y":2}'}
    assert event["rawPath"] == "/changed/7"


def test_responses_are_mapped_by_their_status(emulator: Emulator) -> None:
    api = http_api(emulator)
    mappings = {
        "201": {
            "overwrite:statuscode": "202",
            "append:header.said": "$response.body.word",
            "remove:header.x-internal": "''",
            "overwrite:header.from": "$response.header.x-internal",
        }
    }
    api.route("$default", api.function(echo(emulator), ResponseParameters=mappings))
    returned = {"statusCode": 201, "headers": {"X-Internal": "i"}, "body": '{"word": "yes"}'}
    answer = api.ask("/?do=return", "POST", body=json.dumps(returned))
    assert (answer.status, answer.headers["said"], answer.headers["from"]) == (202, "yes", "i")
    assert answer.headers["x-internal"] is None


# ── CORS ────────────────────────────────────────────────────────────────────────────────────────

CORS = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-a"], "MaxAge": 60}


def test_the_gateway_answers_preflights_and_replaces_the_function_s_cors_headers(emulator: Emulator) -> None:
    api = http_api(emulator, CorsConfiguration=CORS)
    api.route("POST /x", api.function(echo(emulator)))
    asking = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    preflight = api.ask("/anything", "OPTIONS", headers=asking)
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["access-control-max-age"] == "60"
    returned = json.dumps({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}})
    answer = api.ask("/x?do=return", "POST", headers={"Origin": "https://a.example"}, body=returned)
    assert answer.headers.get_all("access-control-allow-origin") == ["https://a.example"]
    stranger = api.ask("/x?do=return", "POST", headers={"Origin": "https://evil.example"}, body=returned)
    assert stranger.headers["access-control-allow-origin"] is None


# ── limits, logs ────────────────────────────────────────────────────────────────────────────────


def test_a_request_of_more_than_ten_megabytes_is_too_large(api: HttpApi) -> None:
    answer = api.ask("/", "POST", body=b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status, answer.json()) == (413, {"message": "Request Entity Too Large"})


def test_a_route_is_throttled_as_its_stage_says(api: HttpApi) -> None:
    api.client.update_stage(
        ApiId=api.id,
        StageName="$default",
        DefaultRouteSettings={"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 1.0},
    )
    assert [api.ask("/").status for _ in range(2)] == [200, 429]
    api.emulator.advance(1)
    assert api.ask("/").status == 200


def test_accesses_are_logged_in_the_stage_s_format(api: HttpApi) -> None:
    logs = api.emulator.client("logs")
    logs.create_log_group(logGroupName="access")
    api.client.update_stage(
        ApiId=api.id,
        StageName="$default",
        AccessLogSettings={
            "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:access",
            "Format": '{"route":"$context.routeKey","status":"$context.status","none":"$context.error.message",'
            '"took":"$context.integrationLatency"}',
        },
    )
    answer = while_time_passes(api.emulator, lambda: api.ask("/?do=sleep&for=2"))
    assert answer.status == 200
    [event] = logs.filter_log_events(logGroupName="access")["events"]
    line = json.loads(event["message"])
    assert 2000 <= int(line.pop("took")) <= 4000
    assert line == {"route": "$default", "status": "200", "none": "-"}


def test_requests_are_counted_by_api_and_by_stage(api: HttpApi) -> None:
    for path in ("/", "/?do=raise"):
        api.ask(path)
    api.client.delete_route(ApiId=api.id, RouteId=api.client.get_routes(ApiId=api.id)["Items"][0]["RouteId"])
    assert api.ask("/").status == 404
    now = api.emulator.now()
    totals: dict[str, float] = {}
    for name in ("Count", "4xx", "5xx"):
        points = api.emulator.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=name,
            Dimensions=[{"Name": "ApiId", "Value": api.id}, {"Name": "Stage", "Value": "$default"}],
            StartTime=now - 600,
            EndTime=now + 600,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        totals[name] = sum(point["Sum"] for point in points)
    assert totals == {"Count": 3, "4xx": 1, "5xx": 1}


def test_detailed_metrics_are_counted_by_route_too(emulator: Emulator) -> None:
    api = http_api(emulator)
    target = api.function(echo(emulator))
    api.route("GET /pets/{id}", target)
    api.route("$default", target)
    api.client.update_stage(ApiId=api.id, StageName="$default", DefaultRouteSettings={"DetailedMetricsEnabled": True})
    for path, method in (("/pets/1", "GET"), ("/pets/2", "GET"), ("/other", "POST")):
        assert api.ask(path, method).status == 200
    now, counted = emulator.now(), {}
    for method, resource in (("GET", "/pets/{id}"), ("POST", "$default")):
        wanted = {"ApiId": api.id, "Method": method, "Resource": resource, "Stage": "$default"}
        points = emulator.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName="Count",
            Dimensions=[{"Name": name, "Value": value} for name, value in wanted.items()],
            StartTime=now - 600,
            EndTime=now + 600,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        counted[resource] = sum(point["Sum"] for point in points)
    assert counted == {"/pets/{id}": 2, "$default": 1}


def test_access_logs_say_why_an_answer_is_none(api: HttpApi) -> None:
    destination = "arn:aws:logs:us-east-1:000000000000:log-group:reasons"
    settings = {"DestinationArn": destination, "Format": "$context.integrationErrorMessage"}
    api.client.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings=settings)
    assert api.ask("/?do=return", "POST", body='{"statusCode": "abc"}').status == 500
    [event] = api.emulator.client("logs").filter_log_events(logGroupName="reasons")["events"]
    text, _, number = event["message"].partition(" Lambda request ID: ")
    assert text == "The response from the Lambda function doesn't match the format that API Gateway expects."
    assert len(number) == 36


def test_access_logs_tell_the_gateways_words_from_those_of_integrations_and_authorizers(api: HttpApi) -> None:
    destination = "arn:aws:logs:us-east-1:000000000000:log-group:whose"
    names = ("error.message", "error.messageString", "error.responseType", "integrationErrorMessage")
    form = "|".join(f"$context.{name}" for name in (*names, "integration.error", "authorizer.error"))
    settings = {"DestinationArn": destination, "Format": form}
    api.client.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings=settings)
    code = package("def handler(event, context):\n    return {'yes': 1}\n")
    create(api.emulator.client("lambda"), "guard", Code={"ZipFile": code}, Runtime="python3.11")
    guard = api.client.create_authorizer(
        ApiId=api.id,
        Name="guard",
        IdentitySource=["$request.header.Host"],
        AuthorizerType="REQUEST",
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}guard/invocations",
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
    )["AuthorizerId"]
    target = api.client.get_routes(ApiId=api.id)["Items"][0]["Target"]
    api.client.create_route(
        ApiId=api.id, RouteKey="GET /guarded", Target=target, AuthorizationType="CUSTOM", AuthorizerId=guard
    )
    assert [api.ask(path).status for path in ("/", "/?do=raise", "/guarded")] == [200, 500, 500]
    default = next(each for each in api.client.get_routes(ApiId=api.id)["Items"] if each["RouteKey"] == "$default")
    api.client.delete_route(ApiId=api.id, RouteId=default["RouteId"])
    assert api.ask("/").status == 404
    events = api.emulator.client("logs").filter_log_events(logGroupName="whose")["events"]
    well, failed, refused, lost = (event["message"].split("|") for event in events)
    internal = ["Internal Server Error", '"Internal Server Error"']
    text = "The Lambda function returned the following error: intended. Check your Lambda function code and try again."
    assert well == ["-"] * 6
    assert failed == [*internal, "INTEGRATION_FAILURE", text, text, "-"]
    assert refused[:5] == [*internal, "AUTHORIZER_FAILURE", "-", "-"]
    assert refused[5] == (
        "The response from the Lambda Authorizer function doesn't match the format that API Gateway expects."
        " Simple response did not include 'isAuthorized'"
    )
    assert lost == ["Not Found", '"Not Found"', "DEFAULT_4XX", "-", "-", "-"]


# ── bad input ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    ["//", "/%ff%00", "/a/../../b", "/%2e%2e/%2F", "/" + "a/" * 2000, "/?" + "&" * 5000, "/{id}", "/%", "/x?=&=&a=%"],
)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_odd_paths_and_queries_reach_the_function_as_they_are(emulator: Emulator, path: str, version: str) -> None:
    api = http_api(emulator)
    api.route("$default", api.function(echo(emulator), version))
    api.route("GET /a/{b}/{c+}", api.function("echo", version))
    answer = api.ask(path)
    assert answer.status == 200
    if version == "2.0":
        assert answer.json()["rawPath"] == unquote(path.partition("?")[0])


def test_headers_of_more_than_ten_kilobytes_are_too_large(api: HttpApi) -> None:
    answer = api.ask("/", headers={"X-Long": "x" * 10_300})
    assert (answer.status, answer.json()) == (431, {"message": "Request Header Fields Too Large"})
    answer = api.ask("/?" + "x" * 10_300)
    assert (answer.status, answer.json()) == (414, {"message": "URI Too Long"})


def test_a_function_that_is_not_there_is_an_internal_server_error(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.route("$default", api.function("nobody"))
    assert (api.ask("/").status, api.ask("/").json()) == (500, {"message": "Internal Server Error"})


def test_a_stage_variable_chooses_the_function(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.client.update_stage(ApiId=api.id, StageName="$default", StageVariables={"name": echo(emulator)})
    api.route("$default", api.function("${stageVariables.name}"))
    assert api.ask("/").json()["stageVariables"] == {"name": "echo"}
