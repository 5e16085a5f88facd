r"""Selection expressions: text with variables such as `${request.body.action}`, evaluated once to a key. Pure.

Source: AWS, apigateway-websocket-api-selection-expressions: `$` begins a variable, braces bound it, `\$` is a dollar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.services.apigateway.gateway import jsonpath
from emulator.services.apigateway.gateway.patterns import matches
from emulator.services.apigatewayv2.model import DEFAULT, Document

_VARIABLE = re.compile(
    r"\\(\$)|\$\{([^}]+)\}|\$((?:request|integration|context|stageVariables)(?:\.[A-Za-z0-9_\-\[\]]+)+)"
)


def evaluate(expression: str, lookup: Callable[[str], str | None]) -> str | None:
    """The key, or None if a variable has no value. `lookup` knows the variables, such as `request.body.action`."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        if match.group(1):
            return "$"
        found = lookup(match.group(2) or match.group(3))
        if found is None:
            missing = True
        return found or ""

    key = _VARIABLE.sub(value, expression)
    return None if missing else key


def of_body(text: str, path: str) -> str | None:
    """What `request.body…` is for a message: the value as text, None if it is no JSON or has no such member."""
    if not path:
        return text
    try:
        value = jsonpath.find("$" + path, json.loads(text))
    except (ValueError, RecursionError):
        return None
    if value is jsonpath.MISSING or value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def route_key(expression: str, message: str) -> str | None:
    """The key of the route that a message asks for."""
    return evaluate(expression, request_lookup(message))


def request_lookup(message: str) -> Callable[[str], str | None]:
    """The variables that a message gives."""

    def lookup(name: str) -> str | None:
        return of_body(message, name.removeprefix("request.body")) if name.startswith("request.body") else None

    return lookup


def template_for(
    templates: Mapping[str, str], expression: str | None, lookup: Callable[[str], str | None]
) -> str | None:
    """The template that the expression selects, else `$default`; None if neither is there."""
    key = evaluate(expression, lookup) if expression else None
    if key is not None and key in templates:
        return templates[key]
    return templates.get(DEFAULT)


def response_for(responses: Mapping[str, Document], subject: str | None) -> Document | None:
    """The integration response whose `/pattern/` matches a status or an error message, else the `$default` one."""
    by_key = {response["IntegrationResponseKey"]: response for response in responses.values()}
    if subject is not None:
        for key, response in sorted(by_key.items()):
            if key != DEFAULT and matches(key[1:-1], subject):
                return response
    return by_key.get(DEFAULT)


def schema_name(models: Mapping[str, str], expression: str, message: str) -> str | None:
    """The model by which a message is validated; None if none is selected, which fails validation [D]."""
    key = evaluate(expression, request_lookup(message))
    if key is not None and key in models:
        return models[key]
    return models.get(DEFAULT)


def text_of(value: Any) -> str:
    """A context value of an authorizer as AWS shows it: text."""
    return value if isinstance(value, str) else json.dumps(value)
