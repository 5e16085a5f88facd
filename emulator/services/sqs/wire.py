"""SQS at the edge: its operations by AWS's names; the query protocol names a queue by the path of the request, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.http import HttpRequest
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.ports import Store
from emulator.services.sqs.operations import SqsOperations
from emulator.services.sqs.operations.move_tasks import MOVE_JOB
from emulator.services.sqs.operations.receiving import CLIENT_GONE_MEMBER
from emulator.services.sqs.operations.state import GAUGE_JOB
from emulator.services.sqs.store import SCHEMA
from emulator.services.sqs.worker import QueueWorker

MOVES_AT_ONCE = 4
GAUGES_AT_ONCE = 16


class SqsService(Service):
    """Offers other services a receive that does not wait."""

    def __init__(self, store: Store, sqs: SqsOperations) -> None:
        super().__init__("sqs", store, _table(sqs))
        self.offer_in_transaction("ReceiveMessage", sqs.receive_now)

    def prepare(self, operation: str, request: HttpRequest, parameters: dict[str, Any]) -> None:
        """A request to a queue's own URL needs no QueueUrl. A long poll ends with its client.

        A null in a list or map counts as left out, as it does for members (unverified).
        """
        for name, value in parameters.items():
            parameters[name] = _without_nulls(value)
        if "QueueUrl" not in parameters and request.path.strip("/"):
            parameters["QueueUrl"] = f"{request.scheme}://{request.header('host')}{request.path}"
        if operation == "ReceiveMessage":
            parameters[CLIENT_GONE_MEMBER] = request.disconnected
        trace = request.header("x-amzn-trace-id")
        if trace and operation == "SendMessage":
            _follow(parameters, trace)
        elif trace and operation == "SendMessageBatch":
            for entry in parameters.get("Entries") or ():
                _follow(entry, trace)


def _follow(message: dict[str, Any], trace: str) -> None:
    """The trace of a request is its messages' too, unless they name one (AWS: sqs-x-ray); SDKs in functions send it."""
    if not message.get("MessageSystemAttributes"):
        message[TRACE_MEMBER] = trace


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def mount(context: Context) -> Mounted:
    """Build SQS for `app.py`."""
    operations = SqsOperations(
        context.store, context.clock, context.settings, context.base_url, context.metrics, context.faults
    )
    worker = QueueWorker(operations)
    return Mounted(
        services=[SqsService(context.store, operations)],
        schema=SCHEMA,
        jobs={
            MOVE_JOB: JobKind(worker.move, lambda: MOVES_AT_ONCE),
            GAUGE_JOB: JobKind(worker.measure, lambda: GAUGES_AT_ONCE, recurring=True),
        },
        operations=operations,
    )


def _table(sqs: SqsOperations) -> dict[str, Callable[..., Any]]:
    return {
        "CreateQueue": sqs.create_queue,
        "GetQueueUrl": sqs.get_queue_url,
        "ListQueues": sqs.list_queues,
        "ListDeadLetterSourceQueues": sqs.list_dead_letter_source_queues,
        "GetQueueAttributes": sqs.get_queue_attributes,
        "SetQueueAttributes": sqs.set_queue_attributes,
        "DeleteQueue": sqs.delete_queue,
        "PurgeQueue": sqs.purge_queue,
        "TagQueue": sqs.tag_queue,
        "UntagQueue": sqs.untag_queue,
        "ListQueueTags": sqs.list_queue_tags,
        "SendMessage": sqs.send_message,
        "SendMessageBatch": sqs.send_message_batch,
        "ReceiveMessage": sqs.receive_message,
        "DeleteMessage": sqs.delete_message,
        "DeleteMessageBatch": sqs.delete_message_batch,
        "ChangeMessageVisibility": sqs.change_message_visibility,
        "ChangeMessageVisibilityBatch": sqs.change_message_visibility_batch,
        "AddPermission": sqs.add_permission,
        "RemovePermission": sqs.remove_permission,
        "StartMessageMoveTask": sqs.start_message_move_task,
        "ListMessageMoveTasks": sqs.list_message_move_tasks,
        "CancelMessageMoveTask": sqs.cancel_message_move_task,
    }
