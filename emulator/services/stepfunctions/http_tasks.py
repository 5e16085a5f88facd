"""`http:invoke`: a request to any HTTP endpoint with the credentials of an EventBridge connection, and its answer.

Decides parameters, the request and names of errors [D:call-https-apis]; sends nothing. On AWS endpoints are at https://;
here http:// is taken too, since servers on this machine have no certificate. Unverified: texts of causes, what a string
as a body becomes (it is sent as it is), and that parameters of a query given as a list are repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from emulator.services.events.authorization import Extra, Request

from .asl import data
from .asl.data import Data, Json, dumps
from .asl.messages import TaskFailed, TaskSucceeded
from .gateway_tasks import METHODS, answer, collected
from .task_parameters import invalid, missing, unsupported

_RESOURCE = re.compile(r"arn:aws[a-z-]*:states:::http:invoke")
PARAMETERS = (
    "ApiEndpoint", "Method", "Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody",
    "Transform",
)  # fmt: skip
REQUIRED = ("ApiEndpoint", "Method")
TIMEOUT_SECONDS = 60.0
"""Of the whole exchange; a hard limit of AWS."""
LARGEST_ANSWER = 262_144
LONGEST_CAUSE = 32_768
_CONNECTION = re.compile(r"arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:connection/[.\-_A-Za-z0-9]+/[-A-Za-z0-9]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FIXED = frozenset({"host", "user-agent", "range", "content-length", "transfer-encoding", "connection"})
"""Headers that are Step Functions' own, whatever a task says."""
_FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Exchange:
    """A request that was sent, for those who want to see it, and its answer if there was one."""

    request: Request
    without_secrets: Request
    """The same without what the connection adds."""
    answer: tuple[int, list[tuple[str, str]], bytes] | None = None

    def shown(self, reveal: bool) -> dict[str, dict[str, str]]:
        """`request` and `response` of TestState's inspection data; the layout of headers is that of AWS's guide."""
        sent = self.request if reveal else self.without_secrets
        protocol = urlsplit(sent.url).scheme
        found = {
            "request": {"protocol": protocol, "method": sent.method, "url": sent.url, "headers": _listed(sent.headers)}
        }
        if sent.body:
            found["request"]["body"] = sent.body.decode("utf-8", "replace")
        if self.answer is not None:
            status, headers, body = self.answer
            found["response"] = {
                "protocol": protocol,
                "statusCode": str(status),
                "statusMessage": responses.get(status, ""),
                "headers": _listed(headers),
                "body": body.decode("utf-8", "replace"),
            }
        return found


def _listed(headers: list[tuple[str, str]]) -> str:
    return f"[{', '.join(f'{name}: {value}' for name, value in headers)}]"


def is_http(resource: str) -> bool:
    """Whether a Resource is `http:invoke`."""
    return _RESOURCE.fullmatch(resource) is not None


def connection_arn(parameters: Data) -> str | None:
    """The connection that the task names."""
    values = parameters.value
    for member in ("Authentication", "InvocationConfig"):
        named = values.get(member)
        if isinstance(named, dict):
            return named.get("ConnectionArn")
    return None


def problems(parameters: Json) -> list[str]:
    """What can be said of a definition besides the names of its parameters."""
    if not isinstance(parameters, dict):
        return []
    named = ("Authentication", "Authentication.$", "InvocationConfig", "InvocationConfig.$")
    return [] if any(name in parameters for name in named) else [missing("Authentication")]


def start_problems(parameters: Data) -> list[str]:
    """Why the task cannot be started with these parameters."""
    values = parameters.value
    if not isinstance(values, dict):
        return [invalid("Parameters")]
    found = [unsupported(name) for name in values if name not in PARAMETERS]
    found += [missing(name) for name in REQUIRED if values.get(name) is None]
    fits = {
        "ApiEndpoint": lambda value: isinstance(value, str) and _is_url(value),
        "Method": lambda value: value in METHODS,
        "Headers": lambda value: _are_parameters(value) and all(_TOKEN.fullmatch(name) for name in value),
        "QueryParameters": _are_parameters,
        "Transform": lambda value: _encoding(value) is not None,
    }
    found += [invalid(name) for name, fit in fits.items() if values.get(name) is not None and not fit(values[name])]
    if not any(values.get(member) is not None for member in ("Authentication", "InvocationConfig")):
        return [*found, missing("Authentication")]
    arn = connection_arn(parameters)
    return found if isinstance(arn, str) and _CONNECTION.fullmatch(arn) else [*found, invalid("ConnectionArn")]


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _are_parameters(value: Json) -> bool:
    scalar = (str, int, float)
    return isinstance(value, dict) and all(
        isinstance(item, scalar) or (isinstance(item, list) and all(isinstance(each, scalar) for each in item))
        for item in value.values()
    )


def _encoding(transform: Json) -> tuple[bool, str] | None:
    """(whether the body is a form, how it writes lists) of `Transform`; None if it says neither."""
    if not isinstance(transform, dict) or not transform.keys() <= {"RequestBodyEncoding", "RequestEncodingOptions"}:
        return None
    encoding = transform.get("RequestBodyEncoding", "NONE")
    options = transform.get("RequestEncodingOptions", {})
    if (
        encoding not in ("NONE", "URL_ENCODED")
        or not isinstance(options, dict)
        or not options.keys() <= {"ArrayFormat"}
    ):
        return None
    lists = options.get("ArrayFormat", "INDICES")
    return (encoding == "URL_ENCODED", lists) if lists in ("INDICES", "REPEAT", "COMMAS", "BRACKETS") else None


def request(parameters: Data, extra: Extra, region: str) -> Request:
    """The request of a task that was started, with what its connection adds."""
    values: dict[str, Any] = parameters.value
    form, lists = _encoding(values.get("Transform") or {}) or (False, "INDICES")
    headers = _pairs(values.get("Headers") or {}, extra.headers)
    headers = [(name, value) for name, value in headers if name.lower() not in _FIXED]
    body = values.get("RequestBody")
    if extra.body and (body is None or isinstance(body, dict)):
        body = {**(body or {}), **extra.body}
    content = b"" if body is None else _content(body, form, lists)
    if content and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", _FORM if form else "application/json"))
    headers += [
        ("User-Agent", f"Amazon|StepFunctions|HttpInvoke|{region}"),
        ("Range", f"bytes=0-{LARGEST_ANSWER}"),
    ]
    return Request(values["Method"], _with_query(values, extra), headers, content)


def _with_query(values: dict[str, Any], extra: Extra) -> str:
    parts = urlsplit(values["ApiEndpoint"])
    added = _pairs(values.get("QueryParameters") or {}, extra.query)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def _pairs(given: dict[str, Json], winning: dict[str, str]) -> list[tuple[str, str]]:
    over = {name.lower() for name in winning}
    kept = [
        (name, _text(each))
        for name, value in given.items()
        if name.lower() not in over
        for each in (value if isinstance(value, list) else [value])
    ]
    return [*kept, *winning.items()]


def _content(body: Json, form: bool, lists: str) -> bytes:
    if form and isinstance(body, dict):
        return "&".join(part for name, value in body.items() for part in _form_parts(name, value, lists)).encode()
    return (body if isinstance(body, str) else dumps(body)).encode("utf-8", "replace")


def _form_parts(name: str, value: Json, lists: str) -> list[str]:
    """`array[0]=a&array[1]=b`, and so on; the brackets are escaped, as everything in a form."""
    if isinstance(value, dict):
        return [part for key, item in value.items() for part in _form_parts(f"{name}[{key}]", item, lists)]
    if isinstance(value, list):
        if lists == "COMMAS":
            return [f"{_escaped(name)}={','.join(_escaped(_text(item)) for item in value)}"]
        named = {"INDICES": lambda index: f"{name}[{index}]", "BRACKETS": lambda _: f"{name}[]"}
        inner = named.get(lists, lambda _: name)
        return [part for index, item in enumerate(value) for part in _form_parts(inner(index), item, lists)]
    return [f"{_escaped(name)}={_escaped(_text(value))}"]


def _escaped(text: str) -> str:
    return quote_plus(text.encode("utf-8", "replace"))


def _text(value: Json) -> str:
    return "" if value is None else value if isinstance(value, str) else dumps(value)


def signal(token: str, status: int, headers: list[tuple[str, str]], body: bytes) -> TaskSucceeded | TaskFailed:
    """The signal for an endpoint's answer; redirects are not followed."""
    text = body.decode("utf-8", "replace")
    if not 200 <= status < 300:
        return TaskFailed(token, f"States.Http.StatusCode.{status}", text[:LONGEST_CAUSE])
    return TaskSucceeded(token, Data(answer(collected(headers), text, status)))


def unreachable(token: str, cause: str) -> TaskFailed:
    """Nobody answered, or not within 60 seconds."""
    return TaskFailed(token, "States.Http.Socket", cause)


def too_large(token: str) -> TaskFailed:
    """The answer does not fit into a state's result."""
    failure = data.too_large("http")
    return TaskFailed(token, failure.error, failure.cause)
