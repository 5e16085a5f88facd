"""Tags of log groups, by group name and by ARN, and of destinations, by ARN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refused
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.model import LogGroup
from emulator.services.logs.operations.state import LogsState, require_group

MOST_TAGS = 50


class TagOperations(LogsState):
    """The operations on tags."""

    def tag_log_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add tags to a group."""
        return _tag(tx, require_group(tx, scope, request), request)

    def untag_log_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take tags from a group."""
        return _untag(tx, require_group(tx, scope, request), request["tags"])

    def list_tags_log_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A group's tags."""
        return {"tags": require_group(tx, scope, request).tags}

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add tags to a group, by ARN."""
        found = store.destination_of(tx, request["resourceArn"])
        if found is None:
            return _tag(tx, _by_arn(tx, scope, request), request)
        store.put_destination(tx, found._replace(tags=_merged(found.tags, request)))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take tags from a group, by ARN."""
        found = store.destination_of(tx, request["resourceArn"])
        if found is None:
            return _untag(tx, _by_arn(tx, scope, request), request["tagKeys"])
        kept = {key: value for key, value in found.tags.items() if key not in request["tagKeys"]}
        store.put_destination(tx, found._replace(tags=kept))
        return {}

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A group's tags, by ARN."""
        found = store.destination_of(tx, request["resourceArn"])
        return {"tags": found.tags if found is not None else _by_arn(tx, scope, request).tags}


def _by_arn(tx: Transaction, scope: Scope, request: dict[str, Any]) -> LogGroup:
    arn = request["resourceArn"]
    name = model.group_name_of(arn) if arn.startswith("arn:") else None
    if name is None:
        raise model.invalid(f"The specified resource ARN {arn} is not valid.")
    group = store.get_group(tx, scope, name)
    if group is None:
        raise model.no_group()
    return group


def _merged(before: dict[str, str], request: dict[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = request["tags"]
    if refused(tags, request):
        raise model.invalid("Tag keys starting with aws: are reserved for system use.")
    merged = {**before, **tags}
    if counted(merged) > MOST_TAGS:
        raise AwsError("TooManyTagsException", f"A resource can have no more than {MOST_TAGS} tags.", 400)
    return merged


def _tag(tx: Transaction, group: LogGroup, request: dict[str, Any]) -> dict[str, Any]:
    store.update_group(tx, replace(group, tags=_merged(group.tags, request)))
    return {}


def _untag(tx: Transaction, group: LogGroup, keys: list[str]) -> dict[str, Any]:
    store.update_group(tx, replace(group, tags={key: value for key, value in group.tags.items() if key not in keys}))
    return {}
