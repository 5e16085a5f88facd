"""Whatever a template holds: it is deployed or refused as AWS refuses, in bounded time, and never with a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.deploy.template import (
    Environment,
    TemplateError,
    artifacts,
    conditions,
    evaluate,
    graph,
    parse,
    read,
    references,
    rules,
    transforms,
)
from emulator.deploy.template import parameters as parameter_rules
from emulator.deploy.template.functions import _CHECKS  # pyright: ignore[reportPrivateUsage]
from emulator.deploy.template.model import outline
from tests.unit.deploy.template.support import PLACE, Existing

_names = st.sampled_from(["A", "B", "P", "L", "C", "M", "k", "AWS::Region", "AWS::NoValue", "Fn::ForEach::X", "Item"])
_texts = _names | st.sampled_from(
    ["${A}", "${A.Arn}-${P}", "${!x}", "${", "${Item}", "&{Item}", "", "0", "true", "{{resolve:ssm:a}}"]
)
_leaves = st.none() | st.booleans() | st.integers(-2, 300) | st.floats(allow_nan=False, allow_infinity=False) | _texts
_functions = st.sampled_from([*_CHECKS, "Fn::Transform", "Fn::ForEach::X", "Condition", "Fn::Nope"])


def _nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    call = st.builds(lambda name, argument: {name: argument}, _functions, inner)
    listed = st.builds(lambda name, argument: {name: argument}, _functions, st.lists(inner, min_size=1, max_size=4))
    return call | listed | st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=3)


_tree = st.recursive(_leaves, _nodes, max_leaves=15)
_resource = st.fixed_dictionaries(
    {"Type": st.sampled_from(["AWS::SQS::Queue", "AWS::Serverless::Function", "AWS::Serverless::Api"]) | _tree},
    optional={
        "Properties": st.dictionaries(
            st.sampled_from(["Events", "CodeUri", "Runtime", "Policies", "P"]), _tree, max_size=3
        )
        | _tree,
        "DependsOn": _tree,
        "Condition": _tree,
        "DeletionPolicy": _tree,
        "Metadata": _tree,
        "Connectors": _tree,
    },
)
_parameter = st.fixed_dictionaries(
    {"Type": st.sampled_from(["String", "Number", "CommaDelimitedList"]) | _tree}, optional={"Default": _leaves | _tree}
)
_template = st.fixed_dictionaries(
    {"Resources": st.dictionaries(_names, _resource | _tree, min_size=1, max_size=3) | _tree},
    optional={
        "Parameters": st.dictionaries(_names, _parameter | _tree, max_size=2) | _tree,
        "Mappings": st.just({"M": {"k": {"A": "x"}}}) | _tree,
        "Conditions": st.dictionaries(_names, _tree, max_size=2) | _tree,
        "Rules": st.dictionaries(_names, _tree, max_size=1) | _tree,
        "Outputs": st.dictionaries(_names, st.fixed_dictionaries({"Value": _tree}) | _tree, max_size=2) | _tree,
        "Globals": _tree,
        "Transform": st.sampled_from(["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"])
        | st.just(["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"])
        | _tree,
    },
)


def _deploy(text: str) -> None:
    document = parse(text)
    artifacts.local_artifacts(document)
    values = parameter_rules.resolve(outline(document), {})
    transforms.wanted(document, values, PLACE)
    processed = transforms.process(document, values, PLACE)
    template = read(processed.document, processed.transforms)
    references.check(template)
    environment = Environment(template, values.values, PLACE, Existing())
    rules.check(environment)
    plan = graph.order(template, environment)
    for name in plan.order:
        evaluate(template.resources[name].properties, environment, template.resources[name].properties_path)
    for output in template.outputs.values():
        if conditions.active(environment, output):
            evaluate(output.value, environment, (*output.path, "Value"))


@settings(max_examples=150, deadline=None)
@given(_template)
def test_no_template_crashes_the_language(tree: dict[str, Any]) -> None:
    try:
        _deploy(json.dumps(tree))
    except TemplateError as error:
        assert error.message
        assert "Traceback" not in error.message


def _nested(wrap: Callable[[Any], Any], levels: int, inner: Any = "x") -> Any:
    for _ in range(levels):
        inner = wrap(inner)
    return inner


@pytest.mark.parametrize("transform", [None, "AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"])
@pytest.mark.parametrize(
    ("wrap", "levels"),
    [
        (lambda inner: {"Fn::Join": ["", [inner]]}, 31),
        (lambda inner: {"Fn::Sub": ["${A}", {"A": inner}]}, 31),
        (lambda inner: {"Fn::Base64": inner}, 40),
        (lambda inner: {"Fn::If": ["C", inner, "n"]}, 46),
        (lambda inner: [inner], 94),
        (lambda inner: {"a": inner}, 94),
    ],
)
def test_what_is_nested_as_deep_as_it_may_be_is_evaluated(
    wrap: Callable[[Any], Any], levels: int, transform: str | None
) -> None:
    tree: dict[str, Any] = {
        "Conditions": {"C": _nested(lambda inner: {"Fn::Not": [inner]}, 45, {"Fn::Equals": ["a", "a"]})},
        "Resources": {"A": {"Type": "AWS::SQS::Queue", "Condition": "C", "Properties": {"P": _nested(wrap, levels)}}},
    }
    if transform is not None:
        tree["Transform"] = transform
    tree["Conditions"]["C"] = {"Fn::Not": [tree["Conditions"]["C"]]}
    _deploy(json.dumps(tree))


def test_a_chain_of_conditions_may_be_long() -> None:
    chain: dict[str, Any] = {"C0": {"Fn::Equals": ["a", "a"]}}
    for number in range(1, 2000):
        chain[f"C{number}"] = {"Fn::And": [{"Condition": f"C{number - 1}"}, {"Condition": f"C{number - 1}"}]}
    _deploy(json.dumps({"Conditions": chain, "Resources": {"A": {"Type": "AWS::SQS::Queue", "Condition": "C1999"}}}))


def test_loops_cannot_grow_a_template_without_bound() -> None:
    loop: Any = {"X${A0}${A1}${A2}${A3}${A4}": {"Type": "AWS::SQS::Queue"}}
    for depth in range(4, -1, -1):
        loop = {f"Fn::ForEach::L{depth}": [f"A{depth}", [f"v{n}" for n in range(200)], loop]}
    with pytest.raises(TemplateError, match="AWS::LanguageExtensions failed"):
        _deploy(json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": loop}))


def test_loops_are_nested_five_deep_at_most() -> None:
    loop: Any = {"X${A0}": {"Type": "AWS::SQS::Queue"}}
    for depth in range(5, -1, -1):
        loop = {f"Fn::ForEach::L{depth}": [f"A{depth}", ["v"], loop]}
    with pytest.raises(TemplateError, match="5 deep"):
        _deploy(json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": loop}))
