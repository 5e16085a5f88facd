"""Gateway responses: what the client gets when API Gateway itself ends a request (3.9). Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.http import HttpResponse, is_header_name
from emulator.services.apigateway.gateway.remapping import remapped
from emulator.services.apigateway.model import DEFAULT_GATEWAY_TEMPLATE

ERRORS: dict[str, tuple[str, str | None]] = {
    "ACCESS_DENIED": ("AccessDeniedException", "User is not authorized to access this resource"),
    "API_CONFIGURATION_ERROR": ("InternalServerErrorException", "Internal server error"),
    "AUTHORIZER_CONFIGURATION_ERROR": ("AuthorizerConfigurationException", None),
    "AUTHORIZER_FAILURE": ("AuthorizerConfigurationException", None),
    "BAD_REQUEST_BODY": ("BadRequestException", "Invalid request body"),
    "BAD_REQUEST_PARAMETERS": ("BadRequestException", "Missing required request parameters"),
    "INTEGRATION_FAILURE": ("InternalServerErrorException", "Internal server error"),
    "INTEGRATION_TIMEOUT": ("InternalServerErrorException", "Endpoint request timed out"),
    "INVALID_API_KEY": ("ForbiddenException", "Forbidden"),
    "INVALID_SIGNATURE": ("IncompleteSignatureException", None),
    "MISSING_AUTHENTICATION_TOKEN": ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    "QUOTA_EXCEEDED": ("LimitExceededException", "Limit Exceeded"),
    "REQUEST_TOO_LARGE": ("RequestTooLargeException", "Request Too Long"),
    "THROTTLED": ("TooManyRequestsException", "Too Many Requests"),
    "UNAUTHORIZED": ("UnauthorizedException", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": ("BadRequestException", "Unsupported Media Type"),
}
"""Type → (x-amzn-ErrorType, message)."""

_NAME = r"(context|stageVariables)((?:\.[A-Za-z0-9_\-]+)+)"
_REFERENCE = re.compile(rf"\$(?:\{{{_NAME}\}}|{_NAME})")


class Failure(Exception):
    """The request ends here. `status` and `code` override the type's, `reason` is for people.

    `validation` is what is wrong with a body, for `$context.error.validationErrorString`.
    """

    def __init__(
        self,
        kind: str,
        message: str | None = None,
        status: int | None = None,
        reason: str = "",
        code: str = "",
        validation: str = "",
    ) -> None:
        super().__init__(reason or message or kind)
        self.kind = kind
        self.message = message if message is not None else ERRORS[kind][1]
        self.status = status
        self.reason = reason
        self.validation = validation
        self.code = code or ERRORS[kind][0]


def configuration_error(reason: str) -> Failure:
    """500 `Internal server error`. `reason` is seen in logs and traces only.

    AWS's reasons are known where reference or documentation has them (`Invalid endpoint address`, `No match for output
    mapping …`, `Unable to parse statusCode …`, `… header already present`, `Rate Exceeded.`, `Invalid permissions on
    Lambda function`); what templates, base64, sizes and the function's HTTP method say is ours (unverified).
    """
    return Failure("API_CONFIGURATION_ERROR", reason=reason)


def malformed_proxy_response(reason: str = "Malformed Lambda proxy response") -> Failure:
    """502 `Internal server error`."""
    return Failure("API_CONFIGURATION_ERROR", status=502, reason=reason)


def error_of(failure: Failure) -> dict[str, Any]:
    """`$context.error`."""
    return {
        "message": failure.message,
        "messageString": json.dumps(failure.message),
        "responseType": failure.kind,
        "validationErrorString": failure.validation or None,
    }


def gateway_response(
    failure: Failure, definition: dict[str, Any], variables: dict[str, Any], parameters: dict[str, str]
) -> HttpResponse:
    """The answer. `definition` is the type's gateway response, `variables` hold context and stageVariables."""
    customised = not definition["defaultResponse"]
    status = failure.status if failure.status and not customised else int(definition.get("statusCode") or 500)
    status = status if status >= 200 else 500  # a 1xx ends no request (unverified)
    templates = definition["responseTemplates"]
    content_type = "application/json" if "application/json" in templates else next(iter(templates), "application/json")
    context = {**variables["context"], "error": error_of(failure)}
    roots = {"context": context, "stageVariables": variables.get("stageVariables") or {}}

    def look_up(match: re.Match[str]) -> str:
        value: Any = roots[match.group(1) or match.group(3)]
        for name in (match.group(2) or match.group(4))[1:].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    template = templates.get(content_type)
    # AWS writes the default body of a timeout with a space after the colon [P].
    spaced = failure.kind in ("INTEGRATION_TIMEOUT", "API_CONFIGURATION_ERROR")
    if spaced and template == DEFAULT_GATEWAY_TEMPLATE:
        body = '{"message": ' + json.dumps(failure.message) + "}"
    elif failure.kind == "ACCESS_DENIED" and template == DEFAULT_GATEWAY_TEMPLATE:
        body = '{"Message":' + json.dumps(failure.message) + "}"  # with a capital M [LS]
    else:
        body = _REFERENCE.sub(look_up, template or "")
    headers = [("Content-Type", content_type), ("x-amzn-ErrorType", failure.code)]
    for target, source in definition["responseParameters"].items():
        name = target.removeprefix("gatewayresponse.header.")
        value = source[1:-1] if source.startswith("'") else parameters.get(source, "")
        if value and name != target and is_header_name(name):
            headers = [item for item in headers if item[0].lower() != name.lower()] + [(name, value)]
    return HttpResponse(status, remapped(headers), body.encode())
