"""Where queues and messages are kept: named SQL, rows to model and back.

Everything that is asked per message is one step into an index, so it costs the same with ten messages waiting or a
hundred thousand. A message is visible if `visible_at` has come, in flight if it has a receipt and it has not. Nothing
expires by itself: `drop_expired` deletes in the index's order, each message once.

A FIFO queue also has one row per message group that holds messages: `free_at` is when the group may be received from,
and `head` its oldest message. `refresh_group` computes it anew after every change of the group.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sqs.model import Message, MoveTask, NewMessage, Queue, free_at
from emulator.services.sqs.rules.addresses import QueueName
from emulator.services.sqs.rules.attributes import read_attributes

SCHEMA = """
CREATE TABLE IF NOT EXISTS sqs_queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  attributes TEXT NOT NULL, tags TEXT NOT NULL,
  created_at REAL NOT NULL, modified_at REAL NOT NULL, purged_at REAL,
  dead_letter_arn TEXT, active_until REAL,
  UNIQUE (account, region, name)
);
CREATE INDEX IF NOT EXISTS sqs_queue_dead_letter ON sqs_queue (dead_letter_arn) WHERE dead_letter_arn IS NOT NULL;
CREATE TABLE IF NOT EXISTS sqs_deleted_queue (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, deleted_at REAL NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS sqs_message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue INTEGER NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT,
  sent_at REAL NOT NULL, visible_at REAL NOT NULL, receive_count INTEGER NOT NULL DEFAULT 0,
  first_received_at REAL, received_at REAL, receipt TEXT, sender_id TEXT NOT NULL, group_id TEXT, deduplication_id TEXT,
  trace_header TEXT, dead_letter_source TEXT
);
CREATE INDEX IF NOT EXISTS sqs_message_visible ON sqs_message (queue, visible_at, id);
CREATE INDEX IF NOT EXISTS sqs_message_sent ON sqs_message (queue, sent_at);
CREATE TABLE IF NOT EXISTS sqs_group (
  queue INTEGER NOT NULL, group_id TEXT NOT NULL, free_at REAL NOT NULL, head INTEGER NOT NULL,
  PRIMARY KEY (queue, group_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sqs_group_free ON sqs_group (queue, free_at, head);
CREATE INDEX IF NOT EXISTS sqs_message_group ON sqs_message (queue, group_id, id) WHERE deduplication_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS sqs_message_in_flight ON sqs_message (queue, group_id, visible_at)
  WHERE deduplication_id IS NOT NULL AND receipt IS NOT NULL;
CREATE TABLE IF NOT EXISTS sqs_deduplication (
  queue INTEGER NOT NULL, group_id TEXT NOT NULL, deduplication_id TEXT NOT NULL,
  message_id TEXT NOT NULL, row INTEGER NOT NULL, expires_at REAL NOT NULL,
  PRIMARY KEY (queue, group_id, deduplication_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sqs_deduplication_expires ON sqs_deduplication (queue, expires_at);
CREATE TABLE IF NOT EXISTS sqs_receive_attempt (
  queue INTEGER NOT NULL, attempt_id TEXT NOT NULL, rows TEXT NOT NULL, expires_at REAL NOT NULL,
  PRIMARY KEY (queue, attempt_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sqs_move_task (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  handle TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
  source_arn TEXT NOT NULL, destination_arn TEXT, per_second INTEGER, status TEXT NOT NULL,
  moved INTEGER NOT NULL DEFAULT 0, to_move INTEGER NOT NULL, last_row INTEGER NOT NULL,
  started_at REAL NOT NULL, failure TEXT
);
CREATE INDEX IF NOT EXISTS sqs_move_task_source ON sqs_move_task (source_arn, id);
"""

EXPIRED_AT_ONCE = 1000
_QUEUE = "id, account, region, name, attributes, tags, created_at, modified_at, purged_at, active_until"
_TASK = "id, handle, source_arn, destination_arn, per_second, status, moved, to_move, last_row, started_at, failure"
_MESSAGE = (
    "id, message_id, body, attributes, sent_at, visible_at, receive_count, first_received_at, received_at, receipt, "
    "sender_id, group_id, deduplication_id, trace_header, dead_letter_source"
)

# ── queues ──────────────────────────────────────────────────────────────────────────────────────


def find_queue(tx: Transaction, at: QueueName) -> Queue | None:
    """The queue of that name."""
    row = tx.execute(
        f"SELECT {_QUEUE} FROM sqs_queue WHERE account = ? AND region = ? AND name = ?",
        (at.scope.account, at.scope.region, at.name),
    ).fetchone()
    return _queue(row) if row else None


def queue_by_id(tx: Transaction, queue_id: int) -> Queue | None:
    """The queue with that id."""
    row = tx.execute(f"SELECT {_QUEUE} FROM sqs_queue WHERE id = ?", (queue_id,)).fetchone()
    return _queue(row) if row else None


def create_queue(tx: Transaction, at: QueueName, attributes: Mapping[str, str], tags: Mapping[str, str]) -> Queue:
    """Insert a queue."""
    text = json.dumps(dict(attributes))
    settings = read_attributes(text)[1]
    cursor = tx.execute(
        "INSERT INTO sqs_queue (account, region, name, attributes, tags, created_at, modified_at, dead_letter_arn) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (at.scope.account, at.scope.region, at.name, text, json.dumps(dict(tags)), tx.now, tx.now,
         settings.dead_letter_arn),
    )  # fmt: skip
    assert cursor.lastrowid is not None
    return Queue(cursor.lastrowid, at, attributes, settings, tags, tx.now, tx.now)


def save_attributes(tx: Transaction, queue: Queue, attributes: Mapping[str, str]) -> None:
    """Replace a queue's attributes."""
    text = json.dumps(dict(attributes))
    tx.execute(
        "UPDATE sqs_queue SET attributes = ?, modified_at = ?, dead_letter_arn = ? WHERE id = ?",
        (text, tx.now, read_attributes(text)[1].dead_letter_arn, queue.id),
    )


def save_tags(tx: Transaction, queue: Queue, tags: Mapping[str, str]) -> None:
    """Replace a queue's tags."""
    tx.execute("UPDATE sqs_queue SET tags = ? WHERE id = ?", (json.dumps(dict(tags)), queue.id))


def delete_queue(tx: Transaction, queue: Queue) -> None:
    """Delete a queue with everything in it, and remember when."""
    delete_messages(tx, queue)
    tx.execute("DELETE FROM sqs_queue WHERE id = ?", (queue.id,))
    tx.execute(
        "INSERT OR REPLACE INTO sqs_deleted_queue (account, region, name, deleted_at) VALUES (?, ?, ?, ?)",
        (queue.scope.account, queue.scope.region, queue.at.name, tx.now),
    )


def delete_messages(tx: Transaction, queue: Queue) -> None:
    """Delete all messages of a queue."""
    for table in ("sqs_message", "sqs_group", "sqs_deduplication", "sqs_receive_attempt"):
        tx.execute(f"DELETE FROM {table} WHERE queue = ?", (queue.id,))


def mark_purged(tx: Transaction, queue: Queue) -> None:
    """Remember when a queue was purged."""
    tx.execute("UPDATE sqs_queue SET purged_at = ? WHERE id = ?", (tx.now, queue.id))


def set_active_until(tx: Transaction, queue: Queue, until: float | None) -> None:
    """Change until when a queue's gauges are measured."""
    tx.execute("UPDATE sqs_queue SET active_until = ? WHERE id = ?", (until, queue.id))


def begin_activity(tx: Transaction, queue: Queue, until: float) -> bool:
    """Have a queue measured until then; False if it was measured already."""
    cursor = tx.execute(
        "UPDATE sqs_queue SET active_until = ? WHERE id = ? AND active_until IS NULL", (until, queue.id)
    )
    return cursor.rowcount > 0


def deleted_at(tx: Transaction, at: QueueName) -> float | None:
    """When a queue of that name was last deleted."""
    row = tx.execute(
        "SELECT deleted_at FROM sqs_deleted_queue WHERE account = ? AND region = ? AND name = ?",
        (at.scope.account, at.scope.region, at.name),
    ).fetchone()
    return row[0] if row else None


def list_queues(tx: Transaction, scope: Scope, prefix: str, after: str, limit: int) -> list[Queue]:
    """Queues by name, beyond `after`."""
    rows = tx.execute(
        f"SELECT {_QUEUE} FROM sqs_queue WHERE account = ? AND region = ? AND name > ? AND substr(name, 1, ?) = ? "
        "ORDER BY name LIMIT ?",
        (scope.account, scope.region, after, len(prefix), prefix, limit),
    ).fetchall()
    return [_queue(row) for row in rows]


def list_sources(tx: Transaction, arn: str, after: int, limit: int) -> list[Queue]:
    """Queues whose dead letters go to `arn`, by id beyond `after`."""
    rows = tx.execute(
        f"SELECT {_QUEUE} FROM sqs_queue WHERE dead_letter_arn = ? AND id > ? ORDER BY id LIMIT ?", (arn, after, limit)
    ).fetchall()
    return [_queue(row) for row in rows]


# ── messages ────────────────────────────────────────────────────────────────────────────────────


def insert_message(tx: Transaction, queue: Queue, message_id: str, new: NewMessage, visible_at: float) -> int:
    """Add a message at the end; returns its row."""
    cursor = tx.execute(
        "INSERT INTO sqs_message (queue, message_id, body, attributes, sent_at, visible_at, sender_id, group_id, "
        "deduplication_id, trace_header) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (queue.id, message_id, new.body, _attributes_text(new.attributes), tx.now, visible_at, new.sender_id,
         new.group_id, new.deduplication_id, new.trace_header),
    )  # fmt: skip
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def visible_messages(tx: Transaction, queue: Queue, limit: int) -> list[Message]:
    """Messages of a standard queue that can be received now, in the order in which they became visible."""
    rows = tx.execute(
        f"SELECT {_MESSAGE} FROM sqs_message WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?",
        (queue.id, tx.now, limit),
    ).fetchall()
    return [_message(row) for row in rows]


def visible_messages_until(tx: Transaction, queue: Queue, limit: int, last_row: int) -> list[Message]:
    """Visible messages that had arrived when a move task started, in the order of arrival."""
    rows = tx.execute(
        f"SELECT {_MESSAGE} FROM sqs_message WHERE queue = ? AND visible_at <= ? AND id <= ? "
        "ORDER BY visible_at, id LIMIT ?",
        (queue.id, tx.now, last_row, limit),
    ).fetchall()
    return [_message(row) for row in rows]


def messages_of_group(tx: Transaction, queue: Queue, group_id: str, limit: int) -> list[Message]:
    """The oldest visible messages of a FIFO queue's group, in order; the caller knows that the group is free."""
    rows = tx.execute(
        f"SELECT {_MESSAGE} FROM sqs_message WHERE queue = ? AND group_id = ? AND deduplication_id IS NOT NULL "
        "ORDER BY id LIMIT ?",
        (queue.id, group_id, limit),
    ).fetchall()
    messages = [_message(row) for row in rows]
    for index, message in enumerate(messages):
        if message.visible_at > tx.now:
            return messages[:index]
    return messages


def free_groups(tx: Transaction, queue: Queue, limit: int) -> list[str]:
    """Groups of a FIFO queue that may be received from, the longest free first."""
    rows = tx.execute(
        "SELECT group_id FROM sqs_group WHERE queue = ? AND free_at <= ? ORDER BY free_at, head LIMIT ?",
        (queue.id, tx.now, limit),
    ).fetchall()
    return [row[0] for row in rows]


def refresh_group(tx: Transaction, queue: Queue, group_id: str) -> bool:
    """Write down anew when a group may be received from (`model.free_at`).

    False if it holds no message any more.
    """
    row = tx.execute(
        "SELECT id, visible_at FROM sqs_message WHERE queue = ? AND group_id = ? AND deduplication_id IS NOT NULL "
        "ORDER BY id LIMIT 1",
        (queue.id, group_id),
    ).fetchone()
    if row is None:
        tx.execute("DELETE FROM sqs_group WHERE queue = ? AND group_id = ?", (queue.id, group_id))
        return False
    head, visible_at = row
    in_flight = tx.execute(
        "SELECT max(visible_at) FROM sqs_message WHERE queue = ? AND group_id = ? AND deduplication_id IS NOT NULL "
        "AND receipt IS NOT NULL",
        (queue.id, group_id),
    ).fetchone()[0]
    tx.execute(
        "INSERT OR REPLACE INTO sqs_group (queue, group_id, free_at, head) VALUES (?, ?, ?, ?)",
        (queue.id, group_id, free_at(visible_at, in_flight), head),
    )
    return True


def mark_received(tx: Transaction, row: int, visible_at: float, receipt: str, receive_count: int, first: float) -> None:
    """A message is in flight until `visible_at`."""
    tx.execute(
        "UPDATE sqs_message SET visible_at = ?, receipt = ?, receive_count = ?, first_received_at = ?, received_at = ? "
        "WHERE id = ?",
        (visible_at, receipt, receive_count, first, tx.now, row),
    )


def mark_given_back(tx: Transaction, row: int, receive_count: int) -> None:
    """A message is visible as if its latest receipt had not been."""
    tx.execute(
        "UPDATE sqs_message SET visible_at = ?, receive_count = ?, receipt = CASE ? WHEN 0 THEN NULL ELSE receipt END, "
        "first_received_at = CASE ? WHEN 0 THEN NULL ELSE first_received_at END WHERE id = ?",
        (tx.now, receive_count, receive_count, receive_count, row),
    )


def set_visible_at(tx: Transaction, row: int, visible_at: float) -> None:
    """Change when a message becomes visible."""
    tx.execute("UPDATE sqs_message SET visible_at = ? WHERE id = ?", (visible_at, row))


def find_message(tx: Transaction, queue: Queue, row: int) -> Message | None:
    """The message in a row, if it is still there."""
    found = tx.execute(f"SELECT {_MESSAGE} FROM sqs_message WHERE id = ? AND queue = ?", (row, queue.id)).fetchone()
    return _message(found) if found else None


def delete_message(tx: Transaction, row: int) -> None:
    """Delete a message."""
    tx.execute("DELETE FROM sqs_message WHERE id = ?", (row,))


def move_message(
    tx: Transaction, message: Message, target: Queue, sent_at: float, visible_at: float, source_arn: str | None
) -> int:
    """Put a message at the end of another queue, unreceived; returns its new row."""
    deduplication = message.deduplication_id
    group_id = message.group_id
    cursor = tx.execute(
        "INSERT INTO sqs_message (queue, message_id, body, attributes, sent_at, visible_at, receive_count, "
        "first_received_at, sender_id, group_id, deduplication_id, trace_header, dead_letter_source) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (target.id, message.id, message.body, _attributes_text(message.attributes), sent_at, visible_at,
         message.receive_count, message.first_received_at, message.sender_id, group_id, deduplication,
         message.trace_header, source_arn),
    )  # fmt: skip
    delete_message(tx, message.row)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def drop_expired(tx: Transaction, queue: Queue) -> None:
    """Delete messages older than the queue keeps them, a bounded number at a time."""
    oldest = tx.now - queue.settings.retention_seconds
    while True:
        rows = tx.execute(
            "SELECT id, group_id FROM sqs_message WHERE queue = ? AND sent_at <= ? ORDER BY sent_at LIMIT ?",
            (queue.id, oldest, EXPIRED_AT_ONCE),
        ).fetchall()
        for row, _ in rows:
            tx.execute("DELETE FROM sqs_message WHERE id = ?", (row,))
        if queue.fifo:
            for group_id in {group_id for _, group_id in rows}:
                refresh_group(tx, queue, group_id)
        if len(rows) < EXPIRED_AT_ONCE:
            return


def next_visible_at(tx: Transaction, queue: Queue) -> float | None:
    """When something that cannot be received now can be: the earliest time after now."""
    if queue.fifo:
        query = "SELECT min(free_at) FROM sqs_group WHERE queue = ? AND free_at > ?"
    else:
        query = "SELECT min(visible_at) FROM sqs_message WHERE queue = ? AND visible_at > ?"
    return tx.execute(query, (queue.id, tx.now)).fetchone()[0]


def anything_visible(tx: Transaction, queue: Queue) -> bool:
    """Whether a receive would find something."""
    if queue.fifo:
        query = "SELECT 1 FROM sqs_group WHERE queue = ? AND free_at <= ? LIMIT 1"
    else:
        query = "SELECT 1 FROM sqs_message WHERE queue = ? AND visible_at <= ? LIMIT 1"
    return tx.execute(query, (queue.id, tx.now)).fetchone() is not None


def visible_up_to(tx: Transaction, queue: Queue, limit: int) -> int:
    """How many messages are visible, counted up to `limit`."""
    row = tx.execute(
        "SELECT count(*) FROM (SELECT 1 FROM sqs_message WHERE queue = ? AND visible_at <= ? LIMIT ?)",
        (queue.id, tx.now, limit),
    ).fetchone()
    return row[0]


def counts(tx: Transaction, queue: Queue) -> tuple[int, int, int]:
    """(visible, in flight, delayed) messages that have not expired."""
    where = (queue.id, tx.now - queue.settings.retention_seconds)
    total = tx.execute("SELECT count(*) FROM sqs_message WHERE queue = ? AND sent_at > ?", where).fetchone()[0]
    hidden = tx.execute(
        "SELECT count(*), count(receipt) FROM sqs_message WHERE queue = ? AND visible_at > ? AND sent_at > ?",
        (queue.id, tx.now, where[1]),
    ).fetchone()
    return total - hidden[0], hidden[1], hidden[0] - hidden[1]


def in_flight_up_to(tx: Transaction, queue: Queue, limit: int) -> int:
    """How many messages are in flight, counted up to `limit`."""
    row = tx.execute(
        "SELECT count(*) FROM (SELECT 1 FROM sqs_message WHERE queue = ? AND visible_at > ? AND receipt IS NOT NULL "
        "LIMIT ?)",
        (queue.id, tx.now, limit),
    ).fetchone()
    return row[0]


def groups_in_flight(tx: Transaction, queue: Queue) -> int:
    """How many groups of a FIFO queue have messages in flight."""
    row = tx.execute(
        "SELECT count(DISTINCT group_id) FROM sqs_message WHERE queue = ? AND deduplication_id IS NOT NULL "
        "AND receipt IS NOT NULL AND visible_at > ?",
        (queue.id, tx.now),
    ).fetchone()
    return row[0]


def oldest_since(tx: Transaction, queue: Queue, most_receives: int) -> float | None:
    """Since when the oldest message is in the queue that was received fewer than `most_receives` times."""
    row = tx.execute(
        "SELECT sent_at, dead_letter_source, receipt, visible_at, received_at FROM sqs_message "
        "WHERE queue = ? AND sent_at > ? AND (receive_count < ? OR dead_letter_source IS NOT NULL) "
        "ORDER BY sent_at LIMIT 1",
        (queue.id, tx.now - queue.settings.retention_seconds, most_receives),
    ).fetchone()
    if row is None:
        return None
    sent_at, moved_from, receipt, visible_at, received_at = row
    if moved_from is None:
        return sent_at
    return visible_at if receipt is None else max(sent_at, received_at or sent_at)


# ── deduplication, receive attempts ─────────────────────────────────────────────────────────────


def find_duplicate(tx: Transaction, queue: Queue, group_id: str, deduplication_id: str) -> tuple[str, int] | None:
    """Message id and row of a message that was sent with this deduplication id in the last five minutes."""
    tx.execute("DELETE FROM sqs_deduplication WHERE queue = ? AND expires_at <= ?", (queue.id, tx.now))
    return tx.execute(
        "SELECT message_id, row FROM sqs_deduplication WHERE queue = ? AND group_id = ? AND deduplication_id = ?",
        (queue.id, group_id, deduplication_id),
    ).fetchone()


def remember_sent(
    tx: Transaction, queue: Queue, group_id: str, deduplication_id: str, message_id: str, row: int, expires_at: float
) -> None:
    """Remember a deduplication id."""
    tx.execute(
        "INSERT OR REPLACE INTO sqs_deduplication (queue, group_id, deduplication_id, message_id, row, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (queue.id, group_id, deduplication_id, message_id, row, expires_at),
    )


def find_attempt(tx: Transaction, queue: Queue, attempt_id: str) -> list[tuple[int, str]] | None:
    """Rows and receipts that a receive attempt was answered with, while it may be repeated."""
    row = tx.execute(
        "SELECT rows FROM sqs_receive_attempt WHERE queue = ? AND attempt_id = ? AND expires_at > ?",
        (queue.id, attempt_id, tx.now),
    ).fetchone()
    return [(item[0], item[1]) for item in json.loads(row[0])] if row else None


def remember_attempt(
    tx: Transaction, queue: Queue, attempt_id: str, rows: list[tuple[int, str]], expires_at: float
) -> None:
    """Remember what a receive attempt was answered with."""
    tx.execute("DELETE FROM sqs_receive_attempt WHERE queue = ? AND expires_at <= ?", (queue.id, tx.now))
    tx.execute(
        "INSERT OR REPLACE INTO sqs_receive_attempt (queue, attempt_id, rows, expires_at) VALUES (?, ?, ?, ?)",
        (queue.id, attempt_id, json.dumps(rows), expires_at),
    )


# ── move tasks ──────────────────────────────────────────────────────────────────────────────────


def add_move_task(
    tx: Transaction, source: Queue, handle: str, destination_arn: str | None, per_second: int | None
) -> int:
    """Add a running task over what the source holds now; returns its id."""
    visible = counts(tx, source)[0]
    last_row = tx.execute("SELECT max(id) FROM sqs_message").fetchone()[0] or 0
    cursor = tx.execute(
        "INSERT INTO sqs_move_task (handle, account, region, source_arn, destination_arn, per_second, status, to_move, "
        "last_row, started_at) VALUES (?, ?, ?, ?, ?, ?, 'RUNNING', ?, ?, ?)",
        (handle, source.scope.account, source.scope.region, source.arn, destination_arn, per_second, visible, last_row,
         tx.now),
    )  # fmt: skip
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def find_move_task(tx: Transaction, task_id: int) -> MoveTask | None:
    """The task with that id."""
    row = tx.execute(f"SELECT {_TASK} FROM sqs_move_task WHERE id = ?", (task_id,)).fetchone()
    return MoveTask(*row) if row else None


def find_move_task_by_handle(tx: Transaction, handle: str) -> MoveTask | None:
    """The task with that handle."""
    row = tx.execute(f"SELECT {_TASK} FROM sqs_move_task WHERE handle = ?", (handle,)).fetchone()
    return MoveTask(*row) if row else None


def list_move_tasks(tx: Transaction, source_arn: str, limit: int) -> list[MoveTask]:
    """The latest tasks of a source queue, newest first."""
    rows = tx.execute(
        f"SELECT {_TASK} FROM sqs_move_task WHERE source_arn = ? ORDER BY id DESC LIMIT ?", (source_arn, limit)
    ).fetchall()
    return [MoveTask(*row) for row in rows]


def add_moved(tx: Transaction, task_id: int, moved: int) -> None:
    """Count messages that a task has moved."""
    tx.execute("UPDATE sqs_move_task SET moved = moved + ? WHERE id = ?", (moved, task_id))


def end_move_task(tx: Transaction, task_id: int, status: str, failure: str | None = None) -> None:
    """A task has ended."""
    tx.execute("UPDATE sqs_move_task SET status = ?, failure = ? WHERE id = ?", (status, failure, task_id))


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def _queue(row: tuple[Any, ...]) -> Queue:
    attributes, settings = read_attributes(row[4])
    at = QueueName(Scope(row[1], row[2]), row[3])
    tags = {} if row[5] == "{}" else json.loads(row[5])
    return Queue(row[0], at, attributes, settings, tags, row[6], row[7], row[8], row[9])


def _message(row: tuple[Any, ...]) -> Message:
    attributes = _read_attributes(row[3]) if row[3] else {}
    return Message(row[0], row[1], row[2], attributes, *row[4:])


def _attributes_text(attributes: Mapping[str, Any]) -> str | None:
    """Message attributes as JSON; binary values in base64."""
    if not attributes:
        return None
    return json.dumps(attributes, default=lambda value: {"base64": base64.b64encode(value).decode()})


def _read_attributes(text: str) -> dict[str, Any]:
    attributes: dict[str, Any] = json.loads(text)
    for attribute in attributes.values():
        binary = attribute.get("BinaryValue")
        if isinstance(binary, dict):
            attribute["BinaryValue"] = base64.b64decode(binary["base64"])
    return attributes
