"""When a pipe looks into its queue, what it takes, and what becomes of it: changes of state, each in one commit.

As for event source mappings (lambda_/event_sources/polling.py): a pipe has at most one poll job, and none while its
queue is empty; whatever puts a message into the queue makes the job. A batch that no longer owns its messages is given
up: they come again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources.records import record
from emulator.services.pipes import store as tables
from emulator.services.pipes.model import RUNNING, Pipe
from emulator.services.pipes.store import Poller
from emulator.services.sqs.model import Message, Queue
from emulator.services.sqs.operations import SqsOperations

POLL = "pipes.poll"
"""Job kind: look into the queue. Payload {account, region, name}."""
BATCH = "pipes.batch"
"""Job kind: what was taken, on its way. Payload: see `Batch`; body: the events, a JSON array."""
MOST_BATCHES = 5
"""Of one pipe at the same time: so many pollers a pipe of AWS begins with."""
LARGEST_BATCH_BYTES = 6 * 1024 * 1024
_TAKEN_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages on their way through a pipe."""

    scope: Scope
    name: str
    queue_id: int
    messages: tuple[tuple[int, str, str], ...]
    """(row, receipt, message id) of each."""
    request_id: str
    taken_at: float

    def to_payload(self) -> dict[str, Any]:
        """The job's payload."""
        return {
            "account": self.scope.account,
            "region": self.scope.region,
            "name": self.name,
            "queue": self.queue_id,
            "messages": self.messages,
            "request_id": self.request_id,
            "taken_at": self.taken_at,
        }

    @staticmethod
    def from_payload(payload: dict[str, Any]) -> Batch:
        """The batch a job holds."""
        return Batch(
            Scope(payload["account"], payload["region"]),
            payload["name"],
            payload["queue"],
            tuple((item[0], item[1], item[2]) for item in payload["messages"]),
            payload["request_id"],
            payload["taken_at"],
        )


class Polling:
    """The pollers of all pipes."""

    def __init__(self, queues: SqsOperations) -> None:
        self._queues = queues
        self._sources: set[str] | None = None
        """Queues that are or were read; read once, then only added to."""
        queues.on_arrival(self.message_arrived)

    def watch(self, source: str) -> None:
        """A pipe of this queue is being created. Watching one too many does no harm."""
        if self._sources is not None:
            self._sources.add(source)

    def exists(self, tx: Transaction, source: str) -> bool:
        """Whether the queue is there."""
        return self._queues.find_by_arn(tx, source) is not None

    def message_arrived(self, tx: Transaction, queue: Queue, visible_at: float) -> None:
        """From `visible_at` on there is something in a queue: whoever reads it must look."""
        if self._sources is None:
            self._sources = set(tables.sources(tx))
        if queue.arn not in self._sources:
            return
        for poller in tables.pollers_of(tx, queue.arn):
            if poller.pipe.state == RUNNING and (poller.poll_at is None or visible_at < poller.poll_at):
                self._poll_at(tx, poller, visible_at)

    def stop(self, tx: Transaction, pipe: Pipe) -> None:
        """Poll no more; a batch that was taken is brought to its end."""
        poller = tables.find_poller(tx, pipe.scope, pipe.name)
        if poller is not None:
            self._poll_at(tx, poller, None)

    def plan(self, tx: Transaction, scope: Scope, name: str) -> None:
        """Poll when there is something to read and room for a batch; otherwise not at all."""
        poller = tables.find_poller(tx, scope, name)
        if poller is None:
            return
        queue = self._queues.find_by_arn(tx, poller.pipe.source)
        if poller.pipe.state != RUNNING or queue is None or poller.running >= MOST_BATCHES:
            at = None
        elif self._queues.anything_visible(tx, queue):
            at = max(tx.now, poller.window_ends_at or tx.now)
        else:
            at = self._queues.next_visible_at(tx, queue)
        self._poll_at(tx, poller, at)

    def poll(self, tx: Transaction, job: Job) -> None:
        """Take a batch out of the queue, unless the batching window is still open."""
        scope = Scope(job.payload["account"], job.payload["region"])
        poller = tables.find_poller(tx, scope, job.payload["name"])
        if poller is None or poller.poll_job != job.id:
            jobs.complete(tx, job.id)
            return
        queue = self._queues.find_by_arn(tx, poller.pipe.source)
        if poller.pipe.state == RUNNING and queue is not None and poller.running < MOST_BATCHES:
            if self._waits_for_more(tx, poller, queue):
                return
            self._take(tx, poller.pipe, queue)
            tables.set_window(tx, poller.pipe, None)
        self.plan(tx, scope, poller.pipe.name)

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
        pipe = tables.find_pipe(tx, batch.scope, batch.name)
        if pipe is not None:
            tables.add_running(tx, pipe, -1)
            self.plan(tx, batch.scope, batch.name)

    def _poll_at(self, tx: Transaction, poller: Poller, at: float | None) -> None:
        """Move, make or drop the pipe's poll job."""
        pipe = poller.pipe
        if at is None:
            if poller.poll_job is not None:
                jobs.complete(tx, poller.poll_job)
            tables.set_poll(tx, pipe, None, None)
        elif poller.poll_job is not None and jobs.reschedule(tx, poller.poll_job, at, kind=POLL):
            tables.set_poll(tx, pipe, poller.poll_job, at)
        else:
            payload = {"account": pipe.scope.account, "region": pipe.scope.region, "name": pipe.name}
            tables.set_poll(tx, pipe, jobs.enqueue(tx, POLL, payload, at, owner=pipe.arn), at)

    def _waits_for_more(self, tx: Transaction, poller: Poller, queue: Queue) -> bool:
        """Whether the batch may still grow; the first message opens the window, its end or a full batch closes it."""
        pipe = poller.pipe
        if not pipe.window_seconds:
            return False
        waiting = self._queues.visible_up_to(tx, queue, pipe.batch_size)
        if waiting == 0 or waiting >= pipe.batch_size:
            return False
        ends_at = poller.window_ends_at
        if ends_at is None:
            ends_at = tx.now + pipe.window_seconds
            tables.set_window(tx, pipe, ends_at)
        if tx.now >= ends_at:
            return False
        self._poll_at(tx, poller, ends_at)
        return True

    def _take(self, tx: Transaction, pipe: Pipe, queue: Queue) -> None:
        """Receive messages up to the batch size and 6 MB; those that no filter wants are deleted."""
        kept: list[Message] = []
        records: list[bytes] = []
        size, full = 0, False
        hidden = max(queue.settings.visibility_timeout_seconds, 1)  # never 0: a message must not be in two batches
        while len(kept) < pipe.batch_size and not full:
            found = self._queues.take(tx, queue, min(_TAKEN_AT_ONCE, pipe.batch_size - len(kept)), hidden)
            if not found:
                break
            for index, message in enumerate(found):
                event = record(message, queue, windowed=False)
                if not pipe.passes(event):
                    self._queues.delete_taken(tx, queue, [(message.row, message.receipt or "")])
                    continue
                text = json.dumps(event, separators=(",", ":")).encode()
                if records and size + len(text) > LARGEST_BATCH_BYTES:
                    self._queues.give_back(tx, queue, found[index:])
                    full = True
                    break
                kept.append(message)
                records.append(text)
                size += len(text)
        if not kept:
            return
        taken = tuple((message.row, message.receipt or "", message.id) for message in kept)
        batch = Batch(pipe.scope, pipe.name, queue.id, taken, tx.new_id(), tx.now)
        jobs.enqueue(tx, BATCH, batch.to_payload(), body=b"[" + b",".join(records) + b"]", owner=pipe.arn)
        tables.add_running(tx, pipe, 1)
