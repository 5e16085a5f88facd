"""Connections: who is let in where, for HTTP tasks of Step Functions.

A connection is authorized with the commit that creates it: a token of `OAUTH_CLIENT_CREDENTIALS` is asked for by
whoever uses it. Texts of errors are unverified, except those of the service model's constraints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.events import connection as kept
from emulator.services.events.connection import AUTHORIZED, DEAUTHORIZED, PARAMETERS_OF, Connection
from emulator.services.events.model import invalid, not_found
from emulator.services.events.operations.paging import page

MOST_CONNECTIONS = 3_000


class ConnectionOperations:
    """EventBridge's operations on connections."""

    def create_connection(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keep credentials under a name."""
        _refuse_private(request, "CreateConnection")
        name, authorization, parameters = request["Name"], request["AuthorizationType"], request["AuthParameters"]
        _check_parameters(authorization, parameters)
        if kept.find_connection(tx, scope, name) is not None:
            raise AwsError("ResourceAlreadyExistsException", f"Connection {name} already exists.")
        if len(kept.list_connections(tx, scope)) >= MOST_CONNECTIONS:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        made = Connection(
            scope, name, tx.new_id(), authorization, _with_flags(parameters), AUTHORIZED, tx.now, tx.now, tx.now,
            request.get("Description"), request.get("KmsKeyIdentifier"),
        )  # fmt: skip
        kept.put_connection(tx, made)
        return _changed(made, with_authorized=False)

    def update_connection(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a connection; what is not given stays."""
        _refuse_private(request, "UpdateConnection")
        found = _found(tx, scope, request["Name"])
        authorization = request.get("AuthorizationType", found.authorization)
        given = request.get("AuthParameters") or {}
        parameters = dict(found.parameters) if authorization == found.authorization else {}
        for member, value in given.items():
            before = parameters.get(member)
            parameters[member] = {**before, **value} if isinstance(before, Mapping) else value
        _check_parameters(authorization, parameters)
        changed = replace(
            found,
            authorization=authorization,
            parameters=_with_flags(parameters),
            state=AUTHORIZED,
            modified_at=tx.now,
            authorized_at=tx.now,
            description=request.get("Description", found.description),
            kms_key=request.get("KmsKeyIdentifier", found.kms_key),
        )
        kept.put_connection(tx, changed)
        return _changed(changed)

    def describe_connection(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A connection without its secrets."""
        found = _found(tx, scope, request["Name"])
        shown: dict[str, Any] = {"ConnectionArn": found.arn, "Name": found.name}
        if found.description is not None:
            shown["Description"] = found.description
        shown |= {
            "ConnectionState": found.state,
            "AuthorizationType": found.authorization,
            "SecretArn": found.secret_arn,
        }
        if found.kms_key:
            shown["KmsKeyIdentifier"] = found.kms_key
        return shown | {"AuthParameters": kept.shown_parameters(found.parameters), **_times(found)}

    def delete_connection(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a connection and its secret at once."""
        found = _found(tx, scope, request["Name"])
        kept.delete_connection(tx, found)
        return {**_changed(found), "ConnectionState": "DELETING"}

    def deauthorize_connection(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Forget the secrets; the connection is of no use until it is updated."""
        found = _found(tx, scope, request["Name"])
        bare = replace(
            found, state=DEAUTHORIZED, parameters=kept.shown_parameters(found.parameters), modified_at=tx.now
        )
        kept.put_connection(tx, bare)
        return {**_changed(bare), "ConnectionState": "DEAUTHORIZING"}

    def list_connections(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Connections by name."""
        prefix, state = request.get("NamePrefix") or "", request.get("ConnectionState")
        found = {
            each.name: each
            for each in kept.list_connections(tx, scope)
            if each.name.startswith(prefix) and state in (None, each.state)
        }
        names, token = page(request, sorted(found))
        shown = [
            {
                "ConnectionArn": found[name].arn,
                "Name": name,
                "ConnectionState": found[name].state,
                "AuthorizationType": found[name].authorization,
                **_times(found[name]),
            }
            for name in names
        ]
        return {"Connections": shown, **token}

    def credentials(self, tx: Transaction, arn: str) -> Connection | None:
        """A connection with its secrets, for a service here that sends in its name; None if it is of no use."""
        return kept.authorized(tx, arn)


def _found(tx: Transaction, scope: Scope, name: str) -> Connection:
    found = kept.find_connection(tx, scope, name)
    if found is None:
        raise not_found(f"Connection '{name}' does not exist.")
    return found


def _changed(connection: Connection, with_authorized: bool = True) -> dict[str, Any]:
    shown = {"ConnectionArn": connection.arn, "ConnectionState": connection.state, **_times(connection)}
    if not with_authorized:
        shown.pop("LastAuthorizedTime", None)
    return shown


def _times(connection: Connection) -> dict[str, Any]:
    times = {"CreationTime": connection.created_at, "LastModifiedTime": connection.modified_at}
    return times if connection.authorized_at is None else {**times, "LastAuthorizedTime": connection.authorized_at}


def _refuse_private(request: Mapping[str, Any], operation: str) -> None:
    if request.get("InvocationConnectivityParameters"):
        raise NotEmulated("events", operation, "private APIs (InvocationConnectivityParameters)")
    if (request.get("AuthParameters") or {}).get("ConnectivityParameters"):
        raise NotEmulated("events", operation, "private APIs (ConnectivityParameters)")


def _check_parameters(authorization: str, parameters: Mapping[str, Any]) -> None:
    """Raise ValidationException unless exactly the parameters of the authorization type are there."""
    wanted = PARAMETERS_OF[authorization]
    others = [member for member in PARAMETERS_OF.values() if member in parameters and member != wanted]
    if wanted not in parameters or others:
        raise invalid(f"Parameter AuthParameters is not valid. Reason: {wanted} is required for {authorization}.")
    own: Mapping[str, Any] = parameters[wanted]
    client: Mapping[str, Any] = own.get("ClientParameters") or {}
    secret = {"BASIC": own.get("Password"), "API_KEY": own.get("ApiKeyValue")}.get(
        authorization, client.get("ClientSecret")
    )
    if not secret:
        raise invalid(f"Parameter AuthParameters is not valid. Reason: {wanted} is not complete.")


def _with_flags(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`IsValueSecret` is false where it was not given, and is shown."""

    def flagged(value: Any) -> Any:
        if isinstance(value, list):
            return [flagged(item) for item in value]
        if not isinstance(value, dict):
            return value
        plain = {key: flagged(item) for key, item in value.items()}
        return {"IsValueSecret": False, **plain} if "Key" in plain else plain

    return flagged(dict(parameters))
