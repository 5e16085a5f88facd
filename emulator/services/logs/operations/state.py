"""What the operations of CloudWatch Logs share: finding groups and streams, and turning pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from emulator.aws.calls import Calls
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.ingest import Ingest
from emulator.services.logs.model import LogGroup, LogStream
from emulator.services.logs.patterns import InvalidPattern, Pattern, compile_pattern

T = TypeVar("T")


class LogsState:
    """Base of the operations."""

    def __init__(self, ingest: Ingest, calls: Calls) -> None:
        self.ingest = ingest
        self.calls = calls


def require_group(tx: Transaction, scope: Scope, request: dict[str, Any]) -> LogGroup:
    """The group of `logGroupName` or `logGroupIdentifier`. Raises AWS's errors."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise model.invalid("Exactly one of logGroupName and logGroupIdentifier must be specified")
    if name is None:
        name = model.group_name_of(str(identifier))
        if name is None:
            raise model.invalid("The specified logGroupIdentifier is not valid.")
    group = store.get_group(tx, scope, name)
    if group is None:
        raise model.no_group()
    return group


def require_stream(tx: Transaction, group: LogGroup, name: str) -> LogStream:
    """A stream of a group. Raises AWS's error."""
    stream = store.get_stream(tx, group.id, name)
    if stream is None:
        raise model.no_stream()
    return stream


def require_pattern(text: str) -> Pattern:
    """A compiled filter pattern. Raises AWS's error."""
    try:
        return compile_pattern(text)
    except InvalidPattern:
        raise model.invalid("Invalid filter pattern") from None


def page(
    items: Iterable[T], request: dict[str, Any], default: int, key: Callable[[T], Any]
) -> tuple[list[T], str | None]:
    """One page of ordered items after the request's nextToken, and the token of the next. `key` tells items apart."""
    limit = request.get("limit") or default
    after = read_token(request.get("nextToken"))
    waiting = after is not None
    found: list[T] = []
    for item in items:
        if waiting:
            waiting = key(item) != after
            continue
        if len(found) == limit:
            return found, make_token(key(found[-1]))
        found.append(item)
    return found, None


def make_token(value: Any) -> str:
    """A token that says where to go on."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def read_token(token: str | None) -> Any:
    """What a token says; None without one. Raises AWS's error."""
    if token is None:
        return None
    try:
        return json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise model.invalid("The specified nextToken is invalid.") from None
