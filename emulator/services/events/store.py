"""Where EventBridge keeps buses, rules, targets, archives and replays. Named SQL; decides nothing."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.events.model import Bus, Rule, Target

SCHEMA = """
CREATE TABLE IF NOT EXISTS events_bus (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  created_at REAL, modified_at REAL, description TEXT, policy TEXT, kms_key TEXT, dead_letter_arn TEXT,
  tags TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS events_rule (
  account TEXT NOT NULL, region TEXT NOT NULL, bus TEXT NOT NULL, name TEXT NOT NULL,
  pattern TEXT, schedule TEXT, state TEXT NOT NULL, description TEXT, role_arn TEXT, tags TEXT NOT NULL,
  PRIMARY KEY (account, region, bus, name)
);
CREATE TABLE IF NOT EXISTS events_target (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL, region TEXT NOT NULL, bus TEXT NOT NULL, rule TEXT NOT NULL, id TEXT NOT NULL,
  arn TEXT NOT NULL, definition TEXT NOT NULL,
  UNIQUE (account, region, bus, rule, id)
);
CREATE INDEX IF NOT EXISTS events_target_arn ON events_target (account, region, bus, arn);
"""

_BUS = "account, region, name, created_at, modified_at, description, policy, kms_key, dead_letter_arn, tags"
_RULE = "account, region, bus, name, pattern, schedule, state, description, role_arn, tags"


# ── buses ───────────────────────────────────────────────────────────────────────────────────────


def find_bus(tx: Transaction, scope: Scope, name: str) -> Bus | None:
    """A bus that was stored."""
    row = tx.execute(
        f"SELECT {_BUS} FROM events_bus WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _bus(row) if row else None


def list_buses(tx: Transaction, scope: Scope) -> list[Bus]:
    """All stored buses by name."""
    rows = tx.execute(
        f"SELECT {_BUS} FROM events_bus WHERE account = ? AND region = ? ORDER BY name", (scope.account, scope.region)
    ).fetchall()
    return [_bus(row) for row in rows]


def put_bus(tx: Transaction, bus: Bus) -> None:
    """Insert or replace a bus."""
    tx.execute(
        f"INSERT OR REPLACE INTO events_bus ({_BUS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            bus.scope.account,
            bus.scope.region,
            bus.name,
            bus.created_at,
            bus.modified_at,
            bus.description,
            bus.policy,
            bus.kms_key,
            bus.dead_letter_arn,
            json.dumps(dict(bus.tags)),
        ),
    )


def delete_bus(tx: Transaction, scope: Scope, name: str) -> None:
    """Delete a bus."""
    tx.execute(
        "DELETE FROM events_bus WHERE account = ? AND region = ? AND name = ?", (scope.account, scope.region, name)
    )


# ── rules ───────────────────────────────────────────────────────────────────────────────────────


def find_rule(tx: Transaction, scope: Scope, bus: str, name: str) -> Rule | None:
    """A rule by name."""
    row = tx.execute(
        f"SELECT {_RULE} FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?",
        (scope.account, scope.region, bus, name),
    ).fetchone()
    return _rule(row) if row else None


def list_rules(
    tx: Transaction, scope: Scope, bus: str, prefix: str = "", after: str = "", limit: int = -1
) -> list[Rule]:
    """Rules of a bus by name, those with a prefix, after a name."""
    rows = tx.execute(
        f"SELECT {_RULE} FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND name > ?"
        " AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, bus, after, len(prefix), prefix, limit),
    ).fetchall()
    return [_rule(row) for row in rows]


def pattern_rules(tx: Transaction, scope: Scope, bus: str) -> list[Rule]:
    """Enabled rules of a bus that have a pattern."""
    rows = tx.execute(
        f"SELECT {_RULE} FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND pattern IS NOT NULL"
        " AND state <> 'DISABLED' ORDER BY name",
        (scope.account, scope.region, bus),
    ).fetchall()
    return [_rule(row) for row in rows]


def patterns(tx: Transaction, bus: Bus) -> list[str | None]:
    """Patterns of a bus's enabled rules and of its archives; None is that of an archive which keeps every event."""
    rows = tx.execute(
        "SELECT pattern FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND pattern IS NOT NULL"
        " AND state <> 'DISABLED' UNION ALL SELECT pattern FROM events_archive WHERE bus_arn = ?",
        (bus.scope.account, bus.scope.region, bus.name, bus.arn),
    ).fetchall()
    return [row[0] for row in rows]


def put_rule(tx: Transaction, rule: Rule) -> None:
    """Insert or replace a rule."""
    tx.execute(
        f"INSERT OR REPLACE INTO events_rule ({_RULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            rule.scope.account,
            rule.scope.region,
            rule.bus,
            rule.name,
            rule.pattern,
            rule.schedule,
            rule.state,
            rule.description,
            rule.role_arn,
            json.dumps(dict(rule.tags)),
        ),
    )


def delete_rule(tx: Transaction, rule: Rule) -> None:
    """Delete a rule; its targets have gone before."""
    tx.execute(
        "DELETE FROM events_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?",
        (rule.scope.account, rule.scope.region, rule.bus, rule.name),
    )


def rule_names_by_target(tx: Transaction, scope: Scope, bus: str, arn: str, after: str, limit: int) -> list[str]:
    """Names of rules that have a target with this ARN, those after a name."""
    rows = tx.execute(
        "SELECT DISTINCT rule FROM events_target WHERE account = ? AND region = ? AND bus = ? AND arn = ? AND rule > ?"
        " ORDER BY rule LIMIT ?",
        (scope.account, scope.region, bus, arn, after, limit),
    ).fetchall()
    return [row[0] for row in rows]


# ── targets ─────────────────────────────────────────────────────────────────────────────────────


def list_targets(tx: Transaction, rule: Rule, after: str = "", limit: int = -1) -> list[Target]:
    """Targets of a rule by id."""
    rows = tx.execute(
        "SELECT definition FROM events_target WHERE account = ? AND region = ? AND bus = ? AND rule = ? AND id > ?"
        " ORDER BY id LIMIT ?",
        (rule.scope.account, rule.scope.region, rule.bus, rule.name, after, limit),
    ).fetchall()
    return [Target(json.loads(row[0])) for row in rows]


def put_target(tx: Transaction, rule: Rule, target: Target) -> None:
    """Insert or replace a target."""
    tx.execute(
        "INSERT OR REPLACE INTO events_target (account, region, bus, rule, id, arn, definition)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            rule.scope.account,
            rule.scope.region,
            rule.bus,
            rule.name,
            target.id,
            target.arn,
            json.dumps(dict(target.definition)),
        ),
    )


def delete_target(tx: Transaction, rule: Rule, identifier: str) -> bool:
    """Delete a target; False if there was none."""
    cursor = tx.execute(
        "DELETE FROM events_target WHERE account = ? AND region = ? AND bus = ? AND rule = ? AND id = ?",
        (rule.scope.account, rule.scope.region, rule.bus, rule.name, identifier),
    )
    return cursor.rowcount > 0


def _bus(row: tuple[Any, ...]) -> Bus:
    account, region, name, created_at, modified_at, description, policy, kms_key, dead_letter_arn, tags = row
    scope = Scope(account, region)
    return Bus(scope, name, created_at, modified_at, description, policy, kms_key, dead_letter_arn, json.loads(tags))


def _rule(row: tuple[Any, ...]) -> Rule:
    account, region, bus, name, pattern, schedule, state, description, role_arn, tags = row
    scope = Scope(account, region)
    return Rule(scope, bus, name, pattern, schedule, state, description, role_arn, json.loads(tags))
