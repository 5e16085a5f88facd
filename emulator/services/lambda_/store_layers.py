"""Where layer versions and their archives are kept. Named SQL only: rows to values and back."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.layers import LayerName, LayerVersion, parse_version_arn

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_layer_version (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
  sha256 TEXT NOT NULL, size INTEGER NOT NULL, unzipped_size INTEGER NOT NULL, created REAL NOT NULL,
  settings TEXT NOT NULL, policy TEXT NOT NULL, policy_revision TEXT NOT NULL, deleted INTEGER NOT NULL,
  PRIMARY KEY (account, region, name, version)
);
CREATE INDEX IF NOT EXISTS lambda_layer_version_content ON lambda_layer_version (account, region, sha256);
CREATE TABLE IF NOT EXISTS lambda_layer_content (
  account TEXT NOT NULL, region TEXT NOT NULL, sha256 TEXT NOT NULL, package BLOB NOT NULL,
  PRIMARY KEY (account, region, sha256)
);
"""

_VERSION = (
    "account, region, name, version, sha256, size, unzipped_size, created, settings, policy, policy_revision, deleted"
)
_HAS_CONTENT = "v.account = c.account AND v.region = c.region AND v.sha256 = c.sha256"


def find_layer_version(tx: Transaction, arn: str) -> LayerVersion | None:
    """The layer version an ARN names, deleted ones too: functions that have one keep it."""
    parsed = parse_version_arn(arn)
    return find_version(tx, *parsed) if parsed is not None else None


def find_version(tx: Transaction, layer: LayerName, version: int) -> LayerVersion | None:
    """One version of a layer, deleted or not."""
    row = tx.execute(
        f"SELECT {_VERSION} FROM lambda_layer_version WHERE account = ? AND region = ? AND name = ? AND version = ?",
        (layer.scope.account, layer.scope.region, layer.name, min(version, 2**63 - 1)),
    ).fetchone()
    return _layer_version(row) if row else None


def latest_number(tx: Transaction, layer: LayerName) -> int:
    """The highest number ever given to a version of a layer; 0 if there was none."""
    row = tx.execute(
        "SELECT max(version) FROM lambda_layer_version WHERE account = ? AND region = ? AND name = ?",
        (layer.scope.account, layer.scope.region, layer.name),
    ).fetchone()
    return int(row[0] or 0)


def list_versions(tx: Transaction, layer: LayerName, below: int | None = None) -> list[LayerVersion]:
    """Versions that are not deleted, newest first, from the first below a number."""
    rows = tx.execute(
        f"SELECT {_VERSION} FROM lambda_layer_version WHERE account = ? AND region = ? AND name = ? "
        "AND version < ? AND deleted = 0 ORDER BY version DESC",
        (layer.scope.account, layer.scope.region, layer.name, 2**63 - 1 if below is None else below),
    ).fetchall()
    return [_layer_version(row) for row in rows]


def list_names(tx: Transaction, scope: Scope, after: str = "") -> list[str]:
    """Names of layers with a version that is not deleted, in order, from the first beyond `after`."""
    rows = tx.execute(
        "SELECT DISTINCT name FROM lambda_layer_version WHERE account = ? AND region = ? AND name > ? AND deleted = 0 "
        "ORDER BY name",
        (scope.account, scope.region, after),
    ).fetchall()
    return [row[0] for row in rows]


def save_version(tx: Transaction, layer: LayerVersion) -> None:
    """Insert or replace a version."""
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_layer_version ({_VERSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            layer.layer.scope.account,
            layer.layer.scope.region,
            layer.layer.name,
            layer.version,
            layer.sha256,
            layer.size,
            layer.unzipped_size,
            layer.created,
            json.dumps(layer.settings),
            json.dumps(layer.policy),
            layer.policy_revision,
            int(layer.deleted),
        ),
    )


def save_content(tx: Transaction, scope: Scope, sha256: str, package: bytes) -> None:
    """Keep an archive, once however many versions have it."""
    tx.execute(
        "INSERT OR IGNORE INTO lambda_layer_content (account, region, sha256, package) VALUES (?, ?, ?, ?)",
        (scope.account, scope.region, sha256, package),
    )


def load_content(tx: Transaction, scope: Scope, sha256: str) -> bytes | None:
    """The bytes of an archive."""
    row = tx.execute(
        "SELECT package FROM lambda_layer_content WHERE account = ? AND region = ? AND sha256 = ?",
        (scope.account, scope.region, sha256),
    ).fetchone()
    return bytes(row[0]) if row else None


def drop_unused_content(tx: Transaction) -> None:
    """Delete archives that only deleted versions have and no function of any account uses."""
    idle = tx.execute(
        "SELECT c.account, c.region, c.sha256 FROM lambda_layer_content c WHERE NOT EXISTS (SELECT 1 "
        f"FROM lambda_layer_version v WHERE {_HAS_CONTENT} AND v.deleted = 0)"
    ).fetchall()
    if not idle:
        return
    used = {
        arn
        for table, layers in (
            ("lambda_function", "configuration, '$.Layers'"),
            ("lambda_version", "configuration, '$.Layers'"),
            ("lambda_transition", "previous, '$[0].Layers'"),
        )
        for (arn,) in tx.execute(
            f"SELECT DISTINCT json_extract(layer.value, '$.Arn') FROM {table}, json_each({table}.{layers}) layer"
        ).fetchall()
    }
    for where in idle:
        rows = tx.execute(
            f"SELECT {_VERSION} FROM lambda_layer_version WHERE account = ? AND region = ? AND sha256 = ?", where
        ).fetchall()
        if not any(_layer_version(row).arn in used for row in rows):
            tx.execute("DELETE FROM lambda_layer_content WHERE account = ? AND region = ? AND sha256 = ?", where)


def total_size(tx: Transaction, scope: Scope) -> int:
    """Bytes of all versions that are not deleted: they count as the account's code [R:test_account_settings_total]."""
    row = tx.execute(
        "SELECT sum(size) FROM lambda_layer_version WHERE account = ? AND region = ? AND deleted = 0",
        (scope.account, scope.region),
    ).fetchone()
    return int(row[0] or 0)


def _layer_version(row: tuple[Any, ...]) -> LayerVersion:
    return LayerVersion(
        LayerName(Scope(row[0], row[1]), row[2]),
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        json.loads(row[8]),
        json.loads(row[9]),
        row[10],
        bool(row[11]),
    )
