"""What all Lambda operations share: the ports, resolved functions in memory, and who is running.

Decides how a name becomes something that can run, and whether there is capacity for it. The memory here is
only a copy (resolved functions) or dies with the process anyway (running invocations).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Clock, FunctionRuntime, FunctionSpec, Store, Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_.events import EventInvokeConfig, InvocationRecord
from emulator.services.lambda_.model import Function
from emulator.services.lambda_.operations.concurrency import Concurrency
from emulator.services.lambda_.rules.errors import function_not_found, service_failure
from emulator.services.lambda_.rules.names import LATEST, LATEST_PUBLISHED, FunctionName
from emulator.settings import LiveSettings

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
    """Reserved by all functions of the scope; the rest is shared."""
    event_config: EventInvokeConfig | None


class LambdaState:
    """Base of the operation classes; `settings` are live and asked anew each time."""

    def __init__(
        self, store: Store, clock: Clock, settings: LiveSettings, runtime: FunctionRuntime, base_url: str
    ) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.runtime = runtime
        self.base_url = base_url
        self.concurrency = Concurrency(settings)
        self.recent_sync: deque[InvocationRecord] = deque(maxlen=MOST_RECENT)
        self._resolved: dict[tuple[Scope, str, str | None], Resolved] = {}
        self._generation = 0

    def forget_cached(self) -> None:
        """After a reset: nothing in memory outlives the store's rows. Running invocations keep their slots."""
        self.function_changed()
        self.recent_sync.clear()

    def function_changed(self) -> None:
        """Resolve anew from now on: something about a function changed."""
        self._generation += 1
        self._resolved.clear()

    async def resolve(self, named: FunctionName) -> Resolved:
        """The function to run now. Raises 404 as Invoke does: unqualified names are told with `:$LATEST`."""
        key = (named.scope, named.name, named.qualifier)
        known = self._resolved.get(key)
        if known is not None:
            return known
        generation = self._generation
        resolved = await self.store.read(lambda tx: self._resolve(tx, named))
        if generation == self._generation:
            if len(self._resolved) >= MOST_CACHED:
                self._resolved.clear()
            self._resolved[key] = resolved
        return resolved

    def _resolve(self, tx: Transaction, named: FunctionName) -> Resolved:
        function = tables.find_function(tx, named.scope, named.name)
        if function is not None and named.qualifier == LATEST_PUBLISHED:
            raise AwsError(
                "NoPublishedVersionException", "The function has no published version.", 400, {"Type": "User"}
            )
        if function is None or not named.is_latest:
            raise function_not_found(named.version_arn)
        return Resolved(
            self._spec(function),
            named.scope,
            named.arn_as_named,
            function.reserved_concurrency,
            tables.reserved_in_total(tx, named.scope),
            tables.find_event_config(tx, named.scope, named.name, named.qualifier or LATEST),
        )

    def _spec(self, function: Function) -> FunctionSpec:
        configuration = function.configuration
        return FunctionSpec(
            key=f"{function.arn}:{LATEST}:{function.revision_id}",
            arn=function.arn,
            name=function.name,
            version=LATEST,
            runtime=configuration["Runtime"],
            handler=configuration["Handler"],
            timeout_seconds=float(configuration["Timeout"]),
            memory_mb=configuration["MemorySize"],
            environment=dict(configuration.get("Environment", {}).get("Variables", {})),
            code_sha256=function.code_sha256,
            load_code=self._loader(function.scope, function.code_sha256),
            account=function.scope.account,
            region=function.scope.region,
            log_group=configuration["LoggingConfig"]["LogGroup"],
        )

    def _loader(self, scope: Scope, sha256: str) -> Callable[[], Awaitable[bytes]]:
        async def load() -> bytes:
            package = await self.store.read(lambda tx: tables.load_package(tx, scope, sha256))
            if package is None:  # deleted between resolving and loading: the caller may ask again
                raise service_failure()
            return package

        return load
