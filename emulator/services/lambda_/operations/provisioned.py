"""Provisioned concurrency: how many environments are kept ready for a version or alias.

Decides what may be configured [R:TestLambdaProvisionedConcurrency], and which environments follow from it. A config is
in progress until a job has started them (`lifecycle.py`).
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Provision, Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.model import PENDING, ProvisionedConcurrency
from emulator.services.lambda_.operations.paging import page_size, read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    UNTYPED,
    USER,
    alias_not_found,
    conflict,
    function_not_found,
    invalid_parameter,
    not_active,
)

Request = dict[str, Any]

LEAST_UNRESERVED = 100


class ProvisionedOperations(LambdaState):
    """Put/Get/List/Delete of provisioned concurrency configs."""

    def put_provisioned_concurrency_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Keep environments ready for a published version or an alias."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "PutProvisionedConcurrencyConfig")
        if named.is_latest:
            raise invalid_parameter(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
            )
        qualifier = self._existing_qualifier(tx, named)
        function = self.find_version(tx, named)
        if function is not None and function.configuration["SnapStart"]["ApplyOn"] == "PublishedVersions":
            # [D: snapstart, limitations]; text unverified
            raise invalid_parameter("Provisioned Concurrency is not supported for SnapStart enabled functions.")
        if function is not None and function.transition == PENDING:
            raise not_active(PENDING)  # unverified for this operation
        self._check_not_provisioned_otherwise(tx, named, qualifier)
        requested: int = request["ProvisionedConcurrentExecutions"]
        self._check_capacity(tx, named, qualifier, requested)
        config = versions.find_provisioned(tx, scope, named.name, qualifier)
        config = (config or ProvisionedConcurrency(qualifier, requested, tx.now)).requesting(requested, tx.now)
        versions.save_provisioned(tx, scope, named.name, config)
        self.provision_later(tx, scope, named.name, qualifier)
        self.function_changed()
        return config.describe()

    def get_provisioned_concurrency_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The config of a version or alias."""
        named = self._named(tx, scope, request, "GetProvisionedConcurrencyConfig")
        config = versions.find_provisioned(tx, scope, named.name, str(named.qualifier))
        if config is None:
            raise AwsError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
                USER,
            )
        return config.describe()

    def list_provisioned_concurrency_configs(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """All configs of a function."""
        named = names.parse(request["FunctionName"], scope, action="ListProvisionedConcurrencyConfigs")
        if tables.find_function(tx, scope, named.name) is None:
            raise function_not_found(named.arn)
        size = page_size(request.get("MaxItems"))
        found = versions.list_provisioned(tx, scope, named.name, read_marker(request.get("Marker")), size + 1)
        items = [{"FunctionArn": f"{named.arn}:{config.qualifier}", **config.describe()} for config in found[:size]]
        result: dict[str, Any] = {"ProvisionedConcurrencyConfigs": items}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].qualifier)
        return result

    def delete_provisioned_concurrency_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Back to environments on demand; what is not configured is deleted already."""
        named = self._named(tx, scope, request, "DeleteProvisionedConcurrencyConfig")
        versions.delete_provisioned(tx, scope, named.name, str(named.qualifier))
        self.provision_later(tx, scope, named.name, str(named.qualifier))
        self.function_changed()
        return {}

    def provisions(self, tx: Transaction, scope: Scope, name: str, qualifier: str) -> list[Provision]:
        """The environments that the config of a version or alias asks for; none if there is no config.

        Two versions behind an alias share them by the weight of its draw [D: provisioned-concurrency, weighted alias].
        """
        config = versions.find_provisioned(tx, scope, name, qualifier)
        if config is None:
            return []
        route = self.route(tx, names.FunctionName(scope, name, qualifier))
        shares = [(route.primary, config.requested)]
        if route.other is not None:
            others = round(config.requested * route.weight)
            shares = [(route.primary, config.requested - others), (route.other, others)]
        return [Provision(each.provisioned_spec, count, self.on_logs(each)) for each, count in shares if count]

    def _named(self, tx: Transaction, scope: Scope, request: Request, action: str) -> names.FunctionName:
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), action)
        if named.is_latest:
            raise invalid_parameter("The function resource provided must be an alias or a published version.")
        self._existing_qualifier(tx, named)
        return named

    def _existing_qualifier(self, tx: Transaction, named: names.FunctionName) -> str:
        qualifier = str(named.qualifier)
        if self.find_version(tx, named) is None:
            if versions.is_number(qualifier):
                raise function_not_found(named.version_arn)
            raise alias_not_found(named.version_arn)
        return qualifier

    def _check_not_provisioned_otherwise(self, tx: Transaction, named: names.FunctionName, qualifier: str) -> None:
        """A version is provisioned by itself or through one alias, not both."""
        alias = versions.find_alias(tx, named.scope, named.name, qualifier)
        configs = {config.qualifier for config in versions.list_provisioned(tx, named.scope, named.name)}
        if alias is not None:
            if configs.intersection(alias.versions):
                raise conflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
                )
            return
        aliases = versions.list_aliases(tx, named.scope, named.name)
        if any(other.name in configs and qualifier in other.versions for other in aliases):
            raise conflict("Version is pointed by a Provisioned Concurrency alias")

    def _check_capacity(self, tx: Transaction, named: names.FunctionName, qualifier: str, requested: int) -> None:
        function = tables.find_function(tx, named.scope, named.name)
        assert function is not None, "its version exists"
        others = versions.provisioned_of_function(tx, named.scope, named.name, qualifier)
        if function.reserved_concurrency is not None:
            if others + requested > function.reserved_concurrency:
                raise invalid_parameter(  # text unverified
                    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
                    "for function"
                )
            return
        limit = self.settings.account_concurrency
        elsewhere = versions.provisioned_outside_reserved(tx, named.scope, other_than=named.name)
        unreserved = limit - tables.reserved_in_total(tx, named.scope) - elsewhere - others
        # Both errors are recorded without `Type` [R:test_provisioned_concurrency_limits].
        if requested > unreserved:
            raise AwsError(
                "InvalidParameterValueException",
                f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
                f"[{unreserved}].",
                members=UNTYPED,
            )
        least = min(LEAST_UNRESERVED, limit)
        if unreserved - requested < least:
            raise AwsError(
                "InvalidParameterValueException",
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
                f"its minimum value of [{least}].",
                members=UNTYPED,
            )
