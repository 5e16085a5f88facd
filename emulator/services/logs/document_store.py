"""Where what is kept and only shown is: resource policies and saved queries, as JSON by name. Decides nothing."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS log_document (
  account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, region, kind, name)
) WITHOUT ROWID;
"""
POLICY, QUERY = "policy", "query"
_WHICH = "account = ? AND region = ? AND kind = ?"


def put(tx: Transaction, scope: Scope, kind: str, name: str, document: dict[str, Any]) -> None:
    """Keep a document as it is now."""
    row = (scope.account, scope.region, kind, name, json.dumps(document))
    tx.execute("INSERT OR REPLACE INTO log_document VALUES (?, ?, ?, ?, ?)", row)


def get(tx: Transaction, scope: Scope, kind: str, name: str) -> dict[str, Any] | None:
    """A document by name."""
    asked = f"SELECT document FROM log_document WHERE {_WHICH} AND name = ?"
    row = tx.execute(asked, (scope.account, scope.region, kind, name)).fetchone()
    return json.loads(row[0]) if row else None


def every(tx: Transaction, scope: Scope, kind: str) -> list[dict[str, Any]]:
    """All documents of a kind by name."""
    asked = f"SELECT document FROM log_document WHERE {_WHICH} ORDER BY name"
    return [json.loads(row[0]) for row in tx.execute(asked, (scope.account, scope.region, kind)).fetchall()]


def delete(tx: Transaction, scope: Scope, kind: str, name: str) -> None:
    """Forget a document."""
    tx.execute(f"DELETE FROM log_document WHERE {_WHICH} AND name = ?", (scope.account, scope.region, kind, name))
