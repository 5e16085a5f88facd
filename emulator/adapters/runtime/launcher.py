"""How execution environments come into being and are ended: forked from the zygote, or as fresh processes.

Decides about processes only; what they say to each other is `environment` and `bootstrap`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from .interpreters import Interpreter, own_interpreter

ZYGOTE = Path(__file__).with_name("zygote.py")
MOST_FORKS_UNDER_WAY = 8
LONGEST_START_SECONDS = 120.0
"""Host time after which a zygote that has not forked is given up."""
LONGEST_END_SECONDS = 20.0


class Child(ABC):
    """A started process; `ended` becomes its wait status."""

    ended: asyncio.Future[int]

    @property
    @abstractmethod
    def pid(self) -> int:
        """Its process id, and that of its process group."""

    @abstractmethod
    def kill(self) -> None:
        """Kill its whole process group. Does nothing when it has ended."""

    @abstractmethod
    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""


class Launcher(ABC):
    """Starts processes that serve a control and a time socket and write to a log pipe."""

    @abstractmethod
    async def start(self, control: socket.socket, ticks: socket.socket, log: int) -> Child:
        """Start one; the caller keeps and closes its own copies."""

    @abstractmethod
    async def aclose(self) -> None:
        """End all that it started."""


class Launchers:
    """One launcher for each interpreter, made on first use. Programs that are no Python start from our own."""

    def __init__(self, make: Callable[[Interpreter], Launcher]) -> None:
        self._make = make
        self._made: dict[str, Launcher] = {}

    def of(self, interpreter: Interpreter) -> Launcher:
        launcher = self._made.get(interpreter.executable)
        if launcher is None:
            launcher = self._made[interpreter.executable] = self._make(interpreter)
        return launcher

    def of_programs(self) -> Launcher:
        return self.of(own_interpreter())

    async def aclose(self) -> None:
        for launcher in self._made.values():
            await launcher.aclose()


def default_launcher(interpreter: Interpreter) -> Launcher:
    """The zygote where fork is safe."""
    return ZygoteLauncher(interpreter) if sys.platform.startswith("linux") else SpawnLauncher(interpreter)


def _bare_environment() -> dict[str, str]:
    """What a Python needs to start; nothing of the host's AWS configuration."""
    keep = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV", "SYSTEMROOT")
    return {"LANG": "C.UTF-8", **{name: os.environ[name] for name in keep if name in os.environ}}


class _Forked(Child):
    def __init__(self, launcher: ZygoteLauncher) -> None:
        self._launcher = launcher
        self.ended = asyncio.get_running_loop().create_future()
        self.started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        return self.started.result()

    def kill(self) -> None:
        if self.started.done() and not self.ended.done():
            self._launcher.say({"kill": self.started.result()})

    def terminate(self) -> None:
        if self.started.done() and not self.ended.done():
            self._launcher.say({"terminate": self.started.result()})


class ZygoteLauncher(Launcher):
    """Forks from one warm process, started on first use and again should it die."""

    def __init__(self, interpreter: Interpreter | None = None) -> None:
        self._interpreter = interpreter or own_interpreter()
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._gate: asyncio.Semaphore | None = None
        self._number = 0
        self._starting: dict[int, _Forked] = {}
        self._children: dict[int, _Forked] = {}

    async def start(self, control: socket.socket, ticks: socket.socket, log: int) -> Child:
        if self._gate is None:
            self._gate = asyncio.Semaphore(MOST_FORKS_UNDER_WAY)
        async with self._gate:
            try:
                return await self._fork([control.fileno(), ticks.fileno(), log])
            except OSError:  # the zygote died, perhaps long ago: a fresh one may do better
                return await self._fork([control.fileno(), ticks.fileno(), log])

    async def _fork(self, descriptors: list[int]) -> Child:
        """Ask the zygote for a child. Raises OSError if it is dead or does not answer; it is then given up."""
        sock = self._sock or self._start_zygote()
        child = _Forked(self)
        self._number += 1
        self._starting[self._number] = child
        try:
            socket.send_fds(sock, [json.dumps({"fork": self._number}).encode()], descriptors)
            async with asyncio.timeout(LONGEST_START_SECONDS):
                await child.started
        except OSError:  # TimeoutError is one
            if self._sock is sock:
                if self._process is not None:
                    self._process.kill()
                self._lost(sock)
            raise
        return child

    def _start_zygote(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        packages = json.dumps(self._interpreter.packages)
        command = [*self._interpreter.command, str(ZYGOTE), str(theirs.fileno()), packages]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True,
            env=_bare_environment(), cwd="/",
        )  # fmt: skip
        theirs.close()
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours.fileno(), self._listen, ours)
        self._sock = ours
        return ours

    def say(self, message: dict[str, int]) -> None:
        """Send a message; a dead zygote has taken its children along."""
        if self._sock is not None:
            try:
                self._sock.send(json.dumps(message).encode())
            except BlockingIOError:
                asyncio.get_running_loop().call_later(0.01, self.say, message)
            except OSError:
                pass

    def _listen(self, sock: socket.socket) -> None:
        while True:
            try:
                data = sock.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                return self._lost(sock)
            message = json.loads(data)
            if "number" in message:
                child = self._starting.pop(message["number"])
                self._children[message["pid"]] = child
                if not child.started.done():
                    child.started.set_result(message["pid"])
                else:
                    self.say({"kill": message["pid"]})  # whoever asked was cancelled
            else:
                child = self._children.pop(message["pid"])
                if not child.ended.done():
                    child.ended.set_result(message["status"])

    def _lost(self, sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sock.fileno())
        sock.close()
        if self._sock is sock:
            self._sock = None
        process, self._process = self._process, None
        if process is not None:
            threading.Thread(target=process.wait, daemon=True).start()
        children = [*self._starting.values(), *self._children.values()]
        self._starting.clear()
        self._children.clear()
        for child in children:
            if not child.started.done():
                child.started.set_exception(ChildProcessError("the process that forks environments has ended"))
            if not child.ended.done():
                child.ended.set_result(signal.SIGKILL)

    async def aclose(self) -> None:
        process, sock = self._process, self._sock
        if process is None or sock is None:
            return
        self._process = None
        sock.shutdown(socket.SHUT_WR)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, process.wait, LONGEST_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await loop.run_in_executor(None, process.wait)
        if self._sock is sock:
            self._lost(sock)


class _Spawned(Child):
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self.process = process
        self.ended = loop.create_future()
        threading.Thread(target=self._wait, args=(loop,), daemon=True).start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self.process.wait()
        status = -code if code < 0 else code << 8
        try:
            loop.call_soon_threadsafe(lambda: self.ended.done() or self.ended.set_result(status))
        except RuntimeError:
            pass  # the loop has ended: nobody asks any more

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, number)
            except OSError:
                pass


class SpawnLauncher(Launcher):
    """A fresh interpreter for each environment: slower, and safe everywhere.

    `library_path` is its LD_LIBRARY_PATH, which the dynamic loader reads only when a program starts.
    """

    def __init__(self, interpreter: Interpreter | None = None, library_path: str | None = None) -> None:
        self._interpreter = interpreter or own_interpreter()
        self._library_path = library_path
        self._children: set[_Spawned] = set()

    async def start(self, control: socket.socket, ticks: socket.socket, log: int) -> Child:
        numbers = (control.fileno(), ticks.fileno())
        interpreter = self._interpreter
        packages = json.dumps(interpreter.packages)
        command = [*interpreter.command, str(ZYGOTE), "environment", *map(str, numbers), packages]
        variables = _bare_environment()
        if self._library_path:
            variables["LD_LIBRARY_PATH"] = self._library_path
        process = subprocess.Popen(  # noqa: ASYNC220 — returns once the program has started
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=numbers, start_new_session=True,
            env=variables,
        )  # fmt: skip
        child = _Spawned(process)
        self._children.add(child)
        child.ended.add_done_callback(lambda _: self._children.discard(child))
        return child

    async def aclose(self) -> None:
        children = list(self._children)
        for child in children:
            child.kill()
        if children:
            await asyncio.wait([child.ended for child in children], timeout=LONGEST_END_SECONDS)
