"""Layers: publish, read, share, delete. Which of them a function may have is `function_layers.py`'s.

A version never changes but for its policy. Deleting one hides it: functions that have it run on with it, and its
number is not given again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store_layers
from emulator.services.lambda_.layers import (
    LayerName,
    LayerVersion,
    access_denied,
    parse_layer,
    parse_version_arn,
    policy_statement,
    unzipped_size,
)
from emulator.services.lambda_.operations.packages import FETCHED_MEMBER, CodeFetched
from emulator.services.lambda_.operations.paging import read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules.errors import (
    conflict,
    invalid_parameter,
    not_found,
    stale_revision,
)
from emulator.services.lambda_.rules.package import LAYER_ROOT, check_package, code_sha256

Request = dict[str, Any]
PAGE = 50
GONE = "The resource you requested does not exist."


class LayerOperations(LambdaState):
    """PublishLayerVersion … RemoveLayerVersionPermission."""

    def publish_layer_version(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The next version of a layer, from a zip archive."""
        layer = parse_layer(request["LayerName"], scope)
        if layer.scope != scope:
            raise access_denied(scope, "PublishLayerVersion", layer.arn)
        content: Request = request.get("Content") or {}
        package, fetched = _archive(content), content.get(FETCHED_MEMBER)
        check_package(package, root=LAYER_ROOT)
        if fetched is not None and fetched.problem is not None:
            raise fetched.problem
        settings: dict[str, Any] = {}
        for member in ("Description", "CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo"):
            if request.get(member) is not None:
                settings[member] = request[member]
        version = LayerVersion(
            layer,
            store_layers.latest_number(tx, layer) + 1,
            code_sha256(package),
            len(package),
            unzipped_size(package),
            tx.now,
            settings,
        )
        store_layers.save_content(tx, scope, version.sha256, package)
        store_layers.save_version(tx, version)
        self.check_code_storage(tx, scope)
        return version.describe(self._location(version))

    def get_layer_version(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One version, with a link to its archive."""
        layer = parse_layer(request["LayerName"], scope)
        found = _readable(tx, scope, layer, _number(request))
        return found.describe(self._location(found))

    def get_layer_version_by_arn(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One version, named by its ARN."""
        parsed = parse_version_arn(request["Arn"])
        if parsed is None or parsed[0].scope.region != scope.region:
            raise not_found(GONE)
        found = _readable(tx, scope, *parsed)
        return found.describe(self._location(found))

    def list_layer_versions(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Versions of a layer, newest first; none if there is no such layer."""
        layer = parse_layer(request["LayerName"], scope)
        if layer.scope != scope:
            raise access_denied(scope, "ListLayerVersions", layer.arn)
        marker = read_marker(request.get("Marker"))
        if marker and not marker.isdecimal():
            raise invalid_parameter("Invalid marker.")
        found = [
            version
            for version in store_layers.list_versions(tx, layer, int(marker[:18]) if marker else None)
            if version.is_compatible(request.get("CompatibleRuntime"), request.get("CompatibleArchitecture"))
        ]
        size = request.get("MaxItems") or PAGE
        result: dict[str, Any] = {"LayerVersions": [version.describe_listed() for version in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(str(found[size - 1].version))
        return result

    def list_layers(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Layers by name, each with its newest version that fits the filters."""
        size = request.get("MaxItems") or PAGE
        layers: list[dict[str, Any]] = []
        result: dict[str, Any] = {"Layers": layers}
        for name in store_layers.list_names(tx, scope, read_marker(request.get("Marker"))):
            layer = LayerName(scope, name)
            fitting = (
                version
                for version in store_layers.list_versions(tx, layer)
                if version.is_compatible(request.get("CompatibleRuntime"), request.get("CompatibleArchitecture"))
            )
            latest = next(fitting, None)
            if latest is None:
                continue
            if len(layers) == size:
                result["NextMarker"] = write_marker(layers[-1]["LayerName"])
                break
            layers.append({"LayerName": name, "LayerArn": layer.arn, "LatestMatchingVersion": latest.describe_listed()})
        return result

    def delete_layer_version(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Hide a version; one that does not exist is deleted already."""
        layer = parse_layer(request["LayerName"], scope)
        number = _number(request)
        if layer.scope != scope:
            raise access_denied(scope, "DeleteLayerVersion", layer.version_arn(number))
        found = store_layers.find_version(tx, layer, number)
        if found is not None and not found.deleted:
            store_layers.save_version(tx, replace(found, deleted=True))
            if not self.concurrency.anything_runs():  # else someone may be about to load it: the next deletion sweeps
                store_layers.drop_unused_content(tx)
        return {}

    def add_layer_version_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Let another account, an organization's or everybody use a version."""
        found = self._own(tx, scope, request, "AddLayerVersionPermission")
        _check_revision(found, request)
        sid = request["StatementId"]
        if any(statement["Sid"] == sid for statement in found.policy):
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        if request.get("OrganizationId") is not None and request["Principal"] != "*":
            raise invalid_parameter("OrganizationId can only be specified when Principal is *.")  # text unverified
        statement = policy_statement(found.arn, request)
        changed = replace(found, policy=[*found.policy, statement], policy_revision=tx.new_id())
        store_layers.save_version(tx, changed)
        return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": changed.policy_revision}

    def remove_layer_version_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Take a statement out of a version's policy."""
        found = self._own(tx, scope, request, "RemoveLayerVersionPermission")
        if not found.policy:
            raise not_found("No policy is associated with the given resource.")
        kept = [statement for statement in found.policy if statement["Sid"] != request["StatementId"]]
        if len(kept) == len(found.policy):
            raise not_found(f"Statement {request['StatementId']} is not found in resource policy.")
        _check_revision(found, request)
        store_layers.save_version(tx, replace(found, policy=kept, policy_revision=tx.new_id()))
        return {}

    def get_layer_version_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A version's policy as JSON text."""
        found = self._own(tx, scope, request, "GetLayerVersionPolicy")
        if not found.policy:
            raise not_found("No policy is associated with the given resource.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": found.policy}
        return {"Policy": json.dumps(policy, separators=(",", ":")), "RevisionId": found.policy_revision}

    def layer_package(self, tx: Transaction, scope: Scope, name: str, version: int) -> bytes | None:
        """The archive behind `Content.Location`, or None; not an AWS operation."""
        found = store_layers.find_version(tx, LayerName(scope, name), version)
        return store_layers.load_content(tx, scope, found.sha256) if found is not None and not found.deleted else None

    def _own(self, tx: Transaction, scope: Scope, request: Request, action: str) -> LayerVersion:
        layer = parse_layer(request["LayerName"], scope)
        number = _number(request)
        if layer.scope != scope:
            raise access_denied(scope, action, layer.version_arn(number))
        found = store_layers.find_version(tx, layer, number)
        if found is None or found.deleted:
            raise not_found(f"Layer version {layer.version_arn(number)} does not exist.")
        return found

    def _location(self, version: LayerVersion) -> str:
        scope = version.layer.scope
        place = f"{scope.account}/{scope.region}/{version.layer.name}/{version.version}"
        return f"{self.base_url}/_emulator/lambda/layer/{place}"


# ── reading requests ────────────────────────────────────────────────────────────────────────────


def _number(request: Request) -> int:
    number: int = request["VersionNumber"]
    if number < 1:
        raise invalid_parameter("Layer Version Cannot be less than 1.")
    return number


def _readable(tx: Transaction, scope: Scope, layer: LayerName, number: int) -> LayerVersion:
    found = store_layers.find_version(tx, layer, number)
    there = found is not None and not found.deleted
    if layer.scope != scope and not (found is not None and there and found.may_be_read_by(scope.account)):
        raise access_denied(scope, "GetLayerVersion", layer.version_arn(number))
    if found is None or not there:
        raise not_found(GONE)
    return found


def _check_revision(found: LayerVersion, request: Request) -> None:
    if request.get("RevisionId") not in (None, found.policy_revision):
        raise stale_revision("GetLayerPolicy")


def _archive(content: Request) -> bytes:
    fetched: CodeFetched | None = content.get(FETCHED_MEMBER)
    if fetched is not None and fetched.directory is not None:
        raise NotEmulated("lambda", "PublishLayerVersion with a folder", "a layer version never changes")
    archive = fetched.package if fetched is not None else content.get("ZipFile")
    if archive is None:
        raise invalid_parameter("Please provide a source for layer code.")  # text unverified
    return bytes(archive)
