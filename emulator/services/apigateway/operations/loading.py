"""Finding what an operation is about, with AWS's words for what is not there."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.model import HTTP_METHODS, Api, bad_request, not_found
from emulator.settings import LiveSettings

_LARGEST_POSITION = 2**31
_Found: TypeAlias = tuple[Api, dict[str, Any], dict[str, Any]]


class Loading:
    """What all groups of operations share: looking up, and paging."""

    data_plane: Any = None
    """The `GatewayDataPlane` built on the same store; set by wire.py."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings

    def _api(self, tx: Transaction, scope: Scope, api_id: str) -> Api:
        api = store.load_api(tx, scope, api_id)
        if api is None:
            raise not_found(f"Invalid API identifier specified {scope.account}:{api_id}")
        return api

    def _resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> tuple[Api, dict[str, Any]]:
        """An unknown API is an unknown resource, too [R:test_put_method_validation wrong-api]."""
        api = store.load_api(tx, scope, request["restApiId"])
        resource = api.resources.get(request["resourceId"]) if api else None
        if api is None or resource is None:
            raise not_found("Invalid Resource identifier specified")
        return api, resource

    def _method(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> _Found:
        api, resource = self._resource(tx, scope, request)
        method = resource.get("resourceMethods", {}).get(request["httpMethod"])
        if method is None:
            raise not_found("Invalid Method identifier specified")
        return api, resource, method

    def _integration(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> _Found:
        api, _, method = self._method(tx, scope, request)
        integration = method.get("methodIntegration")
        if integration is None:
            raise not_found("Invalid Integration identifier specified")
        return api, method, integration

    def _shown_integration(self, integration: dict[str, Any]) -> dict[str, Any]:
        """An integration as AWS shows it: the timeout that holds, whether it was given or not."""
        shown = dict(integration)
        shown.setdefault("timeoutInMillis", round(self._settings.default_integration_timeout_seconds * 1000))
        shown.setdefault("cacheKeyParameters", [])
        return shown

    def _shown_method(self, method: dict[str, Any]) -> dict[str, Any]:
        shown = dict(method)
        if "methodIntegration" in shown:
            shown["methodIntegration"] = self._shown_integration(shown["methodIntegration"])
        return shown


def check_http_method(name: str) -> None:
    """Raise unless it is one that API Gateway routes [R:test_put_method_validation wrong-method]."""
    if name not in HTTP_METHODS:
        raise bad_request("Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")


def page(items: list[Any], request: dict[str, Any], default: int = 25) -> dict[str, Any]:
    """`items` and `position` of a paged listing; the position is opaque to callers."""
    start, limit = window(request, default)
    return paged(items[start : start + limit + 1], start, limit)


def paged(items: list[Any], start: int, limit: int) -> dict[str, Any]:
    """A page of what begins at `start`; `items` has one more than `limit` if another page follows."""
    return {"items": items[:limit], **({"position": str(start + limit)} if len(items) > limit else {})}


def window(request: dict[str, Any], default: int = 25) -> tuple[int, int]:
    """(start, limit) of a page that is asked for. Raises BadRequestException."""
    limit = min(int(request.get("limit") or default), 500)
    if limit < 0:
        raise bad_request("Invalid limit parameter specified")  # unverified
    position = request.get("position")
    try:
        start = json.loads(position) if position else 0
    except ValueError:
        start = -1
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise bad_request("Invalid position parameter specified")
    return min(start, _LARGEST_POSITION), limit


def given(request: dict[str, Any], *members: str) -> dict[str, Any]:
    """The members of a request that were given, as they are stored."""
    return {name: request[name] for name in members if request.get(name) is not None}


def checked_endpoint(configuration: dict[str, Any] | None) -> dict[str, Any]:
    """An endpoint configuration with AWS's defaults [R:test_create_rest_api_verify_defaults]."""
    given_types = (configuration or {}).get("types")
    if given_types is not None and not isinstance(given_types, list):  # in a document, which no model has judged
        raise bad_request("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
    if configuration and given_types == []:
        raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    types = given_types or ["EDGE"]
    if len(types) > 1:
        raise bad_request("Cannot create an api with multiple Endpoint Types.")
    if types[0] not in ("REGIONAL", "EDGE", "PRIVATE"):
        raise bad_request("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
    private = types == ["PRIVATE"]
    address = (configuration or {}).get("ipAddressType") or ("dualstack" if private else "ipv4")
    if private and address != "dualstack":
        raise bad_request("Only dualstack ipAddressType is supported for Private APIs.")
    result = {"types": list(types), "ipAddressType": address}
    if (configuration or {}).get("vpcEndpointIds"):
        result["vpcEndpointIds"] = (configuration or {})["vpcEndpointIds"]
    return result
