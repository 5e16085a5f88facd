"""Addresses of deployed APIs that a handler builds from its event, as on AWS: boto3 finds the emulator behind them.

`https://{domainName}/{stage}` is how handlers of WebSocket APIs reach their clients. Here that name has no TLS, and on
many machines no resolver knows it. Only names that end with `.localhost`, which no other machine has, are led here;
only boto3 clients with such an `endpoint_url` are concerned. Runs in functions' processes: standard library only.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from typing import Any

_ADDRESS = re.compile(r"https?://([a-z0-9]+)\.execute-api\.[a-z0-9\-]+\.localhost(?::\d+)?(/.*)?")
_MODULE = "botocore.session"


def led_here(url: str, emulator: str) -> str:
    """The same API's address in the path form of `emulator`; any other URL as it is."""
    found = _ADDRESS.fullmatch(url)
    return f"{emulator.rstrip('/')}/_aws/execute-api/{found[1]}{found[2] or ''}" if found and emulator else url


def install() -> Callable[[], None]:
    """Lead boto3 clients of this process here, whichever boto3 it will import; calling the result ends that."""
    finder: Any = _WhenImported()
    loaded = sys.modules.get(_MODULE)
    if loaded is not None:
        finder.lead(loaded)
    else:
        sys.meta_path.insert(0, finder)
    return finder.undo


def _lead(module: Any) -> Callable[[], None]:
    create: Any = module.Session.create_client

    @functools.wraps(create)
    def create_client(*arguments: Any, **named: Any) -> Any:
        url = named.get("endpoint_url")
        if isinstance(url, str):
            named["endpoint_url"] = led_here(url, os.environ.get("AWS_ENDPOINT_URL", ""))
        return create(*arguments, **named)

    module.Session.create_client = create_client

    def undo() -> None:
        module.Session.create_client = create

    return undo


class _WhenImported:
    """Waits in `sys.meta_path` for the one module, then steps aside."""

    def __init__(self) -> None:
        self._undo: Callable[[], None] | None = None

    def lead(self, module: Any) -> None:
        self._undo = _lead(module)

    def undo(self) -> None:
        own: Any = self
        if own in sys.meta_path:
            sys.meta_path.remove(own)
        if self._undo is not None:
            self._undo()
            self._undo = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _MODULE:
            return None
        own: Any = self
        sys.meta_path.remove(own)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run: Any = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                self.lead(module)

            loader: Any = spec.loader
            loader.exec_module = exec_module
        return spec
