"""Operations on resources: the tree of paths."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.model import (
    bad_request,
    check_child,
    child_path,
    children,
    descendants,
    not_found,
    refresh_paths,
    short_id,
)
from emulator.services.apigateway.operations.loading import Loading, page
from emulator.services.apigateway.quotas import check_room

_PATHS = ("/parentId", "/pathPart")


class Resources(Loading):
    """CreateResource … DeleteResource."""

    def create_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A child of an existing resource."""
        api, parent = self._resource(tx, scope, {**request, "resourceId": request["parentId"]})
        part = request["pathPart"]
        check_child(parent, part, children(api).get(parent["id"], ()))
        check_room(len(api.resources), self._settings.api_resources, "resources")
        resource = {
            "id": short_id(tx.new_id(), 6),
            "parentId": parent["id"],
            "pathPart": part,
            "path": child_path(parent["path"], part),
        }
        api.resources[resource["id"]] = resource
        store.save_api(tx, api)
        return resource

    def get_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One resource; its methods in full with embed=methods."""
        _, resource = self._resource(tx, scope, request)
        return self._shown_resource(resource, "methods" in (request.get("embed") or []))

    def get_resources(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All resources of an API."""
        api = self._api(tx, scope, request["restApiId"])
        embed = "methods" in (request.get("embed") or [])
        return page([self._shown_resource(item, embed) for item in api.resources.values()], request)

    def update_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Rename or move a resource [R:test_update_resource_behaviour]."""
        api, resource = self._resource(tx, scope, request)
        for operation in request.get("patchOperations") or []:
            op, path, value = operation.get("op"), operation.get("path"), operation.get("value") or ""
            if path not in _PATHS or op != "replace":
                hint = "Please choose supported operations"
                if op == "replace":
                    hint = f"Must be one of: [{', '.join(_PATHS)}]"
                raise bad_request(f"Invalid patch path  '{path}' specified for op '{op}'. {hint}")
            if "parentId" not in resource:
                raise bad_request(f"Root resource cannot update its {path[1:]}.")
            parent_id = resource["parentId"] if path == "/pathPart" else value
            part = value if path == "/pathPart" else resource["pathPart"]
            if parent_id not in api.resources:
                raise not_found("Invalid Resource identifier specified")
            if parent_id in descendants(api, resource["id"]):
                raise bad_request("Resources cannot be cyclical.")
            siblings = (item for item in children(api).get(parent_id, ()) if item["id"] != resource["id"])
            check_child(api.resources[parent_id], part, siblings)
            resource["parentId"], resource["pathPart"] = parent_id, part
            refresh_paths(api, resource["id"])
        store.save_api(tx, api)
        return self._shown_resource(resource, False)

    def delete_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a resource and everything below it."""
        api, resource = self._resource(tx, scope, request)
        if "parentId" not in resource:
            raise bad_request("Root resource cannot be deleted.")
        for resource_id in descendants(api, resource["id"]):
            del api.resources[resource_id]
        store.save_api(tx, api)
        return {}

    def _shown_resource(self, resource: dict[str, Any], embed: bool) -> dict[str, Any]:
        shown = {key: value for key, value in resource.items() if key != "resourceMethods"}
        methods = resource.get("resourceMethods")
        if methods:
            shown["resourceMethods"] = {
                name: self._shown_method(method) if embed else {} for name, method in methods.items()
            }
        return shown
