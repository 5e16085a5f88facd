"""Queues and messages as values, and how SQS shows them. Knows no SQL and no wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.aws.scope import Scope
from emulator.services.sqs.rules.addresses import QueueName, write_handle
from emulator.services.sqs.rules.attributes import QueueSettings
from emulator.services.sqs.rules.messages import md5_of_attributes, md5_of_body, wanted_attributes

FIRST_SEQUENCE_NUMBER = 18_849_496_460_467_696_128
SEQUENCE_STEP = 256
DEDUPLICATION_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue."""

    id: int
    """Never reused: a receipt handle of a deleted queue fits no later one."""
    at: QueueName
    attributes: Mapping[str, str]
    """Those that are kept; counts and times are computed."""
    settings: QueueSettings
    tags: Mapping[str, str]
    created_at: float
    modified_at: float
    purged_at: float | None = None
    active_until: float | None = None
    """Until when its gauges are measured every minute; None while no job does that."""

    @property
    def scope(self) -> Scope:
        """Whose queue it is."""
        return self.at.scope

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return self.at.arn

    @property
    def fifo(self) -> bool:
        """Whether order and deduplication are kept."""
        return self.settings.fifo


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message on its way into a queue."""

    body: str
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trace_header: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    sender_id: str = ""
    names_trace: bool = False
    """Whether the sender gave the trace as an attribute: then the answer has its digest."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a queue."""

    row: int
    """Its place in the order of arrival."""
    id: str
    body: str
    attributes: Mapping[str, Any]
    sent_at: float
    visible_at: float
    receive_count: int
    first_received_at: float | None
    received_at: float | None
    receipt: str | None
    """The token of the latest receipt; None if it was never received."""
    sender_id: str
    group_id: str | None
    deduplication_id: str | None
    trace_header: str | None
    dead_letter_source: str | None

    def handle(self, queue: Queue) -> str:
        """The receipt handle of the latest receipt."""
        return write_handle(queue.id, self.row, self.receipt or "")

    def as_new(self) -> Message:
        """The message as if it had never been received: a redrive counts its receipts anew."""
        return replace(self, receive_count=0, first_received_at=None, receipt=None)

    def system_attributes(self, queue: Queue) -> dict[str, str]:
        """All system attributes, in the order in which Lambda's records show them (lambda_integration_sqs)."""
        shown = {
            "ApproximateReceiveCount": str(self.receive_count),
            "AWSTraceHeader": self.trace_header,
            "SentTimestamp": str(int(self.sent_at * 1000)),
            "SequenceNumber": sequence_number(self.row) if queue.fifo else None,
            "MessageGroupId": self.group_id,
            "SenderId": self.sender_id,
            "MessageDeduplicationId": self.deduplication_id if queue.fifo else None,
            "ApproximateFirstReceiveTimestamp": str(int((self.first_received_at or 0) * 1000)),
            "DeadLetterQueueSourceArn": self.dead_letter_source,
        }
        return {name: value for name, value in shown.items() if value is not None}

    def describe(self, queue: Queue, system_names: list[str], attribute_names: list[str]) -> dict[str, Any]:
        """The message as ReceiveMessage answers it."""
        shown: dict[str, Any] = {
            "MessageId": self.id,
            "ReceiptHandle": self.handle(queue),
            "MD5OfBody": md5_of_body(self.body),
            "Body": self.body,
        }
        if system_names:
            every = self.system_attributes(queue)
            chosen = {name: text for name, text in every.items() if "All" in system_names or name in system_names}
            if chosen:
                shown["Attributes"] = chosen
        wanted = wanted_attributes(self.attributes, attribute_names)
        if wanted:
            shown["MD5OfMessageAttributes"] = md5_of_attributes(wanted)
            shown["MessageAttributes"] = wanted
        return shown


@dataclass(frozen=True, slots=True)
class MoveTask:
    """Messages on their way out of a dead-letter queue."""

    id: int
    handle: str
    source_arn: str
    destination_arn: str | None
    per_second: int | None
    status: str
    moved: int
    to_move: int
    last_row: int
    """Messages that arrive behind this row are not the task's."""
    started_at: float
    failure: str | None

    def describe(self) -> dict[str, Any]:
        """The task as ListMessageMoveTasks answers it."""
        shown = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source_arn,
            "DestinationArn": self.destination_arn,
            "MaxNumberOfMessagesPerSecond": self.per_second,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": int(self.started_at * 1000),
        }
        return {name: value for name, value in shown.items() if value is not None}


def free_at(head_visible_at: float, in_flight_until: float | None) -> float:
    """When a FIFO group may be received from: its head is visible, and nothing of it is in flight.

    `in_flight_until` is the latest end of a visibility timeout in the group, None if nothing of it was received.
    """
    return max(head_visible_at, in_flight_until or 0.0)


def sequence_number(row: int) -> str:
    """A FIFO message's sequence number: 20 digits, growing with every message of the emulator."""
    return str(FIRST_SEQUENCE_NUMBER + row * SEQUENCE_STEP)
