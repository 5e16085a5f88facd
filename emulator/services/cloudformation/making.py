"""CloudFormation's parts, put together: imported when somebody first asks for a stack (`wire.py`)."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.service import Context, Service
from emulator.ports import Store
from emulator.services.cloudformation.declared import READ_OPERATIONS
from emulator.services.cloudformation.deployment.silence import Silence
from emulator.services.cloudformation.deployment.steps import Steps
from emulator.services.cloudformation.deployment.worker import DeploymentWorker
from emulator.services.cloudformation.fetching import Fetching
from emulator.services.cloudformation.history import History
from emulator.services.cloudformation.operations import CloudFormationOperations
from emulator.services.cloudformation.operations.reading import Reading
from emulator.services.cloudformation.patience import Patience, is_look
from emulator.services.cloudformation.resources.running import Running
from emulator.services.cloudformation.responses import ResponsePlane


class CloudFormationService(Service):
    """Reads a request's template before its transaction, and lets who looks at a stack under way wait a little."""

    prepared = READ_OPERATIONS

    def __init__(
        self, store: Store, operations: CloudFormationOperations, reading: Reading, patience: Patience
    ) -> None:
        super().__init__("cloudformation", store, operations.table())
        self._reading = reading
        self._patience = patience

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return await self._reading.request(operation, scope, request)

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if operation in self.prepared and operation in self.operations:
            request = await self.prefetch(operation, scope, request)
        elif is_look(operation, request):
            await self._patience.settled(scope, request["StackName"])
        return await super().call(operation, scope, request, request_id)


class CloudFormation:
    """The service, its worker and its data plane."""

    def __init__(self, context: Context) -> None:
        history = History(context.calls)
        fetching = Fetching(context.calls, context.clock)
        operations = CloudFormationOperations(context.calls, history, context.settings)
        steps = Steps(context.store, Running(context.services, context.calls), history)
        self.worker = DeploymentWorker(context.store, steps, history, fetching, context.base_url)
        self.silence = Silence(context.store, context.calls, context.settings)
        patience = Patience(context.store, context.clock, operations)
        self.service = CloudFormationService(context.store, operations, Reading(context.store, fetching), patience)
        self.responses = ResponsePlane(context.store)
