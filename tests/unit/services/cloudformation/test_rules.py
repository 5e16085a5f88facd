"""Names, orders and places: what CloudFormation decides without asking anybody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.cloudformation.deployment.deciding import must_replace, problem_of
from emulator.services.cloudformation.deployment.order import used_by, users_first
from emulator.services.cloudformation.fetching import place_of_object
from emulator.services.cloudformation.model import Resource, derived_uuid, generated_name
from emulator.services.cloudformation.resources.table import table
from emulator.services.cloudformation.resources.types import NameForm

QUEUE = table()["AWS::SQS::Queue"]


def resource(name: str, *requires: str) -> Resource:
    return Resource(name, "AWS::SQS::Queue", "CREATE_COMPLETE", 0.0, requires=requires)


def test_users_come_before_what_they_use() -> None:
    found = users_first([resource("a"), resource("b", "a"), resource("c", "b", "a"), resource("d")])
    names = [item.logical_id for item in found]
    assert names.index("c") < names.index("b") < names.index("a") and "d" in names
    assert used_by({item.logical_id: item for item in found}) == {"a": {"b", "c"}, "b": {"c"}}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"))), unique_by=lambda p: p[0]))
def test_every_resource_has_its_turn_once_whatever_it_requires(pairs: list[tuple[str, list[str]]]) -> None:
    listed = [resource(name, *requires) for name, requires in pairs]
    assert sorted(item.logical_id for item in users_first(listed)) == sorted(name for name, _ in pairs)


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = [resource(f"r{index}", f"r{index + 1}") for index in range(5000)]
    assert [item.logical_id for item in users_first(chain)][:2] == ["r0", "r1"]


@pytest.mark.parametrize(
    ("form", "length", "pattern"),
    [
        (NameForm(), 26, "stack-Logical-"),
        (NameForm(20), 20, "stack-L-"),
        (NameForm(63, lower=True), 26, "stack-logical-"),
        (NameForm(80, suffix=".fifo"), 31, "stack-Logical-"),
        (NameForm(12), 12, ""),
    ],
)
def test_generated_names_fit_and_are_always_the_same(form: NameForm, length: int, pattern: str) -> None:
    name = generated_name(form, "stack", "Logical", "token")
    assert (len(name), name.startswith(pattern), name.endswith(form.suffix)) == (length, True, True)
    assert (
        name == generated_name(form, "stack", "Logical", "token") != generated_name(form, "stack", "Logical", "other")
    )


def test_tokens_follow_from_what_they_are_for() -> None:
    assert derived_uuid("a", "b") == derived_uuid("a", "b") != derived_uuid("ab", "")
    assert len(derived_uuid("a")) == 36


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://bucket.s3.amazonaws.com/a/b.json", ("bucket", "a/b.json", None)),
        ("https://bucket.s3.eu-west-1.amazonaws.com/b%20c", ("bucket", "b c", None)),
        ("https://s3.us-east-1.amazonaws.com/bucket/b?versionId=7", ("bucket", "b", "7")),
        ("http://localhost:4566/bucket/b", ("bucket", "b", None)),
        ("s3://bucket/b", ("bucket", "b", None)),
        ("https://bucket.s3.amazonaws.com/", None),
        ("ftp://bucket/b", None),
        ("nonsense", None),
    ],
)
def test_where_template_urls_lead(url: str, place: tuple[str, str, str | None] | None) -> None:
    assert place_of_object(url) == place


def test_what_is_said_of_properties_that_a_type_does_not_have() -> None:
    assert problem_of(QUEUE, {"QueueName": "q", "Oops": 1}) == "Encountered unsupported property Oops"
    function = table()["AWS::Lambda::Function"]
    assert problem_of(function, {"Code": {}}) == "Property Role cannot be empty."
    assert problem_of(QUEUE, {"QueueName": "q"}) is None


def test_what_makes_another_resource() -> None:
    assert must_replace(QUEUE, {"QueueName": "a"}, {"QueueName": "b"})
    assert not must_replace(QUEUE, {"DelaySeconds": 1}, {"DelaySeconds": 2})
    assert not must_replace(QUEUE, {"QueueName": "a"}, {"QueueName": "a"})
