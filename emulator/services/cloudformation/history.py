"""What a stack tells of itself: events, notifications to topics, events on the default bus. All in the caller's commit.

Whether anything happens is decided elsewhere; this says it in AWS's form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from emulator.aws.calls import SERVICE_MEMBER, Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.ports import Json, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.model import STACK_TYPE, Event, Resource, Stack

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class History:
    """Writes what happens to stacks and their resources."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def stack(self, tx: Transaction, stack: Stack) -> None:
        """The stack has the state it has."""
        event = Event(
            tx.new_id(),
            stack.name,
            stack.arn,
            STACK_TYPE,
            tx.now,
            stack.status,
            stack.reason,
            client_token=stack.deployment.client_token,
        )
        self._write(tx, stack, event)
        detail: dict[str, Json] = {
            "stack-id": stack.arn,
            "status-details": {"status": stack.status, "status-reason": stack.reason},
            "client-request-token": stack.deployment.client_token or "",
        }
        self._publish_event(tx, stack, "CloudFormation Stack Status Change", detail)

    def resource(
        self,
        tx: Transaction,
        stack: Stack,
        resource: Resource,
        status: str,
        reason: str = "",
        properties: Mapping[str, Json] | None = None,
        physical_id: str | None = None,
    ) -> None:
        """A resource has a state."""
        shown = resource.properties if properties is None else properties
        event = Event(
            f"{resource.logical_id}-{status}-{iso(tx.now)}" if resource.type != STACK_TYPE else tx.new_id(),
            resource.logical_id,
            resource.physical_id if physical_id is None else physical_id,
            resource.type,
            tx.now,
            status,
            reason,
            _encode(shown) if shown else "",
            stack.deployment.client_token,
        )
        self._write(tx, stack, event)
        detail: dict[str, Json] = {
            "stack-id": stack.arn,
            "logical-resource-id": event.logical_id,
            "physical-resource-id": event.physical_id,
            "status-details": {"status": status, "status-reason": reason},
            "resource-type": event.type,
            "client-request-token": event.client_token or "",
        }
        self._publish_event(tx, stack, "CloudFormation Resource Status Change", detail)

    def _write(self, tx: Transaction, stack: Stack, event: Event) -> None:
        store.add_event(tx, stack.id, event)
        for topic in stack.definition.notifications:
            request = {
                "TopicArn": topic,
                "Subject": "AWS CloudFormation Notification",
                "Message": _message(stack, event),
            }
            try:
                self._calls.call(tx, stack.scope, "sns", "Publish", request)
            except (AwsError, NotEmulated):
                continue  # a topic that is gone does not stop a stack

    def _publish_event(self, tx: Transaction, stack: Stack, kind: str, detail: Mapping[str, Json]) -> None:
        entry = {
            "Source": "aws.cloudformation",
            "DetailType": kind,
            "Detail": _encode(detail),
            "Resources": [stack.arn],
        }
        self._calls.call(tx, stack.scope, "events", "PutEvents", {"Entries": [entry], SERVICE_MEMBER: True})


def iso(at: float) -> str:
    """`2026-11-21T22:00:00.123Z`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _message(stack: Stack, event: Event) -> str:
    """The text of a notification, as AWS's user guide shows it: a line for each member, in quotes."""
    members = {
        "StackId": stack.arn,
        "Timestamp": iso(event.at),
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "Namespace": stack.scope.account,
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceType": event.type,
        "StackName": stack.name,
        "ClientRequestToken": event.client_token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())
