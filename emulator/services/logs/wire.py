"""CloudWatch Logs at the edge: its operations by AWS's names."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.aws.scope import Scope
from emulator.aws.service import Context, JobKind, Mounted
from emulator.ports import Transaction
from emulator.services.logs.ingest import SWEEP_JOB, Ingest
from emulator.services.logs.model import StoredEvent
from emulator.services.logs.store import SCHEMA
from emulator.services.logs.worker import Sweeper

SWEEPS_AT_ONCE = 1


class NoWatchers:
    """No filters yet."""

    def saw(self, tx: Transaction, scope: Scope, group_id: int, stream: str, events: Sequence[StoredEvent]) -> None:
        """Nothing watches."""


def mount(context: Context) -> Mounted:
    """Build CloudWatch Logs for `app.py`, and give `context` its log sink."""
    context.logs = Ingest(NoWatchers())
    sweeper = Sweeper(context.store)
    return Mounted(services=[], schema=SCHEMA, jobs={SWEEP_JOB: JobKind(sweeper.sweep, lambda: SWEEPS_AT_ONCE)})
