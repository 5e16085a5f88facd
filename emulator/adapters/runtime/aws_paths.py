"""AWS's paths /var/task, /opt and /tmp, made real for one process and what it starts.

By a mount namespace of the process's own: nothing of the machine changes, and it is gone when the process is. Linux
only, and only where the process may have one (as root, or as a user whose system allows user namespaces); elsewhere
functions see where their files really are. Runs in the child process, before it has threads; standard library only.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import bundled

TASK, OPT, TMP, VAR = "/var/task", "/opt", "/tmp", "/var"
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2


def enter(room: dict[str, str | None] | None) -> Callable[[str], str]:
    """Make the room's folders appear where AWS has them; return what puts AWS's paths for real ones into a text.

    `room`: `task_root`, `layers_root` and `temporary` (None stays as it is), and `stage`, an empty folder to build in.
    A path under which this Python itself lives stays as it is too.
    """
    names: dict[str, str] = {}
    if room is not None and sys.platform.startswith("linux"):
        wanted = [("task_root", TASK), ("layers_root", OPT), ("temporary", TMP)]
        hidden_by_layers = any(str(place).startswith(f"{OPT}/") for place in room.values())
        folders = {
            path: room[name]
            for name, path in wanted
            if room[name] and not _lives_under(path) and not (path == OPT and hidden_by_layers)
        }
        if TASK in folders and _make_real(folders, str(room["stage"])):
            names = {str(real): path for path, real in folders.items()}

    def translate(text: str) -> str:
        for real, path in names.items():
            text = text.replace(real, path)
        return text

    return translate


def _lives_under(path: str) -> bool:
    mine = [*sys.path, *bundled.folders(), sys.prefix, sys.base_prefix, sys.executable, __file__]
    return any(place.startswith(f"{path}/") for entry in mine for place in (entry, os.path.realpath(entry)))


def _make_real(folders: dict[str, str | None], stage: str) -> bool:
    """False where the system does not allow it; then nothing has changed that a function could see."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        _own_namespace(libc)
        _mount(libc, "tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
        _rebuild_var(libc, stage)
        Path(stage, "task").mkdir()
        _bind(libc, str(folders[TASK]), f"{stage}/task")
        _bind(libc, stage, VAR)
    except OSError:
        return False
    for path in (OPT, TMP):  # /tmp last: it hides what the machine has there
        folder = folders.get(path)
        if folder is not None:
            try:
                _bind(libc, folder, path)
            except OSError:  # no such folder on this machine
                del folders[path]
    return True


def _own_namespace(libc: Any) -> None:
    """A mount namespace; inside a user namespace with the same user, where the system asks for that."""
    if libc.unshare(CLONE_NEWNS) != 0:
        user, group = os.getuid(), os.getgid()
        death_signal = ctypes.c_int(0)
        libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(death_signal), 0, 0, 0)
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
        libc.prctl(PR_SET_PDEATHSIG, death_signal.value, 0, 0, 0)
    _mount(libc, "none", "/", None, MS_REC | MS_PRIVATE)


def _rebuild_var(libc: Any, stage: str) -> None:
    """/var with everything it has, in a folder to which more can be added."""
    with os.scandir(VAR) as entries:
        for entry in entries:
            place = Path(stage, entry.name)
            if entry.is_symlink():
                place.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir() and entry.path != TASK:
                place.mkdir()
                _bind(libc, entry.path, str(place))


def _bind(libc: Any, source: str, target: str) -> None:
    _mount(libc, source, target, None, MS_BIND | MS_REC)


def _mount(libc: Any, source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if libc.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)
