"""What the codec makes of wrong input, and how it words broken constraints (texts recorded from AWS)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest
from emulator.aws.protocol import load_service
from emulator.aws.protocol.cbor import CborError, decode, encode
from emulator.aws.protocol.validate import _pattern_breaks, compile_java_pattern


def problem(service: str, operation: str, parameters: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        load_service(service).operation(operation).validate(parameters)
    return caught.value.code, caught.value.message


def test_a_wrong_patch_operation_is_named_by_its_path() -> None:
    assert problem("apigateway", "UpdateRestApi", {"restApiId": "x", "patchOperations": [{"op": "wrong"}]}) == (
        "ValidationException",
        "1 validation error detected: Value 'wrong' at 'updateRestApiInput.patchOperations.1.member.op' failed to"
        " satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]",
    )


def test_several_problems_are_joined_and_body_members_come_first() -> None:
    _, message = problem(
        "apigateway",
        "UpdateMethodResponse",
        {
            "restApiId": "a",
            "resourceId": "r",
            "httpMethod": "G",
            "statusCode": "wrong",
            "patchOperations": [{"op": "x"}],
        },
    )
    assert message.startswith("2 validation errors detected: Value 'x' at 'updateMethodResponseInput.patchOperations.1")
    assert message.endswith(
        "; Value 'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern:"
        " [1-5]\\d\\d"
    )


def test_a_list_of_words_is_reported_whole() -> None:
    assert problem("apigateway", "CreateRestApi", {"name": "n", "endpointConfiguration": {"types": ["wrong"]}})[1] == (
        "1 validation error detected: Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to"
        " satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE,"
        " REGIONAL]]"
    )


def test_limits_of_numbers_and_lists() -> None:
    assert problem("stepfunctions", "ListExecutions", {"stateMachineArn": "a", "maxResults": 1001})[1] == (
        "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have"
        " value less than or equal to 1000"
    )
    assert problem("lambda", "PutFunctionEventInvokeConfig", {"FunctionName": "f", "MaximumRetryAttempts": 3})[1] == (
        "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must"
        " have value less than or equal to 2"
    )


def test_a_missing_required_member_is_null() -> None:
    assert problem("ses", "SendRawEmail", {})[0] == "ValidationError"
    assert (
        "Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null"
        in (problem("stepfunctions", "StartExecution", {})[1])
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"name": true}', "class java.lang.Boolean can not be converted to an String"),
        (
            b'{"name": 1}',
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
        ),
        (b"{", "Unexpected end-of-input: line: 1, column: 2"),
        (b'{"name": NaN}', "Request body is not valid JSON"),
        (b"[" * 100_000, "Request body is not valid JSON"),
        (b'{"minimumCompressionSize": ' + b"9" * 5000 + b"}", "Request body is not valid JSON"),
        (b"\xff\xfe", "Request body is not valid UTF-8"),
        (b'{"endpointConfiguration": []}', "Start of list found where not expected"),
        (b'{"binaryMediaTypes": "x"}', "Expected list or null"),
        (b'{"minimumCompressionSize": 3000000000}', "Numeric value out of range of Integer"),
    ],
)
def test_malformed_bodies_are_serialization_exceptions(body: bytes, text: str) -> None:
    with pytest.raises(AwsError) as caught:
        load_service("apigateway").operation("CreateRestApi").parse(HttpRequest("POST", "/restapis", "", [], body))
    assert (caught.value.code, caught.value.status, caught.value.message) == ("SerializationException", 400, text)


def test_unknown_members_are_passed_over_and_lone_surrogates_become_question_marks() -> None:
    request = HttpRequest("POST", "/restapis", "", [], b'{"name": "\\ud800", "nobody": {"x": [1]}}')
    assert load_service("apigateway").operation("CreateRestApi").parse(request) == {"name": "?"}


def test_routes_prefer_literals_and_decode_labels() -> None:
    model = load_service("apigateway")
    assert model.match_rest("POST", "/restapis", "mode=import") == ("ImportRestApi", {})
    assert model.match_rest("POST", "/restapis/", "") == ("CreateRestApi", {})
    assert model.match_rest("GET", "/tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Frestapis%2Fx", "") == (
        "GetTags",
        {"resource_arn": "arn:aws:apigateway:r::/restapis/x"},
    )
    assert model.match_rest("PATCH", "/nothing/here", "") is None
    assert load_service("lambda").match_rest("POST", "/2015-03-31/functions//invocations", "") is None


def test_java_patterns_become_pythons_or_are_left_out() -> None:
    letters = compile_java_pattern(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)")
    assert letters is not None
    assert letters.fullmatch("Größe 1") and not letters.fullmatch("a!")
    assert compile_java_pattern("[a-z&&[^x]") is None


def test_a_pattern_with_nested_repeats_is_not_run_on_a_hostile_text() -> None:
    breaks = _pattern_breaks(re.compile("(a+)+b"), "(a+)+b")
    assert breaks("ac")
    assert not breaks("a" * 5000), "unchecked, and at once"


@pytest.mark.parametrize("value", [None, True, -1, 2**40, 1.5, "ü", b"\x00", [1, [2]], {"a": {"b": []}}])
def test_cbor_round_trips(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "data", [b"", b"\x9f", b"\xff", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x81" * 1000, b"\xa1\x01\x02"]
)
def test_broken_cbor_is_refused(data: bytes) -> None:
    with pytest.raises(CborError):
        decode(data)


def test_lambda_errors_carry_type_and_the_models_message_key() -> None:
    operation = load_service("lambda").operation("Invoke")
    missing = operation.serialize_error(AwsError("ResourceNotFoundException", "gone"), "r")
    assert (missing.status, missing.body) == (404, b'{"Type":"User","Message":"gone"}')
    throttled = AwsError("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": "X", "retryAfterSeconds": "1"})
    answer = operation.serialize_error(throttled, "r")
    assert answer.body == b'{"Reason":"X","Type":"User","message":"Rate Exceeded."}'
    assert ("Retry-After", "1") in answer.headers
