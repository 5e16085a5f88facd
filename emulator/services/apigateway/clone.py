"""CreateRestApi with `cloneFrom`: everything of an API again, under ids of its own. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from emulator.services.apigateway.model import Api


def clone_into(target: Api, source: Api, new_id: Callable[[int], str]) -> None:
    """Give `target`, a new API, all that `source` has but its name, tags and deployments."""
    root = source.settings["rootResourceId"]
    resources = {old: target.settings["rootResourceId"] if old == root else new_id(6) for old in source.resources}
    authorizers = {old: new_id(6) for old in source.authorizers}
    validators = {old: new_id(6) for old in source.validators}
    target.resources = {
        resources[old]: _resource(copy.deepcopy(item), resources, authorizers, validators)
        for old, item in source.resources.items()
    }
    target.authorizers = {
        authorizers[old]: {**item, "id": authorizers[old]} for old, item in source.authorizers.items()
    }
    target.validators = {validators[old]: {**item, "id": validators[old]} for old, item in source.validators.items()}
    target.models = {
        name: {
            **model,
            "id": new_id(6),
            "schema": model["schema"].replace(f"/restapis/{source.id}/", f"/restapis/{target.id}/"),
        }
        for name, model in source.models.items()
    }
    target.gateway_responses = copy.deepcopy(source.gateway_responses)


def _resource(
    resource: dict[str, Any], resources: dict[str, str], authorizers: dict[str, str], validators: dict[str, str]
) -> dict[str, Any]:
    resource["id"] = resources[resource["id"]]
    if "parentId" in resource:
        resource["parentId"] = resources[resource["parentId"]]
    for method in (resource.get("resourceMethods") or {}).values():
        for member, ids in (("authorizerId", authorizers), ("requestValidatorId", validators)):
            if member in method:
                method[member] = ids.get(method[member], method[member])
        integration = method.get("methodIntegration") or {}
        if "cacheNamespace" in integration:
            integration["cacheNamespace"] = resources.get(integration["cacheNamespace"], integration["cacheNamespace"])
    return resource
