"""Operations on the documentation of an API: parts, and versions, which freeze them."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import document_store as documents
from emulator.services.apigateway import documentation as rules
from emulator.services.apigateway import store
from emulator.services.apigateway.document_store import Place
from emulator.services.apigateway.long_documents import read
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import Patchable, Scalar, apply
from emulator.services.apigateway.quotas import check_room

PART = Patchable(scalars={"/properties": Scalar("properties")}, strict=True)
VERSION = Patchable(scalars={"/description": Scalar("description")}, strict=True)
_PARTS, _VERSIONS = "documentation part", "documentation version"
_NO_PART = "Invalid Documentation part identifier specified"
_NO_VERSION = "Invalid Documentation version identifier specified"  # unverified, as of a part


class Documentation(Loading):
    """CreateDocumentationPart … DeleteDocumentationVersion."""

    # ── parts ──

    def create_documentation_part(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What is said of one entity of an API [R:test_documentation_part_lifecycle]."""
        api = self._api(tx, scope, request["restApiId"])
        location = rules.checked_location(request["location"])
        others = self._parts(tx, scope, api.id)
        if any(part["location"] == location for part in others):
            place = rules.described(location)
            raise conflict(f"Documentation part already exists for the specified location: {place}.")  # unverified
        check_room(len(others), self._settings.documentation_parts, "documentation parts")
        part: dict[str, Any] = {
            "id": short_id(tx.new_id(), 6),
            "location": location,
            "properties": rules.checked_properties(request["properties"]),
        }
        documents.put(tx, scope, Place(_PARTS, api.id), part["id"], part)
        return part

    def get_documentation_part(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One part; an unknown API is an unknown part [R:test_invalid_get_documentation_part]."""
        part = documents.load(tx, scope, Place(_PARTS, request["restApiId"]), request["documentationPartId"])
        if part is None:
            raise not_found(_NO_PART)
        return part

    def get_documentation_parts(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Parts as asked for; with UNDOCUMENTED the places that have none."""
        api = self._api(tx, scope, request["restApiId"])
        parts = self._parts(tx, scope, api.id)
        if request.get("locationStatus") == "UNDOCUMENTED":
            known = [part["location"] for part in parts]
            parts = [{"location": place} for place in rules.places(api) if place not in known]
        return page([part for part in parts if rules.chosen(part, request)], request)

    def update_documentation_part(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change what a part says."""
        part = apply(self.get_documentation_part(tx, scope, request), request.get("patchOperations") or [], PART)
        rules.checked_properties(part.get("properties") or "")
        documents.put(tx, scope, Place(_PARTS, request["restApiId"]), part["id"], part)
        return part

    def delete_documentation_part(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a part; versions keep it."""
        self._api(tx, scope, request["restApiId"])
        part = self.get_documentation_part(tx, scope, request)
        documents.delete(tx, scope, Place(_PARTS, request["restApiId"]), part["id"])
        return {}

    def import_documentation_parts(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take the parts of a file over, in place of the API's (overwrite) or laid over them (merge)."""
        api = self._api(tx, scope, request["restApiId"])
        parts = read(request.get("body"), rules.parts_of_file)
        return {"ids": self._keep_parts(tx, scope, api.id, parts, request.get("mode") == "overwrite")}

    def _keep_parts(
        self, tx: Transaction, scope: Scope, api_id: str, parts: list[dict[str, Any]], overwrite: bool
    ) -> list[str]:
        """Keep imported parts; the ids of those that are new or changed."""
        place = Place(_PARTS, api_id)
        old = [] if overwrite else self._parts(tx, scope, api_id)
        if overwrite:
            documents.clear(tx, scope, place)
        ids: list[str] = []
        merged = list(rules.merged(old, parts))
        check_room(len(merged) - 1, self._settings.documentation_parts, "documentation parts")
        for part in merged:
            if part in old:
                continue
            part_id = part.get("id") or short_id(tx.new_id(), 6)
            documents.put(tx, scope, place, part_id, {"id": part_id, **part})
            ids.append(part_id)
        return ids

    def _parts(self, tx: Transaction, scope: Scope, api_id: str) -> list[dict[str, Any]]:
        return documents.listed(tx, scope, Place(_PARTS, api_id))

    # ── versions ──

    def create_documentation_version(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Freeze the parts as they are, and let a stage point to them if one is named."""
        api = self._api(tx, scope, request["restApiId"])
        name = request["documentationVersion"]
        if not name:
            raise bad_request("Documentation version must be non-empty")
        if documents.load(tx, scope, Place(_VERSIONS, api.id), name) is not None:
            raise conflict(f"Documentation version already exists: {name}")  # unverified
        version: dict[str, Any] = {
            "version": name,
            "createdDate": float(int(tx.now)),
            **given(request, "description"),
            "parts": self._parts(tx, scope, api.id),
        }
        stage_name = request.get("stageName")
        if stage_name:
            stage = store.load_stage(tx, api.id, stage_name)
            if stage is None:
                raise not_found("Invalid stage identifier specified")
            store.put_stage(tx, scope, api.id, {**stage, "documentationVersion": name})
        documents.put(tx, scope, Place(_VERSIONS, api.id), name, version)
        return _shown(version)

    def get_documentation_version(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One version."""
        return _shown(self._version(tx, scope, request["restApiId"], request["documentationVersion"]))

    def get_documentation_versions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All versions of an API."""
        api = self._api(tx, scope, request["restApiId"])
        return page([_shown(item) for item in documents.listed(tx, scope, Place(_VERSIONS, api.id))], request)

    def update_documentation_version(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a version's description; what it froze stays."""
        version = self._version(tx, scope, request["restApiId"], request["documentationVersion"])
        version = apply(version, request.get("patchOperations") or [], VERSION)
        documents.put(tx, scope, Place(_VERSIONS, request["restApiId"]), version["version"], version)
        return _shown(version)

    def delete_documentation_version(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a version that no stage points to."""
        api = self._api(tx, scope, request["restApiId"])
        version = self._version(tx, scope, api.id, request["documentationVersion"])
        if any(stage.get("documentationVersion") == version["version"] for stage in store.list_stages(tx, api.id)):
            # As AWS says it of deployments (unverified).
            raise bad_request("Active stages pointing to this documentation version must be moved or deleted")
        documents.delete(tx, scope, Place(_VERSIONS, api.id), version["version"])
        return {}

    def _version(self, tx: Transaction, scope: Scope, api_id: str, name: str) -> dict[str, Any]:
        version = documents.load(tx, scope, Place(_VERSIONS, api_id), name)
        if version is None:
            raise not_found(_NO_VERSION)
        return version

    def _check_documentation_version(self, tx: Transaction, scope: Scope, api_id: str, name: str | None) -> None:
        """Raise unless a stage may point to the version."""
        if name:
            self._version(tx, scope, api_id, name)

    def _forget_documentation(self, tx: Transaction, scope: Scope, api_id: str) -> None:
        """Delete the documentation of an API that is being deleted."""
        documents.clear(tx, scope, Place(_PARTS, api_id))
        documents.clear(tx, scope, Place(_VERSIONS, api_id))


def _shown(version: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in version.items() if name != "parts"}
