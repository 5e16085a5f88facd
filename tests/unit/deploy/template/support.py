"""Templates of a few lines, read and evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from emulator.deploy.template import Document, Environment, Template, TemplateError, evaluate, parse, read
from emulator.deploy.template import parameters as parameter_rules
from emulator.deploy.template.environment import Place, Resources

PLACE = Place(
    "123456789012", "eu-west-1", "arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1", "s", ("arn:topic",)
)


class Existing:
    """Resources that exist: `Ref` gives id-NAME, `Fn::GetAtt` NAME.ATTRIBUTE; there is no attribute Nothing."""

    def reference(self, logical_id: str) -> Any:
        return f"id-{logical_id}"

    def attribute(self, logical_id: str, name: str) -> Any:
        if name == "Nothing":
            raise KeyError(name)
        return ["one", "two"] if name == "List" else f"{logical_id}.{name}"


def template(text: str) -> Template:
    """The template of a text, with whatever it declares taken for done."""
    document = parse(text, "t.yaml")
    transforms = ("AWS::LanguageExtensions",) if "LanguageExtensions" in text else ()
    value = {name: item for name, item in document.value.items() if name != "Transform"}
    return read(document.replaced(value), transforms)


def environment(
    found: Template, given: Mapping[str, Any] | None = None, resources: Resources | None = None, **more: Any
) -> Environment:
    """What functions of a template see."""
    return Environment(
        found, parameter_rules.resolve(found, given or {}).values, PLACE, resources or Existing(), **more
    )


def value_of(expression: str, rest: str = "", given: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """The value of a property that is written as YAML."""
    indented = expression.replace("\n", "\n        ")
    found = template(
        "Resources:\n  It:\n    Type: A::B::C\n    Properties:\n      P:\n        "
        + indented
        + "\n  Other:\n    Type: A::B::D\n"
        + rest
    )
    resource = found.resources["It"]
    properties = evaluate(resource.properties, environment(found, given, **more), resource.properties_path)
    assert isinstance(properties, dict)
    return properties["P"]


def refusal(text: str) -> TemplateError:
    """How a text is refused, wherever on the way."""
    from emulator.deploy.template import conditions, graph, references

    with pytest.raises(TemplateError) as caught:
        found = template(text)
        references.check(found)
        seen = environment(found)
        graph.order(found, seen)
        for output in found.outputs.values():
            conditions.active(seen, output)
            evaluate(output.value, seen, (*output.path, "Value"))
        for resource in found.resources.values():
            evaluate(resource.properties, seen, resource.properties_path)
    return caught.value


def document(text: str) -> Document:
    """A document, as `emulator up` reads it."""
    return parse(text, "t.yaml", aliases=True)
