"""Where function URLs are kept. Named SQL only: rows to values and back."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.urls import FunctionUrl

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_function_url (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
  url_id TEXT NOT NULL UNIQUE, auth_type TEXT NOT NULL, invoke_mode TEXT NOT NULL, cors TEXT,
  created REAL NOT NULL, modified REAL NOT NULL,
  PRIMARY KEY (account, region, name, qualifier)
);
"""

_URL = "account, region, name, qualifier, url_id, auth_type, invoke_mode, cors, created, modified"


def find_url(tx: Transaction, scope: Scope, name: str, qualifier: str) -> FunctionUrl | None:
    """The URL of a function and qualifier."""
    row = tx.execute(
        f"SELECT {_URL} FROM lambda_function_url WHERE account = ? AND region = ? AND name = ? AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    ).fetchone()
    return _function_url(row) if row else None


def find_url_by_id(tx: Transaction, url_id: str) -> FunctionUrl | None:
    """The URL that a request names."""
    row = tx.execute(f"SELECT {_URL} FROM lambda_function_url WHERE url_id = ?", (url_id,)).fetchone()
    return _function_url(row) if row else None


def list_urls(tx: Transaction, scope: Scope, name: str, after: str = "", limit: int = -1) -> list[FunctionUrl]:
    """URLs of a function by qualifier, from the first beyond `after`."""
    rows = tx.execute(
        f"SELECT {_URL} FROM lambda_function_url WHERE account = ? AND region = ? AND name = ? AND qualifier > ? "
        "ORDER BY qualifier LIMIT ?",
        (scope.account, scope.region, name, after, limit),
    ).fetchall()
    return [_function_url(row) for row in rows]


def save_url(tx: Transaction, url: FunctionUrl) -> None:
    """Insert or replace a URL."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_function_url ({_URL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            url.scope.account,
            url.scope.region,
            url.name,
            url.qualifier,
            url.url_id,
            url.auth_type,
            url.invoke_mode,
            None if url.cors is None else json.dumps(url.cors),
            url.created,
            url.modified,
        ),
    )


def delete_url(tx: Transaction, scope: Scope, name: str, qualifier: str) -> bool:
    """Delete a URL; False if there is none."""
    cursor = tx.execute(
        "DELETE FROM lambda_function_url WHERE account = ? AND region = ? AND name = ? AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    )
    return cursor.rowcount > 0


def delete_urls(tx: Transaction, scope: Scope, name: str) -> None:
    """Delete the URLs of a function that is deleted."""
    tx.execute(
        "DELETE FROM lambda_function_url WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )


def _function_url(row: tuple[Any, ...]) -> FunctionUrl:
    cors = None if row[7] is None else json.loads(row[7])
    return FunctionUrl(Scope(row[0], row[1]), row[2], row[3], row[4], row[5], row[6], cors, row[8], row[9])
