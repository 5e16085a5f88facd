"""How an AWS service is offered to the edge and to other services: a table from operation to method.

An operation is either a synchronous method `(tx, scope, request) -> dict`, run in one transaction, or a
coroutine method `(scope, request) -> dict` where AWS itself makes the caller wait. `request` and result are
in boto3's shape. A name that AWS's model has and the table has not is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Clock, FunctionRuntime, Mailer, Store
from emulator.settings import LiveSettings

READ_PREFIXES = ("Get", "List", "Describe", "Head")


class Service:
    """One emulated AWS service: `name` is botocore's service name."""

    def __init__(self, name: str, store: Store, operations: Mapping[str, Callable[..., Any]]) -> None:
        self.name = name
        self.store = store
        self.operations = dict(operations)
        self._waits = {op for op, method in operations.items() if inspect.iscoroutinefunction(method)}

    def transactional(self, operation: str) -> Callable[..., dict[str, Any]] | None:
        """The `(tx, scope, request)` method of an operation, or None if it is absent or makes its caller wait."""
        return None if operation in self._waits else self.operations.get(operation)

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        """Run an operation for a caller at the edge. Raises `AwsError` or `NotEmulated`.

        A service's wire.py overrides this for operations that need `request_id`.
        """
        method = self.operations.get(operation)
        if method is None:
            raise NotEmulated(self.name, operation)
        if operation in self._waits:
            return await method(scope, request)
        if operation.startswith(READ_PREFIXES):
            return await self.store.read(lambda tx: method(tx, scope, request))
        return await self.store.transact(lambda tx: method(tx, scope, request))


class Services:
    """All emulated services by botocore name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Service] = {}

    def add(self, service: Service) -> None:
        """Offer a service."""
        self._by_name[service.name] = service

    def get(self, name: str) -> Service | None:
        """The service with botocore name `name`, if it is emulated natively."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """Names of all native services, sorted."""
        return sorted(self._by_name)


@dataclass(slots=True)
class Context:
    """What a service is built from; `app.py` is the only one who fills it."""

    store: Store
    clock: Clock
    settings: LiveSettings
    services: Services
    runtime: FunctionRuntime
    mailer: Mailer | None = None
    base_url: str = "http://localhost:4566"


@dataclass(frozen=True, slots=True)
class JobKind:
    """Who runs jobs of a kind, and how many at a time (asked anew each time)."""

    handler: Callable[[Job], Coroutine[Any, Any, None]]
    limit: Callable[[], int]


@dataclass(slots=True)
class Mounted:
    """What a service folder gives to `app.py`."""

    services: list[Service]
    schema: str
    jobs: dict[str, JobKind] = field(default_factory=dict)
    operations: Any = None
    """The service's operations object, for services downstream of it."""
