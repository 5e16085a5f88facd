"""Policies as API Gateway asks them: resource policies of APIs as they are kept and shown, and who may invoke. Pure.

IAM's rules are `aws/policies.py`'s.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws import policies
from emulator.aws.policies import Facts, MalformedPolicy, Verdict, condition_holds, covers, listed
from emulator.services.apigateway.model import bad_request

__all__ = ["Facts", "MalformedPolicy", "Verdict", "checked", "covers", "evaluate", "shown"]

INVOKE = "execute-api:Invoke"
_PREFIX = "execute-api:/"


def evaluate(document: Any, resource: str, facts: Facts, action: str = INVOKE, account: str | None = None) -> Verdict:
    """What the document says of `action` on `resource`. Raises MalformedPolicy."""
    return policies.evaluate(document, resource, action, facts, account)


# ── an API's policy as it is kept and shown ──


def checked(text: str, arn_prefix: str) -> str:
    """A resource policy as it is kept: compact, and `execute-api:/…` written out (AWS, x-amazon-apigateway-policy).

    `arn_prefix` is `arn:aws:execute-api:REGION:ACCOUNT:API`. Raises BadRequestException with AWS's text.
    """
    try:
        document = json.loads(text)
        evaluate(document, arn_prefix, facts={})
        for statement in listed(document["Statement"]):
            if "Principal" not in statement and "NotPrincipal" not in statement:
                raise MalformedPolicy("a statement has no principal")
            for operator, block in (statement.get("Condition") or {}).items():
                condition_holds(operator, block, {})
            for member in ("Resource", "NotResource"):
                if member in statement:
                    statement[member] = _written_out(statement[member], arn_prefix)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MalformedPolicy):
        raise bad_request(
            "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
        ) from None
    return json.dumps(document, separators=(",", ":"))


def _written_out(resource: Any, arn_prefix: str) -> Any:
    if isinstance(resource, list):
        return [_written_out(item, arn_prefix) for item in resource]
    return f"{arn_prefix}/{resource.removeprefix(_PREFIX)}" if resource.startswith(_PREFIX) else resource


def shown(policy: str) -> str:
    """A policy as GetRestApi shows it: with its quotes escaped, which AWS's own clients undo."""
    return json.dumps(policy)[1:-1]
