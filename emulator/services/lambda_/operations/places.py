"""Who runs: invocations counted per function and per account, and why one more may not run (lambda_invoke 1.4).

A place dies with the process, as its invocation does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from emulator.aws.scope import Scope
from emulator.ports import FunctionSpec
from emulator.services.lambda_.rules.errors import throttled
from emulator.settings import LiveSettings

K = TypeVar("K")

RESERVED_USED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT_USED = "ConcurrentInvocationLimitExceeded"


class Runnable(Protocol):
    """What must be known of a function to decide (`state.Resolved`)."""

    @property
    def spec(self) -> FunctionSpec: ...
    @property
    def provisioned_spec(self) -> FunctionSpec: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def reserved(self) -> int | None: ...
    @property
    def reserved_in_total(self) -> int: ...
    @property
    def provisioned(self) -> int: ...
    @property
    def provisioned_arn(self) -> str: ...
    @property
    def provisioned_in_function(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A place to run in, given back when the block ends."""

    spec: FunctionSpec
    """The function in the kind of environment that the place stands for."""
    running: int
    """Invocations of the function that run now, this one included."""
    release: Callable[[], None]
    provisioned: int = 0
    """Invocations in provisioned places of this kind, this one included; 0 if this one has none."""

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Concurrency:
    """The places of all functions: provisioned ones, those a function reserves, and what the account shares."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        # Not Counters: these are written in Python, which shows on the way of every invocation.
        self._running: dict[str, int] = {}
        self._on_demand: dict[str, int] = {}
        self._provisioned: dict[str, int] = {}
        self._shared: dict[Scope, int] = {}

    def acquire(self, function: Runnable) -> Place:
        """Take a place: provisioned first, then the function's reserve or else the account's. Raises 429.

        What a function provisions is part of what it reserves: only the rest serves other invocations
        [R:test_reserved_provisioned_overlap].
        """
        arn, scope = function.spec.arn, function.scope
        if function.reserved == 0:
            raise throttled(RESERVED_USED)
        if self._provisioned.get(function.provisioned_arn, 0) < function.provisioned:
            ready = function.provisioned_arn
            _more(self._provisioned, ready)
            running = self._provisioned[ready]
            return self._place(arn, function.provisioned_spec, lambda: _less(self._provisioned, ready), running)
        if function.reserved is not None:
            if self._on_demand.get(arn, 0) >= function.reserved - function.provisioned_in_function:
                raise throttled(RESERVED_USED)
            _more(self._on_demand, arn)
            return self._place(arn, function.spec, lambda: _less(self._on_demand, arn))
        if self._shared.get(scope, 0) >= self._settings.account_concurrency - function.reserved_in_total:
            raise throttled(ACCOUNT_USED)
        _more(self._on_demand, arn)
        _more(self._shared, scope)

        def release() -> None:
            _less(self._on_demand, arn)
            _less(self._shared, scope)

        return self._place(arn, function.spec, release)

    def anything_runs(self) -> bool:
        """Whether any invocation holds a place."""
        return bool(self._running)

    def _place(self, arn: str, spec: FunctionSpec, release: Callable[[], None], provisioned: int = 0) -> Place:
        _more(self._running, arn)

        def leave() -> None:
            _less(self._running, arn)
            release()

        return Place(spec, self._running[arn], leave, provisioned)


def _more(counts: dict[K, int], key: K) -> None:
    counts[key] = counts.get(key, 0) + 1


def _less(counts: dict[K, int], key: K) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]
