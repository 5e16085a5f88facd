"""Type MOCK: nobody is called; the request template's `statusCode` is the answer (3.13). Pure."""

from __future__ import annotations

import re
from typing import Any

from emulator.services.apigateway.gateway import large_bodies
from emulator.services.apigateway.gateway.failures import configuration_error
from emulator.services.apigateway.gateway.responses import EndpointAnswer

LARGEST_LENIENT_TEXT = 256 * 1024
"""What is no JSON is read token by token, which costs others their time; nobody writes that much by hand."""
_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
    r"|'[^'\\]*+(?:\\.[^'\\]*+)*+'?"
    r"|[{}\[\],:]"
    r"""|[^\s{}\[\],:"']+""",
    re.S,
)
"""Possessive, so that no text is read twice."""
_STATUS_CODE = re.compile("[0-9]{3}")


def mocked(rendered: bytes) -> EndpointAnswer:
    """The answer that a rendered template asks for; its JSON is read leniently, as on AWS. Raises the 500."""
    found = status_code(rendered)
    if found is None:
        raise configuration_error(
            "Unable to parse statusCode. It should be an integer that is defined in the request template."
        )
    return EndpointAnswer(found, int(found), [], b"")


def status_code(rendered: bytes) -> str | None:
    """`statusCode` of the object itself, not of one within it, or None."""
    text = rendered.decode("utf-8", "replace")
    try:
        value: Any = large_bodies.loads(text)
    except (ValueError, RecursionError):
        written = _lenient(text) if len(text) <= LARGEST_LENIENT_TEXT else None
    else:
        code = value.get("statusCode") if isinstance(value, dict) else None
        written = str(code) if isinstance(code, (int, str)) else None
    return written if written is not None and _STATUS_CODE.fullmatch(written) else None


def _lenient(text: str) -> str | None:
    """The value of `statusCode` in an object of bare or single-quoted names, the last one if there are several."""
    depth = 0
    found: str | None = None
    before = ("", "", "")
    for match in _TOKEN.finditer(text):
        token = match.group()
        if depth == 1 and token in (",", "}") and before[1] == ":" and before[0].strip("\"'") == "statusCode":
            found = before[2].strip("\"'")
        if token in ("{", "["):
            depth += 1
        elif token in ("}", "]"):
            depth -= 1
            if depth <= 0:
                break
        before = (before[1], before[2], token)
    return found
