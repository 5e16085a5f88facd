"""What a deployment knows of its stack while it runs: the rows, read once, and the subjects of its steps.

Decides names and tokens, which follow from the deployment's own and so are the same when a step is tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.ports import Json, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.model import (
    Deployment,
    Leftover,
    Resource,
    Stack,
    derived_uuid,
    generated_name,
)
from emulator.services.cloudformation.resources.types import NameForm, Properties, ResourceType, Subject
from emulator.services.cloudformation.stack_policy import denial


class Overtaken(Exception):
    """Somebody changed what is to be done with the stack: read it anew."""


@dataclass(slots=True)
class Work:
    """A stack under deployment."""

    stack: Stack
    resources: dict[str, Resource]
    leftovers: list[Leftover]
    base_url: str
    done: set[str] = field(default_factory=set[str])
    """Resources that this deployment has looked at and found, or made, as they are to be."""
    seen_signal: int = 0

    @staticmethod
    def load(tx: Transaction, stack_id: str, base_url: str) -> Work | None:
        """All of a stack, None if it is gone or nothing is to be done with it."""
        stack = store.find_stack(tx, stack_id)
        if stack is None or not stack.in_progress or stack.status == "REVIEW_IN_PROGRESS":
            return None
        resources = {item.logical_id: item for item in store.list_resources(tx, stack_id)}
        work = Work(stack, resources, store.list_leftovers(tx, stack_id), base_url)
        work.seen_signal = store.last_signal(tx, stack_id)
        return work

    @property
    def deployment(self) -> Deployment:
        """What is being done."""
        return self.stack.deployment

    def check(self, tx: Transaction) -> None:
        """Raise Overtaken if the stack is no longer as this deployment knows it."""
        if store.generation(tx, self.stack.id) != self.stack.generation:
            raise Overtaken(self.stack.id)

    def denial(self, verb: str, resource: Resource) -> str | None:
        """Why a stack policy does not let this update do something to a resource, or None."""
        policy = self.deployment.policy or self.stack.policy
        if not policy or self.stack.status != "UPDATE_IN_PROGRESS":
            return None
        return denial(policy, verb, resource.logical_id, resource.type)

    def token(self, logical_id: str, verb: str, physical_id: str = "") -> str:
        """The token of a step."""
        return derived_uuid(self.deployment.token, logical_id, verb, physical_id)

    def name_for(self, row: ResourceType, logical_id: str, properties: Properties, token: str) -> str:
        """The name of a new resource: the given one, or one that is generated."""
        given = properties.get(row.named_by) if row.named_by else None
        if given not in (None, ""):
            return str(given)
        form = row.name_form if isinstance(row.name_form, NameForm) else row.name_form(properties)
        if form.whole:
            scope = self.stack.scope
            return form.whole.replace("{account}", scope.account).replace("{region}", scope.region)
        return generated_name(form, self.stack.name, logical_id, token)

    def subject(
        self,
        row: ResourceType,
        resource: Resource,
        properties: Mapping[str, Json],
        previous: Mapping[str, Json] | None = None,
        again: bool = False,
    ) -> Subject:
        """The subject of a step about a resource."""
        tags: dict[str, Any] = dict(self.stack.definition.tags)
        return Subject(
            self.stack.scope,
            self.stack.name,
            self.stack.arn,
            resource.logical_id,
            resource.type,
            resource.name,
            resource.token,
            dict(properties),
            dict(previous or {}),
            resource.physical_id,
            resource.attributes,
            row.named_by,
            resource.stage,
            again,
            tags,
            self.base_url,
            self.stack.definition.capabilities,
            resource.creation_policy or {},
        )
