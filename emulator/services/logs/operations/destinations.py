"""Destinations: names for streams that other accounts may subscribe their log groups to.

A subscription names the destination, and events go to the stream that it leads to when they arrive. An access policy
is asked when another account subscribes [D: PutDestinationPolicy]; the account's own subscriptions need none.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.policies import MalformedPolicy, evaluate
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.model import milliseconds
from emulator.services.logs.operations.state import LogsState, page
from emulator.services.logs.store import Destination
from emulator.services.logs.streaming import stream_of

PAGE = 50
LARGEST_POLICY_BYTES = 5120
_ACTION = "logs:PutSubscriptionFilter"


class DestinationOperations(LogsState):
    """The operations on destinations."""

    def put_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Make or change a destination; wire.py has tried whether its stream takes events. Its policy stays."""
        if stream_of(request["targetArn"]) is None:
            raise model.invalid("targetArn must be the ARN of a Kinesis stream or of a Firehose delivery stream.")
        if Arn.parse(request["roleArn"]) is None:
            raise model.invalid("roleArn is not a valid ARN.")
        name = request["destinationName"]
        before = store.get_destination(tx, scope, name)
        made = Destination(
            scope,
            name,
            request["targetArn"],
            request["roleArn"],
            before.policy if before is not None else None,
            before.created_at if before is not None else milliseconds(tx.now),
            {**(before.tags if before is not None else {}), **(request.get("tags") or {})},
        )
        store.put_destination(tx, made)
        return {"destination": _shown(made)}

    def put_destination_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Say who may subscribe to a destination."""
        found = _required(tx, scope, request["destinationName"])
        policy = request["accessPolicy"]
        if len(policy.encode()) > LARGEST_POLICY_BYTES:
            raise model.invalid("The access policy is too large.")
        try:
            evaluate(json.loads(policy), found.arn, _ACTION, {})
        except (ValueError, RecursionError, MalformedPolicy):
            raise model.invalid("The access policy is not a valid policy document.") from None
        store.put_destination(tx, found._replace(policy=policy))
        return {}

    def describe_destinations(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Destinations by name."""
        prefix = request.get("DestinationNamePrefix") or ""
        found = [each for each in store.list_destinations(tx, scope) if each.name.startswith(prefix)]
        shown, token = page(found, request, PAGE, lambda each: each.name)
        return {"destinations": [_shown(each) for each in shown], "nextToken": token}

    def delete_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a destination; subscriptions to it stay and deliver nothing."""
        found = _required(tx, scope, request["destinationName"])
        store.delete_destination(tx, scope, found.name)
        return {}


def check_destination(tx: Transaction, scope: Scope, arn: str) -> None:
    """Raise unless a destination is there and lets an account subscribe. Texts are unverified."""
    found = store.destination_of(tx, arn)
    if found is None:
        raise AwsError("ResourceNotFoundException", "The specified destination does not exist.", 400)
    if found.scope.account == scope.account:
        return
    document = json.loads(found.policy) if found.policy is not None else {"Statement": []}
    if evaluate(document, arn, _ACTION, {}, account=scope.account) != "allow":
        caller = f"arn:aws:iam::{scope.account}:root"
        raise AwsError(
            "AccessDeniedException", f"User: {caller} is not authorized to perform: {_ACTION} on resource: {arn}", 400
        )


def _required(tx: Transaction, scope: Scope, name: str) -> Destination:
    found = store.get_destination(tx, scope, name)
    if found is None:
        raise AwsError("ResourceNotFoundException", "The specified destination does not exist.", 400)
    return found


def _shown(one: Destination) -> dict[str, Any]:
    shown = {
        "destinationName": one.name,
        "targetArn": one.target,
        "roleArn": one.role,
        "accessPolicy": one.policy,
        "arn": one.arn,
        "creationTime": one.created_at,
    }
    return {name: value for name, value in shown.items() if value is not None}
