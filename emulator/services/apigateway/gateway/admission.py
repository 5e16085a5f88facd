"""How many requests get in: token buckets in AWS time, API keys, quotas of usage plans (3.15).

Buckets are in memory, as AWS's are best effort; what a quota has used is counted in the store.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Store, Transaction
from emulator.services.apigateway import plan_store
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.stage_rules import UNLIMITED

_LARGEST = 10_000


class Admission:
    """Lets requests in, or ends them with 403 or 429."""

    def __init__(self, rows: Store) -> None:
        self._store = rows
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}

    def forget(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()

    def throttle_method(self, exchange: Exchange) -> None:
        """The stage's limits of the method. Raises 429."""
        route, key, settings = exchange.route, exchange.settings_key, exchange.settings
        if not settings:
            return
        burst, rate = settings.get("throttlingBurstLimit", -1), settings.get("throttlingRateLimit", -1)
        if (burst, rate) == UNLIMITED or burst < 0 or rate < 0:
            return
        where = exchange.where
        own = key if key != "*/*" else f"{route.resource_path}/{route.method.get('httpMethod')}"
        admitted = self._take((where.api_id, where.stage, own), burst, rate, exchange.now)
        exchange.trace.add("throttle", setting=key, burst=burst, rate=rate, admitted=admitted)
        if not admitted:
            raise Failure("THROTTLED")

    async def check_key(self, exchange: Exchange, snapshot: Snapshot) -> None:
        """The API key of a method that wants one. Raises 403 or 429."""
        if not exchange.route.method["apiKeyRequired"]:
            return
        from_authorizer = snapshot.api.settings.get("apiKeySource") == "AUTHORIZER"
        value = exchange.usage_key if from_authorizer else exchange.header("x-api-key")
        method = f"{exchange.route.resource_path}/{exchange.route.method.get('httpMethod')}"
        await self.use_key(exchange, snapshot.scope, value, method)

    async def use_key(self, exchange: Exchange, scope: Scope, value: str | None, method: str) -> None:
        """Use a key once: its usage plan's throttles, that of `method` too, and its quota. Raises 403 or 429."""
        if not value:
            exchange.trace.add("api key", admitted=False, why="the request has none")
            raise Failure("INVALID_API_KEY")
        found = await self._store.read(lambda tx: _plan_of(tx, exchange, scope, value))
        if found is None:
            exchange.trace.add("api key", admitted=False, why="unknown, disabled, or in no usage plan of this stage")
            raise Failure("INVALID_API_KEY")
        key, plan, stage = found
        exchange.identity["apiKey"] = value
        exchange.identity["apiKeyId"] = key["id"]
        limits = [(plan.get("throttle"), ""), ((stage.get("throttle") or {}).get(method), method)]
        for limit, name in limits:
            if limit and not self._take(
                ("plan", plan["id"], key["id"], name), limit["burstLimit"], limit["rateLimit"], exchange.now
            ):
                exchange.trace.add(
                    "throttle", setting=f"usage plan {plan['id']} {name}".strip(), admitted=False, **limit
                )
                raise Failure("THROTTLED")
        quota = plan.get("quota")
        spent = await self._store.transact(lambda tx: plan_store.spend(tx, plan["id"], key["id"], quota))
        exchange.trace.add("api key", admitted=spent, key_id=key["id"], usage_plan=plan["id"], quota=quota)
        if not spent:
            raise Failure("QUOTA_EXCEEDED")

    def _take(self, name: tuple[str, ...], burst: float, rate: float, now: float) -> bool:
        """Take a token from a bucket of `burst` that fills at `rate` a second."""
        tokens, then = self._buckets.pop(name, (float(burst), now))
        tokens = min(float(burst), tokens + max(0.0, now - then) * rate)
        if tokens >= 1:
            self._buckets[name] = (tokens - 1, now)
            taken = True
        else:
            self._buckets[name] = (tokens, now)
            taken = False
        if len(self._buckets) > _LARGEST:
            self._buckets.pop(next(iter(self._buckets)))
        return taken


def _plan_of(
    tx: Transaction, exchange: Exchange, scope: Scope, value: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]] | None:
    """(key, usage plan, the plan's entry for this stage) of a key that may be used here."""
    key = plan_store.key_of_value(tx, scope, value)
    if key is None or not key["enabled"]:
        return None
    for plan in plan_store.plans_of_key(tx, key["id"]):
        for stage in plan["apiStages"]:
            if (stage["apiId"], stage["stage"]) == (exchange.where.api_id, exchange.where.stage):
                return key, plan, stage
    return None
