"""Operations that hand out an API in another form: GetExport, GetSdk and the kinds of SDKs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.long_documents import Write, written
from emulator.services.apigateway.model import bad_request, not_found
from emulator.services.apigateway.openapi_export import Wanted, export
from emulator.services.apigateway.operations.deployments import Deployments
from emulator.services.apigateway.operations.loading import page
from emulator.services.apigateway.sdk_types import SDK_TYPES


class Exports(Deployments):
    """GetExport, GetSdk, GetSdkType, GetSdkTypes."""

    def get_export(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What a stage has deployed, as an OpenAPI 3.0 or a Swagger 2.0 document."""
        return self.begin_export(tx, scope, request)()

    def begin_export(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> Write:
        """What writes the document, in a thread if it is long: it needs the store no more."""
        api, stage = self._stage(tx, scope, request)
        kind = request["exportType"]
        if kind not in ("oas30", "swagger"):
            raise bad_request(f"Invalid export type specified: {kind}. Valid options are oas30,swagger")  # unverified
        asked = [item.strip() for item in (request.get("parameters") or {}).get("extensions", "").split(",")]
        if "postman" in asked:
            raise NotEmulated("apigateway", "GetExport", "Postman's extensions are not emulated")
        unknown = sorted({*asked} - {"", "integrations", "authorizers", "apigateway", "documentation"})
        if unknown:
            raise bad_request(f"Invalid extensions specified: {','.join(unknown)}")  # unverified
        yaml = _wants_yaml(request.get("accepts"))
        snapshot = store.load_snapshot(tx, api.id, stage["deploymentId"])
        deployment = store.load_deployment(tx, api.id, stage["deploymentId"])
        assert snapshot is not None, "a stage points to a deployment"
        assert deployment is not None, "a snapshot is a deployment's"
        version = stage.get("documentationVersion")
        parts = self._version(tx, scope, api.id, version)["parts"] if version else []
        created = datetime.fromtimestamp(deployment["createdDate"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = Wanted(
            stage=stage["stageName"],
            host=f"{api.id}.execute-api.{scope.region}.amazonaws.com",
            created=created,
            swagger=kind == "swagger",
            integrations="integrations" in asked or "apigateway" in asked,
            authorizers="authorizers" in asked or "apigateway" in asked,
            documentation=_documentation(version, parts) if "documentation" in asked else None,
        )

        def write() -> dict[str, Any]:
            suffix = "yaml" if yaml else "json"
            return {
                "contentType": f"application/{suffix}",
                "contentDisposition": f'attachment; filename="{kind}_{created}.{suffix}"',
                "body": written(export(snapshot, wanted, parts), yaml),
            }

        return write

    def get_sdk(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Refused by name: no client is generated here."""
        self._stage(tx, scope, request)
        if all(item["id"] != request["sdkType"] for item in SDK_TYPES):
            raise bad_request("Invalid SDK type specified")  # unverified
        raise NotEmulated("apigateway", "GetSdk", "SDKs are not generated; use an OpenAPI generator on GetExport")

    def get_sdk_type(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One kind of SDK."""
        for item in SDK_TYPES:
            if item["id"] == request["id"]:
                return item
        raise not_found("Invalid SDK type identifier specified")  # unverified

    def get_sdk_types(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All kinds of SDKs."""
        return page(list(SDK_TYPES), request)


def _wants_yaml(accepts: str | None) -> bool:
    """Whether an Accept header asks for YAML. Raises BadRequestException for what is neither (text unverified)."""
    kind = (accepts or "*/*").partition(",")[0].partition(";")[0].strip().lower()
    if kind not in ("*/*", "application/json", "application/yaml"):
        raise bad_request(f"Invalid accept type specified: {kind}. Valid options are application/json,application/yaml")
    return kind == "application/yaml"


def _documentation(version: str | None, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """`x-amazon-apigateway-documentation` of a version's parts."""
    shown = [{"location": part["location"], "properties": json.loads(part["properties"])} for part in parts]
    return {**({"version": version} if version else {}), "documentationParts": shown}
