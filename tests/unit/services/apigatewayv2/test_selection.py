"""Selection expressions of WebSocket APIs: what keys they give, and that no text breaks them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from emulator.services.apigatewayv2.websocket.selection import evaluate, response_for, route_key, template_for

MESSAGE = json.dumps({"action": "buy", "n": 1.5, "deep": {"list": ["a", {"b": True}]}, "none": None, "o": {"x": 1}})


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("$request.body.action", "buy"),
        ("${request.body.action}", "buy"),
        ("${request.body.action}-beta", "buy-beta"),
        ("${request.body.action}/${request.body.n}", "buy/1.5"),
        ("$request.body.deep.list[0]", "a"),
        ("$request.body.deep.list[1].b", "true"),
        ("$request.body.o", '{"x":1}'),
        ("$request.body.none", None),
        ("$request.body.missing", None),
        ("${request.body.action}${request.body.missing}", None),
        ("\\$default", "$default"),
        ("fixed", "fixed"),
        ("$request.header.x", None),
    ],
)
def test_an_expression_gives_a_key_or_none(expression: str, key: str | None) -> None:
    assert route_key(expression, MESSAGE) == key


@given(some.text(max_size=60), some.text(max_size=60))
def test_any_expression_and_any_message_give_text_or_nothing(expression: str, message: str) -> None:
    assert isinstance(route_key(expression, message), (str, type(None)))
    assert isinstance(route_key("${request.body." + expression + "}", message), (str, type(None)))


@given(some.recursive(some.none() | some.booleans() | some.floats() | some.text(), some.lists, max_leaves=5))
def test_the_member_of_a_message_is_its_route(value: object) -> None:
    key = route_key("$request.body.action", json.dumps({"action": value}))
    assert (key is None) == (value is None)
    if isinstance(value, str):
        assert key == value


def test_what_a_variable_says_is_not_evaluated_again() -> None:
    assert evaluate("${request.body.a}", lambda name: "${request.body.b}") == "${request.body.b}"


def test_templates_fall_back_to_the_default() -> None:
    templates = {"a": "1", "$default": "2"}
    assert template_for(templates, "a", lambda name: None) == "1"
    assert template_for(templates, "$request.body.x", lambda name: None) == "2"
    assert template_for(templates, None, lambda name: None) == "2"
    assert template_for({"a": "1"}, "b", lambda name: None) is None


def test_responses_are_chosen_by_pattern_then_by_default() -> None:
    keys = ("$default", "/2\\d\\d/", "/4.*/", "/[/")
    responses = {key: {"IntegrationResponseKey": key} for key in keys}
    for subject, key in (("200", "/2\\d\\d/"), ("404", "/4.*/"), ("500", "$default"), (None, "$default")):
        found = response_for(responses, subject)
        assert found is not None and found["IntegrationResponseKey"] == key
    assert response_for({}, "200") is None
