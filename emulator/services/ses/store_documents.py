"""Where SES keeps what users name and describe: templates, configuration sets, receipt rules, contacts, and the like.

One table for all of them, because nothing here asks for more than a document by its name and the names in order.
Decides nothing; what a document says is up to the files of its kind.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS ses_document (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  kind TEXT NOT NULL,
  parent TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at REAL NOT NULL,
  updated_at REAL NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (account, region, kind, parent, name)
);
CREATE INDEX IF NOT EXISTS ses_document_age ON ses_document (created_at) WHERE kind = 'received';
"""

_COLUMNS = "name, created_at, updated_at, body"
_WHERE = "account = ? AND region = ? AND kind = ? AND parent = ?"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of documents in one account and region; `parent` is what they belong to, as contacts to their list."""

    name: str
    parent: str = ""

    def of(self, scope: Scope) -> tuple[str, str, str, str]:
        """The key of all documents of this kind."""
        return scope.account, scope.region, self.name, self.parent


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is kept."""

    name: str
    created_at: float
    updated_at: float
    body: dict[str, Any]


def put(tx: Transaction, scope: Scope, kind: Kind, name: str, body: dict[str, Any]) -> None:
    """Keep a document; one of the same name is replaced and stays as old as it is."""
    tx.execute(
        "INSERT INTO ses_document (account, region, kind, parent, name, created_at, updated_at, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, kind, parent, name)"
        " DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        (*kind.of(scope), name, tx.now, tx.now, json.dumps(body, separators=(",", ":"))),
    )


def get(tx: Transaction, scope: Scope, kind: Kind, name: str) -> Document | None:
    """A document by its name."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM ses_document WHERE {_WHERE} AND name = ?", (*kind.of(scope), name)
    ).fetchone()
    return _document(row) if row else None


def delete(tx: Transaction, scope: Scope, kind: Kind, name: str) -> bool:
    """Forget a document; False if there was none."""
    cursor = tx.execute(f"DELETE FROM ses_document WHERE {_WHERE} AND name = ?", (*kind.of(scope), name))
    return cursor.rowcount > 0


def delete_all(tx: Transaction, scope: Scope, kind: Kind) -> None:
    """Forget every document of a kind (and parent)."""
    tx.execute(f"DELETE FROM ses_document WHERE {_WHERE}", kind.of(scope))


def delete_older(tx: Transaction, kind: Kind, than: float) -> None:
    """Forget documents of a kind, of all accounts, that were made before a time."""
    tx.execute("DELETE FROM ses_document WHERE kind = ? AND created_at < ?", (kind.name, than))


def forget_messages(tx: Transaction, identifier: str | None) -> None:
    """Forget where the links of one message, or of all, lead."""
    where, parameters = ("", ()) if identifier is None else (" AND name = ?", (identifier,))
    tx.execute(f"DELETE FROM ses_document WHERE kind = 'tracked'{where}", parameters)


def page(tx: Transaction, scope: Scope, kind: Kind, after: str = "", limit: int = 100_000) -> list[Document]:
    """Documents by name, those after `after`."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM ses_document WHERE {_WHERE} AND name > ? ORDER BY name LIMIT ?",
        (*kind.of(scope), after, limit),
    ).fetchall()
    return [_document(row) for row in rows]


def count(tx: Transaction, scope: Scope, kind: Kind) -> int:
    """How many there are."""
    return tx.execute(f"SELECT count(*) FROM ses_document WHERE {_WHERE}", kind.of(scope)).fetchone()[0]


def anywhere(tx: Transaction, kind: Kind) -> bool:
    """Whether any account has a document of a kind."""
    return tx.execute("SELECT 1 FROM ses_document WHERE kind = ? LIMIT 1", (kind.name,)).fetchone() is not None


def _document(row: tuple[Any, ...]) -> Document:
    return Document(row[0], row[1], row[2], json.loads(row[3]))
