"""Hot reload: whether a folder of source code has changed since it was last looked at.

Decides by names, sizes and modification times; reads no content. Folders in which tools keep their own things do not
count, and links are followed, each folder once.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

IGNORED = frozenset((
    "__pycache__", ".git", ".hg", ".svn", ".venv", ".idea", ".vscode", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".aws-sam", ".DS_Store", ".emulator", "cdk.out",
))  # fmt: skip
LONGEST_INLINE_SECONDS = 0.002
"""Host time of a look that may be taken on the event loop; larger trees are looked at in a thread."""


def fingerprint(folder: Path) -> int:
    """A number that changes with the content of the tree, within this process. Raises FileNotFoundError."""
    seen: set[tuple[str, int, int]] = set()
    root = str(folder)
    visited: set[str] = set()
    waiting = [root]
    first = True
    while waiting:
        here = waiting.pop()
        try:
            entries = os.scandir(here)
        except OSError:
            if first:
                raise
            continue
        first = False
        with entries:
            for entry in entries:
                if entry.name in IGNORED or entry.name.endswith((".pyc", ".swp", "~")):
                    continue
                try:
                    if entry.is_dir():
                        if entry.is_symlink():
                            visited = visited or {os.path.realpath(root)}
                            real = os.path.realpath(entry.path)
                            if real in visited:
                                continue
                            visited.add(real)
                        waiting.append(entry.path)
                        continue
                    status = entry.stat()
                except OSError:
                    continue  # gone meanwhile, or a link to nothing
                seen.add((entry.path, status.st_mtime_ns, status.st_size))
    return hash(frozenset(seen))


class Sources:
    """Looks at folders; remembers which ones take long, so that they do not hold up everybody else."""

    def __init__(self) -> None:
        self._took: dict[Path, float] = {}

    async def fingerprint(self, folder: Path) -> int:
        """`fingerprint`, in a thread if that takes long. Raises FileNotFoundError, NotADirectoryError."""
        begun = time.perf_counter()
        if self._took.get(folder, 0.0) <= LONGEST_INLINE_SECONDS:
            result = fingerprint(folder)
        else:
            result = await asyncio.get_running_loop().run_in_executor(None, fingerprint, folder)
        self._took[folder] = time.perf_counter() - begun
        return result
