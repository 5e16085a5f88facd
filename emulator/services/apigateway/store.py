"""Where APIs, deployments and stages are kept: named SQL, rows to model and back."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import Api

SCHEMA = """
CREATE TABLE IF NOT EXISTS apigateway_api (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS apigateway_api_owner ON apigateway_api (account, region, sequence);
CREATE TABLE IF NOT EXISTS apigateway_deployment (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  api_id TEXT NOT NULL,
  id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  document TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  PRIMARY KEY (api_id, id)
);
CREATE TABLE IF NOT EXISTS apigateway_stage (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  api_id TEXT NOT NULL,
  name TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (api_id, name)
);
"""


def load_api(tx: Transaction, scope: Scope, api_id: str) -> Api | None:
    """An API of this account and region."""
    row = tx.execute(
        "SELECT document FROM apigateway_api WHERE id = ? AND account = ? AND region = ?",
        (api_id, scope.account, scope.region),
    ).fetchone()
    return Api.from_json(row[0]) if row else None


def insert_api(tx: Transaction, api: Api) -> None:
    """Keep a new API."""
    sequence = tx.execute("SELECT coalesce(max(sequence), 0) + 1 FROM apigateway_api").fetchone()[0]
    tx.execute(
        "INSERT INTO apigateway_api (id, account, region, sequence, document) VALUES (?, ?, ?, ?, ?)",
        (api.id, api.account, api.region, sequence, api.to_json()),
    )


def save_api(tx: Transaction, api: Api) -> None:
    """Keep an edited API."""
    tx.execute("UPDATE apigateway_api SET document = ? WHERE id = ?", (api.to_json(), api.id))


def count_apis(tx: Transaction, scope: Scope) -> int:
    """How many APIs an account and region have."""
    row = tx.execute(
        "SELECT count(*) FROM apigateway_api WHERE account = ? AND region = ?", (scope.account, scope.region)
    ).fetchone()
    return row[0]


def list_apis(tx: Transaction, scope: Scope, limit: int, offset: int) -> list[Api]:
    """APIs of an account and region, oldest first."""
    rows = tx.execute(
        "SELECT document FROM apigateway_api WHERE account = ? AND region = ? ORDER BY sequence LIMIT ? OFFSET ?",
        (scope.account, scope.region, limit, offset),
    ).fetchall()
    return [Api.from_json(row[0]) for row in rows]


def delete_api(tx: Transaction, api_id: str) -> None:
    """Delete an API with its deployments and stages."""
    tx.execute("DELETE FROM apigateway_api WHERE id = ?", (api_id,))
    tx.execute("DELETE FROM apigateway_deployment WHERE api_id = ?", (api_id,))
    tx.execute("DELETE FROM apigateway_stage WHERE api_id = ?", (api_id,))


def insert_deployment(tx: Transaction, scope: Scope, api_id: str, deployment: dict[str, Any], snapshot: str) -> None:
    """Keep a deployment with its immutable snapshot."""
    sequence = tx.execute("SELECT coalesce(max(sequence), 0) + 1 FROM apigateway_deployment").fetchone()[0]
    tx.execute(
        "INSERT INTO apigateway_deployment (account, region, api_id, id, sequence, document, snapshot)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, api_id, deployment["id"], sequence, json.dumps(deployment), snapshot),
    )


def load_deployment(tx: Transaction, api_id: str, deployment_id: str) -> dict[str, Any] | None:
    """A deployment without its snapshot."""
    row = tx.execute(
        "SELECT document FROM apigateway_deployment WHERE api_id = ? AND id = ?", (api_id, deployment_id)
    ).fetchone()
    return json.loads(row[0]) if row else None


def load_snapshot(tx: Transaction, api_id: str, deployment_id: str) -> Api | None:
    """What a deployment froze."""
    row = tx.execute(
        "SELECT snapshot FROM apigateway_deployment WHERE api_id = ? AND id = ?", (api_id, deployment_id)
    ).fetchone()
    return Api.from_json(row[0]) if row else None


def save_deployment(tx: Transaction, api_id: str, deployment: dict[str, Any]) -> None:
    """Keep a deployment's changed description."""
    tx.execute(
        "UPDATE apigateway_deployment SET document = ? WHERE api_id = ? AND id = ?",
        (json.dumps(deployment), api_id, deployment["id"]),
    )


def list_deployments(tx: Transaction, api_id: str) -> list[dict[str, Any]]:
    """Deployments of an API, newest first."""
    rows = tx.execute(
        "SELECT document FROM apigateway_deployment WHERE api_id = ? ORDER BY sequence DESC", (api_id,)
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def delete_deployment(tx: Transaction, api_id: str, deployment_id: str) -> None:
    """Delete a deployment."""
    tx.execute("DELETE FROM apigateway_deployment WHERE api_id = ? AND id = ?", (api_id, deployment_id))


def put_stage(tx: Transaction, scope: Scope, api_id: str, stage: dict[str, Any]) -> None:
    """Keep a new or changed stage."""
    tx.execute(
        "INSERT INTO apigateway_stage (account, region, api_id, name, deployment_id, document)"
        " VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (api_id, name)"
        " DO UPDATE SET deployment_id = excluded.deployment_id, document = excluded.document",
        (scope.account, scope.region, api_id, stage["stageName"], stage["deploymentId"], json.dumps(stage)),
    )


def load_stage(tx: Transaction, api_id: str, name: str) -> dict[str, Any] | None:
    """A stage."""
    row = stage_row(tx, api_id, name)
    return json.loads(row[1]) if row else None


def stage_row(tx: Transaction, api_id: str, name: str) -> tuple[str, str] | None:
    """(deployment id, document text) of a stage: what the data plane compares on every request."""
    return tx.execute(
        "SELECT deployment_id, document FROM apigateway_stage WHERE api_id = ? AND name = ?", (api_id, name)
    ).fetchone()


def list_stages(tx: Transaction, api_id: str) -> list[dict[str, Any]]:
    """Stages of an API by name."""
    rows = tx.execute("SELECT document FROM apigateway_stage WHERE api_id = ? ORDER BY name", (api_id,)).fetchall()
    return [json.loads(row[0]) for row in rows]


def delete_stage(tx: Transaction, api_id: str, name: str) -> None:
    """Delete a stage."""
    tx.execute("DELETE FROM apigateway_stage WHERE api_id = ? AND name = ?", (api_id, name))
