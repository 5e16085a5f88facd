"""Where code signing configs are kept, and small settings of functions that nothing else here needs to read.

Named SQL only. A setting is a text under the function's name, a qualifier and the setting's own name.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.code_signing import CodeSigningConfig

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_function_setting (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
  setting TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (account, region, name, qualifier, setting)
);
CREATE TABLE IF NOT EXISTS lambda_code_signing_config (
  account TEXT NOT NULL, region TEXT NOT NULL, config_id TEXT NOT NULL, description TEXT NOT NULL,
  publishers TEXT NOT NULL, policy TEXT NOT NULL, tags TEXT NOT NULL, modified REAL NOT NULL,
  PRIMARY KEY (account, region, config_id)
);
"""

CODE_SIGNING = "code-signing"
"""The ARN of a function's code signing config, under no qualifier."""
RUNTIME_MANAGEMENT = "runtime-management"

_CONFIG = "account, region, config_id, description, publishers, policy, tags, modified"


# ── settings of functions ───────────────────────────────────────────────────────────────────────


def find_setting(tx: Transaction, scope: Scope, name: str, qualifier: str, setting: str) -> str | None:
    """A setting's text, None if it was never set."""
    row = tx.execute(
        "SELECT value FROM lambda_function_setting "
        "WHERE account = ? AND region = ? AND name = ? AND qualifier = ? AND setting = ?",
        (scope.account, scope.region, name, qualifier, setting),
    ).fetchone()
    return None if row is None else str(row[0])


def save_setting(tx: Transaction, scope: Scope, name: str, qualifier: str, setting: str, value: str) -> None:
    """Insert or replace a setting."""
    tx.execute(
        "INSERT OR REPLACE INTO lambda_function_setting (account, region, name, qualifier, setting, value) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, name, qualifier, setting, value),
    )


def delete_setting(tx: Transaction, scope: Scope, name: str, qualifier: str, setting: str) -> None:
    """Back to the default."""
    tx.execute(
        "DELETE FROM lambda_function_setting "
        "WHERE account = ? AND region = ? AND name = ? AND qualifier = ? AND setting = ?",
        (scope.account, scope.region, name, qualifier, setting),
    )


def delete_settings(tx: Transaction, scope: Scope, name: str, qualifier: str | None = None) -> None:
    """Everything about a function that is deleted, or about one version of it."""
    tx.execute(
        "DELETE FROM lambda_function_setting WHERE account = ? AND region = ? AND name = ? AND qualifier = "
        "coalesce(?, qualifier)",
        (scope.account, scope.region, name, qualifier),
    )


def list_functions_with(
    tx: Transaction, scope: Scope, setting: str, value: str, after: str = "", limit: int = -1
) -> list[str]:
    """Names of functions with exactly this text in a setting, in order, from the first beyond `after`."""
    rows = tx.execute(
        "SELECT name FROM lambda_function_setting WHERE account = ? AND region = ? AND setting = ? AND value = ? "
        "AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, setting, value, after, limit),
    ).fetchall()
    return [row[0] for row in rows]


# ── code signing configs ────────────────────────────────────────────────────────────────────────


def find_config(tx: Transaction, scope: Scope, config_id: str) -> CodeSigningConfig | None:
    """A code signing config."""
    row = tx.execute(
        f"SELECT {_CONFIG} FROM lambda_code_signing_config WHERE account = ? AND region = ? AND config_id = ?",
        (scope.account, scope.region, config_id),
    ).fetchone()
    return _code_signing_config(row) if row else None


def list_configs(tx: Transaction, scope: Scope, after: str = "", limit: int = -1) -> list[CodeSigningConfig]:
    """Code signing configs by id, from the first beyond `after`."""
    rows = tx.execute(
        f"SELECT {_CONFIG} FROM lambda_code_signing_config WHERE account = ? AND region = ? AND config_id > ? "
        "ORDER BY config_id LIMIT ?",
        (scope.account, scope.region, after, limit),
    ).fetchall()
    return [_code_signing_config(row) for row in rows]


def save_config(tx: Transaction, config: CodeSigningConfig) -> None:
    """Insert or replace a config."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_code_signing_config ({_CONFIG}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            config.scope.account,
            config.scope.region,
            config.config_id,
            config.description,
            json.dumps(config.publishers),
            config.policy,
            json.dumps(config.tags),
            config.modified,
        ),
    )


def delete_config(tx: Transaction, scope: Scope, config_id: str) -> None:
    """Delete a config."""
    tx.execute(
        "DELETE FROM lambda_code_signing_config WHERE account = ? AND region = ? AND config_id = ?",
        (scope.account, scope.region, config_id),
    )


def _code_signing_config(row: tuple[Any, ...]) -> CodeSigningConfig:
    return CodeSigningConfig(
        Scope(row[0], row[1]), row[2], row[3], json.loads(row[4]), row[5], json.loads(row[6]), row[7]
    )
