"""How CloudFormation's parts are put together; its bytes are the query protocol's."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.ports import Store
from emulator.services.cloudformation.bootstrap import Bootstrap
from emulator.services.cloudformation.deployment.steps import Steps
from emulator.services.cloudformation.deployment.waking import DEPLOY
from emulator.services.cloudformation.deployment.worker import DeploymentWorker
from emulator.services.cloudformation.fetching import Fetching
from emulator.services.cloudformation.history import History
from emulator.services.cloudformation.operations import CloudFormationOperations
from emulator.services.cloudformation.operations.reading import READ_OPERATIONS, Reading
from emulator.services.cloudformation.resources.running import Running
from emulator.services.cloudformation.responses import ResponsePlane
from emulator.services.cloudformation.store import SCHEMA

STACKS_AT_ONCE = 8


class CloudFormationService(Service):
    """Reads a request's template before its transaction."""

    prepared = READ_OPERATIONS

    def __init__(self, store: Store, operations: CloudFormationOperations, reading: Reading) -> None:
        super().__init__("cloudformation", store, operations.table())
        self._reading = reading

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return await self._reading.request(operation, scope, request)

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if operation in self.prepared and operation in self.operations:
            request = await self.prefetch(operation, scope, request)
        return await super().call(operation, scope, request, request_id)


def mount(context: Context) -> Mounted:
    """The service `cloudformation`."""
    Bootstrap(context.calls, context.supporting)
    history = History(context.calls)
    fetching = Fetching(context.calls, context.clock)
    operations = CloudFormationOperations(context.calls, history, context.settings)
    steps = Steps(context.store, Running(context.services, context.calls), history)
    worker = DeploymentWorker(context.store, steps, history, fetching, context.base_url)
    service = CloudFormationService(context.store, operations, Reading(context.store, fetching))
    return Mounted(
        services=[service],
        schema=SCHEMA,
        jobs={DEPLOY: JobKind(worker.run, lambda: STACKS_AT_ONCE)},
        operations=operations,
        data_planes=[ResponsePlane(context.store)],
    )
