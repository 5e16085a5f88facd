"""Requests whose Host is a custom domain name: which stage of which API answers them.

The edge asks here only for hosts that nothing else claims, so that no other request pays for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.edge import DataPlane
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.ports import Store, Transaction
from emulator.services.apigateway import document_store as documents
from emulator.services.apigateway.document_store import Place
from emulator.services.apigateway.domains import choose, names_of
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.operations.domain_names import BASE_PATH_MAPPINGS, DOMAIN_NAMES

Target = tuple[DataPlane, Any]
"""Who answers, and what its `handle` is given."""
Finder = Callable[[Transaction, str, str], Target | None]
"""(transaction, domain name, path) → who answers, or None if the name is not known to this finder."""

_NOWHERE = "-"
"""The API of a path that no mapping has; there is none of this id, which is 403 `Forbidden`, as on AWS."""


class CustomDomains:
    """Knows domain names by finders, one for each kind of API."""

    def __init__(self, store: Store, rest: DataPlane) -> None:
        self._store = store
        self._rest = rest
        self._finders: list[Finder] = [self._rest_api]

    def also(self, finder: Finder) -> None:
        """Ask another finder, too."""
        self._finders.append(finder)

    def match(self, host: str, path: str) -> Target | None:
        """Nothing: a name is not known without a read."""
        return None

    async def handle(self, request: HttpRequest, match: Target) -> HttpResponse:
        """Answer a request that `find` recognised."""
        plane, where = match
        return await plane.handle(request, where)

    async def find(self, host: str, path: str) -> Target | None:
        """Who answers a request to `host`, or None if it is no custom domain name."""
        return await self._store.read(lambda tx: self._find(tx, host, path))

    def _find(self, tx: Transaction, host: str, path: str) -> Target | None:
        for name in names_of(host):
            for finder in self._finders:
                target = finder(tx, name, path)
                if target is not None:
                    return target
        return None

    def _rest_api(self, tx: Transaction, name: str, path: str) -> Target | None:
        found = documents.anywhere(tx, DOMAIN_NAMES, name)
        if not found:
            return None
        scope, _ = found[0]
        mapping = choose(documents.listed(tx, scope, Place(BASE_PATH_MAPPINGS, name)), path or "/")
        if mapping is None:
            return self._rest, Address(_NOWHERE, "", path)
        return self._rest, Address(mapping.api_id, mapping.stage, mapping.path, mapping.base_path)
