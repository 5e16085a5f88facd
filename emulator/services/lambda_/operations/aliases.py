"""Aliases: names for published versions, with or without a draw between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.model import Alias, Function
from emulator.services.lambda_.operations.paging import PAGE, read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    alias_not_found,
    conflict,
    function_not_found,
    invalid_parameter,
    not_found,
    stale_revision,
)

Request = dict[str, Any]


class AliasOperations(LambdaState):
    """CreateAlias … DeleteAlias."""

    def create_alias(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Name a version."""
        name = self._function_name(scope, request, "CreateAlias")
        alias = Alias(
            scope,
            name,
            request["Name"],
            request["FunctionVersion"],
            request.get("Description") or "",
            tx.new_id(),
            _weights(request),
        )
        self._check_versions(tx, alias)
        if versions.find_alias(tx, scope, name, alias.name) is not None:
            raise conflict(f"Alias already exists: {alias.arn}")
        self._save_alias(tx, alias)
        return alias.describe()

    def get_alias(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Show an alias."""
        name = self._function_name(scope, request, "GetAlias")
        alias = versions.find_alias(tx, scope, name, request["Name"])
        if alias is None:
            raise alias_not_found(f"{names.function_arn(scope, name)}:{request['Name']}")
        return alias.describe()

    def list_aliases(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Aliases by name; with `FunctionVersion` only those that invoke that version."""
        name = self._function_name(scope, request, "ListAliases")
        if tables.find_function(tx, scope, name) is None:
            raise function_not_found(names.function_arn(scope, name))
        wanted = request.get("FunctionVersion")
        size = request.get("MaxItems") or PAGE
        found = [
            alias
            for alias in versions.list_aliases(tx, scope, name, read_marker(request.get("Marker")))
            if wanted is None or wanted in alias.versions
        ]
        result: dict[str, Any] = {"Aliases": [alias.describe() for alias in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].name)
        return result

    def update_alias(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change what the request names; an empty routing config ends the draw."""
        name = self._function_name(scope, request, "UpdateAlias")
        alias = versions.find_alias(tx, scope, name, request["Name"])
        if alias is None:
            raise not_found(f"Alias not found: {names.function_arn(scope, name)}:{request['Name']}")
        if request.get("RevisionId") not in (None, alias.revision_id):
            raise stale_revision("GetFunction/GetAlias")
        changed = replace(
            alias,
            version=request.get("FunctionVersion") or alias.version,
            description=alias.description if request.get("Description") is None else request["Description"],
            weights=alias.weights if request.get("RoutingConfig") is None else _weights(request),
            revision_id=tx.new_id(),
        )
        self._check_versions(tx, changed)
        self._save_alias(tx, changed)
        config = versions.find_provisioned(tx, scope, name, alias.name)
        if config is not None and (changed.version, changed.weights) != (alias.version, alias.weights):
            # What is allocated belongs to another version now: nothing is until the new one's are there (unverified).
            versions.save_provisioned(tx, scope, name, replace(config, status="IN_PROGRESS", allocated=0, reason=None))
            self.provision_later(tx, scope, name, alias.name)
        return changed.describe()

    def delete_alias(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete an alias with what is configured for it; one that does not exist is deleted already."""
        name = self._function_name(scope, request, "DeleteAlias")
        if tables.find_function(tx, scope, name) is None:
            raise function_not_found(names.function_arn(scope, name))
        if versions.find_provisioned(tx, scope, name, request["Name"]) is not None:
            self.provision_later(tx, scope, name, request["Name"])
        versions.delete_alias(tx, scope, name, request["Name"])
        self.function_changed()
        return {}

    def _function_name(self, scope: Scope, request: Request, action: str) -> str:
        return names.parse(request["FunctionName"], scope, action=action).name

    def _check_versions(self, tx: Transaction, alias: Alias) -> None:
        """What an alias may lead to (lambda_invoke 1.10)."""
        if len(alias.weights) > 1:
            raise invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1")
        if alias.weights and alias.version == names.LATEST:
            raise invalid_parameter("$LATEST is not supported for an alias pointing to more than 1 version")
        if alias.version in alias.weights:
            raise invalid_parameter(
                f"Invalid function version {alias.version}. Function version {alias.version} is already included in "
                "routing configuration."
            )
        found: list[Function] = []
        for version in alias.versions:
            named = names.FunctionName(alias.scope, alias.function, version)
            function = self.find_version(tx, named)
            if function is None:
                raise function_not_found(named.version_arn)
            found.append(function)
        for member, what in (("Role", "execution role"), ("DeadLetterConfig", "dead-letter queue configuration")):
            if any(other.configuration.get(member) != found[0].configuration.get(member) for other in found[1:]):
                # "The versions must meet the following criteria" [D: configuration-aliases]; text unverified
                raise invalid_parameter(f"Function versions of an alias's routing config must have the same {what}.")

    def _save_alias(self, tx: Transaction, alias: Alias) -> None:
        versions.save_alias(tx, alias)
        self.function_changed()


def _weights(request: Mapping[str, Any]) -> dict[str, float]:
    return dict((request.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})
