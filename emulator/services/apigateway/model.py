"""What a REST API is, and the rules of AWS that need nothing but values.

An API is one document; a deployment is a frozen copy of it. Knows nothing of SQL, HTTP or time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.apigateway.model_schema import draft4_problem

HTTP_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
DEFAULT_GATEWAY_TEMPLATE = '{"message":$context.error.messageString}'

GATEWAY_RESPONSE_STATUS: dict[str, str | None] = {
    "ACCESS_DENIED": "403",
    "API_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_FAILURE": "500",
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": "403",
    "INTEGRATION_FAILURE": "504",
    "INTEGRATION_TIMEOUT": "504",
    "INVALID_API_KEY": "403",
    "INVALID_SIGNATURE": "403",
    "MISSING_AUTHENTICATION_TOKEN": "403",
    "QUOTA_EXCEEDED": "429",
    "REQUEST_TOO_LARGE": "413",
    "RESOURCE_NOT_FOUND": "404",
    "THROTTLED": "429",
    "UNAUTHORIZED": "401",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "WAF_FILTERED": "403",
}
"""Gateway response types in AWS's listing order, with their default status [R:test_gateway_response_crud]."""


@dataclass(slots=True)
class Api:
    """A REST API being edited. Members are in boto3's shape."""

    id: str
    account: str
    region: str
    settings: dict[str, Any]
    """name, description, binaryMediaTypes, endpointConfiguration, …: what GetRestApi shows except the id."""
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    validators: dict[str, dict[str, Any]] = field(default_factory=dict)
    gateway_responses: dict[str, dict[str, Any]] = field(default_factory=dict)
    authorizers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """Whose API it is."""
        return Scope(self.account, self.region)

    def to_json(self) -> str:
        """The document as it is kept, and as a deployment freezes it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Api:
        """The inverse of `to_json`."""
        return Api(**json.loads(text))


def bad_request(message: str) -> AwsError:
    """AWS's BadRequestException."""
    return AwsError("BadRequestException", message, 400)


def not_found(message: str) -> AwsError:
    """AWS's NotFoundException."""
    return AwsError("NotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    """AWS's ConflictException."""
    return AwsError("ConflictException", message, 409)


def short_id(uuid_text: str, length: int) -> str:
    """An id of lower-case letters and digits, as API Gateway's are, from a fresh UUID."""
    number = int(uuid_text.replace("-", ""), 16)
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    for _ in range(length):
        number, digit = divmod(number, 36)
        text += digits[digit]
    return text


def default_models(ids: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """The models `Empty` and `Error` that every API has [R:test_model_lifecycle]."""
    draft4 = "http://json-schema.org/draft-04/schema#"
    empty = {"$schema": draft4, "title": "Empty Schema", "type": "object"}
    error = {
        "$schema": draft4,
        "title": "Error Schema",
        "type": "object",
        "properties": {"message": {"type": "string"}},
    }
    return {
        name: {
            "id": model_id,
            "name": name,
            "description": f"This is a default {name.lower()} schema model",
            "schema": json.dumps(schema, indent=2),
            "contentType": "application/json",
        }
        for name, schema, model_id in (("Empty", empty, ids[0]), ("Error", error, ids[1]))
    }


# ── resources ───────────────────────────────────────────────────────────────────────────────────

_PATH_PART = re.compile(r"^(\{[A-Za-z0-9._\-:]+\+?\}|[A-Za-z0-9._\-:$~@!*'(),;=&+%]+)$")


def is_status(text: str) -> bool:
    """Whether a text is a status code, as the service model says of `StatusCode`."""
    return re.fullmatch(r"[1-5]\d\d", text, re.ASCII) is not None


def is_variable(part: str) -> bool:
    """Whether a path part is `{name}` or `{name+}`."""
    return part.startswith("{")


def is_greedy(part: str) -> bool:
    """Whether a path part is `{name+}`."""
    return part.startswith("{") and part.endswith("+}")


def child_path(parent_path: str, part: str) -> str:
    """The full path of a resource."""
    return ("" if parent_path == "/" else parent_path) + "/" + part


def children(api: Api) -> dict[str, list[dict[str, Any]]]:
    """Resources by the id of the one they stand under."""
    below: dict[str, list[dict[str, Any]]] = {}
    for item in api.resources.values():
        if "parentId" in item:
            below.setdefault(item["parentId"], []).append(item)
    return below


def check_child(parent: dict[str, Any], part: str, siblings: Iterable[dict[str, Any]]) -> None:
    """Raise AWS's error unless a resource `part` may stand under `parent`, where `siblings` are
    [R:test_create_proxy_resource_validation]."""
    if not _PATH_PART.match(part):
        raise bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
            "beginning and the end."
        )
    if is_greedy(parent.get("pathPart", "")):
        raise bad_request(f"Cannot create a child of a resource with a greedy path variable: {parent['pathPart']}")
    for other in siblings:
        if other["pathPart"] == part:
            raise conflict(f"Another resource with the same parent already has this name: {part}")
        if is_variable(part) and is_variable(other["pathPart"]):
            raise bad_request(
                f"A sibling ({other['pathPart']}) of this resource already has a variable path part -- "
                "only one is allowed"
            )


def descendants(api: Api, resource_id: str) -> list[str]:
    """Ids of a resource and everything below it."""
    below = children(api)
    found = [resource_id]
    for current in found:
        found.extend(item["id"] for item in below.get(current, ()))
    return found


def refresh_paths(api: Api, resource_id: str) -> None:
    """Compute `path` anew for a resource and everything below it."""
    for current in descendants(api, resource_id):
        resource = api.resources[current]
        if "parentId" in resource:
            resource["path"] = child_path(api.resources[resource["parentId"]]["path"], resource["pathPart"])


# ── integrations ────────────────────────────────────────────────────────────────────────────────

_LAMBDA_URI = re.compile(
    r"^arn:[a-z\-]+:apigateway:[^:]*:lambda:path/(?:\d{4}-\d\d-\d\d|/?2015-03-31)/functions/(?P<function>.+)/"
    r"(?:response-streaming-)?invocations$"
)


def lambda_function_of(uri: str) -> str | None:
    """The function (ARN or name, maybe qualified, maybe with stage variables) that an integration URI names."""
    match = _LAMBDA_URI.match(uri)
    return match.group("function") if match else None


def is_model_name(name: str) -> bool:
    """Whether a model can have this name."""
    return name.isascii() and name.isalnum()


def schema_problem(schema: str | None, content_type: str) -> str | None:
    """Why a model's schema is not acceptable [R:test_model_validation]."""
    message = "Model schema must have at least 1 property or array items defined"
    if not schema:
        return message
    if content_type.startswith("application/json"):
        try:
            parsed = json.loads(schema)
        except (ValueError, RecursionError):
            return "Invalid model schema specified. " + "The schema is not valid JSON."
        if not isinstance(parsed, dict):
            return message
        return draft4_problem(parsed)
    return None
