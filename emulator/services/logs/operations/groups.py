"""Log groups: made, listed, kept for some time, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.ingest import sweep_later
from emulator.services.logs.model import LogGroup, milliseconds
from emulator.services.logs.operations.state import LogsState, page, require_group

PAGE = 50


class GroupOperations(LogsState):
    """The operations on log groups."""

    def create_log_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Make a group. Raises ResourceAlreadyExistsException."""
        name = request["logGroupName"]
        if store.get_group(tx, scope, name) is not None:
            raise model.exists("group")
        _check_key(request.get("kmsKeyId"))
        group = LogGroup(
            0,
            scope,
            name,
            milliseconds(tx.now),
            kms_key_id=request.get("kmsKeyId"),
            log_class=request.get("logGroupClass") or "STANDARD",
            tags=dict(request.get("tags") or {}),
            protected=bool(request.get("deletionProtectionEnabled")),
        )
        store.add_group(tx, group)
        return {}

    def delete_log_group(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a group with everything in it."""
        group = require_group(tx, scope, request)
        if group.protected:
            # The code is the model's; the text is unverified.
            text = "The log group has deletion protection enabled. Disable it before you delete the log group."
            raise AwsError("ValidationException", text, 400)
        store.delete_group(tx, group.id)
        return {}

    def describe_log_groups(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Groups by name, with their sizes."""
        _refuse_linked_accounts(request, scope)
        prefix, pattern = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
        if prefix and pattern:
            raise model.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        found: Iterator[LogGroup] = store.groups(tx, scope, "", prefix or "")
        identifiers = request.get("logGroupIdentifiers")
        if identifiers:
            names = {model.group_name_of(identifier) for identifier in identifiers}
            found = (group for group in found if group.name in names)
        if pattern:
            found = (group for group in found if pattern in group.name)
        wanted_class = request.get("logGroupClass")
        if wanted_class:
            found = (group for group in found if group.log_class == wanted_class)
        groups, token = page(found, request, PAGE, lambda group: group.name)
        return {"logGroups": [_described(group) for group in groups], "nextToken": token}

    def list_log_groups(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Groups by name, briefly."""
        _refuse_linked_accounts(request, scope)
        for member in ("dataSources", "fieldIndexNames"):
            if request.get(member):
                raise NotEmulated("logs", f"ListLogGroups with {member}")
        found: Iterator[LogGroup] = store.groups(tx, scope, "")
        pattern = request.get("logGroupNamePattern")
        if pattern:
            asked = re.compile("|".join(_part(part) for part in pattern.split("|")))
            found = (group for group in found if asked.search(group.name))
        wanted_class = request.get("logGroupClass")
        if wanted_class:
            found = (group for group in found if group.log_class == wanted_class)
        for wanted in request.get("logGroupTags") or []:
            found = _tagged(found, wanted)
        groups, token = page(found, request, PAGE, lambda group: group.name)
        shown = [
            {"logGroupName": group.name, "logGroupArn": group.arn, "logGroupClass": group.log_class} for group in groups
        ]
        return {"logGroups": shown, "nextToken": token}

    def put_retention_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a group's events for some days."""
        days = request["retentionInDays"]
        if days not in model.RETENTION_DAYS:
            allowed = ", ".join(map(str, model.RETENTION_DAYS))
            raise model.invalid(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint:"
                f" Member must satisfy enum value set: [{allowed}]"
            )
        group = replace(require_group(tx, scope, request), retention_days=days)
        store.update_group(tx, group)
        sweep_later(tx, group)
        return {}

    def delete_retention_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a group's events for ever."""
        store.update_group(tx, replace(require_group(tx, scope, request), retention_days=None))
        return {}

    def put_log_group_deletion_protection(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Refuse, or allow again, that a group is deleted."""
        group = require_group(tx, scope, request)
        store.update_group(tx, replace(group, protected=bool(request["deletionProtectionEnabled"])))
        return {}

    def associate_kms_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remember a key; nothing is encrypted here."""
        _check_key(request["kmsKeyId"])
        store.update_group(tx, replace(_keyed_group(tx, scope, request), kms_key_id=request["kmsKeyId"]))
        return {}

    def disassociate_kms_key(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a group's key."""
        store.update_group(tx, replace(_keyed_group(tx, scope, request), kms_key_id=None))
        return {}


def _keyed_group(tx: Transaction, scope: Scope, request: dict[str, Any]) -> LogGroup:
    identifier = request.get("resourceIdentifier")
    if identifier is None:
        return require_group(tx, scope, request)
    if ":query-result:" in identifier:
        raise NotEmulated("logs", "a key for query results")
    return require_group(tx, scope, {"logGroupIdentifier": identifier})


def _check_key(key: str | None) -> None:
    arn = Arn.parse(key) if key else None
    if key and (arn is None or arn.service != "kms"):
        raise model.invalid("The specified KMS key does not exist or is not allowed to be used with the log group.")


def _refuse_linked_accounts(request: dict[str, Any], scope: Scope) -> None:
    others = [account for account in request.get("accountIdentifiers") or [] if account != scope.account]
    if request.get("includeLinkedAccounts") or others:
        raise NotEmulated("logs", "log groups of linked accounts")


def _part(part: str) -> str:
    return ("^" if part.startswith("^") else "") + re.escape(part.removeprefix("^"))


def _tagged(groups: Iterator[LogGroup], wanted: dict[str, Any]) -> Iterator[LogGroup]:
    key, values = wanted["key"], wanted.get("values") or []
    for group in groups:
        value = group.tags.get(key)
        if value is not None and (not values or any(_fits(value, each) for each in values)):
            yield group


def _fits(value: str, wanted: str) -> bool:
    negated = wanted.startswith("!")
    text = wanted.removeprefix("!")
    bare = text.removeprefix("*").removesuffix("*")
    if text.startswith("*") and text.endswith("*"):
        fits = bare in value
    elif text.startswith("*"):
        fits = value.endswith(bare)
    else:
        fits = value.startswith(bare) if text.endswith("*") else value == bare
    return fits != negated


def _described(group: LogGroup) -> dict[str, Any]:
    return {
        "logGroupName": group.name,
        "creationTime": group.created_at,
        "retentionInDays": group.retention_days,
        "metricFilterCount": group.metric_filters,
        "arn": f"{group.arn}:*",
        "storedBytes": group.stored_bytes,
        "kmsKeyId": group.kms_key_id,
        "logGroupClass": group.log_class,
        "logGroupArn": group.arn,
        "deletionProtectionEnabled": group.protected,
    }
