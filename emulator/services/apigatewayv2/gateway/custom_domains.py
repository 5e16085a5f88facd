"""Requests to custom domain names with API mappings: which stage of which API answers them.

An API mapping may lead to a REST, an HTTP or a WebSocket API; its key may have several levels, and the longest that
begins the path wins [D: rest-api-mappings, http-api-mappings].
"""

from __future__ import annotations

from typing import Any

from emulator.aws.edge import DataPlane
from emulator.ports import Transaction
from emulator.services.apigateway.gateway.address import Address as RestAddress
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.gateway.address import Address
from emulator.services.apigatewayv2.model import Document

_NOBODY = Address("-", "", "/", False, "-")
"""No API has this id: a path that no mapping has is 404 `Not Found`, as on AWS."""


class MappedDomains:
    """Finds who answers for a domain name."""

    def __init__(self, http: DataPlane, websocket: Any, rest: DataPlane) -> None:
        self._http = http
        self._websocket = websocket
        self._rest = rest

    def find(self, tx: Transaction, name: str, path: str) -> tuple[DataPlane, Any] | None:
        """Who answers, and where; None if there is no such domain name."""
        found = store.find_domain(tx, name)
        if found is None:
            return None
        mapping = chosen(list(found[1]["Mappings"].values()), path)
        if mapping is None:
            return self._http, _NOBODY
        prefix = f"/{mapping['ApiMappingKey']}" if mapping["ApiMappingKey"] else ""
        inner = path[len(prefix) :] or "/"
        api_id, stage = mapping["ApiId"], mapping["Stage"]
        if not store.exists(tx, api_id):
            return self._rest, RestAddress(api_id, stage, inner, prefix)
        plane = self._websocket if store.is_websocket(tx, api_id) else self._http
        return plane, Address(api_id, name, inner, False, stage, prefix)


def chosen(mappings: list[Document], path: str) -> Document | None:
    """The mapping with the longest key that begins the path."""
    best: Document | None = None
    for mapping in mappings:
        key: str = mapping["ApiMappingKey"]
        begins = not key or path == f"/{key}" or path.startswith(f"/{key}/")
        if begins and (best is None or len(key) > len(best["ApiMappingKey"])):
            best = mapping
    return best
