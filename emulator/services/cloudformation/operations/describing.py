"""Operations that tell of stacks: their state, resources, events, templates, exports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.page_tokens import read_token, write_token
from emulator.aws.scope import Scope
from emulator.ports import Json, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.language import masked, stored_outline
from emulator.services.cloudformation.model import (
    MOST_STACKS,
    Definition,
    Event,
    Resource,
    Stack,
    id_of_arn,
    no_such_change_set,
    stack_arn,
    validation_error,
)
from emulator.services.cloudformation.operations.state import Request, StackState

PAGE = 100
_DRIFT: Json = {"StackDriftStatus": "NOT_CHECKED"}
_RESOURCE_DRIFT: Json = {"StackResourceDriftStatus": "NOT_CHECKED"}


class DescribingOperations(StackState):
    """DescribeStacks and all that only read."""

    def describe_stacks(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One stack, or all that are not deleted, the newest first."""
        name = request.get("StackName")
        if name:
            return {"Stacks": [self.described(tx, self.stack(tx, scope, name))]}
        found, token = _page_of_stacks(tx, scope, request, deleted=False)
        return {"Stacks": [self.described(tx, item) for item in found], "NextToken": token}

    def described(self, tx: Transaction, stack: Stack) -> dict[str, Any]:
        """A stack as DescribeStacks shows it."""
        definition = stack.definition
        root = stack.root_id and store.find_stack(tx, stack.root_id)
        parent = stack.parent_id and store.find_stack(tx, stack.parent_id)
        return {
            "StackId": stack.arn,
            "StackName": stack.name,
            "ChangeSetId": stack.change_set_arn,
            "Description": definition.description or None,
            "Parameters": parameters_shown(definition) or None,
            "CreationTime": stack.created_at,
            "DeletionTime": stack.deleted_at,
            "LastUpdatedTime": stack.updated_at,
            "RollbackConfiguration": dict(definition.rollback),
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason or None,
            "DisableRollback": stack.disable_rollback,
            "NotificationARNs": list(definition.notifications),
            "TimeoutInMinutes": stack.timeout_minutes,
            "Capabilities": list(definition.capabilities) or None,
            "Outputs": [dict(item) for item in definition.outputs] or None,
            "RoleARN": definition.role,
            "Tags": tags_shown(definition.tags),
            "EnableTerminationProtection": stack.protected,
            "ParentId": parent.arn if parent else None,
            "RootId": root.arn if root else None,
            "DriftInformation": _DRIFT,
        }

    def list_stacks(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Summaries of stacks, those deleted in the last 90 days among them."""
        wanted: list[str] = request.get("StackStatusFilter") or []
        found, token = _page_of_stacks(tx, scope, request, deleted=True)
        shown = [_summary(tx, item) for item in found if not wanted or item.status in wanted]
        return {"StackSummaries": shown, "NextToken": token}

    # ── resources ───────────────────────────────────────────────────────────────────────────────

    def list_stack_resources(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A stack's resources, a page at a time."""
        stack = self.stack(tx, scope, request["StackName"])
        after = _token(request)
        shown = [item for item in store.list_resources(tx, stack.id) if item.logical_id > after]
        page = shown[:PAGE]
        return {
            "StackResourceSummaries": [_resource_summary(item) for item in page],
            "NextToken": write_token(page[-1].logical_id) if len(shown) > PAGE else None,
        }

    def describe_stack_resources(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The resources of a stack, or of the stack that has a physical one."""
        physical_id = request.get("PhysicalResourceId")
        if request.get("StackName"):
            stack = self.stack(tx, scope, request["StackName"])
        elif physical_id:
            stack_id = store.stack_of_physical(tx, scope, physical_id)
            found = store.find_stack(tx, stack_id) if stack_id is not None else None
            if found is None:
                raise validation_error(f"Stack for {physical_id} does not exist")
            stack = found
        else:
            raise validation_error("Either StackName or PhysicalResourceId must be specified")  # unverified
        wanted = request.get("LogicalResourceId")
        resources = store.list_resources(tx, stack.id)
        if wanted:
            resources = [item for item in resources if item.logical_id == wanted]
            if not resources:
                raise _no_resource(wanted, stack)
        return {"StackResources": [_resource(stack, item) for item in resources[:PAGE]]}

    def describe_stack_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One resource of a stack."""
        name = request["StackName"]
        found = self.find(tx, scope, name)
        if found is None:
            raise validation_error(f"Stack '{name}' does not exist")
        resource = store.find_resource(tx, found.id, request["LogicalResourceId"])
        if resource is None:
            raise _no_resource(request["LogicalResourceId"], found)
        shown = _resource(found, resource)
        shown["LastUpdatedTimestamp"] = shown.pop("Timestamp")
        shown["Metadata"] = json.dumps(resource.metadata) if resource.metadata else None
        return {"StackResourceDetail": shown}

    # ── events ──────────────────────────────────────────────────────────────────────────────────

    def describe_stack_events(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A stack's events, the newest first."""
        name = request.get("StackName")
        found = self.find(tx, scope, name) if name else None
        if found is None:
            raise validation_error(f"Stack [{name}] does not exist")
        token = _token(request)
        before = int(token) if token.isdecimal() and len(token) < 19 else None
        rows = store.list_events(tx, found.id, before, PAGE + 1)
        page = rows[:PAGE]
        return {
            "StackEvents": [_event(found, event) for _, event in page],
            "NextToken": write_token(page[-1][0]) if len(rows) > PAGE else None,
        }

    # ── templates ───────────────────────────────────────────────────────────────────────────────

    def get_template(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The template of a stack or a change set, as it was given or after its transforms."""
        definition = self._definition(tx, scope, request)
        stages = ["Original", "Processed"]
        processed = request.get("TemplateStage") == "Processed" and definition.transforms
        body = definition.processed if processed and definition.processed is not None else definition.template
        return {"TemplateBody": body, "StagesAvailable": stages}

    def _definition(self, tx: Transaction, scope: Scope, request: Request) -> Definition:
        change_set = request.get("ChangeSetName")
        if change_set:
            found_id = id_of_arn(change_set)
            if found_id is not None:
                found = store.find_change_set(tx, found_id)
            else:
                stack = self.stack(tx, scope, request.get("StackName"))
                listed = store.list_change_sets(tx, stack.id)
                found = next((item for item in listed if item.name == change_set), None)
            if found is None or found.definition is None:
                raise no_such_change_set(change_set)
            return found.definition
        stack = self.stack(tx, scope, request.get("StackName"))
        if stack.definition.processed is None:  # under review: CDK asks in this state, and AWS has no template yet
            return Definition("{}")
        return stack.definition

    # ── exports ─────────────────────────────────────────────────────────────────────────────────

    def list_exports(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """All exports of the account and region, by name."""
        rows = store.list_exports(tx, scope, _token(request), PAGE + 1)
        page = rows[:PAGE]
        shown: list[dict[str, Any]] = []
        for name, value, stack_id in page:
            stack = store.find_stack(tx, stack_id)
            assert stack is not None, "exports go with their stack"
            shown.append({"ExportingStackId": stack.arn, "Name": name, "Value": value})
        return {"Exports": shown, "NextToken": write_token(page[-1][0]) if len(rows) > PAGE else None}

    def list_imports(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The stacks that import an export."""
        name = request["ExportName"]
        users = store.importers(tx, scope, name)
        if not users:
            raise validation_error(f"Export '{name}' is not imported by any stack.")
        after = _token(request)
        rest = [user for user in users if user > after]
        page = rest[:PAGE]
        return {"Imports": page, "NextToken": write_token(page[-1]) if len(rest) > PAGE else None}

    # ── the account, and what is kept as data ───────────────────────────────────────────────────

    def describe_account_limits(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """AWS's own."""
        limits = [("StackLimit", MOST_STACKS), ("StackOutputsLimit", 200), ("ConcurrentResourcesLimit", 2500)]
        return {"AccountLimits": [{"Name": name, "Value": value} for name, value in limits]}

    def describe_stack_resource_drifts(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Nothing has been checked for drift."""
        self.stack(tx, scope, request["StackName"])
        return {"StackResourceDrifts": []}


def _page_of_stacks(tx: Transaction, scope: Scope, request: Request, deleted: bool) -> tuple[list[Stack], str | None]:
    token = _token(request)
    at, _, stack_id = token.partition("|")
    try:
        after = (float(at), stack_id) if token else None
    except ValueError:
        after = None
    found = store.list_stacks(tx, scope, deleted=deleted, after=after, limit=PAGE + 1)
    page = found[:PAGE]
    more = write_token(f"{page[-1].created_at!r}|{page[-1].id}") if len(found) > PAGE else None
    return page, more


def _token(request: Request) -> str:
    try:
        return read_token(request.get("NextToken"))
    except ValueError as problem:
        raise validation_error("Invalid NextToken") from problem  # unverified


def _no_resource(logical_id: str, stack: Stack) -> Exception:
    return validation_error(f"Resource {logical_id} does not exist for stack {stack.name}")


def parameters_shown(definition: Definition) -> list[dict[str, Any]]:
    """Parameters as AWS shows them: NoEcho ones as stars, those of SSM types with what was found."""
    if definition.processed is None or not definition.parameters:
        return []
    template = stored_outline(definition)
    found: list[dict[str, Any]] = []
    for name, text in masked(template, definition.parameters).items():
        shown: dict[str, Any] = {"ParameterKey": name, "ParameterValue": text}
        if template.parameters[name].type.startswith("AWS::SSM::Parameter::Value"):
            shown["ResolvedValue"] = definition.fetched.get(definition.parameters[name])
        found.append(shown)
    return found


def tags_shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as a list."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _summary(tx: Transaction, stack: Stack) -> dict[str, Any]:
    root = store.find_stack(tx, stack.root_id) if stack.root_id else None
    parent = store.find_stack(tx, stack.parent_id) if stack.parent_id else None
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "TemplateDescription": stack.definition.description or None,
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "ParentId": parent.arn if parent else None,
        "RootId": root.arn if root else None,
        "DriftInformation": _DRIFT,
    }


def _resource_summary(resource: Resource) -> dict[str, Any]:
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "LastUpdatedTimestamp": resource.changed_at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": _RESOURCE_DRIFT,
    }


def _resource(stack: Stack, resource: Resource) -> dict[str, Any]:
    return {
        "StackName": stack.name,
        "StackId": stack_arn(stack.scope, stack.name, stack.id),
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "Timestamp": resource.changed_at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": _RESOURCE_DRIFT,
    }


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    return {
        "StackId": stack.arn,
        "EventId": event.id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties or None,
        "ClientRequestToken": event.client_token,
    }
