"""Type MOCK: nobody is called; the request template's `statusCode` is the answer (3.13). Pure."""

from __future__ import annotations

import re

from emulator.services.apigateway.gateway.failures import configuration_error
from emulator.services.apigateway.gateway.responses import EndpointAnswer

_PIECE = re.compile(
    r"""
      (?P<member> (?P<quote>["']?) statusCode (?P=quote) \s*:\s* (?P<around>["']?) (?P<status>[0-9]{3}) (?P=around)
                  \s*(?=[,}]) )
    | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [\w$.\-]+ | [{\[] | [}\]]
    """,
    re.X | re.S,
)
"""Of JSON, read leniently: a member `statusCode` with its number, a text, a word, an opening or a closing bracket."""


def mocked(rendered: bytes) -> EndpointAnswer:
    """The answer that a rendered template asks for; its JSON is read leniently, as on AWS. Raises the 500."""
    status = _status_code(rendered.decode("utf-8", "replace"))
    if status is None:
        raise configuration_error(
            "Unable to parse statusCode. It should be an integer that is defined in the request template."
        )
    return EndpointAnswer(status, int(status), [], b"")


def _status_code(text: str) -> str | None:
    """The member `statusCode` of the object itself, not of one in it; of several the last, as JSON has it."""
    depth, status = 0, None
    for piece in _PIECE.finditer(text):
        if piece["member"] is not None:
            status = piece["status"] if depth == 1 else status
        elif piece[0] in "{[":
            depth += 1
        elif piece[0] in "}]":
            depth -= 1
    return status
