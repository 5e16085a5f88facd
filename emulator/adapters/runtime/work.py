"""Whether a function's process has real work under way beside whoever sleeps: AWS time must not move past that.

A thread is at work unless it sleeps in AWS time or waits for another thread. Two things must hold at once:

1. Nobody has run since the look before: the kernel counts how often each thread was switched to, and says who is
   asleep. Between two looks the interpreter's lock is free, so a thread that waits for nothing else takes it, and was
   switched to; however slow the machine is, it then stands in the queue for a processor, which is not sleep.
2. Each waits for another thread: the kernel says in which system call it is, Python at which line.

What was read for the second while the first held is of one moment. Who begins to work then was woken by somebody else:
the engine, of which `TimeShim` keeps count, or the outside world, which is not in AWS time.

Connections of an event loop count until nothing has come for a while.
Runs in the child process and imports the standard library only.
"""

from __future__ import annotations

import _thread
import asyncio.selector_events
import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from .own_writers import writer_is_here

real_sleep = time.sleep
real_monotonic = time.monotonic

CONNECTION_GRACE_SECONDS = 1.0
"""Host time after which a connection on which nothing comes counts as idle (one kept alive, for example)."""
UNHEARD_CALL_SECONDS = 1.0
"""Host time after which a request to the emulator of which it tells nothing no longer holds time: its answer may need
AWS time. Longer than a request is on its way."""
LONGEST_ANSWER_SECONDS = 30.0
"""The same of requests to others."""
OWN_BYTES_GRACE_SECONDS = 0.1
"""Host time after which bytes that only another thread of the process can send are on their way no longer."""
FOREIGN_GRACE_SECONDS = 0.1
"""Host time for which a thread that is not Python's own, a library's that waits for the outside world, holds time:
nobody can tell whether it waits for an answer (gRPC) or for nothing."""
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.001, 0.01
FUTEX = "98" if os.uname().machine in ("aarch64", "arm64") else "202"
"""The number of the system call by which threads wait for each other."""
TASKS = "/proc/self/task"
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

    A thread is there for the kernel as soon as it is started; for Python only once it runs.
    """
    if _thread.get_ident() != threading.main_thread().ident:
        return False
    try:
        return len(os.listdir(TASKS)) <= 2  # noqa: PTH208 — at each sleep, and the names are all
    except OSError:
        return _thread._count() <= 1  # pyright: ignore[reportPrivateUsage]


class Looks:
    """A series of looks at the other threads, from the moment at which somebody wants to sleep."""

    def __init__(self, emulators_port: int | None, told: Callable[[], tuple[tuple[int, int], int]]) -> None:
        self._port = emulators_port
        self._told = told
        """Python's and the kernel's number of the thread that reads ticks, which may not have begun to; and how many
        calls the emulator serves for this process now."""
        self._me = _thread.get_ident()
        self._my_task = str(threading.get_native_id())
        self._begun = real_monotonic()
        self._pause = FIRST_LOOK_SECONDS
        self._before = self._asleep()
        self._still: dict[str, tuple[Any, float]] = {}

    def quiet(self) -> bool:
        """Look again: whether nobody has been at work since the look before. Takes a moment."""
        real_sleep(self._pause)
        before, all_wait = self._before, self._all_wait()
        self._before = self._asleep()
        if all_wait and before is not None and self._before == before:
            return True
        # Who waits may have begun to since; who works takes longer.
        self._pause = FIRST_LOOK_SECONDS if all_wait else min(self._pause * 1.5, LONGEST_LOOK_SECONDS)
        return False

    # ── who has run ──

    def _asleep(self) -> Any:
        """All others and how often they have run; None if somebody is not asleep."""
        try:
            found = {task: _switches(task) for task in os.listdir(TASKS) if task != self._my_task}  # noqa: PTH208
        except (FileNotFoundError, ProcessLookupError):
            if Path(TASKS).exists():
                return None  # one that has just ended
            found = {}
        except OSError:
            found = {}  # the handler has used up its descriptors
        if found:
            return None if None in found.values() else found
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        return {ident: (frame.f_code, frame.f_lasti) for ident, frame in frames.items() if ident != self._me}

    # ── what each waits for ──

    def _all_wait(self) -> bool:
        now, ((reader, readers_task), calls) = real_monotonic(), self._told()
        known = {self._my_task, str(readers_task)}
        everybody = True
        for ident, frame in sys._current_frames().items():  # pyright: ignore[reportPrivateUsage]
            if ident in (self._me, reader):
                continue
            task = _task(ident)
            known.add(task)
            if _waits(frame, _call(task)):
                continue
            still = self._seconds_still(task, frame, now)
            if still > OWN_BYTES_GRACE_SECONDS and writer_is_here(_call_line(task)):
                continue
            # Whoever waits outside waits for its call, unless more do than there are calls. A loop has timers, too.
            calls -= 1
            if _judges(frame) or (calls < 0 and not self._is_answered_late(frame, still)):
                everybody = False  # the others are looked at, too: since when they wait
        return everybody and (now - self._begun > FOREIGN_GRACE_SECONDS or not _foreigner_waits_outside(known))

    def _seconds_still(self, task: str, frame: Any, now: float) -> float:
        """Host time for which it has been seen not to move."""
        try:
            reading = id(frame), _switches(task)
        except OSError:
            return 0.0
        if self._still.get(task, (None, now))[0] != reading:
            self._still[task] = reading, now
        return now - self._still[task][1]

    def _is_answered_late(self, frame: Any, still: float) -> bool:
        """Whether it has waited for an answer from the network for so long that this may need AWS time."""
        if frame.f_code.co_name != "readinto" or frame.f_globals.get("__name__") != "socket":
            return False
        try:
            port = frame.f_locals["self"]._sock.getpeername()[1]
        except (OSError, LookupError, AttributeError, TypeError):
            return False
        return still > (UNHEARD_CALL_SECONDS if port == self._port else LONGEST_ANSWER_SECONDS)


def _switches(task: str) -> bytes | None:
    """What the kernel says of how often the thread was switched to; None if it is not asleep."""
    with open(f"{TASKS}/{task}/status", "rb", buffering=0) as file:  # noqa: PTH123
        status = file.read()
    asleep = status.find(b"\nState:\tS") >= 0
    return status[status.find(b"voluntary_ctxt_switches") :] if asleep else None


def _task(ident: int) -> str:
    """The kernel's number of a thread; empty for one that `threading` does not know."""
    thread: Any = threading._active.get(ident)  # type: ignore[attr-defined]  # pyright: ignore
    if thread is None:
        return ""
    main = thread is threading.main_thread()  # a fork does not tell it its new number
    return str(os.getpid() if main else thread.native_id)


def _call(task: str) -> str | None:
    """The number of the system call in which a thread is, `running` outside any; None where the kernel does not say."""
    found = _call_line(task).split(None, 1)
    return found[0] if found else None


def _call_line(task: str) -> str:
    """The system call in which a thread is, with its arguments; empty where the kernel does not say."""
    if not task:
        return ""
    try:
        with open(f"{TASKS}/{task}/syscall", "rb", buffering=0) as file:  # noqa: PTH123
            return file.read().decode()
    except OSError:
        return ""


def _foreigner_waits_outside(known: set[str]) -> bool:
    """Whether a thread of a library's own waits for something else than a thread."""
    try:
        return any(_call(task) not in (FUTEX, None) for task in os.listdir(TASKS) if task not in known)  # noqa: PTH208
    except OSError:
        return False


def _waits(frame: Any, call: str | None) -> bool:
    """Whether a thread that is asleep waits for another thread, or for AWS time."""
    module, caller = frame.f_globals.get("__name__", ""), frame.f_back
    if call == FUTEX or module.startswith(DEBUGGERS):
        return True
    if module == "selectors":  # an event loop, which judges for itself, or a server; not who reads from a child
        return not _judges(frame) and (caller is None or caller.f_globals.get("__name__") != "subprocess")
    if module == "socket" and frame.f_code.co_name == "accept":
        return True
    if call is not None:
        return False
    if module in WAITING_MODULES:
        # A thread pool runs what it was given without a frame of its own: a C function works in `run`.
        return frame.f_code.co_name not in ("run", "worker") and not _starts_a_thread(frame)
    return frame.f_code.co_filename.startswith(OWN_FOLDER)


def _judges(frame: Any) -> bool:
    """Whether it is an event loop that waits for its connections, and has not yet spoken of its timers."""
    return frame.f_back is not None and frame.f_back.f_code is Connections.wait.__code__


def _starts_a_thread(frame: Any) -> bool:
    """A thread that is being started has no line yet; who starts it waits for it."""
    for _ in range(5):
        if frame is None:
            return False
        if frame.f_code.co_name == "start" and frame.f_globals.get("__name__") == "threading":
            return True
        frame = frame.f_back
    return False


class Connections:
    """What an event loop waits for beside its timers."""

    def __init__(self) -> None:
        self._quiet: WeakKeyDictionary[Any, dict[int, Any]] = WeakKeyDictionary()
        """Of each loop, by descriptor, those on which nothing came for the grace, and nothing was written since."""

    def install(self) -> None:
        """Know when a connection asks something again."""
        streams: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
        datagrams: Any = asyncio.selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]
        for kind, name in ((streams, "write"), (streams, "writelines"), (datagrams, "sendto")):
            if name in vars(kind):  # of streams, the second has its own way since Python 3.12
                setattr(kind, name, self._asking(getattr(kind, name)))

    def _asking(self, send: Any) -> Any:
        @functools.wraps(send)
        def sending(sender: Any, *arguments: Any) -> Any:
            self._quiet.get(sender._loop, {}).pop(sender._sock_fd, None)
            return send(sender, *arguments)

        return sending

    def wait(self, loop: Any) -> Any:
        """The events of the loop's descriptors; when there is none now, it has been waited for long enough."""
        own = loop._ssock.fileno()
        quiet = self._quiet.setdefault(loop, {})
        while True:
            keys = [key for key in loop._selector.get_map().values() if key.fd != own]
            children = any(_is_child(key) for key in keys)
            # The same number may be another connection by now; the same key is the same.
            if children or any(quiet.get(key.fd) is not key for key in keys):
                events = loop._selector.select(CONNECTION_GRACE_SECONDS)
            else:
                events = loop._selector.select(0)
            if events:
                for key, _ in events:
                    quiet.pop(key.fd, None)
                return events
            quiet.clear()
            quiet.update((key.fd, key) for key in keys)
            if not children:
                return events


def _is_child(key: Any) -> bool:
    """Whether the descriptor is readable when a child process ends (PidfdChildWatcher)."""
    reader = key.data[0] if key.data else None
    watcher = getattr(getattr(reader, "_callback", None), "__self__", None)
    return "ChildWatcher" in type(watcher).__name__
