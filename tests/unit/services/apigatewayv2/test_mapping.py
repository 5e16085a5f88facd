"""Expressions and mappings of HTTP APIs, tokens, and the answers of functions: pure rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.jwt import BadToken, claims_of, keys_of
from emulator.aws.request_traces import RequestTrace
from emulator.services.apigatewayv2.gateway import answers
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import Failure
from emulator.services.apigatewayv2.gateway.mapping import evaluate, mapped_request, mapped_response
from emulator.services.apigatewayv2.gateway.routing import Taken
from emulator.services.apigatewayv2.mapping_rules import RESERVED, check_request_mappings, parse_key, parse_value
from emulator.services.apigatewayv2.model import Api


def exchange(body: bytes = b'{"a": {"b": [1, "two", null]}, "c.d": 3}', **more: Any) -> Exchange:
    headers = [("Host", "x"), ("X-Many", "1"), ("X-Many", "2"), ("Cookie", "a=1")]
    request = HttpRequest("POST", "/pets/7", "q=1&q=2&e=", headers, body)
    taken = Taken({"RouteKey": "POST /pets/{id}"}, {"id": "7"})
    api = Api("api", "000000000000", "us-east-1", {})
    stage = {"StageName": "dev", "StageVariables": {"v": "1"}}
    trace = RequestTrace(lambda: 0.0, "HTTP", request, "1")
    ids = ("1" * 32, "2" * 32)
    made = Exchange(request, api, stage, "/pets/7", "localhost", taken, ids, 0.0, "http://localhost:1", trace)
    for name, value in more.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$request.header.X-MANY", "1,2"),
        ("$request.header.cookie", "a=1"),
        ("$request.header.none", None),
        ("$request.querystring.q", "1,2"),
        ("$request.querystring.Q", None),
        ("$request.path", "/pets/7"),
        ("$request.path.id", "7"),
        ("$request.body.a.b[1]", "two"),
        ("$request.body.a.b", '[1,"two",null]'),
        ("$request.body.a.b[2]", None),
        ("$request.body.none", None),
        ("$context.stage", "dev"),
        ("$context.identity.sourceIp", "127.0.0.1"),
        ("$context.identity", None),
        ("$context.none", None),
        ("$stageVariables.v", "1"),
        ("a-${request.path.id}-${request.header.none}-b", "a-7--b"),
        ("${request.path.id}", "7"),
    ],
)
def test_an_expression_gives_a_value_or_none(text: str, value: str | None) -> None:
    assert evaluate(text, exchange()) == value


def test_a_body_beyond_a_hundred_kilobytes_is_not_looked_into() -> None:
    body = json.dumps({"a": "x" * 110_000}).encode()
    assert evaluate("$request.body.a", exchange(body)) is None
    assert evaluate("$request.body", exchange(body)) == body.decode()


@given(st.text(max_size=40))
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    for check in (lambda: parse_value(text), lambda: parse_key(text, False), lambda: parse_key(text, True)):
        try:
            check()
        except AwsError as error:
            assert error.status == 400


@pytest.mark.parametrize("name", ["x-amz-invocation-type", "X-Amzn-Foo", "Authorization", "access-control-x", "VIA"])
@pytest.mark.parametrize("action", ["append", "overwrite", "remove"])
def test_reserved_headers_are_reserved_for_every_action(action: str, name: str) -> None:
    assert RESERVED.fullmatch(name.lower())
    with pytest.raises(AwsError, match=f"Operations on header {name.lower()} are restricted"):
        check_request_mappings({f"{action}:header.{name}": "x"})


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_a_mapping_takes_from_a_request_is_a_request_again(header: str, body: str) -> None:
    source = exchange(json.dumps({"x": header, "y": body}).encode())
    mappings = {
        "append:header.a": "$request.body.x",
        "append:querystring.b": "$request.body.y",
        "overwrite:path": "/${request.body.x}",
    }
    request, path = mapped_request(source, mappings)
    assert path is not None
    assert path.startswith("/")
    assert path.isascii()
    assert request.query.isascii()
    assert all(character >= " " and character != "\x7f" for _, value in request.headers for character in value)


def test_what_no_mapping_touches_of_a_query_stays_as_it_was_written() -> None:
    source = exchange(request=HttpRequest("GET", "/pets/7", "q=%7e&a%20b=c+d&flag&x=*", [], b""))
    assert mapped_request(source, {"overwrite:header.a": "1"})[0].query == "q=%7e&a%20b=c+d&flag&x=*"
    changed = {"overwrite:querystring.q": "ü 1", "remove:querystring.x": "", "append:querystring.a b": "2"}
    assert mapped_request(source, changed)[0].query == "a%20b=c+d&flag&q=%C3%BC+1&a+b=2"


def test_a_response_is_changed_by_the_mappings_of_the_status_it_had() -> None:
    response = HttpResponse(200, [("A", "1")], b"{}")
    mapped_response(
        exchange(),
        {"200": {"overwrite:statuscode": "404", "append:header.A": "2"}, "404": {"remove:header.A": ""}},
        response,
    )
    assert (response.status, response.headers) == (404, [("A", "1"), ("A", "2")])
    mapped_response(exchange(), {"404": {"overwrite:statuscode": "$context.stage"}}, response)
    assert response.status == 404


MEMBERS = st.sampled_from(["statusCode", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded", "x"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(MEMBERS, inner)))
def test_whatever_a_function_returns_is_an_answer_or_the_500(value: Any) -> None:
    for version in ("1.0", "2.0"):
        try:
            response = answers.from_result(json.dumps(value).encode(), version)
        except Failure as failure:
            assert failure.status == 500
        else:
            assert 200 <= response.status <= 599


@given(st.text(max_size=60), st.binary(max_size=30))
def test_any_text_is_a_bad_token(text: str, key: bytes) -> None:
    with pytest.raises(BadToken):
        claims_of(text, [], "i", ["a"], 0)
    assert keys_of({"keys": [{"kty": "RSA", "n": text, "e": text}, text, None]}) == []
    assert keys_of(text) == keys_of(None) == keys_of({"keys": key.hex()}) == []
