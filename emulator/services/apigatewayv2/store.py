"""Where APIs, their stages and deployments, and VPC links are kept: named SQL, rows to values and back."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigatewayv2.model import Api

SCHEMA = """
CREATE TABLE IF NOT EXISTS apigatewayv2_api (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS apigatewayv2_api_owner ON apigatewayv2_api (account, region, sequence);
CREATE TABLE IF NOT EXISTS apigatewayv2_stage (
  api_id TEXT NOT NULL,
  name TEXT NOT NULL,
  deployment_id TEXT,
  document TEXT NOT NULL,
  PRIMARY KEY (api_id, name)
);
CREATE TABLE IF NOT EXISTS apigatewayv2_deployment (
  api_id TEXT NOT NULL,
  id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  document TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  PRIMARY KEY (api_id, id)
);
CREATE TABLE IF NOT EXISTS apigatewayv2_vpc_link (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  id TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (account, region, id)
);
"""


# ── APIs ──


def load_api(tx: Transaction, scope: Scope, api_id: str) -> Api | None:
    """An API of this account and region."""
    row = tx.execute(
        "SELECT document FROM apigatewayv2_api WHERE id = ? AND account = ? AND region = ?",
        (api_id, scope.account, scope.region),
    ).fetchone()
    return Api.from_json(row[0]) if row else None


def exists(tx: Transaction, api_id: str) -> bool:
    """Whether an id is that of an HTTP API, whosever it is."""
    return tx.execute("SELECT 1 FROM apigatewayv2_api WHERE id = ?", (api_id,)).fetchone() is not None


def is_websocket(tx: Transaction, api_id: str) -> bool:
    """Whether an id is that of a WebSocket API, whosever it is."""
    row = tx.execute("SELECT document FROM apigatewayv2_api WHERE id = ?", (api_id,)).fetchone()
    return row is not None and Api.from_json(row[0]).is_websocket


def insert_api(tx: Transaction, api: Api) -> None:
    """Keep a new API."""
    sequence = tx.execute("SELECT coalesce(max(sequence), 0) + 1 FROM apigatewayv2_api").fetchone()[0]
    tx.execute(
        "INSERT INTO apigatewayv2_api (id, account, region, sequence, document) VALUES (?, ?, ?, ?, ?)",
        (api.id, api.account, api.region, sequence, api.to_json()),
    )


def save_api(tx: Transaction, api: Api) -> None:
    """Keep an edited API."""
    tx.execute("UPDATE apigatewayv2_api SET document = ? WHERE id = ?", (api.to_json(), api.id))


def count_apis(tx: Transaction, scope: Scope) -> int:
    """How many APIs an account and region have."""
    row = tx.execute(
        "SELECT count(*) FROM apigatewayv2_api WHERE account = ? AND region = ?", (scope.account, scope.region)
    ).fetchone()
    return row[0]


def list_apis(tx: Transaction, scope: Scope) -> list[Api]:
    """APIs of an account and region, oldest first."""
    rows = tx.execute(
        "SELECT document FROM apigatewayv2_api WHERE account = ? AND region = ? ORDER BY sequence",
        (scope.account, scope.region),
    ).fetchall()
    return [Api.from_json(row[0]) for row in rows]


def delete_api(tx: Transaction, api_id: str) -> None:
    """Delete an API with its stages and deployments."""
    for statement in (
        "DELETE FROM apigatewayv2_api WHERE id = ?",
        "DELETE FROM apigatewayv2_stage WHERE api_id = ?",
        "DELETE FROM apigatewayv2_deployment WHERE api_id = ?",
    ):
        tx.execute(statement, (api_id,))


# ── stages ──


def put_stage(tx: Transaction, api_id: str, stage: dict[str, Any]) -> None:
    """Keep a new or changed stage."""
    tx.execute(
        "INSERT INTO apigatewayv2_stage (api_id, name, deployment_id, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (api_id, name)"
        " DO UPDATE SET deployment_id = excluded.deployment_id, document = excluded.document",
        (api_id, stage["StageName"], stage.get("DeploymentId"), json.dumps(stage)),
    )


def load_stage(tx: Transaction, api_id: str, name: str) -> dict[str, Any] | None:
    """A stage."""
    row = tx.execute("SELECT document FROM apigatewayv2_stage WHERE api_id = ? AND name = ?", (api_id, name)).fetchone()
    return json.loads(row[0]) if row else None


def list_stages(tx: Transaction, api_id: str) -> list[dict[str, Any]]:
    """Stages of an API by name."""
    rows = tx.execute("SELECT document FROM apigatewayv2_stage WHERE api_id = ? ORDER BY name", (api_id,)).fetchall()
    return [json.loads(row[0]) for row in rows]


def delete_stage(tx: Transaction, api_id: str, name: str) -> None:
    """Delete a stage."""
    tx.execute("DELETE FROM apigatewayv2_stage WHERE api_id = ? AND name = ?", (api_id, name))


# ── deployments ──


def insert_deployment(tx: Transaction, api_id: str, deployment: dict[str, Any], snapshot: str) -> None:
    """Keep a deployment with what it freezes."""
    sequence = tx.execute("SELECT coalesce(max(sequence), 0) + 1 FROM apigatewayv2_deployment").fetchone()[0]
    tx.execute(
        "INSERT INTO apigatewayv2_deployment (api_id, id, sequence, document, snapshot) VALUES (?, ?, ?, ?, ?)",
        (api_id, deployment["DeploymentId"], sequence, json.dumps(deployment), snapshot),
    )


def save_deployment(tx: Transaction, api_id: str, deployment: dict[str, Any]) -> None:
    """Keep a deployment's changed description."""
    tx.execute(
        "UPDATE apigatewayv2_deployment SET document = ? WHERE api_id = ? AND id = ?",
        (json.dumps(deployment), api_id, deployment["DeploymentId"]),
    )


def load_deployment(tx: Transaction, api_id: str, deployment_id: str) -> dict[str, Any] | None:
    """A deployment without what it froze."""
    row = tx.execute(
        "SELECT document FROM apigatewayv2_deployment WHERE api_id = ? AND id = ?", (api_id, deployment_id)
    ).fetchone()
    return json.loads(row[0]) if row else None


def load_snapshot(tx: Transaction, api_id: str, deployment_id: str) -> Api | None:
    """What a deployment froze."""
    row = tx.execute(
        "SELECT snapshot FROM apigatewayv2_deployment WHERE api_id = ? AND id = ?", (api_id, deployment_id)
    ).fetchone()
    return Api.from_json(row[0]) if row else None


def list_deployments(tx: Transaction, api_id: str) -> list[dict[str, Any]]:
    """Deployments of an API, newest first."""
    rows = tx.execute(
        "SELECT document FROM apigatewayv2_deployment WHERE api_id = ? ORDER BY sequence DESC", (api_id,)
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def delete_deployment(tx: Transaction, api_id: str, deployment_id: str) -> None:
    """Delete a deployment."""
    tx.execute("DELETE FROM apigatewayv2_deployment WHERE api_id = ? AND id = ?", (api_id, deployment_id))


# ── VPC links ──


def put_vpc_link(tx: Transaction, scope: Scope, link: dict[str, Any]) -> None:
    """Keep a new or changed VPC link."""
    tx.execute(
        "INSERT OR REPLACE INTO apigatewayv2_vpc_link (account, region, id, document) VALUES (?, ?, ?, ?)",
        (scope.account, scope.region, link["VpcLinkId"], json.dumps(link)),
    )


def list_vpc_links(tx: Transaction, scope: Scope) -> list[dict[str, Any]]:
    """VPC links of an account and region."""
    rows = tx.execute(
        "SELECT document FROM apigatewayv2_vpc_link WHERE account = ? AND region = ? ORDER BY id",
        (scope.account, scope.region),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def load_vpc_link(tx: Transaction, scope: Scope, link_id: str) -> dict[str, Any] | None:
    """A VPC link."""
    row = tx.execute(
        "SELECT document FROM apigatewayv2_vpc_link WHERE account = ? AND region = ? AND id = ?",
        (scope.account, scope.region, link_id),
    ).fetchone()
    return json.loads(row[0]) if row else None


def delete_vpc_link(tx: Transaction, scope: Scope, link_id: str) -> None:
    """Delete a VPC link."""
    tx.execute(
        "DELETE FROM apigatewayv2_vpc_link WHERE account = ? AND region = ? AND id = ?",
        (scope.account, scope.region, link_id),
    )
