"""What all SQS operations share: the ports, finding a queue, and telling those who wait for messages.

Two kinds of waiters. A long poll waits in memory (`bell`): it dies with its connection anyway. A consumer such as an
event source mapping is told inside the transaction (`on_arrival`), so that its job and the message are one commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, DimensionSets, MetricSink, Silent
from emulator.faults import Faults
from emulator.ports import Clock, Store, Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.model import Queue
from emulator.services.sqs.rules.addresses import QueueName, parse_arn, parse_url, queue_url
from emulator.services.sqs.rules.errors import no_such_queue
from emulator.settings import LiveSettings

Arrival = Callable[[Transaction, Queue, float], None]
"""Called as (tx, queue, when): from `when` on there is something to receive. Runs in the transaction that caused it."""

BELL = "sqs.bell"
"""No kind of job: a commit that says it only wakes long polls."""


GAUGE_JOB = "sqs.gauges"
ACTIVE_SECONDS = 6 * 3600.0
"""A queue is measured every minute until six hours after the last call [D: Monitoring SQS with CloudWatch]."""
_NOTED_EVERY_SECONDS = 600.0
"""How exactly the last call is known: calls do not write just to say when they were."""


@lru_cache(maxsize=1024)
def _dimensions(name: str) -> DimensionSets:
    return ((("QueueName", name),),)


class SqsState:
    """Base of the operation classes."""

    def __init__(
        self, store: Store, clock: Clock, settings: LiveSettings, base_url: str, metrics: MetricSink | None = None,
        faults: Faults | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.clock = clock
        self.settings = settings
        self.base_url = base_url
        self._metrics = metrics or Silent()
        self.faults = faults or Faults(clock.now)
        self._bells: dict[int, set[asyncio.Event]] = {}
        self._rung: set[int] = set()
        self._room: dict[int, tuple[int, int]] = {}
        """By queue: (limit, how many messages may go in flight before they are counted again)."""
        self._listeners: list[Arrival] = []
        store.on_wake(self._ring)

    def on_arrival(self, listener: Arrival) -> None:
        """Tell `listener` about everything that can be received from now on."""
        self._listeners.append(listener)

    def forget_cached(self) -> None:
        """After a reset: whoever waits finds that its queue is gone."""
        self._room.clear()
        self._rung.update(self._bells)
        self._ring({})

    def measure(self, tx: Transaction, queue: Queue, *data: Datum) -> None:
        """Add to the queue's CloudWatch metrics, which AWS has by the minute."""
        self._metrics.add_to_each(tx, queue.scope, "AWS/SQS", _dimensions(queue.at.name), data)

    def note_activity(self, tx: Transaction, queue: Queue) -> None:
        """Somebody uses the queue: its gauges are measured from now on. On the way of every call: a comparison."""
        until = tx.now + ACTIVE_SECONDS
        if queue.active_until is None:
            if tables.begin_activity(tx, queue, until):
                due_at = float((int(tx.now) // 60 + 1) * 60)
                jobs.enqueue(tx, GAUGE_JOB, {"queue": queue.id}, due_at)
        elif queue.active_until < until - _NOTED_EVERY_SECONDS:
            tables.set_active_until(tx, queue, until)

    def expect_samples(self, tx: Transaction, queue: Queue) -> None:
        """What no counter tells has changed the queue: alarms on its gauges look at it."""
        self.note_activity(tx, queue)
        self._metrics.expect(tx, queue.scope, "AWS/SQS", _dimensions(queue.at.name))

    def sample(self, tx: Transaction, queue: Queue, data: list[Datum]) -> None:
        """Add what was measured of a queue at this minute."""
        self._metrics.sample(tx, queue.scope, "AWS/SQS", _dimensions(queue.at.name), data)

    def find(self, tx: Transaction, at: QueueName) -> Queue | None:
        """The queue of that name."""
        return tables.find_queue(tx, at)

    def find_by_arn(self, tx: Transaction, arn: str) -> Queue | None:
        """The queue with that ARN, if `arn` is one and it exists."""
        at = parse_arn(arn)
        return tables.find_queue(tx, at) if at is not None else None

    def queue_by_id(self, tx: Transaction, queue_id: int) -> Queue | None:
        """The queue with that id."""
        return tables.queue_by_id(tx, queue_id)

    def anything_visible(self, tx: Transaction, queue: Queue) -> bool:
        """Whether a receive would find something now."""
        return tables.anything_visible(tx, queue)

    def next_visible_at(self, tx: Transaction, queue: Queue) -> float | None:
        """When something that is hidden now can be received."""
        return tables.next_visible_at(tx, queue)

    def visible_up_to(self, tx: Transaction, queue: Queue, limit: int) -> int:
        """How many messages are visible, counted up to `limit`."""
        return tables.visible_up_to(tx, queue, limit)

    def url_of(self, queue: Queue) -> str:
        """The QueueUrl of a queue."""
        return queue_url(self.base_url, queue.at)

    def queue_at(self, tx: Transaction, scope: Scope, url: str | None) -> Queue:
        """The queue that a QueueUrl names. Raises QueueDoesNotExist."""
        queue = tables.find_queue(tx, parse_url(url, scope))
        if queue is None:
            raise no_such_queue()
        self.note_activity(tx, queue)
        return queue

    def arrived(self, tx: Transaction, queue: Queue, visible_at: float) -> None:
        """Something can be received from `visible_at` on: tell those who wait, once this is committed."""
        if queue.id in self._bells:
            self._rung.add(queue.id)
            tx.wake(visible_at, BELL)
        for listener in self._listeners:
            listener(tx, queue, visible_at)

    @contextmanager
    def bell(self, queue: Queue) -> Generator[asyncio.Event]:
        """An event that is set whenever something may have arrived in the queue, after the commit."""
        bell = asyncio.Event()
        bells = self._bells.setdefault(queue.id, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells and self._bells.get(queue.id) is bells:
                del self._bells[queue.id]

    def waiting(self) -> int:
        """How many long polls wait."""
        return sum(len(bells) for bells in self._bells.values())

    def _ring(self, due: Mapping[str, float]) -> None:
        """A commit scheduled something: if it was ours, wake the long polls of those queues."""
        for queue_id in self._rung:
            for bell in self._bells.get(queue_id, ()):
                bell.set()
        self._rung.clear()
