"""Templates as this service uses them: read, with values for their parameters, resource by resource.

Puts the parts of `emulator.deploy.template` together. Pure: what has to be fetched (files, SSM, exports) comes as
arguments; `operations/reading.py` fetches it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.deploy.template import conditions, graph, parameters, references
from emulator.deploy.template.document import Document, TemplateError
from emulator.deploy.template.environment import Environment, Place, Unknown
from emulator.deploy.template.evaluate import NO_VALUE, evaluate, unknowns
from emulator.deploy.template.model import Output, Template, outline, read, scalar_text
from emulator.ports import Json
from emulator.services.cloudformation.model import Definition, Resource, Stack, stack_arn, validation_error
from emulator.services.cloudformation.resources.table import find
from emulator.services.cloudformation.resources.types import ResourceType

Export = Callable[[str], str | None]


def refused(problem: TemplateError) -> AwsError:
    """A template's error as the operation's: AWS's text, which says no place."""
    return validation_error(problem.message)


def read_template(document: Document, transforms: tuple[str, ...]) -> Template:
    """A template after its transforms. Raises AwsError."""
    try:
        template = read(document, transforms)
        references.check(template)
    except TemplateError as problem:
        raise refused(problem) from problem
    return template


def stored_template(definition: Definition) -> Template:
    """The template of a stack, which was read before."""
    assert definition.processed is not None, "a definition is stored once it was read"
    return read(Document(json.loads(definition.processed)), definition.transforms)


def stored_outline(definition: Definition) -> Template:
    """Of the template of a stack, what its parameters say."""
    assert definition.processed is not None, "a definition is stored once it was read"
    return outline(Document(json.loads(definition.processed)))


class Known:
    """The resources of a stack, as far as they exist; what does not is unknown."""

    def __init__(self, resources: Mapping[str, Resource], changing: frozenset[str] | set[str] = frozenset()) -> None:
        self._resources = resources
        self._changing = changing
        """Resources that will be others."""

    def reference(self, logical_id: str) -> Json | Unknown:
        """What `Ref` gives."""
        found = self._resources.get(logical_id)
        if found is None or not _is_there(found) or logical_id in self._changing:
            return Unknown(frozenset({(logical_id, None)}))
        return found.reference

    def attribute(self, logical_id: str, name: str) -> Json | Unknown:
        """What `Fn::GetAtt` gives. Raises KeyError for an attribute that the type does not have."""
        found = self._resources.get(logical_id)
        if found is None or not _is_there(found) or logical_id in self._changing:
            return Unknown(frozenset({(logical_id, name)}))
        if found.inert:
            return f"{found.physical_id}.{name}"
        return _attribute(found.attributes, name)


def _is_there(resource: Resource) -> bool:
    return bool(resource.physical_id) and resource.status != "CREATE_FAILED"


def _attribute(attributes: Mapping[str, Json], name: str) -> Json:
    """By its name, which may have dots, or a member of an attribute that is an object (`Outputs.Name`)."""
    if name in attributes:
        return attributes[name]
    head, _, rest = name.partition(".")
    inner = attributes[head]
    while rest:
        if not isinstance(inner, Mapping):
            raise KeyError(name)
        if rest in inner:
            return inner[rest]
        head, _, rest = rest.partition(".")
        inner = inner[head]
    return inner


@dataclass(frozen=True)
class ActiveOutput:
    """An output with its values."""

    name: str
    value: Json | Unknown
    description: str
    export: str | None


class Plan:
    """A template with the values of one stack: what each resource is to be, and in which order they are made."""

    def __init__(self, template: Template, environment: Environment) -> None:
        self.template = template
        self.environment = environment
        self._graph = graph.order(template, environment)

    @property
    def order(self) -> tuple[str, ...]:
        """Logical ids of the resources that are there, each after those it needs."""
        return self._graph.order

    def requires(self, logical_id: str) -> tuple[str, ...]:
        """Those that a resource needs."""
        return tuple(sorted(self._graph.needs[logical_id]))

    def type_of(self, logical_id: str) -> str:
        """The type of a resource."""
        return self.template.resources[logical_id].type

    def properties(self, logical_id: str, known: Known) -> dict[str, Any]:
        """The properties of a resource; what is not known yet is Unknown at its place. Raises TemplateError."""
        resource = self.template.resources[logical_id]
        value = evaluate(resource.properties, self.environment.with_resources(known), resource.properties_path)
        return value if isinstance(value, dict) else {}

    def metadata(self, logical_id: str, known: Known) -> Json:
        """The metadata of a resource. What cannot be known stays as it is written."""
        resource = self.template.resources[logical_id]
        if not resource.metadata:
            return None
        try:
            value = evaluate(resource.metadata, self.environment.with_resources(known), (*resource.path, "Metadata"))
        except TemplateError:
            return resource.metadata
        return resource.metadata if unknowns(value) else value

    def creation_policy(self, logical_id: str, known: Known) -> Json:
        """CreationPolicy of a resource."""
        resource = self.template.resources[logical_id]
        if not resource.creation_policy:
            return None
        path = (*resource.path, "CreationPolicy")
        return evaluate(resource.creation_policy, self.environment.with_resources(known), path)

    def outputs(self, known: Known) -> list[ActiveOutput]:
        """The outputs that are there. Raises TemplateError."""
        environment = self.environment.with_resources(known)
        found: list[ActiveOutput] = []
        for output in self.template.outputs.values():
            if conditions.active(environment, output):
                found.append(_output(output, environment))
        return found


def _output(output: Output, environment: Environment) -> ActiveOutput:
    value = evaluate(output.value, environment, (*output.path, "Value"))
    if value is NO_VALUE or isinstance(value, (dict, list)) or value is None:
        raise environment.template.document.error(
            f"Template format error: Output {output.name} is malformed. The Value field of every Outputs member must "
            "evaluate to a String.",
            (*output.path, "Value"),
        )
    if not isinstance(value, Unknown):
        value = scalar_text(value)
    name: str | None = None
    if output.export_name is not None:
        found = evaluate(output.export_name, environment, (*output.path, "Export", "Name"))
        if isinstance(found, (Unknown, dict, list)) or found is None:
            raise environment.template.document.error(
                f"Template format error: Output {output.name} is malformed. The Name field of every Export member must"
                " be specified.",
                (*output.path, "Export", "Name"),
            )
        name = scalar_text(found)
    return ActiveOutput(output.name, value, output.description, name)


def no_export(name: str) -> str | None:
    """For templates whose exports nobody asks for."""
    return None


def place_of(scope: Scope, name: str, stack_id: str, notifications: tuple[str, ...]) -> Place:
    """What pseudo parameters say."""
    return Place(scope.account, scope.region, stack_arn(scope, name, stack_id), name, notifications)


def plan_of(stack: Stack, definition: Definition, export: Export, template: Template | None = None) -> Plan:
    """The plan of a stack's definition. Raises TemplateError."""
    template = template or stored_template(definition)
    place = place_of(stack.scope, stack.name, stack.id, definition.notifications)
    values = parameters.resolve(template, definition.parameters, None, definition.fetched.get)
    return Plan(template, Environment(template, values.values, place, export=export))


# ── what resources ask for ──────────────────────────────────────────────────────────────────────


def row_of(type_name: str) -> ResourceType | None:
    """The row of a type; all of `Custom::` are one."""
    return find("AWS::CloudFormation::CustomResource" if type_name.startswith("Custom::") else type_name)


def unrecognized(plan: Plan) -> list[str]:
    """Types of resources that there is no row for, with their lines."""
    found: list[str] = []
    for logical_id in plan.order:
        kind = plan.type_of(logical_id)
        if row_of(kind) is None and kind not in found:
            found.append(kind)
    return found


def capabilities_needed(template: Template, active: tuple[str, ...]) -> list[str]:
    """The capabilities that the resources of a template take."""
    found: set[str] = set()
    for logical_id in active:
        resource = template.resources[logical_id]
        property_name = _IAM.get(resource.type)
        if not property_name:
            continue
        named = property_name != "-" and resource.properties.get(property_name) is not None
        found.add("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
    return ["CAPABILITY_NAMED_IAM"] if "CAPABILITY_NAMED_IAM" in found else sorted(found)


_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::AccessKey": "-",
    "AWS::IAM::Policy": "-",
    "AWS::IAM::UserToGroupAddition": "-",
}
"""Types that grant permissions, and the property that names them ([P] "Acknowledging IAM resources in templates")."""


def masked(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Parameters as they are shown: of NoEcho only stars."""
    declared = template.parameters
    return {name: "****" if name in declared and declared[name].no_echo else text for name, text in given.items()}
