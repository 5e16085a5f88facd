"""What happened, read back through AWS's own APIs and the inbox: attempts, states and emails as moments in time.

Decides how an observation is worded and to whose request it belongs. It changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulator.demo.deploy import Deployed
from emulator.demo.session import Session

ANSWERED, ATTEMPT_BEGINS, STARTED, ATTEMPT_ENDS, STATES, MAILED = 0.0, 1.0, 2.0, 3.0, 10.0, 1e6


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """Something that happened."""

    at: float
    """AWS time, epoch seconds."""
    rank: float
    """Order of what happens at the same time: clients, then attempts, then states by their event id."""
    whose: str
    """The recipient that the request named: the one thing which follows a report all the way."""
    text: str


def executions(session: Session, deployed: Deployed) -> list[tuple[str, list[dict[str, Any]]]]:
    """(recipient, history) of every execution of the state machine."""
    states = session.client("stepfunctions")
    found: list[tuple[str, list[dict[str, Any]]]] = []
    for item in states.list_executions(stateMachineArn=deployed.state_machine_arn)["executions"]:
        events = states.get_execution_history(executionArn=item["executionArn"], maxResults=1000)["events"]
        recipient = json.loads(events[0]["executionStartedEventDetails"]["input"])["recipient"]
        found.append((recipient, events))
    return found


def state_moments(histories: Iterable[tuple[str, list[dict[str, Any]]]]) -> list[Moment]:
    """Starts, states, failed tasks and ends of executions."""
    moments: list[Moment] = []
    for whose, events in histories:
        for event in events:
            text = _describe(event)
            if text is not None:
                moments.append(Moment(event["timestamp"].timestamp(), _rank(event), whose, text))
    return moments


def _rank(event: dict[str, Any]) -> float:
    """An execution starts while the function that starts it still runs; its states come after."""
    return STARTED if event["type"] == "ExecutionStarted" else STATES + event["id"]


def _describe(event: dict[str, Any]) -> str | None:
    kind: str = event["type"]
    if kind == "ExecutionStarted":
        return "state machine starts"
    if kind.endswith("StateEntered"):
        return f"state {event['stateEnteredEventDetails']['name']}"
    if kind == "TaskFailed":
        details = event["taskFailedEventDetails"]
        return f"  task failed: {details.get('error', '')}"
    if kind.startswith("Execution"):
        return f"state machine {kind.removeprefix('Execution').lower()}"
    return None


def attempt_moments(session: Session, deployed: Deployed, requests: dict[str, str]) -> list[Moment]:
    """Attempts of the submit function; `requests` maps an invocation type to whose request it served."""
    moments: list[Moment] = []
    for attempt in session.get("timeline")["invocations"]:
        whose = requests.get(attempt["invocation_type"])
        if attempt["function_arn"].startswith(deployed.functions["submit"]) and whose is not None:
            number = f"attempt {attempt['attempt']}"
            moments.append(Moment(attempt["started_at"], ATTEMPT_BEGINS, whose, f"function submit: {number} starts"))
            outcome = "succeeds" if attempt["outcome"] == "success" else attempt["outcome"].replace("_", " ")
            moments.append(Moment(attempt["ended_at"], ATTEMPT_ENDS, whose, f"function submit: {number} {outcome}"))
    return moments
