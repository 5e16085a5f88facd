"""Operations on stages and deployments."""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.quotas import check_access_log_format
from emulator.services.apigateway.stage_rules import check_log_destination
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.model import DEFAULT, Api, Document, given_tags
from emulator.services.apigatewayv2.operations.loading import Loading, Request, check_stage_is_new, given, page

_STAGE = (
    "AccessLogSettings",
    "AutoDeploy",
    "ClientCertificateId",
    "DefaultRouteSettings",
    "DeploymentId",
    "Description",
    "RouteSettings",
    "StageVariables",
)
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,128}")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_]+")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")


class Stages(Loading):
    """CreateStage … DeleteDeployment."""

    def create_stage(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new stage; one that deploys itself has a deployment at once."""
        api = self._api(tx, scope, request)
        name = request["StageName"]
        if (api.is_websocket or name != DEFAULT) and not _NAME.fullmatch(name):
            raise bad_request(f"Stage name only allows a-zA-Z0-9_-{'' if api.is_websocket else ' and $default'}")
        check_stage_is_new(tx, api.id, name)
        self._check_room(len(store.list_stages(tx, api.id)), "Stages")
        stage = {**new_stage(tx.now, request), "Tags": given_tags(request)}
        self._check_stage(tx, api, stage, request)
        store.put_stage(tx, api.id, stage)
        if stage.get("AutoDeploy"):
            self._deploy(tx, api, stage)
        return stage

    def get_stage(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One stage."""
        return self._stage(tx, scope, request)[1]

    def get_stages(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The stages of an API, a page at a time."""
        return page(store.list_stages(tx, self._api(tx, scope, request).id), request)

    def update_stage(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given; route settings and variables are merged by key."""
        api, old = self._stage(tx, scope, request)
        changes = given(request, _STAGE)
        stage = {**old, **changes}
        for merged in ("RouteSettings", "StageVariables"):
            stage[merged] = {**old.get(merged, {}), **changes.get(merged, {})}
        # A variable with an empty value is removed [K].
        stage["StageVariables"] = {name: value for name, value in stage["StageVariables"].items() if value}
        stage["LastUpdatedDate"] = float(int(tx.now))
        self._check_stage(tx, api, stage, request)
        store.put_stage(tx, api.id, stage)
        if stage.get("AutoDeploy") and not old.get("AutoDeploy"):
            self._deploy(tx, api, stage)
        return stage

    def delete_stage(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a stage, and the automatic deployment that only it had."""
        api, stage = self._stage(tx, scope, request)
        store.delete_stage(tx, api.id, stage["StageName"])
        if stage.get("DeploymentId"):
            self._forget_automatic(tx, api.id, stage["DeploymentId"])
        return {}

    def delete_access_log_settings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Log accesses no more."""
        api, stage = self._stage(tx, scope, request)
        stage.pop("AccessLogSettings", None)
        store.put_stage(tx, api.id, stage)
        return {}

    def delete_route_settings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Forget the settings of one route."""
        api, stage = self._stage(tx, scope, request)
        if request["RouteKey"] not in stage["RouteSettings"]:
            raise not_found(f"Unable to find RouteSettings for route key {request['RouteKey']}")
        del stage["RouteSettings"][request["RouteKey"]]
        store.put_stage(tx, api.id, stage)
        return {}

    def _check_stage(self, tx: Transaction, api: Api, stage: Document, request: Request) -> None:
        if request.get("ClientCertificateId") and not api.is_websocket:
            raise bad_request("ClientCertificateId is not supported for HTTP APIs")
        if stage.get("AutoDeploy") and request.get("DeploymentId"):
            raise bad_request("DeploymentId cannot be specified for a stage with AutoDeploy")
        if request.get("DeploymentId") and store.load_deployment(tx, api.id, request["DeploymentId"]) is None:
            raise not_found(f"Unable to find Deployment by ID {request['DeploymentId']} within the provided RestApi")
        for name, value in stage["StageVariables"].items():
            if not _VARIABLE_NAME.fullmatch(name) or not _VARIABLE_VALUE.fullmatch(value) or len(value) > 512:
                raise bad_request(f"Invalid stage variable {name}: only alphanumeric names and URL characters")
        access = stage.get("AccessLogSettings") or {}
        check_access_log_format(access.get("Format") or "")
        check_log_destination(access.get("DestinationArn") or "")
        if len(stage["StageVariables"]) > 100:
            raise bad_request("Maximum number of stage variables is 100")
        for settings in (
            (stage["DefaultRouteSettings"], *stage["RouteSettings"].values()) if not api.is_websocket else ()
        ):
            unsupported = [
                key for key in ("DataTraceEnabled", "LoggingLevel") if settings.get(key) not in (None, False)
            ]
            if unsupported and settings.get("LoggingLevel") != "OFF":
                raise bad_request("Execution logs are not supported on protocolType HTTP")
        known = {route["RouteKey"] for route in api.routes.values()}
        unknown = [key for key in (request.get("RouteSettings") or {}) if key not in known]
        if unknown:
            raise not_found(f"Unable to find Route by key {unknown[0]} within the provided RouteSettings")

    # ── deployments ──

    def create_deployment(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Freeze the API as it is, and point a stage to it if one is named."""
        api = self._api(tx, scope, request)
        if not api.routes:
            raise bad_request("At least one route is required before deploying the Api.")
        deployment: Document = {
            "AutoDeployed": False,
            "CreatedDate": float(int(tx.now)),
            "DeploymentId": short_id(tx.new_id(), 6),
            "DeploymentStatus": "DEPLOYED",
            **given(request, ("Description",)),
        }
        store.insert_deployment(tx, api.id, deployment, api.to_json())
        if request.get("StageName"):
            _, stage = self._stage(tx, scope, request)
            if stage.get("AutoDeploy"):
                raise bad_request("Deployments cannot be made to a stage with AutoDeploy")
            stage["DeploymentId"] = deployment["DeploymentId"]
            stage["LastUpdatedDate"] = float(int(tx.now))
            store.put_stage(tx, api.id, stage)
        return deployment

    def get_deployment(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One deployment."""
        return self._deployment(tx, scope, request)[1]

    def get_deployments(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The deployments of an API, newest first, a page at a time."""
        return page(store.list_deployments(tx, self._api(tx, scope, request).id), request)

    def update_deployment(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Describe a deployment anew."""
        api, deployment = self._deployment(tx, scope, request)
        deployment.update(given(request, ("Description",)))
        store.save_deployment(tx, api.id, deployment)
        return deployment

    def delete_deployment(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a deployment that no stage points to."""
        api, deployment = self._deployment(tx, scope, request)
        identifier = deployment["DeploymentId"]
        if any(stage.get("DeploymentId") == identifier for stage in store.list_stages(tx, api.id)):
            raise conflict("Active stages pointing to this deployment must be moved or deleted")
        store.delete_deployment(tx, api.id, identifier)
        return {}

    def _deployment(self, tx: Transaction, scope: Scope, request: Request) -> tuple[Api, Document]:
        api = self._api(tx, scope, request)
        deployment = store.load_deployment(tx, api.id, request["DeploymentId"])
        if deployment is None:
            raise not_found(f"Unable to find Deployment by ID {request['DeploymentId']} within the provided RestApi")
        return api, deployment


def new_stage(now: float, request: Request) -> Document:
    """A stage with AWS's defaults."""
    return {
        "CreatedDate": float(int(now)),
        "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
        "LastUpdatedDate": float(int(now)),
        "RouteSettings": {},
        "StageName": request["StageName"],
        "StageVariables": {},
        "Tags": {},
        **given(request, _STAGE),
    }
