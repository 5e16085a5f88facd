"""Gauges: how full a queue is and how old its oldest message, measured at every full minute while it is active.

Source: developer guide, "Available CloudWatch metrics for Amazon SQS". Counting is one walk through an index, once
a minute and on nobody's way.
"""

from __future__ import annotations

from emulator import jobs
from emulator.aws.telemetry import Datum
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.model import Queue
from emulator.services.sqs.operations.state import GAUGE_JOB, SqsState

POISON_RECEIVES = 3
"""A message of a standard queue that was received that often goes to the back; its age does not count any more [D]."""
_WITHOUT_LIMIT = 1 << 62


class GaugeOperations(SqsState):
    """What a queue's job of every minute does."""

    def measure_gauges(self, tx: Transaction, job: Job) -> None:
        """Measure a queue and queue the next minute's, until it is no longer active."""
        queue = tables.queue_by_id(tx, job.payload["queue"])
        if queue is None:
            jobs.complete(tx, job.id)
        elif queue.active_until is None or queue.active_until <= tx.now:
            tables.set_active_until(tx, queue, None)
            jobs.complete(tx, job.id)
        elif jobs.reschedule(tx, job.id, float((int(tx.now) // 60 + 1) * 60), kind=GAUGE_JOB):
            self.sample(tx, queue, gauges(tx, queue))


def gauges(tx: Transaction, queue: Queue) -> list[Datum]:
    """What CloudWatch is told of a queue as it is now."""
    visible, in_flight, delayed = tables.counts(tx, queue)
    data = [
        Datum("ApproximateNumberOfMessagesVisible", float(visible)),
        Datum("ApproximateNumberOfMessagesNotVisible", float(in_flight)),
        Datum("ApproximateNumberOfMessagesDelayed", float(delayed)),
    ]
    if queue.fifo:
        groups = float(tables.groups_in_flight(tx, queue))
        data.append(Datum("ApproximateNumberOfGroupsWithInflightMessages", groups))
    since = tables.oldest_since(tx, queue, _WITHOUT_LIMIT if queue.fifo else POISON_RECEIVES)
    if since is not None:
        data.append(Datum("ApproximateAgeOfOldestMessage", float(int(tx.now - since)), "Seconds"))
    return data
