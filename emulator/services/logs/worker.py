"""What happens to log events later: those beyond their group's retention are deleted."""

from __future__ import annotations

from emulator import jobs
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.logs import store
from emulator.services.logs.model import milliseconds

BATCHES_AT_ONCE = 1000
"""Writes deleted in one commit: a sweep never holds up others for long."""


class Sweeper:
    """Runs `logs.sweep` jobs."""

    def __init__(self, rows: Store) -> None:
        self._rows = rows

    async def sweep(self, job: Job) -> None:
        """Delete expired events of one group, a commit for each piece."""
        await self._rows.transact(lambda tx: _sweep(tx, job))


def _sweep(tx: Transaction, job: Job) -> None:
    group = store.group_by_id(tx, job.payload["group"])
    if group is not None and group.retention_days is not None:
        before = group.oldest_kept(milliseconds(tx.now))
        if store.expire(tx, group.id, before, BATCHES_AT_ONCE) == BATCHES_AT_ONCE:
            jobs.reschedule(tx, job.id, tx.now)
            return
    jobs.complete(tx, job.id)
