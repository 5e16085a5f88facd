"""What happens in SQS later: move tasks, gauges. Visibility, delays and retention need no job: the clock tells them."""

from __future__ import annotations

from emulator.jobs import Job
from emulator.services.sqs.operations import SqsOperations


class QueueWorker:
    """Runs the jobs of kinds `sqs.move` and `sqs.gauges`."""

    def __init__(self, operations: SqsOperations) -> None:
        self._operations = operations

    async def move(self, job: Job) -> None:
        """Move some messages: one commit."""
        await self._operations.store.transact(lambda tx: self._operations.move_some(tx, job))

    async def measure(self, job: Job) -> None:
        """Measure a queue: one commit."""
        await self._operations.store.transact(lambda tx: self._operations.measure_gauges(tx, job))
