"""Where SNS keeps topics, subscriptions and what FIFO topics remember. Named SQL; decides nothing."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sns.model import Subscription, Topic

SCHEMA = """
CREATE TABLE IF NOT EXISTS sns_topic (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  attributes TEXT NOT NULL, tags TEXT NOT NULL,
  published INTEGER NOT NULL DEFAULT 0, deleted_subscriptions INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS sns_subscription (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  arn TEXT NOT NULL UNIQUE, topic_arn TEXT NOT NULL, owner TEXT NOT NULL, region TEXT NOT NULL,
  protocol TEXT NOT NULL, endpoint TEXT NOT NULL, confirmed INTEGER NOT NULL, token TEXT NOT NULL,
  created_at REAL NOT NULL, attributes TEXT NOT NULL, authenticated INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS sns_subscription_topic ON sns_subscription (topic_arn, id);
CREATE INDEX IF NOT EXISTS sns_subscription_endpoint ON sns_subscription (topic_arn, protocol, endpoint);
CREATE TABLE IF NOT EXISTS sns_deduplication (
  topic_arn TEXT NOT NULL, id TEXT NOT NULL, expires_at REAL NOT NULL,
  message_id TEXT NOT NULL, sequence_number TEXT NOT NULL,
  PRIMARY KEY (topic_arn, id)
);
CREATE INDEX IF NOT EXISTS sns_deduplication_age ON sns_deduplication (expires_at);
"""

_TOPIC = "account, region, name, attributes, tags, deleted_subscriptions"
_SUBSCRIPTION = "arn, topic_arn, owner, protocol, endpoint, confirmed, token, created_at, attributes, authenticated"


# ── topics ──────────────────────────────────────────────────────────────────────────────────────


def find_topic(tx: Transaction, scope: Scope, name: str) -> Topic | None:
    """A topic by name."""
    row = tx.execute(
        f"SELECT {_TOPIC} FROM sns_topic WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _topic(row) if row else None


def list_topics(tx: Transaction, scope: Scope, after: str, limit: int) -> list[Topic]:
    """Topics by name, those after `after`."""
    rows = tx.execute(
        f"SELECT {_TOPIC} FROM sns_topic WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, after, limit),
    ).fetchall()
    return [_topic(row) for row in rows]


def put_topic(tx: Transaction, topic: Topic) -> None:
    """Insert a topic or change its attributes and tags."""
    tx.execute(
        "INSERT INTO sns_topic (account, region, name, attributes, tags) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account, region, name) DO UPDATE SET attributes = excluded.attributes, tags = excluded.tags",
        (
            topic.scope.account,
            topic.scope.region,
            topic.name,
            json.dumps(dict(topic.attributes)),
            json.dumps(dict(topic.tags)),
        ),
    )


def delete_topic(tx: Transaction, topic: Topic) -> None:
    """Delete a topic with its subscriptions and what it remembers for deduplication."""
    tx.execute(
        "DELETE FROM sns_topic WHERE account = ? AND region = ? AND name = ?",
        (topic.scope.account, topic.scope.region, topic.name),
    )
    tx.execute("DELETE FROM sns_subscription WHERE topic_arn = ?", (topic.arn,))
    tx.execute("DELETE FROM sns_deduplication WHERE topic_arn = ?", (topic.arn,))


def next_number(tx: Transaction, topic: Topic) -> int:
    """Count a message of a FIFO topic and return its number, from 0."""
    key = (topic.scope.account, topic.scope.region, topic.name)
    tx.execute("UPDATE sns_topic SET published = published + 1 WHERE account = ? AND region = ? AND name = ?", key)
    row = tx.execute("SELECT published FROM sns_topic WHERE account = ? AND region = ? AND name = ?", key).fetchone()
    return row[0] - 1


def find_duplicate(tx: Transaction, topic: Topic, identifier: str) -> tuple[str, str] | None:
    """(message id, sequence number) of the message that used this deduplication id in the last five minutes."""
    return tx.execute(
        "SELECT message_id, sequence_number FROM sns_deduplication WHERE topic_arn = ? AND id = ? AND expires_at > ?",
        (topic.arn, identifier, tx.now),
    ).fetchone()


def remember_duplicate(
    tx: Transaction, topic: Topic, identifier: str, expires_at: float, message_id: str, number: str
) -> None:
    """Remember a deduplication id, and forget those that no longer count."""
    tx.execute("DELETE FROM sns_deduplication WHERE expires_at <= ?", (tx.now,))
    tx.execute(
        "INSERT OR REPLACE INTO sns_deduplication (topic_arn, id, expires_at, message_id, sequence_number)"
        " VALUES (?, ?, ?, ?, ?)",
        (topic.arn, identifier, expires_at, message_id, number),
    )


# ── subscriptions ───────────────────────────────────────────────────────────────────────────────


def find_subscription(tx: Transaction, arn: str) -> Subscription | None:
    """A subscription by its ARN."""
    row = tx.execute(f"SELECT {_SUBSCRIPTION} FROM sns_subscription WHERE arn = ?", (arn,)).fetchone()
    return _subscription(row) if row else None


def find_by_endpoint(tx: Transaction, topic_arn: str, protocol: str, endpoint: str) -> Subscription | None:
    """The subscription of an endpoint to a topic."""
    row = tx.execute(
        f"SELECT {_SUBSCRIPTION} FROM sns_subscription WHERE topic_arn = ? AND protocol = ? AND endpoint = ?",
        (topic_arn, protocol, endpoint),
    ).fetchone()
    return _subscription(row) if row else None


def find_by_token(tx: Transaction, topic_arn: str, token: str) -> Subscription | None:
    """The subscription that a confirmation token belongs to."""
    row = tx.execute(
        f"SELECT {_SUBSCRIPTION} FROM sns_subscription WHERE topic_arn = ? AND token = ?", (topic_arn, token)
    ).fetchone()
    return _subscription(row) if row else None


def put_subscription(tx: Transaction, subscription: Subscription, region: str) -> None:
    """Insert a subscription or replace what can change of it."""
    tx.execute(
        f"INSERT INTO sns_subscription ({_SUBSCRIPTION}, region) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (arn) DO UPDATE SET confirmed = excluded.confirmed, attributes = excluded.attributes,"
        " token = excluded.token, created_at = excluded.created_at, authenticated = excluded.authenticated",
        (
            subscription.arn,
            subscription.topic_arn,
            subscription.owner,
            subscription.protocol,
            subscription.endpoint,
            int(subscription.confirmed),
            subscription.token,
            subscription.created_at,
            json.dumps(dict(subscription.attributes)),
            int(subscription.authenticated),
            region,
        ),
    )


def delete_subscription(tx: Transaction, subscription: Subscription, scope: Scope, topic_name: str) -> None:
    """Delete a subscription and count it on its topic."""
    tx.execute("DELETE FROM sns_subscription WHERE arn = ?", (subscription.arn,))
    tx.execute(
        "UPDATE sns_topic SET deleted_subscriptions = deleted_subscriptions + 1"
        " WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, topic_name),
    )


def subscriptions_of(tx: Transaction, topic_arn: str, after: int, limit: int) -> list[tuple[int, Subscription]]:
    """(row number, subscription) of a topic in the order of subscribing, those after row `after`."""
    rows = tx.execute(
        f"SELECT id, {_SUBSCRIPTION} FROM sns_subscription WHERE topic_arn = ? AND id > ? ORDER BY id LIMIT ?",
        (topic_arn, after, limit),
    ).fetchall()
    return [(row[0], _subscription(row[1:])) for row in rows]


def subscriptions_in(tx: Transaction, scope: Scope, after: int, limit: int) -> list[tuple[int, Subscription]]:
    """(row number, subscription) of an account and region, those after row `after`."""
    rows = tx.execute(
        f"SELECT id, {_SUBSCRIPTION} FROM sns_subscription WHERE owner = ? AND region = ? AND id > ?"
        " ORDER BY id LIMIT ?",
        (scope.account, scope.region, after, limit),
    ).fetchall()
    return [(row[0], _subscription(row[1:])) for row in rows]


def count_subscriptions(tx: Transaction, topic_arn: str) -> tuple[int, int]:
    """(confirmed, pending) subscriptions of a topic."""
    row = tx.execute(
        "SELECT coalesce(sum(confirmed), 0), coalesce(sum(1 - confirmed), 0) FROM sns_subscription WHERE topic_arn = ?",
        (topic_arn,),
    ).fetchone()
    return row[0], row[1]


def has_filter_policies(tx: Transaction, topic_arn: str, number: int) -> bool:
    """Whether a topic has at least so many subscriptions with a filter policy."""
    row = tx.execute(
        "SELECT count(*) FROM (SELECT 1 FROM sns_subscription WHERE topic_arn = ?"
        " AND attributes LIKE '%\"FilterPolicy\":%' LIMIT ?)",
        (topic_arn, number),
    ).fetchone()
    return row[0] >= number


def _topic(row: tuple[Any, ...]) -> Topic:
    return Topic(Scope(row[0], row[1]), row[2], json.loads(row[3]), json.loads(row[4]), row[5])


def _subscription(row: tuple[Any, ...]) -> Subscription:
    arn, topic_arn, owner, protocol, endpoint, confirmed, token, created_at, attributes, authenticated = row
    return Subscription(
        arn,
        topic_arn,
        owner,
        protocol,
        endpoint,
        bool(confirmed),
        token,
        created_at,
        json.loads(attributes),
        bool(authenticated),
    )
