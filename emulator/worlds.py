"""Worlds: AWS accounts on one emulator of which each belongs to one test, or to whoever asked for one.

Decides which account a new world gets, what of everything kept is a world's, and that nothing of it goes on after its
end. Time is the emulator's, not a world's: docs/testing.md says what that means for worlds that live side by side.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS world (number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT UNIQUE, begun_at REAL);
"""

FIRST_ACCOUNT = 700_000_000_000
"""Far from the accounts that people choose for themselves (000000000000, 123456789012, 111111111111)."""

_OF = "IN (SELECT {key} FROM {parent} WHERE account = :account)"
_NAMES_IT = "LIKE '%:' || :account || ':%'"
CHILDREN = {
    "apigateway_plan_key": "plan_id " + _OF.format(key="id", parent="apigateway_plan"),
    "apigateway_usage": "plan_id " + _OF.format(key="id", parent="apigateway_plan"),
    "apigateway_usage_extra": "plan_id " + _OF.format(key="id", parent="apigateway_plan"),
    "apigatewayv2_deployment": "api_id " + _OF.format(key="id", parent="apigatewayv2_api"),
    "apigatewayv2_stage": "api_id " + _OF.format(key="id", parent="apigatewayv2_api"),
    "iam_signing_key": f"user_arn {_NAMES_IT}",
    **{f"cloudformation_{part}": f"stack_id {_NAMES_IT}" for part in ("event", "leftover", "resource", "signal")},
    "lambda_stream_lane": "uuid " + _OF.format(key="uuid", parent="lambda_event_source_mapping"),
    "lambda_stream_reader": "uuid " + _OF.format(key="uuid", parent="lambda_event_source_mapping"),
    "log_batch": "group_id " + _OF.format(key="id", parent="log_group"),
    "log_filter": "group_id " + _OF.format(key="id", parent="log_group"),
    "log_stream": "group_id " + _OF.format(key="id", parent="log_group"),
    "metric_summary": "series " + _OF.format(key="id", parent="metric_series"),
    "ses_circumstances": "id " + _OF.format(key="id", parent="ses_message"),
    "ses_feedback": "id " + _OF.format(key="id", parent="ses_message"),
    "sns_deduplication": f"topic_arn {_NAMES_IT}",
    "sns_subscription": f"owner = :account OR topic_arn {_NAMES_IT}",
    "sqs_deduplication": "queue " + _OF.format(key="id", parent="sqs_queue"),
    "sqs_group": "queue " + _OF.format(key="id", parent="sqs_queue"),
    "sqs_message": "queue " + _OF.format(key="id", parent="sqs_queue"),
    "sqs_receive_attempt": "queue " + _OF.format(key="id", parent="sqs_queue"),
}
"""What belongs to an account through something else. Every other table has a column `account`: a test looks."""

_PARENT_OF_JOB = (
    ("sfn.%", "$.execution", "sfn_execution", "id"),
    ("sfn.%", "$.map_run", "sfn_map_run", "id"),
    ("lambda.%", "$.uuid", "lambda_event_source_mapping", "uuid"),
    ("ses.deliver", "$.id", "ses_message", "id"),
    ("logs.sweep", "$.group", "log_group", "id"),
    ("sqs.move", "$.task", "sqs_move_task", "id"),
)
"""Jobs that name only the row they are about. All others name their account: in an ARN, or beside a name."""

_IS_ITS_JOB = " OR ".join(
    [
        "instr(owner, :account)",
        "instr(coalesce(key, ''), :account)",
        "instr(payload, :account)",
        *(
            f"(kind LIKE '{kind}' AND json_extract(payload, '{path}') IN "
            f"(SELECT {column} FROM {table} WHERE account = :account))"
            for kind, path, table, column in _PARENT_OF_JOB
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class World:
    """An account that is somebody's own, and when it began in AWS time."""

    account: str
    begun_at: float


def begin(tx: Transaction) -> World:
    """A world of its own: an account that nobody had before."""
    number = tx.execute("INSERT INTO world (begun_at) VALUES (?)", (tx.now,)).lastrowid
    assert number is not None
    account = f"{FIRST_ACCOUNT + number:012d}"
    tx.execute("UPDATE world SET account = ? WHERE number = ?", (account, number))
    return World(account, tx.now)


def is_given(account: str) -> bool:
    """Whether an account is of those that worlds get: the first million of them, nobody has more."""
    return 0 < int(account) - FIRST_ACCOUNT <= 1_000_000


def alive(tx: Transaction) -> list[World]:
    """Worlds that have begun and not ended, oldest first."""
    rows = tx.execute("SELECT account, begun_at FROM world WHERE account IS NOT NULL ORDER BY number").fetchall()
    return [World(account, begun_at) for account, begun_at in rows]


def end(tx: Transaction, account: str) -> list[int] | None:
    """Forget everything that belongs to a world; the ids of its jobs, or None if there is no such world."""
    named: Any = {"account": account}
    if tx.execute("DELETE FROM world WHERE account = :account", named).rowcount == 0:
        return None
    ended = its_jobs(tx, account)
    tx.execute(f"DELETE FROM job WHERE {_IS_ITS_JOB}", named)
    for table, condition in CHILDREN.items():
        tx.execute(f"DELETE FROM {table} WHERE {condition}", named)
    for table in tables(tx):
        if table not in CHILDREN and table not in ("job", "world"):
            tx.execute(f"DELETE FROM {table} WHERE account = :account", named)
    return ended


def its_jobs(tx: Transaction, account: str, after: float = 0.0, without: Collection[str] = ()) -> list[int]:
    """Ids of the jobs of an account that are due later than `after`, earliest first, those of some kinds left out."""
    named: Any = {"account": account, "after": after}
    rows = tx.execute(f"SELECT id, kind FROM job WHERE due_at > :after AND ({_IS_ITS_JOB}) ORDER BY due_at, id", named)
    return [job_id for job_id, kind in rows.fetchall() if kind not in without]


def owner_of(tx: Transaction, identifier: str) -> tuple[str, str]:
    """Whose a deployed API or a function URL is, and the function of that; empty if there is none."""
    query = (
        "SELECT account, '' FROM apigateway_api WHERE id = ? UNION ALL SELECT account, '' FROM apigatewayv2_api"
        " WHERE id = ? UNION ALL SELECT account, name FROM lambda_function_url WHERE url_id = ?"
    )
    row = tx.execute(query, (identifier,) * 3).fetchone()
    return (row[0], row[1]) if row else ("", "")


def regions(tx: Transaction, account: str) -> list[str]:
    """Every region in which an account has anything."""
    found: set[str] = set()
    for table in tables(tx):
        columns = {name for (name,) in tx.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()}
        if {"account", "region"} <= columns:
            rows = tx.execute(f"SELECT DISTINCT region FROM {table} WHERE account = ?", (account,)).fetchall()
            found.update(region for (region,) in rows)
    return sorted(found)


def tables(tx: Transaction) -> list[str]:
    """Everything that is kept, by name."""
    rows = tx.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [name for (name,) in rows.fetchall() if name != "store_start"]
