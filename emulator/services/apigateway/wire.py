"""How API Gateway is mounted: a table of operations, and the data plane beside it."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest
from emulator.aws.service import Context, JobKind, Mounted
from emulator.services.apigateway import document_store, openapi, plan_store
from emulator.services.apigateway.documentation import parts_of_file
from emulator.services.apigateway.gateway import GatewayDataPlane, access_log
from emulator.services.apigateway.gateway.custom_domains import CustomDomains
from emulator.services.apigateway.long_documents import DocumentService
from emulator.services.apigateway.model import bad_request
from emulator.services.apigateway.operations import Operations
from emulator.services.apigateway.operations.apis import COMPRESSION
from emulator.services.apigateway.store import SCHEMA

_EMPTY_ADDRESS_TYPE = "; Value '' at 'createRestApiInput.endpointConfiguration.ipAddressType' "


class RestApiService(DocumentService):
    """The control plane; one mistyped member it refuses in words of its own, and of an empty one it says nothing."""

    def reworded(self, operation: str, request: HttpRequest, error: AwsError) -> AwsError:
        """The 400 of a compression size that is a text [R:test_create_rest_api_with_optional_params].

        Beside a wrong endpoint type an empty address type is no error [R:test_create_rest_api_verify_defaults].
        """
        if error.code == "ValidationException" and _EMPTY_ADDRESS_TYPE in error.message:
            others = error.message.partition(_EMPTY_ADDRESS_TYPE)[0].partition(": ")[2]
            return AwsError(error.code, f"1 validation error detected: {others}", error.status)
        if operation != "CreateRestApi" or error.code != "SerializationException":
            return error
        try:
            document = json.loads(request.body)
        except (ValueError, RecursionError):
            return error
        given = document.get("minimumCompressionSize") if isinstance(document, dict) else None
        return bad_request(COMPRESSION) if isinstance(given, str) else error


def mount(context: Context, lambda_operations: Any) -> Mounted:
    """Offer the control plane; `operations.data_plane` answers requests to deployed APIs."""
    operations = Operations(context.settings)
    operations.data_plane = GatewayDataPlane(context, lambda_operations)
    operations.custom_domains = CustomDomains(context.store, operations.data_plane)
    service = RestApiService(
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
        jobs={access_log.DELIVER_JOB: JobKind(access_log.Deliverer(context.store, context.calls).deliver, lambda: 4)},
        operations=operations,
        data_planes=[operations.data_plane],
    )
