"""What happens later to functions themselves: creations and updates that take time become complete.

Decides nothing: how long a change takes is a setting, what it means meanwhile is `operations/state.py`'s.
"""

from __future__ import annotations

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_states
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.rules.names import LATEST, function_arn


class LifecycleWorker:
    """Runs `lambda.change`."""

    def __init__(self, operations: LambdaOperations) -> None:
        self._operations = operations

    async def complete_change(self, job: Job) -> None:
        """A created function is active, an updated one runs its new code; both under a new revision: one commit."""
        await self._operations.store.transact(lambda tx: self._commit_change(tx, job))

    def _commit_change(self, tx: Transaction, job: Job) -> None:
        if not jobs.complete(tx, job.id):
            return
        scope = Scope(job.payload["account"], job.payload["region"])
        name, version = job.payload["name"], job.payload["version"]
        if not store_states.end(tx, scope, name, version, job.payload["token"]):
            return  # deleted since
        if version == LATEST:
            function = tables.find_function(tx, scope, name)
            assert function is not None, "its transition goes with it"
            tables.save_function(tx, function.changed(revision_id=tx.new_id()))
        else:
            published = versions.find_version(tx, scope, name, version)
            assert published is not None, "its transition goes with it"
            versions.change_revision(tx, published, tx.new_id())
        self._operations.retire(tx, function_arn(scope, name), version)
        self._operations.function_changed()
