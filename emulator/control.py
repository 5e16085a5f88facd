"""The door of `/_emulator/*`. Health answers here, without FastAPI, because tools poll it while the emulator
starts; everything else is `control_app.py`, imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator import __version__
from emulator.uuids import new_uuid

if TYPE_CHECKING:
    from emulator.app import Emulator

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Control:
    """The ASGI application of the control plane."""

    emulator: Emulator
    _app: Any = None
    _instance: str = field(default_factory=new_uuid)

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["path"] in ("/_emulator/health", "/_localstack/health", "/health"):
            body = json.dumps({**health(self.emulator), "instance": self._instance}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
            return
        if scope["method"] in ("POST", "PUT"):  # every body here is JSON: `curl -d` calls it a form
            kept = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
            scope = {**scope, "headers": [*kept, (b"content-type", b"application/json")]}
        if self._app is None:
            from emulator.control_app import build

            self._app = build(self.emulator)
        await self._app(scope, receive, send)


def health(emulator: Emulator) -> dict[str, Any]:
    """What tools that wait for an emulator read: every service that answers, and the version."""
    services = dict.fromkeys(emulator.service_names(), "available")
    return {"status": "running", "services": services, "edition": "community", "version": __version__}
