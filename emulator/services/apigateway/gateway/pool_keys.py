"""The public keys of Cognito user pools, for the authorizers of REST and of HTTP APIs.

They come from where the setting `cognito_jwks` says; without it, from the delegated Cognito, if the pool was created
there. Keys are kept for a while of AWS time.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.jwt import Key, keys_of
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.ports import EndpointUnreachable

KEPT_SECONDS = 300.0
FETCH_SECONDS = 5.0
LARGEST_KEYS = 150_000
_MOST_POOLS = 256


class KeysUnreadable(Exception):
    """There should be keys, and they cannot be read."""


class PoolKeys:
    """Finds the keys of user pools, and remembers them."""

    def __init__(self, context: Context) -> None:
        assert context.http is not None, "keys of user pools need a sender"
        self._http = context.http
        self._calls = context.calls
        self._supporting = context.supporting
        self._jwks = context.cognito_jwks
        """A JWKS document, or the URL of one."""
        self._kept: dict[tuple[Scope, str], tuple[float, list[Key]]] = {}

    def forget(self) -> None:
        """Ask for keys anew."""
        self._kept.clear()

    async def of(self, scope: Scope, pool: str, now: float) -> list[Key] | None:
        """The keys of a pool of an account and region; None if nobody here knows it. Raises `KeysUnreadable`."""
        kept = self._kept.get((scope, pool))
        if kept is not None and kept[0] <= now < kept[0] + KEPT_SECONDS:
            return kept[1]
        text = await self._document(scope, pool)
        if text is None:
            return None
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError):
            raise KeysUnreadable("the keys of the user pool are no JSON") from None
        keys = keys_of(document)
        while len(self._kept) >= _MOST_POOLS:
            self._kept.pop(next(iter(self._kept)))
        self._kept[scope, pool] = (now, keys)
        return keys

    async def _document(self, scope: Scope, pool: str) -> str | bytes | None:
        if not self._jwks:
            return await self._delegated(scope, pool)
        if not self._jwks.startswith(("http://", "https://")):
            return self._jwks
        url = self._jwks.replace("{region}", scope.region).replace("{pool}", pool)
        try:
            return (await self._http.exchange("GET", url, [], b"", FETCH_SECONDS, LARGEST_KEYS))[2]
        except (EndpointUnreachable, OverflowError) as problem:
            raise KeysUnreadable(f"the keys at {url} cannot be read: {problem}") from None

    async def _delegated(self, scope: Scope, pool: str) -> bytes | None:
        """The delegated service has keys for any pool, also for one that it does not have: so that is asked first."""
        url = f"https://cognito-idp.{scope.region}.amazonaws.com/{pool}/.well-known/jwks.json"
        try:
            await self._calls.delegated(scope, "cognito-idp", "DescribeUserPool", {"UserPoolId": pool})
            status, _, body = await self._supporting.handle("cognito-idp", "GET", url, [], b"")
        except (AwsError, NotEmulated):
            return None
        return body if status == 200 else None
