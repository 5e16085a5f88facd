"""Sending: a message enters a queue, or is recognised as one that was sent already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator import faults
from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum
from emulator.faults import Fault
from emulator.ports import Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.model import DEDUPLICATION_SECONDS, NewMessage, Queue, sequence_number
from emulator.services.sqs.operations.state import SqsState
from emulator.services.sqs.rules import messages
from emulator.services.sqs.rules.errors import invalid_parameter, invalid_value, missing_parameter

Request = dict[str, Any]

LONGEST_DELAY_SECONDS = 900
_ONE_SENT = Datum("NumberOfMessagesSent", 1.0)
_ONE_DUPLICATE = Datum("NumberOfDeduplicatedSentMessages", 1.0)
_NOT_FOR_THIS_TYPE = "The request include parameter that is not valid for this queue type."


class SendOperations(SqsState):
    """SendMessage, SendMessageBatch."""

    def send_message(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Put a message into a queue."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        new, delay = _read_message(queue, request, scope)
        _check_size(queue, new)
        return self.put(tx, queue, new, delay)

    def send_message_batch(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Put up to ten messages into a queue; each succeeds or fails alone."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        entries: list[Mapping[str, Any]] = request.get("Entries") or []
        messages.check_batch(entries, "SendMessageBatchRequestEntry")
        messages.check_batch_size(sum(_size_of_entry(entry) for entry in entries))
        sent: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                new, delay = _read_message(queue, entry, scope)
                _check_size(queue, new)
            except AwsError as error:
                failed.append(failed_entry(entry["Id"], error))
            else:
                sent.append({"Id": entry["Id"], **self.put(tx, queue, new, delay)})
        return batch_result(sent, failed)

    def put(self, tx: Transaction, queue: Queue, new: NewMessage, delay_seconds: int = 0) -> dict[str, Any]:
        """Put a checked message into a queue and answer as SendMessage does."""
        self.note_activity(tx, queue)
        duplicate, scope_of_ids = None, ""
        if queue.fifo:
            assert new.deduplication_id is not None and new.group_id is not None, "checked by _read_message"
            scope_of_ids = new.group_id if queue.settings.deduplicates_per_group else ""
            duplicate = tables.find_duplicate(tx, queue, scope_of_ids, new.deduplication_id)
        if duplicate is not None:
            message_id, row = duplicate
            self.measure(tx, queue, _ONE_DUPLICATE)
        else:
            message_id = tx.new_id()
            visible_at = tx.now + delay_seconds
            fault = self._fault(queue) if self.faults.active and not queue.fifo else None
            if fault is not None:
                visible_at += fault.delay
                if fault.fault == faults.TWICE:
                    tables.insert_message(tx, queue, message_id, new, visible_at)
            row = 0
            if fault is None or fault.fault != faults.LOST:
                row = tables.insert_message(tx, queue, message_id, new, visible_at)
            if queue.fifo and new.group_id is not None and new.deduplication_id is not None:
                tables.refresh_group(tx, queue, new.group_id)
                expires_at = tx.now + DEDUPLICATION_SECONDS
                tables.remember_sent(tx, queue, scope_of_ids, new.deduplication_id, message_id, row, expires_at)
            self.arrived(tx, queue, visible_at)
        size = messages.size_of(new.body, new.attributes)
        self.measure(tx, queue, _ONE_SENT, Datum("SentMessageSize", float(size), "Bytes"))
        answer: dict[str, Any] = {"MD5OfMessageBody": messages.md5_of_body(new.body)}
        if new.attributes:
            answer["MD5OfMessageAttributes"] = messages.md5_of_attributes(new.attributes)
        if new.names_trace:
            header = {"AWSTraceHeader": {"DataType": "String", "StringValue": new.trace_header}}
            answer["MD5OfMessageSystemAttributes"] = messages.md5_of_attributes(header)
        answer["MessageId"] = message_id
        if queue.fifo:
            answer["SequenceNumber"] = sequence_number(row)
        return answer

    def _fault(self, queue: Queue) -> Fault | None:
        """What a fault plan has happen to a message: it is there twice, comes late, or never."""
        return self.faults.strike(faults.QUEUE, queue.at.name, queue.scope.account, faults.KINDS[faults.QUEUE])


def failed_entry(identifier: str, error: AwsError) -> dict[str, Any]:
    """An entry of a batch that was refused."""
    # AWS says less in a batch (quoted from real answers by users of its SDKs).
    text = _NOT_FOR_THIS_TYPE.rstrip(".") if error.message.endswith(_NOT_FOR_THIS_TYPE) else error.message
    return {"Id": identifier, "SenderFault": True, "Code": error.code, "Message": text}


def batch_result(successful: list[dict[str, Any]], failed: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch's answer; an empty list is left out (recorded: lambda_integration_sqs, send_message_batch)."""
    result: dict[str, Any] = {}
    if successful:
        result["Successful"] = successful
    if failed:
        result["Failed"] = failed
    return result


def _read_message(queue: Queue, entry: Mapping[str, Any], scope: Scope) -> tuple[NewMessage, int]:
    """The message in a request or batch entry, and its delay. Raises for what the queue does not take."""
    body = entry.get("MessageBody")
    messages.check_body(body)
    attributes: dict[str, Any] = entry.get("MessageAttributes") or {}
    messages.check_attributes(attributes)
    system: dict[str, Any] = entry.get("MessageSystemAttributes") or {}
    messages.check_system_attributes(system)
    group_id, deduplication_id = entry.get("MessageGroupId"), entry.get("MessageDeduplicationId")
    messages.check_identifier(group_id, "MessageGroupId")
    messages.check_identifier(deduplication_id, "MessageDeduplicationId")
    delay: int | None = entry.get("DelaySeconds")
    if delay is not None and not 0 <= delay <= LONGEST_DELAY_SECONDS:
        raise invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    if queue.fifo:
        if delay:
            raise invalid_value(delay, "DelaySeconds", _NOT_FOR_THIS_TYPE)
        if group_id is None:
            raise missing_parameter("MessageGroupId")
        if deduplication_id is None:
            if not queue.settings.content_based_deduplication:
                raise invalid_parameter(
                    "The queue should either have ContentBasedDeduplication enabled or "
                    "MessageDeduplicationId provided explicitly"
                )
            deduplication_id = messages.deduplication_id_of(str(body))
        delay = None
    elif deduplication_id is not None:
        raise invalid_value(deduplication_id, "MessageDeduplicationId", _NOT_FOR_THIS_TYPE)
    named = system.get("AWSTraceHeader", {}).get("StringValue")
    trace = named if named is not None else entry.get(TRACE_MEMBER)
    new = NewMessage(str(body), attributes, trace, group_id, deduplication_id, scope.account, named is not None)
    return new, queue.settings.delay_seconds if delay is None else delay


def _check_size(queue: Queue, new: NewMessage) -> None:
    limit = queue.settings.largest_message_bytes
    if messages.size_of(new.body, new.attributes) > limit:
        raise invalid_parameter(
            f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        )


def _size_of_entry(entry: Mapping[str, Any]) -> int:
    """Size for the limit of the whole batch; what is malformed is found when the entry is read."""
    try:
        return messages.size_of(entry.get("MessageBody") or "", entry.get("MessageAttributes") or {})
    except (KeyError, TypeError, AttributeError):
        return len(entry.get("MessageBody") or "")
