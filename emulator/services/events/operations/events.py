"""PutEvents and TestEventPattern."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.calls import SERVICE_MEMBER, TRACE_MEMBER
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import compile_pattern
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.events import store
from emulator.services.events.model import DEFAULT_BUS, Bus, Rule, as_text, bus_of, event_of, invalid
from emulator.services.events.model import LARGEST_REQUEST_BYTES as LARGEST
from emulator.services.events.operations.rules import check_pattern
from emulator.services.events.routing import Journey, Router

TIME_BYTES = 14
"""What an entry's Time counts for in the size of a request (EventBridge user guide, PutEvents entry size)."""


class EventOperations:
    """EventBridge's operations on events."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def has_listeners(self, tx: Transaction, scope: Scope, known: Mapping[str, Any]) -> bool:
        """Whether the default bus gives events with these members to anybody: a quick look for services that would
        tell it of much."""
        return self._router.awaits(tx, Bus(scope, DEFAULT_BUS), known)

    def put_events(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Accept events, each on its own; targets have them when this is committed."""
        if request.get("EndpointId"):
            raise NotEmulated("events", "PutEvents", "global endpoints")
        entries: list[dict[str, Any]] = request["Entries"]
        if sum(map(_size, entries)) > LARGEST:
            raise invalid("Total size of the entries in the request is over the limit.")
        trace_id: str = request.get(TRACE_MEMBER) or ""
        from_service = request.get(SERVICE_MEMBER) is True
        rules: dict[str, list[Rule]] = {}
        answers: list[dict[str, Any]] = []
        for entry in entries:
            problem = _problem(entry, from_service)
            answers.append(problem or {"EventId": self._publish(tx, scope, entry, trace_id, rules)})
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _publish(
        self,
        tx: Transaction,
        scope: Scope,
        entry: dict[str, Any],
        trace_id: str,
        rules: dict[str, list[Rule]],
    ) -> str:
        """Give an accepted entry to its bus and return its id. A bus that does not exist takes it to nobody.

        `rules` remembers the rules of the buses of this request, by ARN.
        """
        where, name = bus_of(scope, entry.get("EventBusName"))
        identifier = tx.new_id()
        at = entry.get("Time")
        event = event_of(
            scope,
            identifier,
            tx.now if at is None else _seconds(at, tx.now),
            entry["Source"],
            entry["DetailType"],
            json.loads(entry["Detail"]),
            list(entry.get("Resources") or []),
        )
        bus = Bus(where, name)
        if bus.arn not in rules:
            exists = name == DEFAULT_BUS or store.find_bus(tx, where, name) is not None
            if not exists:
                return identifier
            rules[bus.arn] = store.pattern_rules(tx, where, name)
        self._router.route(
            tx, where, name, event, Journey(trace_id=entry.get("TraceHeader") or trace_id), rules=rules[bus.arn]
        )
        return identifier

    def test_event_pattern(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Whether a pattern matches an event, which must have the members of one."""
        try:
            event = json.loads(request["Event"])
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise AwsError("ValidationException", "Parameter Event is not valid.")
        for member in ("id", "account", "source", "time", "region", "resources", "detail-type"):
            if member not in event:
                raise AwsError("ValidationException", "Parameter Event is not valid.")
        check_pattern(request["EventPattern"])
        return {"Result": compile_pattern(request["EventPattern"]).matches(event)}


def _problem(entry: dict[str, Any], from_service: bool) -> dict[str, Any] | None:
    """Why an entry is not accepted, as its answer, or None."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
            return _failed("InvalidArgument", reason)
    if not _is_detail(entry["Detail"]):
        return _failed("MalformedDetail", "Detail is malformed.")
    if entry["Source"].startswith("aws.") and not from_service:
        return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
    return None


def _failed(code: str, text: str) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorMessage": text}


def _is_detail(text: str) -> bool:
    """Whether a text is a JSON object that can be written as JSON again."""
    try:
        detail = json.loads(text)
        as_text({"detail": [detail]})  # as deep as it will lie in what targets receive
    except (ValueError, RecursionError):
        return False
    return isinstance(detail, dict)


def _seconds(at: Any, now: float) -> float:
    """An entry's Time; one that no calendar has is taken as now."""
    seconds = at.timestamp() if hasattr(at, "timestamp") else float(at)
    return seconds if 0 <= seconds < 253_402_300_800 else now


def _size(entry: dict[str, Any]) -> int:
    """Bytes of an entry as EventBridge counts them."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    size = sum(len(text.encode("utf-8", "replace")) for text in texts if text)
    return size + (TIME_BYTES if entry.get("Time") is not None else 0)
