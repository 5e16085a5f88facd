"""Event buses, who may use them, and tags of buses and rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.tags import refuse
from emulator.ports import Transaction
from emulator.services.events import store
from emulator.services.events.model import DEFAULT_BUS, Bus, Rule, bus_of, invalid, no_bus, not_found
from emulator.services.events.operations.paging import page

MOST_BUSES = 100


def required_bus(tx: Transaction, scope: Scope, name_or_arn: str | None) -> Bus:
    """The bus of a request; `default` is always there. Raises ResourceNotFoundException."""
    where, name = bus_of(scope, name_or_arn)
    bus = store.find_bus(tx, where, name)
    if bus is None and name != DEFAULT_BUS:
        raise no_bus(name)
    return bus or Bus(where, DEFAULT_BUS)


class BusOperations:
    """EventBridge's operations on buses."""

    def create_event_bus(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create a custom bus."""
        name = request["Name"]
        if request.get("EventSourceName"):
            raise NotEmulated("events", "CreateEventBus", "partner event sources")
        _refuse_logging(request, "CreateEventBus")
        if name == DEFAULT_BUS or store.find_bus(tx, scope, name) is not None:
            raise AwsError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
        if "/" in name:
            raise invalid("Event bus name must not contain '/'.")
        if len(store.list_buses(tx, scope)) >= MOST_BUSES:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        bus = Bus(
            scope,
            name,
            tx.now,
            tx.now,
            request.get("Description"),
            None,
            request.get("KmsKeyIdentifier"),
            (request.get("DeadLetterConfig") or {}).get("Arn"),
            tags_of(request),
        )
        store.put_bus(tx, bus)
        result = {"EventBusArn": bus.arn}
        for member in ("Description", "KmsKeyIdentifier", "DeadLetterConfig"):
            if request.get(member):
                result[member] = request[member]
        return result

    def update_event_bus(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a bus's description, key and dead-letter queue."""
        _refuse_logging(request, "UpdateEventBus")
        bus = required_bus(tx, scope, request.get("Name"))
        bus = replace(
            bus,
            modified_at=tx.now,
            description=request.get("Description", bus.description),
            kms_key=request.get("KmsKeyIdentifier", bus.kms_key),
            dead_letter_arn=(request.get("DeadLetterConfig") or {}).get("Arn", bus.dead_letter_arn),
        )
        store.put_bus(tx, bus)
        return {"Arn": bus.arn, "Name": bus.name, **_settings(bus)}

    def delete_event_bus(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a custom bus; one that does not exist is no error."""
        where, name = bus_of(scope, request["Name"])
        if name == DEFAULT_BUS:
            raise invalid(f"Cannot delete event bus {DEFAULT_BUS}.")
        if store.list_rules(tx, where, name, limit=1):
            raise invalid("Event bus can't be deleted since it has rules.")  # wording unverified
        store.delete_bus(tx, where, name)
        return {}

    def describe_event_bus(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A bus, its policy included."""
        bus = required_bus(tx, scope, request.get("Name"))
        return {"Name": bus.name, "Arn": bus.arn, **_settings(bus), **_shown(bus)}

    def list_event_buses(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Buses by name, `default` among them."""
        buses = {DEFAULT_BUS: Bus(scope, DEFAULT_BUS)} | {bus.name: bus for bus in store.list_buses(tx, scope)}
        prefix = request.get("NamePrefix") or ""
        names = sorted(name for name in buses if name.startswith(prefix))
        shown, token = page(request, names)
        result: dict[str, Any] = {
            "EventBuses": [{"Name": name, "Arn": buses[name].arn, **_shown(buses[name])} for name in shown]
        }
        return result | token

    # ── permissions: kept and shown, not enforced ───────────────────────────────────────────────

    def put_permission(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Set a bus's policy, or add a statement to it."""
        bus = required_bus(tx, scope, request.get("EventBusName"))
        if request.get("Policy"):
            policy = _policy(request["Policy"])
            if policy is None:
                raise invalid("Policy is not valid JSON.")  # wording unverified
        else:
            for member in ("Action", "Principal", "StatementId"):
                if not request.get(member):
                    raise invalid(f"Parameter {member} must be specified.")
            if request["Action"] != "events:PutEvents":
                raise invalid("Provided value in parameter 'action' is not supported.")
            policy = _policy(bus.policy or "") or {"Version": "2012-10-17", "Statement": []}
            kept = [item for item in policy["Statement"] if item.get("Sid") != request["StatementId"]]
            principal = request["Principal"]
            statement: dict[str, Any] = {
                "Sid": request["StatementId"],
                "Effect": "Allow",
                "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
                "Action": "events:PutEvents",
                "Resource": bus.arn,
            }
            condition = request.get("Condition")
            if condition:
                statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
            policy = {**policy, "Statement": [*kept, statement]}
        store.put_bus(tx, replace(bus, policy=json.dumps(policy, separators=(",", ":")), modified_at=tx.now))
        return {}

    def remove_permission(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take a statement, or all of them, out of a bus's policy."""
        bus = required_bus(tx, scope, request.get("EventBusName"))
        policy = _policy(bus.policy or "")
        if request.get("RemoveAllPermissions"):
            policy = None
        else:
            if policy is None:
                raise not_found("EventBus does not have a policy.")
            kept = [item for item in policy["Statement"] if item.get("Sid") != request.get("StatementId")]
            if len(kept) == len(policy["Statement"]):
                raise not_found("Statement with the provided id does not exist.")
            policy = {**policy, "Statement": kept} if kept else None
        text = json.dumps(policy, separators=(",", ":")) if policy else None
        store.put_bus(tx, replace(bus, policy=text, modified_at=tx.now))
        return {}

    # ── tags of buses and rules ─────────────────────────────────────────────────────────────────

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or change tags."""
        found = _tagged(tx, request["ResourceARN"])
        _put_tags(tx, found, {**found.tags, **tags_of(request)})
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags."""
        found = _tagged(tx, request["ResourceARN"])
        refuse(request["TagKeys"], request, invalid)
        _put_tags(tx, found, {key: value for key, value in found.tags.items() if key not in request["TagKeys"]})
        return {}

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The tags of a bus or rule."""
        found = _tagged(tx, request["ResourceARN"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}


def _refuse_logging(request: Mapping[str, Any], operation: str) -> None:
    if (request.get("LogConfig") or {}).get("Level", "OFF") != "OFF":
        raise NotEmulated("events", operation, "LogConfig: logs of a bus")


def tags_of(request: Mapping[str, Any]) -> dict[str, str]:
    """A request's tags by key. Raises for those that are AWS's own."""
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    refuse(tags, request, invalid)
    return tags


def _tagged(tx: Transaction, text: str) -> Bus | Rule:
    arn = Arn.parse(text)
    if arn is None or arn.service != "events":
        raise invalid(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    scope = Scope(arn.account, arn.region)
    kind, _, path = arn.resource.partition("/")
    if kind == "event-bus":
        return required_bus(tx, scope, path)
    if kind == "rule":
        bus, _, name = path.rpartition("/")
        rule = store.find_rule(tx, scope, bus or DEFAULT_BUS, name)
        if rule is not None:
            return rule
        raise not_found(f"Rule {name} does not exist on EventBus {bus or DEFAULT_BUS}.")
    raise not_found(f"Resource {text} does not exist.")


def _put_tags(tx: Transaction, found: Bus | Rule, tags: Mapping[str, str]) -> None:
    if len(tags) > 50:
        raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    if isinstance(found, Bus):
        store.put_bus(tx, replace(found, tags=tags))
    else:
        store.put_rule(tx, replace(found, tags=tags))


def _settings(bus: Bus) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if bus.kms_key:
        shown["KmsKeyIdentifier"] = bus.kms_key
    if bus.dead_letter_arn:
        shown["DeadLetterConfig"] = {"Arn": bus.dead_letter_arn}
    return shown


def _shown(bus: Bus) -> dict[str, Any]:
    found = {
        "Description": bus.description,
        "Policy": bus.policy,
        "CreationTime": bus.created_at,
        "LastModifiedTime": bus.modified_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def _policy(text: str) -> dict[str, Any] | None:
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        return None
    good = isinstance(policy, dict) and isinstance(policy.get("Statement"), list)
    return policy if good and all(isinstance(item, dict) for item in policy["Statement"]) else None
