"""Where API keys, usage plans and usage are kept: named SQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS apigateway_key (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL,
  document TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS apigateway_key_value ON apigateway_key (account, region, value);
CREATE TABLE IF NOT EXISTS apigateway_plan (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS apigateway_plan_key (
  key_id TEXT NOT NULL,
  plan_id TEXT NOT NULL,
  PRIMARY KEY (key_id, plan_id)
);
CREATE TABLE IF NOT EXISTS apigateway_usage (
  plan_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  day TEXT NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (plan_id, key_id, day)
);
CREATE TABLE IF NOT EXISTS apigateway_usage_extra (
  plan_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  start TEXT NOT NULL,
  extra INTEGER NOT NULL,
  PRIMARY KEY (plan_id, key_id)
);
CREATE TABLE IF NOT EXISTS apigateway_account (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (account, region)
);
"""


def put_key(tx: Transaction, scope: Scope, key: dict[str, Any]) -> None:
    """Keep a new or changed key."""
    tx.execute(
        "INSERT INTO apigateway_key (account, region, id, value, document) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        (scope.account, scope.region, key["id"], key["value"], json.dumps(key)),
    )


def load_key(tx: Transaction, scope: Scope, key_id: str) -> dict[str, Any] | None:
    """A key by its id."""
    row = tx.execute(
        "SELECT document FROM apigateway_key WHERE id = ? AND account = ? AND region = ?",
        (key_id, scope.account, scope.region),
    ).fetchone()
    return json.loads(row[0]) if row else None


def key_of_value(tx: Transaction, scope: Scope, value: str) -> dict[str, Any] | None:
    """A key by its value."""
    row = tx.execute(
        "SELECT document FROM apigateway_key WHERE account = ? AND region = ? AND value = ?",
        (scope.account, scope.region, value),
    ).fetchone()
    return json.loads(row[0]) if row else None


def list_keys(tx: Transaction, scope: Scope) -> list[dict[str, Any]]:
    """Keys of an account and region, oldest first."""
    rows = tx.execute(
        "SELECT document FROM apigateway_key WHERE account = ? AND region = ? ORDER BY sequence",
        (scope.account, scope.region),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def count_keys(tx: Transaction, scope: Scope) -> int:
    """How many keys an account and region have."""
    row = tx.execute(
        "SELECT count(*) FROM apigateway_key WHERE account = ? AND region = ?", (scope.account, scope.region)
    ).fetchone()
    return row[0]


def delete_key(tx: Transaction, scope: Scope, key_id: str) -> None:
    """Delete a key and take it out of its plans."""
    tx.execute("DELETE FROM apigateway_key WHERE id = ? AND account = ?", (key_id, scope.account))
    tx.execute("DELETE FROM apigateway_plan_key WHERE key_id = ?", (key_id,))
    tx.execute("DELETE FROM apigateway_usage WHERE key_id = ?", (key_id,))


def put_plan(tx: Transaction, scope: Scope, plan: dict[str, Any]) -> None:
    """Keep a new or changed plan."""
    tx.execute(
        "INSERT INTO apigateway_plan (account, region, id, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        (scope.account, scope.region, plan["id"], json.dumps(plan)),
    )


def load_plan(tx: Transaction, scope: Scope, plan_id: str) -> dict[str, Any] | None:
    """A plan."""
    row = tx.execute(
        "SELECT document FROM apigateway_plan WHERE id = ? AND account = ? AND region = ?",
        (plan_id, scope.account, scope.region),
    ).fetchone()
    return json.loads(row[0]) if row else None


def list_plans(tx: Transaction, scope: Scope) -> list[dict[str, Any]]:
    """Plans of an account and region, oldest first."""
    rows = tx.execute(
        "SELECT document FROM apigateway_plan WHERE account = ? AND region = ? ORDER BY sequence",
        (scope.account, scope.region),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def delete_plan(tx: Transaction, scope: Scope, plan_id: str) -> None:
    """Delete a plan; its keys stay."""
    tx.execute("DELETE FROM apigateway_plan WHERE id = ? AND account = ?", (plan_id, scope.account))
    tx.execute("DELETE FROM apigateway_plan_key WHERE plan_id = ?", (plan_id,))
    tx.execute("DELETE FROM apigateway_usage WHERE plan_id = ?", (plan_id,))


def add_plan_key(tx: Transaction, plan_id: str, key_id: str) -> bool:
    """Put a key into a plan; False if it is there."""
    done = tx.execute("INSERT OR IGNORE INTO apigateway_plan_key (key_id, plan_id) VALUES (?, ?)", (key_id, plan_id))
    return done.rowcount > 0


def remove_plan_key(tx: Transaction, plan_id: str, key_id: str) -> None:
    """Take a key out of a plan."""
    tx.execute("DELETE FROM apigateway_plan_key WHERE key_id = ? AND plan_id = ?", (key_id, plan_id))


def keys_of_plan(tx: Transaction, plan_id: str) -> list[dict[str, Any]]:
    """The keys in a plan, oldest first."""
    rows = tx.execute(
        "SELECT k.document FROM apigateway_plan_key p JOIN apigateway_key k ON k.id = p.key_id"
        " WHERE p.plan_id = ? ORDER BY k.sequence",
        (plan_id,),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def plans_of_key(tx: Transaction, key_id: str) -> list[dict[str, Any]]:
    """The plans that a key is in."""
    rows = tx.execute(
        "SELECT p.document FROM apigateway_plan_key k JOIN apigateway_plan p ON p.id = k.plan_id"
        " WHERE k.key_id = ? ORDER BY p.sequence",
        (key_id,),
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def period_start(period: str, now: float) -> str:
    """The first day of the quota period at `now`, UTC. Weeks begin on Sunday (unverified)."""
    day = datetime.fromtimestamp(now, UTC).date()
    if period == "MONTH":
        day = day.replace(day=1)
    elif period == "WEEK":
        day -= timedelta(days=(day.weekday() + 1) % 7)
    return day.isoformat()


def usage(tx: Transaction, plan_id: str, key_id: str, first: str, last: str) -> dict[str, int]:
    """Day → requests, from the first to the last day."""
    rows = tx.execute(
        "SELECT day, used FROM apigateway_usage WHERE plan_id = ? AND key_id = ? AND day BETWEEN ? AND ?",
        (plan_id, key_id, first, last),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def spend(tx: Transaction, plan_id: str, key_id: str, quota: dict[str, Any] | None) -> bool:
    """Count one request of a key today; False, and nothing is counted, when the quota is used up."""
    today = datetime.fromtimestamp(tx.now, UTC).date().isoformat()
    if quota is not None:
        start = period_start(quota["period"], tx.now)
        spent = sum(usage(tx, plan_id, key_id, start, today).values())
        if spent >= quota["limit"] - int(quota.get("offset") or 0) + extra(tx, plan_id, key_id, start):
            return False
    tx.execute(
        "INSERT INTO apigateway_usage (plan_id, key_id, day, used) VALUES (?, ?, ?, 1)"
        " ON CONFLICT (plan_id, key_id, day) DO UPDATE SET used = used + 1",
        (plan_id, key_id, today),
    )
    return True


def extra(tx: Transaction, plan_id: str, key_id: str, start: str) -> int:
    """What UpdateUsage granted beyond the quota in the period that begins with `start`."""
    row = tx.execute(
        "SELECT extra FROM apigateway_usage_extra WHERE plan_id = ? AND key_id = ? AND start = ?",
        (plan_id, key_id, start),
    ).fetchone()
    return row[0] if row else 0


def set_extra(tx: Transaction, plan_id: str, key_id: str, start: str, amount: int) -> None:
    """Grant more, or less, than the quota in one period."""
    tx.execute(
        "INSERT OR REPLACE INTO apigateway_usage_extra (plan_id, key_id, start, extra) VALUES (?, ?, ?, ?)",
        (plan_id, key_id, start, amount),
    )


def account(tx: Transaction, scope: Scope) -> dict[str, Any]:
    """What UpdateAccount set."""
    row = tx.execute(
        "SELECT document FROM apigateway_account WHERE account = ? AND region = ?", (scope.account, scope.region)
    ).fetchone()
    return json.loads(row[0]) if row else {}


def put_account(tx: Transaction, scope: Scope, document: dict[str, Any]) -> None:
    """Keep what UpdateAccount set."""
    tx.execute(
        "INSERT OR REPLACE INTO apigateway_account (account, region, document) VALUES (?, ?, ?)",
        (scope.account, scope.region, json.dumps(document)),
    )
