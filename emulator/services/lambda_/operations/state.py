"""What all Lambda operations share: the ports, resolved functions in memory, and who is running.

Decides how a name becomes something that can run, and whether there is capacity for it. The memory here is
only a copy (resolved functions) or dies with the process anyway (running invocations).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emulator import jobs
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import (
    Clock,
    FunctionRuntime,
    FunctionSpec,
    InvocationResult,
    LogEvent,
    Store,
    SupportingServices,
    Transaction,
)
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_layers, store_states
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.events import EventInvokeConfig, InvocationRecord
from emulator.services.lambda_.model import IN_PROGRESS, PENDING, Function
from emulator.services.lambda_.operations.function_layers import layer_sources
from emulator.services.lambda_.operations.pieces import Pieces
from emulator.services.lambda_.operations.places import Concurrency
from emulator.services.lambda_.rules.errors import (
    code_storage_exceeded,
    function_not_found,
    not_active,
    service_failure,
    stale_revision,
    unqualified_only,
    update_in_progress,
)
from emulator.services.lambda_.rules.names import LATEST, LATEST_PUBLISHED, FunctionName, function_arn, parse
from emulator.services.lambda_.telemetry import Telemetry
from emulator.settings import LiveSettings

PROVISION_JOB = "lambda.provision"
"""Starts or ends the environments of a provisioned concurrency config."""
CHANGE_JOB = "lambda.change"
"""Completes a creation or an update that takes time."""
MOST_CACHED = 10_000
MOST_RECENT = 1_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """A function ready to run, with what governs its invocations."""

    spec: FunctionSpec
    scope: Scope
    invoked_arn: str
    """As named by the caller: with a qualifier only if one was given."""
    reserved: int | None
    reserved_in_total: int
    """Set aside in the scope: reserved by functions, or provisioned for those that reserve none. The rest is shared."""
    event_config: EventInvokeConfig | None
    """Of the qualifier that was named, not of the version it leads to (2.3)."""
    qualifier: str | None = None
    """As named by the caller; `spec.version` is what it led to."""
    provisioned: int = 0
    """Environments that are ready for this invocation's qualifier."""
    provisioned_arn: str = ""
    """The version or alias that has them; they are counted by it."""
    provisioned_in_function: int = 0
    """Ready for all qualifiers of the function: of what it reserves, only the rest serves other invocations."""
    dead_letter_arn: str | None = None
    recursive_loop: str = "Terminate"
    """`Terminate` or `Allow` (2.7)."""
    pending: bool = False
    """It is still being created and cannot be invoked."""

    @property
    def provisioned_spec(self) -> FunctionSpec:
        """The same function in an environment that was kept ready."""
        return replace(self.spec, key=f"{self.spec.key}:provisioned", initialization_type="provisioned-concurrency")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a name leads: to one version, or to one of two by a draw per invocation."""

    primary: Resolved
    other: Resolved | None = None
    weight: float = 0.0
    """The probability of `other`."""

    def choose(self, draw: float) -> Resolved:
        """The version for a draw in [0, 1)."""
        return self.other if self.other is not None and draw < self.weight else self.primary


class LambdaState:
    """Base of the operation classes; `settings` are live and asked anew each time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: LiveSettings,
        runtime: FunctionRuntime,
        base_url: str,
        supporting: SupportingServices,
        telemetry: Telemetry,
    ) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.runtime = runtime
        self.base_url = base_url
        self.supporting = supporting
        self.telemetry = telemetry
        self.streams: set[asyncio.Task[InvocationResult]] = set()
        """Responses that are being streamed."""
        self.retirements: set[asyncio.Task[None]] = set()
        """Environments that are being ended."""
        self.concurrency = Concurrency(settings)
        self.recent_sync: deque[InvocationRecord] = deque(maxlen=MOST_RECENT)
        self._routes: dict[tuple[Scope, str, str | None], Route] = {}
        self._generation = 0

    def forget_cached(self) -> None:
        """After a reset: nothing in memory outlives the store's rows. Running invocations keep their slots."""
        self.function_changed()
        self.recent_sync.clear()

    def function_changed(self) -> None:
        """Resolve anew from now on: something about a function changed."""
        self._generation += 1
        self._routes.clear()

    async def resolve(self, named: FunctionName) -> Resolved:
        """The version to run now. Raises 404 as Invoke does: unqualified names are told with `:$LATEST`."""
        key = (named.scope, named.name, named.qualifier)
        route = self._routes.get(key)
        if route is None:
            generation = self._generation
            route = await self.store.read(lambda tx: self.route(tx, named), behind=True)
            if generation == self._generation:
                if len(self._routes) >= MOST_CACHED:
                    self._routes.clear()
                self._routes[key] = route
        if route.other is None:
            return route.primary
        return route.choose(await self.store.read(lambda tx: tx.random(), behind=True))

    def find_version(self, tx: Transaction, named: FunctionName) -> Function | None:
        """What a name means: `$LATEST`, a published version, or the version an alias mainly leads to."""
        qualifier = named.qualifier
        if qualifier is None or qualifier == LATEST:
            return tables.find_function(tx, named.scope, named.name)
        if versions.is_number(qualifier):
            return versions.find_version(tx, named.scope, named.name, qualifier)
        alias = versions.find_alias(tx, named.scope, named.name, qualifier)
        if alias is None:
            return None
        return self.find_version(tx, FunctionName(named.scope, named.name, alias.version))

    def function_to_change(self, tx: Transaction, scope: Scope, request: dict[str, Any], action: str) -> Function:
        """The `$LATEST` a request wants to change, under the revision it expects. Raises AWS's 400, 404, 412."""
        named = parse(request["FunctionName"], scope, action=action)
        if named.qualifier not in (None, LATEST):
            raise unqualified_only()
        function = tables.find_function(tx, scope, named.name)
        if function is None:
            raise function_not_found(named.arn)
        if request.get("RevisionId") not in (None, function.revision_id):
            raise stale_revision("GetFunction/GetAlias")
        if function.transition == PENDING:
            raise not_active(PENDING)
        if function.transition == IN_PROGRESS:
            raise update_in_progress(function.arn)
        return function

    def begin_change(
        self, tx: Transaction, function: Function, transition: str, previous: Function | None = None
    ) -> Function:
        """What the answer to a creation or update shows: the change under way, under a revision of its own.

        The rest of it is a job, unless it takes no time (docs/decisions/0005). Until then invocations run `previous`.
        """
        seconds = self.settings.function_change_seconds
        if seconds <= 0:
            if previous is not None:
                self.retire(tx, function.arn, function.version)
            return function.changed(transition=transition, revision_id=tx.new_id())
        token = tx.new_id()
        store_states.begin(tx, function, transition, token, previous)
        where = {"account": function.scope.account, "region": function.scope.region, "name": function.name}
        jobs.enqueue(
            tx, CHANGE_JOB, {**where, "version": function.version, "token": token}, tx.now + seconds, owner=function.arn
        )
        return function.changed(transition=transition)

    def code_bytes(self, tx: Transaction, scope: Scope) -> int:
        """What counts as the account's code: of functions, versions and layers."""
        return tables.usage(tx, scope)[1] + versions.code_bytes(tx, scope) + store_layers.total_size(tx, scope)

    def check_code_storage(self, tx: Transaction, scope: Scope) -> None:
        """Raise AWS's 400 if what this transaction has stored is more than the account may have."""
        if self.code_bytes(tx, scope) > self.settings.code_storage_bytes:
            raise code_storage_exceeded()

    def pieces(self) -> Pieces:
        """Where a function streams its response into."""
        return Pieces(self.settings.response_stream_bytes)

    def retire(self, tx: Transaction, arn: str, version: str | None) -> None:
        """Once this change is committed, end what runs a function (or one version of it) as it was."""

        def discard() -> None:
            # The first step marks them; it comes before the answer's, which is scheduled after the commit as well.
            task = asyncio.get_running_loop().create_task(self.runtime.discard(arn, version))
            self.retirements.add(task)
            task.add_done_callback(self.retirements.discard)

        tx.after_commit(discard)

    def resolve_in(self, tx: Transaction, named: FunctionName) -> Resolved:
        """`resolve` within a transaction, past the memory of resolved functions."""
        return self._resolve(tx, named)

    def _resolve(self, tx: Transaction, named: FunctionName) -> Resolved:
        route = self.route(tx, named)
        return route.primary if route.other is None else route.choose(tx.random())

    def on_logs(self, function: Resolved) -> Callable[[str, Sequence[LogEvent]], None]:
        """Writes what the function has logged while it still runs; nobody waits for it."""
        scope, log_group, wrote = function.scope, function.spec.log_group, self.telemetry.wrote

        def write(log_stream: str, events: Sequence[LogEvent]) -> None:
            self.store.post(lambda tx: wrote(tx, scope, log_group, log_stream, events))

        return write

    def provision_later(self, tx: Transaction, scope: Scope, name: str, qualifier: str) -> None:
        """Have the environments started, or ended, that a version or alias keeps ahead of invocations."""
        arn = f"{function_arn(scope, name)}:{qualifier}"
        where = {"account": scope.account, "region": scope.region, "name": name, "qualifier": qualifier}
        jobs.cancel(tx, f"{PROVISION_JOB} {arn}")
        due_at = tx.now + self.settings.function_change_seconds
        jobs.enqueue(tx, PROVISION_JOB, where, due_at, key=f"{PROVISION_JOB} {arn}", owner=arn)

    def route(self, tx: Transaction, named: FunctionName) -> Route:
        """Where a name leads. Raises AWS's 404."""
        latest = tables.find_function(tx, named.scope, named.name)
        if latest is not None and named.qualifier == LATEST_PUBLISHED:
            raise AwsError(
                "NoPublishedVersionException", "The function has no published version.", 400, {"Type": "User"}
            )
        primary = self.find_version(tx, named)
        if latest is None or primary is None:
            raise function_not_found(named.version_arn)
        alias = versions.find_alias(tx, named.scope, named.name, named.qualifier) if named.qualifier else None
        route = Route(self._resolved(tx, named, latest, primary))
        for version, weight in (alias.weights if alias is not None else {}).items():
            other = self.find_version(tx, FunctionName(named.scope, named.name, version))
            if other is not None:
                route = Route(route.primary, self._resolved(tx, named, latest, other), weight)
        return route

    def _resolved(self, tx: Transaction, named: FunctionName, latest: Function, function: Function) -> Resolved:
        scope, name = named.scope, named.name
        # A config of the qualifier that was named, else of the version behind it: AWS allows no two (unverified).
        ready = None
        for qualifier in dict.fromkeys((named.qualifier or LATEST, function.version)):
            ready = ready or versions.find_provisioned(tx, scope, name, qualifier)
        function = store_states.find_running(tx, function) if function.transition == IN_PROGRESS else function
        return Resolved(
            self._spec(tx, function),
            scope,
            named.arn_as_named,
            latest.reserved_concurrency,
            tables.reserved_in_total(tx, scope) + versions.provisioned_outside_reserved(tx, scope),
            tables.find_event_config(tx, scope, name, named.qualifier or LATEST),
            qualifier=named.qualifier,
            provisioned=ready.allocated if ready is not None else 0,
            provisioned_arn=f"{function.arn}:{ready.qualifier}" if ready is not None else "",
            provisioned_in_function=versions.allocated_to_function(tx, scope, name),
            dead_letter_arn=function.configuration.get("DeadLetterConfig", {}).get("TargetArn"),
            recursive_loop=latest.recursive_loop,
            pending=function.transition == PENDING,
        )

    def _spec(self, tx: Transaction, function: Function) -> FunctionSpec:
        configuration = function.configuration
        logging = configuration["LoggingConfig"]
        return FunctionSpec(
            key=f"{function.version_arn}:{function.last_modified}:{function.fingerprint}",
            arn=function.arn,
            name=function.name,
            version=function.version,
            runtime=configuration["Runtime"],
            handler=configuration["Handler"],
            timeout_seconds=float(configuration["Timeout"]),
            memory_mb=configuration["MemorySize"],
            environment=dict(configuration.get("Environment", {}).get("Variables", {})),
            code_sha256=function.code_sha256,
            load_code=self._loader(function.scope, function.code_sha256),
            account=function.scope.account,
            region=function.scope.region,
            log_group=logging["LogGroup"],
            source_directory=function.folder,
            required_directory=function.required_folder,
            initialization_type="snap-start"
            if configuration["SnapStart"]["OptimizationStatus"] == "On"
            else "on-demand",
            log_format=logging["LogFormat"],
            runtime_version_arn=function.runtime_version_arn,
            application_log_level=logging.get("ApplicationLogLevel"),
            system_log_level=logging.get("SystemLogLevel"),
            layers=layer_sources(tx, self.store, configuration.get("Layers", [])),
        )

    def _loader(self, scope: Scope, sha256: str) -> Callable[[], Awaitable[bytes]]:
        async def load() -> bytes:
            package = await self.store.read(lambda tx: tables.load_package(tx, scope, sha256))
            if package is None:  # deleted between resolving and loading: the caller may ask again
                raise service_failure()
            return package

        return load
