"""What a function's result means to the client: payload formats 2.0 and 1.0 (4.5). Pure."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.http import HttpResponse
from emulator.aws.http_payload import Malformed, response_of
from emulator.services.apigatewayv2.gateway.failures import Failure

DEFAULT_TYPE = "text/plain; charset=utf-8"
"""Of an answer with a status and no content type [P: aws-lambda-dotnet's tests against AWS]."""
_MEMBERS_1 = frozenset(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"))


def from_result(payload: bytes, version: str, function_request_id: str = "") -> HttpResponse:
    """The response for a function's JSON. Raises the 500, whose reason names the invocation as AWS's does."""
    try:
        return response_of(payload, DEFAULT_TYPE, strict_body=True) if version == "2.0" else _from_1(payload)
    except Malformed:
        text = "The response from the Lambda function doesn't match the format that API Gateway expects."
        number = f" Lambda request ID: {function_request_id}" if function_request_id else ""
        raise Failure(500, text + number) from None


def _from_1(payload: bytes) -> HttpResponse:
    """The contract of REST APIs, but for `cookies` and binary bodies, which need no media types here."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(answer, dict) or not answer.keys() <= _MEMBERS_1:
        raise Malformed
    members: dict[str, Any] = {**answer, "statusCode": answer.get("statusCode") or 200}
    several = members.pop("multiValueHeaders", None) or {}
    if not isinstance(several, dict) or not all(isinstance(values, list) for values in several.values()):
        raise Malformed
    singles = members.get("headers") or {}
    if not isinstance(singles, dict):
        raise Malformed
    # Each value is checked as a single one is; a name in both counts once, with its list [R of REST APIs].
    headers: list[tuple[str, str]] = []
    for name, values in several.items():
        for value in values:
            headers += [
                pair for pair in response_of(_one(name, value), "none").headers if pair != ("Content-Type", "none")
            ]
    members["headers"] = {name: value for name, value in singles.items() if name not in several}
    response = response_of(json.dumps(members).encode(), DEFAULT_TYPE, strict_body=True)
    if any(name.lower() == "content-type" for name, _ in headers):
        response.headers = [pair for pair in response.headers if pair[0].lower() != "content-type"]
    response.headers = headers + response.headers
    return response


def _one(name: str, value: Any) -> bytes:
    return json.dumps({"statusCode": 200, "headers": {name: value}}).encode()
