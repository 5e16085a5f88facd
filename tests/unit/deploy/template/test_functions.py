"""Every intrinsic function: what it returns, and what AWS says of one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.deploy.template import TemplateError, Unknown, evaluate
from emulator.deploy.template.environment import Planned
from tests.unit.deploy.template.support import environment, refusal, template, value_of

REST = """
Parameters:
  Stage: {Type: String, Default: dev}
  Count: {Type: Number, Default: 3}
  Names: {Type: CommaDelimitedList, Default: "a, b,c"}
Mappings:
  Regions:
    eu-west-1: {Ami: ami-1, Zones: [x, y], Size: 5}
Conditions:
  Dev: !Equals [!Ref Stage, dev]
  Prod: !Not [!Condition Dev]
"""
EXTENDED = "Transform: AWS::LanguageExtensions\n" + REST


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Count", "3"),
        ("!Ref Names", ["a", "b", "c"]),
        ("!Ref Other", "id-Other"),
        ("!Ref AWS::AccountId", "123456789012"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::StackName", "s"),
        ("!Ref AWS::StackId", "arn:aws:cloudformation:eu-west-1:123456789012:stack/s/1"),
        ("!Ref AWS::NotificationARNs", ["arn:topic"]),
        ("{A: !Ref AWS::NoValue, B: 1}", {"B": 1}),
        ("[1, !Ref AWS::NoValue, 2]", [1, 2]),
        ("!GetAtt Other.Arn", "Other.Arn"),
        ("!GetAtt Other.Outputs.Url", "Other.Outputs.Url"),
        ("!GetAtt [Other, !Ref Stage]", "Other.dev"),
        ("{Fn::GetAtt: Other.Arn}", "Other.Arn"),
        ("!Sub 'x-${Stage}-${Other}-${Other.Arn}-${AWS::Region}'", "x-dev-id-Other-Other.Arn-eu-west-1"),
        ("!Sub '${!Stage} $Stage ${Count}'", "${Stage} $Stage 3"),
        ("!Sub ['${A}${Stage}', {A: !Ref Count}]", "3dev"),
        ("!Sub ['${Stage}', {Stage: mine}]", "mine"),
        ("!Sub ['${T}', {T: true}]", "true"),
        ("!Join ['-', [a, !Ref Stage, 1, true]]", "a-dev-1-true"),
        ("!Join ['', !Ref Names]", "abc"),
        ("!Join [',', [a, !Ref AWS::NoValue, b]]", "a,b"),
        ("!Split ['|', 'a|b||c']", ["a", "b", "", "c"]),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select ['0', [x, y]]", "x"),
        ("!Select [!Select [0, ['1']], !Split ['-', 'a-b']]", "b"),
        ("!FindInMap [Regions, !Ref AWS::Region, Ami]", "ami-1"),
        ("!FindInMap [Regions, !Ref AWS::Region, Zones]", ["x", "y"]),
        ("!FindInMap [Regions, eu-west-1, Size]", 5),
        ("!If [Dev, yes, no]", True),
        ("!If [Prod, a, !If [Dev, b, c]]", "b"),
        ("{A: !If [Prod, x, !Ref AWS::NoValue]}", {}),
        ("!Base64 hello", "aGVsbG8="),
        ("{Fn::Base64: !Sub 'ü${Stage}'}", "w7xkZXY="),
        ("!Cidr [10.0.0.0/24, 3, 5]", ["10.0.0.0/27", "10.0.0.32/27", "10.0.0.64/27"]),
        ("!Cidr [10.0.0.0/16, '2']", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("!Cidr ['2001:db8::/56', 2, 64]", ["2001:db8::/64", "2001:db8:0:1::/64"]),
        ("!GetAZs ''", ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ("!Select [0, {Fn::GetAZs: !Ref AWS::Region}]", "eu-west-1a"),
        ("!ImportValue shared", "value of shared"),
        ("{Fn::ImportValue: !Sub '${Stage}-x'}", "value of dev-x"),
        ("!GetStackOutput {StackName: a, OutputName: b, Region: us-east-1}", "a/b/us-east-1"),
        ("{Ref: Stage, And: more}", {"Ref": "Stage", "And": "more"}),
        ("[1, 2.5, true, text]", [1, 2.5, True, "text"]),
    ],
)
def test_functions_return_what_aws_says(expression: str, expected: Any) -> None:
    found = value_of(
        expression,
        REST,
        export=lambda name: f"value of {name}",
        stack_output=lambda stack, output, region, role: f"{stack}/{output}/{region}",
    )
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Length [a, b]", 2),
        ("{Fn::Length: !Ref Names}", 3),
        ("!ToJsonString {a: 1, b: [true, ü], c: {d: {Ref: Stage}}}", '{"a":1,"b":[true,"ü"],"c":{"d":"dev"}}'),
        ("{Fn::ToJsonString: [!Ref AWS::NoValue, 1]}", "[1]"),
        ("!FindInMap [Regions, nowhere, Ami, {DefaultValue: none}]", "none"),
        ("!FindInMap [Nothing, nowhere, Ami, {DefaultValue: {Ref: Stage}}]", "dev"),
    ],
)
def test_language_extensions_have_functions_of_their_own(expression: str, expected: Any) -> None:
    assert value_of(expression, EXTENDED) == expected
    with pytest.raises(TemplateError) as caught:
        value_of(expression, REST)
    assert "AWS::LanguageExtensions" in caught.value.hint


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{Ref: [a]}", "Template error: every Ref object must have a single String value."),
        (
            "!GetAtt Other",
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and"
            " the resource attribute",
        ),
        ("!GetAtt Gone.Arn", "Template error: instance of Fn::GetAtt references undefined resource Gone"),
        (
            "!GetAtt Other.Nothing",
            "Template error: resource Other does not support attribute type Nothing in Fn::GetAtt",
        ),
        (
            "!Ref Gone",
            "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template",
        ),
        (
            "!Sub '${Gone}'",
            "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template",
        ),
        ("!Sub '${Gone.Arn}'", "Template error: instance of Fn::Sub references invalid resource attribute Gone.Arn"),
        (
            "!Sub '${a b}'",
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "
            "underscores, periods, and colons",
        ),
        (
            "!Sub [a]",
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
            "string as first argument, and an optional second argument to specify a mapping of values to replace in "
            "the "
            "string",
        ),
        (
            "!Join [a]",
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list"
            " of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        ),
        (
            "!Join ['', !Ref Stage]",
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter "
            "and (2) a list of strings to be joined or a function that returns a list of strings (such as "
            "Fn::GetAZs) to be "
            "joined.",
        ),
        (
            "!Split [a]",
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a "
            "string to be split or a function that returns a string to be split.",
        ),
        (
            "!Select [x, [a]]",
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list",
        ),
        ("!Select [3, [a]]", "Template error: Fn::Select  cannot select nonexistent value at index 3"),
        ("!Select [-1, [a]]", "Template error: Fn::Select  cannot select nonexistent value at index -1"),
        (
            "!FindInMap [a, b]",
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key "
            "and the attribute for return value",
        ),
        (
            "!FindInMap [Gone, b, c]",
            "Template error: Mapping named 'Gone' is not present in the 'Mappings' section of template.",
        ),
        ("!FindInMap [Regions, b, c]", "Template error: Unable to get mapping for Regions::b::c"),
        ("!If [Gone, 1, 2]", "Template error: unresolved condition dependency Gone in Fn::If"),
        ("!Base64 [a]", "Template error: every Fn::Base64 object must have a String-typed value."),
        ("!ImportValue gone", "No export named gone found."),
        ("{Fn::ImportValue: !Ref Other}", "No export named id-Other found."),
    ],
)
def test_functions_that_are_wrong_are_refused_in_awss_words(expression: str, message: str) -> None:
    text = (
        "Resources:\n  It:\n    Type: A::B::C\n    Properties:\n      P: "
        + expression
        + "\n  Other:\n    Type: A::B::D\n"
        + REST
    )
    error = refusal(text)
    assert error.message == message
    assert error.location is not None
    assert error.location.line == 5


def test_unknown_functions_are_refused_with_a_list_of_those_there_are() -> None:
    error = refusal("Resources: {It: {Type: A::B::C, Properties: {P: {Fn::Nope: 1}}}}")
    assert error.message.startswith(
        "Template Error: Encountered unsupported function: Fn::Nope Supported functions are: [Fn::Base64, Fn::GetAtt, "
    )


def test_what_does_not_exist_yet_is_unknown_and_so_is_all_that_is_made_of_it() -> None:
    found = template(
        """
Resources:
  It:
    Type: A::B::C
    Properties:
      Plain: 1
      Ref: !Ref Other
      Text: !Sub "${Other.Arn}/*"
      Joined: !Join [":", [a, !GetAtt Other.Name]]
      Picked: !Select [0, !Split [":", !Ref Other]]
      Inner: {A: [!Ref Other]}
      Code: {"Fn::Base64": !Ref Other}
  Other: {Type: A::B::D}
"""
    )
    seen = environment(found, resources=Planned())
    value = evaluate(found.resources["It"].properties, seen)
    assert isinstance(value, dict)
    ref = Unknown(frozenset({("Other", None)}))
    assert value == {
        "Plain": 1,
        "Ref": ref,
        "Text": Unknown(frozenset({("Other", "Arn")})),
        "Joined": Unknown(frozenset({("Other", "Name")})),
        "Picked": ref,
        "Inner": {"A": [ref]},
        "Code": ref,
    }


def test_functions_within_functions_cannot_grow_a_template_without_bound() -> None:
    text = "x"
    for _ in range(30):
        text = f"!Sub ['${{A}}${{A}}', {{A: {text}}}]"
    with pytest.raises(TemplateError, match="functions make too much"):
        value_of(text)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("!Equals [true, 'true']", True),
        ("!Equals [1, '1']", True),
        ("!Equals [!Ref Stage, prod]", False),
        ("!And [!Condition Dev, !Equals [a, a]]", True),
        ("!Or [!Equals [a, b], !Condition Prod]", False),
        ("!Not [!Equals [!Select [0, !Ref Names], a]]", False),
        ("!Equals [!FindInMap [Regions, eu-west-1, Ami], ami-1]", True),
        ("!Equals [!Join ['', [a, b]], ab]", True),
        ("!Equals [!Ref Names, [a, b, c]]", True),
    ],
)
def test_conditions_hold_or_do_not(condition: str, holds: bool) -> None:
    assert value_of("!If [It, t, f]", REST + f"  It: {condition}\n") == ("t" if holds else "f")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "yes please",
            "Template format error: Conditions can only be boolean operations on parameters and other conditions",
        ),
        ("!Equals [a]", "Template error: every Fn::Equals object requires a list of 2 string parameters."),
        (
            "!And [!Condition Dev]",
            "Template error: every Fn::And object requires a list of atleast 2 and atmost 10 boolean parameters.",
        ),
        (
            "!Not [!Condition Dev, !Condition Dev]",
            "Template error: every Fn::Not object requires one boolean parameter.",
        ),
        (
            "!Condition Gone",
            "Template format error: Unresolved condition dependency Gone in the Conditions block of the template",
        ),
        (
            "!Equals [!Ref Other, a]",
            "Template format error: Unresolved dependencies [Other]. Cannot reference resources in "
            "the Conditions block of the template",
        ),
        ("!Not [!Condition It]", "Template error: Found circular condition dependency between [It, It]"),
        (
            "!Not [!Ref Stage]",
            "Template format error: Conditions can only be boolean operations on parameters and other conditions",
        ),
    ],
)
def test_conditions_that_are_wrong_are_refused_in_awss_words(condition: str, message: str) -> None:
    error = refusal("Resources:\n  Other: {Type: A::B::C, Condition: It}\n" + REST + f"  It: {condition}\n")
    assert error.message == message
