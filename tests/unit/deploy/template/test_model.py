"""Sections, names and limits of templates; what parameters take; in which order resources come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.deploy.template import TemplateError, graph, parameters, references, rules
from emulator.deploy.template.environment import Planned
from emulator.deploy.template.model import outline, read
from tests.unit.deploy.template.support import document, environment, refusal, template

RESOURCES = "Resources: {It: {Type: A::B::C}}\n"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("Resources: {}", "Template format error: At least one Resources member must be defined.", 1),
        ("Description: x", "Template format error: At least one Resources member must be defined.", 1),
        (RESOURCES + "outputs: {}", "Invalid template property or properties [outputs]", 2),
        (
            RESOURCES + "AWSTemplateFormatVersion: 2011-01-01",
            "Template format error: Value '2011-01-01' for template version is unsupported",
            2,
        ),
        (RESOURCES + "Description: [a]", "Template format error: Every Description member must be a string.", 2),
        (
            RESOURCES + "Description: " + "x" * 1025,
            "Template format error: 'Description' length is greater than 1024.",
            2,
        ),
        (
            RESOURCES + "Parameters:",
            "Template format error: [/Parameters] 'null' values are not allowed in templates",
            2,
        ),
        (
            "Resources:\n  It:\n    Type: A::B::C\n    Properties:\n      A:\n        - b\n        -\n",
            "Template format error: [/Resources/It/Properties/A/1] 'null' values are not allowed in templates",
            7,
        ),
        (
            "Resources: {It: {Properties: {}}}",
            "Template format error: [/Resources/It] Every Resources object must contain a Type member.",
            1,
        ),
        ("Resources:\n  It:\n    Type: A::B::C\n    Timeout: 3", "Invalid template resource property 'Timeout'", 4),
        ("Resources: {my-it: {Type: A::B::C}}", "Template format error: Resource name my-it is non alphanumeric.", 1),
        (
            "Resources: {It: {Type: A::B::C, DependsOn: {a: 1}}}",
            "Template format error: DependsOn must be a string or list of strings.",
            1,
        ),
        (
            "Resources: {It: {Type: A::B::C, Metadata: x}}",
            "Template format error: Any Metadata member must be an object.",
            1,
        ),
        ("Resources: {It: {Type: A::B::C, UpdatePolicy: x}}", "Template format error: Expected an object", 1),
        (
            "Resources: {It: {Type: A::B::C, DependsOn: [{a: 1}]}}",
            "Template format error: Every DependsOn value must be a string.",
            1,
        ),
        (
            "Resources: {It: {Type: A::B::C, DependsOn: Gone}}",
            "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template",
            1,
        ),
        (
            "Resources: {It: {Type: A::B::C, Condition: Gone}}",
            "Template format error: Unresolved condition dependency Gone in the Resources block of the template",
            1,
        ),
        (
            "Resources: {It: {Type: A::B::C, Condition: [Gone]}}",
            "Template format error: Every Condition member must be a string.",
            1,
        ),
        (
            "Resources: {It: {Type: A::B::C, DeletionPolicy: Keep}}",
            "Template format error: Unrecognized DeletionPolicy Keep for resource It",
            1,
        ),
        ("Resources: {It: [a]}", "Template format error: [/Resources/It] resource definition is malformed", 1),
        (
            RESOURCES + "Parameters: {P: {Default: 1}}",
            "Template format error: Every Parameters object must contain a Type member.",
            2,
        ),
        (
            RESOURCES + "Parameters: {P: {Type: Boolean}}",
            "Template format error: Unrecognized parameter type: Boolean",
            2,
        ),
        (RESOURCES + "Parameters: {P: {Type: String, Value: 1}}", "Invalid template parameter property 'Value'", 2),
        (
            RESOURCES + "Parameters: {P: {Type: String, Default: [a]}}",
            "Template format error: Every Default member must be a string.",
            2,
        ),
        (
            RESOURCES + "Parameters: {a_b: {Type: String}}",
            "Template format error: Parameter name a_b is non alphanumeric.",
            2,
        ),
        (RESOURCES + "Mappings: {a_b: {}}", "Template format error: Mapping name 'a_b' is non alphanumeric.", 2),
        (
            RESOURCES + "Mappings: {M: {k: {a: {b: c}}}}",
            "Template format error: Every Mappings attribute must be a String or a List.",
            2,
        ),
        (
            RESOURCES + "Mappings: {M: {'k k': {a: b}}}",
            "Template format error: Mappings attribute name 'k k' must contain only alphanumeric characters.",
            2,
        ),
        (
            RESOURCES + "Outputs: {O: {Description: x}}",
            "Template format error: Every Outputs member must contain a Value object",
            2,
        ),
        (
            RESOURCES + "Outputs: {O: {Value: [a]}}",
            "Template format error: Output O is malformed. The Value field of every "
            "Outputs member must evaluate to a String.",
            2,
        ),
        (
            RESOURCES + "Outputs:\n  O:\n    Value: !Ref Gone",
            "Template format error: Unresolved resource dependencies [Gone] in the Outputs block of the template",
            4,
        ),
        (RESOURCES + "Hooks: {}", "Template error: Hooks are not emulated", 2),
    ],
)
def test_a_template_that_breaks_the_rules_is_refused_at_its_line(text: str, message: str, line: int) -> None:
    error = refusal(text)
    assert error.message == message
    assert error.location is not None
    assert error.location.line == line


@pytest.mark.parametrize(
    ("section", "limit"), [("Parameters", 200), ("Resources", 500), ("Outputs", 200), ("Mappings", 200)]
)
def test_awss_limits_are_kept(section: str, limit: int) -> None:
    member: dict[str, Any] = {
        "Parameters": {"Type": "String", "Default": "x"},
        "Resources": {"Type": "A::B::C"},
        "Outputs": {"Value": "x"},
        "Mappings": {"k": {"a": "b"}},
    }[section]
    tree: dict[str, Any] = {"Resources": {"It": {"Type": "A::B::C"}}}
    tree[section] = {f"N{n}": member for n in range(limit)}
    read(document(json.dumps(tree)))
    tree[section]["More"] = member
    with pytest.raises(TemplateError) as caught:
        read(document(json.dumps(tree)))
    assert caught.value.message == (
        f"Template format error: Number of {section.lower()}, {limit + 1}, is greater than maximum allowed, {limit}"
    )


PARAMETERS = (
    RESOURCES
    + """
Parameters:
  Plain: {Type: String}
  Choice: {Type: String, Default: a, AllowedValues: [a, b]}
  Size: {Type: Number, Default: 5, MinValue: 1, MaxValue: 10}
  Short: {Type: String, Default: abc, MinLength: 2, MaxLength: 4}
  Name: {Type: String, Default: abc, AllowedPattern: "[a-z]*"}
  Told: {Type: String, Default: abc, AllowedPattern: "[a-z]*", ConstraintDescription: lower case only}
  Odd: {Type: Number, Default: 1, AllowedValues: [1, 3]}
  List: {Type: CommaDelimitedList, Default: "a,b", AllowedValues: [a, b]}
  Numbers: {Type: List<Number>, Default: "1, 2"}
  Slow: {Type: String, Default: a, AllowedPattern: "(a+)+(?=b)\\\\1$|a"}
  Broken: {Type: String, Default: '', AllowedPattern: "["}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>", Default: "subnet-1, subnet-2"}
"""
)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Gone": "x", "Plain": "x"}, "Parameters: [Gone] do not exist in the template"),
        ({}, "Parameters: [Plain] must have values"),
        ({"Choice": "c"}, "Parameter 'Choice' must be one of AllowedValues"),
        ({"Size": "x"}, "Parameter 'Size' must be a number."),
        ({"Size": "nan"}, "Parameter 'Size' must be a number."),
        ({"Size": "0"}, "Parameter 'Size' must be a number not less than 1"),
        ({"Size": "10.5"}, "Parameter 'Size' must be a number not greater than 10"),
        ({"Short": "a"}, "Parameter 'Short' must contain at least 2 characters"),
        ({"Short": "abcde"}, "Parameter 'Short' must contain at most 4 characters"),
        ({"Name": "ABC"}, "Parameter 'Name' must match pattern [a-z]*"),
        ({"Name": "abc\n"}, "Parameter 'Name' must match pattern [a-z]*"),
        ({"Told": "ABC"}, "Parameter Told failed to satisfy constraint: lower case only"),
        ({"Odd": "2"}, "Parameter 'Odd' must be one of AllowedValues"),
        ({"List": "a,c"}, "Parameter 'List' must be one of AllowedValues"),
        ({"Numbers": "1,x"}, "Parameter 'Numbers' must be a list of numbers."),
        ({"Plain": "x" * 4097}, "Parameter 'Plain' must be at most 4096 bytes"),
        ({"Slow": "a" * 4000}, "Parameter 'Slow' must match pattern (a+)+(?=b)\\1$|a"),
        ({"Broken": "x"}, "Parameter 'Broken' must match pattern ["),
        (
            {"Plain": parameters.PREVIOUS},
            "Invalid input for parameter key Plain. Cannot specify usePreviousValue as true for "
            "a parameter key not in the previous template",
        ),
    ],
)
def test_values_that_a_parameter_does_not_take_are_refused(given: dict[str, Any], message: str) -> None:
    text = (
        PARAMETERS
        if "Broken" in given
        else PARAMETERS.replace("  Broken: {Type: String, Default: '', AllowedPattern: \"[\"}\n", "")
    )
    plain = {} if message.startswith("Parameters: [Plain]") else {"Plain": "x"}
    with pytest.raises(TemplateError) as caught:
        parameters.resolve(outline(document(text)), {**plain, **given})
    assert caught.value.message == message


def test_parameters_have_given_previous_or_default_values() -> None:
    text = PARAMETERS.replace("  Broken: {Type: String, Default: '', AllowedPattern: \"[\"}\n", "")
    found = parameters.resolve(
        outline(document(text)), {"Plain": "", "Size": parameters.PREVIOUS, "Odd": "3.0"}, {"Size": "7", "Name": "kept"}
    )
    assert found.given["Plain"] == ""
    assert found.values["Size"] == "7"
    assert found.values["Odd"] == "3.0"
    assert found.values["Name"] == "abc", "what an update does not give has its default"
    assert found.values["List"] == ["a", "b"]
    assert found.values["Numbers"] == ["1", "2"]
    assert found.values["Subnets"] == ["subnet-1", "subnet-2"]


def test_parameters_of_ssm_types_are_looked_up() -> None:
    found = outline(
        document(
            RESOURCES
            + """
Parameters:
  One: {Type: "AWS::SSM::Parameter::Value<String>", Default: /a}
  Many: {Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /b}
  Name: {Type: "AWS::SSM::Parameter::Name", Default: /c}
"""
        )
    )
    texts = parameters.texts(found, {})
    assert parameters.wanted(found, texts) == {"One": "/a", "Many": "/b"}
    values = parameters.resolve(found, {}, None, {"/a": "A", "/b": "x,y"}.get)
    assert values.values == {"One": "A", "Many": ["x", "y"], "Name": "/c"}
    assert values.resolved == {"One": "A", "Many": "x,y"}
    with pytest.raises(TemplateError) as caught:
        parameters.resolve(found, {}, None, {"/a": "A"}.get)
    assert caught.value.message == "Unable to fetch parameters [/b] from parameter store for this account."


def order(text: str, **given: str) -> tuple[str, ...]:
    found = template(text)
    references.check(found)
    return graph.order(found, environment(found, given, Planned())).order


def test_resources_come_after_what_they_refer_to_and_else_in_the_order_of_the_file() -> None:
    assert order(
        """
Resources:
  A: {Type: X::Y::Z, Properties: {P: !Sub "${C.Arn} ${!B}"}}
  B: {Type: X::Y::Z, DependsOn: [A]}
  C: {Type: X::Y::Z, Metadata: {M: !GetAtt E.Arn}}
  D: {Type: X::Y::Z}
  E: {Type: X::Y::Z, Properties: {P: !Sub ["${D}", {D: !Ref D}]}}
"""
    ) == ("D", "E", "C", "A", "B")


CONDITIONAL = """
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {Prod: !Equals [!Ref Stage, prod]}
Resources:
  A: {Type: X::Y::Z, Properties: {P: !If [Prod, !Ref B, none]}}
  B: {Type: X::Y::Z, Condition: Prod, Properties: {P: !If [Prod, 1, !Ref A]}}
"""


def test_conditions_decide_what_is_there_and_what_refers_to_what() -> None:
    assert order(CONDITIONAL) == ("A",)
    assert order(CONDITIONAL, Stage="prod") == ("B", "A")


def test_a_reference_to_a_resource_whose_condition_does_not_hold_is_refused() -> None:
    error = refusal(CONDITIONAL + "  C: {Type: X::Y::Z, Properties: {P: !Ref B}}\n")
    assert error.message == (
        "Template format error: Unresolved resource dependencies [B] in the Resources block of the template"
    )
    error = refusal(CONDITIONAL + "  C: {Type: X::Y::Z, DependsOn: [B, A]}\n")
    assert error.message == (
        "Template format error: Unresolved resource dependencies [B] in the Resources block of the template"
    )
    error = refusal(CONDITIONAL + "Outputs: {O: {Value: !Ref B}}\n")
    assert (
        error.message
        == "Template format error: Unresolved resource dependencies [B] in the Outputs block of the template"
    )


def test_a_cycle_is_refused_with_all_that_wait_for_it() -> None:
    error = refusal(
        """
Resources:
  A: {Type: X::Y::Z, Properties: {P: !Ref B}}
  B: {Type: X::Y::Z, DependsOn: C}
  C: {Type: X::Y::Z, Properties: {P: !GetAtt B.Arn}}
  D: {Type: X::Y::Z}
"""
    )
    assert error.message == "Circular dependency between resources: [A, B, C]"
    assert error.resource in ("B", "C")


def test_rules_assert_what_parameters_are() -> None:
    text = (
        """
Parameters:
  Stage: {Type: String, Default: prod}
  Sizes: {Type: CommaDelimitedList, Default: "small,large"}
Rules:
  Sized:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - Assert: {Fn::EachMemberIn: [!Ref Sizes, [small, large]]}
      - Assert: {Fn::Contains: [!Ref Sizes, large]}
        AssertDescription: prod needs a large one
      - Assert: {Fn::Not: [{Fn::EachMemberEquals: [!Ref Sizes, small]}]}
      - Assert: {Fn::Contains: [{Fn::RefAll: String}, prod]}
"""
        + RESOURCES
    )
    found = template(text)
    references.check(found)
    rules.check(environment(found))
    rules.check(environment(found, {"Stage": "dev", "Sizes": "small"}))
    with pytest.raises(TemplateError, match="prod needs a large one"):
        rules.check(environment(found, {"Sizes": "small"}))
    assert (
        "allowed in the Rules block"
        in refusal("Resources: {It: {Type: A::B::C, Properties: {P: {Fn::Contains: [[a], a]}}}}").message
    )
