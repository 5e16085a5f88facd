"""Where it is kept that a function or version is still being created or updated.

Named SQL only. A row is a change under way, told apart by its token; no row means that the last one is complete.
"""

from __future__ import annotations

import json

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.model import Function

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_transition (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  state TEXT NOT NULL, token TEXT NOT NULL, code_sha256 TEXT NOT NULL, previous TEXT,
  PRIMARY KEY (account, region, name, version)
);
"""

_THIS = "account = ? AND region = ? AND name = ? AND version = ?"


def _key(scope: Scope, name: str, version: str) -> tuple[str, str, str, str]:
    return scope.account, scope.region, name, version


def begin(tx: Transaction, function: Function, state: str, token: str, previous: Function | None) -> None:
    """Note that a change of `function` is under way; invocations still run `previous`, if there is one."""
    kept = None
    if previous is not None:
        kept = json.dumps(
            [previous.configuration, previous.code_size, previous.last_modified, previous.source_directory]
        )
    sha256 = function.code_sha256 if previous is None else previous.code_sha256
    tx.execute(
        "INSERT OR REPLACE INTO lambda_transition (account, region, name, version, state, token, code_sha256, "
        "previous) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*_key(function.scope, function.name, function.version), state, token, sha256, kept),
    )


def end(tx: Transaction, scope: Scope, name: str, version: str, token: str) -> bool:
    """The change is complete; False if that is another change's business by now."""
    cursor = tx.execute(
        f"DELETE FROM lambda_transition WHERE {_THIS} AND token = ?", (*_key(scope, name, version), token)
    )
    return cursor.rowcount > 0


def find_state(tx: Transaction, scope: Scope, name: str, version: str) -> str:
    """`Pending` or `InProgress`; empty if no change is under way."""
    row = tx.execute(f"SELECT state FROM lambda_transition WHERE {_THIS}", _key(scope, name, version)).fetchone()
    return str(row[0]) if row else ""


def find_running(tx: Transaction, function: Function) -> Function:
    """What invocations of `function` run: itself, or what it was before the update that is under way."""
    row = tx.execute(
        f"SELECT code_sha256, previous FROM lambda_transition WHERE {_THIS} AND previous IS NOT NULL",
        _key(function.scope, function.name, function.version),
    ).fetchone()
    if row is None:
        return function
    configuration, code_size, last_modified, folder = json.loads(row[1])
    return function.changed(
        configuration=configuration,
        code_sha256=row[0],
        code_size=code_size,
        last_modified=last_modified,
        source_directory=folder,
    )


def delete_states(tx: Transaction, scope: Scope, name: str, version: str | None = None) -> None:
    """Forget the changes of a function that is deleted, or of one version of it."""
    tx.execute(
        "DELETE FROM lambda_transition WHERE account = ? AND region = ? AND name = ? AND version = "
        "coalesce(?, version)",
        (scope.account, scope.region, name, version),
    )
