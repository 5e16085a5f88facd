"""Operations on API keys, and the account's settings."""

from __future__ import annotations

from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import plan_store, store
from emulator.services.apigateway.key_file import check_value, keys_of_file
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import Listed, Patchable, Scalar, apply, flag
from emulator.services.apigateway.quotas import check_room

API_KEY = Patchable(
    scalars={
        "/name": Scalar("name"),
        "/description": Scalar("description"),
        "/customerId": Scalar("customerId"),
        "/enabled": Scalar("enabled", flag),
    }
)
ACCOUNT = Patchable(
    scalars={"/cloudwatchRoleArn": Scalar("cloudwatchRoleArn")}, listed={"features": Listed("features", whole=True)}
)
_FEATURES = ["UsagePlans"]
"""The one feature there is; since 2016 every account has it and keeps it (AWS)."""


class ApiKeys(Loading):
    """CreateApiKey … ImportApiKeys, UpdateAccount."""

    def create_api_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A key with its value, made here unless given [R:test_api_key_required_for_methods]."""
        stage_keys = [self._stage_key(tx, scope, item) for item in request.get("stageKeys") or []]
        value = request.get("value")
        if value is not None:
            check_value(value)
        value = value or short_id(tx.new_id() + tx.new_id(), 40)
        if plan_store.key_of_value(tx, scope, value) is not None:
            raise conflict("API Key already exists")
        self._check_keys(tx, scope)
        now = float(int(tx.now))
        key: dict[str, Any] = {
            "id": short_id(tx.new_id(), 10),
            "value": value,
            "name": request.get("name") or short_id(tx.new_id(), 10),
            **given(request, "customerId", "description"),
            "enabled": bool(request.get("enabled")),
            "createdDate": now,
            "lastUpdatedDate": now,
            "stageKeys": stage_keys,
            **({"tags": dict(request["tags"])} if request.get("tags") else {}),
        }
        plan_store.put_key(tx, scope, key)
        return key

    def _stage_key(self, tx: Transaction, scope: Scope, item: dict[str, Any]) -> str:
        """`{api}/{stage}`: shown, and without effect: usage plans say what a key opens (AWS: "deprecated")."""
        api, stage = item.get("restApiId") or "", item.get("stageName") or ""
        if store.load_stage(tx, self._api(tx, scope, api).id, stage) is None:
            raise bad_request("Invalid stage identifier specified")  # unverified
        return f"{api}/{stage}"

    def _check_keys(self, tx: Transaction, scope: Scope) -> None:
        """Raise unless the account may have one more key."""
        check_room(plan_store.count_keys(tx, scope), self._settings.api_keys, "API keys", "account")

    def get_api_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One key; its value only when asked for."""
        key = self._api_key(tx, scope, request["apiKey"])
        if not request.get("includeValue"):
            key.pop("value")
        return {"tags": {}, **key}

    def get_api_keys(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All keys, or those whose name begins as asked, or of a customer."""
        keys = [
            key
            for key in plan_store.list_keys(tx, scope)
            if key["name"].startswith(request.get("nameQuery") or "")
            and request.get("customerId") in (None, key.get("customerId"))
        ]
        if not request.get("includeValues"):
            for key in keys:
                key.pop("value")
        return page(keys, request)

    def update_api_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a key by patch operations."""
        key = self._api_key(tx, scope, request["apiKey"])
        for operation in request.get("patchOperations") or []:
            if operation.get("path") in ("/labels", "/stages"):
                raise NotEmulated("apigateway", "UpdateApiKey", f"{operation['path']} of keys; use a usage plan")
        key = apply(key, request.get("patchOperations") or [], API_KEY)
        key["lastUpdatedDate"] = float(int(tx.now))
        plan_store.put_key(tx, scope, key)
        shown = {name: value for name, value in key.items() if name != "value"}
        return {"tags": {}, **shown}

    def delete_api_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a key; usage plans lose it."""
        plan_store.delete_key(tx, scope, self._api_key(tx, scope, request["apiKey"])["id"])
        return {}

    def import_api_keys(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keys of a CSV file, in the usage plans it names; a key with a known value is replaced (AWS)."""
        if request["format"] != "csv":
            raise bad_request("Invalid format specified. Valid options are csv")
        ids: list[str] = []
        warnings: list[str] = []
        for item in keys_of_file(request.get("body") or b""):
            known = plan_store.key_of_value(tx, scope, item.value)
            if known is None:
                self._check_keys(tx, scope)
            now = float(int(tx.now))
            key: dict[str, Any] = known or {
                "id": short_id(tx.new_id(), 10),
                "value": item.value,
                "createdDate": now,
                "stageKeys": [],
            }
            key |= {"name": item.name, "enabled": item.enabled, "lastUpdatedDate": now}
            if item.description:
                key["description"] = item.description
            plan_store.put_key(tx, scope, key)
            for plan_id in item.plan_ids:
                if plan_store.load_plan(tx, scope, plan_id) is None:
                    warnings.append(f"Invalid Usage Plan ID specified: {plan_id}")  # unverified
                else:
                    plan_store.add_plan_key(tx, plan_id, key["id"])
            ids.append(key["id"])
        if warnings and request.get("failOnWarnings"):
            raise bad_request("Warnings found during import:\n\t" + "\n\t".join(warnings))
        return {"ids": ids, **({"warnings": warnings} if warnings else {})}

    def _api_key(self, tx: Transaction, scope: Scope, key_id: str) -> dict[str, Any]:
        key = plan_store.load_key(tx, scope, key_id)
        if key is None:
            raise not_found("Invalid API Key identifier specified")
        return key

    def get_account(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The account's throttle and features."""
        return {
            **plan_store.account(tx, scope),
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": _FEATURES,
            "apiKeyVersion": "4",
        }

    def update_account(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Set the role by which AWS would write logs; it is kept and shown."""
        account = {**plan_store.account(tx, scope), "features": _FEATURES}
        account = apply(account, request.get("patchOperations") or [], ACCOUNT)
        if account.pop("features", None) != _FEATURES:
            raise bad_request("Account features can only be UsagePlans, which cannot be removed")  # unverified
        role = Arn.parse(account.get("cloudwatchRoleArn") or "")
        if account.get("cloudwatchRoleArn") and (role is None or role.service != "iam"):
            raise bad_request("The role ARN is not well formed")  # unverified
        plan_store.put_account(tx, scope, account)
        return self.get_account(tx, scope, {})
