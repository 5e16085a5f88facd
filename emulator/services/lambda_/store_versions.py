"""Where published versions, aliases, resource policies and provisioned concurrency are kept.

Named SQL only: rows to model and back. Everything here belongs to a function and goes with it (`delete_all`), except
for the counter: AWS never reuses a version number, "even for a function that has been deleted and recreated".
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.model import Alias, Function, Policy, ProvisionedConcurrency
from emulator.services.lambda_.rules.names import LATEST

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_version (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL,
  configuration TEXT NOT NULL, code_sha256 TEXT NOT NULL, code_size INTEGER NOT NULL, revision_id TEXT NOT NULL,
  last_modified REAL NOT NULL, source_directory TEXT, published_from TEXT NOT NULL,
  PRIMARY KEY (account, region, name, number)
);
CREATE TABLE IF NOT EXISTS lambda_version_counter (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS lambda_alias (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL,
  version TEXT NOT NULL, description TEXT NOT NULL, revision_id TEXT NOT NULL, weights TEXT NOT NULL,
  PRIMARY KEY (account, region, name, alias)
);
CREATE TABLE IF NOT EXISTS lambda_policy (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
  statements TEXT NOT NULL,
  PRIMARY KEY (account, region, name, qualifier)
);
CREATE TABLE IF NOT EXISTS lambda_provisioned_concurrency (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
  requested INTEGER NOT NULL, last_modified REAL NOT NULL,
  status TEXT NOT NULL, allocated INTEGER NOT NULL, reason TEXT,
  PRIMARY KEY (account, region, name, qualifier)
);
"""

_HERE = "account = ? AND region = ? AND name = ?"
_VERSION = (
    "name, number, configuration, code_sha256, code_size, revision_id, last_modified, source_directory, published_from"
)
_WITH_STATE = (
    f"{_VERSION}, (SELECT state FROM lambda_transition AS t WHERE t.account = v.account AND t.region = v.region "
    "AND t.name = v.name AND t.version = CAST(v.number AS TEXT))"
)
_PROVISIONED = "qualifier, requested, last_modified, status, allocated, reason"
_ALIAS = "name, alias, version, description, revision_id, weights"


def delete_all(tx: Transaction, scope: Scope, name: str) -> None:
    """Delete what belongs to a function beside the function itself; the counter stays."""
    for table in ("lambda_version", "lambda_alias", "lambda_policy", "lambda_provisioned_concurrency"):
        tx.execute(f"DELETE FROM {table} WHERE {_HERE}", (scope.account, scope.region, name))


# ── versions ────────────────────────────────────────────────────────────────────────────────────


def next_number(tx: Transaction, scope: Scope, name: str) -> int:
    """The number of the version that is being published."""
    row = tx.execute(
        "INSERT INTO lambda_version_counter (account, region, name, last) VALUES (?, ?, ?, 1) "
        "ON CONFLICT (account, region, name) DO UPDATE SET last = last + 1 RETURNING last",
        (scope.account, scope.region, name),
    ).fetchone()
    return int(row[0])


def find_version(tx: Transaction, scope: Scope, name: str, version: str) -> Function | None:
    """A published version."""
    if not is_number(version):
        return None
    row = tx.execute(
        f"SELECT {_WITH_STATE} FROM lambda_version AS v WHERE {_HERE} AND number = ?",
        (scope.account, scope.region, name, int(version)),
    ).fetchone()
    return _version(scope, row) if row else None


def last_version(tx: Transaction, scope: Scope, name: str) -> Function | None:
    """The published version with the highest number."""
    row = tx.execute(
        f"SELECT {_WITH_STATE} FROM lambda_version AS v WHERE {_HERE} ORDER BY number DESC LIMIT 1",
        (scope.account, scope.region, name),
    ).fetchone()
    return _version(scope, row) if row else None


def list_versions(tx: Transaction, scope: Scope, name: str, after: int = 0, limit: int = -1) -> list[Function]:
    """Published versions by number, from the first beyond `after`."""
    rows = tx.execute(
        f"SELECT {_VERSION} FROM lambda_version WHERE {_HERE} AND number > ? ORDER BY number LIMIT ?",
        (scope.account, scope.region, name, after, limit),
    ).fetchall()
    return [_version(scope, row) for row in rows]


def save_version(tx: Transaction, version: Function) -> None:
    """Insert a published version."""
    assert version.version != LATEST, "$LATEST is the function's own row"
    tx.execute(
        f"INSERT INTO lambda_version (account, region, {_VERSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            version.scope.account,
            version.scope.region,
            version.name,
            int(version.version),
            json.dumps(version.configuration),
            version.code_sha256,
            version.code_size,
            version.revision_id,
            version.last_modified,
            version.source_directory,
            version.published_from,
        ),
    )


def change_revision(tx: Transaction, version: Function, revision_id: str) -> None:
    """Give a published version another revision: the one thing about it that changes, with its policy."""
    tx.execute(
        f"UPDATE lambda_version SET revision_id = ? WHERE {_HERE} AND number = ?",
        (revision_id, version.scope.account, version.scope.region, version.name, int(version.version)),
    )


def delete_version(tx: Transaction, scope: Scope, name: str, version: str) -> None:
    """Delete a published version with its policy, event invoke config and provisioned concurrency."""
    where = (scope.account, scope.region, name)
    tx.execute(f"DELETE FROM lambda_version WHERE {_HERE} AND number = ?", (*where, int(version)))
    _delete_qualified(tx, scope, name, version)


def code_bytes(tx: Transaction, scope: Scope) -> int:
    """Code bytes of all published versions."""
    row = tx.execute(
        "SELECT sum(code_size) FROM lambda_version WHERE account = ? AND region = ?", (scope.account, scope.region)
    ).fetchone()
    return int(row[0] or 0)


def is_number(qualifier: str) -> bool:
    """Whether a qualifier is a version number that can exist."""
    return qualifier.isascii() and qualifier.isdecimal() and len(qualifier) <= 18


# ── aliases ─────────────────────────────────────────────────────────────────────────────────────


def find_alias(tx: Transaction, scope: Scope, name: str, alias: str) -> Alias | None:
    """An alias of a function."""
    row = tx.execute(
        f"SELECT {_ALIAS} FROM lambda_alias WHERE {_HERE} AND alias = ?", (scope.account, scope.region, name, alias)
    ).fetchone()
    return _alias(scope, row) if row else None


def list_aliases(tx: Transaction, scope: Scope, name: str, after: str = "", limit: int = -1) -> list[Alias]:
    """Aliases by name, from the first beyond `after`."""
    rows = tx.execute(
        f"SELECT {_ALIAS} FROM lambda_alias WHERE {_HERE} AND alias > ? ORDER BY alias LIMIT ?",
        (scope.account, scope.region, name, after, limit),
    ).fetchall()
    return [_alias(scope, row) for row in rows]


def save_alias(tx: Transaction, alias: Alias) -> None:
    """Insert or replace an alias."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_alias (account, region, {_ALIAS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            alias.scope.account,
            alias.scope.region,
            alias.function,
            alias.name,
            alias.version,
            alias.description,
            alias.revision_id,
            json.dumps(alias.weights),
        ),
    )


def delete_alias(tx: Transaction, scope: Scope, name: str, alias: str) -> bool:
    """Delete an alias with its policy, event invoke config and provisioned concurrency; False if there is none."""
    where = (scope.account, scope.region, name, alias)
    cursor = tx.execute(f"DELETE FROM lambda_alias WHERE {_HERE} AND alias = ?", where)
    _delete_qualified(tx, scope, name, alias)
    return cursor.rowcount > 0


# ── policies ────────────────────────────────────────────────────────────────────────────────────


def find_policy(tx: Transaction, scope: Scope, name: str, qualifier: str | None) -> Policy:
    """The resource policy of a function (no qualifier), version or alias; without statements if there is none."""
    row = tx.execute(
        f"SELECT statements FROM lambda_policy WHERE {_HERE} AND qualifier = ?",
        (scope.account, scope.region, name, qualifier or ""),
    ).fetchone()
    if row is None:
        return Policy()
    kept = json.loads(row[0])
    return Policy(kept) if isinstance(kept, list) else Policy(kept["statements"], kept["head"])


def save_policy(tx: Transaction, scope: Scope, name: str, qualifier: str | None, policy: Policy) -> None:
    """Insert or replace a policy; one without statements is deleted."""
    where = (scope.account, scope.region, name, qualifier or "")
    if not policy.statements:
        tx.execute(f"DELETE FROM lambda_policy WHERE {_HERE} AND qualifier = ?", where)
        return
    tx.execute(
        "INSERT OR REPLACE INTO lambda_policy (account, region, name, qualifier, statements) VALUES (?, ?, ?, ?, ?)",
        (*where, json.dumps({"statements": policy.statements, "head": policy.head})),
    )


# ── provisioned concurrency ─────────────────────────────────────────────────────────────────────


def find_provisioned(tx: Transaction, scope: Scope, name: str, qualifier: str) -> ProvisionedConcurrency | None:
    """The config of a version or alias."""
    row = tx.execute(
        f"SELECT {_PROVISIONED} FROM lambda_provisioned_concurrency WHERE {_HERE} AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    ).fetchone()
    return ProvisionedConcurrency(*row) if row else None


def list_provisioned(
    tx: Transaction, scope: Scope, name: str, after: str = "", limit: int = -1
) -> list[ProvisionedConcurrency]:
    """All configs of a function, by qualifier."""
    rows = tx.execute(
        f"SELECT {_PROVISIONED} FROM lambda_provisioned_concurrency WHERE {_HERE} "
        "AND qualifier > ? ORDER BY qualifier LIMIT ?",
        (scope.account, scope.region, name, after, limit),
    ).fetchall()
    return [ProvisionedConcurrency(*row) for row in rows]


def save_provisioned(tx: Transaction, scope: Scope, name: str, config: ProvisionedConcurrency) -> None:
    """Insert or replace a config."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_provisioned_concurrency (account, region, name, {_PROVISIONED}) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            scope.account,
            scope.region,
            name,
            config.qualifier,
            config.requested,
            config.last_modified,
            config.status,
            config.allocated,
            config.reason,
        ),
    )


def everything_provisioned(tx: Transaction) -> list[tuple[Scope, str, str]]:
    """(scope, function, qualifier) of all configs there are."""
    rows = tx.execute("SELECT account, region, name, qualifier FROM lambda_provisioned_concurrency").fetchall()
    return [(Scope(row[0], row[1]), row[2], row[3]) for row in rows]


def delete_provisioned(tx: Transaction, scope: Scope, name: str, qualifier: str) -> None:
    """Delete a config, if there is one."""
    tx.execute(
        f"DELETE FROM lambda_provisioned_concurrency WHERE {_HERE} AND qualifier = ?",
        (scope.account, scope.region, name, qualifier),
    )


def provisioned_of_function(tx: Transaction, scope: Scope, name: str, other_than: str = "") -> int:
    """Provisioned concurrency of all qualifiers of a function but one."""
    row = tx.execute(
        f"SELECT sum(requested) FROM lambda_provisioned_concurrency WHERE {_HERE} AND qualifier <> ?",
        (scope.account, scope.region, name, other_than),
    ).fetchone()
    return int(row[0] or 0)


def allocated_to_function(tx: Transaction, scope: Scope, name: str) -> int:
    """Provisioned concurrency that is ready, of all qualifiers of a function."""
    row = tx.execute(
        f"SELECT sum(allocated) FROM lambda_provisioned_concurrency WHERE {_HERE}", (scope.account, scope.region, name)
    ).fetchone()
    return int(row[0] or 0)


def provisioned_outside_reserved(tx: Transaction, scope: Scope, other_than: str = "") -> int:
    """Provisioned concurrency of all functions but one that reserve none: it is taken from the shared pool too."""
    row = tx.execute(
        "SELECT sum(p.requested) FROM lambda_provisioned_concurrency p JOIN lambda_function f "
        "ON f.account = p.account AND f.region = p.region AND f.name = p.name "
        "WHERE p.account = ? AND p.region = ? AND f.reserved_concurrency IS NULL AND f.name <> ?",
        (scope.account, scope.region, other_than),
    ).fetchone()
    return int(row[0] or 0)


def _delete_qualified(tx: Transaction, scope: Scope, name: str, qualifier: str) -> None:
    for table in ("lambda_policy", "lambda_provisioned_concurrency", "lambda_event_invoke_config"):
        tx.execute(
            f"DELETE FROM {table} WHERE {_HERE} AND qualifier = ?", (scope.account, scope.region, name, qualifier)
        )


def _version(scope: Scope, row: tuple[Any, ...]) -> Function:
    return Function(
        scope,
        row[0],
        json.loads(row[2]),
        row[3],
        row[4],
        row[5],
        row[6],
        version=str(row[1]),
        source_directory=row[7],
        published_from=row[8],
        transition=(row[9] or "") if len(row) > 9 else "",
    )


def _alias(scope: Scope, row: tuple[Any, ...]) -> Alias:
    return Alias(scope, row[0], row[1], row[2], row[3], row[4], json.loads(row[5]))
