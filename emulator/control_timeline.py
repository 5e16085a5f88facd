"""`/_emulator/timeline`: what has happened in an account, in the order of AWS time, and what is due next.

Requests to deployed APIs, attempts at functions and what they logged, executions and their states, mail, faults that
have struck. Plain functions of an emulator, like control_worlds.py's; each service is asked by its own operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator import control_worlds, jobs, timeline_order, worlds
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import inbox
from emulator.services.ses.inbox import Search

if TYPE_CHECKING:
    from emulator.app import Emulator

MOST_LINES = 1000
"""Log events of one function's group that are shown."""
MOST_NEXT = 100
_START = "START RequestId: "
_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START ")
_FOR_THE_ORDER = ("calls", "run", "sender", "to")
"""Members by which timeline_order.py knows what came of what."""
_ENDS = ("Succeeded", "Failed", "TimedOut", "Aborted")


async def timeline(emulator: Emulator, account: str = "", region: str = "") -> dict[str, Any]:
    """`events` in their order, each with `at` (AWS epoch seconds), `kind`, `text` and what is known of it; `next`: what
    is due. With an account, in all its regions unless one is named; `invocations` are the attempts at functions, of
    everybody if no account is named.
    """
    if not account:
        return {"invocations": await emulator.recent_invocations()}

    def read(tx: Transaction) -> dict[str, Any]:
        recent, scopes = emulator.lambda_.operations.recent_invocations, control_worlds.scopes(tx, account, region)
        found = list(_events(emulator, tx, account))
        for scope in scopes:
            there = "" if scope.region == emulator.settings.region else f"{scope.region}: "
            for event in _regional(emulator, tx, scope):
                found.append({**event, "text": there + event["text"]} if there and event["text"] else event)
        found = timeline_order.in_order(found)
        for event in found:
            for name in _FOR_THE_ORDER:
                event.pop(name, None)
        return {
            "now": emulator.clock.now(),
            "events": found,
            "next": _next(emulator, tx, account),
            "invocations": [each for scope in scopes for each in recent(tx, scope)],
        }

    return await emulator.store.read(read)


def _regional(emulator: Emulator, tx: Transaction, scope: Scope) -> Iterator[dict[str, Any]]:
    yield from _attempts(emulator, tx, scope)
    yield from _logs(emulator, tx, scope)
    yield from _executions(emulator, tx, scope)


def _events(emulator: Emulator, tx: Transaction, account: str) -> Iterator[dict[str, Any]]:
    """What is of no region: requests from outside, mail, faults."""
    yield from _requests(emulator, tx, account)
    for message in inbox.list_messages(tx, search=Search(account=account)):
        text = f"mail to {', '.join(inbox.all_recipients(message))}: {message['subject']}"
        at = datetime.fromisoformat(message["sent_at"]).timestamp()
        links = {"sender": message["sent_by"].get("invocation", ""), "to": (inbox.all_recipients(message) or [""])[0]}
        yield {"at": at, "kind": "mail", "text": text, "id": message["id"], **links}
    for strike in emulator.faults.strikes:
        if strike.account in ("", account):
            text = f"fault: {strike.fault.fault} strikes {strike.target} {strike.name}"
            yield {
                "at": strike.at,
                "kind": "fault",
                "text": text,
                "fault": strike.fault.to_json(),
                "struck": strike.name,
            }


def _requests(emulator: Emulator, tx: Transaction, account: str) -> Iterator[dict[str, Any]]:
    for trace in emulator.requests.last():
        if worlds.owner_of(tx, trace.api_id)[0] == account:
            shown = trace.summary()
            text = f"{trace.method} {trace.path} {shown['status'] or 'unanswered'} after {shown['milliseconds']:g} ms"
            if shown["problem"]:
                text += f": {shown['problem']}"
            yield {"at": trace.started_at, "kind": "request", "text": text, "id": trace.request_id}


def _attempts(emulator: Emulator, tx: Transaction, scope: Scope) -> Iterator[dict[str, Any]]:
    for attempt in emulator.lambda_.operations.recent_invocations(tx, scope):
        name, outcome = attempt["function_name"], attempt["outcome"]
        number = f"attempt {attempt['attempt']} of " if attempt["invocation_type"] == "Event" else ""
        error = f" {attempt['error_type']}" if attempt["error_type"] else ""
        decision = f" ({attempt['decision']})" if attempt["decision"] else ""
        took = attempt["ended_at"] - attempt["started_at"]
        text = f"{number}{name}: {outcome}{error}{decision} after {took:g} s"
        yield {"at": attempt["started_at"], "kind": "attempt", "text": text, **attempt}


def _logs(emulator: Emulator, tx: Transaction, scope: Scope) -> Iterator[dict[str, Any]]:
    prefix = "/aws/lambda/"
    named = {"logGroupNamePrefix": prefix}
    for group in control_worlds.pages(emulator, tx, scope, "logs.DescribeLogGroups", named, "logGroups"):
        name: str = group["logGroupName"]
        asked = {"logGroupName": name, "limit": MOST_LINES}
        writing: dict[str, str] = {}
        runs: Counter[str] = Counter()
        run: dict[str, int] = {}
        for event in control_worlds.ask(emulator, tx, scope, "logs.FilterLogEvents", asked)["events"]:
            line: str = event["message"].rstrip()
            if line.startswith(_START):
                request_id = writing[event["logStreamName"]] = line.removeprefix(_START).partition(" ")[0]
                runs[request_id] += 1
                run[event["logStreamName"]] = runs[request_id]
            if line and not line.startswith(_PLATFORM):
                text = f"{name.removeprefix(prefix)} | {line}"
                told = {"kind": "log", "text": text, "function": name[len(prefix) :]}
                stream = event["logStreamName"]
                written = {"request_id": writing.get(stream, ""), "run": run.get(stream, 0)}
                yield {"at": event["timestamp"] / 1000, **told, **written}


def _executions(emulator: Emulator, tx: Transaction, scope: Scope) -> Iterator[dict[str, Any]]:
    for execution in control_worlds.list_executions(emulator, tx, scope):
        arn = execution["executionArn"]
        name = f"{execution['stateMachineArn'].rpartition(':')[2]}/{execution['name']}"
        asked = {"executionArn": arn, "maxResults": 1000, "includeExecutionData": True}
        try:
            history = control_worlds.pages(emulator, tx, scope, "stepfunctions.GetExecutionHistory", asked, "events")
            for event in history:
                text, calls = _transition(event), timeline_order.called_by(event)
                if text or calls:
                    said = f"{name}: {text}" if text else ""
                    yield {"at": event["timestamp"], "kind": "state", "text": said, "execution": arn, "calls": calls}
        except AwsError:  # an Express execution has no history
            continue


def _transition(event: dict[str, Any]) -> str:
    """What an event of a history means to a reader; empty if it says nothing that others do not."""
    kind: str = event["type"]
    if kind.endswith("StateEntered"):
        return f"enters {event['stateEnteredEventDetails']['name']}"
    if kind == "ExecutionStarted":
        return "begins"
    if not kind.endswith(_ENDS[1:]) and kind != "ExecutionSucceeded":
        return ""
    details = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    said = ": ".join(str(details[key]) for key in ("error", "cause") if details.get(key))
    return f"{kind}{f' {said}' if said else ''}"[:500]


def _next(emulator: Emulator, tx: Transaction, account: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for job_id in worlds.its_jobs(tx, account, without=emulator.measuring)[:MOST_NEXT]:
        job = jobs.load(tx, job_id)
        if job is not None:
            about = job.owner or str(job.payload.get("arn") or job.payload.get("name") or "")
            shown.append({"at": job.due_at, "kind": job.kind, "about": about})
    return shown
