"""Operations on what methods refer to: request validators, models, gateway responses."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import expressions, store
from emulator.services.apigateway.model import (
    DEFAULT_GATEWAY_TEMPLATE,
    GATEWAY_RESPONSE_STATUS,
    Api,
    bad_request,
    conflict,
    is_model_name,
    is_status,
    not_found,
    schema_problem,
    short_id,
)
from emulator.services.apigateway.model_template import flattened, model_template
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import Keyed, Patchable, Scalar, apply, flag

VALIDATOR = Patchable(
    scalars={
        "/name": Scalar("name"),
        "/validateRequestParameters": Scalar("validateRequestParameters", flag),
        "/validateRequestBody": Scalar("validateRequestBody", flag),
    },
    strict=True,
)
MODEL = Patchable(scalars={"/description": Scalar("description"), "/schema": Scalar("schema")}, strict=True)

GATEWAY_RESPONSE = Patchable(
    scalars={"/statusCode": Scalar("statusCode")},
    keyed={"responseParameters": Keyed("responseParameters"), "responseTemplates": Keyed("responseTemplates")},
)


class Definitions(Loading):
    """Request validators, models, gateway responses."""

    # ── request validators ──

    def create_request_validator(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What to validate, under a name [R:test_request_validator_lifecycle]."""
        api = store.load_api(tx, scope, request["restApiId"])
        if api is None:
            raise bad_request("Invalid REST API identifier specified")
        validator: dict[str, Any] = {
            "id": short_id(tx.new_id(), 6),
            **given(request, "name"),
            "validateRequestBody": bool(request.get("validateRequestBody")),
            "validateRequestParameters": bool(request.get("validateRequestParameters")),
        }
        api.validators[validator["id"]] = validator
        store.save_api(tx, api)
        return validator

    def get_request_validator(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One validator."""
        return self._validator(tx, scope, request)[1]

    def get_request_validators(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All validators of an API."""
        return page(list(self._api(tx, scope, request["restApiId"]).validators.values()), request)

    def update_request_validator(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a validator by patch operations."""
        api, known = self._validator(tx, scope, request)
        validator = apply(known, request.get("patchOperations") or [], VALIDATOR)
        if not validator.get("name") and validator.get("name") != known.get("name"):  # one may have been made without
            raise bad_request("Request Validator name cannot be blank")
        api.validators[validator["id"]] = validator
        store.save_api(tx, api)
        return validator

    def delete_request_validator(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a validator that no method uses."""
        api, validator = self._validator(tx, scope, request)
        for resource in api.resources.values():
            for name, method in (resource.get("resourceMethods") or {}).items():
                if method.get("requestValidatorId") == validator["id"]:
                    raise conflict(
                        f"Cannot delete request validator '{validator['id']}', is referenced in method request: "
                        f"{resource['path']}/{name}"
                    )
        del api.validators[validator["id"]]
        store.save_api(tx, api)
        return {}

    def _validator(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> tuple[Api, dict[str, Any]]:
        api = store.load_api(tx, scope, request["restApiId"])
        validator = api.validators.get(request["requestValidatorId"]) if api else None
        if api is None or validator is None:
            raise not_found("Invalid Request Validator identifier specified")
        return api, validator

    # ── models ──

    def create_model(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A named JSON schema [R:test_model_lifecycle]."""
        api = self._api(tx, scope, request["restApiId"])
        name = request.get("name") or ""
        if not name:
            raise bad_request("Model name must be non-empty")
        if not is_model_name(name):
            raise bad_request("Model name must be alphanumeric: " + name)
        problem = schema_problem(request.get("schema"), request["contentType"])
        if problem:
            raise bad_request(problem)
        if name in api.models:
            raise conflict("Model name already exists for this REST API")
        model: dict[str, Any] = {
            "id": short_id(tx.new_id(), 6),
            **given(request, "name", "description", "schema", "contentType"),
        }
        api.models = {name: model, **api.models}
        store.save_api(tx, api)
        return model

    def get_model(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One model; with `flatten` its schema holds what it refers to."""
        api, model = self._model(tx, scope, request)
        if request.get("flatten"):
            model = {
                **model,
                "schema": flattened(model["schema"], {name: item["schema"] for name, item in api.models.items()}),
            }
        return model

    def get_models(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All models of an API."""
        return page(list(self._api(tx, scope, request["restApiId"]).models.values()), request)

    def update_model(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a model by patch operations."""
        api, model = self._model(tx, scope, request)
        model = apply(model, request.get("patchOperations") or [], MODEL)
        problem = schema_problem(model.get("schema"), model["contentType"])
        if problem:
            raise bad_request(problem)
        api.models[model["name"]] = model
        store.save_api(tx, api)
        return model

    def delete_model(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a model that nothing refers to [R:test_put_method_model]."""
        api, model = self._model(tx, scope, request)
        name = model["name"]
        for resource in reversed(api.resources.values()):  # of several methods AWS names the latest resource's
            for http_method, method in (resource.get("resourceMethods") or {}).items():
                if name in (method.get("requestModels") or {}).values():
                    where = f"{resource['path']}/{http_method}"
                    raise conflict(f"Cannot delete model '{name}', is referenced in method request: {where}")
        del api.models[name]
        store.save_api(tx, api)
        return {}

    def get_model_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A mapping template that makes a sample of what a model describes."""
        api, model = self._model(tx, scope, request)
        schemas = {name: item["schema"] for name, item in api.models.items()}
        return {"value": model_template(model["schema"], schemas)}

    def _model(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> tuple[Api, dict[str, Any]]:
        api = store.load_api(tx, scope, request["restApiId"])
        model = api.models.get(request["modelName"]) if api else None
        if api is None or model is None:
            raise not_found(f"Invalid model name specified: {request['modelName']}")
        return api, model

    # ── gateway responses ──

    def put_gateway_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Customise one kind of error answer [R:test_gateway_response_put]."""
        api = self._api(tx, scope, request["restApiId"])
        kind = request["responseType"]
        _check_parameters(request.get("responseParameters") or {})
        api.gateway_responses[kind] = given(request, "statusCode", "responseParameters", "responseTemplates")
        store.save_api(tx, api)
        return shown_gateway_response(api, kind)

    def update_gateway_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change one kind of error answer by patch operations [R:test_update_gateway_response]."""
        api = self._api(tx, scope, request["restApiId"])
        kind = request["responseType"]
        operations = request.get("patchOperations") or []
        for operation in operations:
            path = operation.get("path") or ""
            if path == "/statusCode" and operation.get("op") != "replace":
                raise bad_request("Invalid patch path /statusCode")
            for member in ("responseTemplates", "responseParameters"):
                if path.startswith(f"/{member}/") and operation.get("op") != "remove" and not operation.get("value"):
                    raise bad_request(f"Invalid null or empty value in {member}")
        changed = apply(api.gateway_responses.get(kind) or {}, operations, GATEWAY_RESPONSE)
        _check_parameters(changed.get("responseParameters") or {})
        if changed.get("statusCode") and not is_status(str(changed["statusCode"])):
            raise bad_request(f"Invalid status code: {changed['statusCode']}")  # the text is unverified
        api.gateway_responses[kind] = changed
        store.save_api(tx, api)
        return shown_gateway_response(api, kind)

    def get_gateway_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One kind of error answer, as it holds."""
        return shown_gateway_response(self._api(tx, scope, request["restApiId"]), request["responseType"])

    def get_gateway_responses(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All kinds of error answers, as they hold."""
        api = self._api(tx, scope, request["restApiId"])
        return page([shown_gateway_response(api, kind) for kind in GATEWAY_RESPONSE_STATUS], request)

    def delete_gateway_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Back to the default."""
        api = self._api(tx, scope, request["restApiId"])
        if api.gateway_responses.pop(request["responseType"], None) is None:
            raise not_found("Gateway response type not defined on api")
        store.save_api(tx, api)
        return {}


def shown_gateway_response(api: Api, kind: str) -> dict[str, Any]:
    """A gateway response with defaults, and with what DEFAULT_4XX and DEFAULT_5XX lend to it."""
    default = GATEWAY_RESPONSE_STATUS[kind]
    own = api.gateway_responses.get(kind)
    lent = api.gateway_responses.get(f"DEFAULT_{default[0]}XX") if default else None
    source = own if own is not None else (lent or {})
    status = source.get("statusCode") or default
    shown: dict[str, Any] = {
        "responseType": kind,
        "responseParameters": source.get("responseParameters") or {},
        "responseTemplates": source.get("responseTemplates") or {"application/json": DEFAULT_GATEWAY_TEMPLATE},
        "defaultResponse": own is None,
    }
    if status:
        shown["statusCode"] = status
    return shown


def _check_parameters(parameters: dict[str, str]) -> None:
    """Raise for a parameter of a gateway response that cannot be sent (that AWS says it so is unverified)."""
    for target in parameters:
        problem = expressions.gateway_response_problem(target)
        if problem:
            raise bad_request(problem)
