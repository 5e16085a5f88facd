"""What happens later to functions themselves: changes that take time become complete, environments are kept ready.

Decides nothing: how long a change takes is a setting, what it means meanwhile is `operations/state.py`'s, how many
environments are wanted is `operations/provisioned.py`'s.
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
    """Runs `lambda.change` and `lambda.provision`."""

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

    async def start(self) -> None:
        """Environments died with the emulator that ran before; those that are provisioned are started anew."""
        store = self._operations.store
        if await store.read(versions.everything_provisioned):
            await store.transact(self._provision_everything)

    def _provision_everything(self, tx: Transaction) -> None:
        for scope, name, qualifier in versions.everything_provisioned(tx):
            self._operations.provision_later(tx, scope, name, qualifier)

    async def provision(self, job: Job) -> None:
        """Start what a config asks for and end what none does; then tell how that went."""
        operations, payload = self._operations, job.payload
        scope, name, qualifier = Scope(payload["account"], payload["region"]), payload["name"], payload["qualifier"]
        wanted = await operations.store.read(lambda tx: operations.provisions(tx, scope, name, qualifier))
        owner = f"{function_arn(scope, name)}:{qualifier}"
        with operations.clock.parked():
            problem = await operations.runtime.provision(owner, wanted)
            if problem is not None:
                await operations.runtime.provision(owner, [])
        await operations.store.transact(lambda tx: self._commit_provision(tx, job, scope, name, qualifier, problem))

    def _commit_provision(
        self, tx: Transaction, job: Job, scope: Scope, name: str, qualifier: str, problem: str | None
    ) -> None:
        if not jobs.complete(tx, job.id):
            return  # the config has changed since; another job sees to it
        config = versions.find_provisioned(tx, scope, name, qualifier)
        if config is not None:
            ended = config.ready() if problem is None else config.failed()
            versions.save_provisioned(tx, scope, name, ended)
            self._operations.function_changed()
