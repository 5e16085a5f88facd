"""The Telemetry API of one environment: who subscribed to what, and batches of events on their way to them.

Decides what a subscription may say and when a batch is full or old enough. Batches go by HTTP to an extension's own
listener, which must be on this machine, as AWS's sandbox.localdomain is. Source: AWS's documentation of the Telemetry
API; the texts of its errors are unverified. What cannot be delivered is dropped: the extension is not there any more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from . import replies
from .replies import Request, Response

SCHEMA_VERSIONS = ("2022-07-01", "2022-12-13", "2025-01-29")
TYPES = ("platform", "function", "extension")
HOSTS = ("sandbox.localdomain", "sandbox", "localhost", "127.0.0.1")
BUFFERING = {
    "maxItems": (1000, 1000, 10_000),
    "maxBytes": (262_144, 262_144, 1_048_576),
    "timeoutMs": (1000, 25, 30_000),
}
"""Default, least and most."""
MOST_REMEMBERED = 200
"""Events kept during the init phase for who has not subscribed yet."""
DELIVERY_SECONDS = 2.0


@dataclass(slots=True)
class Subscription:
    """One subscriber and what waits for it."""

    port: int
    path: str
    types: Sequence[str]
    limits: Mapping[str, int]
    waiting: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    timer: asyncio.TimerHandle | None = None
    last: asyncio.Task[None] | None = None
    """The delivery before the next, which keeps its order."""


class Telemetry:
    """Takes events, knows subscribers. `now` is AWS time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._subscriptions: dict[str, Subscription] = {}
        self._remembered: list[tuple[str, bytes]] | None = []
        self._deliveries: set[asyncio.Task[None]] = set()

    def subscribe(self, name: str, request: Request) -> Response:
        """A PUT by the extension `name`; a later one replaces its former."""
        if self._remembered is None:
            return _invalid("Telemetry API subscription is closed already")
        try:
            subscription = _parse(json.loads(request.body))
        except (ValueError, RecursionError) as error:
            return _invalid(str(error))
        self._subscriptions[name] = subscription
        for family, event in self._remembered:
            self._add(subscription, family, event)
        types = list(subscription.types)
        self.emit("platform.telemetrySubscription", {"name": name, "state": "Subscribed", "types": types})
        return replies.OK

    @property
    def wanted(self) -> bool:
        """Whether anyone may want to know."""
        return self._remembered is not None or bool(self._subscriptions)

    def close_subscriptions(self) -> None:
        """The init phase is over."""
        self._remembered = None

    def emit(self, kind: str, record: Any, at: float | None = None) -> None:
        """One event; `kind` is `function`, `extension` or `platform.…`."""
        if not self.wanted:
            return
        moment = datetime.fromtimestamp(self._now() if at is None else at, UTC)
        time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = json.dumps({"time": time, "type": kind, "record": record}, separators=(",", ":")).encode()
        family = kind.partition(".")[0]
        if self._remembered is not None and len(self._remembered) < MOST_REMEMBERED:
            self._remembered.append((family, event))
        for subscription in self._subscriptions.values():
            self._add(subscription, family, event)

    def _add(self, subscription: Subscription, family: str, event: bytes) -> None:
        if family not in subscription.types:
            return
        limits = subscription.limits
        if subscription.size + len(event) > limits["maxBytes"]:
            self._send(subscription)
        subscription.waiting.append(event)
        subscription.size += len(event) + 1
        if len(subscription.waiting) >= limits["maxItems"]:
            self._send(subscription)
        elif subscription.timer is None:
            loop = asyncio.get_running_loop()
            subscription.timer = loop.call_later(limits["timeoutMs"] / 1000, self._send, subscription)

    def _send(self, subscription: Subscription) -> None:
        if subscription.timer is not None:
            subscription.timer.cancel()
            subscription.timer = None
        if subscription.waiting:
            body = b"[" + b",".join(subscription.waiting) + b"]"
            subscription.waiting, subscription.size = [], 0
            task = asyncio.get_running_loop().create_task(_deliver(subscription, body, subscription.last))
            subscription.last = task
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    async def flush(self) -> None:
        """Deliver what waits, before the extensions are told that the environment ends."""
        for subscription in self._subscriptions.values():
            self._send(subscription)
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=DELIVERY_SECONDS)

    def close(self) -> None:
        """Nothing more is delivered."""
        for subscription in self._subscriptions.values():
            if subscription.timer is not None:
                subscription.timer.cancel()
        self._subscriptions.clear()
        self._remembered = None
        for task in self._deliveries:
            task.cancel()


def _parse(value: Any) -> Subscription:
    """Raises ValueError, which says what is wrong."""
    if not isinstance(value, dict) or value.get("schemaVersion") not in SCHEMA_VERSIONS:
        raise ValueError(f"schemaVersion must be one of {', '.join(SCHEMA_VERSIONS)}")
    types = value.get("types")
    if not isinstance(types, list) or not types or any(each not in TYPES for each in types):
        raise ValueError(f"types must be some of {', '.join(TYPES)}")
    destination = value.get("destination")
    if not isinstance(destination, dict) or destination.get("protocol") != "HTTP":
        raise ValueError("destination.protocol must be HTTP; the emulator does not deliver over TCP")
    parts = urlsplit(str(destination.get("URI")))
    if parts.scheme != "http" or parts.hostname not in HOSTS or not parts.port:
        raise ValueError("destination.URI must be http://sandbox.localdomain:PORT")
    buffering = value.get("buffering", {})
    limits: dict[str, int] = {}
    for name, (default, least, most) in BUFFERING.items():
        limit = buffering.get(name, default) if isinstance(buffering, dict) else None
        if not isinstance(limit, int) or not least <= limit <= most:
            raise ValueError(f"buffering.{name} must be between {least} and {most}")
        limits[name] = limit
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Subscription(parts.port, path, tuple(types), limits)


def _invalid(message: str) -> Response:
    return replies.failure(400, "ValidationError", message)


async def _deliver(subscription: Subscription, body: bytes, before: asyncio.Task[None] | None) -> None:
    if before is not None:
        await asyncio.wait([before])
    head = (
        f"POST {subscription.path} HTTP/1.1\r\nHost: sandbox.localdomain:{subscription.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(DELIVERY_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", subscription.port)
            try:
                writer.write(head.encode("latin-1", "replace") + body)
                await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        pass
