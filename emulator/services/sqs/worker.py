"""What happens in SQS later: move tasks. Visibility, delays and retention need no job, they are read from the clock."""

from __future__ import annotations

from emulator.jobs import Job
from emulator.services.sqs.operations import SqsOperations


class MoveWorker:
    """Runs the jobs of kind `sqs.move`."""

    def __init__(self, operations: SqsOperations) -> None:
        self._operations = operations

    async def move(self, job: Job) -> None:
        """Move some messages: one commit."""
        await self._operations.store.transact(lambda tx: self._operations.move_some(tx, job))
