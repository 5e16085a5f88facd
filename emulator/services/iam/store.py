"""Where the secrets of access keys are kept. Named SQL only."""

from __future__ import annotations

from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS iam_access_key (
  id TEXT PRIMARY KEY, secret TEXT NOT NULL, active INTEGER NOT NULL
);
"""


def keep(tx: Transaction, key_id: str, secret: str) -> None:
    """Keep a new key."""
    tx.execute("INSERT OR REPLACE INTO iam_access_key (id, secret, active) VALUES (?, ?, 1)", (key_id, secret))


def set_active(tx: Transaction, key_id: str, active: bool) -> None:
    """Let a key sign, or not; one that is deleted stays known, and signs nothing."""
    tx.execute("UPDATE iam_access_key SET active = ? WHERE id = ?", (int(active), key_id))


def secret_of(tx: Transaction, key_id: str) -> str | None:
    """The secret of a key, "" if it may not sign any more; None if nobody here has made it."""
    row = tx.execute("SELECT secret, active FROM iam_access_key WHERE id = ?", (key_id,)).fetchone()
    return None if row is None else row[0] if row[1] else ""
