"""Reading a group as it grows, for `emulator logs`: by arrival, so that nothing is missed and nothing comes twice.

Not an AWS operation. Decides which group a person means by a name, and what they might have meant.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.ports import Transaction
from emulator.services.logs import store
from emulator.services.logs.model import milliseconds
from emulator.services.logs.patterns import InvalidPattern, Pattern, compile_pattern

BATCHES_AT_ONCE = 500
NEAR_NAMES = 5


class NoGroup(Exception):
    """There is no such group; `near` are names that look like it."""

    def __init__(self, name: str, near: list[str]) -> None:
        super().__init__(f"There is no function and no log group {name}.")
        self.near = near


@dataclass(frozen=True, slots=True)
class Question:
    """What is read: a function or group, after which write, events from how many seconds ago at most."""

    name: str
    after: int = 0
    since_seconds: float | None = None
    pattern: str = ""


def read(tx: Transaction, services: Services, scope: Scope, question: Question) -> dict[str, Any]:
    """Events by time, `next` for the next question's `after`, and whether `more` is there already.

    Raises NoGroup, and ValueError for a pattern that is none.
    """
    try:
        pattern = compile_pattern(question.pattern) if question.pattern.strip() else None
    except InvalidPattern as problem:
        raise ValueError(f"{question.pattern} is no filter pattern: {problem}") from None
    name = _group_named(tx, services, scope, question.name)
    if name is None:
        raise NoGroup(question.name, _near_names(tx, scope, question.name))
    group = store.get_group(tx, scope, name)
    since = 0 if question.since_seconds is None else max(0, milliseconds(tx.now - question.since_seconds))
    batches: list[store.Batch] = []
    if group is not None:
        since = max(since, group.oldest_kept(milliseconds(tx.now)))
        batches = store.batches_after(tx, group.id, question.after, since, BATCHES_AT_ONCE)
    more = len(batches) == BATCHES_AT_ONCE
    return {
        "group": name,
        "events": _events(tx, batches, since, pattern),
        "next": batches[-1].id if more else store.newest_batch(tx),
        "more": more,
    }


def _events(tx: Transaction, batches: list[store.Batch], since: int, pattern: Pattern | None) -> list[dict[str, Any]]:
    names = {stream: store.stream_name(tx, stream) for stream in {batch.stream_id for batch in batches}}
    events = [
        {"timestamp": at, "stream": names[batch.stream_id], "message": message}
        for batch in batches
        for at, message in batch.events
        if at >= since and (pattern is None or pattern.matches(message))
    ]
    events.sort(key=lambda event: event["timestamp"])
    return events


def _group_named(tx: Transaction, services: Services, scope: Scope, name: str) -> str | None:
    """A group by its name, or a function's group, which may not have been written to yet."""
    if store.get_group(tx, scope, name) is not None:
        return name
    lambda_ = services.get("lambda")
    configuration = lambda_.transactional("GetFunctionConfiguration") if lambda_ is not None else None
    if configuration is not None:
        try:
            found = configuration(tx, scope, {"FunctionName": name})
        except AwsError:
            found = {}
        logging = found.get("LoggingConfig") or {}
        if "LogGroup" in logging:
            return logging["LogGroup"]
    written = f"/aws/lambda/{name}"  # of a function that has been deleted
    return written if store.get_group(tx, scope, written) is not None else None


def _near_names(tx: Transaction, scope: Scope, name: str) -> list[str]:
    names = [group.name.removeprefix("/aws/lambda/") for group in store.groups(tx, scope, "")]
    near = difflib.get_close_matches(name, names, NEAR_NAMES, 0.5)
    near += [each for each in names if name.lower() in each.lower() and each not in near]
    return (near or names)[:NEAR_NAMES]
