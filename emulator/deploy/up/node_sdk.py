"""Packages of the AWS SDK for JavaScript v3 that a function's code imports: AWS's Node.js runtimes bring them, so that
packages rarely do [D: Lambda developer guide, runtime-included SDK versions].
"""

from __future__ import annotations

import re
from pathlib import Path

from emulator.deploy.up.packaging import files_of

_SOURCES = (".js", ".mjs", ".cjs")
_MOST_BYTES = 20_000_000
"""Of sources that are read: bundles are large, and a folder may hold what is no code of the function's."""
_IMPORTED = re.compile(rb"""(?:\brequire\(|\bfrom|\bimport\(?)\s*["'](@(?:aws-sdk|smithy)/[a-z0-9-]+)["'/]""")


def imported(code: Path) -> set[str]:
    """Their names, as far as they are written out."""
    found: set[str] = set()
    left = _MOST_BYTES
    for _, file in files_of(code):
        if file.suffix in _SOURCES and "node_modules" not in file.relative_to(code).parts:
            left -= file.stat().st_size
            if left < 0:
                break
            found.update(name.decode() for name in _IMPORTED.findall(file.read_bytes()))
    return found


def is_node(code: Path, runtime: str) -> bool:
    """Whether a function runs on Node.js; by its files where a function of the template says on what."""
    if runtime:
        return runtime.startswith("nodejs")
    return any(code.glob("*.[cm]js")) or (any(code.glob("*.js")) and not any(code.glob("*.py")))
