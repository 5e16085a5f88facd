"""A table for each step of the pipeline (3.1): what goes in, what comes out, or which failure ends the request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from emulator.aws.http import HttpResponse
from emulator.services.apigateway.gateway import endpoint, mapping, responses, streaming, templates, to_mock
from emulator.services.apigateway.gateway.address import address
from emulator.services.apigateway.gateway.authorization import unsigned
from emulator.services.apigateway.gateway.failures import ERRORS, Failure, gateway_response
from emulator.services.apigateway.gateway.responses import EndpointAnswer
from emulator.services.apigateway.gateway.routing import Route
from emulator.services.apigateway.gateway.validation import validate
from emulator.services.apigateway.model import DEFAULT_GATEWAY_TEMPLATE, GATEWAY_RESPONSE_STATUS
from tests.unit.services.apigateway.support import exchange, snapshot

NEVER, NO_MATCH, NO_TEMPLATES = "NEVER", "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES"


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        ("abc123.execute-api.us-east-1.localhost:4566", "/dev/a%2Fb/", ("abc123", "dev", "/a%2Fb/")),
        ("ABC123.execute-api.localhost", "/dev", ("abc123", "dev", "/")),
        ("localhost", "/_aws/execute-api/abc123/dev/x", ("abc123", "dev", "/x")),
        ("localhost", "/restapis/abc123/dev/_user_request_/x", ("abc123", "dev", "/x")),
        ("localhost", "/restapis/abc123", None),
        ("execute-api.localhost", "/dev", None),
        ("abc123.execute-api.example.com", "/dev", None),
    ],
)
def test_an_address_names_api_stage_and_path(host: str, path: str, found: tuple[str, str, str] | None) -> None:
    where = address(host, path)
    assert (where and (where.api_id, where.stage, where.path)) == found


@pytest.mark.parametrize(
    ("required", "sent", "missing"),
    [
        ({"method.request.header.X-A": True}, {}, "X-A"),
        ({"method.request.header.X-A": False}, {}, None),
        ({"method.request.header.X-A": True}, {"headers": [("x-a", "1")]}, None),
        ({"method.request.header.X-A": True}, {"headers": [("X-A", "")]}, "X-A"),
        ({"method.request.querystring.q": True}, {"query": "q="}, "q"),
        ({"method.request.querystring.q": True}, {"query": "q=1"}, None),
        ({"method.request.path.id": True}, {}, None),
        (
            {"method.request.querystring.q": True, "method.request.header.h": True, "method.request.path.p": True},
            {},
            "h, p, q",
        ),
    ],
)
def test_required_parameters_are_named_in_aws_s_order(
    required: dict[str, bool], sent: dict[str, Any], missing: str | None
) -> None:
    made = exchange(**sent)
    validator = {"validateRequestParameters": True, "validateRequestBody": False}
    made.route = Route({"requestParameters": required}, "r", "/", {}, validator)
    try:
        validate(made, snapshot())
        assert missing is None
    except Failure as failure:
        assert failure.message == f"Missing required request parameters: [{missing}]"


@pytest.mark.parametrize(
    ("content_type", "templated", "behaviour", "outcome"),
    [
        # 3.4: three kinds of request by three behaviours.
        ("application/json", ["application/json"], NO_MATCH, "template"),
        ("application/json; charset=utf-8", ["application/json"], NEVER, "template"),
        (None, ["application/json"], NO_TEMPLATES, "template"),
        ("text/plain", ["application/json"], NO_MATCH, "body"),
        ("text/plain", ["application/json"], NO_TEMPLATES, "415"),
        ("text/plain", ["application/json"], NEVER, "415"),
        ("text/plain", [], NO_MATCH, "body"),
        ("text/plain", [], NO_TEMPLATES, "body"),
        ("text/plain", [], NEVER, "415"),
        ("text/plain", ["$default"], NEVER, "template"),
    ],
)
def test_the_type_of_the_body_chooses_its_template(
    content_type: str | None, templated: list[str], behaviour: str, outcome: str
) -> None:
    made = exchange("POST", headers=[("Content-Type", content_type)] if content_type else [])
    integration = {"requestTemplates": dict.fromkeys(templated, "T"), "passthroughBehavior": behaviour}
    try:
        chosen = templates.choose_request_template(made, integration)
        assert outcome == ("template" if chosen == "T" else "body")
    except Failure as failure:
        assert (outcome, failure.kind) == ("415", "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'static'", "static"),
        ("method.request.path.id", "7"),
        ("method.request.querystring.q", "2"),
        ("method.request.multivaluequerystring.q", ["1", "2"]),
        ("method.request.header.X-A", "b"),
        ("method.request.multivalueheader.X-A", "a,b"),
        ("method.request.body", '{"a": {"b": [1, 2]}}'),
        ("method.request.body.a.b[1]", "2"),
        ("method.request.body.a", '{"b":[1,2]}'),
        ("method.request.body.nothing", None),
        ("method.request.header.nothing", None),
        ("stageVariables.v", "1"),
        ("stageVariables.nothing", None),
        ("context.stage", "dev"),
        ("context.identity.sourceIp", "127.0.0.1"),
        ("nonsense", None),
    ],
)
def test_mappings_take_values_from_the_request(source: str, value: Any) -> None:
    headers = [("X-A", "a"), ("X-A", "b")]
    made = exchange("POST", query="q=1&q=2", headers=headers, body=b'{"a": {"b": [1, 2]}}')
    assert mapping.request_value(made, source) == value


@pytest.mark.parametrize(
    ("kind", "header", "allowed"),
    [
        ("AWS", "Authorization", False),
        ("AWS_PROXY", "authorization", False),
        ("AWS", "Content-Length", False),
        ("HTTP", "Authorization", True),
        ("HTTP_PROXY", "Transfer-Encoding", False),
        ("HTTP", "X-Amzn-Trace-Id", False),
        ("AWS", "X-Amzn-Trace-Id", True),
    ],
)
def test_headers_of_the_gateway_cannot_be_mapped(kind: str, header: str, allowed: bool) -> None:
    try:
        mapping.check_headers({f"integration.request.header.{header}": "'x'"}, kind)
        assert allowed
    except Failure as failure:
        assert not allowed and failure.reason == f"{header} header already present"


@pytest.mark.parametrize(
    ("uri", "path", "url"),
    [
        ("http://${stageVariables.v}/{id}", {"id": "a/b c"}, "http://1/a/b%20c"),
        ("http://h/{proxy+}?a=1", {"proxy": "é?#"}, "http://h/%C3%A9%3F%23?a=1"),
        ("http://h/${stageVariables.nothing}x", {}, "http://h/x"),
        ("http://h/{id}", {}, None),
    ],
)
def test_an_address_is_made_of_variables_and_parameters(uri: str, path: dict[str, str], url: str | None) -> None:
    try:
        assert endpoint.with_parameters(endpoint.with_stage_variables(exchange(), uri), path) == url
    except Failure:
        assert url is None


@pytest.mark.parametrize(
    ("rendered", "status"),
    [
        (b'{"statusCode": 200}', 200),
        (b"{statusCode: 404}", 404),
        (b"{'statusCode':'503', x}", 503),
        (b'{"statusCode": 20}', None),
        (b"", None),
        (b"{}", None),
        (b'{"statusCode": "abc"}', None),
        (b'{"a": {"statusCode": 404}, "statusCode": 200}', 200),
        (b'{"old_statusCode": 404, "statusCode": 200}', 200),
        (b'{"note": "statusCode: 404,", "statusCode": 200}', 200),
        (b'{"statusCode": 200, "a": [{"statusCode": 404}]}', 200),
        (b'{"a": {"statusCode": 404}}', None),
        (b'{"a": {"statusCode": 404}, "statusCode": 200}', 200),
        (b'{"old_statusCode": 404, "statusCode": 200}', 200),
        (b'{"note": "statusCode: 404,", "statusCode": 200}', 200),
        (b"{note: 'statusCode: 404,', a: [{statusCode: 404}], old_statusCode: 404, statusCode: 200, more: 1}", 200),
        (b"{note: 'it\\'s statusCode: 404,', statusCode: '201',}", 201),
        (b'{"a": {"statusCode": 404}}', None),
        (b"{a: {statusCode: 404}}", None),
        (b'{"statusCode": 200.0}', None),
        (b'{"statusCode": "\xd9\xa2\xd9\xa0\xd9\xa0"}', None),
        (b"[" * 100_000, None),
        (b'{"' + b'\\"' * 100_000, None),
        (b"{,:" * 1_000_000 + b"statusCode: 200}", None),
    ],
)
def test_a_mock_answers_the_status_of_its_template(rendered: bytes, status: int | None) -> None:
    try:
        answered = to_mock.mocked(rendered)
        assert (answered.status, answered.subject) == (status, str(status))
    except Failure as failure:
        assert status is None and failure.reason.startswith("Unable to parse statusCode. ")


RESPONSES = {
    "200": {"statusCode": "200"},
    "400": {"statusCode": "400", "selectionPattern": r".*four hundred.*"},
    "404": {"statusCode": "404", "selectionPattern": r"404"},
    "500": {"statusCode": "500", "selectionPattern": r"(\n|.)+"},
}


@pytest.mark.parametrize(
    ("subject", "only", "status"),
    [
        (None, "200 400 500", "200"),
        ("it is four hundred here", "200 400 500", "400"),
        ("several\nlines", "200 400 500", "500"),
        ("several\nlines four hundred", "200 400", "200"),
        ("404", "200 404", "404"),
        ("4040", "200 404", "200"),
        ("x", "400", None),
    ],
)
def test_the_whole_subject_selects_the_integration_response(subject: str | None, only: str, status: str | None) -> None:
    integration = {"integrationResponses": {name: RESPONSES[name] for name in only.split()}}
    try:
        assert responses.select(exchange(), integration, subject)["statusCode"] == status
    except Failure as failure:
        assert status is None and failure.reason.startswith("No match for output mapping and no default output mapping")


@pytest.mark.parametrize(
    ("mapped", "override", "headers", "status"),
    [
        ({"method.response.header.X-A": "integration.response.header.x-b"}, {}, {"X-A": "2"}, 200),
        ({"method.response.header.X-A": "integration.response.multivalueheader.X-B"}, {}, {"X-A": "1,2"}, 200),
        ({"method.response.header.X-A": "integration.response.body.a"}, {}, {"X-A": "b"}, 200),
        ({"method.response.header.X-A": "'s'"}, {"status": 444, "header": {"X-A": "o"}}, {"X-A": "o"}, 444),
        ({"method.response.header.Date": "'s'"}, {}, {"x-amzn-Remapped-Date": "s"}, 200),
        ({"method.response.header.X-A": "'a\r\nX-B: c'"}, {}, {}, 200),
        ({"method.response.header.a[1]": "'b'"}, {"header": {"bad name": "x", "": "y"}}, {}, 200),
        ({}, {"status": "700"}, {}, 200),
        ({}, {"status": "many"}, {}, 200),
    ],
)
def test_the_answer_has_mapped_headers_and_overrides(
    mapped: dict[str, str], override: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    made = exchange()
    made.context["responseOverride"].update(override)
    integration = {"integrationResponses": {"200": {"statusCode": "200", "responseParameters": mapped}}}
    given = EndpointAnswer(None, 200, [("X-B", "1"), ("X-B", "2"), ("X-C", "3")], b'{"a": "b"}')
    answer: HttpResponse = asyncio.run(responses.answer_of(made, snapshot(), integration, given))
    assert answer.status == status and answer.body == b'{"a": "b"}'
    assert {name: value for name, value in answer.headers if name != "Content-Type"} == headers


@pytest.mark.parametrize(
    ("metadata", "status", "headers"),
    [
        ({}, 200, [("Content-Type", "application/json")]),
        ({"statusCode": "201", "headers": {"Content-Type": "a/b"}}, 201, [("Content-Type", "a/b")]),
        ({"cookies": ["a=b"]}, 200, [("Content-Type", "application/json"), ("Set-Cookie", "a=b")]),
        ({"cookies": ["a=b\r\nX: y"]}, None, []),
        ({"cookies": [1]}, None, []),
        ({"statusCode": 99}, None, []),
        ({"isBase64Encoded": False}, None, []),
    ],
)
def test_a_stream_s_metadata_is_a_proxy_answer_without_body(
    metadata: dict[str, Any], status: int | None, headers: list[tuple[str, str]]
) -> None:
    try:
        answer = streaming.head_of(metadata)
        assert (answer.status, answer.headers) == (status, headers)
    except Failure as failure:
        assert (status, failure.status) == (None, 502)


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_every_failure_has_aws_s_status_and_error_type(kind: str) -> None:
    definition: dict[str, Any] = {
        "defaultResponse": True,
        "statusCode": GATEWAY_RESPONSE_STATUS[kind],
        "responseParameters": {},
        "responseTemplates": {"application/json": DEFAULT_GATEWAY_TEMPLATE},
    }
    answer = gateway_response(Failure(kind), definition, {"context": {}}, {})
    assert str(answer.status) == GATEWAY_RESPONSE_STATUS[kind]
    assert dict(answer.headers)["x-amzn-ErrorType"] == ERRORS[kind][0]
    assert answer.body.lower().startswith(b'{"message":')


def test_a_header_that_a_template_sets_is_checked_as_a_mapped_one() -> None:
    mapping.check_headers({}, "AWS", ["X-Fine"])
    for kind, header in (("HTTP", "Content-Length"), ("HTTP", "transfer-encoding"), ("AWS", "Authorization")):
        with pytest.raises(Failure, match="header already present"):
            mapping.check_headers({}, kind, [header])


def test_names_that_are_none_are_no_headers_of_a_request() -> None:
    given = {"bad name": "x", "a[1]": "x", "": "x", "X-A": "é", "X-B": "a\r\nb", "X-Good": "1"}
    assert endpoint.checked_headers(given) == [("X-Good", "1")]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (None, "Missing Authentication Token"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c", "Missing Authentication Token"),
        (
            "Bearer abc.def",
            "'abc.def' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc.def'.",
        ),
        ("allow", "'allow' not a valid key=value pair (missing equal-sign) in Authorization header: 'allow'."),
        (
            "Basic dXNlcg==",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=Basic dXNlcg==",
        ),
    ],
)
def test_what_is_no_signature_is_told_so(sent: str | None, message: str) -> None:
    failure = unsigned(exchange(headers=[] if sent is None else [("Authorization", sent)]))
    assert failure.message == message
    kind = "MissingAuthenticationTokenException" if "Missing" in message else "IncompleteSignatureException"
    assert ERRORS[failure.kind][0] == kind
