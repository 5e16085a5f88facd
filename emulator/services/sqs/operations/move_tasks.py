"""Message move tasks: what lies in a dead-letter queue goes back to where it came from, or to another queue.

Decides what may be moved and when a task has ended; `worker.py` moves a few messages per job.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from emulator import jobs
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.model import Queue
from emulator.services.sqs.operations.receiving import ReceiveOperations
from emulator.services.sqs.rules.errors import invalid_parameter, invalid_value, missing_parameter

Request = dict[str, Any]

MOVE_JOB = "sqs.move"
MOVED_AT_ONCE = 100
"""Messages of one commit where the caller sets no rate; AWS optimises the rate itself."""


class MoveTaskOperations(ReceiveOperations):
    """StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask."""

    def start_message_move_task(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Start moving the messages that a dead-letter queue holds now."""
        source = self._source(tx, request)
        if not tables.list_sources(tx, source.arn, 0, 1):
            raise invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
        rate = request.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= 500:
            reason = "Value for parameter MaxNumberOfMessagesPerSecond must be between 1 and 500."
            raise invalid_value(rate, "MaxNumberOfMessagesPerSecond", reason)
        destination_arn = request.get("DestinationArn")
        if destination_arn is not None:
            destination = self.find_by_arn(tx, destination_arn)
            if destination is None:
                raise _not_found("The resource that you specified for the DestinationArn parameter doesn't exist.")
            if destination.id == source.id:
                raise invalid_parameter("Source queue arn and destination queue arn must be different.")
            if destination.fifo != source.fifo:
                raise invalid_parameter("Source and destination queue must be of the same type.")
        if any(task.status == "RUNNING" for task in tables.list_move_tasks(tx, source.arn, 1)):
            raise AwsError(
                "UnsupportedOperation",
                "There is already a task running. "
                "Only one active task is allowed for a source queue arn at a given time.",
            )
        document = {"taskId": tx.new_id(), "sourceArn": source.arn}
        handle = base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
        task_id = tables.add_move_task(tx, source, handle, destination_arn, rate)
        jobs.enqueue(tx, MOVE_JOB, {"task": task_id})
        return {"TaskHandle": handle}

    def list_message_move_tasks(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The latest tasks of a source queue; only a running one shows its handle."""
        source = self._source(tx, request)
        limit = request.get("MaxResults")
        if limit is not None and not 1 <= limit <= 10:
            raise invalid_value(limit, "MaxResults", "Value for parameter MaxResults must be between 1 and 10.")
        found = tables.list_move_tasks(tx, source.arn, limit or 1)
        return {"Results": [task.describe() for task in found]} if found else {}

    def cancel_message_move_task(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Stop a running task; what it has moved stays moved."""
        if not request.get("TaskHandle"):
            raise missing_parameter("TaskHandle")
        task = tables.find_move_task_by_handle(tx, request["TaskHandle"])
        if task is None or task.status != "RUNNING":
            raise _not_found("Task does not exist.")
        tables.end_move_task(tx, task.id, "CANCELLED")
        return {"ApproximateNumberOfMessagesMoved": task.moved}

    def move_some(self, tx: Transaction, job: Job) -> None:
        """One step of a task: move a few messages, then go on at once or in a second, or end."""
        task = tables.find_move_task(tx, job.payload["task"])
        source = self.find_by_arn(tx, task.source_arn) if task is not None else None
        if task is None or task.status != "RUNNING" or source is None:
            jobs.complete(tx, job.id)
            if task is not None and task.status == "RUNNING":
                tables.end_move_task(tx, task.id, "FAILED", "AWS.SimpleQueueService.NonExistentQueue")
            return
        tables.drop_expired(tx, source)
        wanted = task.per_second or MOVED_AT_ONCE
        found = tables.visible_messages_until(tx, source, wanted, task.last_row)
        moved = 0
        for message in found:
            arn = task.destination_arn or message.dead_letter_source
            target = self.find_by_arn(tx, arn) if arn is not None else None
            if target is None:
                failure = "CouldNotDetermineMessageSource" if arn is None else "AWS.SimpleQueueService.NonExistentQueue"
                tables.add_moved(tx, task.id, moved)
                tables.end_move_task(tx, task.id, "FAILED", failure)
                jobs.complete(tx, job.id)
                return
            self.move(tx, source, message.as_new(), target, None)
            moved += 1
        tables.add_moved(tx, task.id, moved)
        if len(found) < wanted:
            tables.end_move_task(tx, task.id, "COMPLETED")
            jobs.complete(tx, job.id)
        else:
            jobs.reschedule(tx, job.id, tx.now + (1.0 if task.per_second else 0.0))

    def _source(self, tx: Transaction, request: Request) -> Queue:
        arn = request.get("SourceArn")
        if not arn:
            raise missing_parameter("SourceArn")
        source = self.find_by_arn(tx, arn)
        if source is None:
            raise _not_found("The resource that you specified for the SourceArn parameter doesn't exist.")
        return source


def _not_found(text: str) -> AwsError:
    return AwsError("ResourceNotFoundException", text, 404)
