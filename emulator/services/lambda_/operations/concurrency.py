"""Who runs: invocations counted per function and per account, and why one more may not run (lambda_invoke 1.4)."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from emulator.aws.scope import Scope
from emulator.ports import FunctionSpec
from emulator.settings import LiveSettings


class Runnable(Protocol):
    """What must be known of a function to decide (`state.Resolved`)."""

    @property
    def spec(self) -> FunctionSpec: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def reserved(self) -> int | None: ...
    @property
    def reserved_in_total(self) -> int: ...


class Concurrency:
    """Running invocations per function and per scope; a slot dies with the process, as its invocation does."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        self._functions: Counter[str] = Counter()
        self._shared: Counter[Scope] = Counter()

    def acquire(self, function: Runnable) -> str | None:
        """Take a slot, or say why there is none (a `ThrottleReason`)."""
        arn = function.spec.arn
        if function.reserved is not None:
            if self._functions[arn] >= function.reserved:
                return "ReservedFunctionConcurrentInvocationLimitExceeded"
        elif self._shared[function.scope] >= self._settings.account_concurrency - function.reserved_in_total:
            return "ConcurrentInvocationLimitExceeded"
        else:
            self._shared[function.scope] += 1
        self._functions[arn] += 1
        return None

    def release(self, function: Runnable) -> None:
        """Give back the slot that `acquire` gave for the same `function`."""
        self._functions[function.spec.arn] -= 1
        if self._functions[function.spec.arn] <= 0:
            del self._functions[function.spec.arn]
        if function.reserved is None:
            self._shared[function.scope] -= 1

    def anything_runs(self) -> bool:
        """Whether any invocation holds a slot."""
        return bool(self._functions)
