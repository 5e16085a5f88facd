"""JSONPath: what a path selects, and what AWS says when it selects nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from emulator.services.stepfunctions.asl import paths

VALUE: Any = {
    "a": {"b": [10, 20, 30], "c d": 1},
    "items": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}, {"t": "z"}],
    'Test\\""Name"': "quoted",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", VALUE),
        ("$.a.b[1]", 20),
        ("$.a.b[-1]", 30),
        ("$['a']['c d']", 1),
        ('$["a"].b[0]', 10),
        ("$.items[0]['n','t','none']", {"n": 1, "t": "x"}),
        ("$.items[*]['n','t']", [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}, {"t": "z"}]),
        ("$.a['b','none'][0]", [10]),
        ("$.a.b[*]", [10, 20, 30]),
        ("$.a.b[1:]", [20, 30]),
        ("$.a.b[:1]", [10]),
        ("$.a.b[0,2]", [10, 30]),
        ("$.items[*].n", [1, 2]),
        ("$..n", [1, 2]),
        ("$.items[?(@.n > 1)].t", ["y"]),
        ("$.items[?(@.n)].t", ["x", "y"]),
        ("$.items[?(!@.n)].t", ["z"]),
        ("$.items[?(@.n == 1 || @.t == 'z')].t", ["x", "z"]),
        ("$.items[?(@.t in ['x','y'] && @.n < 2)].t", ["x"]),
        ("$.none[*]", []),
        ("$.items.length()", 3),
        ('$[\'Test\\""Name"\']', "quoted"),
    ],
)
def test_a_path_selects(path: str, expected: Any) -> None:
    assert paths.parse(path).find(VALUE) == expected


def test_a_backslash_before_another_quote_stays() -> None:
    """[R:test_escape_sequence_parsing]"""
    assert paths.parse("$['x\\\"y']").find({'x\\"y': 1}) == 1
    assert paths.parse("$['x\\'y']").find({"x'y": 1}) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("$.none", "No results for path: $['none']"),
        ("$.no.such.path", "Missing property in path $['no']"),
        ("$.a.b[9]", "Index out of bounds when evaluating path $['a']['b'][9]"),
    ],
)
def test_a_definite_path_to_nothing_is_told_as_aws_does(path: str, text: str) -> None:
    with pytest.raises(paths.NoResult, match="^" + re.escape(text) + "$"):
        paths.parse(path).find(VALUE)


@pytest.mark.parametrize(
    "text", ["", "a", "$.", "$[", "$['a", "$.a b", "$[?(@.a =~ /x/)]", "$.a.min()", "$..", "$.a" * 50 + "[", "$[0:1:0]"]
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(paths.BadPath):
        paths.parse(text)


def test_a_result_is_placed_and_the_way_is_made() -> None:
    before: Any = {"a": 1}
    after = paths.assign(before, paths.parse("$.b.c"), 2)
    assert (before, after) == ({"a": 1}, {"a": 1, "b": {"c": 2}})


@pytest.mark.parametrize(("path", "reference"), [("$.a[0].b", True), ("$", True), ("$.a[*]", False), ("$$.a", False)])
def test_only_reference_paths_may_be_a_result_path(path: str, reference: bool) -> None:
    assert paths.parse(path).is_reference is reference
