"""What API destinations are, where they are kept, and how they are shown: values and named SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS events_api_destination (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  id TEXT NOT NULL, connection_arn TEXT NOT NULL, endpoint TEXT NOT NULL, method TEXT NOT NULL,
  rate_limit INTEGER NOT NULL, created_at REAL NOT NULL, modified_at REAL NOT NULL, description TEXT,
  next_at REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (account, region, name)
);
"""
_COLUMNS = (
    "account, region, name, id, connection_arn, endpoint, method, rate_limit, created_at, modified_at, description"
)
DEFAULT_RATE_LIMIT = 300
BURST_SECONDS = 1.0
"""So much of the rate may come at once: the limit is one per second, not a distance between requests."""


@dataclass(frozen=True, slots=True)
class ApiDestination:
    """An HTTP endpoint that a rule or a pipe may call."""

    scope: Scope
    name: str
    id: str
    connection_arn: str
    endpoint: str
    """A URL; each `*` in its path is filled with a path parameter of the target."""
    method: str
    rate_limit: int
    """Requests per second."""
    created_at: float
    modified_at: float
    description: str | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.scope.region}:{self.scope.account}:api-destination/{self.name}/{self.id}"

    def shown(self, state: str) -> dict[str, Any]:
        """As ListApiDestinations shows it."""
        return {
            "ApiDestinationArn": self.arn,
            "Name": self.name,
            "ApiDestinationState": state,
            "ConnectionArn": self.connection_arn,
            "InvocationEndpoint": self.endpoint,
            "HttpMethod": self.method,
            "InvocationRateLimitPerSecond": self.rate_limit,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at,
        }


def put_destination(tx: Transaction, made: ApiDestination) -> None:
    """Insert or replace an API destination."""
    scope = made.scope
    tx.execute(
        f"INSERT OR REPLACE INTO events_api_destination ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            scope.account,
            scope.region,
            made.name,
            made.id,
            made.connection_arn,
            made.endpoint,
            made.method,
            made.rate_limit,
            made.created_at,
            made.modified_at,
            made.description,
        ),
    )


def find_destination(tx: Transaction, scope: Scope, name: str) -> ApiDestination | None:
    """The API destination of that name."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM events_api_destination WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _destination(row) if row else None


def destination_by_arn(tx: Transaction, arn: str) -> ApiDestination | None:
    """The API destination that an ARN names, which carries its id."""
    parts = arn.split(":", 5)
    kind, _, path = parts[5].partition("/") if len(parts) == 6 else ("", "", "")
    if kind != "api-destination":
        return None
    found = find_destination(tx, Scope(parts[4], parts[3]), path.partition("/")[0])
    return found if found is not None and found.arn == arn else None


def list_destinations(tx: Transaction, scope: Scope) -> list[ApiDestination]:
    """All API destinations by name."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM events_api_destination WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    ).fetchall()
    return [_destination(row) for row in rows]


def delete_destination(tx: Transaction, found: ApiDestination) -> None:
    """Delete an API destination."""
    tx.execute(
        "DELETE FROM events_api_destination WHERE account = ? AND region = ? AND name = ?",
        (found.scope.account, found.scope.region, found.name),
    )


def take_turn(tx: Transaction, found: ApiDestination) -> float:
    """When the next request may be sent, no more than the rate allows; the one after it is later accordingly."""
    key = (found.scope.account, found.scope.region, found.name)
    row = tx.execute(
        "SELECT next_at FROM events_api_destination WHERE account = ? AND region = ? AND name = ?", key
    ).fetchone()
    following = max(row[0], tx.now - BURST_SECONDS) + BURST_SECONDS / found.rate_limit
    tx.execute(
        "UPDATE events_api_destination SET next_at = ? WHERE account = ? AND region = ? AND name = ?",
        (following, *key),
    )
    return max(tx.now, following)


def _destination(row: tuple[Any, ...]) -> ApiDestination:
    return ApiDestination(Scope(row[0], row[1]), *row[2:])
