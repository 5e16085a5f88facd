"""The keys of a JWT issuer: found by its OpenID configuration, kept for two hours of AWS time (4.9).

An issuer that is a Cognito user pool is asked here first, not over the network: `pool_keys` knows the pools of this
emulator, and those whose keys it was told.
"""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.jwt import Key, keys_of
from emulator.aws.scope import Scope
from emulator.ports import EndpointUnreachable, HttpSender
from emulator.services.apigateway.gateway.pool_keys import KeysUnreadable, PoolKeys

FETCH_SECONDS = 1.5
LARGEST_DOCUMENT = 150_000
KEPT_SECONDS = 7200.0
"""[D]: API Gateway can cache a public key for two hours."""
_MOST_ISSUERS = 256
_POOL = re.compile(r"https://cognito-idp\.([a-z0-9\-]+)\.amazonaws\.com/([A-Za-z0-9_\-]+)")


class IssuerUnreachable(Exception):
    """The issuer's keys cannot be had."""


class IssuerKeys:
    """Asks issuers for their keys, and remembers them."""

    def __init__(self, http: HttpSender, pools: PoolKeys) -> None:
        self._http = http
        self._pools = pools
        self._kept: dict[str, tuple[float, list[Key]]] = {}

    async def of(self, issuer: str, account: str, now: float) -> list[Key]:
        """An issuer's keys; a user pool is looked for in `account`. Raises `IssuerUnreachable`."""
        pool = _POOL.fullmatch(issuer)
        if pool is not None:
            try:
                known = await self._pools.of(Scope(account, pool.group(1)), pool.group(2), now)
            except KeysUnreadable as problem:
                raise IssuerUnreachable(str(problem)) from None
            if known is not None:
                return known
        kept = self._kept.get(issuer)
        if kept is not None and kept[0] <= now < kept[0] + KEPT_SECONDS:
            return kept[1]
        configuration = await self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        address = configuration.get("jwks_uri")
        if not isinstance(address, str) or not address.startswith(("http://", "https://")):
            raise IssuerUnreachable(f"The OpenID configuration of {issuer} names no jwks_uri")
        keys = keys_of(await self._fetch(address))
        while len(self._kept) >= _MOST_ISSUERS:
            self._kept.pop(next(iter(self._kept)))
        self._kept[issuer] = (now, keys)
        return keys

    def forget(self) -> None:
        """Ask anew."""
        self._kept.clear()
        self._pools.forget()

    async def _fetch(self, url: str) -> dict[str, Any]:
        try:
            status, _, body = await self._http.exchange("GET", url, [], b"", FETCH_SECONDS, LARGEST_DOCUMENT)
        except (EndpointUnreachable, OverflowError) as problem:
            raise IssuerUnreachable(f"{url}: {problem}") from None
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if status != 200 or not isinstance(document, dict):
            raise IssuerUnreachable(f"{url} answered {status} without a JSON object")
        return document
