"""Where SES keeps identities and messages: the schema, named SQL, rows to model and back. Decides nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses.model import Circumstances, Content, Delivery, Identity, Message

SCHEMA = """
CREATE TABLE IF NOT EXISTS ses_identity (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  verified INTEGER NOT NULL,
  created_at REAL NOT NULL,
  token TEXT NOT NULL,
  dkim_tokens TEXT NOT NULL,
  tags TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS ses_message (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  sent_at REAL NOT NULL,
  source TEXT NOT NULL,
  envelope_sender TEXT NOT NULL,
  destinations TEXT NOT NULL,
  recipients TEXT NOT NULL,
  counted_recipients INTEGER NOT NULL,
  subject TEXT NOT NULL,
  text TEXT,
  html TEXT,
  headers TEXT NOT NULL,
  attachments TEXT NOT NULL,
  raw BLOB NOT NULL,
  tags TEXT NOT NULL,
  delivery TEXT NOT NULL,
  delivery_detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ses_circumstances (
  id TEXT PRIMARY KEY,
  facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ses_feedback (
  id TEXT PRIMARY KEY,
  bounces INTEGER NOT NULL,
  complaints INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ses_message_sent ON ses_message (account, region, sent_at);
"""

_IDENTITY = "name, kind, verified, created_at, token, dkim_tokens, tags"
_MESSAGE = (
    "id, sent_at, source, envelope_sender, destinations, subject, text, html, headers, attachments, raw, tags,"
    " delivery, delivery_detail, recipients"
)
_READ = f"{_MESSAGE}, account, region, facts FROM ses_message LEFT JOIN ses_circumstances USING (id)"


def put_identity(tx: Transaction, scope: Scope, identity: Identity) -> None:
    """Insert or replace an identity."""
    tx.execute(
        f"INSERT INTO ses_identity (account, region, {_IDENTITY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, region, name) DO UPDATE SET kind = excluded.kind, verified = excluded.verified,"
        " token = excluded.token, dkim_tokens = excluded.dkim_tokens, tags = excluded.tags",
        (
            scope.account,
            scope.region,
            identity.name,
            identity.kind,
            int(identity.verified),
            identity.created_at,
            identity.token,
            json.dumps(identity.dkim_tokens),
            json.dumps(identity.tags),
        ),
    )


def get_identity(tx: Transaction, scope: Scope, name: str) -> Identity | None:
    """An identity by its normalised name."""
    row = tx.execute(
        f"SELECT {_IDENTITY} FROM ses_identity WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _identity(row) if row else None


def delete_identity(tx: Transaction, scope: Scope, name: str) -> bool:
    """Delete an identity; False if there was none."""
    cursor = tx.execute(
        "DELETE FROM ses_identity WHERE account = ? AND region = ? AND name = ?", (scope.account, scope.region, name)
    )
    return cursor.rowcount > 0


def list_identities(tx: Transaction, scope: Scope, kind: str | None, after: str, limit: int) -> list[Identity]:
    """Identities by name, those after `after`."""
    where, parameters = ("AND kind = ?", [kind]) if kind else ("", [])
    rows = tx.execute(
        f"SELECT {_IDENTITY} FROM ses_identity WHERE account = ? AND region = ? AND name > ? {where}"
        " ORDER BY name LIMIT ?",
        [scope.account, scope.region, after, *parameters, limit],
    ).fetchall()
    return [_identity(row) for row in rows]


def any_verified(tx: Transaction, scope: Scope, names: list[str]) -> bool:
    """Whether one of these names is a verified identity."""
    marks = ", ".join("?" * len(names))
    row = tx.execute(
        f"SELECT 1 FROM ses_identity WHERE account = ? AND region = ? AND verified = 1 AND name IN ({marks}) LIMIT 1",
        [scope.account, scope.region, *names],
    ).fetchone()
    return row is not None


def scopes_of_verified(tx: Transaction, names: list[str]) -> list[Scope]:
    """Accounts and regions in which one of these names is a verified identity."""
    marks = ", ".join("?" * len(names))
    rows = tx.execute(
        f"SELECT DISTINCT account, region FROM ses_identity WHERE verified = 1 AND name IN ({marks})"
        " ORDER BY account, region",
        names,
    ).fetchall()
    return [Scope(*row) for row in rows]


def put_message(tx: Transaction, scope: Scope, message: Message, counted_recipients: int) -> None:
    """Store an accepted message."""
    destinations = {"to": message.to, "cc": message.cc, "bcc": message.bcc, "reply_to": message.reply_to}
    content = message.content
    tx.execute(
        f"INSERT INTO ses_message ({_MESSAGE}, account, region, counted_recipients)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id,
            message.sent_at,
            message.source,
            message.envelope_sender,
            json.dumps(destinations),
            content.subject,
            content.text,
            content.html,
            json.dumps(content.headers),
            json.dumps(content.attachments),
            message.raw,
            json.dumps(message.tags),
            message.delivery,
            message.delivery_detail,
            json.dumps(message.recipients),
            scope.account,
            scope.region,
            counted_recipients,
        ),
    )
    tx.execute(
        "INSERT INTO ses_circumstances (id, facts) VALUES (?, ?)", (message.id, json.dumps(asdict(message.sent)))
    )


def get_message(tx: Transaction, identifier: str) -> tuple[Scope, Message] | None:
    """A message and whose it is."""
    row = tx.execute(f"SELECT {_READ} WHERE id = ?", (identifier,)).fetchone()
    return _scoped(row) if row else None


_UNDELIVERED = "WHERE delivery NOT IN ('pending', 'delivered') OR delivery_detail <> ''"


def list_messages(tx: Transaction, undelivered: bool = False) -> list[tuple[Scope, Message]]:
    """Every message of every account, or those that did not reach everybody, in the order of acceptance, without their
    bytes.
    """
    listed = _READ.replace(" raw,", " x'',")
    rows = tx.execute(f"SELECT {listed} {_UNDELIVERED if undelivered else ''} ORDER BY sequence").fetchall()
    return [_scoped(row) for row in rows]


def delete_messages(tx: Transaction, identifier: str | None = None) -> int:
    """Forget one message, or all of them; how many."""
    where, parameters = ("", ()) if identifier is None else ("WHERE id = ?", (identifier,))
    tx.execute(f"DELETE FROM ses_circumstances {where}", parameters)
    tx.execute(f"DELETE FROM ses_feedback {where}", parameters)
    return tx.execute(f"DELETE FROM ses_message {where}", parameters).rowcount


def set_delivery(tx: Transaction, identifier: str, delivery: Delivery, detail: str) -> None:
    """Record what became of a message."""
    tx.execute("UPDATE ses_message SET delivery = ?, delivery_detail = ? WHERE id = ?", (delivery, detail, identifier))


def recipients_since(tx: Transaction, scope: Scope, since: float) -> int:
    """Recipients that count towards the quota, of messages accepted after `since`."""
    row = tx.execute(
        "SELECT coalesce(sum(counted_recipients), 0) FROM ses_message WHERE account = ? AND region = ? AND sent_at > ?",
        (scope.account, scope.region, since),
    ).fetchone()
    return int(row[0])


def count_feedback(tx: Transaction, identifier: str, bounces: int = 0, complaints: int = 0) -> None:
    """Count what has come back of a message."""
    tx.execute(
        "INSERT INTO ses_feedback (id, bounces, complaints) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET bounces = ses_feedback.bounces + excluded.bounces,"
        " complaints = ses_feedback.complaints + excluded.complaints",
        (identifier, bounces, complaints),
    )


def statistics_since(tx: Transaction, scope: Scope, since: float) -> list[tuple[float, int, int, int, bool]]:
    """(accepted at, recipients, bounces, complaints, rejected) of each message accepted after `since`."""
    rows = tx.execute(
        "SELECT sent_at, counted_recipients, coalesce(bounces, 0), coalesce(complaints, 0), delivery"
        " FROM ses_message LEFT JOIN ses_feedback USING (id)"
        " WHERE account = ? AND region = ? AND sent_at > ? ORDER BY sent_at",
        (scope.account, scope.region, since),
    ).fetchall()
    return [(row[0], row[1], row[2], row[3], row[4] == "rejected") for row in rows]


def _identity(row: tuple[Any, ...]) -> Identity:
    tags = tuple((name, value) for name, value in json.loads(row[6]))
    return Identity(row[0], row[1], bool(row[2]), row[3], row[4], tuple(json.loads(row[5])), tags)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))


def _circumstances(text: str | None) -> Circumstances:
    facts: dict[str, Any] = json.loads(text) if text else {}
    facts["sent_by"] = tuple((name, value) for name, value in facts.get("sent_by", ()))
    return Circumstances(**facts)


def _scoped(row: tuple[Any, ...]) -> tuple[Scope, Message]:
    destinations = json.loads(row[4])
    attachments = tuple((name, kind, size) for name, kind, size in json.loads(row[9]))
    message = Message(
        id=row[0],
        sent_at=row[1],
        source=row[2],
        envelope_sender=row[3],
        to=tuple(destinations["to"]),
        cc=tuple(destinations["cc"]),
        bcc=tuple(destinations["bcc"]),
        reply_to=tuple(destinations["reply_to"]),
        content=Content(row[5], row[6], row[7], _pairs(row[8]), attachments),
        raw=bytes(row[10]),
        tags=_pairs(row[11]),
        delivery=row[12],
        delivery_detail=row[13],
        recipients=tuple(json.loads(row[14])),
        sent=_circumstances(row[17]),
    )
    return Scope(row[15], row[16]), message
