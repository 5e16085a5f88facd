"""Addresses of deployed APIs that a handler builds from its event, as on AWS: boto3 finds the emulator behind them.

`https://{domainName}/{stage}` is how handlers of WebSocket APIs reach their clients. Here that name has no TLS, and on
many machines no resolver knows it. Only names that end with `.localhost`, which no other machine has, are led here;
only boto3 clients with such an `endpoint_url` are concerned. Answers of custom resources go to the emulator's own
address, by TLS from code that is written for AWS (crhelper): `http.client` speaks without TLS to that one address.
Runs in functions' processes: standard library only.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"https?://([a-z0-9]+)\.execute-api\.[a-z0-9\-]+\.localhost(?::\d+)?(/.*)?")


def led_here(url: str, emulator: str) -> str:
    """The same API's address in the path form of `emulator`; any other URL as it is."""
    found = _ADDRESS.fullmatch(url)
    return f"{emulator.rstrip('/')}/_aws/execute-api/{found[1]}{found[2] or ''}" if found and emulator else url


def install() -> Callable[[], None]:
    """Lead this process here, whichever boto3 and `http.client` it will import; calling the result ends that."""
    finders: list[Any] = []
    for name, lead in (("botocore.session", _lead), ("http.client", _speak_plainly)):
        finder: Any = _WhenImported(name, lead)
        loaded = sys.modules.get(name)
        if loaded is not None:
            finder.lead(loaded)
        else:
            sys.meta_path.insert(0, finder)
        finders.append(finder)

    def undo() -> None:
        for finder in finders:
            finder.undo()

    return undo


def _speak_plainly(module: Any) -> Callable[[], None]:
    connect: Any = module.HTTPSConnection.connect

    @functools.wraps(connect)
    def without_tls_to_the_emulator(self: Any) -> None:
        emulator = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
        if emulator.scheme == "http" and (self.host, self.port) == (emulator.hostname, emulator.port):
            module.HTTPConnection.connect(self)
        else:
            connect(self)

    module.HTTPSConnection.connect = without_tls_to_the_emulator

    def undo() -> None:
        module.HTTPSConnection.connect = connect

    return undo


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
    """Waits in `sys.meta_path` for one module, then steps aside."""

    def __init__(self, name: str, lead: Callable[[Any], Callable[[], None]]) -> None:
        self._name = name
        self._lead = lead
        self._undo: Callable[[], None] | None = None

    def lead(self, module: Any) -> None:
        self._undo = self._lead(module)

    def undo(self) -> None:
        own: Any = self
        if own in sys.meta_path:
            sys.meta_path.remove(own)
        if self._undo is not None:
            self._undo()
            self._undo = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name:
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
