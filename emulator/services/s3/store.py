"""Where the notification configurations of buckets are kept. Named SQL only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.s3.model import Rule, rules_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS s3_notification (
  bucket TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, configuration TEXT NOT NULL,
  events INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True, slots=True)
class Notified:
    """A bucket that notifies somebody."""

    owner: Scope
    configuration: dict[str, Any]

    @property
    def rules(self) -> list[Rule]:
        """Its rules."""
        return rules_of(self.configuration)

    @property
    def bridged(self) -> bool:
        """Whether EventBridge hears of everything."""
        return self.configuration.get("EventBridgeConfiguration") is not None


def find(tx: Transaction, bucket: str) -> Notified | None:
    """The configuration of a bucket, if it has any."""
    row = tx.execute(
        "SELECT account, region, configuration FROM s3_notification WHERE bucket = ?", (bucket,)
    ).fetchone()
    return Notified(Scope(row[0], row[1]), json.loads(row[2])) if row else None


def save(tx: Transaction, bucket: str, owner: Scope, configuration: dict[str, Any]) -> None:
    """Replace the configuration of a bucket."""
    tx.execute(
        "INSERT INTO s3_notification (bucket, account, region, configuration) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (bucket) DO UPDATE SET account = excluded.account, region = excluded.region, "
        "configuration = excluded.configuration",
        (bucket, owner.account, owner.region, json.dumps(configuration)),
    )


def forget(tx: Transaction, bucket: str) -> None:
    """A bucket notifies nobody."""
    tx.execute("DELETE FROM s3_notification WHERE bucket = ?", (bucket,))


def next_number(tx: Transaction, bucket: str) -> int:
    """Count an event of a bucket."""
    tx.execute("UPDATE s3_notification SET events = events + 1 WHERE bucket = ?", (bucket,))
    row = tx.execute("SELECT events FROM s3_notification WHERE bucket = ?", (bucket,)).fetchone()
    return row[0] if row else 0
