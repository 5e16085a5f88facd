"""Asynchronous events that a fault plan has delivered twice, or late so that others overtake them."""

from __future__ import annotations

from dataclasses import replace

from emulator import faults, jobs
from emulator.aws.service import JobKind
from emulator.faults import Faults
from emulator.jobs import Job
from emulator.ports import Store, Transaction

HERE = (faults.TWICE, faults.OUT_OF_ORDER)


def faulty_events(kind: JobKind, store: Store, plans: Faults) -> JobKind:
    """The kind of job that delivers events, whose owner is their function's ARN; its events obey the plan."""

    async def deliver(job: Job) -> None:
        if plans.active and not await _held_back(job):
            return
        await kind.handler(job)

    async def _held_back(job: Job) -> bool:
        """Whether the event is delivered now, after the plan was asked."""
        parts = job.owner.split(":")
        fault = plans.strike(faults.FUNCTION, parts[6], parts[4], HERE, counted=False) if len(parts) > 6 else None
        if fault is None:
            return True

        def change(tx: Transaction) -> None:
            if fault.fault == faults.TWICE:
                jobs.append(tx, job.kind, job.payload, job.body, job.owner)
            else:
                jobs.reschedule(tx, job.id, tx.now + fault.delay, kind=job.kind)

        await store.transact(change)
        return fault.fault == faults.TWICE

    return replace(kind, handler=deliver)
