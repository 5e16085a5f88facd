"""Functions: create, read, change, delete.

Decides what a function may consist of and what AWS answers. A change takes effect with the next invocation.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_layers, store_urls
from emulator.services.lambda_.model import Function
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.configuration import (
    changed_configuration,
    new_configuration,
    refuse_absent_features,
)
from emulator.services.lambda_.rules.errors import (
    conflict,
    constraint,
    function_not_found,
    invalid_parameter,
    stale_revision,
)
from emulator.services.lambda_.rules.package import (
    LARGEST_UNZIPPED_BYTES,
    LARGEST_ZIPPED_BYTES,
    check_package,
    code_sha256,
)

Request = dict[str, Any]
PAGE = 50


class FunctionOperations(LambdaState):
    """CreateFunction … ListVersionsByFunction, GetAccountSettings."""

    def create_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Create a function from a zip package; it is active at once."""
        named = names.parse_new(request["FunctionName"], scope)
        refuse_absent_features("CreateFunction", request)
        package = _package("CreateFunction", request.get("Code") or {})
        configuration = new_configuration(request, named.name)
        check_package(package)
        if tables.find_function(tx, scope, named.name) is not None:
            raise conflict(f"Function already exist: {named.name}")
        digest = code_sha256(package)
        function = Function(
            scope,
            named.name,
            configuration,
            digest,
            len(package),
            tx.new_id(),
            tx.now,
            tags=dict(request.get("Tags") or {}),
            policy_revision=tx.new_id(),
        )
        tables.save_package(tx, scope, digest, package)
        tables.save_function(tx, function)
        self.function_changed()
        return function.describe_created(tx.new_id())

    def get_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configuration, code location, tags and concurrency of a function."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "GetFunction")
        function = self._existing(tx, named)
        location = f"{self.base_url}/_emulator/lambda/code/{scope.account}/{scope.region}/{function.name}"
        result: dict[str, Any] = {
            "Configuration": function.describe_with_state(named.qualifier is not None),
            "Code": {"RepositoryType": "S3", "Location": location},
        }
        if function.tags:
            result["Tags"] = function.tags
        if function.reserved_concurrency is not None:
            result["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return result

    def get_function_configuration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configuration of a function."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "GetFunctionConfiguration")
        return self._existing(tx, named).describe_with_state(named.qualifier is not None)

    def list_functions(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Functions by name, at most 50 a page."""
        version = request.get("FunctionVersion")
        if version not in (None, "ALL"):
            raise constraint(version, "functionVersion", "Member must satisfy enum value set: [ALL]")
        if request.get("MasterRegion") not in (None, "ALL", scope.region):
            return {"Functions": []}
        size = min(request.get("MaxItems") or PAGE, PAGE)
        found = tables.list_functions(tx, scope, read_marker(request.get("Marker")), size + 1)
        result: dict[str, Any] = {"Functions": [item.describe(version == "ALL") for item in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].name)
        return result

    def list_versions_by_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """`$LATEST`, the only version there is."""
        named = names.parse(request["FunctionName"], scope, action="ListVersionsByFunction")
        function = self._existing(tx, names.FunctionName(scope, named.name))
        return {"Versions": [] if request.get("Marker") else [function.describe(qualified=True)]}

    def update_function_code(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Replace the package; `DryRun` only checks it."""
        function = self._to_change(tx, scope, request, "UpdateFunctionCode")
        refuse_absent_features("UpdateFunctionCode", request)
        package = _package("UpdateFunctionCode", request)
        check_package(package)
        digest = code_sha256(package)
        configuration = dict(function.configuration)
        if request.get("Architectures"):
            configuration = changed_configuration(configuration, {"Architectures": request["Architectures"]})
        updated = function.changed(
            configuration=configuration,
            code_sha256=digest,
            code_size=len(package),
            revision_id=tx.new_id(),
            last_modified=tx.now,
        )
        if request.get("DryRun"):
            return updated.describe_with_state()
        tables.save_package(tx, scope, digest, package)
        tables.save_function(tx, updated)
        self._drop_unused_packages(tx, scope)
        self.function_changed()
        return updated.describe_updated(tx.new_id())

    def update_function_configuration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that the request names."""
        function = self._to_change(tx, scope, request, "UpdateFunctionConfiguration")
        refuse_absent_features("UpdateFunctionConfiguration", request)
        updated = function.changed(
            configuration=changed_configuration(function.configuration, request),
            revision_id=tx.new_id(),
            last_modified=tx.now,
        )
        tables.save_function(tx, updated)
        self.function_changed()
        return updated.describe_updated(tx.new_id())

    def delete_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a function with everything that belongs to it; queued events are dropped when they fall due."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "DeleteFunction")
        if named.qualifier == names.LATEST:
            raise invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
        if named.qualifier is not None and not named.qualifier.isdecimal() and "$" not in named.qualifier:
            raise invalid_parameter("Deletion of aliases is not currently supported.")
        if tables.find_function(tx, scope, named.name) is None:
            raise function_not_found(named.arn)
        if named.qualifier is not None:
            raise function_not_found(named.version_arn)
        tables.delete_function(tx, scope, named.name)
        store_urls.delete_urls(tx, scope, named.name)
        self._drop_unused_packages(tx, scope)
        self.function_changed()
        return {"StatusCode": 204}

    def get_account_settings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Limits and usage of the account in this region."""
        count, size = tables.usage(tx, scope)
        limit = self.settings.account_concurrency
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": LARGEST_UNZIPPED_BYTES,
                "CodeSizeZipped": LARGEST_ZIPPED_BYTES,
                "ConcurrentExecutions": limit,
                "UnreservedConcurrentExecutions": limit - tables.reserved_in_total(tx, scope),
            },
            "AccountUsage": {"TotalCodeSize": size + store_layers.total_size(tx, scope), "FunctionCount": count},
        }

    def code_package(self, tx: Transaction, scope: Scope, name: str) -> bytes | None:
        """The package behind `Code.Location`, or None; not an AWS operation."""
        function = tables.find_function(tx, scope, name)
        return tables.load_package(tx, scope, function.code_sha256) if function else None

    def _existing(self, tx: Transaction, named: names.FunctionName) -> Function:
        """The function, or 404 naming it as the caller did [R:test_ops_on_nonexisting_fn, _version]."""
        function = tables.find_function(tx, named.scope, named.name) if named.is_latest else None
        if function is None:
            raise function_not_found(named.arn_as_named)
        return function

    def _to_change(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
        named = names.parse(request["FunctionName"], scope, action=action)
        if not named.is_latest:
            raise invalid_parameter("This operation is permitted on Lambda functions only. Aliases and versions do "
                                    "not support this operation. Please specify either a function name or an "
                                    "unqualified function ARN.")  # fmt: skip
        function = self._existing(tx, names.FunctionName(scope, named.name))
        if request.get("RevisionId") not in (None, function.revision_id):
            raise stale_revision("GetFunction/GetAlias")
        return function

    def _drop_unused_packages(self, tx: Transaction, scope: Scope) -> None:
        # An invocation may be about to load the package it resolved; then the next change sweeps.
        if not self.concurrency.anything_runs():
            tables.drop_unused_packages(tx, scope)


def write_marker(last: str) -> str:
    """An opaque marker: the page after the item called `last`."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def read_marker(marker: str | None) -> str:
    """What `write_marker` was given; an invented marker is refused."""
    if not marker:
        return ""
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, ValueError):
        raise AwsError("InvalidParameterValueException", "Invalid marker.", 400, {"Type": "User"}) from None


def _package(operation: str, code: Request) -> bytes:
    """The zip in `code`; other origins are refused by name."""
    if code.get("ImageUri"):
        raise NotEmulated("lambda", f"{operation} with ImageUri", "functions from container images")
    if any(code.get(member) for member in ("S3Bucket", "S3Key", "S3ObjectVersion")):
        raise NotEmulated("lambda", f"{operation} with S3Bucket", "packages from S3; send them as ZipFile")
    for member in ("SourceKMSKeyArn", "S3ObjectStorageMode"):
        if code.get(member):
            raise NotEmulated("lambda", f"{operation} with {member}")
    package = code.get("ZipFile")
    if package is None:
        raise invalid_parameter("Please provide a source for function code.")
    return bytes(package)
