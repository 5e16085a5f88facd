"""Python functions: an execution environment forked from a warm process, spoken to over a private socket pair.

Decides the frames of the two questions; `bootstrap.py` is the other end. Knows no deadline and no pool.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.ports import Clock, FunctionSpec, Invocation

from . import wire, wrapper
from .control_channel import LARGEST, ControlChannel, invocation_frame
from .debugging import NO_LIMIT_SECONDS, PortInUse, debugpy_folder, how_to_attach, is_free
from .environment import ExecutionEnvironment, Hold, Reply, Site
from .interpreters import Interpreter, Interpreters, variable_of
from .kinds import EnvironmentKind
from .launcher import ZYGOTE, Child, Launcher, Launchers, SpawnLauncher
from .program import Program


class PythonKind(EnvironmentKind):
    """The runtimes `python3.x`, each on an interpreter of its version if the machine has one."""

    debugs = True

    def __init__(
        self, clock: Clock, interpreters: Interpreters, launchers: Launchers, debug_ports: Mapping[str, int]
    ) -> None:
        self._clock, self._interpreters, self._launchers = clock, interpreters, launchers
        self._debug_ports = debug_ports

    def runs(self, runtime: str) -> bool:
        return re.fullmatch(r"python3\.\d+", runtime) is not None

    async def prepare(self, runtime: str) -> None:
        minor = runtime.removeprefix("python")
        if self._interpreters.known(minor) is None:
            await asyncio.get_running_loop().run_in_executor(None, self._interpreters.find, minor)

    def runtime_version(self, runtime: str) -> str:
        return f"python:{runtime.removeprefix('python')}.v1"

    def remark(self, runtime: str) -> str | None:
        interpreter = self._interpreter(runtime)
        if runtime == f"python{interpreter.minor}":
            return None
        variable = variable_of(runtime.removeprefix("python"))
        return f"{runtime} runs on Python {interpreter.version} ({interpreter.executable}); {variable} names another"

    def create(self, function: FunctionSpec, site: Site) -> ExecutionEnvironment:
        interpreter = self._interpreter(function.runtime)
        if _needs_libraries(site):
            launcher: Launcher = SpawnLauncher(interpreter, site.variables.get("LD_LIBRARY_PATH"))
        else:
            launcher = self._launchers.of(interpreter)
        port = self._debug_ports.get(function.name)
        if port is not None:
            if not is_free(port):
                raise PortInUse(function.name, port)
            return DebuggedEnvironment(function, self._clock, site, launcher, interpreter, port)
        return PythonEnvironment(function, self._clock, site, launcher, interpreter)

    def _interpreter(self, runtime: str) -> Interpreter:
        return self._interpreters.find(runtime.removeprefix("python"))


def _needs_libraries(site: Site) -> bool:
    """Whether the package or a layer brings shared libraries in `lib`, which only a fresh process would find."""
    folders = [site.task_root / "lib", *([site.layers_root / "lib"] if site.layers_root else [])]
    return any(next(folder.glob("*.so*"), None) is not None for folder in folders if folder.is_dir())


class PythonEnvironment(ExecutionEnvironment):
    """A child process that runs `bootstrap.py`."""

    def __init__(
        self, function: FunctionSpec, clock: Clock, site: Site, launcher: Launcher, interpreter: Interpreter
    ) -> None:
        super().__init__(function, clock, site)
        self._launcher, self._interpreter = launcher, interpreter
        self._control: Any = None

    async def _launch(self, ticks: socket.socket, log: int) -> Child:
        control, theirs = socket.socketpair()
        try:
            control.setblocking(False)
            protocol = ControlChannel(self._on_frame, self._hung_up)
            self._control, _ = await self._loop.create_unix_connection(lambda: protocol, sock=control)
            return await self._launcher.start(theirs, ticks, log)
        finally:
            theirs.close()

    def _send_init(self) -> None:
        site = self.site
        found = wrapper.find(site.variables, site.task_root, site.layers_root)
        if found:
            self._control.write(self._wrapped(found).frame())
        else:
            self._control.write(wire.frame(wire.CONFIGURE, json.dumps(self._configuration()).encode()))

    def _wrapped(self, by: str) -> Program:
        """A fresh process that a wrapper starts; it takes its environment as the wrapper leaves it."""
        configuration = {**self._configuration(), "environment": None, "room": None}
        start = {"packages": dict(self._interpreter.packages), "configuration": configuration}
        return Program(
            path=Path(self._interpreter.executable),
            arguments=[*self._interpreter.command, str(ZYGOTE)],
            environment={**self.site.variables, wire.START_VARIABLE: json.dumps(start, ensure_ascii=False)},
            folder=self.site.task_root,
            channels=True,
            room=self.site.room,
            wrapper=by,
        )

    def _configuration(self) -> dict[str, Any]:
        function, site = self.function, self.site
        return {
            "handler": function.handler,
            "task_root": str(site.task_root),
            "required": str(site.required) if site.required else None,
            "layers_root": str(site.layers_root) if site.layers_root else None,
            "environment": site.variables,
            "memory_mb": function.memory_mb,
            "compiled": str(site.compiled) if site.compiled else None,
            "log_mark": self.logs.mark,
            "log_format": function.log_format,
            "log_level": function.application_log_level,
            "now": self._clock.now(),
            "virtual": self._clock.virtual,
            "largest": LARGEST,
            "debug": None,
            "room": dict(site.room) if site.room else None,
        }

    def _send_invocation(self, invocation: Invocation, deadline: float) -> None:
        self._control.write(invocation_frame(invocation, deadline, self._clock))

    def _on_frame(self, kind: int, body: bytes) -> None:
        if self._question is None or len(body) < wire.ANSWER.size:
            return
        (self.used_kib,) = wire.ANSWER.unpack_from(body)
        self._answered(kind, body[wire.ANSWER.size :])

    def _close(self) -> None:
        if self._control is not None:
            self._control.abort()


class DebuggedEnvironment(PythonEnvironment):
    """One that waits for a debugger before it loads the handler, and has no timeout and no memory limit."""

    def __init__(
        self,
        function: FunctionSpec,
        clock: Clock,
        site: Site,
        launcher: Launcher,
        interpreter: Interpreter,
        port: int,
    ) -> None:
        super().__init__(function, clock, site, launcher, interpreter)
        self._port = port

    def _configuration(self) -> dict[str, Any]:
        folder = debugpy_folder()
        debug = {"port": self._port, "folder": str(folder) if folder else ""}
        return {**super()._configuration(), "debug": debug}

    async def _ask(self, send: Callable[[], None], hold: Hold, limit_seconds: float) -> Reply:
        return await super()._ask(send, hold, NO_LIMIT_SECONDS)

    def _on_frame(self, kind: int, body: bytes) -> None:
        if kind == wire.LISTENING:
            function = self.function
            edited_in_place = function.source_directory is not None
            print(how_to_attach(function.name, self._port, self.site.task_root, edited_in_place), file=sys.stderr)
        else:
            super()._on_frame(kind, body)
