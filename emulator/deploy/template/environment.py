"""What functions see while a template is evaluated: parameters, the stack's place, resources, exports.

Decides what is known and what is not yet; how it is put together is `evaluate`'s. Conditions are kept once they are
known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from emulator.deploy.template.model import Template
from emulator.ports import Json

Value = str | list[str]
"""Of a parameter: `Ref` to a list's gives a list."""


@dataclass(frozen=True)
class Unknown:
    """A value that is known only once resources exist. Whatever is made from it is as unknown."""

    sources: frozenset[tuple[str, str | None]] = frozenset()
    """What it is made from: logical ids with the attribute, or None for `Ref`."""

    def __str__(self) -> str:
        names = sorted(name + (f".{attribute}" if attribute else "") for name, attribute in self.sources)
        return "{{changeSet:KNOWN_AFTER_APPLY}}" if names else ""


class Resources(Protocol):
    """The resources of the stack, as far as they exist."""

    def reference(self, logical_id: str) -> Json | Unknown:
        """What `Ref` gives: mostly the physical id."""
        ...

    def attribute(self, logical_id: str, name: str) -> Json | Unknown:
        """What `Fn::GetAtt` gives. Raises KeyError for an attribute that the type does not have."""
        ...


class Planned:
    """Resources before any of them exists."""

    def reference(self, logical_id: str) -> Json | Unknown:
        """Unknown."""
        return Unknown(frozenset({(logical_id, None)}))

    def attribute(self, logical_id: str, name: str) -> Json | Unknown:
        """Unknown."""
        return Unknown(frozenset({(logical_id, name)}))


@dataclass(frozen=True)
class Place:
    """The stack's own facts: the pseudo parameters."""

    account: str = "000000000000"
    region: str = "us-east-1"
    stack_id: str = ""
    stack_name: str = ""
    notification_arns: Sequence[str] = ()

    @property
    def partition(self) -> str:
        """`aws`, or the one of China or GovCloud."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def url_suffix(self) -> str:
        """The domain of AWS's endpoints."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def pseudo_parameters(self) -> dict[str, Value]:
        """All but AWS::NoValue, which is no value."""
        return {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": list(self.notification_arns),
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.stack_name,
            "AWS::URLSuffix": self.url_suffix,
        }


PSEUDO_PARAMETERS = frozenset({*Place().pseudo_parameters(), "AWS::NoValue"})


def _no_export(name: str) -> str | None:
    return None


def _no_output(stack: str, output: str, region: str | None, role: str | None) -> str | None:
    return None


def zones(region: str) -> list[str]:
    """Three availability zones; AWS has between two and six, by account (unverified)."""
    return [region + letter for letter in "abc"]


class Environment:
    """Made once for a deployment, and asked by every evaluation of it."""

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Value],
        place: Place,
        resources: Resources | None = None,
        *,
        export: Callable[[str], str | None] = _no_export,
        stack_output: Callable[[str, str, str | None, str | None], str | None] = _no_output,
        zones: Callable[[str], list[str]] = zones,
    ) -> None:
        """`parameters` are resolved values (`parameters.resolve`). `export` finds the value of an exported name,
        `stack_output` that of (stack, output, region, role); both answer None if there is none.
        """
        self.template = template
        self.parameters = parameters
        self.place = place
        self.resources: Resources = resources or Planned()
        self.export = export
        self.stack_output = stack_output
        self.zones = zones
        self.pseudo = place.pseudo_parameters()
        self.conditions: dict[str, bool] = {}
        """Those that have been evaluated (`conditions.holds`)."""

    def with_resources(self, resources: Resources) -> Environment:
        """The same, seeing other resources."""
        other = Environment(
            self.template,
            self.parameters,
            self.place,
            resources,
            export=self.export,
            stack_output=self.stack_output,
            zones=self.zones,
        )
        other.conditions = self.conditions
        return other
