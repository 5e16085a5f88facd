"""What a target receives: parts, constants and templates filled from the event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.scope import Scope
from emulator.services.events.model import Rule, Target
from emulator.services.events.transform import Delivery, input_of, parse_path

EVENT: dict[str, Any] = {
    "id": "1",
    "source": "shop",
    "time": "2026-01-31T12:00:00Z",
    "detail": {"n": 1.5, "who": 'An "X"', "items": [{"id": "a"}, {"id": "b"}], "none": None, "a/b": 1, "c-d_e": 2},
}
DELIVERY = Delivery(Rule(Scope(), "default", "orders"), "2026-01-31T12:00:01Z")


def received(**definition: Any) -> str:
    return input_of(Target({"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:q", **definition}), EVENT, DELIVERY)


def filled(template: str, **paths: str) -> str:
    return received(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail.n", 1.5),
        ("$.detail.items[1].id", "b"),
        ("$.detail.items[*].id", ["a", "b"]),
        ("$.detail.none", None),
        ("$.detail.gone", None),
        ("$.detail.a/b", 1),
        ("$.detail['c-d_e']", 2),
    ],
)
def test_a_part_of_the_event(path: str, expected: Any) -> None:
    assert json.loads(received(InputPath=path)) == expected


@pytest.mark.parametrize("path", ["detail", "$detail", "$.", "$..n", "$.a[", "$.a[x]", ""])
def test_what_is_no_path(path: str) -> None:
    assert parse_path(path) is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"v": <n>}', '{"v":1.5}'),
        ('{"v": <who>}', '{"v":"An \\"X\\""}'),
        ('{"v": "<who>!"}', '{"v":"An \\"X\\"!"}'),
        ('{"v": <items>}', '{"v":[{"id":"a"},{"id":"b"}]}'),
        ('{"v": "<n> of <gone>"}', '{"v":"1.5 of "}'),
        ('"<n> is \\"<n>\\""', '"1.5 is \\"1.5\\""'),
        ('"<aws.events.rule-name> at <aws.events.event.ingestion-time>"', '"orders at 2026-01-31T12:00:01Z"'),
        ('{"v": <aws.events.event>}', '{"v":{"id":"1","source":"shop","time":"2026-01-31T12:00:00Z"}}'),
        ("no json <n>", "no json 1.5"),
        ('{"v": "<unknown>"}', '{"v":"<unknown>"}'),
    ],
)
def test_a_template_is_filled(template: str, expected: str) -> None:
    paths = {"n": "$.detail.n", "who": "$.detail.who", "items": "$.detail.items", "gone": "$.detail.gone"}
    assert filled(template, **paths) == expected


def test_the_whole_event_can_be_part_of_a_template() -> None:
    assert json.loads(filled('{"v": <aws.events.event.json>}')) == {"v": EVENT}
