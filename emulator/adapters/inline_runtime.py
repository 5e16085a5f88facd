"""Functions in threads of the emulator's own process: breakpoints and coverage work in handlers.

For debugging and for small tests; `emulator.testing.in_process` offers it. Its limits, all of them those of threads: a
handler that has timed out is abandoned, not killed; `sys.exit` ends the invocation only; memory and files are not
limited; output is that of `sys.stdout` and `sys.stderr` as Python sees them; two functions must not import, inside
their handlers, different modules of the same name; no wrapper (AWS_LAMBDA_EXEC_WRAPPER) is started. How far time is
AWS's, `thread_time.py` says. Who calls the emulator is known by the session token of the environment. boto3's default
session is each environment's own, so that `boto3.client` in a handler is the function's account's.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import itertools
import math
import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from emulator.ports import Clock, FunctionRuntime, FunctionSpec, Invocation, InvocationResult
from emulator.settings import LiveSettings

from .runtime import api_addresses, bootstrap, outcomes, platform_log, wire
from .runtime.aws_paths import seal
from .runtime.control_channel import LARGEST
from .runtime.environment import Hold
from .runtime.errors import describe
from .runtime.function_log import FunctionLog
from .runtime.host_limit import Effort, HostLimit, of_thread
from .runtime.log_buffer import LogBuffer
from .runtime.packages import InvalidPackage, Packages
from .runtime.platform_log import PlatformLog
from .runtime.results import UNICODE_RESULTS, Marshaller
from .runtime.source import Sources
from .runtime.variables import function_environment
from .thread_time import Dates, Sleeper, install

UNHANDLED = "Unhandled"
LONGEST_SILENCE_SECONDS = 0.2
"""Host time without any work after which a handler, one of whose threads has called the emulator, waits for it."""


class _Local(threading.local):
    """What the patched functions see in a handler's thread."""

    environment: dict[str, str] | None = None
    output: io.StringIO | None = None
    sleep: Sleeper | None = None
    now: Callable[[], float] | None = None
    session: Callable[[], Any] | None = None


class _Environ(MutableMapping[str, str]):
    """`os.environ`, which in a handler's thread is the function's."""

    def __init__(self, local: _Local, base: MutableMapping[str, str]) -> None:
        self._local, self._base = local, base

    @property
    def _mine(self) -> MutableMapping[str, str]:
        return self._base if self._local.environment is None else self._local.environment

    def __getitem__(self, key: str) -> str:
        return self._mine[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._mine[key] = value

    def __delitem__(self, key: str) -> None:
        del self._mine[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mine)

    def __len__(self) -> int:
        return len(self._mine)

    def copy(self) -> dict[str, str]:
        return dict(self._mine)


class _Stream:
    """`sys.stdout`, which in a handler's thread is the invocation's log."""

    def __init__(self, local: _Local, base: Any) -> None:
        self._local, self._base = local, base

    def __getattr__(self, name: str) -> Any:
        return getattr(self._local.output or self._base, name)


class _Patches:
    """The patched functions, in place from the first invocation to `aclose`."""

    def __init__(self) -> None:
        self.local = _Local()
        self._saved: tuple[Any, ...] | None = None
        self._lead_nowhere: Callable[[], None] = lambda: None
        self._real_time: Callable[[], None] = lambda: None
        self._default_session: Callable[[], Any] = lambda: None
        self._send: Any = None

    def apply(self) -> None:
        if self._saved is not None:
            return
        self._saved = saved = (os.environ, sys.stdout, sys.stderr)
        local = self.local
        namespace: Any = os
        namespace.environ = _Environ(local, saved[0])
        self._real_time = install(local)
        streams: Any = sys
        streams.stdout, streams.stderr = _Stream(local, saved[1]), _Stream(local, saved[2])
        boto3: Any = importlib.import_module("boto3")
        self._default_session = session_of_the_process = boto3._get_default_session

        def default_session() -> Any:
            return (local.session or session_of_the_process)()

        boto3._get_default_session = default_session
        sessions: Any = importlib.import_module("botocore.httpsession").URLLib3Session
        self._send = send = sessions.send

        def send_and_wait(session: Any, request: Any) -> Any:
            if local.sleep is None:
                return send(session, request)
            with local.sleep.sends():
                return send(session, request)

        sessions.send = send_and_wait
        self._lead_nowhere = api_addresses.install()

    def undo(self) -> None:
        if self._saved is not None:
            namespace: Any = os
            namespace.environ, sys.stdout, sys.stderr = self._saved
            self._saved = None
            self._real_time()
            boto3: Any = importlib.import_module("boto3")
            boto3._get_default_session = self._default_session
            importlib.import_module("botocore.httpsession").URLLib3Session.send = self._send
            self._lead_nowhere()


class _Environment:
    """A loaded handler with its modules, variables and folder."""

    def __init__(
        self, function: FunctionSpec, variables: dict[str, str], folders: list[Path], session_token: str
    ) -> None:
        self.function, self.variables, self.folders = function, variables, folders
        self.session_token = session_token
        """By it the emulator knows who calls."""
        self.handler: Callable[[Any, Any], Any] | None = None
        self._session: Any = None

    def session(self) -> Any:
        """boto3's default session, as in a process of the function's own. Called in the handler's thread."""
        if self._session is None:
            self._session = _new_session()
        return self._session


@lru_cache(1)
def _models() -> Any:
    """What botocore has read of AWS's models: most of the time of making a client, and the same for everybody."""
    return importlib.import_module("botocore.loaders").create_loader()


def _new_session() -> Any:
    core = importlib.import_module("botocore.session").Session()
    core.register_component("data_loader", _models())
    return importlib.import_module("boto3").Session(botocore_session=core)


class InlineRuntime(FunctionRuntime):
    """One thread per running invocation; loaded handlers are reused one invocation at a time."""

    def __init__(self, clock: Clock, settings: LiveSettings, work_dir: Path, endpoint_url: Callable[[], str]) -> None:
        self._clock, self._settings, self._endpoint_url = clock, settings, endpoint_url
        self._packages = Packages(work_dir.absolute() / "code")
        self._temporary = work_dir.absolute() / "tmp"
        self._sources = Sources()
        self._patches = _Patches()
        self._idle: dict[str, list[_Environment]] = {}
        self._running: dict[str, _Attempt] = {}
        """By their session tokens."""
        self._import_lock = threading.Lock()
        self._dates = Dates(self._patches.local)
        self._numbers = itertools.count()

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        hold = Hold(self._clock, f"invocation {invocation.request_id} of {function.name}")
        hold.take()
        try:
            if not function.runtime.startswith("python3"):
                payload = outcomes.not_available(function.runtime)
                return InvocationResult(payload, UNHANDLED, "Runtime.NotAvailable")
            try:
                if function.source_directory is not None:
                    state = await self._sources.fingerprint(Path(function.source_directory))
                    function = replace(function, key=f"{function.key}\n{state:x}")
                idle = self._idle.get(function.key)
                environment = idle.pop() if idle else await self._create(function)
            except (InvalidPackage, OSError) as error:
                return InvocationResult(outcomes.invalid_package(str(error)), UNHANDLED, "InvalidZipFileException")
            self._patches.apply()
            attempt = _Attempt(self._clock, self._patches.local, environment, invocation, hold, self)
            self._running[environment.session_token] = attempt
            try:
                return await attempt.run()
            finally:
                if self._running.get(environment.session_token) is attempt:
                    del self._running[environment.session_token]
        finally:
            hold.release()

    @asynccontextmanager
    async def calling(self, session_token: str) -> AsyncGenerator[None]:
        attempt = self._running.get(session_token)
        if attempt is None:
            yield
            return
        call = attempt.call_begins()
        try:
            yield
        finally:
            attempt.call_ends(call)

    async def _create(self, function: FunctionSpec) -> _Environment:
        if function.source_directory is not None:
            task_root = Path(os.path.abspath(function.source_directory))  # noqa: PTH100, ASYNC240 — no file is touched
        else:
            task_root = await self._packages.extracted(function.code_sha256, function.load_code)
        layers_root = await self._packages.merged(function.layers)
        temporary = self._temporary / str(next(self._numbers))
        temporary.mkdir(parents=True, exist_ok=True)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime(self._clock.now()))}/[{function.version}]{uuid.uuid4().hex}"
        token = uuid.uuid4().hex
        variables = function_environment(
            function, task_root, layers_root, temporary, self._endpoint_url(), stream, token
        )
        for folder in (task_root if function.source_directory is None else None, layers_root):
            if folder is not None:
                seal(str(folder))
        required = [Path(function.required_directory)] if function.required_directory is not None else []
        folders = [task_root, *required, *(bootstrap.layer_folders(layers_root) if layers_root else ())]
        return _Environment(function, variables, folders, token)

    def load(self, environment: _Environment) -> None:
        """Import the handler with the package's folder first, and leave no module of it behind for others."""
        roots = tuple(map(str, environment.folders))
        with self._import_lock:
            before = dict(sys.modules)
            compiled = sys.dont_write_bytecode, sys.pycache_prefix
            if environment.function.source_directory is not None:  # edits within a second are edits too
                sys.dont_write_bytecode, sys.pycache_prefix = True, str(self._temporary / "nothing-compiled")
            sys.path[:0] = roots
            try:
                first = environment.function.handler.split(".")[0].split("/")[0]
                if first not in sys.builtin_module_names:
                    sys.modules.pop(first, None)
                environment.handler = bootstrap.load_handler(environment.function.handler)
            finally:
                sys.dont_write_bytecode, sys.pycache_prefix = compiled
                for root in roots:
                    sys.path.remove(root)
                for name, module in list(sys.modules.items()):
                    if _file(module).startswith(roots):
                        self._dates.give(module)
                        if name in before:
                            sys.modules[name] = before[name]
                        else:
                            del sys.modules[name]

    def give_back(self, environment: _Environment) -> None:
        if environment.handler is not None:
            self._idle.setdefault(environment.function.key, []).append(environment)

    async def discard(self, function_arn: str, version: str | None = None) -> None:
        for key, idle in list(self._idle.items()):
            function = idle[0].function if idle else None
            if function and function.arn == function_arn and version in (None, function.version):
                del self._idle[key]

    async def reset(self, account: str | None = None) -> None:
        if account is not None:
            self._idle = {key: idle for key, idle in self._idle.items() if idle and idle[0].function.account != account}
            return
        self._idle.clear()
        shutil.rmtree(self._temporary, ignore_errors=True)

    async def aclose(self) -> None:
        await self.reset()
        self._patches.undo()


def _file(module: ModuleType | None) -> str:
    """Where it came from; a package without `__init__.py` has a path and no file."""
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", None) or ()), "")


class _Ended(BaseException):
    """Ends an abandoned handler at its next sleep."""


class _Attempt:
    """One invocation in a thread."""

    def __init__(
        self, clock: Clock, local: _Local, environment: _Environment, invocation: Invocation, hold: Hold,
        runtime: InlineRuntime,
    ) -> None:  # fmt: skip
        self._clock, self._local, self._environment = clock, local, environment
        self._invocation, self._hold, self._runtime = invocation, hold, runtime
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[tuple[int, bytes]] = self._loop.create_future()
        self._output = io.StringIO()
        self._printed = LogBuffer(clock.now)
        self._virtual = clock.virtual
        self._started = clock.now()
        self._deadline = self._started + environment.function.timeout_seconds
        self._over = False
        self._frozen_now = self._started
        self._sleeps: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[None]] = set()
        """For each call to the emulator that it has not answered yet: what waits for the timeout meanwhile."""
        self._waiting: set[asyncio.Task[None]] = set()
        """Those of both that have begun."""
        self._silence: asyncio.TimerHandle | None = None
        self._silent = False
        self._sends, self._sending, self._doubted = 0, 0, 0
        """Which requests boto3 has sent in the handler's thread: how many, the one that has no answer yet or 0, and
        the last that may have been answered."""
        self.answered = 0
        function = environment.function
        self._thread = threading.Thread(target=self._work, name=f"function {function.name}", daemon=True)
        look = (lambda: of_thread(self._thread.native_id)) if self._virtual else None
        self._limit = HostLimit(function.timeout_seconds, lambda: self._end(0, b""), look)

    async def run(self) -> InvocationResult:
        function, request_id = self._environment.function, self._invocation.request_id
        begun = time.perf_counter()
        self._thread.start()
        self._limit.go_on()
        try:
            kind, payload = await self._answer
        finally:
            self._over = True
            self._limit.pause()
            for wait in (*self._sleeps, *self._calls):
                wait.cancel()
            if self._silence is not None:
                self._silence.cancel()
            self._hold.take()
        took = self._clock.now() - self._started if self._virtual else time.perf_counter() - begun
        error_type, reason, status = None, None, "success"
        if kind == 0:
            took, error_type, status = function.timeout_seconds, "Sandbox.Timedout", "timeout"
            payload = outcomes.timed_out(request_id, function.timeout_seconds)
            reason = f"Task timed out after {function.timeout_seconds:.2f} seconds"
        elif kind != wire.RESULT:
            error_type, status = outcomes.error_type_of(payload), "failure"
        if kind in (wire.RESULT, wire.FAILED) and error_type != "Runtime.ExitError":
            self._runtime.give_back(self._environment)
        now, log = self._clock.now(), PlatformLog(function)
        printed = self._printed
        printed.feed(self._output.getvalue().encode("utf-8", "backslashreplace"))
        events = [*log.start(self._started, request_id), *printed.take()]
        if reason is not None and error_type is not None:
            events += log.failure(now, request_id, reason, error_type)
        events += log.end(now, request_id, took, 0, None, status, error_type)
        tail = platform_log.tail(events) if self._invocation.want_log_tail else b""
        stream = self._environment.variables["AWS_LAMBDA_LOG_STREAM_NAME"]
        return InvocationResult(
            payload, UNHANDLED if error_type else None, error_type, tail, took, None, tuple(events), stream
        )

    def _work(self) -> None:
        """In the thread."""
        local, environment, invocation = self._local, self._environment, self._invocation
        local.environment, local.output, local.session = environment.variables, self._output, environment.session
        if self._virtual:
            local.sleep, local.now = self, lambda: self._frozen_now
        environment.variables["_X_AMZN_TRACE_ID"] = invocation.trace_id
        marshaller = Marshaller(environment.variables["AWS_EXECUTION_ENV"] in UNICODE_RESULTS)
        log = FunctionLog(self._write_event, environment.function.log_format == "JSON")
        try:
            if environment.handler is None:
                try:
                    self._runtime.load(environment)
                except Exception as error:
                    described = describe(error, "")
                    log.error(described)
                    self._tell(wire.INIT_FAILED, marshaller.marshal_error(described))
                    return
            assert environment.handler is not None
            header = {
                "id": invocation.request_id,
                "arn": invocation.invoked_function_arn,
                "deadline": int(self._started * 1000) + int(environment.function.timeout_seconds * 1000),
                "now": self._started,
                "client": invocation.client_context,
            }
            variables = environment.variables
            answer = bootstrap.answer(
                environment.handler, header, invocation.payload, marshaller, variables, log, LARGEST
            )
            self._tell(*answer)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            self._tell(wire.FAILED, outcomes.exited(invocation.request_id, (code & 0xFF) << 8))
        except MemoryError:
            self._tell(wire.FAILED, outcomes.exited(invocation.request_id, 9))
        except _Ended:
            pass
        except BaseException:
            self._tell(wire.FAILED, outcomes.exited(invocation.request_id, 1 << 8))

    def _write_event(self, text: str) -> None:
        mark = wire.log_mark(self._printed.mark)
        self._output.write(wire.log_record(mark, text.encode("utf-8", "backslashreplace")).decode())

    def _tell(self, kind: int, payload: bytes) -> None:
        try:
            self._loop.call_soon_threadsafe(self._end, kind, payload)
        except RuntimeError:
            pass  # the emulator has ended; so has the question

    def _end(self, kind: int, payload: bytes) -> None:
        if not self._answer.done():
            self._answer.set_result((kind, payload))

    def __call__(self, seconds: float) -> None:
        """In the thread: sleep until the clock says so."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        due_at = self._clock.now() + seconds
        while True:
            woken = threading.Event()
            self._begin(due_at, woken.set)
            woken.wait()
            self.resume()
            if self._frozen_now >= due_at:  # else another thread's call to the emulator has ended
                return

    def resume(self) -> None:
        """In the thread, after a wait: an abandoned handler goes no further."""
        if self._over:
            raise _Ended

    @property
    def calls(self) -> int:
        """How many calls the emulator has not answered yet."""
        return len(self._calls)

    def begin(self, seconds: float, woken: Callable[[], None], answered: int) -> Callable[[], None]:
        """In the thread: wait for AWS time, and call `woken` then. Returns what ends the waiting before."""
        return self._begin(self._clock.now() + seconds, woken, answered)

    def _begin(self, due_at: float, woken: Callable[[], None], answered: int | None = None) -> Callable[[], None]:
        ended = threading.Event()
        started: list[asyncio.Task[None]] = []

        def start() -> None:
            if answered not in (None, self.answered) or self._over:
                ended.set()
                woken()
                return
            task = self._loop.create_task(self._sleep_until(due_at))
            started.append(task)
            self._sleeps.add(task)
            task.add_done_callback(over)

        def over(task: asyncio.Task[None]) -> None:
            self._sleeps.discard(task)
            ended.set()
            woken()

        def cancel() -> None:
            for task in started:
                task.cancel()

        def withdraw() -> None:
            if not ended.is_set():
                self._loop.call_soon_threadsafe(cancel)
                ended.wait()

        self._loop.call_soon_threadsafe(start)
        return withdraw

    async def _sleep_until(self, due_at: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        self._balance()
        try:
            await self._clock.sleep_until(min(due_at, self._deadline), self._hold.reason)
        finally:
            if task in self._waiting:
                self._waiting.discard(task)
                self._listen()
        if due_at >= self._deadline and not self._over:
            self._over = True
            self._end(0, b"")

    def _balance(self) -> None:
        """Time stands still while the handler is at work; what it sees is then the time by now."""
        if self._over:
            return
        calls = self._waiting & self._calls
        if self._waiting - calls or (calls and (self._silent or self._sending > self._doubted)):
            self._limit.pause()
            self._hold.release()
        else:
            self._hold.take()
            self._limit.go_on()
        self._frozen_now = self._clock.now()

    def _listen(self) -> None:
        """Something has happened in the handler: only its own thread's waits are known at once."""
        self._silent = False
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if self._calls and not self._over:
            self._look_later(of_thread(self._thread.native_id))
        self._balance()

    def _look_later(self, before: Effort) -> None:
        self._silence = self._loop.call_later(LONGEST_SILENCE_SECONDS, self._look, before)

    def _look(self, before: Effort) -> None:
        """A thread that waits its turn, for the interpreter too, is ready to run or has run a little."""
        now = of_thread(self._thread.native_id)
        if now.ready or now.computed != before.computed:
            self._look_later(now)
            return
        self._silence, self._silent = None, True
        self._balance()

    @contextmanager
    def sends(self) -> Generator[None]:
        """In the thread: while boto3 waits for the answer to a request."""
        self._sends += 1
        self._sending = self._sends
        try:
            yield
        finally:
            self._sending = 0

    def call_begins(self) -> asyncio.Task[None] | None:
        """The handler has called the emulator, and waits for the answer as long as its timeout allows."""
        if not self._virtual or self._over:
            return None
        call = self._loop.create_task(self._sleep_until(math.inf))
        self._calls.add(call)
        self._listen()
        return call

    def call_ends(self, call: asyncio.Task[None] | None) -> None:
        """The answer is on its way: whoever gets it is at work, and sleeps beside it are thought over."""
        if call is None:
            return
        self.answered += 1
        self._doubted = self._sends
        self._calls.discard(call)
        ended = {call, *self._sleeps}
        for wait in ended:
            wait.cancel()
        self._waiting -= ended
        self._listen()
