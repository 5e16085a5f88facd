"""When a mapping looks into its queue, what it takes, and what becomes of it: changes of state, each in one commit.

A mapping has at most one poll job, and none while its queue is empty: whatever puts a message into the queue makes the
job, in its own transaction. A poll takes a batch and makes a batch job of it; the end of a batch deletes messages,
records the invocation and plans the next poll in one commit.

A message belongs to a batch while its receipt is the one the batch was given and has not run out. A batch that no
longer owns all of its messages is given up: they will come again. Nothing is taken that cannot run at once, lest it
wait for its turn until it is given up. A mapping that finds no room waits in line; whatever makes room, or finds that
it does not need the room it was woken for, wakes the next, so that nobody waits while there is room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources import store as tables
from emulator.services.lambda_.event_sources.records import LARGEST_EVENT_BYTES, event_of, passes, record_bytes
from emulator.services.lambda_.event_sources.store import Poller
from emulator.services.lambda_.rules.names import FunctionName
from emulator.services.sqs.model import Message, Queue
from emulator.services.sqs.operations import SqsOperations
from emulator.settings import LiveSettings

POLL_JOB = "lambda.sqs_poll"
BATCH_JOB = "lambda.sqs_batch"
TAKEN_AT_ONCE = 10
_EVENT_FRAME_BYTES = len(event_of([]))


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that a function is to be invoked with; the event itself is the job's body."""

    uuid: str
    request_id: str
    function: FunctionName
    queue_id: int
    messages: tuple[tuple[int, str, str], ...]
    """(row, receipt, message id) of each."""
    reports_failures: bool
    trace: str = ""
    """`X-Amzn-Trace-Id` that came with the first message that had one."""

    @property
    def message_ids(self) -> list[str]:
        """The ids of its messages."""
        return [message_id for _, _, message_id in self.messages]

    def to_payload(self) -> dict[str, Any]:
        """The job's payload."""
        return {
            "uuid": self.uuid,
            "request_id": self.request_id,
            "account": self.function.scope.account,
            "region": self.function.scope.region,
            "function_name": self.function.name,
            "qualifier": self.function.qualifier,
            "queue": self.queue_id,
            "messages": self.messages,
            "reports_failures": self.reports_failures,
            "trace": self.trace,
        }

    @staticmethod
    def from_payload(payload: dict[str, Any]) -> Batch:
        """The batch a job holds."""
        scope = Scope(payload["account"], payload["region"])
        return Batch(
            payload["uuid"],
            payload["request_id"],
            FunctionName(scope, payload["function_name"], payload["qualifier"]),
            payload["queue"],
            tuple((item[0], item[1], item[2]) for item in payload["messages"]),
            payload["reports_failures"],
            payload["trace"],
        )


class Polling:
    """The pollers of all mappings."""

    def __init__(self, queues: SqsOperations, settings: LiveSettings) -> None:
        self._queues = queues
        self._settings = settings
        self._sources: set[str] | None = None
        """Queues that are or were read, so that a send into any other costs nothing; read once, then only added to."""
        queues.on_arrival(self.message_arrived)

    def watch(self, source_arn: str) -> None:
        """A mapping of this queue is being created. Watching one too many does no harm."""
        if self._sources is not None:
            self._sources.add(source_arn)

    def message_arrived(self, tx: Transaction, queue: Queue, visible_at: float) -> None:
        """From `visible_at` on there is something in a queue: whoever reads it must look."""
        if self._sources is None:
            self._sources = set(tables.sources(tx))
        if queue.arn not in self._sources:
            return
        for poller in tables.of_source(tx, queue.arn):
            if poller.mapping.enabled and (poller.poll_at is None or visible_at < poller.poll_at):
                self._poll_at(tx, poller, visible_at)

    def stop(self, tx: Transaction, uuid: str) -> None:
        """Poll no more; a batch that was taken is brought to its end."""
        poller = tables.find(tx, uuid)
        if poller is not None:
            tables.set_not_waiting(tx, uuid)
            self._poll_at(tx, poller, None)
            self._wake(tx)

    def plan(self, tx: Transaction, uuid: str) -> None:
        """Poll when there is something to read and room for a batch; otherwise not at all."""
        if not self._plan(tx, uuid):
            self._wake(tx)

    def _plan(self, tx: Transaction, uuid: str) -> bool:
        """The same; whether there is something to read now."""
        poller = tables.find(tx, uuid)
        if poller is None:
            return False
        if poller.waits_since is not None:
            tables.set_not_waiting(tx, uuid)
        queue = self._queues.find_by_arn(tx, poller.mapping.source_arn)
        if not poller.mapping.enabled or queue is None or poller.running >= self._most_running(poller):
            at = None
        elif self._queues.anything_visible(tx, queue):
            at = max(tx.now, poller.window_ends_at or tx.now)
        else:
            at = self._queues.next_visible_at(tx, queue)
        self._poll_at(tx, poller, at)
        return at is not None and at <= tx.now

    def _wake(self, tx: Transaction) -> None:
        """If there is room, have the mapping look that has waited longest and still has something to read."""
        if jobs.count(tx, BATCH_JOB) >= self._settings.event_source_concurrency:
            return
        while (waiting := tables.longest_waiting(tx)) is not None:
            if self._plan(tx, waiting):
                return

    def poll(self, tx: Transaction, job: Job) -> None:
        """Take a batch out of the queue, unless the batching window is still open."""
        uuid: str = job.payload["uuid"]
        poller = tables.find(tx, uuid)
        if poller is None or poller.poll_job != job.id:
            jobs.complete(tx, job.id)
            return
        queue = self._queues.find_by_arn(tx, poller.mapping.source_arn)
        if poller.mapping.enabled and queue is not None and poller.running < self._most_running(poller):
            if self._waits_for_more(tx, poller, queue):
                return
            if jobs.count(tx, BATCH_JOB) >= self._settings.event_source_concurrency:
                tables.set_waiting(tx, uuid)
                self._poll_at(tx, poller, None)
                return
            self._take_batch(tx, poller, queue)
            tables.set_window(tx, uuid, None)
        self._plan(tx, uuid)
        self._wake(tx)

    def owns(self, tx: Transaction, batch: Batch) -> bool:
        """Whether all messages of a batch are still the batch's."""
        queue = self._queues.queue_by_id(tx, batch.queue_id)
        taken = [(row, receipt) for row, receipt, _ in batch.messages]
        return queue is not None and self._queues.still_taken(tx, queue, taken)

    def finish(self, tx: Transaction, batch: Batch, kept: set[str]) -> None:
        """Delete the messages of a batch but those in `kept`, which become visible again in their time."""
        queue = self._queues.queue_by_id(tx, batch.queue_id)
        if queue is not None:
            done = [(row, receipt) for row, receipt, message_id in batch.messages if message_id not in kept]
            self._queues.delete_taken(tx, queue, done)
        tables.add_running(tx, batch.uuid, -1)
        self._wake(tx)
        self._plan(tx, batch.uuid)

    def _most_running(self, poller: Poller) -> int:
        """Batches of a mapping at the same time."""
        wanted = poller.mapping.maximum_concurrency
        here = self._settings.event_source_concurrency
        return here if wanted is None else min(wanted, here)

    def _poll_at(self, tx: Transaction, poller: Poller, at: float | None) -> None:
        """Move, make or drop the mapping's poll job."""
        uuid = poller.mapping.uuid
        if at is None:
            if poller.poll_job is not None:
                jobs.complete(tx, poller.poll_job)
            tables.set_poll(tx, uuid, None, None)
        elif poller.poll_job is not None and jobs.reschedule(tx, poller.poll_job, at, kind=POLL_JOB):
            tables.set_poll(tx, uuid, poller.poll_job, at)
        else:
            tables.set_poll(tx, uuid, jobs.enqueue(tx, POLL_JOB, {"uuid": uuid}, at, owner=uuid), at)

    def _waits_for_more(self, tx: Transaction, poller: Poller, queue: Queue) -> bool:
        """Whether the batch may still grow; the first message opens the window, its end or a full batch closes it."""
        mapping = poller.mapping
        if not mapping.window_seconds:
            return False
        waiting = self._queues.visible_up_to(tx, queue, mapping.batch_size)
        if waiting == 0 or waiting >= mapping.batch_size:
            return False
        ends_at = poller.window_ends_at
        if ends_at is None:
            ends_at = tx.now + mapping.window_seconds
            tables.set_window(tx, mapping.uuid, ends_at)
        if tx.now >= ends_at:
            return False
        self._poll_at(tx, poller, ends_at)
        return True

    def _take_batch(self, tx: Transaction, poller: Poller, queue: Queue) -> None:
        """Receive messages up to the batch size and 6 MB; those that no filter wants are deleted."""
        mapping = poller.mapping
        kept: list[Message] = []
        records: list[bytes] = []
        size = _EVENT_FRAME_BYTES
        hidden = max(queue.settings.visibility_timeout_seconds, 1)  # never 0: a message must not be in two batches
        full = False
        while len(kept) < mapping.batch_size and not full:
            found = self._queues.take(tx, queue, min(TAKEN_AT_ONCE, mapping.batch_size - len(kept)), hidden)
            if not found:
                break
            for index, message in enumerate(found):
                if not passes(mapping, message, queue):
                    self._queues.delete_taken(tx, queue, [(message.row, message.receipt or "")])
                    continue
                text = record_bytes(message, queue, mapping.window_seconds > 0)
                if records and size + len(text) + 1 > LARGEST_EVENT_BYTES:
                    self._queues.give_back(tx, queue, found[index:])
                    full = True
                    break
                kept.append(message)
                records.append(text)
                size += len(text) + 1
        if not kept:
            return
        batch = Batch(
            mapping.uuid,
            tx.new_id(),
            mapping.function,
            queue.id,
            tuple((message.row, message.receipt or "", message.id) for message in kept),
            mapping.reports_failures,
            next((message.trace_header for message in kept if message.trace_header), ""),
        )
        jobs.enqueue(tx, BATCH_JOB, batch.to_payload(), body=event_of(records), owner=mapping.uuid)
        tables.add_running(tx, mapping.uuid, 1)
