"""AWS's paths /var/task, /opt and /tmp, made real for one process and what it starts; code is read-only as on AWS.

By a mount namespace of the process's own: nothing of the machine changes, and it is gone when the process is. Linux
only, and only where the process may have one (as root, or as a user whose system allows user namespaces); elsewhere
functions see where their files really are, without permission to write there. Runs in the child process, before it has
threads; standard library only.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from . import bundled

TASK, OPT, TMP, VAR = "/var/task", "/opt", "/tmp", "/var"
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2


def enter(room: Mapping[str, Any] | None) -> Callable[[str], str]:
    """Make the room's folders appear where AWS has them; return what puts AWS's paths for real ones into a text.

    `room`: `task_root` and `temporary` (None stays as it is), `layers_root` with what is to be in /opt, `stage`, an
    empty folder to build in, and `needed`, paths that must not disappear. /var/task and /tmp stay as they are if this
    Python itself lives there; of /opt those entries stay, beside the layers', in which it or something needed lives.
    """
    names: dict[str, str] = {}
    if room is not None:
        folders = {OPT: str(room["layers_root"])}
        for name, path in (("task_root", TASK), ("temporary", TMP)):
            if room[name] and not _living_under(path, ()):
                folders[path] = str(room[name])
        together = TASK in folders or not room["task_root"]  # code is moved with what it finds beside it, or not at all
        if together and sys.platform.startswith("linux"):
            names = {folders[path]: path for path in _make_real(folders, room)}
        for name in ("task_root", "layers_root"):
            if room[name] and room[name] not in names:
                seal(room[name])

    def translate(text: str) -> str:
        for real, path in names.items():
            text = text.replace(real, path)
        return text

    return translate


def seal(folder: str) -> None:
    """Take away the permission to write in a folder, once. Root does not mind; whoever removes it gives it back."""
    try:
        if Path(folder).stat().st_mode & 0o222 == 0:
            return
        for parent, _, names in os.walk(folder, topdown=False):
            for place in (*(Path(parent, name) for name in names), Path(parent)):
                if not place.is_symlink():
                    place.chmod(place.stat().st_mode & 0o555)
    except OSError:
        pass  # somebody else's, or not there: it stays as it is


def _living_under(path: str, needed: Iterable[str]) -> set[str]:
    """The entries of a folder in which this Python lives, or something needed."""
    mine = [*sys.path, *bundled.folders(), sys.prefix, sys.base_prefix, sys.executable, __file__, *needed]
    places = [place for entry in mine for place in (entry, os.path.realpath(entry))]
    return {place[len(path) + 1 :].split("/")[0] for place in places if place.startswith(f"{path}/")}


def _make_real(folders: dict[str, str], room: Mapping[str, Any]) -> list[str]:
    """Which paths are as on AWS now. None where the system does not allow it; then nothing that is seen has changed."""
    libc, stage, made = ctypes.CDLL(None, use_errno=True), str(room["stage"]), list[str]()
    kept = _living_under(OPT, room["needed"])
    try:
        _own_namespace(libc)
        if TASK in folders:
            _mount_empty(libc, stage)
            _rebuild_var(libc, stage)
            Path(stage, "task").mkdir()
            _bind_read_only(libc, folders[TASK], f"{stage}/task")
            _bind(libc, stage, VAR)
            made.append(TASK)
    except OSError:
        return made
    for path in (OPT, TMP):  # /tmp last: it hides what the machine has there
        try:
            if path == OPT and kept:
                _rebuild_opt(libc, stage, folders[OPT], kept)
            elif path == OPT:
                _bind_read_only(libc, folders[OPT], OPT)
            elif path in folders:
                _bind(libc, folders[path], path)
            else:
                continue
            made.append(path)
        except OSError:  # no such folder on this machine
            pass
    return made


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


def _rebuild_opt(libc: Any, stage: str, layers: str, kept: Iterable[str]) -> None:
    """/opt with what is needed of it, and the layers' entries beside that."""
    _mount_empty(libc, stage)
    for name in kept:
        Path(stage, name).mkdir()
        _bind(libc, f"{OPT}/{name}", f"{stage}/{name}")
    with os.scandir(layers) as entries:
        for entry in entries:
            place = Path(stage, entry.name)
            if entry.name in kept:
                continue
            if entry.is_symlink():
                place.symlink_to(Path(entry.path).readlink())
                continue
            if entry.is_dir():
                place.mkdir()
            else:
                place.touch()
            _bind_read_only(libc, entry.path, str(place))
    _bind_read_only(libc, stage, OPT)


def _mount_empty(libc: Any, stage: str) -> None:
    _mount(libc, "tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")


def _bind(libc: Any, source: str, target: str) -> None:
    _mount(libc, source, target, None, MS_BIND | MS_REC)


def _bind_read_only(libc: Any, source: str, target: str) -> None:
    """As AWS's: a write is `OSError: [Errno 30] Read-only file system`, for root too."""
    _bind(libc, source, target)
    kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)  # a user namespace may not take them away
    _mount(libc, "none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _mount(libc: Any, source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if libc.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)
