"""Texts become documents: what YAML means, where nodes stand, and what is no template."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.deploy.template import Location, TemplateError, parse


def value(text: str, **more: Any) -> Any:
    return parse("K: " + text, **more).value["K"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2012-10-17", "2012-10-17"),
        ("2010-09-09T00:00:00Z", "2010-09-09T00:00:00Z"),
        ("yes", True),
        ("On", True),
        ("NO", False),
        ("off", False),
        ("y", "y"),
        ("'yes'", "yes"),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0644", 420),
        ("0x1F", 31),
        ("1_000", 1000),
        ("012345678901", "012345678901"),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("12:30:45", "12:30:45"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("! 12", "12"),
        ("!Ref A", {"Ref": "A"}),
        ("!Ref 12", {"Ref": "12"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ("!Sub '${A}'", {"Fn::Sub": "${A}"}),
        ("!If [C, !Ref A, no]", {"Fn::If": ["C", {"Ref": "A"}, False]}),
        ("!Condition C", {"Condition": "C"}),
        ("!ToJsonString {a: 1}", {"Fn::ToJsonString": {"a": 1}}),
        (
            "!GetStackOutput {StackName: a, OutputName: b}",
            {"Fn::GetStackOutput": {"StackName": "a", "OutputName": "b"}},
        ),
        ("{yes: 1, 12: 2, null: 3}", {"yes": 1, "12": 2, "null": 3}),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_yaml_means_what_cloudformation_reads_in_it(text: str, expected: Any) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: }", "Template format error: YAML not well-formed. (line 1, column 4)"),
        ("a: !Nope 1", "Template format error: YAML not well-formed. (line 1, column 4)"),
        ("a: !!binary aGk=", "Template format error: YAML not well-formed. (line 1, column 4)"),
        ("a: *b", "Template error: YAML aliases are not allowed in CloudFormation templates"),
        ("[1, 2]: 3", "Template format error: YAML not well-formed. (line 1, column 1)"),
        ("a: 1\n---\nb: 2", "Template format error: YAML not well-formed. (line 2, column 1)"),
        ("[" * 1000, "Template format error: YAML not well-formed. (line 1, column 101)"),
        ("", "Template format error: unsupported structure."),
        ("x" * 1_000_001, "Template may not exceed 1000000 bytes in size."),
        ("just text", "Template format error: unsupported structure."),
        ("[1]", "Template format error: unsupported structure."),
        ("{", "Template format error: JSON not well-formed. (line 1, column 2)"),
        ('{"a": NaN}', "Template format error: JSON not well-formed. (line 1, column 1)"),
        ('{"a": "\\ud800"}', "Template format error: JSON not well-formed. (line 1, column 1)"),
        ('{"a": ' + "[" * 100_000, "Template format error: JSON not well-formed. (line 1, column 1)"),
        ('{"a": ' + "[" * 150 + "]" * 150 + "}", "Template format error: JSON not well-formed. (line 1, column 1)"),
        ('{"a": ' + "9" * 5000 + "}", "Template format error: JSON not well-formed. (line 1, column 1)"),
    ],
)
def test_what_is_no_template_is_refused_in_awss_words(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text, "t.yaml")
    assert caught.value.message == message
    assert caught.value.location is not None
    assert caught.value.location.file == "t.yaml"


def test_nodes_know_their_lines_in_yaml() -> None:
    document = parse("A:\n  B: !Sub\n    - x${Y}\n    - Y: 1\nC:\n  - 1\n  - {D: 2}\n", "t.yaml")
    assert document.location() == Location("t.yaml", 1, 1)
    assert document.location(("A", "B")) == Location("t.yaml", 2, 3)
    assert document.location(("A", "B", "Fn::Sub", 1, "Y")) == Location("t.yaml", 4, 7)
    assert document.location(("C", 1, "D")) == Location("t.yaml", 7, 6)
    assert document.location(("C", 1, "D", "not there")) == Location("t.yaml", 7, 6)
    assert str(document.location(("C",))) == "t.yaml:5:1"


def test_nodes_know_their_lines_in_json() -> None:
    document = parse('{\n  "A": {\n    "B": [1, {"C": true}]\n  }\n}', "t.json")
    assert document.location(("A", "B")) == Location("t.json", 3, 5)
    assert document.location(("A", "B", 1, "C")) == Location("t.json", 3, 15)


def test_a_resource_that_a_transform_made_stands_where_its_origin_does() -> None:
    document = parse("Resources:\n  Fun: {}\n  Function: {}\n", "t.yaml")
    assert document.location(("Resources", "FunctionRole", "Properties")).line == 3
    assert document.location(("Resources", "Else")).line == 1


def test_aliases_and_merges_are_written_out_where_they_are_taken() -> None:
    text = "Base: &base {a: [1], b: 2}\nOne: {<<: *base, b: 3}\nTwo: *base\nThree: {<<: [*base, {c: 4}], c: 5}\n"
    document = parse(text, aliases=True)
    assert document.value["One"] == {"a": [1], "b": 3}
    assert document.value["Three"] == {"a": [1], "b": 2, "c": 5}
    assert document.value["Two"]["a"] is not document.value["Base"]["a"]


def test_a_billion_laughs_are_refused() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    with pytest.raises(TemplateError, match="YAML not well-formed"):
        parse("\n".join(lines), aliases=True)
    with pytest.raises(TemplateError, match="YAML not well-formed"):
        parse("a: &a [*a]", aliases=True)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_does_more_than_being_refused(text: str) -> None:
    for aliases in (False, True):
        try:
            parse(text, aliases=aliases)
        except TemplateError as error:
            assert error.location is not None


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), _values, max_size=4))
def test_json_is_read_as_json(tree: dict[str, Any]) -> None:
    document = parse(json.dumps(tree, indent=2))
    assert document.value == tree
    for name in tree:
        assert document.location((name,)).line >= 1


@pytest.mark.parametrize("text", ["A: 1\nB:\n  C: 2\n  C: 3\nA: 4\n", '{"A": 1, "B": {"C": 2,\n"C": 3}, "A": 4}'])
def test_of_a_key_that_stands_twice_the_last_one_counts_and_both_are_known(text: str) -> None:
    document = parse(text, "t")
    assert document.value == {"A": 4, "B": {"C": 3}}
    assert sorted(name for name, _ in document.repeated) == ["A", "C"]
    assert {location.file for _, location in document.repeated} == {"t"}
    assert document.replaced({}).repeated == document.repeated


def test_a_repeated_key_is_known_by_its_second_place() -> None:
    assert parse("A: 1\nB: 2\nA: 3\n", "t.yaml").repeated == (("A", Location("t.yaml", 3, 1)),)
    assert parse('{"A": 1,\n "A": 2}', "t.json").repeated == (("A", Location("t.json", 2, 2)),)
    assert not parse("A: {X: 1}\nB: {X: 2}\n").repeated
