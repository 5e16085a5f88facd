"""`apigateway:invoke`: a request to a deployed API, and its answer as a task's result.

Decides parameters, the request, the result and names of errors [R:apigetway_task_service]; sends nothing. Which answer
is an error (400 and above), and what becomes of nulls below the top of a body, is unverified.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.scope import Scope

from .asl.data import Data, Json, dumps, loads
from .asl.messages import TaskFailed, TaskSucceeded
from .http_metadata import http_date
from .task_parameters import invalid, missing, unsupported

_RESOURCE = re.compile(r"arn:aws[a-z-]*:states:::apigateway:invoke(\.waitForTaskToken)?")
_ENDPOINT = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.[a-z0-9.-]+(:\d+)?", re.IGNORECASE)
PARAMETERS = (
    "ApiEndpoint", "Method", "Headers", "Stage", "Path", "QueryParameters", "RequestBody", "AllowNullValues",
    "AuthType",
)  # fmt: skip
REQUIRED = ("ApiEndpoint", "Method")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
AUTH_TYPES = ("NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY")
_OWN_HEADERS = frozenset(
    {
        "authorization", "connection", "content-md5", "expect", "host", "max-forwards", "proxy-authenticate", "server",
        "te", "transfer-encoding", "trailer", "upgrade", "via", "www-authenticate",
    }
)  # fmt: skip
_OWN_PREFIXES = ("x-forwarded", "x-amz", "x-amzn")
"""Headers that a task may not set [D:connect-api-gateway]."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def is_gateway(resource: str) -> bool:
    """Whether a Resource is `apigateway:invoke`."""
    return _RESOURCE.fullmatch(resource) is not None


def start_problems(parameters: Data) -> list[str]:
    """Why the task cannot be started with these parameters."""
    values = parameters.value
    if not isinstance(values, dict):
        return [invalid("Parameters")]
    problems = [unsupported(name) for name in values if name not in PARAMETERS]
    problems += [missing(name) for name in REQUIRED if values.get(name) is None]
    fits = {
        "ApiEndpoint": lambda text: isinstance(text, str) and _ENDPOINT.fullmatch(text) is not None,
        "Method": lambda text: text in METHODS,
        "Stage": lambda text: isinstance(text, str),
        "Path": lambda text: isinstance(text, str),
        "AuthType": lambda text: text in AUTH_TYPES,
        "AllowNullValues": lambda value: isinstance(value, bool),
        "Headers": _are_headers,
        "QueryParameters": _are_lists,
    }
    return problems + [
        invalid(name) for name, fit in fits.items() if values.get(name) is not None and not fit(values[name])
    ]


def _are_lists(value: Json) -> bool:
    """Names with lists of texts; one text alone is refused [R:test_invoke_with_headers[singleStringHeader]]."""
    return isinstance(value, dict) and all(
        isinstance(texts, list) and all(isinstance(text, (str, int, float)) for text in texts)
        for texts in value.values()
    )


def _are_headers(value: Json) -> bool:
    return _are_lists(value) and all(
        _TOKEN.fullmatch(name) and name.lower() not in _OWN_HEADERS and not name.lower().startswith(_OWN_PREFIXES)
        for name in value
    )


def request(parameters: Data, scope: Scope) -> HttpRequest:
    """The request of a task that was started."""
    values: dict[str, Any] = parameters.value
    endpoint = _ENDPOINT.fullmatch(values["ApiEndpoint"])
    assert endpoint is not None, "the endpoint was checked when the task started"
    api_id, region = endpoint[1].lower(), endpoint[2]
    stage, path = values.get("Stage") or "", values.get("Path") or ""
    query = [(name, _text(text)) for name, texts in (values.get("QueryParameters") or {}).items() for text in texts]
    given = [(name, _text(text)) for name, texts in (values.get("Headers") or {}).items() for text in texts]
    headers = [("Host", f"{api_id}.execute-api.{region}.localhost"), ("User-Agent", "Amazon|StepFunctions"), *given]
    body = values.get("RequestBody")
    if not values.get("AllowNullValues", False):
        body = _without_nulls(body)
    content = b"" if body is None else dumps(body).encode("utf-8", "replace")
    if content and not any(name.lower() == "content-type" for name, _ in given):
        headers.append(("Content-Type", "application/json"))
    if content:
        headers.append(("Content-Length", str(len(content))))
    if values.get("AuthType", "NO_AUTH") != "NO_AUTH":
        headers.append(("Authorization", _signature(scope, region)))
    parts = [part for part in (quote(stage, safe="$"), quote(path.lstrip("/"), safe="/%:@!$&'()*+,;=~-._")) if part]
    return HttpRequest(values["Method"], "/" + "/".join(parts), urlencode(query), headers, content, scheme="https")


def _signature(scope: Scope, region: str) -> str:
    """Whoever asks for a signature here looks whose it is, and does not verify it."""
    credential = f"{scope.account}/20260101/{region}/execute-api/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={'0' * 64}"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value)


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def signal(token: str, response: HttpResponse, now: float) -> TaskSucceeded | TaskFailed:
    """The signal for an API's answer."""
    text = response.body.decode("utf-8", "replace")
    if response.status >= 400:
        return TaskFailed(token, f"ApiGateway.{response.status}", text)
    headers = collected(
        [
            ("Connection", "keep-alive"),
            ("Content-Length", str(len(response.body))),
            ("Date", http_date(now)),
            *response.headers,
        ]
    )
    return TaskSucceeded(token, Data(answer(headers, text, response.status)))


def collected(headers: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Headers by name with all their values; of one name written in several ways the first counts."""
    found: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(names.setdefault(name.lower(), name), []).append(value)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def answer(headers: dict[str, list[str]], text: str, status: int) -> dict[str, Json]:
    """An HTTP answer as a result; its body is JSON if it can be read as such."""
    try:
        body: Json = loads(text)
    except ValueError:
        body = text
    return {"Headers": headers, "ResponseBody": body, "StatusCode": status, "StatusText": phrase(status)}


def phrase(status: int) -> str:
    """`OK`"""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
