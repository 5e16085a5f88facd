"""How an AWS service is offered to the edge and to other services: a table from operation to method.

An operation is either a synchronous method `(tx, scope, request) -> dict`, run in one transaction, or a
coroutine method `(scope, request) -> dict` where AWS itself makes the caller wait. `request` and result are
in boto3's shape. A name that AWS's model has and the table has not is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from emulator.aws.callers import AnySignature, Signatures
from emulator.aws.data_planes import DataPlanes
from emulator.aws.errors import NotEmulated
from emulator.aws.request_traces import RequestTraces
from emulator.aws.scope import Scope
from emulator.aws.telemetry import LogSink, MetricSink
from emulator.faults import Faults
from emulator.jobs import Job
from emulator.ports import Clock, FunctionRuntime, HttpSender, Mailer, Store, SupportingServices
from emulator.settings import LiveSettings

if TYPE_CHECKING:
    from emulator.aws.apis import AwsApis
    from emulator.aws.calls import Calls
    from emulator.aws.edge import DataPlane
    from emulator.aws.sockets import SocketPlane

READ_PREFIXES = ("Get", "List", "Describe", "Head")


class FrontDoorLimit(NamedTuple):
    """What the front end of a service says of a request before the service reads it."""

    refused_above: int
    """Bytes of a body that are still let in."""
    named_bytes: int
    """The limit its refusal names, and the name it has for the operation."""
    named: str


class Service:
    """One emulated AWS service: `name` is botocore's service name.

    A service's wire.py may add three methods that the edge calls if they are there: `prepare(operation, http_request,
    parameters)` before an operation, to take over what AWS's model does not state (a header, say), and
    `finish(operation, result, http_response)` after it; `reworded(operation, http_request, error)` has another error
    for what cannot be read, where AWS's service has one of its own.
    """

    front_door_limits: Mapping[str, FrontDoorLimit] = {}
    """By operation; only of those that AWS refuses by size in a text of the front end's own."""
    prepared: frozenset[str] = frozenset()
    """Operations for which `call` does more than their method in a transaction, as for code that comes from S3."""

    def __init__(self, name: str, store: Store, operations: Mapping[str, Callable[..., Any]]) -> None:
        self.name = name
        self.store = store
        self._operations = dict(operations)
        self._for_services: dict[str, Callable[..., dict[str, Any]]] = {}
        self._waits = {op for op, method in operations.items() if inspect.iscoroutinefunction(method)}

    @property
    def operations(self) -> Mapping[str, Callable[..., Any]]:
        """What it answers, by AWS's names."""
        return self._operations

    def offer_in_transaction(self, operation: str, method: Callable[..., dict[str, Any]]) -> None:
        """Offer other services a `(tx, scope, request)` form of an operation that makes callers at the edge wait."""
        self._for_services[operation] = method

    def transactional(self, operation: str) -> Callable[..., dict[str, Any]] | None:
        """The `(tx, scope, request)` method of an operation, or None if it is absent or makes its caller wait."""
        if operation in self._waits:
            return self._for_services.get(operation)
        return self._operations.get(operation)

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The request of a `prepared` operation with what it refers to elsewhere, ready for `transactional`."""
        return request

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        """Run an operation for a caller at the edge. Raises `AwsError` or `NotEmulated`.

        A service's wire.py overrides this for operations that need `request_id`.
        """
        method = self._operations.get(operation)
        if method is None:
            raise NotEmulated(self.name, operation)
        if operation in self._waits:
            return await method(scope, request)
        if operation.startswith(READ_PREFIXES):
            return await self.store.read(lambda tx: method(tx, scope, request))
        return await self.store.transact(lambda tx: method(tx, scope, request))


class LateService(Service):
    """A service that is made when somebody first asks it: who never does need not load its modules."""

    def __init__(self, name: str, store: Store, prepared: frozenset[str], make: Callable[[], Service]) -> None:
        super().__init__(name, store, {})
        self.prepared = prepared
        self._make = make

    @property
    def operations(self) -> Mapping[str, Callable[..., Any]]:
        return self._make().operations

    def transactional(self, operation: str) -> Callable[..., dict[str, Any]] | None:
        return self._make().transactional(operation)

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return await self._make().prefetch(operation, scope, request)

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        return await self._make().call(operation, scope, request, request_id)


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
    calls: Calls
    """Operations of other services, in the caller's transaction."""
    apis: AwsApis
    """All services as clients reach them, by raw request: for API Gateway, which is such a client."""
    logs: LogSink
    """CloudWatch Logs."""
    metrics: MetricSink
    """CloudWatch metrics."""
    supporting: SupportingServices
    """Delegated services, for what has to be fetched from them before a transaction (an object in S3)."""
    mailer: Mailer | None = None
    http: HttpSender | None = None
    base_url: str = "http://localhost:4566"
    private_integrations: tuple[str, ...] = ()
    """`ARN=URL`: what is behind the ARNs of private integrations."""
    cognito_jwks: str = ""
    """The keys of Cognito user pools: a JWKS document, or the URL of one."""
    traces: RequestTraces = field(default_factory=lambda: RequestTraces(LiveSettings()))
    """Where data planes leave what happened to each request."""
    mock_file: Callable[[], str | None] = lambda: None
    """The mock configuration file of Step Functions Local, as it is now."""
    planes: DataPlanes = field(default_factory=DataPlanes)
    """What users have deployed, for tasks that call it: complete once everything is mounted."""
    signatures: Signatures = field(default_factory=AnySignature)
    """Judges the signatures of requests to what users have deployed."""
    faults: Faults = field(default_factory=lambda: Faults(float))
    """The fault plans in force; whoever could fail asks them."""
    count_coverage: bool = False
    """Whether Step Functions counts what of definitions was taken."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """Who runs jobs of a kind, and how many at a time (asked anew each time)."""

    handler: Callable[[Job], Coroutine[Any, Any, None]]
    limit: Callable[[], int]
    recurring: bool = False
    """Such a job leads to the next of its kind for ever (a schedule), so settling does not wait for it."""


@dataclass(slots=True)
class Mounted:
    """What a service folder gives to `app.py`."""

    services: list[Service]
    schema: str
    jobs: dict[str, JobKind] = field(default_factory=dict)
    operations: Any = None
    """The service's operations object, for services downstream of it."""
    data_planes: list[DataPlane] = field(default_factory=list["DataPlane"])
    """What answers requests to what users have deployed in this service."""
    start: Callable[[], Awaitable[None]] | None = None
    """Called before serving: jobs for what a stopped emulator had in memory."""
    socket_planes: list[SocketPlane] = field(default_factory=list["SocketPlane"])
    """What holds conversations with clients of what users have deployed."""
