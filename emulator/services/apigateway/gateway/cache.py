"""A stage's cache: what an endpoint answered, remembered for a while in AWS time (AWS: api-gateway-caching).

It decides whose answers are remembered, under which key, and who may have one forgotten. In memory and bounded, as AWS
promises no more than its best effort; whatever the cluster's size, all stages together have 64 MiB here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from emulator.aws.http import HttpResponse
from emulator.services.apigateway import expressions
from emulator.services.apigateway.gateway import mapping
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure

LARGEST_ANSWER = 1_048_576
"""[D]: the largest response that can be cached."""
LARGEST_CACHE = 64 * 1024 * 1024
DEFAULT_TTL_SECONDS = 300
_OVERHEAD = 1024
IGNORED = "199 Cache-control headers were ignored because the caller was unauthorized."
"""The Warning of SUCCEED_WITH_RESPONSE_HEADER [K]."""

Key = tuple[Any, ...]


class _Kept(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    expires_at: float
    size: int


class Cache:
    """The answers of all stages."""

    def __init__(self) -> None:
        self._kept: dict[Key, _Kept] = {}
        self._size = 0

    def forget(self) -> None:
        """Forget every answer."""
        self._kept.clear()
        self._size = 0

    def flush(self, api_id: str, stage: str) -> None:
        """Forget the answers of one stage."""
        for key in [key for key in self._kept if key[:2] == (api_id, stage)]:
            self._drop(key)

    def find(self, exchange: Exchange) -> HttpResponse | None:
        """The answer that is remembered, if the method remembers and has one; `exchange.cache_key` says where to keep.

        Raises the 403 of a caller who may not have it forgotten.
        """
        if not _is_cached(exchange):
            return None
        key = exchange.cache_key = _key(exchange)
        invalidates = _wants_new(exchange)
        refused = invalidates and not _may_invalidate(exchange)
        if refused:
            strategy = exchange.settings.get("unauthorizedCacheControlHeaderStrategy", "SUCCEED_WITH_RESPONSE_HEADER")
            if strategy == "FAIL_WITH_403":
                exchange.trace.add("cache", found=False, why="the caller may not invalidate")
                # Which gateway response it is, AWS does not say (unverified).
                raise Failure("ACCESS_DENIED")
            exchange.cache_warning = strategy == "SUCCEED_WITH_RESPONSE_HEADER"
        kept = self._kept.get(key)
        if kept is not None and (kept.expires_at <= exchange.now or (invalidates and not refused)):
            self._drop(key)
            kept = None
        exchange.cache_hit = kept is not None
        exchange.trace.add("cache", found=kept is not None, key=key[3:], invalidated=invalidates and not refused)
        return None if kept is None else HttpResponse(kept.status, [*kept.headers], kept.body)

    def keep(self, exchange: Exchange, answer: HttpResponse, now: float) -> None:
        """Remember an answer, whatever its status [P: error statuses of endpoints are cached, too]."""
        key = exchange.cache_key
        size = len(answer.body) + sum(len(name) + len(value) for name, value in answer.headers) + _OVERHEAD
        if key is None or answer.stream is not None or len(answer.body) > LARGEST_ANSWER:
            return
        self._drop(key)
        ttl = exchange.settings.get("cacheTtlInSeconds", DEFAULT_TTL_SECONDS)
        self._kept[key] = _Kept(answer.status, [*answer.headers], answer.body, now + ttl, size)
        self._size += size
        while self._size > LARGEST_CACHE:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size


def _is_cached(exchange: Exchange) -> bool:
    """Whether the stage has a cache and the method uses it; settings of all methods hold for GET only [D]."""
    settings = exchange.settings
    if not exchange.has_cache or not settings.get("cachingEnabled"):
        return False
    if settings.get("cacheTtlInSeconds", DEFAULT_TTL_SECONDS) <= 0:
        return False
    return exchange.request.method == "GET" or exchange.settings_key != "*/*"


def _key(exchange: Exchange) -> Key:
    """Which stage's answer to what. The query is no part of it unless the integration says so [D].

    That methods of one namespace do not share answers, nor a canary with its stage without `useStageCache`, is
    unverified.
    """
    integration = exchange.route.method["methodIntegration"]
    mappings: dict[str, str] = integration.get("requestParameters") or {}
    values: list[tuple[str, str]] = []
    for name in sorted(integration.get("cacheKeyParameters") or []):
        source = mappings.get(name, "") if expressions.INTEGRATION_REQUEST.match(name) else name
        value = mapping.request_value(exchange, source) if source else None
        values.append((name, "" if value is None else str(value)))
    namespace = integration.get("cacheNamespace") or exchange.route.resource_id
    whose = "canary" if exchange.canary and not exchange.canary_shares_cache else ""
    return (exchange.where.api_id, exchange.where.stage, whose, namespace, exchange.request.method, tuple(values))


def _wants_new(exchange: Exchange) -> bool:
    given = ",".join(exchange.header_values("Cache-Control")).lower().replace(" ", "")
    return "max-age=0" in given.split(",")


def _may_invalidate(exchange: Exchange) -> bool:
    """Who is not asked for authorization, or has signed: callers have no policies here (leniency)."""
    return not exchange.settings.get("requireAuthorizationForCacheControl", True) or exchange.signed
