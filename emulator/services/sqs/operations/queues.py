"""Queues: create, find, change, empty, delete, label."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.calls import SERVICE_MEMBER
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refuse
from emulator.ports import Transaction
from emulator.services.sqs import store as tables
from emulator.services.sqs.model import Queue
from emulator.services.sqs.operations.state import SqsState
from emulator.services.sqs.rules.addresses import QueueName, check_new_name, parse_arn
from emulator.services.sqs.rules.attributes import (
    COMPUTED,
    DEFAULTS,
    FIFO_DEFAULTS,
    ORDER,
    allows_redrive,
    checked,
)
from emulator.services.sqs.rules.errors import (
    invalid_parameter,
    invalid_value,
    missing_parameter,
    no_such_queue,
    unknown_attribute,
)

Request = dict[str, Any]

PURGE_SECONDS = 60.0
MOST_LISTED = 1000
MOST_TAGS = 50


class QueueOperations(SqsState):
    """CreateQueue … ListQueueTags."""

    def create_queue(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Create a queue; one that exists with the same attributes is answered with its URL."""
        name: str = request.get("QueueName") or ""
        if not name:
            raise missing_parameter("QueueName")
        given: dict[str, str] = request.get("Attributes") or {}
        fifo = given.get("FifoQueue") == "true"
        check_new_name(name, fifo)
        wanted = checked(given, fifo, creating=True)
        at = QueueName(scope, name)
        existing = tables.find_queue(tx, at)
        if existing is not None:
            for key, value in wanted.items():
                if existing.attributes.get(key) != value:
                    text = f"A queue already exists with the same name and a different value for attribute {key}"
                    raise AwsError("QueueNameExists", text)
            return {"QueueUrl": self.url_of(existing)}
        # stacks need not wait: whoever mends a template whose first deployment was rolled back would, for nothing
        deleted_at = tables.deleted_at(tx, at) if request.get(SERVICE_MEMBER) is not True else None
        if deleted_at is not None and tx.now < deleted_at + self.settings.deleted_queue_name_seconds:
            raise AwsError(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            )
        attributes = {**DEFAULTS, **(FIFO_DEFAULTS if fifo else {})}
        attributes.update({key: value for key, value in wanted.items() if value is not None})
        if "KmsMasterKeyId" in attributes and "SqsManagedSseEnabled" not in given:
            attributes["SqsManagedSseEnabled"] = "false"
        self._check_redrive(tx, at, attributes, fifo)
        queue = tables.create_queue(tx, at, attributes, _checked_tags(request.get("tags") or {}, request))
        self.note_activity(tx, queue)
        return {"QueueUrl": self.url_of(queue)}

    def get_queue_url(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The URL of a queue by name, of this account or another."""
        if not request.get("QueueName"):
            raise missing_parameter("QueueName")
        owner = request.get("QueueOwnerAWSAccountId") or scope.account
        queue = tables.find_queue(tx, QueueName(Scope(owner, scope.region), request["QueueName"]))
        if queue is None:
            raise no_such_queue()
        return {"QueueUrl": self.url_of(queue)}

    def list_queues(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Queues by name; a token only if MaxResults was given, as on AWS."""
        size = _page_size(request)
        after = _read_token(request.get("NextToken"))
        found = tables.list_queues(tx, scope, request.get("QueueNamePrefix") or "", after, size + 1)
        result: dict[str, Any] = {}
        if found:
            result["QueueUrls"] = [self.url_of(queue) for queue in found[:size]]
        if len(found) > size and request.get("MaxResults"):
            result["NextToken"] = _write_token(found[size - 1].at.name)
        return result

    def list_dead_letter_source_queues(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Queues whose redrive policy names this one."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        size = _page_size(request)
        token = _read_token(request.get("NextToken"))
        found = tables.list_sources(tx, queue.arn, int(token) if token.isdigit() else 0, size + 1)
        result: dict[str, Any] = {"queueUrls": [self.url_of(source) for source in found[:size]]}
        if len(found) > size and request.get("MaxResults"):
            result["NextToken"] = _write_token(str(found[size - 1].id))
        return result

    def get_queue_attributes(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The attributes asked for; those that are not set are left out."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        names: list[str] = request.get("AttributeNames") or []
        for name in names:
            if name != "All" and name not in ORDER:
                raise unknown_attribute(name)
        wanted = [name for name in ORDER if "All" in names or name in names]
        if not wanted:
            return {}
        shown: dict[str, str] = dict(queue.attributes)
        if any(name in COMPUTED for name in wanted):
            shown.update(_computed(tx, queue, wanted))
        return {"Attributes": {name: shown[name] for name in wanted if name in shown}}

    def set_queue_attributes(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change attributes; an empty Policy, RedrivePolicy or RedriveAllowPolicy removes it."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        given: dict[str, str] = request.get("Attributes") or {}
        if not given:
            raise missing_parameter("Attribute.Name")
        wanted = checked(given, queue.fifo, creating=False)
        self._save_attributes(tx, queue, wanted)
        return {}

    def delete_queue(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a queue and everything in it."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        tables.delete_queue(tx, queue)
        self._room.pop(queue.id, None)
        self.arrived(tx, queue, tx.now)  # who waits there must hear that there is no queue any more
        return {}

    def purge_queue(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete all messages of a queue, once a minute at most."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        if queue.purged_at is not None and tx.now < queue.purged_at + PURGE_SECONDS:
            text = f"Only one PurgeQueue operation on {queue.at.name} is allowed every 60 seconds."
            raise AwsError("PurgeQueueInProgress", text)
        tables.delete_messages(tx, queue)
        tables.mark_purged(tx, queue)
        self.expect_samples(tx, queue)
        return {}

    def tag_queue(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add or overwrite tags."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        if not request.get("Tags"):
            raise missing_parameter("Tags")
        tables.save_tags(tx, queue, _checked_tags(request["Tags"], request, queue.tags))
        return {}

    def untag_queue(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove tags; unknown keys are fine."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        keys: list[str] = request.get("TagKeys") or []
        if not keys:
            raise invalid_parameter("Tag keys must be between 1 and 128 characters in length.")
        refuse(keys, request, invalid_parameter)
        tables.save_tags(tx, queue, {key: text for key, text in queue.tags.items() if key not in keys})
        return {}

    def list_queue_tags(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Tags of a queue."""
        queue = self.queue_at(tx, scope, request.get("QueueUrl"))
        return {"Tags": dict(queue.tags)} if queue.tags else {}

    def _save_attributes(self, tx: Transaction, queue: Queue, changes: dict[str, str | None]) -> None:
        attributes = {**queue.attributes, **{key: value for key, value in changes.items() if value is not None}}
        for key, value in changes.items():
            if value is None:
                attributes.pop(key, None)
        if (
            attributes.get("FifoThroughputLimit") == "perMessageGroupId"
            and attributes.get("DeduplicationScope") == "queue"
        ):
            raise invalid_parameter(
                "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
            )
        if "RedrivePolicy" in changes:
            self._check_redrive(tx, queue.at, attributes, queue.fifo)
        tables.save_attributes(tx, queue, attributes)

    def _check_redrive(self, tx: Transaction, at: QueueName, attributes: dict[str, str], fifo: bool) -> None:
        """The dead-letter queue of a redrive policy exists, is of the same type and takes from this queue."""
        policy = attributes.get("RedrivePolicy")
        if policy is None:
            return
        target_at = parse_arn(json.loads(policy)["deadLetterTargetArn"])
        if target_at is None:
            raise invalid_value(policy, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
        target = tables.find_queue(tx, target_at)
        if target is None or target_at.scope != at.scope:
            raise invalid_value(policy, "RedrivePolicy", "Dead letter target does not exist.")
        if target.fifo != fifo:
            raise invalid_value(policy, "RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
        if not allows_redrive(target.attributes, at.arn):
            reason = "Queue does not have permission to use the specified dead-letter queue."
            raise invalid_value(policy, "RedrivePolicy", reason)


def _computed(tx: Transaction, queue: Queue, wanted: list[str]) -> dict[str, str]:
    shown = {
        "QueueArn": queue.arn,
        "CreatedTimestamp": str(int(queue.created_at)),
        "LastModifiedTimestamp": str(int(queue.modified_at)),
    }
    if any(name.startswith("ApproximateNumber") for name in wanted):
        visible, in_flight, delayed = tables.counts(tx, queue)
        shown["ApproximateNumberOfMessages"] = str(visible)
        shown["ApproximateNumberOfMessagesNotVisible"] = str(in_flight)
        shown["ApproximateNumberOfMessagesDelayed"] = str(delayed)
    return shown


def _checked_tags(given: dict[str, str], request: Request, before: Mapping[str, str] | None = None) -> dict[str, str]:
    refuse(given, request, invalid_parameter)
    tags = {**(before or {}), **given}
    if counted(tags) > MOST_TAGS:
        raise invalid_parameter(f"Too many tags added for queue. The maximum is {MOST_TAGS}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            raise invalid_parameter("Tag keys must be between 1 and 128 characters in length.")
        if len(value or "") > 256:
            raise invalid_parameter("Tag values must be between 0 and 256 characters in length.")
    return {key: value or "" for key, value in tags.items()}


def _page_size(request: Request) -> int:
    size = request.get("MaxResults")
    if size is None:
        return MOST_LISTED
    if not 1 <= size <= MOST_LISTED:
        raise invalid_value(size, "MaxResults", "MaxResults must be an integer between 1 and 1000.")
    return size


def _write_token(name: str) -> str:
    return base64.b64encode(name.encode()).decode()


def _read_token(token: str | None) -> str:
    if not token:
        return ""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_parameter("Invalid or expired next token.") from None
