"""Where functions, their packages, event invoke configs and the record of invocations are kept.

Named SQL only: rows to model and back. Decides nothing.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.events import EventInvokeConfig, InvocationRecord
from emulator.services.lambda_.model import Function

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_function (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  configuration TEXT NOT NULL, code_sha256 TEXT NOT NULL, code_size INTEGER NOT NULL,
  revision_id TEXT NOT NULL, last_modified REAL NOT NULL, reserved_concurrency INTEGER,
  tags TEXT NOT NULL, source_directory TEXT, recursive_loop TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS lambda_code (
  account TEXT NOT NULL, region TEXT NOT NULL, sha256 TEXT NOT NULL, package BLOB NOT NULL,
  PRIMARY KEY (account, region, sha256)
);
CREATE TABLE IF NOT EXISTS lambda_event_invoke_config (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
  last_modified REAL NOT NULL, maximum_retry_attempts INTEGER, maximum_event_age_seconds INTEGER,
  on_success TEXT, on_failure TEXT,
  PRIMARY KEY (account, region, name, qualifier)
);
CREATE TABLE IF NOT EXISTS lambda_invocation (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL, region TEXT NOT NULL, request_id TEXT NOT NULL, attempt INTEGER NOT NULL,
  function_arn TEXT NOT NULL, invocation_type TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL NOT NULL,
  outcome TEXT NOT NULL, error_type TEXT, detail TEXT
);
"""

_FUNCTION = (
    "name, configuration, code_sha256, code_size, revision_id, last_modified, reserved_concurrency, "
    "tags, source_directory, recursive_loop"
)
_WITH_STATE = (
    f"{_FUNCTION}, (SELECT state FROM lambda_transition AS t WHERE t.account = f.account AND t.region = f.region "
    "AND t.name = f.name AND t.version = '$LATEST')"
)
_CONFIG = "name, qualifier, last_modified, maximum_retry_attempts, maximum_event_age_seconds, on_success, on_failure"


# ── functions ───────────────────────────────────────────────────────────────────────────────────


def find_function(tx: Transaction, scope: Scope, name: str) -> Function | None:
    """The function called `name`, if there is one."""
    row = tx.execute(
        f"SELECT {_WITH_STATE} FROM lambda_function AS f WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _function(scope, row) if row else None


def list_functions(tx: Transaction, scope: Scope, after: str = "", limit: int = -1) -> list[Function]:
    """Functions by name, from the first beyond `after`."""
    rows = tx.execute(
        f"SELECT {_FUNCTION} FROM lambda_function WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, after, limit),
    ).fetchall()
    return [_function(scope, row) for row in rows]


def save_function(tx: Transaction, function: Function) -> None:
    """Insert or replace a function."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_function (account, region, {_FUNCTION}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            function.scope.account,
            function.scope.region,
            function.name,
            json.dumps(function.configuration),
            function.code_sha256,
            function.code_size,
            function.revision_id,
            function.last_modified,
            function.reserved_concurrency,
            json.dumps(function.tags),
            function.source_directory,
            function.recursive_loop,
        ),
    )


def delete_function(tx: Transaction, scope: Scope, name: str) -> bool:
    """Delete a function and its event invoke configs; False if there is none. Versions: `store_versions`."""
    where = (scope.account, scope.region, name)
    tx.execute("DELETE FROM lambda_event_invoke_config WHERE account = ? AND region = ? AND name = ?", where)
    cursor = tx.execute("DELETE FROM lambda_function WHERE account = ? AND region = ? AND name = ?", where)
    return cursor.rowcount > 0


def reserved_in_total(tx: Transaction, scope: Scope, other_than: str = "") -> int:
    """Reserved concurrency of all functions but one."""
    row = tx.execute(
        "SELECT sum(reserved_concurrency) FROM lambda_function WHERE account = ? AND region = ? AND name <> ?",
        (scope.account, scope.region, other_than),
    ).fetchone()
    return int(row[0] or 0)


def usage(tx: Transaction, scope: Scope) -> tuple[int, int]:
    """(number of functions, code bytes of their `$LATEST`)."""
    row = tx.execute(
        "SELECT count(*), sum(code_size) FROM lambda_function WHERE account = ? AND region = ?",
        (scope.account, scope.region),
    ).fetchone()
    return int(row[0]), int(row[1] or 0)


# ── packages ────────────────────────────────────────────────────────────────────────────────────


def save_package(tx: Transaction, scope: Scope, sha256: str, package: bytes) -> None:
    """Keep a deployment package, once however many functions use it."""
    tx.execute(
        "INSERT OR IGNORE INTO lambda_code (account, region, sha256, package) VALUES (?, ?, ?, ?)",
        (scope.account, scope.region, sha256, package),
    )


def load_package(tx: Transaction, scope: Scope, sha256: str) -> bytes | None:
    """The bytes of a package."""
    row = tx.execute(
        "SELECT package FROM lambda_code WHERE account = ? AND region = ? AND sha256 = ?",
        (scope.account, scope.region, sha256),
    ).fetchone()
    return bytes(row[0]) if row else None


def drop_unused_packages(tx: Transaction, scope: Scope) -> None:
    """Delete packages that no function and no version of the scope uses, nor ran before an update under way."""
    where = (scope.account, scope.region)
    tx.execute(
        "DELETE FROM lambda_code WHERE account = ? AND region = ? "
        "AND sha256 NOT IN (SELECT code_sha256 FROM lambda_function WHERE account = ? AND region = ?) "
        "AND sha256 NOT IN (SELECT code_sha256 FROM lambda_version WHERE account = ? AND region = ?) "
        "AND sha256 NOT IN (SELECT code_sha256 FROM lambda_transition WHERE account = ? AND region = ?)",
        (*where, *where, *where, *where),
    )


# ── event invoke configs ────────────────────────────────────────────────────────────────────────


def find_event_config(tx: Transaction, scope: Scope, name: str, qualifier: str) -> EventInvokeConfig | None:
    """The config of one function and qualifier."""
    row = tx.execute(
        f"SELECT {_CONFIG} FROM lambda_event_invoke_config "
        "WHERE account = ? AND region = ? AND name = ? AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    ).fetchone()
    return EventInvokeConfig(*row) if row else None


def list_event_configs(
    tx: Transaction, scope: Scope, name: str, after: str = "", limit: int = -1
) -> list[EventInvokeConfig]:
    """All configs of a function, by qualifier."""
    rows = tx.execute(
        f"SELECT {_CONFIG} FROM lambda_event_invoke_config WHERE account = ? AND region = ? AND name = ? "
        "AND qualifier > ? ORDER BY qualifier LIMIT ?",
        (scope.account, scope.region, name, after, limit),
    ).fetchall()
    return [EventInvokeConfig(*row) for row in rows]


def save_event_config(tx: Transaction, scope: Scope, config: EventInvokeConfig) -> None:
    """Insert or replace a config."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_event_invoke_config (account, region, {_CONFIG}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            scope.account,
            scope.region,
            config.name,
            config.qualifier,
            config.last_modified,
            config.maximum_retry_attempts,
            config.maximum_event_age_seconds,
            config.on_success,
            config.on_failure,
        ),
    )


def delete_event_config(tx: Transaction, scope: Scope, name: str, qualifier: str) -> bool:
    """Delete a config; False if there is none."""
    cursor = tx.execute(
        "DELETE FROM lambda_event_invoke_config WHERE account = ? AND region = ? AND name = ? AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    )
    return cursor.rowcount > 0


# ── the record of invocations ───────────────────────────────────────────────────────────────────


MOST_RECORDS = 20_000
"""Attempts that the timeline keeps; throttled events alone would let it grow without end."""


def record_invocation(tx: Transaction, record: InvocationRecord) -> None:
    """Add one attempt to the timeline, and now and then forget the oldest."""
    cursor = tx.execute(
        "INSERT INTO lambda_invocation (account, region, request_id, attempt, function_arn, invocation_type, "
        "started_at, ended_at, outcome, error_type, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.scope.account,
            record.scope.region,
            record.request_id,
            record.attempt,
            record.function_arn,
            record.invocation_type,
            record.started_at,
            record.ended_at,
            record.outcome,
            record.error_type,
            record.detail,
        ),
    )
    if cursor.lastrowid is not None and cursor.lastrowid % 1000 == 0:
        tx.execute("DELETE FROM lambda_invocation WHERE id <= ?", (cursor.lastrowid - MOST_RECORDS,))


def list_invocations(
    tx: Transaction, scope: Scope | None, limit: int = 1000, request_id: str | None = None
) -> list[InvocationRecord]:
    """The latest recorded attempts, oldest first; of one scope or request if given."""
    condition, parameters = "", list[Any]()
    if scope is not None:
        condition, parameters = "AND account = ? AND region = ?", [scope.account, scope.region]
    if request_id is not None:
        condition, parameters = condition + " AND request_id = ?", [*parameters, request_id]
    rows = tx.execute(
        "SELECT account, region, request_id, attempt, function_arn, invocation_type, started_at, ended_at, outcome, "
        "error_type, detail "
        f"FROM lambda_invocation WHERE 1 = 1 {condition} ORDER BY id DESC LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    return [
        InvocationRecord(row[2], row[3], row[4], row[5], row[6], row[7], row[8], Scope(row[0], row[1]), row[9], row[10])
        for row in reversed(rows)
    ]


def _function(scope: Scope, row: tuple[Any, ...]) -> Function:
    return Function(
        scope,
        row[0],
        json.loads(row[1]),
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        json.loads(row[7]),
        source_directory=row[8],
        recursive_loop=row[9],
        transition=(row[10] or "") if len(row) > 10 else "",
    )
