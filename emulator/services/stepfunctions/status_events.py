"""`Step Functions Execution Status Change`: what EventBridge hears of Standard executions, in the commit of the change.

Decides what such an event says [D:eventbridge-integration] and who sends none: Express executions. The members are
those of AWS's schema `aws.states@StepFunctionsExecutionStatusChange`; their order is unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.aws.calls import SERVICE_MEMBER, Calls
from emulator.aws.scope import Scope
from emulator.ports import Transaction

from .asl.data import dumps
from .asl.messages import Ended
from .model import StoredExecution

SOURCE = "aws.states"
DETAIL_TYPE = "Step Functions Execution Status Change"
RUNNING, PENDING_REDRIVE = "RUNNING", "PENDING_REDRIVE"
LARGEST_PAYLOAD = 248 * 1024
"""Of input and output together, escaped: beyond it the input is left out; the output if it alone is [D:cw-events]."""
INCLUDED, LEFT_OUT = {"included": True}, {"included": False}

Listens = Callable[[Transaction, Scope, Mapping[str, Any]], bool]
"""Whether the default event bus gives events of services with these members to anybody."""


class StatusEvents:
    """Tells the default bus; `listens` says whether anybody could hear it, so that others pay for one look."""

    def __init__(self, calls: Calls, listens: Listens) -> None:
        self._calls = calls
        self._listens = listens

    def changed(
        self, tx: Transaction, execution: StoredExecution, ended: Ended | None = None, waiting: bool = False
    ) -> None:
        """An execution has begun, goes on, or has ended; or it is `waiting` for its map run to redrive it."""
        scope = Scope(execution.account, execution.region)
        if ":express:" in execution.arn:
            return
        status = PENDING_REDRIVE if waiting else RUNNING if ended is None else ended.status
        known = {"status": status, "stateMachineArn": execution.machine_arn, "executionArn": execution.arn}
        if not self._listens(tx, scope, {"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": known}):
            return
        entry = {
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": dumps(detail(execution, status, ended, tx.now)),
            "Resources": [execution.arn],
            "Time": tx.now,
        }
        if execution.trace_header is not None:  # by which a loop of machine and rule is recognised
            entry["TraceHeader"] = execution.trace_header
        self._calls.call(tx, scope, "events", "PutEvents", {"Entries": [entry], SERVICE_MEMBER: True})


def detail(execution: StoredExecution, status: str, ended: Ended | None, now: float) -> dict[str, Any]:
    """What an event says of an execution; `ended` None: it runs, or will."""
    output = ended.output.text if ended is not None and ended.output is not None else None
    shown_output = output if output is None or _escaped(output) <= LARGEST_PAYLOAD else None
    both = _escaped(execution.input) + (0 if shown_output is None else _escaped(shown_output))
    shown_input = execution.input if both <= LARGEST_PAYLOAD else None
    fixed = status in (RUNNING, "SUCCEEDED")
    redrivable = "REDRIVABLE_BY_MAP_RUN" if execution.of_map_run else "REDRIVABLE"
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": status,
        "startDate": round(execution.started_at * 1000),
        "stopDate": None if ended is None else round(now * 1000),
        "input": shown_input,
        "output": shown_output,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": execution.alias_arn,
        "redriveCount": execution.redrive_count,
        "redriveDate": None if execution.redriven_at is None else round(execution.redriven_at * 1000),
        "redriveStatus": "NOT_REDRIVABLE" if fixed else redrivable,
        "redriveStatusReason": f"Execution is {status} and cannot be redriven" if fixed else None,
        "inputDetails": LEFT_OUT if shown_input is None else INCLUDED,
        "outputDetails": None if output is None else LEFT_OUT if shown_output is None else INCLUDED,
        "error": None if ended is None else ended.error,
        "cause": None if ended is None else ended.cause,
    }


def _escaped(text: str) -> int:
    """How many bytes a text has in the event."""
    return len(dumps(text).encode("utf-8", "replace")) - 2
