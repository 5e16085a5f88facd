"""How API Gateway is mounted: a table of operations, and the data plane beside it."""

from __future__ import annotations

from typing import Any

from emulator.aws.service import Context, Mounted
from emulator.services.apigateway import document_store, openapi, plan_store
from emulator.services.apigateway.documentation import parts_of_file
from emulator.services.apigateway.gateway import GatewayDataPlane
from emulator.services.apigateway.gateway.custom_domains import CustomDomains
from emulator.services.apigateway.long_documents import DocumentService
from emulator.services.apigateway.operations import Operations
from emulator.services.apigateway.store import SCHEMA


def mount(context: Context, lambda_operations: Any) -> Mounted:
    """Offer the control plane; `operations.data_plane` answers requests to deployed APIs."""
    operations = Operations(context.settings)
    operations.data_plane = GatewayDataPlane(context, lambda_operations)
    operations.custom_domains = CustomDomains(context.store, operations.data_plane)
    service = DocumentService(
        "apigateway",
        context.store,
        operations.table(),
        imports={
            "ImportRestApi": ("body", openapi.parse),
            "PutRestApi": ("body", openapi.parse),
            "ImportDocumentationParts": ("body", parts_of_file),
        },
        exports={"GetExport": operations.begin_export},
    )
    return Mounted(
        services=[service],
        schema=SCHEMA + plan_store.SCHEMA + document_store.SCHEMA,
        operations=operations,
        data_planes=[operations.data_plane],
    )
