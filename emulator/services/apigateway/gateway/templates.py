"""Mapping templates: which one applies, what it sees, and rendering it without holding up others (3.4, 3.5, 3.7)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from emulator.services.apigateway.gateway import jsonpath, large_bodies
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure, configuration_error
from emulator.services.apigateway.gateway.large_bodies import LARGE_BYTES
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.vtl import OverBudget, VtlError
from emulator.services.apigateway.gateway.vtl.values import MISSING, Deferred, HostObject, from_json, show, to_json
from emulator.services.apigateway.gateway.vtl.values import VtlError as ValueProblem

QUICK_BUDGET = 20_000
LONG_BUDGET = 1_000_000
"""Steps of a template on the serving loop, and, started again, in a thread."""
_LONG_ONES = ThreadPoolExecutor(max_workers=2, thread_name_prefix="templates")
"""Few at a time: each of them takes turns with the serving loop, which would wait for all."""
_NEVER = threading.Event()
_PAUSE = 0.0005
_QUICK_TEXT_BITS = 4
"""On the loop 16 characters of a text are a step, so that no more than 300 kB of them are worked on there."""


def give_way() -> None:
    """Leave the interpreter to the serving loop, which has a dozen short turns for each request, for a moment."""
    _NEVER.wait(_PAUSE)


def choose_request_template(exchange: Exchange, integration: dict[str, Any]) -> str | None:
    """The template for the request's media type, None to pass the body through, or the 415 (3.4)."""
    given = integration.get("requestTemplates") or {}
    if exchange.content_type in given:  # nearly always
        return given[exchange.content_type] or ""
    templates = {key.partition(";")[0].strip().lower(): value for key, value in given.items()}
    behaviour = integration["passthroughBehavior"]
    if exchange.content_type in templates:
        return templates[exchange.content_type] or ""
    if "$default" in templates:
        return templates["$default"] or ""
    if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and templates):
        raise Failure("UNSUPPORTED_MEDIA_TYPE")
    return None


def choose_response_template(exchange: Exchange, response: dict[str, Any]) -> tuple[str, str | None]:
    """(media type, template) for the client's Accept; a missing template passes the body through (3.5)."""
    templates = response.get("responseTemplates") or {}
    accept = exchange.header("Accept") or ""
    for candidate in (accept, "application/json", next(iter(templates), "")):
        if candidate in templates:
            return candidate, templates[candidate]
    return "application/json", None


async def render(exchange: Exchange, snapshot: Snapshot, source: str, body: str, which: str) -> str:
    """The rendered text; overrides that the template sets are kept in `exchange.context`. Raises `Failure`.

    `which` template it is, the trace says: `request template` or `response template`.
    """
    step = exchange.trace.add(which, template=source, rendered=None)
    text = step["rendered"] = await _rendered(exchange, snapshot, source, body, which)
    exchange.trace.weigh(source, text)
    return text


async def _rendered(exchange: Exchange, snapshot: Snapshot, source: str, body: str, which: str) -> str:
    template = snapshot.template(source)
    if template is None:
        raise configuration_error("Unable to transform request: the mapping template cannot be read")
    overrides: dict[str, Any] = {}
    if exchange.has_context:  # another template may have put something into it
        overrides = {name: _copied(exchange.context[name]) for name in ("requestOverride", "responseOverride")}
    try:
        if len(body) <= LARGE_BYTES:
            try:
                return template.render(_variables(exchange, body, which), QUICK_BUDGET, _QUICK_TEXT_BITS).strip()
            except OverBudget:
                exchange.forget_context()  # computed anew, without what the first try put into it
                exchange.context.update(overrides)
        work = functools.partial(template.render, _variables(exchange, body, which), LONG_BUDGET, pause=give_way)
        return (await asyncio.get_running_loop().run_in_executor(_LONG_ONES, work)).strip()
    except (VtlError, ValueProblem) as error:
        raise configuration_error(f"Unable to transform request: {error}") from None


def _copied(value: Any) -> Any:
    """A copy of maps and lists; of these few cheaper than copy.deepcopy."""
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _variables(exchange: Exchange, body: str, which: str) -> dict[str, Any]:
    return {
        "input": _Input(exchange, body, which),
        "util": _UTIL,
        "context": exchange.context if exchange.has_context else Deferred(exchange.peek, exchange.whole_context),
        "stageVariables": dict(exchange.stage_variables),
    }


class _Input(HostObject):
    """`$input` (3.4): the body, what it holds as JSON, and the request's parameters."""

    __slots__ = ("_exchange", "_parsed", "_text", "_which")

    def __init__(self, exchange: Exchange, body: str, which: str) -> None:
        self._text = body or "{}"
        super().__init__({}, {"body": self._text})
        self._exchange = exchange
        self._which = which
        self._parsed: Any = MISSING

    def method(self, name: str) -> Callable[..., Any] | None:
        """`json`, `path` and `params`."""
        if name == "json":
            return self._json
        if name == "path":
            return self._path
        return self._params if name == "params" else None

    def _document(self) -> Any:
        if self._parsed is MISSING:
            try:
                self._parsed = large_bodies.loads(self._text)
            except (ValueError, RecursionError) as problem:
                if self._which == "request template":
                    raise _no_json(problem) from None
                self._parsed = self._text
        return self._parsed

    def _find(self, path: Any) -> Any:
        try:
            return jsonpath.find(show(path), self._document())
        except jsonpath.JsonPathError as error:
            raise VtlError(str(error)) from None

    def _json(self, path: Any) -> str:
        value = self._document() if path == "$" else self._find(path)
        if value is jsonpath.MISSING:
            return '""'
        return to_json(value) if len(self._text) <= LARGE_BYTES else large_bodies.dumps(value, to_json)

    def _path(self, path: Any) -> Any:
        value = self._find(path)
        return MISSING if value is jsonpath.MISSING or value is None else from_json(value)

    def _params(self, name: Any = None) -> Any:
        exchange = self._exchange
        if name is None:
            return {
                "path": dict(exchange.path_parameters),
                "querystring": dict(exchange.single_query),
                "header": dict(exchange.single_headers),
            }
        key = show(name)
        if key in ("path", "querystring", "header"):
            return self._params()[key]
        if key in exchange.path_parameters:
            return exchange.path_parameters[key]
        if key in exchange.single_query:
            return exchange.single_query[key]
        return exchange.header(key) or ""


def _no_json(problem: Exception) -> Failure:
    """The 400 of a body that a request template wants to read as JSON; the text behind the colon is ours [K]."""
    where = f" at line {problem.lineno}, column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else ""
    return Failure("BAD_REQUEST_BODY", f"Could not parse request body into json: it is no JSON{where}")


# ── $util ───────────────────────────────────────────────────────────────────────────────────────

_ESCAPES = {
    "\\": "\\\\", '"': '\\"', "'": "\\'", "/": "\\/",
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_ESCAPED = re.compile(r"""[^ -~]|[\\"'/]""")
_ESCAPED_AT_ONCE = 64 * 1024
"""Characters after which others have a turn."""


def escape_javascript(value: Any = None) -> str:
    """Apache Commons' escapeEcmaScript: also `'` and `/`; beyond ASCII as \\uXXXX (3.7)."""
    if value is None:
        return "null"
    if value is MISSING or value == "":
        return "{}" if value == "" else ""
    text = show(value)
    if len(text) <= _ESCAPED_AT_ONCE:
        return _ESCAPED.sub(_escape, text)
    parts = range(0, len(text), _ESCAPED_AT_ONCE)
    return "".join(_ESCAPED.sub(_escape, text[part : part + _ESCAPED_AT_ONCE]) for part in parts)


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    escaped = _ESCAPES.get(char)
    if escaped is not None:
        return escaped
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04X}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04X}\\u{0xDC00 + (code & 0x3FF):04X}"


def _parse_json(text: Any) -> Any:
    try:
        return from_json(large_bodies.loads(show(text)))
    except (ValueError, RecursionError):
        raise VtlError("$util.parseJson: not JSON") from None


def _base64_decode(text: Any) -> str:
    try:
        return base64.b64decode(show(text), validate=False).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        raise VtlError("$util.base64Decode: not base64") from None


_UTIL = HostObject(
    {
        "escapeJavaScript": escape_javascript,
        "parseJson": _parse_json,
        # As Java's URLEncoder: a tilde is encoded, too, which Python never does.
        "urlEncode": lambda text: quote_plus(show(text), safe="*-._").replace("~", "%7E"),
        "urlDecode": lambda text: unquote_plus(show(text)),
        "base64Encode": lambda text: base64.b64encode(show(text).encode("utf-8", "surrogatepass")).decode(),
        "base64Decode": _base64_decode,
    }
)
