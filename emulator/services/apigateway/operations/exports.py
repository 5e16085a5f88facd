"""Operations that hand out an API in another form: GetSdk and the kinds of SDKs."""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, not_found
from emulator.services.apigateway.operations.deployments import Deployments
from emulator.services.apigateway.operations.loading import page
from emulator.services.apigateway.sdk_types import SDK_TYPES


class Exports(Deployments):
    """GetSdk, GetSdkType, GetSdkTypes."""

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
