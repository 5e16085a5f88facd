"""Throttling by the stage's route settings: a token bucket per route in AWS time, kept in memory.

A stage without settings is not throttled: the account's 10,000 requests a second are more than a machine sends.
"""

from __future__ import annotations

from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.model import Document

_MOST_BUCKETS = 10_000


class Throttle:
    """Buckets of routes."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}
        """(API, stage, route) → (tokens, when they were counted)."""

    def admits(self, exchange: Exchange) -> bool:
        """Whether the route of a request has a token left; takes it."""
        return self.admits_to(
            exchange.stage, exchange.api.id, exchange.stage_name, exchange.route["RouteKey"], exchange.now
        )

    def admits_to(self, stage: Document, api_id: str, stage_name: str, key: str, now: float) -> bool:
        """Whether a route has a token left at `now`; takes it."""
        settings = {**stage["DefaultRouteSettings"], **(stage["RouteSettings"].get(key) or {})}
        rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
        if rate is None or burst is None:
            return True
        bucket = (api_id, stage_name, key)
        tokens, since = self._buckets.pop(bucket, (float(burst), now))
        tokens = min(float(burst), tokens + max(0.0, now - since) * float(rate))
        admitted = tokens >= 1
        while len(self._buckets) >= _MOST_BUCKETS:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[bucket] = (tokens - 1 if admitted else tokens, now)
        return admitted

    def forget(self) -> None:
        """Full buckets again."""
        self._buckets.clear()
