"""Code signing configs and which functions have one: kept and shown; no signature is ever checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_settings
from emulator.services.lambda_.code_signing import CodeSigningConfig, config_not_found, config_of_function_not_found
from emulator.services.lambda_.operations.paging import read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import conflict, function_not_found

Request = dict[str, Any]
PAGE = 10_000


class CodeSigningOperations(LambdaState):
    """CreateCodeSigningConfig … ListFunctionsByCodeSigningConfig."""

    def create_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new config; code without a trusted signature is only warned of unless the request says otherwise."""
        config = CodeSigningConfig(
            scope,
            f"csc-{tx.new_id().replace('-', '')[:17]}",
            request.get("Description") or "",
            request["AllowedPublishers"]["SigningProfileVersionArns"],
            (request.get("CodeSigningPolicies") or {}).get("UntrustedArtifactOnDeployment") or "Warn",
            dict(request.get("Tags") or {}),
            tx.now,
        )
        store_settings.save_config(tx, config)
        return {"CodeSigningConfig": config.describe()}

    def get_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A config."""
        return {"CodeSigningConfig": existing_config(tx, scope, request["CodeSigningConfigArn"]).describe()}

    def update_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that the request names."""
        config = existing_config(tx, scope, request["CodeSigningConfigArn"])
        publishers = request.get("AllowedPublishers")
        policies = request.get("CodeSigningPolicies") or {}
        changed = replace(
            config,
            description=config.description if request.get("Description") is None else request["Description"],
            publishers=publishers["SigningProfileVersionArns"] if publishers else config.publishers,
            policy=policies.get("UntrustedArtifactOnDeployment") or config.policy,
        )
        if changed != config:
            changed = replace(changed, modified=tx.now)
            store_settings.save_config(tx, changed)
        return {"CodeSigningConfig": changed.describe()}

    def delete_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a config that no function has."""
        config = existing_config(tx, scope, request["CodeSigningConfigArn"])
        if store_settings.list_functions_with(tx, scope, store_settings.CODE_SIGNING, config.arn, limit=1):
            raise conflict(  # text unverified
                f"Cannot delete the code signing configuration {config.arn} because it is used by functions."
            )
        store_settings.delete_config(tx, scope, config.config_id)
        return {}

    def list_code_signing_configs(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Configs by id."""
        size = request.get("MaxItems") or PAGE
        found = store_settings.list_configs(tx, scope, read_marker(request.get("Marker")), size + 1)
        result: dict[str, Any] = {"CodeSigningConfigs": [config.describe() for config in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].config_id)
        return result

    def put_function_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Give a function a config; a config that does not exist is told before a function that does not."""
        arn: str = request["CodeSigningConfigArn"]
        check_code_signing(tx, scope, arn)
        name = _function(tx, scope, request, "PutFunctionCodeSigningConfig")
        assign_code_signing(tx, scope, name, arn)
        return {"CodeSigningConfigArn": arn, "FunctionName": name}

    def get_function_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A function's config; nothing at all if it has none [R:test_code_signing_not_found_excs]."""
        name = _function(tx, scope, request, "GetFunctionCodeSigningConfig")
        arn = store_settings.find_setting(tx, scope, name, "", store_settings.CODE_SIGNING)
        return {} if arn is None else {"CodeSigningConfigArn": arn, "FunctionName": name}

    def delete_function_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Take the config away from a function; one that has none is fine."""
        name = _function(tx, scope, request, "DeleteFunctionCodeSigningConfig")
        store_settings.delete_setting(tx, scope, name, "", store_settings.CODE_SIGNING)
        return {}

    def list_functions_by_code_signing_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """ARNs of the functions that have a config."""
        config = existing_config(tx, scope, request["CodeSigningConfigArn"])
        size = request.get("MaxItems") or PAGE
        after = read_marker(request.get("Marker"))
        found = store_settings.list_functions_with(tx, scope, store_settings.CODE_SIGNING, config.arn, after, size + 1)
        result: dict[str, Any] = {"FunctionArns": [names.function_arn(scope, name) for name in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1])
        return result


def signing_config_of(tx: Transaction, scope: Scope, name: str) -> CodeSigningConfig | None:
    """The config of a function, if it has one."""
    arn = store_settings.find_setting(tx, scope, name, "", store_settings.CODE_SIGNING)
    return None if arn is None else _find(tx, scope, arn)


def assign_code_signing(tx: Transaction, scope: Scope, name: str, arn: str) -> None:
    """Give a function a config. Raises AWS's 404 if there is no such config."""
    check_code_signing(tx, scope, arn)
    store_settings.save_setting(tx, scope, name, "", store_settings.CODE_SIGNING, arn)


def check_code_signing(tx: Transaction, scope: Scope, arn: str) -> None:
    """Raise AWS's 404 unless a function may be given this config."""
    if _find(tx, scope, arn) is None:
        raise config_of_function_not_found(arn)


def _find(tx: Transaction, scope: Scope, arn: str) -> CodeSigningConfig | None:
    parsed = Arn.parse(arn)
    if parsed is None or (parsed.account, parsed.region) != (scope.account, scope.region):
        return None
    return store_settings.find_config(tx, scope, parsed.resource.rpartition(":")[2])


def existing_config(tx: Transaction, scope: Scope, arn: str) -> CodeSigningConfig:
    """The config, or 404 as the configs' own operations say it."""
    config = _find(tx, scope, arn)
    if config is None:
        raise config_not_found(arn)
    return config


def _function(tx: Transaction, scope: Scope, request: Request, action: str) -> str:
    named = names.parse(request["FunctionName"], scope, action=action)
    if tables.find_function(tx, scope, named.name) is None:
        raise function_not_found(named.arn)
    return named.name
