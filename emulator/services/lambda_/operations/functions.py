"""Functions: create, read, change, delete.

Decides what a function may consist of and what AWS answers. A change takes effect with the next invocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_layers, store_settings, store_states, store_urls
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.code_signing import is_signed, verification_failed
from emulator.services.lambda_.layers import check_unzipped_size, unzipped_size
from emulator.services.lambda_.model import IN_PROGRESS, PENDING, Function
from emulator.services.lambda_.operations.code_signing import assign_code_signing, signing_config_of
from emulator.services.lambda_.operations.function_layers import function_layers
from emulator.services.lambda_.operations.packages import CodeFetched, code_of
from emulator.services.lambda_.operations.paging import page_size, read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.operations.versions import publish
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
)
from emulator.services.lambda_.rules.package import LARGEST_UNZIPPED_BYTES, LARGEST_ZIPPED_BYTES, check_package
from emulator.services.lambda_.rules.tags import checked_tags

Request = dict[str, Any]


class FunctionOperations(LambdaState):
    """CreateFunction … DeleteFunction, GetAccountSettings."""

    def create_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Create a function from a package or a folder; it is active at once, and published if asked for."""
        named = names.parse_new(request["FunctionName"], scope)
        refuse_absent_features("CreateFunction", request)
        code = code_of("CreateFunction", request.get("Code") or {})
        configuration = new_configuration(request, named.name)
        unzipped = _check_code(request.get("Code") or {}, code)
        if tables.find_function(tx, scope, named.name) is not None:
            raise conflict(f"Function already exist: {named.name}")
        if request.get("Layers"):
            configuration["Layers"] = function_layers(tx, scope, request["Layers"], unzipped)
        if request.get("CodeSigningConfigArn"):
            assign_code_signing(tx, scope, named.name, request["CodeSigningConfigArn"])
        self._check_signatures(tx, scope, named.name, code, configuration.get("Layers", []))
        tags = checked_tags(request)
        function = Function(
            scope,
            named.name,
            configuration,
            code.sha256,
            len(code.package),
            tx.new_id(),
            tx.now,
            tags=tags,
            source_directory=code.directory,
        )
        _save_code(tx, scope, code)
        tables.save_function(tx, function)
        answer = self.begin_change(tx, function, PENDING)
        if request.get("Publish"):
            published, _ = publish(tx, function)
            answer = self.begin_change(tx, published, PENDING)
        self.check_code_storage(tx, scope)
        self.function_changed()
        return answer.describe_with_state()

    def get_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configuration, code location, tags and concurrency of a function or one of its versions."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "GetFunction")
        function = self._existing(tx, named)
        latest = tables.find_function(tx, scope, named.name)
        assert latest is not None, "its version exists"
        result: dict[str, Any] = {
            "Configuration": function.describe_with_state(named.qualifier),
            "Code": {"RepositoryType": "S3", "Location": self._code_location(function)},
        }
        if latest.tags:
            result["Tags"] = latest.tags
        if latest.reserved_concurrency is not None:
            result["Concurrency"] = {"ReservedConcurrentExecutions": latest.reserved_concurrency}
        return result

    def get_function_configuration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configuration of a function or one of its versions."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "GetFunctionConfiguration")
        return self._existing(tx, named).describe_with_state(named.qualifier)

    def list_functions(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Functions by name, at most 50 a page; with `FunctionVersion` ALL each followed by its versions."""
        wanted = request.get("FunctionVersion")
        if wanted not in (None, "ALL"):
            raise constraint(wanted, "functionVersion", "Member must satisfy enum value set: [ALL]")
        if request.get("MasterRegion") not in (None, "ALL", scope.region):
            return {"Functions": []}
        size = page_size(request.get("MaxItems"))
        after, _, number = read_marker(request.get("Marker")).partition(":")
        found: list[Function] = []
        if wanted == "ALL" and number:
            found += versions.list_versions(
                tx, scope, after, int(number) if versions.is_number(number) else 0, size + 1
            )
        for latest in tables.list_functions(tx, scope, after, size + 1):
            if len(found) > size:
                break
            found.append(latest)
            if wanted == "ALL":
                found += versions.list_versions(tx, scope, latest.name, limit=size + 1)
        items = [item.describe(item.version if wanted == "ALL" else None) for item in found[:size]]
        result: dict[str, Any] = {"Functions": items}
        if len(found) > size:
            last = found[size - 1]
            result["NextMarker"] = write_marker(
                f"{last.name}:{0 if last.version == names.LATEST else last.version}" if wanted == "ALL" else last.name
            )
        return result

    def update_function_code(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Replace the package, and publish it if asked for; `DryRun` only checks."""
        function = self.function_to_change(tx, scope, request, "UpdateFunctionCode")
        refuse_absent_features("UpdateFunctionCode", request)
        if request.get("ImageUri"):
            raise invalid_parameter("Please don't provide ImageUri when updating a function with packageType Zip.")
        code = code_of("UpdateFunctionCode", request)
        unzipped = _check_code(request, code)
        layers = [
            store_layers.find_layer_version(tx, layer["Arn"]) for layer in function.configuration.get("Layers", [])
        ]
        check_unzipped_size(unzipped, [layer for layer in layers if layer is not None])
        self._check_signatures(tx, scope, function.name, code)
        configuration = dict(function.configuration)
        if request.get("Architectures"):
            configuration = changed_configuration(configuration, {"Architectures": request["Architectures"]})
        updated = function.changed(
            configuration=configuration,
            code_sha256=code.sha256,
            code_size=len(code.package),
            source_directory=code.directory,
            revision_id=tx.new_id(),
            last_modified=tx.now,
        )
        if request.get("DryRun"):
            return updated.describe_with_state()
        _save_code(tx, scope, code)
        tables.save_function(tx, updated)
        answer = self.begin_change(tx, updated, IN_PROGRESS, function).describe_with_state()
        if request.get("Publish"):
            # [R:test_publish_with_update]: the new version is what is told, and it is pending.
            published, is_new = publish(tx, updated)
            shown = self.begin_change(tx, published, PENDING) if is_new else published
            answer = shown.changed(revision_id=published.revision_id).describe_with_state(published.version)
        self.check_code_storage(tx, scope)
        self._drop_unused_packages(tx, scope)
        self.function_changed()
        return answer

    def update_function_configuration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that the request names."""
        function = self.function_to_change(tx, scope, request, "UpdateFunctionConfiguration")
        refuse_absent_features("UpdateFunctionConfiguration", request)
        configuration = changed_configuration(function.configuration, request)
        if request.get("Layers") is not None:
            self._change_layers(tx, function, configuration, request["Layers"])
            self._check_signatures(tx, scope, function.name, None, configuration.get("Layers", []))
        updated = function.changed(configuration=configuration, revision_id=tx.new_id(), last_modified=tx.now)
        tables.save_function(tx, updated)
        self.function_changed()
        answer = self.begin_change(tx, updated, IN_PROGRESS, function).describe_with_state()
        if "DeadLetterConfig" in function.configuration:
            # The answer to a removal still shows what is removed [R:test_dead_letter_queue::delete_dlq].
            answer.setdefault("DeadLetterConfig", function.configuration["DeadLetterConfig"])
        return answer

    def delete_function(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a function with everything that belongs to it, or one version; queued events are dropped when due."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "DeleteFunction")
        qualifier = named.qualifier
        if qualifier == names.LATEST:
            raise invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
        if qualifier is not None and not qualifier.isdecimal() and "$" not in qualifier:
            raise invalid_parameter("Deletion of aliases is not currently supported.")
        if tables.find_function(tx, scope, named.name) is None:
            raise function_not_found(named.arn)
        if qualifier is not None:
            self._delete_version(tx, scope, named.name, qualifier)
        else:
            store_states.delete_states(tx, scope, named.name)
            versions.delete_all(tx, scope, named.name)
            tables.delete_function(tx, scope, named.name)
            store_urls.delete_urls(tx, scope, named.name)
            store_settings.delete_settings(tx, scope, named.name)
        self._drop_unused_packages(tx, scope)
        self.retire(tx, named.arn, qualifier)
        self.function_changed()
        return {"StatusCode": 204}

    def get_account_settings(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Limits and usage of the account in this region."""
        count, _ = tables.usage(tx, scope)
        size = self.code_bytes(tx, scope)
        limit = self.settings.account_concurrency
        set_aside = tables.reserved_in_total(tx, scope) + versions.provisioned_outside_reserved(tx, scope)
        return {
            "AccountLimit": {
                "TotalCodeSize": self.settings.code_storage_bytes,
                "CodeSizeUnzipped": LARGEST_UNZIPPED_BYTES,
                "CodeSizeZipped": LARGEST_ZIPPED_BYTES,
                "ConcurrentExecutions": limit,
                "UnreservedConcurrentExecutions": max(limit - set_aside, 0),
            },
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": count},
        }

    def code_package(self, tx: Transaction, scope: Scope, name: str) -> bytes | None:
        """The package behind `Code.Location`, or None; not an AWS operation."""
        name, _, version = name.partition(":")
        function = self.find_version(tx, names.FunctionName(scope, name, version or None))
        return tables.load_package(tx, scope, function.code_sha256) if function else None

    def _code_location(self, function: Function) -> str:
        if function.source_directory is not None:
            return f"file://{function.folder}"
        place = f"{function.scope.account}/{function.scope.region}/{function.name}"
        qualifier = "" if function.version == names.LATEST else f":{function.version}"
        return f"{self.base_url}/_emulator/lambda/code/{place}{qualifier}"

    def _existing(self, tx: Transaction, named: names.FunctionName) -> Function:
        """The function, or 404 naming it as the caller did [R:test_ops_on_nonexisting_fn, _version]."""
        function = self.find_version(tx, named)
        if function is None:
            raise function_not_found(named.arn_as_named)
        return function

    def _change_layers(
        self, tx: Transaction, function: Function, configuration: dict[str, Any], arns: list[str]
    ) -> None:
        package = tables.load_package(tx, function.scope, function.code_sha256) if arns else None
        kept = [layer["Arn"] for layer in function.configuration.get("Layers", [])]
        layers = function_layers(tx, function.scope, arns, unzipped_size(package) if package else 0, kept)
        configuration.pop("Layers", None)
        if layers:
            configuration["Layers"] = layers

    def _delete_version(self, tx: Transaction, scope: Scope, name: str, version: str) -> None:
        """One that does not exist is deleted already: 204, as measured by users of AWS."""
        if versions.find_version(tx, scope, name, version) is None:
            return
        aliases = [alias.name for alias in versions.list_aliases(tx, scope, name) if version in alias.versions]
        if aliases:
            raise conflict(
                f"Unable to delete version because the following aliases reference it: [{', '.join(aliases)}]"
            )
        store_states.delete_states(tx, scope, name, version)
        versions.delete_version(tx, scope, name, version)
        store_settings.delete_settings(tx, scope, name, version)

    def _check_signatures(
        self, tx: Transaction, scope: Scope, name: str, code: CodeFetched | None, layers: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Of code and layers that are deployed now: refused or counted if unsigned, as the function's config says."""
        config = signing_config_of(tx, scope, name)
        if config is None:
            return
        untrusted = [] if code is None or is_signed(code.package) else [name]
        for layer in layers:
            version = store_layers.find_layer_version(tx, layer["Arn"])
            content = version and store_layers.load_content(tx, version.layer.scope, version.sha256)
            if not content or not is_signed(content):
                untrusted.append(layer["Arn"])
        if untrusted and config.policy == "Enforce":
            raise verification_failed(untrusted[0])
        for _ in untrusted:
            self.telemetry.count(tx, scope, name, None, "SignatureValidationErrors")

    def _drop_unused_packages(self, tx: Transaction, scope: Scope) -> None:
        # An invocation may be about to load the package it resolved; then the next change sweeps.
        if not self.concurrency.anything_runs():
            tables.drop_unused_packages(tx, scope)
            store_layers.drop_unused_content(tx)


def _check_code(request: Request, code: CodeFetched) -> int:
    """The code's unzipped size. The limit on zipped bytes is for those in the request, not for objects in S3."""
    if code.directory is not None:
        return 0
    check_package(code.package, in_request=request.get("ZipFile") is not None)
    if code.problem is not None:
        raise code.problem
    return unzipped_size(code.package)


def _save_code(tx: Transaction, scope: Scope, code: CodeFetched) -> None:
    if code.directory is None:
        tables.save_package(tx, scope, code.sha256, code.package)
