"""What every start must know of CloudFormation, used or not: its tables, its job, which of its operations read first.

Apart from the rest, so that the rest is loaded when the first stack is made: it is a tenth of all modules.
"""

from __future__ import annotations

DEPLOY = "cloudformation.deploy"
"""Job kind: go on with a stack. Payload: `stack`, its id; the owner is the stack."""
UNANSWERED = "cloudformation.unanswered"
"""Job kind: the function of a custom resource has ended. Payload: `stack`, `resource`, `token`, and `ended`."""
READ_OPERATIONS = frozenset(
    {
        "CreateStack",
        "UpdateStack",
        "CreateChangeSet",
        "ValidateTemplate",
        "GetTemplateSummary",
        "EstimateTemplateCost",
    }
)
"""Operations whose template and parameters are read before their transaction."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS cloudformation_stack (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
  generation INTEGER NOT NULL, reason TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL, deleted_at REAL,
  definition TEXT NOT NULL, deployment TEXT NOT NULL, previous TEXT, parent_id TEXT, root_id TEXT,
  protected INTEGER NOT NULL, policy TEXT, disable_rollback INTEGER NOT NULL, timeout_minutes INTEGER,
  change_set_arn TEXT, parent_resource TEXT
);
CREATE INDEX IF NOT EXISTS cloudformation_stack_name ON cloudformation_stack (account, region, name);
CREATE INDEX IF NOT EXISTS cloudformation_stack_parent ON cloudformation_stack (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS cloudformation_resource (
  stack_id TEXT NOT NULL, logical_id TEXT NOT NULL, type TEXT NOT NULL, physical_id TEXT NOT NULL, status TEXT NOT NULL,
  reason TEXT NOT NULL, changed_at REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (stack_id, logical_id)
);
CREATE INDEX IF NOT EXISTS cloudformation_resource_physical ON cloudformation_resource (physical_id);
CREATE TABLE IF NOT EXISTS cloudformation_leftover (
  id INTEGER PRIMARY KEY AUTOINCREMENT, stack_id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS cloudformation_leftover_stack ON cloudformation_leftover (stack_id);
CREATE TABLE IF NOT EXISTS cloudformation_signal (
  number INTEGER PRIMARY KEY AUTOINCREMENT, stack_id TEXT NOT NULL, token TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS cloudformation_signal_token ON cloudformation_signal (stack_id, token);
CREATE TABLE IF NOT EXISTS cloudformation_event (
  number INTEGER PRIMARY KEY AUTOINCREMENT, stack_id TEXT NOT NULL, id TEXT NOT NULL, logical_id TEXT NOT NULL,
  physical_id TEXT NOT NULL, type TEXT NOT NULL, at REAL NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
  properties TEXT NOT NULL, client_token TEXT
);
CREATE INDEX IF NOT EXISTS cloudformation_event_stack ON cloudformation_event (stack_id, number);
CREATE TABLE IF NOT EXISTS cloudformation_export (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, stack_id TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS cloudformation_import (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, stack_id TEXT NOT NULL,
  PRIMARY KEY (account, region, name, stack_id)
);
CREATE TABLE IF NOT EXISTS cloudformation_change_set (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, stack_id TEXT NOT NULL,
  stack_name TEXT NOT NULL, kind TEXT NOT NULL, created_at REAL NOT NULL, status TEXT NOT NULL,
  execution_status TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS cloudformation_change_set_stack ON cloudformation_change_set (stack_id, name);
"""
"""The tables of `store.py`."""
