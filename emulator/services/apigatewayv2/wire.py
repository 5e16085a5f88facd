"""How HTTP and WebSocket APIs are mounted: a table of operations, and the data planes beside it."""

from __future__ import annotations

from typing import Any

from emulator.aws.service import Context, JobKind, Mounted
from emulator.services.apigateway.gateway import GatewayDataPlane
from emulator.services.apigateway.long_documents import DocumentService
from emulator.services.apigateway.openapi import parse
from emulator.services.apigatewayv2.gateway import HttpApiPlane
from emulator.services.apigatewayv2.gateway.custom_domains import answering
from emulator.services.apigatewayv2.operations import Operations
from emulator.services.apigatewayv2.store import SCHEMA
from emulator.services.apigatewayv2.websocket import WebSocketPlane
from emulator.services.apigatewayv2.websocket.management import Management, ManagementPlane
from emulator.services.apigatewayv2.websocket.plane import EXPIRY, LOST


def mount(context: Context, lambda_operations: Any, rest: GatewayDataPlane) -> Mounted:
    """Offer the control plane and a data plane that hands requests to REST APIs on to `rest`."""
    operations = Operations(context.base_url, context.calls, context.settings)
    http = HttpApiPlane(context, lambda_operations, rest)
    conversations = WebSocketPlane(context, lambda_operations, http.handle, rest.admission)
    operations.data_plane, operations.conversations = http, conversations
    operations.answering = answering(http, conversations)
    return Mounted(
        services=[
            DocumentService(
                "apigatewayv2",
                context.store,
                operations.table(),
                imports={"ImportApi": ("Body", parse), "ReimportApi": ("Body", parse)},
                exports={"ExportApi": operations.begin_export},
            ),
            Management(context, conversations.connections).service(),
        ],
        schema=SCHEMA,
        jobs={
            EXPIRY: JobKind(conversations.expire, lambda: 16, recurring=True),
            LOST: JobKind(conversations.lost, lambda: 16),
        },
        start=conversations.start,
        operations=operations,
        data_planes=[ManagementPlane(context, conversations.connections), http],
        socket_planes=[conversations],
    )
