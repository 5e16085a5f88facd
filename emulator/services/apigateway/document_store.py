"""Where everything of the control plane is kept that is one small document with an owner: named SQL.

A document has a kind, a parent (an API, a domain name, or nothing) and an id within it. Which kinds there are is
for the operations to say.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS apigateway_document (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  kind TEXT NOT NULL,
  parent TEXT NOT NULL,
  id TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (account, region, kind, parent, id)
);
CREATE INDEX IF NOT EXISTS apigateway_document_kind ON apigateway_document (kind, id);
"""


class Place(NamedTuple):
    """Where documents of a kind are."""

    kind: str
    parent: str = ""


def put(tx: Transaction, scope: Scope, place: Place, name: str, document: dict[str, Any]) -> None:
    """Keep a new or changed document."""
    tx.execute(
        "INSERT INTO apigateway_document (account, region, kind, parent, id, document) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, region, kind, parent, id) DO UPDATE SET document = excluded.document",
        (scope.account, scope.region, *place, name, json.dumps(document)),
    )


def load(tx: Transaction, scope: Scope, place: Place, name: str) -> dict[str, Any] | None:
    """One document."""
    row = tx.execute(
        "SELECT document FROM apigateway_document"
        " WHERE account = ? AND region = ? AND kind = ? AND parent = ? AND id = ?",
        (scope.account, scope.region, *place, name),
    ).fetchone()
    return json.loads(row[0]) if row else None


def listed(tx: Transaction, scope: Scope, place: Place) -> list[dict[str, Any]]:
    """All documents at a place, oldest first."""
    rows = tx.execute(
        "SELECT document FROM apigateway_document WHERE account = ? AND region = ? AND kind = ? AND parent = ?"
        " ORDER BY sequence",
        (scope.account, scope.region, *place),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def anywhere(tx: Transaction, kind: str, name: str) -> list[tuple[Scope, dict[str, Any]]]:
    """Documents of a kind by id, whosever they are, oldest first."""
    rows = tx.execute(
        "SELECT account, region, document FROM apigateway_document WHERE kind = ? AND id = ? ORDER BY sequence",
        (kind, name),
    ).fetchall()
    return [(Scope(row[0], row[1]), json.loads(row[2])) for row in rows]


def delete(tx: Transaction, scope: Scope, place: Place, name: str) -> None:
    """Delete one document."""
    tx.execute(
        "DELETE FROM apigateway_document WHERE account = ? AND region = ? AND kind = ? AND parent = ? AND id = ?",
        (scope.account, scope.region, *place, name),
    )


def clear(tx: Transaction, scope: Scope, place: Place) -> None:
    """Delete every document at a place."""
    tx.execute(
        "DELETE FROM apigateway_document WHERE account = ? AND region = ? AND kind = ? AND parent = ?",
        (scope.account, scope.region, *place),
    )
