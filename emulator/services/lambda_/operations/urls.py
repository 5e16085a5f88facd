"""Function URLs: create, read, change, delete, list. A URL outlives its alias [R:test_…_persists_after_alias_delete].

Function URLs themselves are answered by `url_plane`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_urls
from emulator.services.lambda_.operations.paging import read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import conflict, constraint, not_found
from emulator.services.lambda_.urls import FunctionUrl

Request = dict[str, Any]
PAGE = 50
GONE = "The resource you requested does not exist."
NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?"
)
"""Of these operations' `FunctionName` [M]: an alias may follow the name, a version may not."""


class UrlOperations(LambdaState):
    """CreateFunctionUrlConfig … ListFunctionUrlConfigs."""

    def create_function_url_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Give a function, or an alias of it, a URL. `InvokeMode` is shown if it was given [R:test_lambda_url_*]."""
        named = _named(scope, request, "CreateFunctionUrlConfig")
        self._check_exists(tx, named)
        qualifier = named.qualifier or names.LATEST
        url = FunctionUrl(
            scope,
            named.name,
            qualifier,
            tx.new_id().replace("-", ""),
            request["AuthType"],
            request.get("InvokeMode") or "BUFFERED",
            _cors(request),
            tx.now,
            tx.now,
        )
        if store_urls.find_url(tx, scope, named.name, qualifier) is not None:
            raise conflict(
                f"Failed to create function url config for [functionArn = {url.arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function"
            )
        store_urls.save_url(tx, url)
        result = url.describe(self.base_url)
        del result["LastModifiedTime"]
        if request.get("InvokeMode") is None:
            del result["InvokeMode"]
        return result

    def get_function_url_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The URL of a function or alias."""
        return self._existing_url(tx, scope, request, "GetFunctionUrlConfig").describe(self.base_url)

    def update_function_url_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that the request names; the address stays."""
        url = self._existing_url(tx, scope, request, "UpdateFunctionUrlConfig")
        changed = replace(
            url,
            auth_type=request.get("AuthType") or url.auth_type,
            invoke_mode=request.get("InvokeMode") or url.invoke_mode,
            cors=_cors(request) if request.get("Cors") is not None else url.cors,
            modified=tx.now,
        )
        store_urls.save_url(tx, changed)
        return changed.describe(self.base_url)

    def delete_function_url_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a URL for good: another one will have another address."""
        url = self._existing_url(tx, scope, request, "DeleteFunctionUrlConfig")
        store_urls.delete_url(tx, scope, url.name, url.qualifier)
        return {}

    def list_function_url_configs(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """URLs of a function and its aliases."""
        named = _named(scope, request, "ListFunctionUrlConfigs")
        if tables.find_function(tx, scope, named.name) is None:
            raise not_found("Function does not exist")
        size = request.get("MaxItems") or PAGE
        found = store_urls.list_urls(tx, scope, named.name, read_marker(request.get("Marker")), size + 1)
        result: dict[str, Any] = {"FunctionUrlConfigs": [url.describe(self.base_url) for url in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].qualifier)
        return result

    def _check_exists(self, tx: Transaction, named: names.FunctionName) -> None:
        try:
            self._resolve(tx, named)
        except AwsError as error:
            if error.status != 404:
                raise
            raise not_found("Function does not exist") from None

    def _existing_url(self, tx: Transaction, scope: Scope, request: Request, action: str) -> FunctionUrl:
        named = _named(scope, request, action)
        url = store_urls.find_url(tx, scope, named.name, named.qualifier or names.LATEST)
        if url is None:
            raise not_found(GONE)
        return url


def _named(scope: Scope, request: Request, action: str) -> names.FunctionName:
    """The function or alias; versions and `$LATEST` cannot be named (the qualifier's form the model checks)."""
    text: str = request["FunctionName"]
    named = names.parse(text, scope, request.get("Qualifier"), action)
    qualifier = named.qualifier
    if request.get("Qualifier") is None and qualifier is not None and (qualifier.isdecimal() or "$" in qualifier):
        raise constraint(text, "functionName", f"Member must satisfy regular expression pattern: {NAME_PATTERN}")
    return named


def _cors(request: Request) -> dict[str, Any] | None:
    """CORS settings as given; empty ones take them away."""
    cors = {member: value for member, value in (request.get("Cors") or {}).items() if value is not None}
    return cors or None
