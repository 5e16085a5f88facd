"""Operations on APIs as a whole: life cycle, quick create, CORS, import and export, tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.tags import refuse
from emulator.ports import Transaction
from emulator.services.apigateway import domain_store
from emulator.services.apigateway.long_documents import Write, read, written
from emulator.services.apigateway.model import bad_request, not_found, short_id
from emulator.services.apigateway.openapi import parse
from emulator.services.apigatewayv2 import openapi, store
from emulator.services.apigatewayv2.model import (
    DEFAULT,
    WEBSOCKET,
    Api,
    Document,
    endpoint,
    given_tags,
    lambda_function_of,
)
from emulator.services.apigatewayv2.operations.authorizers import Authorizers
from emulator.services.apigatewayv2.operations.loading import Request, given, page
from emulator.services.apigatewayv2.operations.routes import Routes, checked_integration
from emulator.services.apigatewayv2.operations.stages import Stages, new_stage
from emulator.services.apigatewayv2.websocket_rules import (
    changed_websocket_settings,
    check_is_http,
    websocket_settings,
)

_SETTINGS = ("Description", "DisableExecuteApiEndpoint", "IpAddressType", "Name", "Version")
_WEBSOCKET = ("DisableSchemaValidation",)


class Apis(Routes, Stages, Authorizers):
    """CreateApi … ExportApi, TagResource."""

    def create_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new API; with `Target` a route, its integration and the stage `$default` too (quick create)."""
        if request["ProtocolType"] == WEBSOCKET:
            api = Api(short_id(tx.new_id(), 10), scope.account, scope.region, websocket_settings(tx.now, request))
            self._insert(tx, api)
            return self._shown(api)
        expression = request.get("RouteSelectionExpression")
        if expression not in (None, "$request.method $request.path", "${request.method} ${request.path}"):
            raise bad_request("Invalid RouteSelectionExpression for an HTTP API: ${request.method} ${request.path}")
        api = self._new(tx, scope, request)
        self._insert(tx, api)
        if request.get("Target"):
            self._quick_create(tx, api, request)
        elif request.get("RouteKey") or request.get("CredentialsArn"):
            raise bad_request("RouteKey and CredentialsArn are only supported together with Target")
        return self._shown(api)

    def _insert(self, tx: Transaction, api: Api) -> None:
        self._check_room(store.count_apis(tx, api.scope), "APIs", "account")
        store.insert_api(tx, api)

    def _new(self, tx: Transaction, scope: Scope, request: Request) -> Api:
        unsupported = [name for name in _WEBSOCKET if request.get(name)]
        if unsupported:
            raise bad_request(f"{unsupported[0]} is not supported for HTTP APIs")
        settings: Document = {
            "ApiKeySelectionExpression": "$request.header.x-api-key",
            "CreatedDate": float(int(tx.now)),
            "DisableExecuteApiEndpoint": False,
            "IpAddressType": "ipv4",
            "ProtocolType": "HTTP",
            "RouteSelectionExpression": "$request.method $request.path",
            "Tags": given_tags(request),
            **given(request, _SETTINGS),
        }
        if request.get("CorsConfiguration"):
            settings["CorsConfiguration"] = checked_cors(request["CorsConfiguration"])
        return Api(short_id(tx.new_id(), 10), scope.account, scope.region, settings)

    def _quick_create(self, tx: Transaction, api: Api, request: Request) -> None:
        """An integration of payload format 2.0 or an HTTP proxy, one route, and `$default` deploying itself."""
        target = request["Target"]
        is_function = lambda_function_of(target) is not None
        integration = self.add_integration(
            tx,
            api,
            {
                "IntegrationType": "AWS_PROXY" if is_function else "HTTP_PROXY",
                "IntegrationUri": target,
                "IntegrationMethod": "POST" if is_function else "ANY",
                "PayloadFormatVersion": "2.0" if is_function else "1.0",
                "CredentialsArn": request.get("CredentialsArn"),
            },
        )
        route = self.add_route(
            tx,
            api,
            {
                "RouteKey": request.get("RouteKey") or DEFAULT,
                "Target": f"integrations/{integration['IntegrationId']}",
            },
        )
        for made in (integration, route):
            made["ApiGatewayManaged"] = True
        stage = {**new_stage(tx.now, {"StageName": DEFAULT, "AutoDeploy": True}), "ApiGatewayManaged": True}
        store.put_stage(tx, api.id, stage)
        self._keep(tx, api)

    def get_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One API."""
        return self._shown(self._api(tx, scope, request))

    def get_apis(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The APIs of the account and region, a page at a time."""
        listed = page(store.list_apis(tx, scope), request)
        return {**listed, "Items": [self._shown(api) for api in listed["Items"]]}

    def update_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given; of a quick-created API its target, too."""
        api = self._api(tx, scope, request)
        if api.is_websocket:
            api.settings = changed_websocket_settings(api.settings, request)
            self._keep(tx, api)
            return self._shown(api)
        api.settings.update(given(request, _SETTINGS))
        if request.get("CorsConfiguration") is not None:
            api.settings["CorsConfiguration"] = checked_cors(request["CorsConfiguration"])
        quick = [name for name in ("Target", "RouteKey", "CredentialsArn") if request.get(name)]
        if quick:
            self._update_quick(api, request)
        self._keep(tx, api)
        return self._shown(api)

    def _update_quick(self, api: Api, request: Request) -> None:
        routes = [route for route in api.routes.values() if route.get("ApiGatewayManaged")]
        integrations = [item for item in api.integrations.values() if item.get("ApiGatewayManaged")]
        if not routes or not integrations:
            raise bad_request("Target, RouteKey and CredentialsArn are only supported for quick-created APIs")
        if request.get("RouteKey"):
            changed = {**routes[0], "RouteKey": request["RouteKey"]}
            self._check_route(api, changed, {})
            api.routes[changed["RouteId"]] = changed
        changes = {"IntegrationUri": request.get("Target"), "CredentialsArn": request.get("CredentialsArn")}
        integration = {**integrations[0], **{name: value for name, value in changes.items() if value}}
        api.integrations[integration["IntegrationId"]] = checked_integration(integration, {})

    def delete_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete an API with everything in it."""
        api = self._api(tx, scope, request)
        if domain_store.names_mapping(tx, scope, api.id):  # as users quote it
            remedy = "Please remove all API mappings for the API from your custom domain names."
            raise bad_request(f"Deleting API {api.id} failed. {remedy}")
        store.delete_api(tx, api.id)
        return {}

    def delete_cors_configuration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Leave CORS to the integrations again."""
        api = self._api(tx, scope, request)
        api.settings.pop("CorsConfiguration", None)
        self._keep(tx, api)
        return {}

    # ── OpenAPI ──

    def import_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new API from an OpenAPI 3 document."""
        definition = openapi.read(read(request["Body"], parse), request.get("Basepath") or "ignore")
        api = self._new(tx, scope, {"ProtocolType": "HTTP", **definition.settings})
        self._insert(tx, api)
        return self._import(tx, api, definition, request)

    def reimport_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Replace what an API consists of by an OpenAPI 3 document; id, stages and deployments stay."""
        api = self._api(tx, scope, request)
        check_is_http(api, "ReimportApi")
        definition = openapi.read(read(request["Body"], parse), request.get("Basepath") or "ignore")
        fresh = self._new(tx, scope, {"ProtocolType": "HTTP", **definition.settings})
        kept = {name: api.settings[name] for name in ("CreatedDate", "Tags")}
        api.settings = {**fresh.settings, **kept, "Tags": {**kept["Tags"], **fresh.settings["Tags"]}}
        api.routes, api.integrations, api.authorizers = {}, {}, {}
        return self._import(tx, api, definition, request)

    def _import(self, tx: Transaction, api: Api, definition: openapi.Definition, request: Request) -> dict[str, Any]:
        if definition.warnings and request.get("FailOnWarnings"):
            raise bad_request("Warnings found during import:\n\t" + "\n\t".join(definition.warnings))
        authorizers = {
            name: self.add_authorizer(tx, api, wanted)["AuthorizerId"]
            for name, wanted in definition.authorizers.items()
        }
        shared: dict[str, str] = {}
        for route in definition.routes:
            members = dict(route.members)
            if route.authorizer is not None:
                members["AuthorizerId"] = authorizers[route.authorizer]
            if route.integration is not None:
                text = json.dumps(route.integration, sort_keys=True)
                if text not in shared:
                    shared[text] = self.add_integration(tx, api, route.integration)["IntegrationId"]
                members["Target"] = f"integrations/{shared[text]}"
            self.add_route(tx, api, members)
        if definition.cors is not None:
            api.settings["CorsConfiguration"] = checked_cors(definition.cors)
        self._keep(tx, api)
        return {**self._shown(api), **({"Warnings": definition.warnings} if definition.warnings else {})}

    def export_api(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The API as an OpenAPI 3 document: as it is now, or as a stage has it."""
        return self.begin_export(tx, scope, request)()

    def begin_export(self, tx: Transaction, scope: Scope, request: Request) -> Write:
        """What writes the document, in a thread if it is long: it needs the store no more."""
        api = self._api(tx, scope, request)
        check_is_http(api, "ExportApi")
        if request["Specification"] != "OAS30":
            raise bad_request("Invalid specification specified. Valid values are OAS30")
        if request.get("ExportVersion") not in (None, "1.0"):
            raise bad_request("Invalid exportVersion specified. Valid values are 1.0")
        if request["OutputType"] not in ("JSON", "YAML"):
            raise bad_request("Invalid outputType specified. Valid values are JSON, YAML")
        name = request.get("StageName")
        if name:
            _, stage = self._stage(tx, scope, request)
            snapshot = store.load_snapshot(tx, api.id, stage.get("DeploymentId") or "")
            if snapshot is None:
                raise not_found(f"Unable to find Deployment for Stage {name}")
            api = snapshot
        extensions = request.get("IncludeExtensions") is not False
        address, yaml = endpoint(api.id, api.region, self._base_url), request["OutputType"] == "YAML"
        return lambda: {"body": written(openapi.write(api, address, name, extensions), yaml)}

    # ── tags ──

    def tag_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add tags to an API, a stage or a domain name."""
        refuse(request.get("Tags"), request, bad_request)
        self._tag(tx, scope, request, lambda tags: tags.update(request.get("Tags") or {}))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove tags."""
        refuse(request.get("TagKeys"), request, bad_request)

        def remove(tags: dict[str, str]) -> None:
            for key in request.get("TagKeys") or []:
                tags.pop(key, None)

        self._tag(tx, scope, request, remove)
        return {}

    def get_tags(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The tags of an API, a stage or a domain name."""
        return {"Tags": self._tag(tx, scope, request, None)}

    def _tag(
        self, tx: Transaction, scope: Scope, request: Request, change: Callable[[dict[str, str]], Any] | None
    ) -> dict[str, str]:
        parts = request["ResourceArn"].partition("::")[2].strip("/").split("/")
        if not request["ResourceArn"].startswith("arn:") or len(parts) not in (2, 4):
            raise bad_request("Invalid ARN specified in the request")
        if parts[0] == "domainnames" and len(parts) == 2:
            domain = domain_store.load(tx, scope, parts[1])
            if domain is None:
                raise not_found("Invalid domain name identifier specified")
            if change is not None:
                change(domain["tags"])
                domain_store.keep(tx, scope, domain)
            return domain["tags"]
        if parts[0] == "vpclinks" and len(parts) == 2:
            link = store.load_vpc_link(tx, scope, parts[1])
            if link is None:
                raise not_found(f"Unable to find VpcLink by ID {parts[1]}")
            if change is not None:
                change(link["Tags"])
                store.put_vpc_link(tx, scope, link)
            return link["Tags"]
        if parts[0] != "apis" or (len(parts) == 4 and parts[2] != "stages"):
            raise bad_request("Invalid ARN specified in the request")
        if len(parts) == 4:
            api, stage = self._stage(tx, scope, {"ApiId": parts[1], "StageName": parts[3]})
            if change is not None:
                change(stage["Tags"])
                store.put_stage(tx, api.id, stage)
            return stage["Tags"]
        api = self._api(tx, scope, {"ApiId": parts[1]})
        if change is not None:
            change(api.settings["Tags"])
            store.save_api(tx, api)
        return api.settings["Tags"]

    def _shown(self, api: Api) -> dict[str, Any]:
        url = endpoint(api.id, api.region, self._base_url, api.is_websocket)
        return {"ApiEndpoint": url, "ApiId": api.id, **api.settings}


def checked_cors(cors: Document) -> Document:
    """A CORS configuration as it is kept. Raises AWS's 400 (texts unverified)."""
    kept = {name: value for name, value in cors.items() if value is not None and value != []}
    if kept.get("AllowCredentials") and "*" in kept.get("AllowOrigins", []):
        raise bad_request("allow-origins cannot be * when allow-credentials is true")
    for origin in kept.get("AllowOrigins", []):
        if origin != "*" and "://" not in origin:
            raise bad_request(f"Invalid format for origin {origin}")
    return kept
