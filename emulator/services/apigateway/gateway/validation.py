"""The method request: required parameters, body model (3.6). Pure."""

from __future__ import annotations

from emulator.services.apigateway.gateway import large_bodies, model_errors
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.routing import Snapshot

_LOGGED = "Request body does not match model schema for content type {}: {}"


def validate(exchange: Exchange, snapshot: Snapshot) -> None:
    """Raise the failure that ends this request here, if any. Parameters are checked before the body."""
    method, validator = exchange.route.method, exchange.route.validator
    if validator is None:
        return
    if validator["validateRequestParameters"]:
        missing = [
            parameter.split(".", 3)[3]
            for parameter, required in sorted((method.get("requestParameters") or {}).items())
            if required and not _present(exchange, parameter)
        ]
        if missing:
            raise Failure("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
    if validator["validateRequestBody"]:
        _validate_body(exchange, snapshot)


def _present(exchange: Exchange, parameter: str) -> bool:
    _, _, place, name = parameter.split(".", 3)
    if place.endswith("header"):
        return bool(exchange.header(name))
    if place.endswith("querystring"):
        return bool(exchange.single_query.get(name))
    return bool(exchange.path_parameters.get(name))


def _validate_body(exchange: Exchange, snapshot: Snapshot) -> None:
    models = exchange.route.method.get("requestModels") or {}
    by_type = {key.partition(";")[0].strip().lower(): name for key, name in models.items()}
    name = by_type.get(exchange.content_type) or models.get("$default")
    schema = snapshot.schema(name) if name else None
    if schema is None:
        return
    try:
        body = large_bodies.loads(exchange.body_text or "{}")
        if schema.is_valid(body):
            return
        wrong = model_errors.described(schema, body)
    except (ValueError, RecursionError):
        wrong = "[the body is no JSON]"  # ours
    raise Failure("BAD_REQUEST_BODY", validation=wrong, reason=_LOGGED.format(exchange.content_type, wrong))
