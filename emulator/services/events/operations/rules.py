"""Rules and their targets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import InvalidPattern, compile_pattern
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.events import api_destination, schedule, store
from emulator.services.events.model import (
    DEFAULT_BUS,
    MOST_TARGETS,
    Bus,
    Rule,
    Target,
    invalid,
    no_rule,
    not_found,
)
from emulator.services.events.operations.buses import required_bus, tags_of
from emulator.services.events.operations.paging import page_after, page_size, page_token
from emulator.services.events.routing import TARGETS
from emulator.services.events.transform import check_template, parse_path

SCHEDULED = "events.schedule"
"""Job kind: a rule's next scheduled time. Payload {account, region, rule}, due then."""

_OTHER_PARAMETERS = {
    "RunCommandParameters": "Systems Manager targets",
    "EcsParameters": "ECS targets",
    "BatchParameters": "Batch targets",
    "RedshiftDataParameters": "Redshift targets",
    "SageMakerPipelineParameters": "SageMaker targets",
    "AppSyncParameters": "AppSync targets",
}


class RuleOperations:
    """EventBridge's operations on rules and targets."""

    def put_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create a rule or replace it; its targets stay."""
        bus = required_bus(tx, scope, request.get("EventBusName"))
        pattern, expression = request.get("EventPattern"), request.get("ScheduleExpression")
        if not pattern and not expression:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if pattern:
            check_pattern(pattern)
        if expression:
            if bus.name != DEFAULT_BUS:
                raise invalid("ScheduleExpression is supported only on the default event bus.")
            try:
                schedule.parse(expression)
            except schedule.InvalidSchedule:
                raise invalid("Parameter ScheduleExpression is not valid.") from None
        existing = store.find_rule(tx, bus.scope, bus.name, request["Name"])
        rule = Rule(
            bus.scope,
            bus.name,
            request["Name"],
            pattern or None,
            expression or None,
            request.get("State") or "ENABLED",
            request.get("Description") or None,
            request.get("RoleArn") or None,
            existing.tags if existing is not None else tags_of(request),
        )
        store.put_rule(tx, rule)
        same = existing is not None and existing.schedule == rule.schedule and existing.enabled == rule.enabled
        if not same:
            reschedule(tx, rule)
        return {"RuleArn": rule.arn}

    def delete_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a rule without targets; one that does not exist is no error."""
        bus = required_bus(tx, scope, request.get("EventBusName"))
        rule = store.find_rule(tx, bus.scope, bus.name, request["Name"])
        if rule is None:
            return {}
        if store.list_targets(tx, rule, limit=1):
            raise invalid("Rule can't be deleted since it has targets.")
        store.delete_rule(tx, rule)
        jobs.cancel(tx, _key(rule))
        return {}

    def describe_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A rule."""
        rule = _required(tx, scope, request, "Name")
        return {**rule.described(), "CreatedBy": rule.scope.account}

    def list_rules(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Rules of a bus by name."""
        bus = required_bus(tx, scope, request.get("EventBusName"))
        size = page_size(request)
        rules = store.list_rules(
            tx, bus.scope, bus.name, request.get("NamePrefix") or "", page_after(request), size + 1
        )
        more = page_token(rules[size - 1].name) if len(rules) > size else {}
        return {"Rules": [rule.described() for rule in rules[:size]], **more}

    def enable_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Let a rule match again."""
        return self._set_state(tx, scope, request, "ENABLED")

    def disable_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a rule from matching."""
        return self._set_state(tx, scope, request, "DISABLED")

    def _set_state(self, tx: Transaction, scope: Scope, request: dict[str, Any], state: str) -> dict[str, Any]:
        rule = _required(tx, scope, request, "Name")
        if rule.state != state:
            rule = replace(rule, state=state)
            store.put_rule(tx, rule)
            reschedule(tx, rule)
        return {}

    def list_rule_names_by_target(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Names of rules that have a target."""
        bus = required_bus(tx, scope, request.get("EventBusName"))
        size = page_size(request)
        names = store.rule_names_by_target(tx, bus.scope, bus.name, request["TargetArn"], page_after(request), size + 1)
        more = page_token(names[size - 1]) if len(names) > size else {}
        return {"RuleNames": names[:size], **more}

    # ── targets ─────────────────────────────────────────────────────────────────────────────────

    def put_targets(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or replace targets of a rule."""
        rule = _required(tx, scope, request, "Rule")
        targets = [Target(given) for given in request["Targets"]]
        for target in targets:
            _check_target(tx, target, rule)
        known = {target.id for target in store.list_targets(tx, rule)}
        if len(known | {target.id for target in targets}) > MOST_TARGETS:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        for target in targets:
            store.put_target(tx, rule, target)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove targets of a rule; ids it does not have are no error (unverified)."""
        rule = _required(tx, scope, request, "Rule")
        for identifier in request["Ids"]:
            store.delete_target(tx, rule, identifier)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets_by_rule(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Targets of a rule by id."""
        rule = _required(tx, scope, request, "Rule")
        size = page_size(request)
        targets = store.list_targets(tx, rule, page_after(request), size + 1)
        more = page_token(targets[size - 1].id) if len(targets) > size else {}
        return {"Targets": [dict(target.definition) for target in targets[:size]], **more}


def check_pattern(text: str) -> None:
    """Raise EventBridge's refusal of a malformed event pattern."""
    try:
        compile_pattern(text)
    except InvalidPattern as error:
        raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error.message}") from None


def reschedule(tx: Transaction, rule: Rule) -> None:
    """Queue the next scheduled time of a rule from now on, or none."""
    jobs.cancel(tx, _key(rule))
    if rule.schedule is not None and rule.enabled:
        enqueue_next(tx, rule, tx.now)


def enqueue_next(tx: Transaction, rule: Rule, after: float) -> None:
    """Queue the first scheduled time after `after`, if there is one; those that have passed are left out."""
    assert rule.schedule is not None
    times = schedule.parse(rule.schedule)
    due_at = times.next_after(after)
    if due_at is not None and due_at <= tx.now:
        due_at = times.next_after(tx.now)
    if due_at is not None:
        payload = {"account": rule.scope.account, "region": rule.scope.region, "rule": rule.name}
        jobs.enqueue(tx, SCHEDULED, payload, due_at=due_at, key=_key(rule))


def _key(rule: Rule) -> str:
    return f"{SCHEDULED}:{rule.arn}"


def _required(tx: Transaction, scope: Scope, request: dict[str, Any], member: str) -> Rule:
    bus: Bus = required_bus(tx, scope, request.get("EventBusName"))
    rule = store.find_rule(tx, bus.scope, bus.name, request[member])
    if rule is None:
        raise no_rule(request[member], bus.name)
    return rule


def _is_api_destination(arn: Arn) -> bool:
    return arn.service == "events" and arn.resource.startswith("api-destination/")


def _check_target(tx: Transaction, target: Target, rule: Rule) -> None:
    definition = target.definition
    arn = Arn.parse(target.arn)
    if arn is None:
        raise invalid(f"Parameter {target.arn} is not valid. Reason: Provided Arn is not in correct format.")
    for member, feature in _OTHER_PARAMETERS.items():
        if definition.get(member):
            raise NotEmulated("events", "PutTargets", feature)
    if definition.get("HttpParameters") and not (arn.service == "execute-api" or _is_api_destination(arn)):
        raise invalid(f"HttpParameters is not supported for target: {target.id}.")  # wording unverified
    if definition.get("KinesisParameters") and arn.service != "kinesis":
        raise invalid(f"KinesisParameters is not supported for target: {target.id}.")  # wording unverified
    if arn.service not in TARGETS:
        raise NotEmulated("events", "PutTargets", f"targets of {arn.service}")
    given = [member for member in ("Input", "InputPath", "InputTransformer") if definition.get(member) is not None]
    if len(given) > 1:
        raise invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {target.id}.")
    if definition.get("Input") is not None and not _is_json(definition["Input"]):
        raise invalid(f"JSON syntax error in input for target {target.id} : Input is not valid JSON")
    if definition.get("InputPath") and parse_path(definition["InputPath"]) is None:
        raise invalid(f"Invalid InputPath for target {target.id}.")
    transformer = definition.get("InputTransformer")
    if transformer is not None:
        paths = transformer.get("InputPathsMap") or {}
        for name, path in paths.items():
            if name.lower().startswith("aws.") or parse_path(path) is None:
                raise invalid(f"Invalid InputPathsMap for target {target.id}.")
        problem = check_template(transformer["InputTemplate"], paths)
        if problem is not None:
            raise invalid(f"Invalid InputTemplate for target {target.id} : {problem}.")
    if arn.service == "sqs" and arn.resource.endswith(".fifo"):
        if not (definition.get("SqsParameters") or {}).get("MessageGroupId"):
            raise invalid(f"Parameter(s) MessageGroupId must be specified for target: {target.id}.")
    elif _is_api_destination(arn) and api_destination.destination_by_arn(tx, target.arn) is None:
        raise not_found(f"Api-destination '{target.arn}' does not exist.")  # wording unverified
    elif arn.service == "execute-api" and arn.resource.count("/") < 2:
        raise invalid(f"Parameter {target.arn} is not valid. Reason: Provided Arn is not in correct format.")
    elif target.arn == Bus(rule.scope, rule.bus).arn:
        raise invalid("An event bus cannot be its own target.")  # wording unverified
    dead_letters = target.dead_letter_arn
    if dead_letters is not None:
        queue = Arn.parse(dead_letters)
        if queue is None or queue.service != "sqs" or queue.resource.endswith(".fifo"):
            raise invalid(f"Parameter DeadLetterConfig.Arn is not valid for target {target.id}.")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
