"""Environments that are started ahead of invocations, and replaced when they end: provisioned concurrency.

Decides how many of which function are kept: those that their owners want, the earliest wish first, up to a limit of the
machine. Which of them serves an invocation is the pool's; the pool tells when one has ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from emulator.ports import FunctionSpec, Provision
from emulator.settings import LiveSettings

from . import outcomes
from .debugging import PortInUse
from .environment import ExecutionEnvironment, Hold
from .init_phase import initialise, ready
from .kinds import EnvironmentKind
from .packages import InvalidPackage
from .pool import Pool

logger = logging.getLogger("emulator.functions")


class ProvisionedEnvironments:
    """Which environments must be there although nobody invokes them."""

    def __init__(
        self,
        pool: Pool,
        settings: LiveSettings,
        kind_of: Callable[[str], EnvironmentKind | None],
        alive: Callable[[str], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`alive` counts the usable environments of a key that have been idle once: those past their init phase."""
        self._pool, self._settings, self._kind_of = pool, settings, kind_of
        self._alive, self._spawn = alive, spawn
        self._wanted: dict[str, Sequence[Provision]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._starting: Counter[str] = Counter()

    async def provide(self, owner: str, wanted: Sequence[Provision], hold: Hold) -> str | None:
        """Start what is missing, all at once; the type of the error if one could not be initialised.

        `hold` is held when this begins and ends; in between those who compute hold time still.
        """
        lock = self._locks.setdefault(owner, asyncio.Lock())
        if lock.locked():  # those before may need time to pass
            hold.release()
        async with lock:
            hold.take()
            if wanted:
                self._wanted[owner] = wanted
            else:
                self._wanted.pop(owner, None)
            missing = [each for each in wanted for _ in range(self._missing(each.function.key))]
            problems = await self._start_all(missing, hold) if missing else []
        if not wanted:
            self._locks.pop(owner, None)
        return next((problem for problem in problems if problem is not None), None)

    async def _start_all(self, missing: Sequence[Provision], hold: Hold) -> list[str | None]:
        under_way = len(missing)

        async def start(provision: Provision, own: Hold) -> str | None:
            nonlocal under_way
            try:
                return await self._start(provision, own)
            finally:
                under_way -= 1
                if not under_way:
                    hold.take()
                own.release()

        starts = [start(each, self._hold_for(each.function)) for each in missing]
        hold.release()
        return await asyncio.gather(*starts)

    def kept(self, key: str) -> int:
        """How many environments of a key are kept although they are idle."""
        left, found = self._settings.provisioned_environments, 0
        for wanted in self._wanted.values():
            for each in wanted:
                granted = min(each.count, left)
                left -= granted
                if each.function.key == key:
                    found += granted
        return found

    def ended(self, environment: ExecutionEnvironment) -> None:
        """Replace an environment that crashed, timed out or was lost in another way; not one that never began."""
        if not environment.idle_since:
            return
        key = environment.function.key
        for wanted in self._wanted.values():
            for each in wanted:
                if each.function.key == key and self._missing(key):
                    self._spawn(self._replace(each, self._hold_for(each.function)))
                    return

    def forget(self, chosen: Callable[[FunctionSpec], bool]) -> None:
        """Nobody wants environments of these functions any more: they change or go."""
        for owner, wanted in list(self._wanted.items()):
            rest = [each for each in wanted if not chosen(each.function)]
            if rest:
                self._wanted[owner] = rest
            else:
                del self._wanted[owner]

    def _missing(self, key: str) -> int:
        return max(0, self.kept(key) - self._alive(key) - self._starting[key])

    def _hold_for(self, function: FunctionSpec) -> Hold:
        hold = Hold(self._pool.clock, f"the init phase of {function.name}, provisioned ahead")
        hold.take()
        return hold

    async def _replace(self, provision: Provision, hold: Hold) -> None:
        try:
            await self._start(provision, hold)
        finally:
            hold.release()

    async def _start(self, provision: Provision, hold: Hold) -> str | None:
        """One environment; the type of the error if it could not be initialised."""
        function = provision.function
        kind = self._kind_of(function.runtime)
        if kind is None:
            problem = outcomes.not_available(function.runtime)
            logger.warning("%s could not be provisioned: %s", function.name, outcomes.describe_error(problem))
            return outcomes.error_type_of(problem)
        self._starting[function.key] += 1
        try:
            measure = self._pool.clock.now if self._pool.clock.virtual else time.perf_counter
            init = await initialise(self._pool, kind, function, hold, measure)
        except (InvalidPackage, PortInUse, OSError) as error:
            logger.warning("%s could not be provisioned: %s", function.name, error)
            return type(error).__name__
        finally:
            self._starting[function.key] -= 1
        provision.on_logs(init.environment.site.log_stream, init.events)
        if ready(init.reply):
            self._pool.give_back(init.environment)
            return None
        return outcomes.error_type_of(init.reply.body) if init.reply.body else "Runtime.ExitError"
