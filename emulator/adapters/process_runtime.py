"""Functions in warm child processes: the FunctionRuntime of the server.

Decides which execution environment serves an invocation, keeps warm ones and ends idle ones. Processes, frames, time
and results live in `runtime/`. Deliberately knows no queue, no concurrency limit and no retry.

`time.sleep` of a handler is real while AWS time is real, and a message to the clock while it is virtual. In both
cases a function that computes too long, in host time, is killed: code that burns CPU takes no AWS time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.ports import Clock, FunctionRuntime, FunctionSpec, Invocation, InvocationResult, Provision
from emulator.settings import LiveSettings

from .node.environment import NodeKind
from .runtime import outcomes
from .runtime.attempt import UNHANDLED, Attempt
from .runtime.aws_paths import seal
from .runtime.environment import ExecutionEnvironment, Hold, Site
from .runtime.interpreters import Interpreter, Interpreters
from .runtime.kinds import EnvironmentKind
from .runtime.launcher import Launcher, Launchers, default_launcher
from .runtime.packages import Packages, remove_tree
from .runtime.platform_log import PlatformLog
from .runtime.pool import Pool
from .runtime.provisioned import ProvisionedEnvironments
from .runtime.python_environment import PythonKind
from .runtime.source import Sources
from .runtime.variables import function_environment
from .runtime_api.provided import ProvidedKind

logger = logging.getLogger("emulator.functions")
LONGEST_TICK_SECONDS = 5.0
LONGEST_HEARING_SECONDS = 2.0
"""Host time for which an answer to a function waits until the function knows what the time is by now."""
LONGEST_INIT_AHEAD_SECONDS = 130.0
STATE_MARK = "\n"
"""In the key of a function that runs from a folder: what follows is the state of the folder."""


def _without_state(key: str) -> str:
    return key.partition(STATE_MARK)[0]


def _required(function: FunctionSpec) -> Path | None:
    return Path(function.required_directory) if function.required_directory is not None else None


class ProcessRuntime(FunctionRuntime, Pool):
    """Execution environments as processes; the most recently used warm one is used again.

    `kinds` are asked in order who runs a function's runtime; Python is asked last. `pythons` maps `3.12` to the
    interpreter of that version, `debug_ports` functions to the port on which they wait for a debugger.
    """

    def __init__(
        self,
        clock: Clock,
        settings: LiveSettings,
        work_dir: Path,
        endpoint_url: Callable[[], str],
        make_launcher: Callable[[Interpreter], Launcher] = default_launcher,
        kinds: Sequence[EnvironmentKind] = (),
        pythons: Mapping[str, str] | None = None,
        debug_ports: Mapping[str, int] | None = None,
    ) -> None:
        self.clock, self.settings, self._endpoint_url = clock, settings, endpoint_url
        self._packages = Packages(work_dir.absolute() / "code")
        self._temporary = work_dir.absolute() / "tmp"
        shutil.rmtree(self._temporary, ignore_errors=True)
        interpreters = Interpreters(pythons or {})
        self._launchers = Launchers(make_launcher)
        self._kinds = (
            *kinds,
            NodeKind(clock, self._launchers),
            ProvidedKind(clock),
            PythonKind(clock, interpreters, self._launchers, debug_ports or {}),
        )
        self._kinds_by_runtime: dict[str, EnvironmentKind | None] = {}
        self._debugged = {name: asyncio.Lock() for name in debug_ports or {}}
        self._told_not_debugged: set[str] = set()
        self._sources = Sources()
        self._states: dict[str, tuple[str, str]] = {}
        """Of functions that run from a folder, by key: ARN, and the key with the state last seen."""
        self._compiled = work_dir.absolute() / "compiled"
        remove_tree(self._compiled)
        self._stage = work_dir.absolute() / "stage"
        self._nothing = work_dir.absolute() / "nothing"
        self._numbers = itertools.count()
        self._idle: dict[str, list[ExecutionEnvironment]] = {}
        self._all: set[ExecutionEnvironment] = set()
        self._left_temporary: dict[str, list[Path]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._provisioned = ProvisionedEnvironments(self, settings, self._kind_of, self._alive, self._spawn)

    # ── the port ──

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        kind = self._kind_of(function.runtime)
        debugged = self._debugged.get(function.name)
        if debugged is not None and kind is not None and not kind.debugs:
            debugged = self._not_debugged(function)
        hold = Hold(self.clock, f"invocation {invocation.request_id} of {function.name}", halting=debugged is not None)
        hold.take()
        try:
            if kind is None:
                return self._not_available(function)
            remark = None
            if function.source_directory is not None:
                try:
                    function = await self._as_it_is_now(function, function.source_directory)
                except OSError as error:
                    last = self._as_it_was(function)
                    if last is None:
                        payload = outcomes.invalid_package(f"The folder of the function cannot be read: {error}")
                        return InvocationResult(payload, UNHANDLED, "InvalidZipFileException")
                    function, remark = last, f"the folder of the code cannot be read ({error}); the code in it answers"
            if debugged is None:
                return await Attempt(self, kind, function, invocation, hold, remark).run()
            if debugged.locked():  # the one before may need time to pass
                hold.release()
            async with debugged:
                hold.take()
                await self._end_all_but(function)
                return await Attempt(self, kind, function, invocation, hold).run()
        finally:
            hold.release()

    async def provision(self, owner: str, wanted: Sequence[Provision]) -> str | None:
        # What runs from a folder has a key for each state of the folder; what is debugged has one environment.
        ahead = [each for each in wanted if not self._stays_where_it_is(each.function)]
        hold = Hold(self.clock, f"provisioned concurrency of {owner}")
        hold.take()
        try:
            problem = await self._provisioned.provide(owner, ahead, hold)
            surplus = self._surplus()
            await self._end_idle(lambda environment: environment.provisioned and environment in surplus)
            return problem
        finally:
            hold.release()

    async def discard(self, function_arn: str, version: str | None = None) -> None:
        self._provisioned.forget(lambda spec: spec.arn == function_arn and version in (None, spec.version))
        mine = {
            environment
            for environment in self._all
            if environment.function.arn == function_arn and version in (None, environment.function.version)
        }
        for environment in mine:
            environment.retired = True
        await self._end_idle(lambda environment: environment in mine)
        for environment in mine:
            self._forget_temporary(environment.function.key)
        self._states = {key: state for key, state in self._states.items() if state[0] != function_arn}

    async def reset(self, account: str | None = None) -> None:
        def ends(function: FunctionSpec) -> bool:
            return account in (None, function.account)

        self._provisioned.forget(ends)
        ending = [environment for environment in self._all if ends(environment.function)]
        self._idle = {key: idle for key, idle in self._idle.items() if idle and not ends(idle[0].function)}
        for environment in ending:
            environment.retired = True
            environment.kill_now()
        await asyncio.gather(*(self.end(environment, keep_temporary=False) for environment in ending))
        if account is not None:
            for key in {environment.function.key for environment in ending}:
                self._forget_temporary(key)
            return
        self._left_temporary.clear()
        self._states.clear()
        await asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, self._temporary, True)

    async def aclose(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        await self.reset()
        if self._background:
            await asyncio.wait(self._background)
        for kind in self._kinds:
            await kind.aclose()
        await self._launchers.aclose()
        await asyncio.get_running_loop().run_in_executor(None, self._packages.close)

    @asynccontextmanager
    async def calling(self, session_token: str) -> AsyncGenerator[None]:
        """While the emulator serves a request that carries this `X-Amz-Security-Token`.

        A function that calls the emulator waits for it, so it must not hold AWS time still meanwhile: the answer
        may need AWS time to pass. The edge's own `busy` covers the work of the request. Unknown tokens do nothing.
        If time has passed, this ends when the function knows of it: it may look at its clock as soon as it has the
        answer.
        """
        caller = next((each for each in self._all if each.site.session_token == session_token), None)
        if caller is None:
            yield
            return
        caller.call_begins()
        begun_at = self.clock.now()
        try:
            yield
        finally:
            heard = caller.call_ends()
            if heard is not None and self.clock.now() > begun_at:
                await asyncio.wait([heard], timeout=LONGEST_HEARING_SECONDS)

    def caller(self, session_token: str) -> tuple[str, str] | None:
        """The function whose environment has this token, and what it runs now or ran last."""
        found = next((each for each in self._all if each.site.session_token == session_token), None)
        return (found.function.arn, found.invoked) if found is not None and found.invoked else None

    def _kind_of(self, runtime: str) -> EnvironmentKind | None:
        if runtime not in self._kinds_by_runtime:
            self._kinds_by_runtime[runtime] = next((each for each in self._kinds if each.runs(runtime)), None)
        return self._kinds_by_runtime[runtime]

    def _not_available(self, function: FunctionSpec) -> InvocationResult:
        """What to do instead is in the answer and in the log: whoever sent an event sees the log only."""
        payload, now = outcomes.not_available(function.runtime), self.clock.now()
        remark = PlatformLog(function).remark(now, outcomes.describe_error(payload))
        stream = f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d}/[{function.version}]{'0' * 32}"
        return InvocationResult(payload, UNHANDLED, "Runtime.NotAvailable", logs=remark, log_stream=stream)

    def _not_debugged(self, function: FunctionSpec) -> None:
        """Say once that nothing comes of `--debug` for this function."""
        if function.name not in self._told_not_debugged:
            self._told_not_debugged.add(function.name)
            text = "--debug %s has no effect: only Python functions can be debugged, this one is %s"
            logger.warning(text, function.name, function.runtime)

    async def _end_all_but(self, function: FunctionSpec) -> None:
        """A debugged function has one environment, as its debugger has one port."""
        others = [
            each for each in self._all if each.function.name == function.name and each.function.key != function.key
        ]
        for environment in others:
            environment.retired = True
            await self.end(environment, keep_temporary=False)

    # ── hot reload ──

    async def _as_it_is_now(self, function: FunctionSpec, folder: str) -> FunctionSpec:
        """The function with a key of its own for each state of its folder; environments of earlier states end."""
        state = await self._sources.fingerprint(Path(folder))
        current = replace(function, key=f"{function.key}{STATE_MARK}{state:x}")
        previous = self._states.get(function.key)
        if previous is None or previous[1] != current.key:
            self._states[function.key] = (function.arn, current.key)
            if previous is not None and not self.settings.hot_reload_keep_last_good:
                self._retire_other_states(current)
        return current

    def _as_it_was(self, function: FunctionSpec) -> FunctionSpec | None:
        """The function as it was before its folder was gone, while an environment has that code and is idle."""
        _, key = self._states.get(function.key, ("", ""))
        idle = any(environment.usable for environment in self._idle.get(key, ()))
        return replace(function, key=key) if idle else None

    def loaded(self, function: FunctionSpec) -> None:
        """The function's code was loaded: environments with earlier code of its folder are of no more use."""
        if function.source_directory is not None:
            self._retire_other_states(function)

    def last_good(self, function: FunctionSpec) -> ExecutionEnvironment | None:
        """An idle environment with code of the same folder that could still be loaded, if the user wants that."""
        if function.source_directory is None or not self.settings.hot_reload_keep_last_good:
            return None
        mine = _without_state(function.key)
        for key in list(self._idle):
            if _without_state(key) == mine and (environment := self.take_warm(key)) is not None:
                return environment
        return None

    def _retire_other_states(self, current: FunctionSpec) -> None:
        mine = _without_state(current.key)

        def other(environment: ExecutionEnvironment) -> bool:
            key = environment.function.key
            return key != current.key and _without_state(key) == mine

        older = [environment for environment in self._all if other(environment)]
        for environment in older:
            environment.retired = True
        if older:
            self._spawn(self._end_idle(other))

    # ── environments ──

    def take_warm(self, key: str) -> ExecutionEnvironment | None:
        """The most recently used idle environment."""
        idle = self._idle.get(key)
        while idle:
            environment = idle.pop()
            if environment.usable:
                return environment
            self.end_soon(environment, keep_temporary=True)
        return None

    async def create(self, function: FunctionSpec, kind: EnvironmentKind) -> ExecutionEnvironment:
        """A new environment, not yet started. Raises InvalidPackage."""
        if function.source_directory is not None:
            task_root = Path(os.path.abspath(function.source_directory))  # noqa: PTH100, ASYNC240 — no file is touched
        else:
            task_root = await self._packages.extracted(function.code_sha256, function.load_code)
        layers_root = await self._packages.merged(function.layers)
        left = self._left_temporary.get(function.key)
        temporary = left.pop() if left else self._temporary / str(next(self._numbers))
        temporary.mkdir(parents=True, exist_ok=True)
        day = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y/%m/%d")
        stream = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        token = uuid.uuid4().hex
        variables = function_environment(
            function, task_root, layers_root or self._nothing, temporary, self._endpoint_url(), stream, token
        )
        programs = self._launchers.of_programs
        room = self._room(function, task_root, layers_root, temporary)
        compiled = self._compiled_apart(function, task_root, layers_root)
        site = Site(
            task_root, layers_root, temporary, stream, token, variables, programs, compiled, room, _required(function)
        )
        environment = kind.create(function, site)
        self._all.add(environment)
        return environment

    def _room(
        self, function: FunctionSpec, task_root: Path, layers_root: Path | None, temporary: Path
    ) -> dict[str, Any] | None:
        """What is to appear at /var/task, /opt and /tmp. None: everything stays where a debugger finds it."""
        if function.name in self._debugged:
            for folder in (task_root if function.source_directory is None else None, layers_root):
                if folder is not None:
                    seal(str(folder))
            return None
        self._stage.mkdir(parents=True, exist_ok=True)
        self._nothing.mkdir(parents=True, exist_ok=True)
        in_place, required = function.source_directory is not None, _required(function)
        return {
            "task_root": None if in_place else str(task_root),
            "layers_root": str(layers_root or self._nothing),
            "temporary": str(temporary) if self.settings.private_tmp and not in_place else None,
            "stage": str(self._stage),
            "needed": [str(task_root), str(temporary), str(self._compiled), *([str(required)] if required else [])],
        }

    def _compiled_apart(self, function: FunctionSpec, task_root: Path, layers_root: Path | None) -> Path | None:
        """Where Python keeps what it compiles: code is read-only, and every package is at /var/task."""
        if function.source_directory is not None:
            return self._compiled
        if self.settings.private_tmp:  # /tmp, which may hide the folder, is the handler's alone
            return None
        return self._compiled / task_root.name / (layers_root.name if layers_root else "none")

    def _stays_where_it_is(self, function: FunctionSpec) -> bool:
        """Code that its author edits or debugs."""
        return function.source_directory is not None or function.name in self._debugged

    def init_timeout_seconds(self, function: FunctionSpec) -> float:
        """Limit of the init phase; longer for environments that are made ahead of invocations (reference 1.5)."""
        if function.initialization_type != "on-demand":
            return max(LONGEST_INIT_AHEAD_SECONDS, function.timeout_seconds)
        return self.settings.init_timeout_seconds

    def give_back(self, environment: ExecutionEnvironment) -> None:
        """After an invocation: keep it warm, or end it."""
        loop = asyncio.get_running_loop()
        environment.idle_since = loop.time()
        if not environment.usable or (self.settings.environment_idle_seconds <= 0 and self._can_go(environment)):
            self.end_soon(environment, keep_temporary=not environment.retired)
            return
        self._idle.setdefault(environment.function.key, []).append(environment)
        if self._reaper is None:
            self._reaper = loop.call_later(self._tick(), self._reap)

    async def end(self, environment: ExecutionEnvironment, keep_temporary: bool) -> None:
        """Kill it. AWS resets an environment after a timeout or a crash, and /tmp survives that."""
        if environment not in self._all:
            return await environment.kill()
        self._all.discard(environment)
        await environment.kill()
        if keep_temporary:
            self._left_temporary.setdefault(environment.function.key, []).append(environment.site.temporary)
        else:
            shutil.rmtree(environment.site.temporary, ignore_errors=True)
        if environment.provisioned:
            self._provisioned.ended(environment)

    def end_soon(self, environment: ExecutionEnvironment, keep_temporary: bool) -> None:
        """Kill it without waiting."""
        environment.kill_now()
        self._spawn(self.end(environment, keep_temporary))

    async def _end_idle(self, choose: Callable[[ExecutionEnvironment], bool]) -> None:
        chosen: list[ExecutionEnvironment] = []
        for key, idle in list(self._idle.items()):
            chosen += [environment for environment in idle if choose(environment)]
            kept = [environment for environment in idle if not choose(environment)]
            if kept:
                self._idle[key] = kept
            else:
                del self._idle[key]
        await asyncio.gather(*(self.end(environment, keep_temporary=False) for environment in chosen))

    def _forget_temporary(self, key: str) -> None:
        for folder in self._left_temporary.pop(key, []):
            shutil.rmtree(folder, ignore_errors=True)

    def _alive(self, key: str) -> int:
        return sum(each.function.key == key and each.usable and each.idle_since > 0 for each in self._all)

    def _can_go(self, environment: ExecutionEnvironment) -> bool:
        key = environment.function.key
        return not environment.provisioned or self._alive(key) > self._provisioned.kept(key)

    def _surplus(self) -> set[ExecutionEnvironment]:
        """Idle environments that may go: of those that are provisioned only as many as there are too many."""
        found: set[ExecutionEnvironment] = set()
        for key, idle in self._idle.items():
            provisioned = any(environment.provisioned for environment in idle)
            spare = self._alive(key) - self._provisioned.kept(key) if provisioned else len(idle)
            found.update(idle[: max(0, spare)])
        return found

    def _tick(self) -> float:
        return min(max(self.settings.environment_idle_seconds / 2, 0.05), LONGEST_TICK_SECONDS)

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        oldest = loop.time() - self.settings.environment_idle_seconds
        surplus = self._surplus()
        self._spawn(
            self._end_idle(
                lambda each: each.idle_since <= oldest and each.function.name not in self._debugged and each in surplus
            )
        )
        if self._idle:
            self._reaper = loop.call_later(self._tick(), self._reap)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
