"""Where event source mappings are kept, with what their pollers must remember. Named SQL only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources.mapping import SourceMapping
from emulator.services.lambda_.event_sources.streams.settings import StreamSettings
from emulator.services.lambda_.rules.names import FunctionName

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_event_source_mapping (
  uuid TEXT PRIMARY KEY,
  account TEXT NOT NULL, region TEXT NOT NULL, function_name TEXT NOT NULL, qualifier TEXT,
  source_arn TEXT NOT NULL, enabled INTEGER NOT NULL, last_modified REAL NOT NULL, configuration TEXT NOT NULL,
  tags TEXT NOT NULL,
  poll_job INTEGER, poll_at REAL, window_ends_at REAL, running INTEGER NOT NULL DEFAULT 0, waits_since REAL
);
CREATE INDEX IF NOT EXISTS lambda_event_source_mapping_waits ON lambda_event_source_mapping (waits_since)
  WHERE waits_since IS NOT NULL;
CREATE INDEX IF NOT EXISTS lambda_event_source_mapping_source ON lambda_event_source_mapping (source_arn);
CREATE INDEX IF NOT EXISTS lambda_event_source_mapping_scope ON lambda_event_source_mapping (account, region, uuid);
"""

_COLUMNS = (
    "uuid, account, region, function_name, qualifier, source_arn, enabled, last_modified, configuration, "
    "poll_job, poll_at, window_ends_at, running, waits_since"
)


@dataclass(frozen=True, slots=True)
class Poller:
    """A mapping and where its polling stands."""

    mapping: SourceMapping
    poll_job: int | None
    """The job that will look into the queue; None while there is nothing to look for."""
    poll_at: float | None
    window_ends_at: float | None
    """When the batching window closes that the first message of a batch has opened."""
    running: int
    """Batches that have been read and are not done."""
    waits_since: float | None
    """Since when it waits for the end of another mapping's batch; None while it does not."""


def find(tx: Transaction, uuid: str) -> Poller | None:
    """The mapping with that UUID."""
    row = tx.execute(f"SELECT {_COLUMNS} FROM lambda_event_source_mapping WHERE uuid = ?", (uuid,)).fetchone()
    return _poller(row) if row else None


def of_source(tx: Transaction, source_arn: str) -> list[Poller]:
    """All mappings that read a queue."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM lambda_event_source_mapping WHERE source_arn = ? ORDER BY rowid", (source_arn,)
    ).fetchall()
    return [_poller(row) for row in rows]


def listed(
    tx: Transaction, scope: Scope, source_arn: str | None, function: FunctionName | None, after: str, limit: int
) -> list[SourceMapping]:
    """Mappings by UUID beyond `after`; of one source and function if given."""
    where, parameters = "account = ? AND region = ? AND uuid > ?", [scope.account, scope.region, after]
    if source_arn is not None:
        where, parameters = where + " AND source_arn = ?", [*parameters, source_arn]
    if function is not None:
        where, parameters = where + " AND function_name = ?", [*parameters, function.name]
        if function.qualifier is not None:
            where, parameters = where + " AND qualifier = ?", [*parameters, function.qualifier]
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM lambda_event_source_mapping WHERE {where} ORDER BY uuid LIMIT ?", [*parameters, limit]
    ).fetchall()
    return [_poller(row).mapping for row in rows]


def sources(tx: Transaction) -> list[str]:
    """The ARNs of all queues that are read."""
    return [row[0] for row in tx.execute("SELECT DISTINCT source_arn FROM lambda_event_source_mapping").fetchall()]


def insert(tx: Transaction, mapping: SourceMapping, tags: dict[str, str]) -> None:
    """Add a mapping."""
    tx.execute(
        "INSERT INTO lambda_event_source_mapping (uuid, account, region, function_name, qualifier, source_arn, "
        "enabled, last_modified, configuration, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (mapping.uuid, mapping.scope.account, mapping.scope.region, mapping.function.name, mapping.function.qualifier,
         mapping.source_arn, mapping.enabled, mapping.last_modified, _configuration(mapping), json.dumps(tags)),
    )  # fmt: skip


def update(tx: Transaction, mapping: SourceMapping) -> None:
    """Change a mapping's settings."""
    tx.execute(
        "UPDATE lambda_event_source_mapping SET function_name = ?, qualifier = ?, enabled = ?, last_modified = ?, "
        "configuration = ?, window_ends_at = NULL WHERE uuid = ?",
        (mapping.function.name, mapping.function.qualifier, mapping.enabled, mapping.last_modified,
         _configuration(mapping), mapping.uuid),
    )  # fmt: skip


def delete(tx: Transaction, uuid: str) -> None:
    """Delete a mapping."""
    tx.execute("DELETE FROM lambda_event_source_mapping WHERE uuid = ?", (uuid,))


def tags_of(tx: Transaction, uuid: str) -> dict[str, str] | None:
    """A mapping's tags; None if there is no such mapping."""
    row = tx.execute("SELECT tags FROM lambda_event_source_mapping WHERE uuid = ?", (uuid,)).fetchone()
    return json.loads(row[0]) if row else None


def save_tags(tx: Transaction, uuid: str, tags: dict[str, str]) -> None:
    """Replace a mapping's tags."""
    tx.execute("UPDATE lambda_event_source_mapping SET tags = ? WHERE uuid = ?", (json.dumps(tags), uuid))


def set_poll(tx: Transaction, uuid: str, job: int | None, at: float | None) -> None:
    """Remember which job polls next, and when."""
    tx.execute("UPDATE lambda_event_source_mapping SET poll_job = ?, poll_at = ? WHERE uuid = ?", (job, at, uuid))


def set_window(tx: Transaction, uuid: str, ends_at: float | None) -> None:
    """Open or close the batching window."""
    tx.execute("UPDATE lambda_event_source_mapping SET window_ends_at = ? WHERE uuid = ?", (ends_at, uuid))


def add_running(tx: Transaction, uuid: str, more: int) -> None:
    """Count batches that have been read and are not done."""
    tx.execute("UPDATE lambda_event_source_mapping SET running = running + ? WHERE uuid = ?", (more, uuid))


def set_waiting(tx: Transaction, uuid: str) -> None:
    """There is something to read and no room for a batch on this machine: wait for the end of another one."""
    tx.execute(
        "UPDATE lambda_event_source_mapping SET waits_since = coalesce(waits_since, ?) WHERE uuid = ?", (tx.now, uuid)
    )


def set_not_waiting(tx: Transaction, uuid: str) -> None:
    """It waits no more: it was woken, or there is nothing left to wait for."""
    tx.execute("UPDATE lambda_event_source_mapping SET waits_since = NULL WHERE uuid = ?", (uuid,))


def longest_waiting(tx: Transaction) -> str | None:
    """The mapping that has waited longest."""
    row = tx.execute(
        "SELECT uuid FROM lambda_event_source_mapping WHERE waits_since IS NOT NULL ORDER BY waits_since, rowid LIMIT 1"
    ).fetchone()
    return row[0] if row else None


def _configuration(mapping: SourceMapping) -> str:
    return json.dumps(
        [
            mapping.batch_size,
            mapping.window_seconds,
            mapping.filters,
            mapping.reports_failures,
            mapping.maximum_concurrency,
            mapping.metrics,
            None if mapping.stream is None else mapping.stream.to_stored(),
        ]
    )


def _poller(row: tuple[Any, ...]) -> Poller:
    scope = Scope(row[1], row[2])
    batch_size, window, filters, reports, concurrency, metrics, *rest = json.loads(row[8])
    stream = StreamSettings(**rest[0]) if rest and rest[0] is not None else None
    mapping = SourceMapping(
        row[0],
        scope,
        FunctionName(scope, row[3], row[4]),
        row[5],
        bool(row[6]),
        row[7],
        batch_size,
        window,
        tuple(filters),
        reports,
        concurrency,
        tuple(metrics),
        stream,
    )
    return Poller(mapping, row[9], row[10], row[11], row[12], row[13])
