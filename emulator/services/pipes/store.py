"""Where pipes are kept, and how far each has read its queue. Named SQL; decides nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.pipes.model import Pipe

SCHEMA = """
CREATE TABLE IF NOT EXISTS pipes_pipe (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  source TEXT NOT NULL, definition TEXT NOT NULL, desired TEXT NOT NULL, state TEXT NOT NULL,
  created_at REAL NOT NULL, modified_at REAL NOT NULL, reason TEXT, tags TEXT NOT NULL,
  poll_job INTEGER, poll_at REAL, window_ends_at REAL, running INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account, region, name)
);
CREATE INDEX IF NOT EXISTS pipes_pipe_source ON pipes_pipe (source);
"""
_PIPE = "account, region, name, definition, desired, state, created_at, modified_at, reason, tags"
_POLLER = f"{_PIPE}, poll_job, poll_at, window_ends_at, running"


@dataclass(frozen=True, slots=True)
class Poller:
    """A pipe and how far it is."""

    pipe: Pipe
    poll_job: int | None
    poll_at: float | None
    window_ends_at: float | None
    running: int
    """Batches that were taken and are not at their end."""


def find_poller(tx: Transaction, scope: Scope, name: str) -> Poller | None:
    """A pipe by name, with how far it is."""
    row = tx.execute(
        f"SELECT {_POLLER} FROM pipes_pipe WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _poller(row) if row else None


def find_pipe(tx: Transaction, scope: Scope, name: str) -> Pipe | None:
    """A pipe by name."""
    found = find_poller(tx, scope, name)
    return None if found is None else found.pipe


def pollers_of(tx: Transaction, source: str) -> list[Poller]:
    """The pipes of a source."""
    rows = tx.execute(f"SELECT {_POLLER} FROM pipes_pipe WHERE source = ? ORDER BY name", (source,)).fetchall()
    return [_poller(row) for row in rows]


def sources(tx: Transaction) -> list[str]:
    """The sources of all pipes."""
    return [row[0] for row in tx.execute("SELECT DISTINCT source FROM pipes_pipe").fetchall()]


def list_pipes(tx: Transaction, scope: Scope, prefix: str) -> list[Pipe]:
    """Pipes by name, those with a prefix."""
    rows = tx.execute(
        f"SELECT {_PIPE} FROM pipes_pipe WHERE account = ? AND region = ? AND substr(name, 1, ?) = ? ORDER BY name",
        (scope.account, scope.region, len(prefix), prefix),
    ).fetchall()
    return [_pipe(row) for row in rows]


def insert_pipe(tx: Transaction, pipe: Pipe) -> None:
    """Keep a new pipe."""
    tx.execute(
        f"INSERT INTO pipes_pipe ({_PIPE}, source) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            pipe.scope.account,
            pipe.scope.region,
            pipe.name,
            json.dumps(dict(pipe.definition)),
            pipe.desired,
            pipe.state,
            pipe.created_at,
            pipe.modified_at,
            pipe.reason,
            json.dumps(dict(pipe.tags)),
            pipe.source,
        ),
    )


def update_pipe(tx: Transaction, pipe: Pipe) -> None:
    """Change a pipe; how far it is stays."""
    tx.execute(
        "UPDATE pipes_pipe SET definition = ?, desired = ?, state = ?, modified_at = ?, reason = ?, tags = ?"
        " WHERE account = ? AND region = ? AND name = ?",
        (
            json.dumps(dict(pipe.definition)),
            pipe.desired,
            pipe.state,
            pipe.modified_at,
            pipe.reason,
            json.dumps(dict(pipe.tags)),
            *_key(pipe),
        ),
    )


def delete_pipe(tx: Transaction, pipe: Pipe) -> None:
    """Delete a pipe."""
    tx.execute("DELETE FROM pipes_pipe WHERE account = ? AND region = ? AND name = ?", _key(pipe))


def set_poll(tx: Transaction, pipe: Pipe, job: int | None, at: float | None) -> None:
    """Remember a pipe's poll job."""
    tx.execute(
        "UPDATE pipes_pipe SET poll_job = ?, poll_at = ? WHERE account = ? AND region = ? AND name = ?",
        (job, at, *_key(pipe)),
    )


def set_window(tx: Transaction, pipe: Pipe, ends_at: float | None) -> None:
    """Remember when the batching window closes."""
    tx.execute(
        "UPDATE pipes_pipe SET window_ends_at = ? WHERE account = ? AND region = ? AND name = ?",
        (ends_at, *_key(pipe)),
    )


def add_running(tx: Transaction, pipe: Pipe, change: int) -> None:
    """One batch more, or one less."""
    tx.execute(
        "UPDATE pipes_pipe SET running = max(running + ?, 0) WHERE account = ? AND region = ? AND name = ?",
        (change, *_key(pipe)),
    )


def _key(pipe: Pipe) -> tuple[str, str, str]:
    return pipe.scope.account, pipe.scope.region, pipe.name


def _poller(row: tuple[Any, ...]) -> Poller:
    return Poller(_pipe(row[:10]), *row[10:])


def _pipe(row: tuple[Any, ...]) -> Pipe:
    account, region, name, definition, desired, state, created_at, modified_at, reason, tags = row
    scope = Scope(account, region)
    return Pipe(scope, name, json.loads(definition), desired, state, created_at, modified_at, reason, json.loads(tags))
