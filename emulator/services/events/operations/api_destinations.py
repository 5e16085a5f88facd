"""API destinations: HTTP endpoints as targets of rules and pipes. Texts of errors are unverified."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.events import api_destination as kept
from emulator.services.events import connection
from emulator.services.events.api_destination import DEFAULT_RATE_LIMIT, ApiDestination
from emulator.services.events.model import invalid, not_found
from emulator.services.events.operations.paging import page

MOST_DESTINATIONS = 3_000


class ApiDestinationOperations:
    """EventBridge's operations on API destinations."""

    def create_api_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Name an endpoint that rules may call."""
        name = request["Name"]
        if kept.find_destination(tx, scope, name) is not None:
            raise AwsError("ResourceAlreadyExistsException", f"An api-destination '{name}' already exists.")
        if len(kept.list_destinations(tx, scope)) >= MOST_DESTINATIONS:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        made = ApiDestination(
            scope,
            name,
            tx.new_id(),
            request["ConnectionArn"],
            request["InvocationEndpoint"],
            request["HttpMethod"],
            request.get("InvocationRateLimitPerSecond") or DEFAULT_RATE_LIMIT,
            tx.now,
            tx.now,
            request.get("Description"),
        )
        _check(tx, made)
        kept.put_destination(tx, made)
        return _changed(tx, made)

    def update_api_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change an API destination; what is not given stays."""
        found = _found(tx, scope, request["Name"])
        made = replace(
            found,
            connection_arn=request.get("ConnectionArn", found.connection_arn),
            endpoint=request.get("InvocationEndpoint", found.endpoint),
            method=request.get("HttpMethod", found.method),
            rate_limit=request.get("InvocationRateLimitPerSecond", found.rate_limit),
            description=request.get("Description", found.description),
            modified_at=tx.now,
        )
        _check(tx, made)
        kept.put_destination(tx, made)
        return _changed(tx, made)

    def describe_api_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """An API destination."""
        found = _found(tx, scope, request["Name"])
        shown = found.shown(_state(tx, found))
        return shown if found.description is None else {**shown, "Description": found.description}

    def delete_api_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete an API destination."""
        kept.delete_destination(tx, _found(tx, scope, request["Name"]))
        return {}

    def list_api_destinations(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """API destinations by name."""
        prefix, arn = request.get("NamePrefix") or "", request.get("ConnectionArn")
        found = {
            each.name: each
            for each in kept.list_destinations(tx, scope)
            if each.name.startswith(prefix) and arn in (None, each.connection_arn)
        }
        names, token = page(request, sorted(found))
        return {"ApiDestinations": [found[name].shown(_state(tx, found[name])) for name in names], **token}


def _found(tx: Transaction, scope: Scope, name: str) -> ApiDestination:
    found = kept.find_destination(tx, scope, name)
    if found is None:
        raise not_found(f"Failed to describe the api-destination(s). Reason: Api-destination '{name}' does not exist.")
    return found


def _changed(tx: Transaction, made: ApiDestination) -> dict[str, Any]:
    return {
        "ApiDestinationArn": made.arn,
        "ApiDestinationState": _state(tx, made),
        "CreationTime": made.created_at,
        "LastModifiedTime": made.modified_at,
    }


def _state(tx: Transaction, found: ApiDestination) -> str:
    """ACTIVE while its connection lets anybody in."""
    return "INACTIVE" if connection.authorized(tx, found.connection_arn) is None else "ACTIVE"


def _check(tx: Transaction, made: ApiDestination) -> None:
    """Raise ValidationException unless the endpoint can be called and the connection exists.

    On AWS endpoints are at https://; here http:// is taken too, since servers on this machine have no certificate.
    """
    try:
        parts = urlsplit(made.endpoint)
        good = (
            parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0 and "*" not in parts.netloc
        )
    except ValueError:
        good = False
    if not good:
        raise invalid("Parameter InvocationEndpoint is not valid.")
    if connection.connection_by_arn(tx, made.connection_arn) is None:
        raise not_found(f"Connection '{made.connection_arn}' does not exist.")
