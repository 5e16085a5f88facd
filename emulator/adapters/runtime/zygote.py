"""The warm process from which execution environments are forked; one per emulator, started on first use.

It stays single-threaded, holds the standard library and boto3 imported, forks on request, reports every exit and
kills what a dead environment left behind. When its socket ends, everything ends. Also the entry of an environment
that is started as a fresh process where fork is unsafe (`zygote.py environment <control fd> <time fd>`).
Knows no AWS rule. Standard library only.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import site
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

SOON = (
    "asyncio", "base64", "collections", "concurrent.futures", "contextlib", "copy", "csv", "dataclasses", "datetime",
    "decimal", "email.message", "enum", "functools", "gzip", "hashlib", "html", "http.client", "io", "itertools",
    "json", "logging", "math", "random", "re", "resource", "ssl", "statistics", "string", "subprocess", "tempfile",
    "threading", "traceback", "typing", "unittest.mock", "urllib.request", "uuid", "zipfile", "zoneinfo",
)  # fmt: skip
LATER = (
    "time_machine", "urllib3", "dateutil.parser", "jmespath", "botocore.utils", "botocore.client", "botocore.session",
    "s3transfer", "boto3", "boto3.session",
)  # fmt: skip
"""Imported one by one while there is nothing else to do."""
IDLE_BEFORE_IMPORTS_MS = 30
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def _load_siblings() -> Any:
    """The folder of this file as the package `_lambda_runtime`, without its parents."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        "_lambda_runtime", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_lambda_runtime"] = module
    spec.loader.exec_module(module)
    virtual_time = importlib.import_module("_lambda_runtime.virtual_time")
    shim = virtual_time.TimeShim()
    shim.install()
    return importlib.import_module("_lambda_runtime.bootstrap"), shim


class Zygote:
    """Messages are single datagrams, JSON, so that no length needs parsing."""

    def __init__(self, sock: socket.socket, bootstrap: Any, shim: Any) -> None:
        self._sock, self._bootstrap, self._shim = sock, bootstrap, shim
        self._alive: set[int] = set()
        self._pid = os.getpid()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self) -> None:
        """Until the emulator is gone."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        later, used = list(LATER), False
        while True:
            ready = dict(poll.poll(IDLE_BEFORE_IMPORTS_MS if later and used else None))
            if not ready:
                _import(later.pop(0))
                if not later:
                    gc.collect()
                continue
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
                self._reap()
            if self._sock.fileno() in ready:
                try:
                    data, descriptors, _, _ = socket.recv_fds(self._sock, 4096, 3)
                except ConnectionResetError:  # killed before it had read all that was said here
                    return self._end()
                if not data:
                    return self._end()
                used = True
                message = json.loads(data)
                if "fork" in message:
                    self._fork(message["fork"], descriptors)
                elif "kill" in message:
                    self._kill(message["kill"])
                elif message["terminate"] in self._alive:
                    os.kill(message["terminate"], signal.SIGTERM)

    def _fork(self, number: int, descriptors: list[int]) -> None:
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            self._become_environment(*descriptors)
        self._alive.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        self._say({"number": number, "pid": pid})

    def _become_environment(self, control: int, ticks: int, log: int) -> NoReturn:
        try:
            os.setsid()
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            if os.getppid() != self._pid:
                os._exit(0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            for descriptor in (null, log, self._sock.detach(), self._wake_read, self._wake_write):
                if descriptor > 2:
                    os.close(descriptor)
            move_high = self._bootstrap.move_high
            self._bootstrap.Process(move_high(control), move_high(ticks), self._shim).run()
        finally:
            os._exit(70)

    def _kill(self, pid: int) -> None:
        """A process group, if its leader is still ours: a pid that was reaped may be someone else's."""
        if pid not in self._alive:
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass  # it has not made its session yet
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass

    def _reap(self) -> None:
        while True:
            try:
                pid, status, _ = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                break
            if pid in self._alive:
                # Its group first: grandchildren must be gone before anyone hears that it ended.
                try:
                    os.killpg(pid, signal.SIGKILL)
                except OSError:
                    pass
                self._alive.discard(pid)
                self._kill_orphans()
                self._say({"pid": pid, "status": status})
        self._kill_orphans()

    def _kill_orphans(self) -> bool:
        """Kill what dead environments left: such processes become children of this one."""
        try:
            children = Path(f"/proc/self/task/{self._pid}/children").read_text(encoding="ascii")
        except OSError:
            return False
        orphans = [int(pid) for pid in children.split() if int(pid) not in self._alive]
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        return bool(orphans)

    def _end(self) -> None:
        for pid in list(self._alive):
            self._kill(pid)
        self._alive.clear()
        for _ in range(200):
            self._kill_orphans()
            try:
                while os.wait4(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            select.select([self._wake_read], [], [], 0.01)
            try:
                os.read(self._wake_read, 4096)
            except BlockingIOError:
                pass

    def _say(self, message: dict[str, int]) -> None:
        try:
            self._sock.send(json.dumps(message).encode())
        except OSError:
            pass  # the emulator is gone: the next poll says so


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:
        pass  # optional: the handler that needs it gets its own error


def _start_wrapped(bootstrap: Any, shim: Any, install: Any) -> NoReturn:
    """An environment whose variables, handler included, are as a wrapper left them."""
    wire = importlib.import_module("_lambda_runtime.wire")
    start = json.loads(os.environ.pop(wire.START_VARIABLE))
    channels = os.environ.pop(wire.CHANNELS_VARIABLE).split()
    install(start["packages"])
    site.execsitecustomize()  # instrumentation begins there, by way of PYTHONPATH
    config = start["configuration"]
    config["handler"] = os.environ.get("_HANDLER", config["handler"])
    control, ticks = (bootstrap.move_high(int(number)) for number in channels)
    bootstrap.Process(control, ticks, shim).run(config)
    raise AssertionError("run returns")


def main() -> None:
    """`zygote.py <socket fd> <packages>`, or `zygote.py environment <control fd> <time fd> <packages>`, or wrapped.

    A wrapper (`wrapper.py`) starts it without arguments: what there is to know is in the environment.
    """
    arguments = sys.argv[1:]
    fresh = arguments[:1] == ["environment"]
    if fresh:
        del arguments[0]
    here = os.path.realpath(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != here]  # without `-P` it is there
    bootstrap, shim = _load_siblings()
    install = importlib.import_module("_lambda_runtime.bundled").install
    if not arguments:
        _start_wrapped(bootstrap, shim, install)
    install(json.loads(arguments[-1]))
    assert time.sleep == shim.sleep
    if fresh:
        control, ticks = (bootstrap.move_high(int(number)) for number in arguments[:2])
        bootstrap.Process(control, ticks, shim).run()
    for name in SOON:
        _import(name)
    Zygote(socket.socket(fileno=int(arguments[0])), bootstrap, shim).run()


if __name__ == "__main__":
    main()
