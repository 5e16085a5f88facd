"""Requests whose Host is a custom domain name: which stage of which API answers them.

The edge asks here only for hosts that nothing else claims, so that no other request pays for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.edge import DataPlane
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.ports import Store, Transaction
from emulator.services.apigateway import domain_store
from emulator.services.apigateway.domains import REST, Mapping, choose, names_of
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.routing_rules import MAPPINGS_ONLY, RULES_ONLY, chosen

Target = tuple[DataPlane, Any]
"""Who answers, and what its `handle` is given."""
Answering = Callable[[str, Mapping], Target]
"""(domain name, mapping) → who answers for APIs of a protocol."""


def _address(to: Mapping) -> Address:
    return Address(to.api_id, to.stage, to.path, to.base_path, to.routing_rule_id)


class CustomDomains:
    """Knows for each protocol who answers for its APIs."""

    def __init__(self, store: Store, rest: DataPlane) -> None:
        self._store = store
        self._answering: dict[str, Answering] = {REST: lambda name, to: (rest, _address(to))}

    def also(self, answering: dict[str, Answering]) -> None:
        """Know other protocols, too."""
        self._answering |= answering

    def match(self, host: str, path: str) -> Target | None:
        """Nothing: a name is not known without a read."""
        return None

    async def handle(self, request: HttpRequest, match: Target) -> HttpResponse:
        """Answer a request that `find` recognised."""
        plane, where = match
        return await plane.handle(request, where)

    async def find(self, host: str, request: HttpRequest) -> Target | None:
        """Who answers a request to `host`, or None if it is no custom domain name."""
        return await self._store.read(lambda tx: self._find(tx, host, request))

    def _find(self, tx: Transaction, host: str, request: HttpRequest) -> Target | None:
        path = request.path or "/"
        for name in names_of(host):
            found = domain_store.find(tx, name)
            if found is not None:
                mode = found[1].get("routingMode", MAPPINGS_ONLY)
                rules = domain_store.rules(tx, found[0], name) if mode != MAPPINGS_ONLY else []
                mapping = chosen(rules, request.headers, path)
                if mapping is None:
                    mappings = domain_store.mappings(tx, found[0], name) if mode != RULES_ONLY else []
                    mapping = choose(mappings, path)
                return self._answering[mapping.protocol](name, mapping)
        return None
