"""Log events: written, read forwards and backwards, searched."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import model, reading, store
from emulator.services.logs.model import LogGroup, StoredEvent, milliseconds
from emulator.services.logs.operations.state import (
    LogsState,
    make_token,
    read_token,
    require_group,
    require_pattern,
    require_stream,
)
from emulator.services.logs.operations.streams import sequence_token
from emulator.services.logs.patterns import Pattern

MOST_SEARCHED = 100_000
"""Events that one FilterLogEvents looks at before it answers with what it has and a token, as AWS may too [D]."""
MOST_SEARCHED_BYTES = 16 * 1024 * 1024

LATEST_MS = 4_000_000_000_000
"""No event is later; a position with this time still has 56 digits."""

_TOKEN = re.compile(r"([fb])/(\d{56})/s")


class EventOperations(LogsState):
    """The operations on log events."""

    def put_log_events(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Append events to a stream; those too old or too new are left out and reported."""
        group = require_group(tx, scope, request)
        stream = require_stream(tx, group, request["logStreamName"])
        if request.get("entity"):
            raise NotEmulated("logs", "PutLogEvents with entity")
        events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
        times = [at for at, _ in events]
        model.check_batch(times, [model.weight(message) for _, message in events])
        now = milliseconds(tx.now)
        rejected = model.sort_out(times, now, group.oldest_kept(now))
        kept = events[rejected.start : rejected.end]
        if kept:
            self.ingest.append(tx, scope, group.name, stream.name, kept)
        answer: dict[str, Any] = {"nextSequenceToken": sequence_token(stream.id, now)}
        if rejected.info:
            answer["rejectedLogEventsInfo"] = rejected.info
        return answer

    def get_log_events(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A page of one stream. A token that comes back unchanged is the end, for now."""
        group = require_group(tx, scope, request)
        stream = require_stream(tx, group, request["logStreamName"])
        owner = reading.one_stream(stream.id)
        since, until = _span(tx, group, request)
        limit = request.get("limit") or model.LARGEST_PAGE_EVENTS
        direction, number = _read_position(request.get("nextToken"), bool(request.get("startFromHead")))
        if direction == "f":
            found: Iterable[StoredEvent] = reading.forward(tx, owner, max(since, model.time_of(number)), until)
            events = _take((event for event in found if event.position.number > number), limit)
        else:
            before = until if number < 0 else min(until, model.time_of(number) + 1)
            found = reading.backward(tx, owner, since, before)
            events = _take((event for event in found if number < 0 or event.position.number < number), limit)
            events.reverse()
        forward_token, backward_token = _tokens(events, direction, number, since)
        return {
            "events": [
                {"timestamp": event.position.at, "message": event.message, "ingestionTime": event.ingested_at}
                for event in events
            ],
            "nextForwardToken": forward_token,
            "nextBackwardToken": backward_token,
        }

    def filter_log_events(
        self,
        tx: Transaction,
        scope: Scope,
        request: dict[str, Any],
        most: int = MOST_SEARCHED,
        room: int = model.LARGEST_PAGE_BYTES,
    ) -> dict[str, Any]:
        """Events of a whole group, or of some streams, that a pattern chooses.

        It looks at `most` events and answers with `room` bytes of them; one event fits into an empty page always.
        """
        group = require_group(tx, scope, request)
        pattern_text = request.get("filterPattern") or ""
        pattern = require_pattern(pattern_text) if pattern_text.strip() else None
        limit = request.get("limit") or model.LARGEST_PAGE_EVENTS
        token = read_token(request.get("nextToken"))
        ascending, number = _read_search(token, request.get("startFromHead") is not False)
        since, until = _span(tx, group, request)
        until += 1  # endTime is part of the span here, and not of GetLogEvents' [D]
        if number is not None:
            since = max(since, model.time_of(number)) if ascending else since
            until = until if ascending else min(until, model.time_of(number) + 1)
        found = self._searched(tx, group, request, since, until, ascending)
        if number is not None:
            found = (event for event in found if (event.position.number > number) == ascending)
            found = (event for event in found if event.position.number != number)
        begun = None if number is None else model.digits(number)
        events, last = _search(found, pattern, _Bounds(limit, most, room), begun)
        names = _Names(tx)
        return {
            "events": [
                {
                    "logStreamName": names.of(event.stream_id),
                    "timestamp": event.position.at,
                    "message": event.message,
                    "ingestionTime": event.ingested_at,
                    "eventId": event.position.event_id,
                }
                for event in events
            ],
            "searchedLogStreams": [],  # no longer filled [D]
            "nextToken": None if last is None else make_token(["a" if ascending else "d", last]),
        }

    def _searched(
        self, tx: Transaction, group: LogGroup, request: dict[str, Any], since: int, until: int, ascending: bool
    ) -> Iterator[StoredEvent]:
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
        if names and prefix:
            raise model.invalid("logStreamNamePrefix and logStreamNames cannot be specified at the same time")
        read = reading.forward if ascending else reading.backward
        if names:
            streams = [require_stream(tx, group, name) for name in dict.fromkeys(names)]
            parts = [read(tx, reading.one_stream(stream.id), since, until) for stream in streams]
            return heapq.merge(*parts, key=lambda event: event.position, reverse=not ascending)
        found = read(tx, reading.whole_group(group.id), since, until)
        if not prefix:
            return found
        known = _Names(tx)
        return (event for event in found if known.of(event.stream_id).startswith(prefix))


def _span(tx: Transaction, group: LogGroup, request: dict[str, Any]) -> tuple[int, int]:
    """startTime and endTime of a request, without what is expired."""
    since = max(request.get("startTime") or 0, group.oldest_kept(milliseconds(tx.now)))
    given = request.get("endTime")
    return min(since, LATEST_MS), LATEST_MS if given is None else min(given, LATEST_MS)


class _Names:
    """Names of streams by id, asked once each."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[int, str] = {}

    def of(self, stream_id: int) -> str:
        name = self._known.get(stream_id)
        if name is None:
            name = self._known[stream_id] = store.stream_name(self._tx, stream_id)
        return name


def _take(found: Iterable[StoredEvent], limit: int) -> list[StoredEvent]:
    """The first events, as many as a page holds."""
    taken: list[StoredEvent] = []
    size = 0
    for event in found:
        size += model.weight(event.message)
        if taken and size > model.LARGEST_PAGE_BYTES:
            break
        taken.append(event)
        if len(taken) == limit:
            break
    return taken


class _Bounds(NamedTuple):
    """Where one search ends."""

    limit: int
    most: int
    room: int


def _search(
    found: Iterator[StoredEvent], pattern: Pattern | None, bounds: _Bounds, last: str | None
) -> tuple[list[StoredEvent], str | None]:
    """The page's events, and where to go on if anything is left; `last` is where it begins."""
    taken: list[StoredEvent] = []
    size = searched_bytes = 0
    for searched, event in enumerate(found):
        if len(taken) == bounds.limit or searched == bounds.most or searched_bytes >= MOST_SEARCHED_BYTES:
            return taken, last
        searched_bytes += len(event.message)
        if pattern is None or pattern.matches(event.message):
            size += model.weight(event.message)
            if size > bounds.room and (taken or bounds.room < model.LARGEST_PAGE_BYTES):
                return taken, last
            taken.append(event)
        last = event.position.event_id
    return taken, None


def _read_position(token: str | None, from_head: bool) -> tuple[str, int]:
    """(direction, number of the event next to the page); -1 for the very end or beginning."""
    if token is None:
        return ("f" if from_head else "b"), -1
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise model.invalid("The specified nextToken is invalid.")
    return found.group(1), int(found.group(2))


def _tokens(events: list[StoredEvent], direction: str, number: int, since: int) -> tuple[str, str]:
    if events:
        last, first = events[-1].position.number, events[0].position.number
    elif number < 0:
        last = first = since << 144
    elif direction == "f":
        last, first = number, number + 1
    else:
        last, first = max(number - 1, 0), number
    return f"f/{model.digits(last)}/s", f"b/{model.digits(first)}/s"


def _read_search(token: Any, ascending: bool) -> tuple[bool, int | None]:
    if token is None:
        return ascending, None
    if isinstance(token, list) and len(token) == 2 and token[0] in ("a", "d") and isinstance(token[1], str):
        number = model.number_of_digits(token[1])
        if number is not None:
            return token[0] == "a", number
    raise model.invalid("The specified nextToken is invalid.")
