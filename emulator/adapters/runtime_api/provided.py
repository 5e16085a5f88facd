"""The kind of execution environment that runs `provided*` runtimes: a `bootstrap` that speaks the Runtime API.

Decides which file is the bootstrap and what is said when it cannot be run. Its sleeps are real: a program that is not
ours asks its own kernel for the time, so AWS time stands still while it computes or sleeps.
"""

from __future__ import annotations

import platform
import socket
from pathlib import Path
from typing import Any

from emulator.ports import Clock, FunctionSpec, Invocation

from ..runtime import outcomes, wire
from ..runtime.control_channel import ControlChannel
from ..runtime.environment import Ending, ExecutionEnvironment, Reply, Site
from ..runtime.kinds import EnvironmentKind
from ..runtime.launcher import Child
from ..runtime.program import Program, exec_error

RUNTIMES = ("provided", "provided.al2", "provided.al2023")
BOOTSTRAPS = ("/var/task/bootstrap", "/opt/bootstrap")
INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
MACHINES = {0x3E: "x86_64", 0xB7: "arm64", 0x28: "32-bit arm", 0x03: "32-bit x86", 0xF3: "riscv64"}
"""e_machine of ELF headers."""
MEMORY_SLACK_BYTES = 256 * 1024 * 1024
"""Beyond the configured memory: garbage-collected runtimes map more than they use."""
PROC = Path("/proc")


class ProvidedKind(EnvironmentKind):
    """The runtimes `provided`, `provided.al2` and `provided.al2023`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def runs(self, runtime: str) -> bool:
        return runtime in RUNTIMES

    def runtime_version(self, runtime: str) -> str:
        return f"{runtime.replace('.', ':')}.v1"

    def create(self, function: FunctionSpec, site: Site) -> ExecutionEnvironment:
        return ProvidedEnvironment(function, self._clock, site)


class ProvidedEnvironment(ExecutionEnvironment):
    """A process that becomes the function's bootstrap."""

    native = False
    speaks_of_sleeps = False

    def __init__(self, function: FunctionSpec, clock: Clock, site: Site) -> None:
        super().__init__(function, clock, site)
        self._control: Any = None
        self._shown, self._bootstrap = self._find()
        site.variables.pop("AWS_EXECUTION_ENV", None)  # [R: provided.al2023]

    def _find(self) -> tuple[str, Path | None]:
        """AWS's name of the bootstrap, and where it is here."""
        for shown, root in zip(BOOTSTRAPS, (self.site.task_root, self.site.layers_root), strict=True):
            if root is not None and (root / "bootstrap").is_file():
                return shown, root / "bootstrap"
        return BOOTSTRAPS[0], None

    async def _launch(self, ticks: socket.socket, log: int) -> Child:
        control, theirs = socket.socketpair()
        with theirs:
            control.setblocking(False)
            channel = ControlChannel(self._on_frame, lambda: None)  # it ends when the program begins
            self._control, _ = await self._loop.create_unix_connection(lambda: channel, sock=control)
            child = await self.site.programs().start(theirs, ticks, log)
        child.ended.add_done_callback(lambda _: self._hung_up())
        return child

    def _send_init(self) -> None:
        if self._bootstrap is None:
            message = f"Couldn't find valid bootstrap(s): [{' '.join(BOOTSTRAPS)}]"
            return self._fault(outcomes.fault(INVALID_ENTRYPOINT, message))
        memory = self.function.memory_mb * 1024 * 1024 + MEMORY_SLACK_BYTES
        path, variables = self._bootstrap, self.site.variables
        program = Program(path, [str(path)], variables, self.site.task_root, memory, room=self.site.room)
        self._control.write(program.frame())

    def _send_invocation(self, invocation: Invocation, deadline: float) -> None:
        raise AssertionError("the Runtime API hands out invocations")

    def _on_frame(self, kind: int, body: bytes) -> None:
        assert kind == wire.EXEC_FAILED and self._bootstrap is not None, kind
        message = exec_error(self._shown, body[wire.ANSWER.size :])
        foreign = _foreign_machine(self._bootstrap)
        if foreign is not None:
            self.logs.add(f"[emulator] {self._shown} is built for {foreign}, this machine is {platform.machine()}\n")
        self._fault(outcomes.fault(INVALID_ENTRYPOINT, message))

    def _end(self, reply: Reply) -> None:
        if reply.ending is Ending.ANSWERED:
            self._measure()
        super()._end(reply)

    def _measure(self) -> None:
        """The largest resident size so far; Linux only."""
        if self._child is None or self._child.ended.done():
            return
        try:
            status = (PROC / str(self._child.pid) / "status").read_bytes()
        except OSError:
            return
        position = status.find(b"VmHWM:")
        if position >= 0:
            self.used_kib = int(status[position + 6 :].split(None, 1)[0])

    def _close(self) -> None:
        if self._control is not None:
            self._control.abort()


def _foreign_machine(path: Path) -> str | None:
    """What an ELF file is built for, if that is not this machine."""
    with path.open("rb") as file:
        header = file.read(20)
    if header[:4] != b"\x7fELF":
        return None
    name = MACHINES.get(int.from_bytes(header[18:20], "little"), "another processor")
    own = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
    return None if name == own else name
