"""How HTTP APIs are mounted: a table of operations, and the data plane beside it."""

from __future__ import annotations

from typing import Any

from emulator.aws.edge import DataPlane
from emulator.aws.service import Context, Mounted, Service
from emulator.services.apigatewayv2.gateway import HttpApiPlane
from emulator.services.apigatewayv2.operations import Operations
from emulator.services.apigatewayv2.store import SCHEMA


def mount(context: Context, lambda_operations: Any, rest: DataPlane) -> Mounted:
    """Offer the control plane and a data plane that hands requests to REST APIs on to `rest`."""
    operations = Operations(context.base_url)
    operations.data_plane = HttpApiPlane(context, lambda_operations, rest)
    service = Service("apigatewayv2", context.store, operations.table())
    return Mounted(services=[service], schema=SCHEMA, operations=operations, data_planes=[operations.data_plane])
