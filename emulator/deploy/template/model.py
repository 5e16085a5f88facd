"""What a template is: its sections as values, its names and limits, and what AWS says of one that breaks its rules.

Decides the form of each section; what functions in it mean is said in `evaluate`, what they may name in `references`.
AWS: "CloudFormation quotas", "Template sections". Texts are those that users report; those nobody reports are marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.deploy.template.document import Document, Path, TemplateError
from emulator.ports import Json

LIMITS = {"Parameters": 200, "Mappings": 200, "Resources": 500, "Outputs": 200}
LONGEST_NAME = 255
LONGEST_DESCRIPTION_BYTES = 1024

DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
UPDATE_REPLACE_POLICIES = ("Delete", "Retain", "Snapshot")

_SECTIONS = (
    *(
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Transform",
    ),
    *("Hooks", "Resources", "Outputs"),
)
_PARAMETER_MEMBERS = (
    *("Type", "Default", "NoEcho", "AllowedValues", "AllowedPattern", "MaxLength", "MinLength", "MaxValue", "MinValue"),
    *("Description", "ConstraintDescription"),
)
_RESOURCE_MEMBERS = (
    *("Type", "Properties", "DependsOn", "Metadata", "Condition", "CreationPolicy", "UpdatePolicy", "DeletionPolicy"),
    *("UpdateReplacePolicy", "Version"),
)
_OUTPUT_MEMBERS = ("Value", "Description", "Export", "Condition")

_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+\Z")
_CONDITION_NAME = re.compile(r"[A-Za-z0-9_.:&-]+\Z")
_MAPPING_KEY = re.compile(r"[A-Za-z0-9._-]+\Z")


@dataclass(frozen=True)
class Parameter:
    """A parameter as declared; what values it takes is `parameters`' to say."""

    name: str
    type: str
    default: Json = None
    has_default: bool = False
    no_echo: bool = False
    allowed_values: tuple[str, ...] | None = None
    allowed_pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    description: str = ""
    constraint_description: str = ""


@dataclass(frozen=True)
class Resource:
    """A resource as declared; its properties hold functions."""

    logical_id: str
    type: str
    properties: dict[str, Json] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str | None = None
    update_replace_policy: str | None = None
    metadata: dict[str, Json] = field(default_factory=dict)
    creation_policy: Json = None
    update_policy: Json = None

    @property
    def path(self) -> Path:
        """Where it stands in the document."""
        return ("Resources", self.logical_id)

    @property
    def properties_path(self) -> Path:
        """Where its properties stand."""
        return ("Resources", self.logical_id, "Properties")


@dataclass(frozen=True)
class Output:
    """An output as declared; value and name of its export hold functions."""

    name: str
    value: Json
    description: str = ""
    export_name: Json = None
    condition: str | None = None

    @property
    def path(self) -> Path:
        """Where it stands in the document."""
        return ("Outputs", self.name)


@dataclass(frozen=True)
class Template:
    """A template after its transforms."""

    document: Document
    description: str = ""
    metadata: dict[str, Json] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    mappings: dict[str, dict[str, dict[str, Json]]] = field(default_factory=dict)
    conditions: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    transforms: tuple[str, ...] = ()
    """Those that are declared; they have been applied."""

    @property
    def extended(self) -> bool:
        """Whether the functions of AWS::LanguageExtensions are there."""
        return "AWS::LanguageExtensions" in self.transforms


def read(document: Document, transforms: tuple[str, ...] = ()) -> Template:
    """The template that a document without transforms holds. Raises TemplateError in AWS's words.

    `transforms` are those that have been applied (`transforms.process` says which).
    """
    return _Reader(document, transforms).template()


def outline(document: Document) -> Template:
    """Parameters, mappings and conditions of a document before its transforms: what `parameters.resolve` and the
    transforms themselves need. Raises TemplateError as `read`.
    """
    return _Reader(document, ("AWS::LanguageExtensions",)).outline()


def nulls(value: Json, path: Path) -> Iterator[Path]:
    """Where a node is null, in the order of the file."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from nulls(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nulls(item, (*path, index))


def refuse_nulls(document: Document) -> None:
    """AWS: "'null' values are not allowed in templates"; nothing reads metadata, so nothing is said of nulls in it."""
    for section, value in document.value.items():
        if section == "Metadata":
            continue
        for path in nulls(value, (section,)):
            if "Metadata" in path[:4]:
                continue
            where = "/" + "/".join(str(step) for step in path)
            raise document.error(f"Template format error: [{where}] 'null' values are not allowed in templates", path)


class _Reader:
    def __init__(self, document: Document, transforms: tuple[str, ...]) -> None:
        self._document = document
        self._value = document.value
        self._transforms = transforms

    def template(self) -> Template:
        unknown = [name for name in self._value if name not in _SECTIONS]
        if unknown:
            raise self._error(f"Invalid template property or properties [{', '.join(unknown)}]", (unknown[0],))
        refuse_nulls(self._document)
        if "Hooks" in self._value:
            raise self._error("Template error: Hooks are not emulated", ("Hooks",))
        description = self._description()
        version = self._value.get("AWSTemplateFormatVersion", "2010-09-09")
        if version != "2010-09-09":  # the text is unverified
            raise self._error(
                f"Template format error: Value '{version}' for template version is unsupported",
                ("AWSTemplateFormatVersion",),
            )
        parameters = {name: self._parameter(name, node) for name, node in self._section("Parameters").items()}
        mappings = self._mappings()
        conditions = self._conditions()
        resources = {name: self._resource(name, node) for name, node in self._section("Resources").items()}
        if not resources:
            raise self._error("Template format error: At least one Resources member must be defined.", ("Resources",))
        outputs = {name: self._output(name, node) for name, node in self._section("Outputs").items()}
        metadata = self._value.get("Metadata")
        return Template(
            self._document,
            description,
            metadata if isinstance(metadata, dict) else {},
            parameters,
            mappings,
            conditions,
            self._section("Rules"),
            resources,
            outputs,
            self._transforms,
        )

    def outline(self) -> Template:
        parameters = {name: self._parameter(name, node) for name, node in self._section("Parameters").items()}
        mappings = {} if _includes(self._value.get("Mappings")) else self._mappings()
        return Template(
            self._document,
            parameters=parameters,
            mappings=mappings,
            conditions=dict(self._section("Conditions")),
            transforms=self._transforms,
        )

    def _error(self, message: str, path: Path = (), hint: str = "") -> TemplateError:
        return self._document.error(message, path, hint)

    def _description(self) -> str:
        description = self._value.get("Description", "")
        if not isinstance(description, str):
            raise self._error("Template format error: Every Description member must be a string.", ("Description",))
        if len(description.encode()) > LONGEST_DESCRIPTION_BYTES:
            raise self._error("Template format error: 'Description' length is greater than 1024.", ("Description",))
        return description

    def _section(self, name: str) -> dict[str, Json]:
        section = self._value.get(name, {})
        if not isinstance(section, dict):  # the text is unverified
            raise self._error(f"Template format error: {name} must be an object.", (name,))
        limit = LIMITS.get(name)
        if limit is not None and len(section) > limit:
            raise self._error(
                f"Template format error: Number of {name.lower()}, {len(section)}, is greater than maximum allowed, "
                f"{limit}",
                (name,),
            )
        for key in section:
            if len(key) > LONGEST_NAME:  # the text is unverified
                raise self._error(
                    f"Template format error: {name[:-1]} name {key} is longer than {LONGEST_NAME} characters.",
                    (name, key),
                )
        return section

    # ── parameters ──────────────────────────────────────────────────────────────────────────────

    def _parameter(self, name: str, node: Json) -> Parameter:
        path: Path = ("Parameters", name)
        self._alphanumeric("Parameter", name, path)
        if not isinstance(node, dict):
            raise self._error("Template format error: Any Parameters member must be an object.", path)
        for member in node:
            if member not in _PARAMETER_MEMBERS:
                raise self._error(f"Invalid template parameter property '{member}'", (*path, member))
        kind = node.get("Type")
        if kind is None:
            raise self._error("Template format error: Every Parameters object must contain a Type member.", path)
        if not isinstance(kind, str) or not known_type(kind):
            raise self._error(
                f"Template format error: Unrecognized parameter type: {scalar_text(kind)}", (*path, "Type")
            )
        if "Default" in node and isinstance(node["Default"], (dict, list)):
            raise self._error("Template format error: Every Default member must be a string.", (*path, "Default"))
        return Parameter(
            name,
            kind,
            default=node.get("Default"),
            has_default="Default" in node,
            no_echo=self._boolean(node, "NoEcho", path),
            allowed_values=self._allowed_values(node, path),
            allowed_pattern=self._text(node, "AllowedPattern", path),
            min_length=self._whole_number(node, "MinLength", path),
            max_length=self._whole_number(node, "MaxLength", path),
            min_value=self._number(node, "MinValue", path),
            max_value=self._number(node, "MaxValue", path),
            description=self._text(node, "Description", path) or "",
            constraint_description=self._text(node, "ConstraintDescription", path) or "",
        )

    def _text(self, node: dict[str, Json], member: str, path: Path) -> str | None:
        value = node.get(member)
        if value is None:
            return None
        if isinstance(value, (dict, list)):
            raise self._error(f"Template format error: Every {member} member must be a string.", (*path, member))
        return scalar_text(value)

    def _boolean(self, node: dict[str, Json], member: str, path: Path) -> bool:
        value = node.get(member, False)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        # the text is unverified
        raise self._error(f"Template format error: Every {member} member must be a boolean.", (*path, member))

    def _number(self, node: dict[str, Json], member: str, path: Path) -> float | None:
        value = node.get(member)
        if value is None:
            return None
        number = as_number(value)
        if number is None:  # the text is unverified
            raise self._error(f"Template format error: Every {member} member must be a number.", (*path, member))
        return number

    def _whole_number(self, node: dict[str, Json], member: str, path: Path) -> int | None:
        number = self._number(node, member, path)
        return None if number is None else int(number)

    def _allowed_values(self, node: dict[str, Json], path: Path) -> tuple[str, ...] | None:
        values = node.get("AllowedValues")
        if values is None:
            return None
        if not isinstance(values, list) or any(isinstance(item, (dict, list)) for item in values):
            # the text is unverified
            raise self._error(
                "Template format error: Every AllowedValues member must be a list.", (*path, "AllowedValues")
            )
        return tuple(scalar_text(item) for item in values)

    def _alphanumeric(self, kind: str, name: str, path: Path) -> None:
        if not _ALPHANUMERIC.match(name):
            raise self._error(f"Template format error: {kind} name {name} is non alphanumeric.", path)

    # ── mappings and conditions ─────────────────────────────────────────────────────────────────

    def _mappings(self) -> dict[str, dict[str, dict[str, Json]]]:
        section = self._section("Mappings")
        for name, mapping in section.items():
            path: Path = ("Mappings", name)
            if not _ALPHANUMERIC.match(name):
                raise self._error(f"Template format error: Mapping name '{name}' is non alphanumeric.", path)
            if not isinstance(mapping, dict):
                raise self._error("Template format error: Any Mappings member must be an object.", path)
            if len(mapping) > LIMITS["Mappings"]:
                raise self._error(
                    f"Template format error: Number of mapping attributes, {len(mapping)}, is greater than maximum "
                    f"allowed, {LIMITS['Mappings']}",
                    path,
                )
            for key, attributes in mapping.items():
                self._mapping_key(key, (*path, key))
                if not isinstance(attributes, dict):
                    raise self._error(
                        "Template format error: Every Mappings member must be an object.", (*path, key)
                    )  # the text is unverified
                for attribute, value in attributes.items():
                    self._mapping_key(attribute, (*path, key, attribute))
                    if isinstance(value, dict) or (
                        isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)
                    ):
                        raise self._error(
                            "Template format error: Every Mappings attribute must be a String or a List.",
                            (*path, key, attribute),
                        )
        return section

    def _mapping_key(self, key: str, path: Path) -> None:
        if not _MAPPING_KEY.match(key):
            raise self._error(
                f"Template format error: Mappings attribute name '{key}' must contain only alphanumeric characters.",
                path,
            )

    def _conditions(self) -> dict[str, Json]:
        section = self._section("Conditions")
        for name in section:
            if not _CONDITION_NAME.match(name):  # the text is unverified
                raise self._error(
                    f"Template format error: Condition name {name} is non alphanumeric.", ("Conditions", name)
                )
        return section

    # ── resources and outputs ───────────────────────────────────────────────────────────────────

    def _resource(self, name: str, node: Json) -> Resource:
        path: Path = ("Resources", name)
        self._alphanumeric("Resource", name, path)
        if not isinstance(node, dict):
            raise self._error(f"Template format error: [/Resources/{name}] resource definition is malformed", path)
        if not isinstance(node.get("Type"), str):
            raise self._error(
                f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.", path
            )
        for member in node:
            if member not in _RESOURCE_MEMBERS:
                raise self._error(
                    f"Invalid template resource property '{member}'", (*path, member), self._misplaced(node, member)
                )
        properties = node.get("Properties", {})
        if not isinstance(properties, dict):
            raise self._error("Template format error: Any Properties member must be an object.", (*path, "Properties"))
        metadata = node.get("Metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise self._error("Template format error: Any Metadata member must be an object.", (*path, "Metadata"))
        for member in ("CreationPolicy", "UpdatePolicy"):
            if member in node and not isinstance(node[member], dict):
                raise self._error("Template format error: Expected an object", (*path, member))
        return Resource(
            name,
            node["Type"],
            properties,
            self._depends_on(node, path),
            self._condition(node, path),
            self._policy(node, "DeletionPolicy", DELETION_POLICIES, path),
            self._policy(node, "UpdateReplacePolicy", UPDATE_REPLACE_POLICIES, path),
            metadata if isinstance(metadata, dict) else {},
            node.get("CreationPolicy"),
            node.get("UpdatePolicy"),
        )

    @staticmethod
    def _misplaced(node: dict[str, Json], member: str) -> str:
        return f"{member} belongs under Properties" if "Properties" not in node or member[:1].isupper() else ""

    def _depends_on(self, node: dict[str, Json], path: Path) -> tuple[str, ...]:
        value = node.get("DependsOn", [])
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list):
            raise self._error(
                "Template format error: DependsOn must be a string or list of strings.", (*path, "DependsOn")
            )
        if not all(isinstance(item, str) for item in names):
            raise self._error("Template format error: Every DependsOn value must be a string.", (*path, "DependsOn"))
        return tuple(dict.fromkeys(names))

    def _condition(self, node: dict[str, Json], path: Path) -> str | None:
        condition = node.get("Condition")
        if condition is not None and not isinstance(condition, str):
            raise self._error("Template format error: Every Condition member must be a string.", (*path, "Condition"))
        return condition

    def _policy(self, node: dict[str, Json], member: str, known: tuple[str, ...], path: Path) -> str | None:
        value = node.get(member)
        if value is None:
            return None
        if not isinstance(value, str):
            hint = "functions here take Transform: AWS::LanguageExtensions" if isinstance(value, dict) else ""
            raise self._error(f"Template format error: Every {member} member must be a string.", (*path, member), hint)
        if value not in known:
            raise self._error(
                f"Template format error: Unrecognized {member} {value} for resource {path[1]}", (*path, member)
            )
        return value

    def _output(self, name: str, node: Json) -> Output:
        path: Path = ("Outputs", name)
        self._alphanumeric("Output", name, path)
        if not isinstance(node, dict):
            raise self._error("Template format error: Any Outputs member must be an object.", path)
        for member in node:
            if member not in _OUTPUT_MEMBERS:  # the text is unverified
                raise self._error(f"Invalid template output property '{member}'", (*path, member))
        if "Value" not in node:
            raise self._error("Template format error: Every Outputs member must contain a Value object", path)
        if isinstance(node["Value"], list):
            raise self._error(
                f"Template format error: Output {name} is malformed. The Value field of every Outputs member must "
                "evaluate to a String.",
                (*path, "Value"),
            )
        export = node.get("Export")
        if export is not None and (not isinstance(export, dict) or list(export) != ["Name"]):  # the text is unverified
            raise self._error(
                f"Template format error: Output {name} is malformed. Export must contain only a Name.",
                (*path, "Export"),
            )
        return Output(
            name,
            node["Value"],
            self._text(node, "Description", path) or "",
            export["Name"] if export else None,
            self._condition(node, path),
        )


def _includes(mappings: Json) -> bool:
    """Whether mappings are still to be read from another file."""
    if not isinstance(mappings, dict):
        return False
    return "Fn::Transform" in mappings or any(
        isinstance(item, dict) and "Fn::Transform" in item for item in mappings.values()
    )


# ── scalars ─────────────────────────────────────────────────────────────────────────────────────


def scalar_text(value: Json) -> str:
    """A scalar as CloudFormation spells it where a string is wanted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def as_number(value: Json) -> float | None:
    """The number that a scalar is or spells."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) != float("inf") and number == number else None


_PLAIN_TYPES = frozenset({"String", "Number", "List<Number>", "List<String>", "CommaDelimitedList"})
_AWS_TYPES = frozenset(
    {
        "AWS::EC2::AvailabilityZone::Name",
        "AWS::EC2::Image::Id",
        "AWS::EC2::Instance::Id",
        "AWS::EC2::KeyPair::KeyName",
        "AWS::EC2::SecurityGroup::GroupName",
        "AWS::EC2::SecurityGroup::Id",
        "AWS::EC2::Subnet::Id",
        "AWS::EC2::Volume::Id",
        "AWS::EC2::VPC::Id",
        "AWS::Route53::HostedZone::Id",
    }
)
_SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>\Z")


def known_type(kind: str) -> bool:
    """Whether CloudFormation has such a type of parameters."""
    inner = ssm_value_type(kind)
    if inner is not None:
        return inner not in ("Number", "List<Number>") and known_type(inner) and ssm_value_type(inner) is None
    if kind in _PLAIN_TYPES or kind in _AWS_TYPES or kind == "AWS::SSM::Parameter::Name":
        return True
    return kind.startswith("List<") and kind[5:-1] in _AWS_TYPES and kind.endswith(">")


def ssm_value_type(kind: str) -> str | None:
    """The type within AWS::SSM::Parameter::Value<…>."""
    match = _SSM_VALUE.match(kind)
    return match.group(1) if match else None


def is_list_type(kind: str) -> bool:
    """Whether `Ref` to such a parameter is a list."""
    kind = ssm_value_type(kind) or kind
    return kind == "CommaDelimitedList" or kind.startswith("List<")
