"""Whether the bytes for which a thread waits can only come from its own process: from another thread, which may sleep.

The kernel says in which system call a thread waits, and for which descriptor. A socket's peer is this process's own if
it connects two of its sockets; both ends of a pipe are, if it holds both. Children may hold either, so with children
nothing is known. Linux only; elsewhere such a wait is one for the outside world.
Runs in the child process and imports the standard library only.
"""

from __future__ import annotations

import _socket
import os
import select
import struct
from typing import Any

POLLFD = struct.Struct("ihh")
ARM = os.uname().machine in ("aarch64", "arm64")
READS = ("63", "65", "207", "212") if ARM else ("0", "19", "45", "47")
"""read, readv, recvfrom and recvmsg: what they read from is their first argument."""
POLLS = ("73",) if ARM else ("7", "271")
"""poll and ppoll, in which a socket with a timeout waits: their arguments are an array and its length."""
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 — compared only


def writer_is_here(call: str) -> bool:
    """Whether only this process can end the system call, a line of the kernel's `syscall` file."""
    try:
        descriptor = _read_from(call.split())
        return descriptor is not None and not _has_children() and _is_written_here(descriptor)
    except (OSError, ValueError, IndexError, struct.error):
        return False  # the descriptor has been closed since


def _read_from(call: list[str]) -> int | None:
    if call[0] in READS:
        return int(call[1], 16)
    if call[0] not in POLLS or int(call[2], 16) != 1:
        return None
    with open("/proc/self/mem", "rb", buffering=0) as memory:  # noqa: PTH123
        memory.seek(int(call[1], 16))
        descriptor, events, _ = POLLFD.unpack(memory.read(POLLFD.size))
    return descriptor if events & select.POLLIN else None


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _is_written_here(descriptor: int) -> bool:
    what = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    others = [each for each in map(int, os.listdir("/proc/self/fd")) if each != descriptor]  # noqa: PTH208
    if what.startswith("pipe:"):
        return any(_writes(each, what) for each in others)
    if not what.startswith("socket:") or _socket.getdefaulttimeout() is not None:
        return False  # with a default timeout, to look at a socket would change how it blocks
    return _is_connected_here(descriptor, others)


def _writes(descriptor: int, pipe: str) -> bool:
    try:
        if os.readlink(f"/proc/self/fd/{descriptor}") != pipe:  # noqa: PTH115
            return False
        with open(f"/proc/self/fdinfo/{descriptor}", "rb", buffering=0) as file:  # noqa: PTH123
            flags = int(file.read().split(b"flags:")[1].split()[0], 8)
    except OSError:
        return False
    return flags & os.O_ACCMODE != os.O_RDONLY


def _is_connected_here(descriptor: int, others: list[int]) -> bool:
    socket = _socket.socket(fileno=descriptor)
    try:
        if socket.family == _socket.AF_UNIX:
            peer = socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
            return struct.unpack("iii", peer)[0] == os.getpid()
        if socket.family not in (_socket.AF_INET, _socket.AF_INET6) or socket.type != _socket.SOCK_STREAM:
            return False
        own, peers = socket.getsockname()[:2], socket.getpeername()[:2]
    finally:
        socket.detach()
    return any(_is_other_end(each, own, peers) for each in others)


def _is_other_end(descriptor: int, reader: Any, writer: Any) -> bool:
    """Whether it is the socket to which the reader's is connected, or listens for it and has not accepted it yet."""
    try:
        socket = _socket.socket(fileno=descriptor)
    except OSError:
        return False  # no socket
    try:
        if socket.family not in (_socket.AF_INET, _socket.AF_INET6) or socket.type != _socket.SOCK_STREAM:
            return False
        address, port = socket.getsockname()[:2]
        if port != writer[1]:
            return False
        if socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN):
            return address == writer[0] or (address in ANYWHERE and reader[0] == writer[0])
        return _plain(socket.getpeername()[:2]) == _plain(reader) and _plain((address, port)) == _plain(writer)
    except OSError:
        return False  # connected no more
    finally:
        socket.detach()


def _plain(address: Any) -> Any:
    """Of a socket for both versions of IP, an address of version 4 as such."""
    return address[0].removeprefix("::ffff:"), address[1]
