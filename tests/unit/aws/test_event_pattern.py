"""EventBridge's pattern language: what matches, and how a malformed pattern is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.event_pattern import InvalidPattern, compile_pattern


def matches(pattern: Any, event: Any) -> bool:
    return compile_pattern(json.dumps(pattern)).matches(event)


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "z"}, False),
        ({"a": ["x"]}, {}, False),
        ({"a": ["x"]}, {"a": ["w", "x"]}, True),
        ({"a": [1]}, {"a": 1.0}, True),
        ({"a": [1]}, {"a": True}, False),
        ({"a": [True]}, {"a": 1}, False),
        ({"a": ["1"]}, {"a": 1}, False),
        ({"a": [None]}, {"a": None}, True),
        ({"a": [None]}, {}, False),
        ({"a": [""]}, {"a": ""}, True),
        ({"a": {"b": ["x"]}, "c": ["y"]}, {"a": {"b": "x"}, "c": "y", "d": 1}, True),
        ({"a": {"b": ["x"]}}, {"a": "x"}, False),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 3}, {"b": 3, "c": 2}]}, False),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 3}, [{"b": 1, "c": 2}]]}, True),
        ({"a": [{"prefix": "ab"}]}, {"a": "abc"}, True),
        ({"a": [{"prefix": "ab"}]}, {"a": 1}, False),
        ({"a": [{"prefix": {"equals-ignore-case": "AB"}}]}, {"a": "abc"}, True),
        ({"a": [{"suffix": ".png"}]}, {"a": "x.png"}, True),
        ({"a": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, {"a": "x.png"}, True),
        ({"a": [{"equals-ignore-case": "Alice"}]}, {"a": "aLICE"}, True),
        ({"a": [{"anything-but": "x"}]}, {"a": "x"}, False),
        ({"a": [{"anything-but": "x"}]}, {"a": 5}, True),
        ({"a": [{"anything-but": "x"}]}, {}, False),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": ["x", "z"]}, True),
        ({"a": [{"anything-but": [1, 2]}]}, {"a": 2}, False),
        ({"a": [{"anything-but": {"prefix": "in"}}]}, {"a": "init"}, False),
        ({"a": [{"anything-but": {"suffix": ["x", "y"]}}]}, {"a": "by"}, False),
        ({"a": [{"anything-but": {"wildcard": "*/lib/*"}}]}, {"a": "/usr/lib/x"}, False),
        ({"a": [{"anything-but": {"equals-ignore-case": ["INIT"]}}]}, {"a": "init"}, False),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 0}, False),
        ({"a": [{"numeric": ["=", 3.018e2]}]}, {"a": 301.8}, True),
        ({"a": [{"numeric": ["<", 10]}]}, {"a": "5"}, False),
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.7"}, True),
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.1.7"}, False),
        ({"a": [{"cidr": "fe80::/16"}]}, {"a": "fe80::1"}, True),
        ({"a": [{"exists": True}]}, {"a": None}, True),
        ({"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": False}]}, {"a": 1}, False),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"a": ["x", {"exists": False}]}, {"a": "x"}, True),
        ({"a": [{"wildcard": "dir/*.png"}]}, {"a": "dir/a/b.png"}, True),
        ({"a": [{"wildcard": "a*b*c"}]}, {"a": "abbc"}, True),
        ({"a": [{"wildcard": "ab*ba"}]}, {"a": "aba"}, False),
        ({"a": [{"wildcard": "a\\*b"}]}, {"a": "a*b"}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}, {"b": 2, "c": 3}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}, {"b": 2}, False),
    ],
)
def test_an_event_matches_as_event_ruler_says(pattern: Any, event: Any, expected: bool) -> None:
    assert matches(pattern, event) is expected


@pytest.mark.parametrize(
    ("text", "reason", "column"),
    [
        ('{"source": "value"}', '"source" must be an object or an array', 13),
        ("[]", "Filter is not an object", 2),
        ('{"a": []}', "Empty arrays are not allowed", 9),
        ("{}", "Empty objects are not allowed", 3),
        ('{"source": [{"foo": "bar"}]}', "Unrecognized match type foo", 22),
        ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string", 20),
        ('{"a": [{"numeric": ["!", 1]}]}', "Unrecognized numeric range operator: !", 22),
        ('{"a": [{"numeric": [">", 5, "<", 1]}]}', "Bottom must be less than top", 36),
        ('{"a": [{"wildcard": "a**"}]}', "Consecutive wildcard characters at pos 2", 26),
        ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship.", 21),
        ('{"a": [{"exists": "no"}]}', "exists match pattern must be either true or false.", 20),
    ],
)
def test_a_malformed_pattern_is_refused_with_reason_and_place(text: str, reason: str, column: int) -> None:
    with pytest.raises(InvalidPattern) as caught:
        compile_pattern(text)
    assert caught.value.reason == reason
    assert caught.value.message == f'{reason}\n at [Source: (String)"{text}"; line: 1, column: {column}]'


@pytest.mark.parametrize(
    "text", ["", "{", '{"a"', '{"a":', '{"a":[', '{"a":["', "{]", '{"a":[1 2]}', '{"a":[nul]}', "nope", '{"a":[1]} x']
)
def test_a_pattern_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(text)


def test_neither_deep_patterns_nor_costly_wildcards_do_harm() -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern('{"a":' * 5000)
    pattern = compile_pattern(json.dumps({"a": [{"wildcard": "*a" * 200 + "*b"}]}))
    assert not pattern.matches({"a": "a" * 100_000})
    deep: list[object] = []
    for _ in range(50_000):
        deep = [deep, "b"]
    assert pattern.matches({"a": [deep, "a" * 200 + "b"]})


@pytest.mark.parametrize(
    ("pattern", "known", "expected"),
    [
        ({"source": ["aws.s3"]}, {"source": "aws.states"}, False),
        ({"source": [{"prefix": "aws."}], "region": ["eu-west-1"]}, {"source": "aws.states"}, True),
        ({"source": [{"anything-but": "aws.states"}]}, {"source": "aws.states"}, False),
        ({"detail": {"status": ["FAILED"]}}, {"detail": {"status": "RUNNING"}}, False),
        ({"detail": {"status": ["FAILED"], "error": ["E"]}}, {"detail": {"status": "FAILED"}}, True),
        ({"$or": [{"source": ["a"]}, {"source": ["b"]}]}, {"source": "c"}, False),
        ({"$or": [{"source": ["a"]}, {"region": ["r"]}]}, {"source": "c"}, True),
        ({"source": {"of": ["a"]}}, {"source": "c"}, False),
        ({"account": [{"exists": False}]}, {"source": "c"}, True),
        ({"source": [{"exists": False}]}, {"source": "c"}, False),
    ],
)
def test_what_is_known_of_an_event_tells_that_it_cannot_match(pattern: Any, known: Any, expected: bool) -> None:
    assert compile_pattern(json.dumps(pattern)).admits(known) is expected
