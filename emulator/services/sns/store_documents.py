"""Where SNS keeps what is only described: mobile applications, phone numbers, policies, ended subscriptions.

One table, because nothing here asks for more than a document by its name and the names in order. Decides nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS sns_document (
  account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL,
  created_at REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (account, region, kind, parent, name)
);
CREATE INDEX IF NOT EXISTS sns_document_age ON sns_document (kind, created_at);
"""

_COLUMNS = "name, created_at, body"
_WHERE = "account = ? AND region = ? AND kind = ? AND parent = ?"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of documents; `parent` is what they belong to, as endpoints to their application."""

    name: str
    parent: str = ""

    def of(self, scope: Scope) -> tuple[str, str, str, str]:
        """The key of all documents of this kind."""
        return scope.account, scope.region, self.name, self.parent


APPLICATION = Kind("application")
CANCELLED = Kind("cancelled")
"""Subscriptions that their endpoint has ended, by the token that restores them."""
DATA_PROTECTION = Kind("data-protection")
OPTED_OUT = Kind("opted-out")
SANDBOX_NUMBER = Kind("sandbox-number")
TEXT_SETTINGS = Kind("text-settings")


def endpoints_of(application: str) -> Kind:
    """The endpoints of an application, by its `PLATFORM/name`; each by its id."""
    return Kind("endpoint", application)


def tokens_of(application: str) -> Kind:
    """Which endpoint of an application a device's token belongs to."""
    return Kind("endpoint-token", application)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is kept."""

    name: str
    created_at: float
    body: dict[str, Any]


def put(tx: Transaction, scope: Scope, kind: Kind, name: str, body: dict[str, Any]) -> None:
    """Keep a document; one of the same name is replaced and stays as old as it is."""
    tx.execute(
        "INSERT INTO sns_document (account, region, kind, parent, name, created_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, region, kind, parent, name) DO UPDATE SET body = excluded.body",
        (*kind.of(scope), name, tx.now, json.dumps(body, separators=(",", ":"))),
    )


def get(tx: Transaction, scope: Scope, kind: Kind, name: str) -> Document | None:
    """A document by its name."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM sns_document WHERE {_WHERE} AND name = ?", (*kind.of(scope), name)
    ).fetchone()
    return _document(row) if row else None


def delete(tx: Transaction, scope: Scope, kind: Kind, name: str) -> bool:
    """Forget a document; False if there was none."""
    return tx.execute(f"DELETE FROM sns_document WHERE {_WHERE} AND name = ?", (*kind.of(scope), name)).rowcount > 0


def delete_all(tx: Transaction, scope: Scope, kind: Kind) -> None:
    """Forget every document of a kind and parent."""
    tx.execute(f"DELETE FROM sns_document WHERE {_WHERE}", kind.of(scope))


def delete_older(tx: Transaction, kind: Kind, than: float) -> None:
    """Forget documents of a kind, of all accounts, that were made before a time."""
    tx.execute("DELETE FROM sns_document WHERE kind = ? AND created_at < ?", (kind.name, than))


def page(tx: Transaction, scope: Scope, kind: Kind, after: str, limit: int) -> list[Document]:
    """Documents by name, those after `after`."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM sns_document WHERE {_WHERE} AND name > ? ORDER BY name LIMIT ?",
        (*kind.of(scope), after, limit),
    ).fetchall()
    return [_document(row) for row in rows]


def _document(row: tuple[Any, ...]) -> Document:
    return Document(row[0], row[1], json.loads(row[2]))
