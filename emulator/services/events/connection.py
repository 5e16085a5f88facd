"""What connections are, and where they are kept: values, named SQL, and how they are shown.

A connection's secret is kept with it (on AWS: in a secret of Secrets Manager, whose ARN is shown) and is never shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS events_connection (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  id TEXT NOT NULL, authorization TEXT NOT NULL, parameters TEXT NOT NULL, state TEXT NOT NULL,
  created_at REAL NOT NULL, modified_at REAL NOT NULL, authorized_at REAL, description TEXT, kms_key TEXT,
  PRIMARY KEY (account, region, name)
);
"""
_COLUMNS = (
    "account, region, name, id, authorization, parameters, state, created_at, modified_at, authorized_at, description,"
    " kms_key"
)
AUTHORIZED, DEAUTHORIZED = "AUTHORIZED", "DEAUTHORIZED"
"""States of a connection."""
PARAMETERS_OF = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    "OAUTH_CLIENT_CREDENTIALS": "OAuthParameters",
}
"""The member of `AuthParameters` that belongs to an authorization type."""
_SECRETS = frozenset({"Password", "ApiKeyValue", "ClientSecret"})


@dataclass(frozen=True, slots=True)
class Connection:
    """How to be let in to an HTTP endpoint."""

    scope: Scope
    name: str
    id: str
    authorization: str
    """`BASIC`, `API_KEY` or `OAUTH_CLIENT_CREDENTIALS`."""
    parameters: Mapping[str, Any]
    """`AuthParameters` as given, secrets included."""
    state: str
    created_at: float
    modified_at: float
    authorized_at: float | None = None
    description: str | None = None
    kms_key: str | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.scope.region}:{self.scope.account}:connection/{self.name}/{self.id}"

    @property
    def secret_arn(self) -> str:
        where = f"arn:aws:secretsmanager:{self.scope.region}:{self.scope.account}"
        return f"{where}:secret:events!connection/{self.name}/{self.id}-{self.id.replace('-', '')[:6]}"


def shown_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`AuthParameters` without what is secret."""

    def shown(value: Any) -> Any:
        if isinstance(value, list):
            return [shown(item) for item in value]
        if not isinstance(value, dict):
            return value
        hidden = _SECRETS | ({"Value"} if value.get("IsValueSecret") else set())
        return {key: shown(item) for key, item in value.items() if key not in hidden}

    return shown(dict(parameters))


def put_connection(tx: Transaction, connection: Connection) -> None:
    """Insert or replace a connection."""
    tx.execute(
        f"INSERT OR REPLACE INTO events_connection ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            connection.scope.account,
            connection.scope.region,
            connection.name,
            connection.id,
            connection.authorization,
            json.dumps(dict(connection.parameters)),
            connection.state,
            connection.created_at,
            connection.modified_at,
            connection.authorized_at,
            connection.description,
            connection.kms_key,
        ),
    )


def find_connection(tx: Transaction, scope: Scope, name: str) -> Connection | None:
    """The connection of that name."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM events_connection WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _connection(row) if row else None


def connection_by_arn(tx: Transaction, arn: str) -> Connection | None:
    """The connection that an ARN names, which carries its id."""
    parts = arn.split(":", 5)
    kind, _, path = parts[5].partition("/") if len(parts) == 6 else ("", "", "")
    if kind != "connection":
        return None
    found = find_connection(tx, Scope(parts[4], parts[3]), path.partition("/")[0])
    return found if found is not None and found.arn == arn else None


def authorized(tx: Transaction, arn: str) -> Connection | None:
    """A connection with its secrets; None if it is of no use."""
    found = connection_by_arn(tx, arn)
    return found if found is not None and found.state == AUTHORIZED else None


def list_connections(tx: Transaction, scope: Scope) -> list[Connection]:
    """All connections by name."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM events_connection WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    ).fetchall()
    return [_connection(row) for row in rows]


def delete_connection(tx: Transaction, connection: Connection) -> None:
    """Forget a connection and its secret."""
    tx.execute(
        "DELETE FROM events_connection WHERE account = ? AND region = ? AND name = ?",
        (connection.scope.account, connection.scope.region, connection.name),
    )


def _connection(row: tuple[Any, ...]) -> Connection:
    return Connection(Scope(row[0], row[1]), row[2], row[3], row[4], json.loads(row[5]), *row[6:])
