"""Whether a function's process has real work under way beside whoever sleeps: AWS time must not move past that.

A thread is at work unless it sleeps in AWS time or waits for another thread. Python tells at which line each thread
is; the kernel tells who waits on a lock. Connections of an event loop count until nothing has come for a while.
Runs in the child process and imports the standard library only.
"""

from __future__ import annotations

import _thread
import asyncio.selector_events
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

real_sleep = time.sleep
real_monotonic = time.monotonic

CONNECTION_GRACE_SECONDS = 1.0
"""Host time after which a connection on which nothing comes counts as idle (one kept alive, for example)."""
CALL_GRACE_SECONDS = 0.1
"""Host time after which a thread that waits for an answer from the network no longer holds time: the emulator's
answers may themselves need AWS time, and it knows of its own work by then. Others' hold for as long as
`LONGEST_ANSWER_SECONDS`."""
LONGEST_ANSWER_SECONDS = 30.0
LOCK_GRACE_SECONDS = 0.05
"""Host time after which a thread that has not moved, and is on a lock for the kernel, waits for another."""
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.001, 0.01
FUTEX = {"202", "98"}
"""The number of the system call on x86-64 and on arm64."""
OWN_FOLDER = str(Path(__file__).parent)
WAITING_MODULES = (
    "threading",
    "queue",
    "concurrent.futures.thread",
    "concurrent.futures._base",
    "multiprocessing.pool",
)
DEBUGGERS = ("pydevd", "_pydev", "debugpy")


def alone() -> bool:
    """The caller is the main thread, and there is no other but the one that reads ticks.

    A thread counts once it runs, so the count alone would tell a thread of the handler that it is the only one
    while the one that reads ticks is still being started.
    """
    main = _thread.get_ident() == threading.main_thread().ident
    return main and _thread._count() <= 1  # pyright: ignore[reportPrivateUsage]


class Looks:
    """A series of looks at the other threads, from the moment at which somebody wants to sleep."""

    def __init__(self, emulators_port: int | None, resuming: set[int]) -> None:
        self._port, self._resuming = emulators_port, resuming
        self._me = _thread.get_ident()
        self._seen: dict[int, tuple[Any, int, float]] = {}

    def until_quiet(self) -> None:
        """Return once nobody is at work at two looks in a row."""
        pause, quiet = FIRST_LOOK_SECONDS, 0
        while True:
            quiet = 0 if self._resuming or self._at_work() else quiet + 1
            if quiet == 2:
                return
            real_sleep(FIRST_LOOK_SECONDS if quiet else pause)
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)

    def _at_work(self) -> bool:
        now, busy = real_monotonic(), False
        for ident, frame in sys._current_frames().items():  # pyright: ignore[reportPrivateUsage]
            if ident == self._me or (_waits(frame) and not _starts_a_thread(frame)):
                continue
            seen = self._seen.get(ident)
            if seen is None or seen[0] is not frame.f_code or seen[1] != frame.f_lasti:
                seen = self._seen[ident] = (frame.f_code, frame.f_lasti, now)
                busy = True
                continue
            still = now - seen[2]
            busy = busy or not (self._is_answered_late(frame, still) or (still > LOCK_GRACE_SECONDS and on_lock(ident)))
        return busy or _somebody_runs()

    def _is_answered_late(self, frame: Any, still: float) -> bool:
        if frame.f_code.co_name != "readinto" or frame.f_globals.get("__name__") != "socket":
            return False
        try:
            port = frame.f_locals["self"]._sock.getpeername()[1]
        except (OSError, LookupError, AttributeError, TypeError):
            return False
        return still > (CALL_GRACE_SECONDS if port == self._port else LONGEST_ANSWER_SECONDS)


def _waits(frame: Any) -> bool:
    """Whether the line at which a thread is waits for another thread, or for AWS time."""
    module = frame.f_globals.get("__name__", "")
    if module in WAITING_MODULES:
        # A thread pool runs what it was given without a frame of its own: a C function works in `run`.
        return frame.f_code.co_name not in ("run", "worker")
    if frame.f_code.co_filename.startswith(OWN_FOLDER) or module.startswith(DEBUGGERS):
        return True
    caller = frame.f_back.f_globals.get("__name__", "") if frame.f_back is not None else ""
    if module == "selectors":  # an event loop, which judges for itself, or a server; not who reads from a child
        return caller != "subprocess"
    return module == "socket" and frame.f_code.co_name == "accept"


def _starts_a_thread(frame: Any) -> bool:
    """A thread that is being started has no line yet; who starts it waits for it."""
    for _ in range(5):
        if frame is None:
            return False
        if frame.f_code.co_name == "start" and frame.f_globals.get("__name__") == "threading":
            return True
        frame = frame.f_back
    return False


def _somebody_runs() -> bool:
    """Whether the kernel has another thread running or about to: one whose lock was released a moment ago."""
    try:
        own = str(threading.get_native_id())
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208 — often, and the names are all
            if task != own:
                with open(f"/proc/self/task/{task}/stat", "rb") as file:  # noqa: PTH123
                    if file.read().rpartition(b")")[2].split(None, 1)[0] == b"R":
                        return True
    except OSError:
        pass  # it has ended, or this is no Linux
    return False


def on_lock(ident: int) -> bool:
    """Whether the kernel has a thread waiting on a lock; False where it does not say."""
    thread = threading._active.get(ident)  # type: ignore[attr-defined]  # pyright: ignore
    try:
        main = thread is threading.main_thread()  # a fork does not tell it its new number
        number: Any = os.getpid() if main else thread.native_id  # pyright: ignore
        return Path(f"/proc/self/task/{number}/syscall").read_text(encoding="ascii").split()[0] in FUTEX
    except (OSError, AttributeError, IndexError):
        return False


class Connections:
    """What an event loop waits for beside its timers."""

    def __init__(self) -> None:
        self._quiet: set[int] = set()
        """Descriptors on which nothing came for the grace, and nothing was written since."""

    def install(self) -> None:
        """Know when a connection asks something again."""
        transport: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
        plain = transport.write

        def write(sender: Any, data: Any) -> Any:
            self._quiet.discard(sender._sock_fd)
            return plain(sender, data)

        transport.write = write

    def wait(self, loop: Any) -> Any:
        """The events of the loop's descriptors; when there is none now, it has been waited for long enough."""
        own = loop._ssock.fileno()
        while True:
            keys = [key for key in loop._selector.get_map().values() if key.fd != own]
            children = any(_is_child(key) for key in keys)
            if children or any(key.fd not in self._quiet for key in keys):
                events = loop._selector.select(CONNECTION_GRACE_SECONDS)
            else:
                events = loop._selector.select(0)
            if events:
                self._quiet.difference_update(key.fd for key, _ in events)
                return events
            self._quiet = {key.fd for key in keys}
            if not children:
                return events


def _is_child(key: Any) -> bool:
    """Whether the descriptor is readable when a child process ends (PidfdChildWatcher)."""
    reader = key.data[0] if key.data else None
    watcher = getattr(getattr(reader, "_callback", None), "__self__", None)
    return "ChildWatcher" in type(watcher).__name__
