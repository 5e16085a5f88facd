"""What is said of a body that does not match its model."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from emulator.services.apigateway.gateway.model_errors import described
from tests.unit.services.apigateway.support import snapshot


@pytest.mark.parametrize(
    ("schema", "body", "said"),
    [
        ({"required": ["b", "a"]}, {}, '[object has missing required properties (["a","b"])]'),
        (
            {"type": "integer"},
            "x",
            '[instance type (string) does not match any allowed primitive type (allowed: ["integer"])]',
        ),
        (
            {"type": ["number", "integer"]},
            True,
            '[instance type (boolean) does not match any allowed primitive type (allowed: ["integer","number"])]',
        ),
        (
            {"properties": {}, "additionalProperties": False},
            {"x": 1},
            '[object instance has properties which are not allowed by the schema: ["x"]]',
        ),
        ({"enum": ["p", "q"]}, "z", '[instance value ("z") not found in enum (possible values: ["p","q"])]'),
        ({"pattern": "^x"}, "yé", '[ECMA 262 regex "^x" does not match input string "yé"]'),
        ({"minLength": 2}, "y", '[string "y" is too short (length: 1, required minimum: 2)]'),
        ({"maxLength": 1}, "yy", '[string "yy" is too long (length: 2, maximum allowed: 1)]'),
        ({"minimum": 0}, -1, "[numeric instance is lower than the required minimum (minimum: 0, found: -1)]"),
        ({"maximum": 5}, 5.5, "[numeric instance is greater than the required maximum (maximum: 5, found: 5.5)]"),
        ({"minItems": 1}, [], "[array is too short: must have at least 1 elements but instance has 0 elements]"),
        ({"maxItems": 1}, [1, 2], "[array is too long: must have at most 1 elements but instance has 2 elements]"),
        ({"uniqueItems": True}, [1, 1], "[array must not contain duplicate elements]"),
        (
            {"properties": {"a": {"items": {"required": ["k"]}}}, "required": ["b"]},
            {"a": [{}]},
            '[object has missing required properties (["b"]), object has missing required properties (["k"])]',
        ),
    ],
)
def test_the_sentences_are_those_that_users_know(schema: dict[str, Any], body: Any, said: str) -> None:
    assert described(jsonschema_rs.Draft4Validator(schema), body) == said


def test_a_body_that_is_wrong_everywhere_is_described_briefly() -> None:
    schema = jsonschema_rs.Draft4Validator({"items": {"enum": ["x" * 5000], "minLength": 5}})
    assert len(described(schema, ["y"] * 10_000)) < 50_000
    assert described(jsonschema_rs.Draft4Validator({"not": {}}), 1).startswith("[")


@pytest.mark.parametrize("name", ["id", "$id", "$schema", "enum", "default", "properties", "definitions"])
def test_a_property_may_be_called_like_a_word_of_schemas(name: str) -> None:
    schema = {"id": "http://example.org/report", "properties": {name: {"type": "string"}}, "required": [name]}
    deployed = snapshot()
    deployed.api.models["Report"] = {"schema": json.dumps({**schema, "additionalProperties": False})}
    validator = deployed.schema("Report")
    assert validator is not None and validator.is_valid({name: "x"})
    assert not validator.is_valid({name: 5}) and not validator.is_valid({"other": "x"})


def test_values_of_an_enumeration_are_data_whatever_they_look_like() -> None:
    deployed = snapshot()
    deployed.api.models["Report"] = {"schema": json.dumps({"enum": [{"id": "7", "$schema": "x"}]})}
    validator = deployed.schema("Report")
    assert validator is not None and validator.is_valid({"id": "7", "$schema": "x"}) and not validator.is_valid({})
