"""An execution in words: a line for each step with the AWS time since its start, and how it ended.

Decides what of a history people want to see first; `history` shows every event with everything in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.sfn_tools.run import Ran

LONGEST = 100
"""Characters of data in a line."""
_ENTERED = re.compile(r"(\w+)StateEntered")
_EXITED = re.compile(r"(\w+)StateExited")
_OUTCOME = re.compile(r"(Task|LambdaFunction|Activity)(Succeeded|Failed|TimedOut|Submitted)")
_ITERATION = re.compile(r"MapIteration(Started|Failed|Aborted)")
_WORDS = {"Succeeded": "answered", "Failed": "failed", "TimedOut": "timed out", "Submitted": "called, waits"}
NOT_MOCKED = re.compile(r"The task of the state '(.*)' \((arn:[^()]*)\) is not mocked\.")


def timeline(ran: Ran) -> Iterator[str]:
    """The steps of an execution, each a line."""
    start = ran.described["startDate"]
    resources: dict[int, str] = {}
    for event in ran.events:
        details = _details(event)
        # What is called is known from what was scheduled: events of functions and activities do not repeat it.
        called = details.get("resource") or resources.get(event["previousEventId"], "")
        if "resourceType" in details:
            called = f"{details['resourceType']}:{details['resource']}"
        resources[event["id"]] = called
        words = _words(event["type"], details, called)
        if words is not None:
            yield f"{_offset(event['timestamp'] - start):>13}  {words}"


def _words(kind: str, details: Mapping[str, Any], called: str) -> str | None:
    if match := _ENTERED.fullmatch(kind):
        return f"> {details['name']} ({match[1]})  {_short(details.get('input', ''))}"
    if match := _EXITED.fullmatch(kind):
        assigned = ", ".join(f"${name} = {value}" for name, value in details.get("assignedVariables", {}).items())
        return f"< {details['name']}  {_short(details.get('output', ''))}  {_short(assigned)}".rstrip()
    if match := _OUTCOME.fullmatch(kind):
        result = _short(details["output"]) if "output" in details else _failure(details)
        return f"    {called.rpartition(':function:')[2]} {_WORDS[match[2]]}  {result}".rstrip()
    if match := _ITERATION.fullmatch(kind):
        return f"    {details['name']}[{details['index']}] {match[1].lower()}"
    if kind == "EvaluationFailed":
        return f"    {_failure(details)}"
    return None


def ending(ran: Ran) -> Iterator[str]:
    """How the execution ended."""
    described = ran.described
    if described["status"] == "RUNNING":
        yield "RUNNING: nothing goes on by itself within a year of AWS time. What it waits for is the last step above."
        return
    yield f"{described['status']} after {span(described['stopDate'] - described['startDate'])}"
    if "output" in described:
        yield described["output"]
    failure = _failure(described)
    if failure:
        yield failure


def advice(ran: Ran) -> str | None:
    """How to mock the task that is not."""
    found = NOT_MOCKED.fullmatch(ran.described.get("cause", ""))
    if found is None:
        return None
    state, case = found[1], ran.plan.case or "TestCase"
    example = {
        "StateMachines": {ran.plan.name: {"TestCases": {case: {state: "Answer"}}}},
        "MockedResponses": {"Answer": {"0": {"Return": {}}}},
    }
    file = ran.plan.mocks
    where = f"Mock it in {file}" if file is not None else "Mock it in a file, and name that with --mock FILE"
    return f"{where}:\n{json.dumps(example, indent=2)}"


def history(ran: Ran) -> Iterator[str]:
    """Every event: its number, that of the event before it, AWS time and details."""
    start = ran.described["startDate"]
    for event in ran.events:
        details = _details(event)
        links = f"{event['id']:>5} ({event['previousEventId']})"
        shown = json.dumps(details, ensure_ascii=False) if details else ""
        yield f"{links:<14}{_offset(event['timestamp'] - start):>13}  {event['type']}  {shown}".rstrip()


def as_json(ran: Ran) -> dict[str, Any]:
    """For machines: the execution and its history as the API shows them."""
    return {"testCase": ran.plan.case, "execution": dict(ran.described), "events": ran.events, "coverage": ran.coverage}


def opening(ran: Ran) -> str:
    """What was run, and when in AWS time."""
    case = f", test case {ran.plan.case}" if ran.plan.case is not None else ""
    at = datetime.fromtimestamp(ran.described["startDate"], UTC).isoformat(timespec="milliseconds")
    return f"{ran.plan.name}{case}, started at {at.replace('+00:00', 'Z')} (AWS time)"


def span(seconds: float) -> str:
    """`0 s`, `1.5 s`, `1 h 0 min 2 s`."""
    seconds = round(seconds, 3)
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] if days else []
    parts += [f"{hours} h"] if days or hours else []
    return " ".join([*parts, f"{minutes} min", f"{round(rest, 3):g} s"])


def _offset(seconds: float) -> str:
    """`1.5 s`, `00:01:30`, `2d 00:00:03`: as wide as a column."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:g} s"
    rest, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(rest, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    decimals = f".{fraction:03d}" if fraction else ""
    return (f"{days}d " if days else "") + f"{hour:02d}:{minute:02d}:{second:02d}{decimals}"


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((value for name, value in event.items() if name.endswith("EventDetails")), {})


def _failure(details: Mapping[str, Any]) -> str:
    error, cause = details.get("error", ""), details.get("cause", "")
    return f"{error}: {cause}" if error and cause else f"{error}{cause}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
