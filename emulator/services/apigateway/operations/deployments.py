"""Operations on deployments (frozen copies of an API) and stages (names that point to one)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import stage_rules, store
from emulator.services.apigateway.model import Api, bad_request, conflict, not_found, short_id
from emulator.services.apigateway.operations.client_certificates import ClientCertificates
from emulator.services.apigateway.operations.documentation import Documentation
from emulator.services.apigateway.operations.loading import given, page
from emulator.services.apigateway.patch import Keyed, Patchable, Scalar, apply, flag
from emulator.services.apigateway.quotas import check_room

DEPLOYMENT = Patchable(scalars={"/description": Scalar("description")})
STAGE = Patchable(
    scalars={
        "/deploymentId": Scalar("deploymentId"),
        "/description": Scalar("description"),
        "/documentationVersion": Scalar("documentationVersion"),
        "/clientCertificateId": Scalar("clientCertificateId"),
        "/tracingEnabled": Scalar("tracingEnabled", flag),
    },
    keyed={"variables": Keyed("variables")},
)
_MOST_VARIABLES = 100
_STAGE_NAME = re.compile(r"^[A-Za-z0-9_\-]{1,128}$")
_VARIABLE_NAME = re.compile(r"^[A-Za-z0-9_]{1,64}$")
_VARIABLE_VALUE = re.compile(r"^[A-Za-z0-9\-._~:/?#&=,]{0,512}$")


def _check_variables(variables: dict[str, str]) -> None:
    if len(variables) > _MOST_VARIABLES:
        raise bad_request(f"Maximum number of stage variables is {_MOST_VARIABLES}")  # [D: quotas]; text unverified
    for name, value in variables.items():
        if not _VARIABLE_NAME.match(name) or not _VARIABLE_VALUE.match(value):
            raise bad_request(
                "Stage variable names can only have alphanumeric characters and underscores, and the values must "
                "match the following regular expression: [A-Za-z0-9-._~:/?#&=,]+"
            )


class Deployments(Documentation, ClientCertificates):
    """CreateDeployment … DeleteStage."""

    def create_deployment(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Freeze the API as it is, and let a stage point to the copy if one is named (3.14)."""
        api = self._api(tx, scope, request["restApiId"])
        methods = [method for item in api.resources.values() for method in (item.get("resourceMethods") or {}).values()]
        if not methods:
            raise bad_request("The REST API doesn't contain any methods")
        if any("methodIntegration" not in method for method in methods):
            raise bad_request("No integration defined for method")
        stage_name = request.get("stageName") or ""
        if stage_name and not _STAGE_NAME.match(stage_name):
            raise bad_request("Stage name only allows a-zA-Z0-9_-")
        _check_variables(request.get("variables") or {})
        canary = request.get("canarySettings")
        if canary and not stage_name:
            raise bad_request(
                "Invalid deployment content specified.Non null and non empty stageName must be provided for canary "
                f"deployment. Provided value is {request.get('stageName') or 'null'}"
            )
        deployment: dict[str, Any] = {
            "id": short_id(tx.new_id(), 6),
            "createdDate": float(int(tx.now)),
            **({"description": request["description"]} if request.get("description") else {}),
        }
        store.insert_deployment(tx, scope, api.id, deployment, api.to_json())
        if stage_name:
            stage = store.load_stage(tx, api.id, stage_name)
            if stage is None:
                self._check_stages(tx, api)
                stage = _new_stage(stage_name, tx.now)
            if canary and stage.get("deploymentId"):
                stage["canarySettings"] = _canary(canary, deployment["id"])
            else:
                stage["deploymentId"] = deployment["id"]
            stage["lastUpdatedDate"] = float(int(tx.now))
            if request.get("stageDescription"):
                stage["description"] = request["stageDescription"]
            if request.get("variables"):
                stage["variables"] = {**stage.get("variables", {}), **request["variables"]}
            if request.get("tracingEnabled") is not None:
                stage["tracingEnabled"] = bool(request["tracingEnabled"])
            if request.get("cacheClusterEnabled") is not None or request.get("cacheClusterSize") is not None:
                enabled = request.get("cacheClusterEnabled")
                enabled = stage["cacheClusterEnabled"] if enabled is None else bool(enabled)
                size = request.get("cacheClusterSize") or stage.get("cacheClusterSize")
                stage.update(stage_rules.cache_cluster(enabled, size))
            store.put_stage(tx, scope, api.id, stage)
        return deployment

    def get_deployment(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One deployment; with embed=apisummary what it froze, in brief."""
        api = self._api(tx, scope, request["restApiId"])
        deployment = self._deployment(tx, api, request["deploymentId"])
        if "apisummary" in (request.get("embed") or []):
            snapshot = store.load_snapshot(tx, api.id, deployment["id"])
            assert snapshot is not None
            deployment["apiSummary"] = {
                resource["path"]: {
                    name: {"authorizationType": method["authorizationType"], "apiKeyRequired": method["apiKeyRequired"]}
                    for name, method in resource["resourceMethods"].items()
                }
                for resource in snapshot.resources.values()
                if resource.get("resourceMethods")
            }
        return deployment

    def get_deployments(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All deployments of an API, newest first."""
        return page(store.list_deployments(tx, self._api(tx, scope, request["restApiId"]).id), request)

    def update_deployment(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a deployment's description; what it froze stays."""
        api = self._api(tx, scope, request["restApiId"])
        deployment = self._deployment(tx, api, request["deploymentId"])
        deployment = apply(deployment, request.get("patchOperations") or [], DEPLOYMENT)
        store.save_deployment(tx, api.id, deployment)
        return deployment

    def delete_deployment(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a deployment that no stage points to."""
        api = self._api(tx, scope, request["restApiId"])
        deployment = self._deployment(tx, api, request["deploymentId"])
        used = [(stage, stage.get("canarySettings") or {}) for stage in store.list_stages(tx, api.id)]
        if any(deployment["id"] in (stage["deploymentId"], canary.get("deploymentId")) for stage, canary in used):
            raise bad_request("Active stages pointing to this deployment must be moved or deleted")
        store.delete_deployment(tx, api.id, deployment["id"])
        return {}

    def _deployment(self, tx: Transaction, api: Api, deployment_id: str) -> dict[str, Any]:
        deployment = store.load_deployment(tx, api.id, deployment_id)
        if deployment is None:
            raise not_found("Invalid Deployment identifier specified")
        return deployment

    # ── stages ──

    def create_stage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A name that points to a deployment, with variables."""
        api = self._api(tx, scope, request["restApiId"])
        name = request["stageName"]
        if not _STAGE_NAME.match(name):
            raise bad_request("Stage name only allows a-zA-Z0-9_-")
        if store.load_deployment(tx, api.id, request["deploymentId"]) is None:
            raise bad_request("Deployment id does not exist")
        if store.load_stage(tx, api.id, name):
            raise conflict("Stage already exists")
        self._check_stages(tx, api)
        _check_variables(request.get("variables") or {})
        stage = {
            **_new_stage(name, tx.now),
            **given(request, "deploymentId", "description", "variables", "documentationVersion", "tags"),
        }
        stage["tracingEnabled"] = bool(request.get("tracingEnabled"))
        enabled, size = bool(request.get("cacheClusterEnabled")), request.get("cacheClusterSize")
        stage.update(stage_rules.cache_cluster(enabled, size))
        if request.get("canarySettings"):
            canary = request["canarySettings"]
            stage["canarySettings"] = _canary(canary, canary.get("deploymentId") or request["deploymentId"])
        self._check_stage(tx, scope, api, stage)
        store.put_stage(tx, scope, api.id, stage)
        return stage

    def _check_stages(self, tx: Transaction, api: Api) -> None:
        """Raise unless the API may have one more stage."""
        check_room(len(store.list_stages(tx, api.id)), self._settings.api_stages, "stages")

    def get_stage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One stage."""
        return self._stage(tx, scope, request)[1]

    def get_stages(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All stages of an API, or those of one deployment."""
        api = self._api(tx, scope, request["restApiId"])
        wanted = request.get("deploymentId")
        return {
            "item": [stage for stage in store.list_stages(tx, api.id) if not wanted or stage["deploymentId"] == wanted]
        }

    def update_stage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a stage by patch operations; `/deploymentId` moves it to another deployment."""
        api, stage = self._stage(tx, scope, request)
        for operation in request.get("patchOperations") or []:
            path, op = operation.get("path") or "", operation.get("op") or ""
            value = operation.get("value") or ""
            if op not in ("add", "remove", "replace", "copy"):
                raise bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
            if op == "copy":
                stage_rules.promote(stage, path, operation.get("from") or "")
                continue
            special = _special(path, op)
            if special is not None:
                special(stage, op, path, value)
                continue
            if op == "remove" and path == "/variables":
                stage.pop("variables", None)
                continue
            if op == "remove" and path in STAGE.scalars:
                stage_rules.nothing_to_remove(path[1:])
            if path not in STAGE.scalars and not path.startswith("/variables/"):
                raise bad_request(f"Invalid method setting path: {path}. Must be one of: {stage_rules.PATHS}")
            if path.startswith("/variables/") and operation.get("op") == "replace":
                operation = {**operation, "op": "add"}
            stage = apply(stage, [operation], STAGE)
        self._check_stage(tx, scope, api, stage)
        stage["lastUpdatedDate"] = float(int(tx.now))
        store.put_stage(tx, scope, api.id, stage)
        return stage

    def delete_stage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a stage; its deployment stays."""
        api, stage = self._stage(tx, scope, request)
        store.delete_stage(tx, api.id, stage["stageName"])
        return {}

    def flush_stage_cache(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Forget the answers that a stage remembers."""
        api, stage = self._stage(tx, scope, request)
        self.data_plane.flush_cache(api.id, stage["stageName"])
        return {}

    def flush_stage_authorizers_cache(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Forget what authorizers said to a stage."""
        api, stage = self._stage(tx, scope, request)
        self.data_plane.flush_authorizers(api.id, stage["stageName"])
        return {}

    def _check_stage(self, tx: Transaction, scope: Scope, api: Api, stage: dict[str, Any]) -> None:
        canary = stage.get("canarySettings")
        for deployment_id in [stage.get("deploymentId"), *([canary["deploymentId"]] if canary else [])]:
            if store.load_deployment(tx, api.id, deployment_id or "") is None:
                raise bad_request("Deployment id does not exist")
        self._check_documentation_version(tx, scope, api.id, stage.get("documentationVersion"))
        if stage.get("clientCertificateId"):
            self._certificate(tx, scope, stage["clientCertificateId"])
        _check_variables(stage.get("variables") or {})
        _check_variables((canary or {}).get("stageVariableOverrides") or {})

    def _stage(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> tuple[Api, dict[str, Any]]:
        api = self._api(tx, scope, request["restApiId"])
        stage = store.load_stage(tx, api.id, request["stageName"])
        if stage is None:
            raise not_found("Invalid stage identifier specified")
        return api, stage


def _special(path: str, op: str) -> Callable[[dict[str, Any], str, str, str], None] | None:
    """Who knows about a patch path that is no simple member of a stage."""
    if path.startswith("/canarySettings"):
        return stage_rules.patch_canary
    if path.startswith("/accessLogSettings"):
        return stage_rules.patch_access_log
    if path.startswith("/cacheCluster"):
        return stage_rules.patch_cache_cluster
    return stage_rules.patch_setting if stage_rules.is_setting(path, op) else None


def _canary(request: dict[str, Any], deployment_id: str) -> dict[str, Any]:
    """The canary of a stage from a request's settings."""
    return {
        "percentTraffic": stage_rules.percent(request.get("percentTraffic") or 0.0),
        "deploymentId": deployment_id,
        **given(request, "stageVariableOverrides"),
        "useStageCache": bool(request.get("useStageCache")),
    }


def _new_stage(name: str, now: float) -> dict[str, Any]:
    """A stage with AWS's defaults [R:test_get_stages_filters_by_deployment_id]."""
    return {
        "stageName": name,
        "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": False,
        "createdDate": float(int(now)),
        "lastUpdatedDate": float(int(now)),
    }
