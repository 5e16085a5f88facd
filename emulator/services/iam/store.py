"""Where access keys are kept: their secrets, and whose they are. Named SQL only."""

from __future__ import annotations

from typing import NamedTuple

from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS iam_signing_key (
  id TEXT PRIMARY KEY, secret TEXT NOT NULL, user_id TEXT NOT NULL, user_arn TEXT NOT NULL, active INTEGER NOT NULL
);
"""


class SigningKey(NamedTuple):
    """An access key that was made here."""

    secret: str
    user_id: str
    user_arn: str
    active: bool
    """Whether it may sign: not once it is deactivated or deleted, which it stays known for."""


def keep(tx: Transaction, key_id: str, key: SigningKey) -> None:
    """Keep a new key."""
    tx.execute(
        "INSERT OR REPLACE INTO iam_signing_key (id, secret, user_id, user_arn, active) VALUES (?, ?, ?, ?, ?)",
        (key_id, key.secret, key.user_id, key.user_arn, int(key.active)),
    )


def set_active(tx: Transaction, key_id: str, active: bool) -> None:
    """Let a key sign, or not."""
    tx.execute("UPDATE iam_signing_key SET active = ? WHERE id = ?", (int(active), key_id))


def find(tx: Transaction, key_id: str) -> SigningKey | None:
    """A key; None if nobody has made it here."""
    row = tx.execute("SELECT secret, user_id, user_arn, active FROM iam_signing_key WHERE id = ?", (key_id,)).fetchone()
    return None if row is None else SigningKey(row[0], row[1], row[2], bool(row[3]))
