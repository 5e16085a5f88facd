"""The order in which a timeline tells what happened: by AWS time, and within one moment by cause.

In frozen time nearly all of a story is one moment, and nothing numbers what different services did in it. What is known
are links: which function a state has called, which attempt wrote a line, which call a fault has struck.
"""

from __future__ import annotations

import json
from typing import Any


def in_order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By milliseconds, which is what logs have, and by cause within one.

    What a state called follows it, with the lines that it wrote; what no state called came from outside and leads.
    """
    moments: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        moments.setdefault(int(event["at"] * 1000), []).append(event)
    return [event for moment in sorted(moments) for event in _by_cause(moments[moment])]


def called_by(event: dict[str, Any]) -> str:
    """The function that an event of a history schedules, `mail` if it asks for one; else empty."""
    if event["type"] == "LambdaFunctionScheduled":
        return _name(event["lambdaFunctionScheduledEventDetails"]["resource"])
    if event["type"] != "TaskScheduled":
        return ""
    details = event["taskScheduledEventDetails"]
    service = str(details.get("resourceType", ""))
    if service.endswith(("ses", "sesv2")):
        return "mail"
    try:
        parameters = json.loads(details.get("parameters", "{}"))
    except ValueError:  # cut where it was too long
        return ""
    return _name(str(parameters.get("FunctionName", ""))) if service == "lambda" else ""


def _name(function: str) -> str:
    return function.split(":")[6] if function.count(":") > 5 else function.partition(":")[0]


def _by_cause(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    waiting: dict[str, list[list[dict[str, Any]]]] = {}
    lines: dict[str, list[dict[str, Any]]] = {}
    strikes: dict[str, list[dict[str, Any]]] = {}
    first = [event for event in events if event["kind"] == "request"]
    for event in events:
        if event["kind"] == "log":
            lines.setdefault(event["request_id"], []).append(event)
        elif event["kind"] == "fault":
            strikes.setdefault(event["struck"], []).append(event)
    runs: list[tuple[str, list[dict[str, Any]]]] = []
    for event in events:
        if event["kind"] == "attempt":
            name = event["function_name"]
            struck = [strikes[name].pop(0)] if strikes.get(name) and event["outcome"] != "success" else []
            run = [*struck, event, *lines.pop(event["request_id"], [])]
            runs.append((name, run))
        elif event["kind"] == "mail":
            runs.append(("mail", [event]))
    for name, run in runs:
        waiting.setdefault(name, []).append(run)
    told: list[dict[str, Any]] = []
    called: set[int] = set()
    for event in events:
        if event["kind"] != "state":
            continue
        if event["text"]:
            told.append(event)
        if waiting.get(event["calls"]):
            run = waiting[event["calls"]].pop(0)
            called.add(id(run))
            told += run
    first += [event for left in strikes.values() for event in left]
    first += [event for name, run in runs if name != "mail" and id(run) not in called for event in run]
    first += [event for left in lines.values() for event in left]
    last = [event for name, run in runs if name == "mail" and id(run) not in called for event in run]
    return [*first, *told, *last]
