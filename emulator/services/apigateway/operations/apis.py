"""Operations on REST APIs as a whole: life cycle and import."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import domain_store, openapi, store
from emulator.services.apigateway.clone import clone_into
from emulator.services.apigateway.long_documents import read
from emulator.services.apigateway.model import Api, bad_request, default_models, short_id
from emulator.services.apigateway.operations.documentation import Documentation
from emulator.services.apigateway.operations.loading import checked_endpoint, given, paged, window
from emulator.services.apigateway.patch import Listed, Patchable, Scalar, apply, flag, whole
from emulator.services.apigateway.policy import checked, shown
from emulator.services.apigateway.quotas import check_room

_ALL = ("add", "replace", "remove")
PATCHABLE = Patchable(
    scalars={
        "/name": Scalar("name"),
        "/description": Scalar("description", operations=_ALL),
        "/policy": Scalar("policy"),
        "/apiKeySource": Scalar("apiKeySource"),
        "/minimumCompressionSize": Scalar("minimumCompressionSize", whole),
        "/disableExecuteApiEndpoint": Scalar("disableExecuteApiEndpoint", flag),
        "/securityPolicy": Scalar("securityPolicy"),
        "/endpointAccessMode": Scalar("endpointAccessMode"),
        "/version": Scalar("version"),  # unverified: CloudFormation's Version changes without interruption
    },
    listed={"binaryMediaTypes": Listed("binaryMediaTypes")},
)
_ALL_OF_THEM = 2**31 - 1
COMPRESSION = "Invalid minimum compression size, must be between 0 and 10485760"


class Apis(Documentation):
    """CreateRestApi … PutRestApi."""

    def create_rest_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A new API with its root resource and the models Empty and Error."""
        source = self._api(tx, scope, request["cloneFrom"]) if request.get("cloneFrom") else None
        api = self._new_api(tx, scope, request)
        if source is not None:
            clone_into(api, source, lambda length: short_id(tx.new_id(), length))
        store.insert_api(tx, api)
        return self._shown(api)

    def _new_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> Api:
        if not request.get("name"):
            raise bad_request("Name must be non-empty")
        if request.get("description") == "":
            raise bad_request("Description cannot be an empty string")
        _check_compression(request.get("minimumCompressionSize"))
        settings = given(
            request,
            "name",
            "description",
            "version",
            "binaryMediaTypes",
            "minimumCompressionSize",
            "policy",
            "securityPolicy",
            "endpointAccessMode",
        )
        if not settings.get("binaryMediaTypes"):
            settings.pop("binaryMediaTypes", None)
        settings["createdDate"] = float(int(tx.now))
        settings["apiKeySource"] = request.get("apiKeySource") or "HEADER"
        settings["endpointConfiguration"] = checked_endpoint(request.get("endpointConfiguration"))
        self._check_apis(tx, scope, settings["endpointConfiguration"]["types"])
        settings["disableExecuteApiEndpoint"] = bool(request.get("disableExecuteApiEndpoint"))
        if request.get("tags"):
            settings["tags"] = dict(request["tags"])
        root = short_id(tx.new_id(), 10)
        settings["rootResourceId"] = root
        api = Api(
            id=short_id(tx.new_id(), 10),
            account=scope.account,
            region=scope.region,
            settings=settings,
            resources={root: {"id": root, "path": "/"}},
            models=default_models((short_id(tx.new_id(), 6), short_id(tx.new_id(), 6))),
        )
        _check_policy(api)
        return api

    def get_rest_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One API."""
        return {"tags": {}, **self._shown(self._api(tx, scope, request["restApiId"]))}

    def get_rest_apis(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All APIs of the account and region, a page at a time."""
        start, limit = window(request)
        return paged([self._shown(api) for api in store.list_apis(tx, scope, limit + 1, start)], start, limit)

    def update_rest_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change an API by patch operations."""
        api = self._api(tx, scope, request["restApiId"])
        for operation in request.get("patchOperations") or []:
            path = operation.get("path") or ""
            if path.startswith("/endpointConfiguration/"):
                _patch_endpoint(api, operation)
                continue
            if path == "/minimumCompressionSize":
                if operation.get("op") != "replace":
                    raise bad_request("Invalid patch operation specified. Must be one of: [replace]")
                value = operation.get("value")
                if not value:
                    api.settings.pop("minimumCompressionSize", None)
                    continue
                if not value.isascii() or not value.isdigit() or int(value) > 10485760:
                    raise bad_request(COMPRESSION)
            api.settings = apply(api.settings, [operation], PATCHABLE)
        if not api.settings.get("name"):
            raise bad_request("API name cannot be blank")  # unverified
        if api.settings.get("apiKeySource") not in (None, "HEADER", "AUTHORIZER"):
            raise bad_request("Invalid API key source specified. Valid options are HEADER, AUTHORIZER")  # unverified
        _check_policy(api)
        store.save_api(tx, api)
        return {"tags": {}, **self._shown(api)}

    def delete_rest_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete an API and everything of it."""
        api = self._api(tx, scope, request["restApiId"])
        names = domain_store.names_mapping(tx, scope, api.id)
        if names:  # as users quote it
            remedy = "Please remove all base path mappings related to the RestApi in your domains"
            raise bad_request(f"Deleting RestApi {api.id} failed. {remedy}: {', '.join(names)}.")
        self._forget_documentation(tx, scope, api.id)
        store.delete_api(tx, api.id)
        return {}

    def import_rest_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A new API from an OpenAPI 3 or Swagger 2 document. It has the document's models and no default ones [R]."""
        document = read(request.get("body"), openapi.parse)
        settings = openapi.api_settings(document)
        settings["endpointConfiguration"] = {
            **settings.get("endpointConfiguration", {}),
            **_endpoint_parameters(request.get("parameters") or {}),
        }
        api = self._new_api(tx, scope, settings)
        api.models = {}
        warnings = self._import(tx, api, document, request)
        store.insert_api(tx, api)
        return {**self._shown(api), **({"warnings": warnings} if warnings else {})}

    def put_rest_api(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Merge an OpenAPI document into an API, or overwrite the API with it."""
        api = self._api(tx, scope, request["restApiId"])
        document = read(request.get("body"), openapi.parse)
        overwrite = request.get("mode") == "overwrite"
        settings = openapi.api_settings(document)
        binary = settings.pop("binaryMediaTypes", None)
        if overwrite:
            root = api.settings["rootResourceId"]
            api.resources = {root: {"id": root, "path": "/"}}
            api.models, api.validators, api.gateway_responses, api.authorizers = {}, {}, {}, {}
            for member in ("description", "version", "binaryMediaTypes"):
                api.settings.pop(member, None)
        if binary:
            old = [] if overwrite else api.settings.get("binaryMediaTypes", [])
            api.settings["binaryMediaTypes"] = [*old, *(item for item in binary if item not in old)]
        endpoint = {
            **settings.pop("endpointConfiguration", {}),
            **_endpoint_parameters(request.get("parameters") or {}),
        }
        if endpoint:
            api.settings["endpointConfiguration"] = checked_endpoint(
                {**api.settings["endpointConfiguration"], **endpoint}
            )
        api.settings.update(settings)
        if not api.settings["name"]:
            raise bad_request("Name must be non-empty")
        _check_compression(api.settings.get("minimumCompressionSize"))
        _check_policy(api)
        warnings = self._import(tx, api, document, request)
        store.save_api(tx, api)
        return {"tags": {}, **self._shown(api), **({"warnings": warnings} if warnings else {})}

    def _check_apis(self, tx: Transaction, scope: Scope, types: list[str]) -> None:
        """Raise unless the account and region may have one more API of these endpoint types."""
        edge = types == ["EDGE"]
        most = self._settings.edge_apis if edge else self._settings.regional_apis
        if store.count_apis(tx, scope) < most:
            return
        others = (api.settings["endpointConfiguration"]["types"] for api in store.list_apis(tx, scope, _ALL_OF_THEM, 0))
        kept = sum(other == types for other in others)
        check_room(kept, most, "edge-optimized APIs" if edge else f"{types[0].lower()} APIs", "account")

    def _import(self, tx: Transaction, api: Api, document: dict[str, Any], request: dict[str, Any]) -> list[str]:
        parameters = request.get("parameters") or {}
        basepath = parameters.get("basepath", "ignore").lower()
        if basepath not in ("ignore", "prepend", "split"):
            raise bad_request("Invalid basepath specified. Valid options are ignore,prepend,split")  # unverified
        warnings = openapi.fill(api, document, lambda length: short_id(tx.new_id(), length), basepath, self._settings)
        if warnings and request.get("failOnWarnings"):
            raise bad_request("Warnings found during import:\n\t" + "\n\t".join(warnings))
        check_room(len(api.authorizers) - 1, self._settings.api_authorizers, "authorizers")
        parts = openapi.documentation_parts(document)
        if parts is not None and parameters.get("ignore") != "documentation":
            self._keep_parts(tx, api.scope, api.id, parts, request.get("mode") == "overwrite")
        return warnings

    def _shown(self, api: Api) -> dict[str, Any]:
        settings = api.settings
        return {"id": api.id, **settings, **({"policy": shown(settings["policy"])} if "policy" in settings else {})}


def _check_compression(size: int | None) -> None:
    if size is not None and not 0 <= size <= 10485760:
        raise bad_request(COMPRESSION)


def _endpoint_parameters(parameters: dict[str, str]) -> dict[str, Any]:
    """The endpoint configuration that an import's query names: `endpointConfigurationTypes`, `vpcEndpointIds`."""
    endpoint: dict[str, Any] = {}
    if parameters.get("endpointConfigurationTypes"):
        endpoint["types"] = [parameters["endpointConfigurationTypes"]]
    if parameters.get("vpcEndpointIds"):
        endpoint["vpcEndpointIds"] = parameters["vpcEndpointIds"].split(",")
    return endpoint


def _check_policy(api: Api) -> None:
    """Have the policy written as it is kept. Raises AWS's error for one that is none."""
    if api.settings.get("policy"):
        arn = f"arn:aws:execute-api:{api.region}:{api.account}:{api.id}"
        api.settings["policy"] = checked(api.settings["policy"], arn)
    else:
        api.settings.pop("policy", None)


def _patch_endpoint(api: Api, operation: dict[str, str]) -> None:
    """`/endpointConfiguration/…` [R:test_update_rest_api_ip_address_type]."""
    op, path, value = operation.get("op"), operation["path"], operation.get("value")
    configuration = dict(api.settings["endpointConfiguration"])
    if path == "/endpointConfiguration/ipAddressType":
        if op != "replace":
            raise bad_request("Invalid patch operation specified. Must be one of: [replace]")
        if value not in ("ipv4", "dualstack"):
            raise bad_request("ipAddressType must be either ipv4 or dualstack.")
        if configuration["types"] == ["PRIVATE"] and value != "dualstack":
            raise bad_request("Only dualstack ipAddressType is supported for Private APIs.")
        configuration["ipAddressType"] = value
    elif path == "/endpointConfiguration/vpcEndpointIds":
        if op not in ("add", "remove") or not value:
            raise bad_request("Invalid patch operation specified. Must be one of: [add, remove]")
        if configuration["types"] != ["PRIVATE"]:
            raise bad_request("VPC endpoint ids are only supported for Private APIs.")  # unverified
        others = [item for item in configuration.get("vpcEndpointIds", []) if item != value]
        configuration["vpcEndpointIds"] = [*others, value] if op == "add" else others
        if not configuration["vpcEndpointIds"]:
            del configuration["vpcEndpointIds"]
    elif path.startswith("/endpointConfiguration/types"):
        if op not in ("add", "remove", "replace"):
            raise bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        if value not in ("REGIONAL", "EDGE", "PRIVATE"):
            raise bad_request("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
        configuration["types"] = [value]
        if value == "PRIVATE":
            configuration["ipAddressType"] = "dualstack"
    else:
        raise bad_request(f"Invalid patch path {path}")
    api.settings["endpointConfiguration"] = configuration
