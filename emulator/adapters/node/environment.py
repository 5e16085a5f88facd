"""The kind of execution environment that runs `nodejs*` runtimes with the `node` of this machine.

Decides what Node.js is told at its start and what its frames mean. Deadlines, time and logs are the base class's.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any

from emulator.ports import LARGEST_RESPONSE_BYTES, RESPONSE_TOO_LARGE, Clock, FunctionSpec, Invocation

from ..runtime import outcomes, wire, wrapper
from ..runtime.control_channel import LARGEST, ControlChannel, invocation_frame
from ..runtime.environment import ExecutionEnvironment, Site
from ..runtime.kinds import EnvironmentKind
from ..runtime.launcher import Child, Launcher, Launchers
from ..runtime.platform_log import PlatformLog
from ..runtime.program import Program, exec_error
from ..runtime.variables import RUNTIME_DIR

BOOTSTRAP = Path(__file__).with_name("bootstrap.cjs")
OLDEST_MAJOR = 18
MISSING_SDK = re.compile(rb"Cannot find (?:package|module) '(@(?:aws-sdk|smithy)/[a-z0-9-]+)")
MOST_SEARCHED_BYTES = 65_536
HEAP_SHARE, YOUNG_SHARE = 0.9, 0.05
"""Of the configured memory: V8's old and young generation, as AWS sets them (unverified)."""


class NodeKind(EnvironmentKind):
    """The runtimes `nodejs18.x` and later; one Node.js of the machine runs them all."""

    def __init__(self, clock: Clock, launchers: Launchers) -> None:
        self._clock, self._launchers = clock, launchers
        self._version: str | None = None

    def runs(self, runtime: str) -> bool:
        major = runtime.removeprefix("nodejs").removesuffix(".x")
        return runtime.startswith("nodejs") and major.isdigit() and int(major) >= OLDEST_MAJOR and bool(self._node())

    async def prepare(self, runtime: str) -> None:
        """Ask `node` for its version, once."""
        if self._version is None:
            process = await asyncio.create_subprocess_exec(
                self._node(), "--version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            self._version = output.decode("ascii", "replace").strip().removeprefix("v") or "unknown"

    def runtime_version(self, runtime: str) -> str:
        return f"nodejs:{_major(runtime)}.v1"

    def remark(self, runtime: str) -> str | None:
        if self._version is None or self._version.split(".")[0] == _major(runtime):
            return None
        return f"{runtime} runs on Node.js {self._version} of this machine"

    def create(self, function: FunctionSpec, site: Site) -> ExecutionEnvironment:
        return NodeEnvironment(function, self._clock, site, self._launchers.of_programs(), Path(self._node()))

    @staticmethod
    def _node() -> str:
        return shutil.which("node") or ""


def _major(runtime: str) -> str:
    return runtime.removeprefix("nodejs").removesuffix(".x")


class NodeEnvironment(ExecutionEnvironment):
    """A Node.js process that runs `bootstrap.cjs`."""

    def __init__(self, function: FunctionSpec, clock: Clock, site: Site, launcher: Launcher, node: Path) -> None:
        super().__init__(function, clock, site)
        self._launcher, self._node = launcher, node
        self._control: Any = None
        self._invocation: Invocation | None = None
        self._streamed = bytearray()
        self._streamed_too_much = False
        site.variables.setdefault("NODE_PATH", self._node_path())

    def _node_path(self) -> str:
        """Where AWS's runtimes look for packages beside the function's own."""
        room = self.site.room
        packages = (self.site.layers_root or Path(room["layers_root"] if room else "/opt")) / "nodejs"
        folders = [
            *([self.site.required / "node_modules"] if self.site.required else []),
            packages / f"node{_major(self.function.runtime)}" / "node_modules",
            packages / "node_modules",
            f"{RUNTIME_DIR}/node_modules",
            RUNTIME_DIR,
            self.site.task_root,
        ]
        return ":".join(map(str, folders))

    async def _launch(self, ticks: socket.socket, log: int) -> Child:
        control, theirs = socket.socketpair()
        try:
            control.setblocking(False)
            channel = ControlChannel(self._on_frame, self._hung_up)
            self._control, _ = await self._loop.create_unix_connection(lambda: channel, sock=control)
            return await self._launcher.start(theirs, ticks, log)
        finally:
            theirs.close()

    def _send_init(self) -> None:
        function, site = self.function, self.site
        config = {
            "taskRoot": str(site.task_root),
            "required": str(site.required) if site.required else None,
            "major": int(_major(function.runtime)),
            "log": {
                "mark": self.logs.mark,
                "format": function.log_format,
                "level": function.application_log_level,
            },
            "now": self._clock.now(),
            "virtual": self._clock.virtual,
            "largest": LARGEST,
        }
        heap, young = (max(1, int(function.memory_mb * share)) for share in (HEAP_SHARE, YOUNG_SHARE))
        arguments = [
            str(self._node),
            f"--max-old-space-size={heap}",
            f"--max-semi-space-size={young}",
            str(BOOTSTRAP),
        ]
        room = site.room
        if room is not None:  # Node.js itself may live in /opt
            room = {**room, "needed": [*room["needed"], str(self._node), str(self._node.resolve()), str(BOOTSTRAP)]}
        program = Program(
            path=self._node,
            arguments=arguments,
            environment={**site.variables, wire.START_VARIABLE: json.dumps(config, ensure_ascii=False)},
            folder=site.task_root,
            channels=True,
            room=room,
            wrapper=wrapper.find(site.variables, site.task_root, site.layers_root),
        )
        self._control.write(program.frame())

    def _send_invocation(self, invocation: Invocation, deadline: float) -> None:
        self._invocation = invocation
        self._streamed.clear()
        self._streamed_too_much = False
        self._control.write(invocation_frame(invocation, deadline, self._clock))

    def _on_frame(self, kind: int, body: bytes) -> None:
        if self._question is None:
            return
        if kind == wire.CHUNK:
            return self._on_chunk(body)
        (self.used_kib,) = wire.ANSWER.unpack_from(body)
        body = body[wire.ANSWER.size :]
        if kind == wire.EXEC_FAILED:
            return self._answered(
                wire.FAULT, outcomes.fault("Runtime.InvalidEntrypoint", exec_error(str(self._node), body))
            )
        if kind == wire.RESULT and self._streamed_too_much:
            kind, body = wire.FAILED, RESPONSE_TOO_LARGE
        elif kind == wire.RESULT and self._streamed:
            body = bytes(self._streamed)
        elif kind == wire.BROKEN:
            self._gone = True
            kind = wire.FAILED
        if kind in (wire.INIT_FAILED, wire.FAILED):
            self._explain_missing_sdk(body)
        self._answered(kind, body)

    def _explain_missing_sdk(self, error: bytes) -> None:
        """AWS's text for a package that is missing does not say why: on AWS it would be there."""
        found = MISSING_SDK.search(error[:MOST_SEARCHED_BYTES])
        if found is None:
            return
        name, runtime = found.group(1).decode(), self.function.runtime
        text = (
            f"AWS's {runtime} brings the AWS SDK for JavaScript, the emulator does not: "
            f"put {name} into the package or a layer (npm install {name})"
        )
        self._read_logs()
        for event in PlatformLog(self.function).remark(self._clock.now(), text):
            self.logs.add(event.message)

    def _on_chunk(self, data: bytes) -> None:
        """Pass a piece on; a caller that buffers gets all of them as the payload."""
        assert self._invocation is not None
        if self._invocation.on_chunk is not None:
            self._invocation.on_chunk(data)
        elif len(self._streamed) + len(data) > LARGEST_RESPONSE_BYTES:
            self._streamed_too_much = True
        else:
            self._streamed += data

    def _close(self) -> None:
        if self._control is not None:
            self._control.abort()
