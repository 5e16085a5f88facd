"""Parameter mappings of integrations: which keys and values AWS accepts, and what an expression refers to. Pure.

Source: AWS, http-api-parameter-mapping. The texts after `errors : [` are unverified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.http import is_header_name
from emulator.services.apigateway.model import bad_request

RESERVED = re.compile(
    r"access-control-.*|apigw-.*|authorization|connection|content-encoding|content-length|content-location|forwarded|"
    r"keep-alive|origin|proxy-authenticate|proxy-authorization|te|trailers|transfer-encoding|upgrade|x-amz-.*|"
    r"x-amzn-.*|x-forwarded-for|x-forwarded-host|x-forwarded-proto|via"
)
"""Headers that no mapping may touch; `x-amz-*` is why an HTTP API cannot choose Lambda's invocation type (4.2)."""

_KEY = re.compile(r"(append|overwrite|remove):(header|querystring)\.(.+)|(overwrite):(path)|(overwrite):(statuscode)")
_EXPRESSION = re.compile(r"\$\{([^}]+)\}")
_REFERENCE = re.compile(
    r"(?:request|response)\.header\.[^\s${}]+|request\.querystring\.[^\s${}]+|request\.path(?:\.[^\s${}]+)?"
    r"|(?:request|response)\.body(?:[.\[][^${}]+)?|context\.[A-Za-z0-9_.\-]+|stageVariables\.[A-Za-z0-9_]+"
)


@dataclass(frozen=True, slots=True)
class Change:
    """One mapping key: `append`, `overwrite` or `remove` a `header`, `querystring`, the `path` or the `statuscode`."""

    action: str
    place: str
    name: str


@lru_cache(maxsize=1024)
def parse_key(key: str, of_response: bool) -> Change:
    """What a mapping key changes. Raises AWS's 400 for a key that is none, and for a reserved header."""
    match = _KEY.fullmatch(key)
    kind = "Response" if of_response else "Request"
    if match is None:
        raise _invalid(f"Invalid {kind} Actioned Parameter: {key}")
    action = match.group(1) or match.group(4) or match.group(6)
    change = Change(action, match.group(2) or match.group(5) or match.group(7), match.group(3) or "")
    allowed = ("header", "statuscode") if of_response else ("header", "querystring", "path")
    if change.place not in allowed or (change.place == "header" and not is_header_name(change.name)):
        raise _invalid(f"Invalid {kind} Actioned Parameter: {key}")
    if change.place == "header" and RESERVED.fullmatch(change.name.lower()):
        raise _invalid(f"Operations on header {change.name.lower()} are restricted")
    return change


@lru_cache(maxsize=1024)
def parse_value(text: str) -> tuple[tuple[bool, str], ...]:
    """The parts of a mapping value: (is a reference, its path or the literal text). Raises AWS's 400."""
    if text.startswith("$") and not text.startswith("${"):
        if not _REFERENCE.fullmatch(text[1:]):
            raise _invalid(f"Invalid mapping expression specified: {text}")
        return ((True, text[1:]),)
    parts: list[tuple[bool, str]] = []
    end = 0
    for match in _EXPRESSION.finditer(text):
        if not _REFERENCE.fullmatch(match.group(1)):
            raise _invalid(f"Invalid mapping expression specified: {match.group(0)}")
        if match.start() > end:
            parts.append((False, text[end : match.start()]))
        parts.append((True, match.group(1)))
        end = match.end()
    if end < len(text):
        parts.append((False, text[end:]))
    return tuple(parts)


def check_request_mappings(mappings: dict[str, str]) -> None:
    """Raise AWS's 400 unless all are mappings of a request."""
    for key, value in mappings.items():
        change = parse_key(key, False)
        if change.action != "remove":
            parse_value(value)


def check_response_mappings(by_status: dict[str, Any]) -> None:
    """Raise AWS's 400 unless all are mappings of responses by their status."""
    for status, mappings in by_status.items():
        if not re.fullmatch(r"[2-5]\d\d", status):
            raise bad_request(f"Invalid response status code specified: {status}")
        for key, value in mappings.items():
            change = parse_key(key, True)
            if change.action != "remove":
                parse_value(value)


def _invalid(problem: str) -> AwsError:
    text = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [" + problem + "]"
    return bad_request(text)
