"""Where dashboards are kept: the schema, named SQL, rows to values and back. Decides nothing."""

from __future__ import annotations

from typing import NamedTuple

from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS metric_dashboard (
  account TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, changed_at REAL NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;
"""
_COLUMNS = "account, name, body, changed_at"


class Dashboard(NamedTuple):
    """A dashboard of an account."""

    account: str
    name: str
    body: str
    changed_at: float


def put(tx: Transaction, one: Dashboard) -> None:
    """Keep a dashboard as it is now."""
    tx.execute(f"INSERT OR REPLACE INTO metric_dashboard ({_COLUMNS}) VALUES (?, ?, ?, ?)", tuple(one))


def get(tx: Transaction, account: str, name: str) -> Dashboard | None:
    """A dashboard by name."""
    asked = f"SELECT {_COLUMNS} FROM metric_dashboard WHERE account = ? AND name = ?"
    row = tx.execute(asked, (account, name)).fetchone()
    return Dashboard(*row) if row else None


def every(tx: Transaction, account: str) -> list[Dashboard]:
    """The dashboards of an account by name."""
    asked = f"SELECT {_COLUMNS} FROM metric_dashboard WHERE account = ? ORDER BY name"
    return [Dashboard(*row) for row in tx.execute(asked, (account,)).fetchall()]


def delete(tx: Transaction, account: str, name: str) -> None:
    """Forget a dashboard."""
    tx.execute("DELETE FROM metric_dashboard WHERE account = ? AND name = ?", (account, name))
