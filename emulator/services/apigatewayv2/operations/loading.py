"""What all groups of operations share: finding what a request names, paging, and automatic deployment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.aws.calls import Calls
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.quotas import check_room
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.model import MOST_MODELS, Api, Document
from emulator.settings import LiveSettings

Request = dict[str, Any]


class Loading:
    """Looking up, and keeping what was changed."""

    def __init__(self, base_url: str, calls: Calls, settings: LiveSettings) -> None:
        self._base_url = base_url
        self._settings = settings
        self._calls = calls

    def _check_room(self, kept: int, noun: str, owner: str = "API") -> None:
        """Raise AWS's 429 unless an API, or an account, may have one more; the status is unverified."""
        settings = self._settings
        most = {
            "APIs": settings.regional_apis,
            "Routes": settings.api_routes,
            "Integrations": settings.api_integrations,
            "Authorizers": settings.api_authorizers,
            "Stages": settings.api_stages,
            "Models": MOST_MODELS,
        }
        check_room(kept, most[noun], noun, owner, "TooManyRequestsException")

    def _api(self, tx: Transaction, scope: Scope, request: Request) -> Api:
        api = store.load_api(tx, scope, request["ApiId"])
        if api is None:
            raise not_found(f"Invalid API identifier specified {scope.account}:{request['ApiId']}")
        return api

    def _stage(self, tx: Transaction, scope: Scope, request: Request) -> tuple[Api, Document]:
        api = self._api(tx, scope, request)
        stage = store.load_stage(tx, api.id, request["StageName"])
        if stage is None:
            raise not_found(f"Unable to find Stage by name {request['StageName']} within the provided RestApi")
        return api, stage

    def _keep(self, tx: Transaction, api: Api) -> None:
        """Save an edited API, and deploy it to the stages that deploy automatically: at once, AWS soon after."""
        store.save_api(tx, api)
        for stage in store.list_stages(tx, api.id):
            if stage.get("AutoDeploy"):
                self._deploy(tx, api, stage)

    def _deploy(self, tx: Transaction, api: Api, stage: Document) -> None:
        """A new automatic deployment; the one it replaces is not kept (unverified: AWS lists it for a while)."""
        old = stage.get("DeploymentId")
        deployment: Document = {
            "AutoDeployed": True,
            "CreatedDate": float(int(tx.now)),
            "DeploymentId": short_id(tx.new_id(), 6),
            "DeploymentStatus": "DEPLOYED",
            "Description": "Automatic deployment triggered by changes to the Api configuration",
        }
        store.insert_deployment(tx, api.id, deployment, api.to_json())
        stage["DeploymentId"] = deployment["DeploymentId"]
        stage["LastDeploymentStatusMessage"] = (
            f"Successfully deployed stage with deployment ID '{deployment['DeploymentId']}'"
        )
        stage["LastUpdatedDate"] = float(int(tx.now))
        store.put_stage(tx, api.id, stage)
        if old is not None:
            self._forget_automatic(tx, api.id, old)

    def _forget_automatic(self, tx: Transaction, api_id: str, deployment_id: str) -> None:
        replaced = store.load_deployment(tx, api_id, deployment_id)
        used = any(stage.get("DeploymentId") == deployment_id for stage in store.list_stages(tx, api_id))
        if replaced is not None and replaced.get("AutoDeployed") and not used:
            store.delete_deployment(tx, api_id, deployment_id)


def found(kind: str, documents: dict[str, Document], identifier: str) -> Document:
    """A part of an API by id. Raises AWS's 404 (text unverified)."""
    document = documents.get(identifier)
    if document is None:
        raise not_found(f"Unable to find {kind} by ID {identifier} within the provided RestApi")
    return document


def given(request: Request, members: Iterable[str]) -> Document:
    """The members of a request that were given, as they are kept."""
    return {name: request[name] for name in members if request.get(name) is not None}


def page(items: list[Any], request: Request, default: int = 100) -> dict[str, Any]:
    """`Items` and `NextToken` of a listing; both parameters of a page are text on the wire."""
    limit, token = request.get("MaxResults") or str(default), request.get("NextToken") or "0"
    if not (limit.isascii() and limit.isdecimal() and 0 < int(limit[:6]) <= 500):
        raise bad_request("Invalid maxResults parameter specified")
    if not (token.isascii() and token.isdecimal() and len(token) < 10):
        raise bad_request("Invalid nextToken parameter specified")
    start = int(token)
    result: dict[str, Any] = {"Items": items[start : start + int(limit)]}
    if start + int(limit) < len(items):
        result["NextToken"] = str(start + int(limit))
    return result


def check_stage_is_new(tx: Transaction, api_id: str, name: str) -> None:
    """Raise AWS's 409 if there is such a stage."""
    if store.load_stage(tx, api_id, name) is not None:
        raise conflict("Stage already exists")
