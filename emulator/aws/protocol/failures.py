"""An `AwsError` as bytes: what each protocol, and sometimes a single service, makes of an error.

Which member carries the text, which status belongs to a code and which further members exist is the model's
knowledge; the tables below hold what models do not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpResponse
from emulator.aws.protocol.cbor import encode as encode_cbor
from emulator.aws.protocol.query_names import QUERY_CODES, QUERY_TEXTS
from emulator.aws.protocol.serialize import to_json, xml_text

if TYPE_CHECKING:
    from emulator.aws.protocol.model import ServiceModel

WIRE_CODE = {("lambda", "RequestTooLargeException"): "RequestEntityTooLargeException"}
"""Codes whose wire name differs from the model's (lambda_invoke.md 1.3)."""
SHAPE_OF_CODE = {("lambda", "RequestEntityTooLargeException"): "RequestTooLargeException"}

JSON_NAMESPACE = {"stepfunctions": "com.amazonaws.swf.service.v2.model#", "sqs": "com.amazonaws.sqs#"}
"""What `__type` says before the code (stepfunctions.md 5.10 has `...#X`; the namespaces are [K])."""
CORAL_TYPES = {
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "InternalFailure": "com.amazon.coral.service#",
    "ValidationException": "com.amazon.coral.validate#",
}
ERROR_TYPE_SUFFIX = {"sesv2": ":http://internal.amazon.com/coral/com.amazonaws.sesv2/"}
"""What follows the code in x-amzn-ErrorType (email.md 6.1 [P])."""
CORAL_SHAPES = {
    ("sqs", "InvalidParameterValue"): "InvalidParameterValueException",
    ("sqs", "MissingParameter"): "MissingRequiredParameterException",
}
"""Errors that no model has: `__type` says the framework's own name, `x-amzn-query-error` the code that clients show."""


def serialize_error(
    service: ServiceModel, error: AwsError, request_id: str, protocol: str | None = None
) -> HttpResponse:
    """An error of `service` as it appears on the wire."""
    protocol = protocol or service.protocol
    named = service.error_shape(SHAPE_OF_CODE.get((service.name, error.code), error.code))
    shape: Any = named[1] if named else {}
    declared = shape.get("error", {})
    code = WIRE_CODE.get((service.name, error.code), error.code)
    status = int(declared.get("httpStatusCode", 400)) if error.status == 400 else error.status
    if protocol in ("query", "rest-xml"):
        if service.name == "sqs" and error.code in QUERY_TEXTS:
            error = AwsError(error.code, QUERY_TEXTS[error.code], error.status, error.members)
        return _xml(service, declared.get("code", code), error, status, request_id, protocol)
    body, headers = _members(service, shape, error, status)
    headers.insert(0, ("x-amzn-RequestId", request_id))
    if protocol == "rest-json":
        headers.append(("x-amzn-ErrorType", code + ERROR_TYPE_SUFFIX.get(service.name, "")))
        headers.append(("Content-Type", "application/json"))
        return HttpResponse(status, headers, to_json(body))
    if "awsQueryCompatible" in service.metadata:
        query_code = QUERY_CODES.get(code, declared.get("code", code))
        headers.append(("x-amzn-query-error", f"{query_code};{'Sender' if status < 500 else 'Receiver'}"))
    if protocol == "smithy-rpc-v2-cbor":
        name = named[0] if named else code
        headers += [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return HttpResponse(status, headers, encode_cbor({"__type": f"com.amazonaws.{service.name}#{name}", **body}))
    prefix = CORAL_TYPES.get(code, "") if not named else JSON_NAMESPACE.get(service.name, "")
    if (service.name, code) in CORAL_SHAPES:
        prefix, code = "com.amazon.coral.service#", CORAL_SHAPES[service.name, code]
    headers.append(("Content-Type", f"application/x-amz-json-{service.metadata.get('jsonVersion', '1.0')}"))
    return HttpResponse(status, headers, to_json({"__type": prefix + code, **body}))


def _members(
    service: ServiceModel, shape: Any, error: AwsError, status: int
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The error's members as body and headers; the text comes last, as AWS writes it (lambda_invoke.md 1.4)."""
    described = shape.get("members", {})
    body: dict[str, Any] = {}
    headers: list[tuple[str, str]] = []
    given = dict(error.members)
    if "Type" in described and service.name == "lambda":
        given.setdefault("Type", "User" if status < 500 else "Server")
    for name in sorted(given):
        value = given[name]
        member = described.get(name, {})
        wire = member.get("locationName", name)
        if value is None:
            continue
        if member.get("location") == "header":
            headers.append((wire, str(value)))
        else:
            body[wire] = value
    key = error.message_key
    if key is None:
        for name, member in described.items():
            if name.lower() == "message":
                key = member.get("locationName", name)
    body[key or "message"] = error.message if error.tells else None
    return body, headers


def _xml(
    service: ServiceModel, code: str, error: AwsError, status: int, request_id: str, protocol: str
) -> HttpResponse:
    extra = "".join(
        f"<{name}>{xml_text(str(value))}</{name}>" for name, value in error.members.items() if value is not None
    )
    text, identifier = xml_text(error.message), xml_text(request_id)
    if protocol == "rest-xml" and service.name == "s3":
        inner = f"<Code>{xml_text(code)}</Code><Message>{text}</Message>{extra}<RequestId>{identifier}</RequestId>"
        document = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
        content_type = "application/xml"
    else:
        namespace = service.metadata.get("xmlNamespace")
        xmlns = f' xmlns="{namespace}"' if isinstance(namespace, str) else ""
        kind = "Sender" if status < 500 else "Receiver"
        document = (
            f"<ErrorResponse{xmlns}><Error><Type>{kind}</Type><Code>{xml_text(code)}</Code><Message>{text}</Message>"
            f"{extra}</Error><RequestId>{identifier}</RequestId></ErrorResponse>"
        )
        content_type = "text/xml"
    return HttpResponse(status, [("x-amzn-RequestId", request_id), ("Content-Type", content_type)], document.encode())
