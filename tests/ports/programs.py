"""Functions that are no Python: packages of any files, as the suites of the other runtimes need them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from emulator.ports import CodeSource, FunctionSpec
from tests.ports.functions import function


def archive(files: Mapping[str, str | bytes], mode: int = 0o755) -> bytes:
    """A zip of executable files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            zipped.writestr(info, content)
    return buffer.getvalue()


def packaged(files: Mapping[str, str | bytes], mode: int = 0o755, **changes: Any) -> FunctionSpec:
    """A function of these files."""
    data = archive(files, mode)

    async def load() -> bytes:
        return data

    sha256 = hashlib.sha256(data).hexdigest()
    key = sha256 + json.dumps(changes, default=str)
    return function("", **{"key": key, "code_sha256": sha256, "load_code": load, **changes})


def layer(files: Mapping[str, str | bytes], mode: int = 0o755) -> CodeSource:
    """A layer of these files."""
    data = archive(files, mode)

    async def load() -> bytes:
        return data

    return CodeSource(hashlib.sha256(data).hexdigest(), load)
