"""Evaluations whose memory nobody knows beforehand: in a copy of this process that may take so much more and no more.

The compiled library bounds time and sequences but no texts and no results, and ends the process when memory is refused
to it. Decides which expressions can grow beyond the size of what they are given, from their text alone, and runs one
apart; what is evaluated, it does not know. Where a process cannot copy itself, everything is evaluated in it.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from math import prod
from pathlib import Path

from emulator import cpu_time

QUICK_SECONDS = 0.02
"""Of host time, for a first try in the process itself: what takes memory step by step takes little in this."""
QUICK_SEQUENCE = 20_000
MOST_MORE_BYTES = 256 * 1024 * 1024
"""Beyond what the process has (ours; AWS's limit is not documented)."""
GRACE_SECONDS = 0.3
"""For what the library does not interrupt, and for telling the result."""
LONGEST_RESULT = 16 * 1024 * 1024
"""Characters of JSON: far more than any state may hold."""
OUT_OF_MEMORY = "D3000: The evaluation takes too much memory or time."
_MOST_DESCRIPTORS = 65_536
FEW_TIMES = 4096
"""A value that is repeated no more often than this may be evaluated at once."""
_ASSIGNED = re.compile(r"\$(\w+)\s*:=\s*(function\b|λ)?")
_NAME = re.compile(r"\$(\w*)")
_PARAMETERS = re.compile(r"(?:\bfunction\b|λ)\s*\(([^)]*)\)")
_MAKES = re.compile(r"\$(?:pad|range|reduce)\b|\.\.")
"""What can make a long text or array of nothing."""
_COPIES = re.compile(r"\$(?:join|string)\b")
_EACH = re.compile(r"\.\.|\$(?:range|map|each)\b|\bfunction\b|λ|[.(\[]\s*\[")
HAS_FORK = hasattr(os, "fork") and sys.platform == "linux"


class Growth(Enum):
    """How far what an expression makes may exceed what it is given."""

    LITTLE = "little"
    WITH_DATA = "with data"
    """Not much if it is given little."""
    MUCH = "much"


def growth(text: str) -> Growth:
    """What an expression, without its quoted texts, could repeat out of all proportion: variables and parameters that
    are used again and again, and texts put together of many others. Wrong in one direction only: it costs a process."""
    if not HAS_FORK:
        return Growth.LITTLE
    uses: dict[str, int] = {}
    for name in _NAME.findall(text):
        uses[name] = uses.get(name, 0) + 1
    assigned = _ASSIGNED.findall(text)
    if uses.get("", 0) > 20 or prod(max(1, uses[name] - 1) for name, _ in assigned) > FEW_TIMES:
        return Growth.MUCH
    if "$reduce" in text or any(function for _, function in assigned):
        given = {name for names in _PARAMETERS.findall(text) for name in _NAME.findall(names)}
        if any(uses[name] > 2 for name in given):
            return Growth.MUCH
    replaces = "$replace" in text
    if replaces and (_MAKES.search(text) is not None or len(assigned) > 2):
        return Growth.MUCH
    if replaces or (_COPIES.search(text) is not None and _EACH.search(text) is not None):
        return Growth.WITH_DATA
    return Growth.LITTLE


def apart(evaluate: Callable[[], str | None], seconds: float) -> tuple[bool, str | None]:
    """(whether it went well, the result or the failure's text) of `evaluate`, whose failures are `ValueError`s."""
    most = _most_bytes()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: the copy runs this and ends
        try:
            child = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            return False, OUT_OF_MEMORY
    if child == 0:
        _be_the_copy(evaluate, writing, most)
    os.close(writing)
    try:
        written = _all_of(reading, seconds + GRACE_SECONDS, child)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            used = os.wait4(child, 0)[2]
            cpu_time.spent_elsewhere(used.ru_utime + used.ru_stime)
    if written[:1] not in (b"=", b"0", b"!") or written[-1:] != b".":
        return False, OUT_OF_MEMORY
    told = written[1:-1].decode("utf-8", "surrogatepass")
    return written[:1] != b"!", None if written[:1] == b"0" else told


def _be_the_copy(evaluate: Callable[[], str | None], writing: int, most: int | None) -> None:
    """Evaluate, tell, and end, whatever happens: nothing of the process it is a copy of may be done twice."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where the library says that it has no memory
        os.closerange(3, writing)  # sockets and locks, which a next emulator wants if this one is killed meanwhile
        os.closerange(writing + 1, _MOST_DESCRIPTORS)
        _bound_memory(most)
        try:
            result = evaluate()
            told = b"0" if result is None else b"=" + result.encode("utf-8", "surrogatepass")
            if len(told) > LONGEST_RESULT:
                told = b"!" + OUT_OF_MEMORY.encode()
        except (ValueError, RecursionError) as failure:
            told = b"!" + str(failure).encode("utf-8", "surrogatepass")
        left = memoryview(told + b".")
        while left:
            left = left[os.write(writing, left) :]
    finally:
        os._exit(0)


def _bound_memory(most: int | None) -> None:
    import resource  # not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bounds = [bound for bound in (most, soft, hard) if bound is not None and bound != resource.RLIM_INFINITY]
    if bounds:
        resource.setrlimit(resource.RLIMIT_AS, (min(bounds), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))  # should nobody be left to end it


def _most_bytes() -> int | None:
    """The address space that a copy may have."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") + MOST_MORE_BYTES


def _all_of(reading: int, seconds: float, child: int) -> bytes:
    """What is written until the other end closes; nothing more once it is silent for so long, unless the child is
    still to have its CPU time."""
    parts: list[bytes] = []
    watch = select.poll()
    watch.register(reading, select.POLLIN | select.POLLHUP)
    while watch.poll(seconds * 1000) or _waits_for_a_cpu(child, seconds):
        if not watch.poll(0):
            continue
        part = os.read(reading, 1 << 20)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _waits_for_a_cpu(child: int, seconds: float) -> bool:
    """Whether a process runs, or would, and has not had so much CPU time yet. It may have 5 s: see `_bound_memory`."""
    try:
        fields = Path(f"/proc/{child}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return fields[0] in (b"R", b"D") and used < seconds
