"""A queue's policy by statement: AddPermission and RemovePermission. Kept and shown, not enforced."""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.operations.state import SqsState
from emulator.services.sqs.rules.errors import invalid_value, missing_parameter

Request = dict[str, Any]

SHARED_ACTIONS = frozenset(
    {
        "*",
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
    }
)
"""What a queue's owner can allow others (developer guide, "Amazon SQS API permissions")."""
MOST_STATEMENTS_ACTIONS = 7
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")


class PermissionOperations(SqsState):
    """AddPermission, RemovePermission."""

    def add_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add a statement to the queue's policy."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        label: str = request.get("Label") or ""
        accounts: list[str] = request.get("AWSAccountIds") or []
        actions: list[str] = request.get("Actions") or []
        for name, given in (("Label", label), ("AWSAccountId", accounts), ("ActionName", actions)):
            if not given:
                raise missing_parameter(name)
        if _LABEL.fullmatch(label) is None:
            raise invalid_value(label, "Label", "Must be 1 to 80 letters, digits, hyphens and underscores.")
        for account in accounts:
            if re.fullmatch(r"\d{12}", account) is None:
                raise invalid_value(f"[{account}]", "PrincipalId", "Unable to verify.")
        for action in actions:
            if action not in SHARED_ACTIONS:
                reason = "Only the queue owner is allowed to invoke this action."
                raise invalid_value(f"SQS:{action}", "ActionName", reason)
        if len(actions) > MOST_STATEMENTS_ACTIONS:
            text = f"{len(actions)} Actions were found, maximum allowed is {MOST_STATEMENTS_ACTIONS}."
            raise AwsError("OverLimit", text)
        policy = json.loads(queue.attributes.get("Policy", "{}"))
        statements = _statements(policy)
        if any(statement.get("Sid") == label for statement in statements):
            raise invalid_value(label, "Label", "Already exists.")
        principals = [f"arn:aws:iam::{account}:root" for account in accounts]
        named = [f"SQS:{action}" for action in actions]
        statement = {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
            "Action": named[0] if len(named) == 1 else named,
            "Resource": queue.arn,
        }
        policy = {
            "Version": policy.get("Version", "2012-10-17"),
            "Id": policy.get("Id", f"{queue.arn}/SQSDefaultPolicy"),
            "Statement": [*statements, statement],
        }
        text = json.dumps(policy, separators=(",", ":"))
        tables.save_attributes(tx, queue, {**queue.attributes, "Policy": text})
        return {}

    def remove_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove the statement with that label; the policy goes with its last one."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        label = request.get("Label")
        policy = json.loads(queue.attributes.get("Policy", "{}"))
        statements = _statements(policy)
        kept = [statement for statement in statements if statement.get("Sid") != label]
        if len(kept) == len(statements):
            raise invalid_value(label, "Label", "can't find label on existing policy.")
        attributes = dict(queue.attributes)
        if kept:
            attributes["Policy"] = json.dumps({**policy, "Statement": kept}, separators=(",", ":"))
        else:
            del attributes["Policy"]
        tables.save_attributes(tx, queue, attributes)
        return {}


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    found = policy.get("Statement", [])
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]
