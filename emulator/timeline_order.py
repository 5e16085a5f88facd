"""The order in which a timeline tells what happened: by AWS time, and within one moment by cause.

In frozen time nearly all of a story is one moment, and nothing numbers what different services did in it. What is known
are links: which function a state has called, which attempt wrote a line, which call a fault has struck.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from emulator import faults


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
    lines, strikes, mails = _lines(events), _strikes(events), _mails(events)
    first = [event for event in events if event["kind"] == "request"]
    left = Counter(event["request_id"] for event in events if event["kind"] == "attempt")
    runs: list[tuple[str, list[dict[str, Any]]]] = []
    for event in events:
        if event["kind"] == "attempt":
            name, request_id = event["function_name"], event["request_id"]
            struck = _met_by(event, strikes.get((faults.FUNCTION, name), []))
            written = lines[request_id].pop(0) if lines.get(request_id) else []
            runs.append((name, [*struck, event, *written, *_share(mails.get(request_id, []), left[request_id])]))
            left[request_id] -= 1
    sent = [event for each in mails.values() for event in each]
    for event in events:
        if event["kind"] == "mail" and event in sent:
            runs.append(("mail", [*_met_by(event, strikes.get((faults.MAIL, event["to"]), [])), event]))
    waiting: dict[str, list[list[dict[str, Any]]]] = {}
    for name, run in runs:
        waiting.setdefault(name, []).append(run)
    told: list[dict[str, Any]] = []
    called: set[int] = set()
    for event in events:
        if event["kind"] != "state":
            continue
        if event["text"]:
            told += [event, *strikes.pop((faults.STATE, event["text"].rpartition("enters ")[2]), [])]
        if waiting.get(event["calls"]):
            run = waiting[event["calls"]].pop(0)
            called.add(id(run))
            told += run
    first += [event for others in strikes.values() for event in others]
    first += [event for name, run in runs if name != "mail" and id(run) not in called for event in run]
    first += [event for groups in lines.values() for others in groups for event in others]
    last = [event for name, run in runs if name == "mail" and id(run) not in called for event in run]
    return [*first, *told, *last]


def _lines(events: list[dict[str, Any]]) -> dict[str, list[list[dict[str, Any]]]]:
    """Lines by the request id of their attempt; apart for each run, as an event that came twice has two of one id."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for event in events:
        if event["kind"] == "log":
            found.setdefault(event["request_id"], {}).setdefault(event["run"], []).append(event)
    return {request_id: [runs[run] for run in sorted(runs)] for request_id, runs in found.items()}


def _strikes(events: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Strikes by target and name."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in events:
        if event["kind"] == "fault":
            [target] = event["fault"].keys() & faults.KINDS.keys()
            found.setdefault((target, event["struck"]), []).append(event)
    return found


def _mails(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Mail by the request id of the invocation that has sent it; what no function has sent is under an empty one."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["kind"] == "mail":
            found.setdefault(event["sender"], []).append(event)
    return found


def _share(mails: list[dict[str, Any]], runs: int) -> list[dict[str, Any]]:
    """What one of so many runs with one request id has sent, which nobody has noted: as many as each. They go."""
    share = mails[: -(-len(mails) // runs)]
    del mails[: len(share)]
    return share


def _met_by(event: dict[str, Any], pending: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the strikes at a function, or a recipient, that an attempt at it, or a mail, has met. They go."""
    met: list[dict[str, Any]] = []
    while pending:
        kind = pending[0]["fault"]["fault"]
        if kind in (faults.TWICE, faults.OUT_OF_ORDER):  # of its delivery; another may follow
            met.append(pending.pop(0))
            continue
        if kind in (faults.SLOW, faults.REFUSED) or event.get("outcome") != "success":
            met.append(pending.pop(0))
        break
    return met
