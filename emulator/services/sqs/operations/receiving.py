"""Receiving: messages are hidden for a time, deleted, given back early, or moved to the dead-letter queue.

A receive that finds nothing and may wait does so outside any transaction, until a send rings, a hidden message becomes
visible, or AWS time has passed. `take` is what a receive does in a transaction; event source mappings use it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum
from emulator.ports import Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.model import DEDUPLICATION_SECONDS, Message, Queue
from emulator.services.sqs.operations.sending import batch_result, failed_entry
from emulator.services.sqs.operations.state import SqsState
from emulator.services.sqs.rules import messages
from emulator.services.sqs.rules.addresses import read_handle
from emulator.services.sqs.rules.attributes import LONGEST_VISIBILITY_SECONDS
from emulator.services.sqs.rules.errors import (
    handle_expired,
    invalid_value,
    missing_parameter,
    not_a_handle,
    not_available_for_change,
    over_limit,
    unknown_attribute,
)

Request = dict[str, Any]

_ONE_EMPTY = Datum("NumberOfEmptyReceives", 1.0)
_ONE_DELETED = Datum("NumberOfMessagesDeleted", 1.0)

LONGEST_WAIT_SECONDS = 20
CLIENT_GONE_MEMBER = "_client_gone"
"""A member that no model has: waits until the client that receives has gone."""
SYSTEM_ATTRIBUTES = frozenset(
    {
        "All",
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "SequenceNumber",
        "MessageDeduplicationId",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
    }
)


class ReceiveOperations(SqsState):
    """ReceiveMessage, DeleteMessage(Batch), ChangeMessageVisibility(Batch)."""

    async def receive_message(self, scope: Scope, request: Request) -> dict[str, Any]:
        """Up to ten messages; waits for the first one as long as asked (20 s at most) in AWS time."""
        queue, found = await self.store.transact(lambda tx: self._receive(tx, scope, request))
        wait = _checked_wait(request.get("WaitTimeSeconds"))
        seconds = queue.settings.wait_seconds if wait is None else wait
        if not found and seconds:
            found = await self._long_poll(scope, request, queue, seconds)
        if not found:
            self.store.post(lambda tx: self.measure(tx, queue, _ONE_EMPTY))
        return found

    def receive_now(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """ReceiveMessage without waiting, in the caller's transaction."""
        queue, found = self._receive(tx, scope, request)
        if not found:
            self.measure(tx, queue, _ONE_EMPTY)
        return found

    async def _long_poll(self, scope: Scope, request: Request, queue: Queue, seconds: int) -> dict[str, Any]:
        deadline = self.clock.now() + seconds
        disconnected = request.get(CLIENT_GONE_MEMBER)
        gone = asyncio.create_task(disconnected()) if disconnected is not None else None
        try:
            with self.bell(queue) as bell:
                return await self._wait_for_messages(scope, request, queue, deadline, bell, gone)
        finally:
            if gone is not None:
                gone.cancel()

    def _receive(self, tx: Transaction, scope: Scope, request: Request) -> tuple[Queue, dict[str, Any]]:
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        limit = request.get("MaxNumberOfMessages")
        if limit is None:
            limit = 1
        if not 1 <= limit <= 10:
            raise invalid_value(limit, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
        _checked_wait(request.get("WaitTimeSeconds"))
        hidden = request.get("VisibilityTimeout")
        if hidden is not None and not 0 <= hidden <= LONGEST_VISIBILITY_SECONDS:
            reason = f"Must be between 0 and {LONGEST_VISIBILITY_SECONDS}, if provided."
            raise invalid_value(hidden, "VisibilityTimeout", reason)
        system_names = [*(request.get("AttributeNames") or []), *(request.get("MessageSystemAttributeNames") or [])]
        for name in system_names:
            if name not in SYSTEM_ATTRIBUTES:
                raise unknown_attribute(name)
        attempt = request.get("ReceiveRequestAttemptId")
        taken = self._repeated(tx, queue, attempt, hidden)
        if taken is None:
            self._check_in_flight(tx, queue)
            taken = self.take(tx, queue, limit, hidden)
            if taken and attempt and queue.fifo:
                rows = [(message.row, message.receipt or "") for message in taken]
                tables.remember_attempt(tx, queue, attempt, rows, tx.now + DEDUPLICATION_SECONDS)
        names: list[str] = request.get("MessageAttributeNames") or []
        shown = [message.describe(queue, system_names, names) for message in taken]
        return queue, {"Messages": shown} if shown else {}

    def _check_in_flight(self, tx: Transaction, queue: Queue) -> None:
        """Raise OverLimit where as many messages of a standard queue are in flight as may be [D: quotas].

        Only receives put messages in flight, so one count is good for as many as there was room for then.
        """
        if queue.fifo:
            return
        limit = self.settings.sqs_messages_in_flight
        counted_for, room = self._room.get(queue.id, (limit, 0))
        if counted_for != limit or room <= 0:
            room = limit - tables.in_flight_up_to(tx, queue, limit)
            if room <= 0:
                raise over_limit()
            self._room[queue.id] = limit, room

    def take(self, tx: Transaction, queue: Queue, limit: int, hidden_seconds: float | None = None) -> list[Message]:
        """Receive up to `limit` messages, hiding each; those received too often go to the dead-letter queue instead."""
        tables.drop_expired(tx, queue)
        self.note_activity(tx, queue)
        until = tx.now + (queue.settings.visibility_timeout_seconds if hidden_seconds is None else hidden_seconds)
        found = self._take_fifo(tx, queue, limit, until) if queue.fifo else self._take_standard(tx, queue, limit, until)
        if found:
            self.measure(tx, queue, Datum("NumberOfMessagesReceived", float(len(found))))
            if queue.id in self._room:
                limit_then, room = self._room[queue.id]
                self._room[queue.id] = limit_then, room - len(found)
        return found

    def delete_message(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a message by its latest receipt handle; an older handle deletes nothing and is no error."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        self._delete(tx, queue, request.get("ReceiptHandle") or "")
        return {}

    def delete_message_batch(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete up to ten messages."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        entries: list[Mapping[str, Any]] = request.get("Entries") or []
        messages.check_batch(entries, "DeleteMessageBatchRequestEntry")
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                self._delete(tx, queue, entry.get("ReceiptHandle") or "")
                done.append({"Id": entry["Id"]})
            except AwsError as error:
                failed.append(failed_entry(entry["Id"], error))
        return batch_result(done, failed)

    def change_message_visibility(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Hide a received message for a time from now, or (0) give it back at once."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        self._change_visibility(tx, queue, request.get("ReceiptHandle") or "", request.get("VisibilityTimeout"))
        return {}

    def change_message_visibility_batch(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """ChangeMessageVisibility for up to ten messages."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        entries: list[Mapping[str, Any]] = request.get("Entries") or []
        messages.check_batch(entries, "ChangeMessageVisibilityBatchRequestEntry")
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                self._change_visibility(tx, queue, entry.get("ReceiptHandle") or "", entry.get("VisibilityTimeout"))
                done.append({"Id": entry["Id"]})
            except AwsError as error:
                failed.append(failed_entry(entry["Id"], error))
        return batch_result(done, failed)

    def delete_taken(self, tx: Transaction, queue: Queue, taken: list[tuple[int, str]]) -> None:
        """Delete messages by row and receipt; one that was received again since is somebody else's and stays."""
        for row, receipt in taken:
            message = tables.find_message(tx, queue, row)
            if message is not None and message.receipt == receipt:
                self._remove(tx, queue, message)

    def still_taken(self, tx: Transaction, queue: Queue, taken: list[tuple[int, str]]) -> bool:
        """Whether all these messages are in flight with these receipts."""
        for row, receipt in taken:
            message = tables.find_message(tx, queue, row)
            if message is None or message.receipt != receipt or message.visible_at <= tx.now:
                return False
        return True

    def give_back(self, tx: Transaction, queue: Queue, taken: list[Message]) -> None:
        """Undo the receipt of messages that `take` has just returned."""
        for message in taken:
            tables.mark_given_back(tx, message.row, message.receive_count - 1)
        for group_id in {message.group_id for message in taken if message.group_id is not None}:
            if queue.fifo:
                tables.refresh_group(tx, queue, group_id)

    async def _wait_for_messages(
        self,
        scope: Scope,
        request: Request,
        queue: Queue,
        deadline: float,
        bell: asyncio.Event,
        gone: asyncio.Task[None] | None,
    ) -> dict[str, Any]:
        """Receive whenever something may have arrived, until something has, time is up or nobody listens any more."""
        while True:
            bell.clear()
            found = await self.store.transact(lambda tx: self._receive(tx, scope, request)[1])
            if found or self.clock.now() >= deadline:
                return found
            following = await self.store.read(lambda tx: tables.next_visible_at(tx, queue))
            with self.clock.parked():
                await self._rung_or_reached(bell, min(deadline, following or deadline), gone)
            if gone is not None and gone.done():
                return {}

    async def _rung_or_reached(self, bell: asyncio.Event, due_at: float, gone: asyncio.Task[None] | None) -> None:
        rung, reached = (
            asyncio.create_task(bell.wait()),
            asyncio.create_task(self.clock.sleep_until(due_at, "sqs.ReceiveMessage")),
        )
        waits: list[asyncio.Task[Any]] = [rung, reached]
        try:
            await asyncio.wait([*waits, gone] if gone is not None else waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take_standard(self, tx: Transaction, queue: Queue, limit: int, until: float) -> list[Message]:
        taken: list[Message] = []
        while len(taken) < limit:
            found = tables.visible_messages(tx, queue, limit - len(taken))
            if not found:
                break
            kept = [message for message in found if not self._dead_letter(tx, queue, message)]
            taken += [_received(tx, message, until) for message in kept]
            if until <= tx.now or len(kept) == len(found) < limit:
                break  # hidden for no time, they would be found again at once
        return taken

    def _take_fifo(self, tx: Transaction, queue: Queue, limit: int, until: float) -> list[Message]:
        """As many as possible of the group that has waited longest, then of the next."""
        taken: list[Message] = []
        tried: set[str] = set()
        while len(taken) < limit:
            groups = [group for group in tables.free_groups(tx, queue, limit + len(tried)) if group not in tried]
            if not groups:
                break
            for group_id in groups:
                tried.add(group_id)
                taken += self._take_group(tx, queue, group_id, limit - len(taken), until)
                if len(taken) >= limit:
                    break
        return taken

    def _take_group(self, tx: Transaction, queue: Queue, group_id: str, limit: int, until: float) -> list[Message]:
        taken: list[Message] = []
        while len(taken) < limit:
            found = tables.messages_of_group(tx, queue, group_id, limit)
            kept = [message for message in found if not self._dead_letter(tx, queue, message)]
            taken = [_received(tx, message, until) for message in kept]
            if len(kept) == len(found):
                break
            if taken:
                break
        tables.refresh_group(tx, queue, group_id)
        return taken

    def _dead_letter(self, tx: Transaction, queue: Queue, message: Message) -> bool:
        """Move a message that was received too often; False if it stays, also when its dead-letter queue is gone."""
        settings = queue.settings
        if settings.dead_letter_arn is None or message.receive_count < settings.most_receives:
            return False
        target = self.find_by_arn(tx, settings.dead_letter_arn)
        if target is None or target.fifo != queue.fifo:
            return False
        self.move(tx, queue, message, target, queue.arn)
        return True

    def move(self, tx: Transaction, queue: Queue, message: Message, target: Queue, source_arn: str | None) -> None:
        """Move a message to the end of another queue. A standard queue counts its age from the first send
        (developer guide, "Dead-letter queues"), a FIFO queue anew."""
        sent_at = tx.now if target.fifo or source_arn is None else message.sent_at
        tables.move_message(tx, message, target, sent_at, tx.now, source_arn)
        if queue.fifo and message.group_id is not None:
            tables.refresh_group(tx, queue, message.group_id)
        if target.fifo and message.group_id is not None:
            tables.refresh_group(tx, target, message.group_id)
        self.arrived(tx, target, tx.now)
        self.expect_samples(tx, target)

    def _repeated(self, tx: Transaction, queue: Queue, attempt: str | None, hidden: int | None) -> list[Message] | None:
        """The messages of a receive that is repeated with its attempt id, hidden anew; None if it is a first one."""
        if not attempt or not queue.fifo:
            return None
        messages.check_identifier(attempt, "ReceiveRequestAttemptId")
        remembered = tables.find_attempt(tx, queue, attempt)
        if remembered is None:
            return None
        until = tx.now + (queue.settings.visibility_timeout_seconds if hidden is None else hidden)
        found: list[Message] = []
        for row, receipt in remembered:
            message = tables.find_message(tx, queue, row)
            if message is None or message.receipt != receipt or message.visible_at <= tx.now:
                raise invalid_value(
                    attempt,
                    "ReceiveRequestAttemptId",
                    "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.",
                )
            found.append(message)
        for message in found:
            tables.set_visible_at(tx, message.row, until)
        for group_id in {message.group_id for message in found if message.group_id is not None}:
            tables.refresh_group(tx, queue, group_id)
        return found

    def _delete(self, tx: Transaction, queue: Queue, text: str) -> None:
        handle = read_handle(text)
        if handle.queue != queue.id:
            raise not_a_handle(text)
        message = tables.find_message(tx, queue, handle.row)
        if message is None:
            return
        if queue.fifo and (message.receipt != handle.token or message.visible_at <= tx.now):
            raise handle_expired(text)
        if message.receipt == handle.token:
            self._remove(tx, queue, message)

    def _remove(self, tx: Transaction, queue: Queue, message: Message) -> None:
        self.measure(tx, queue, _ONE_DELETED)
        tables.delete_message(tx, message.row)
        if queue.fifo and message.group_id is not None and tables.refresh_group(tx, queue, message.group_id):
            self.arrived(tx, queue, tx.now)  # the rest of the group may be free now

    def _change_visibility(self, tx: Transaction, queue: Queue, text: str, seconds: int | None) -> None:
        handle = read_handle(text)
        if handle.queue != queue.id:
            raise not_a_handle(text)
        if seconds is None:
            raise missing_parameter("VisibilityTimeout")
        if not 0 <= seconds <= LONGEST_VISIBILITY_SECONDS:
            reason = f"VisibilityTimeout must be an integer between 0 and {LONGEST_VISIBILITY_SECONDS}."
            raise invalid_value(seconds, "VisibilityTimeout", reason)
        message = tables.find_message(tx, queue, handle.row)
        if message is None or message.receipt != handle.token:
            raise not_available_for_change(text)
        if message.visible_at <= tx.now:
            raise AwsError("MessageNotInflight", "The message referred to isn't in flight.")
        if tx.now + seconds > (message.received_at or tx.now) + LONGEST_VISIBILITY_SECONDS:
            reason = (
                f"Total VisibilityTimeout for the message is beyond the limit [{LONGEST_VISIBILITY_SECONDS} seconds]."
            )
            raise invalid_value(seconds, "VisibilityTimeout", reason)
        tables.set_visible_at(tx, message.row, tx.now + seconds)
        if queue.fifo and message.group_id is not None:
            tables.refresh_group(tx, queue, message.group_id)
        self.arrived(tx, queue, tx.now + seconds)


def _received(tx: Transaction, message: Message, until: float) -> Message:
    """Mark a message as received and return it as the receiver sees it."""
    receipt = tx.new_id()
    count = message.receive_count + 1
    first = message.first_received_at if message.first_received_at is not None else tx.now
    tables.mark_received(tx, message.row, until, receipt, count, first)
    return replace(message, visible_at=until, receive_count=count, first_received_at=first, receipt=receipt)


def _checked_wait(seconds: int | None) -> int | None:
    if seconds is not None and not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise invalid_value(seconds, "WaitTimeSeconds", f"Must be >= 0 and <= {LONGEST_WAIT_SECONDS}, if provided.")
    return seconds
