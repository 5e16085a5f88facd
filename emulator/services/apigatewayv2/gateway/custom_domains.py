"""Requests to custom domain names whose mapping leads to an HTTP or a WebSocket API: who answers them, and where.

Which mapping that is, `apigateway/domains.py` says.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.edge import DataPlane
from emulator.services.apigateway.domains import Mapping
from emulator.services.apigateway.gateway.custom_domains import Answering
from emulator.services.apigatewayv2.gateway.address import Address


def answering(http: DataPlane, websocket: Any) -> dict[str, Answering]:
    """By protocol."""

    def address(name: str, to: Mapping) -> Address:
        return Address(to.api_id, name, to.path, False, to.stage, to.base_path)

    return {
        "HTTP": lambda name, to: (http, address(name, to)),
        "WEBSOCKET": lambda name, to: (websocket, address(name, to)),
    }
