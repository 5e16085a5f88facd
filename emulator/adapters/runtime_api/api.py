"""The Runtime API of one execution environment, put together: its address, its protocol, its extensions' processes.

Decides which files of the layers are extensions, what they are told, and how long they may take to end. Every
environment has one, whatever runs the function: extensions of Python and Node.js functions need it as well.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.ports import FunctionSpec

from ..runtime import outcomes
from ..runtime.launcher import Child, Launcher
from ..runtime.program import Program, exec_error, start_program
from .extensions import Extension, Standing
from .listener import Listener
from .output import Output
from .sandbox import Observer, Sandbox
from .telemetry import Telemetry

if TYPE_CHECKING:
    from ..runtime.environment import Site

INTERNAL_SHUTDOWN_SECONDS = 0.5
EXTERNAL_SHUTDOWN_SECONDS = 2.0
"""Host time that AWS gives an environment to end (reference lambda_invoke.md 1.8)."""
NOT_FOR_EXTENSIONS = (
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT", "_HANDLER",
)  # fmt: skip
"""Variables of the function that AWS keeps from extensions (documentation of the Extensions API)."""

Fault = Callable[[bytes], None]


class RuntimeApi:
    """`fault` is told, as an `outcomes.fault`, of an extension that crashed or could not be started."""

    def __init__(
        self,
        observer: Observer,
        function: FunctionSpec,
        site: Site,
        native: bool,
        fault: Fault,
        now: Callable[[], float],
    ) -> None:
        about = {
            "functionName": function.name,
            "functionVersion": function.version,
            "handler": function.handler,
        }
        self.sandbox = Sandbox(observer, about, function.account, native)
        self.telemetry = Telemetry(now)
        self._listener = Listener(self.sandbox)
        self._site, self._fault = site, fault
        self._children: dict[str, Child] = {}
        self._output: Output | None = None
        self._ending = False
        site.variables["AWS_LAMBDA_RUNTIME_API"] = self._listener.address

    @property
    def children(self) -> Collection[Child]:
        """The processes of external extensions."""
        return self._children.values()

    def external(self) -> list[Path]:
        """The files of /opt/extensions; AWS starts each of them."""
        return _executables(self._site.layers_root)

    def drain(self) -> None:
        """Take what extensions have written by now."""
        if self._output is not None:
            self._output.drain()

    @property
    def has_extensions(self) -> bool:
        """Whether one registered or was started."""
        return len(self.sandbox.extensions) > 0

    async def start_extensions(self, programs: Callable[[], Launcher], on_line: Callable[[str], None]) -> None:
        """Start the external ones. They register before the runtime is started; `on_line` gets what they write."""
        if not self.external():
            return
        self._output = Output(on_line)
        try:
            await self._start_each(programs, self._output.theirs)
        finally:
            self._output.started()

    async def _start_each(self, programs: Callable[[], Launcher], log: int) -> None:
        for path in self.external():
            name = path.name
            self.sandbox.extensions.expect(name)
            variables = {key: value for key, value in self._site.variables.items() if key not in NOT_FOR_EXTENSIONS}
            program = Program(path, [str(path)], variables, Path("/"), room=self._site.room)
            child = self._children[name] = await start_program(
                programs(), program, log, lambda body, name=name: self._not_started(name, body)
            )
            child.ended.add_done_callback(lambda _, name=name: self._exited(name))

    def _not_started(self, name: str, body: bytes) -> None:
        self.sandbox.extensions.exited(name)
        self._fault(outcomes.fault("Extension.LaunchError", exec_error(f"/opt/extensions/{name}", body)))

    def _exited(self, name: str) -> None:
        extension = self.sandbox.extensions.exited(name)
        if self._ending or extension is None or extension.standing is not Standing.EXITED:
            return  # expected, or it has said why
        reason = outcomes.end_of_process(self._children[name].ended.result())
        self._fault(outcomes.fault("Extension.Crash", reason))

    async def shut_down(self, reason: str, now: float, runtime: Child | None) -> None:
        """Tell everyone that the environment ends, and give the time that AWS gives. Does not kill."""
        if self._ending:
            return
        self._ending = True
        await self.telemetry.flush()
        external = [child for child in self._children.values() if not child.ended.done()]
        seconds = EXTERNAL_SHUTDOWN_SECONDS if external else INTERNAL_SHUTDOWN_SECONDS
        self.sandbox.shutdown(reason, round((now + seconds) * 1000))
        waiting = [child.ended for child in external]
        if runtime is not None and not runtime.ended.done():
            runtime.terminate()
            if not external:
                waiting.append(runtime.ended)
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    def kill(self) -> None:
        """Kill the extensions."""
        self._ending = True
        for child in self._children.values():
            child.kill()

    async def close(self, timeout: float) -> None:
        """Wait for the extensions that were killed, and end the address."""
        self.kill()
        left = [child.ended for child in self._children.values() if not child.ended.done()]
        if left:
            await asyncio.wait(left, timeout=timeout)
        if self._output is not None:
            self._output.close()
        self.telemetry.close()
        self._listener.close()


def failed_fault(extension: Extension) -> bytes:
    """The fault of an extension that reported an error itself (form unverified)."""
    kind = "Extension.InitError" if extension.standing is Standing.INIT_ERROR else "Extension.ExitError"
    return outcomes.fault(kind, extension.error_type)


def _executables(layers_root: Path | None) -> list[Path]:
    """The files of /opt/extensions; AWS starts each of them."""
    if layers_root is None:
        return []
    try:
        with os.scandir(layers_root / "extensions") as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_file())
    except OSError:
        return []
