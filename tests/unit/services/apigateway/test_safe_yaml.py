"""YAML of OpenAPI files: what is read, what is refused, and that what is written can be read."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from emulator.services.apigateway.safe_yaml import LONGEST_UNUSUAL, dump, load


def test_aliases_and_merged_members_are_written_out() -> None:
    document: Any = load("a: &x {k: [1, 2]}\nb: *x\nc: {<<: *x, z: 1}\nd: 2020-01-01")
    assert document == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}, "c": {"k": [1, 2], "z": 1}, "d": "2020-01-01"}
    document["a"]["k"].append(3)
    assert document["b"] == {"k": [1, 2]}


def test_merges_count_in_yaml_s_order_and_do_not_grow() -> None:
    assert load("a: &a {k: 1, l: 2}\nb: {m: 3, <<: [*a, {l: 4, n: 5}], k: 6}")["b"] == {"l": 2, "n": 5, "k": 6, "m": 3}
    assert load(chain("{k: v}", "{<<: [@, @]}"))["z"] == {"k": "v"}
    with pytest.raises(ValueError, match="too many members"):
        load("a: &a {" + ", ".join(f"k{n}: 1" for n in range(1000)) + "}\nb:\n" + "- <<: *a\n" * 101)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def chain(first: str, each: str) -> str:
    lines = [f"{after}: &{after} {each.replace('@', '*' + before)}" for before, after in pairwise(LETTERS)]
    return "\n".join([f"a: &a {first}", *lines])


@pytest.mark.parametrize(
    "text",
    [
        chain("[x, x, x]", "[@, @, @, @, @, @]"),
        "a: &a {<<: [1]}",
        "- !!binary x\n" + "# " + "x" * LONGEST_UNUSUAL,
        "a: &a [*a]",
        "a: *nothing",
        "a: [",
        "\x00",
        "[" * 5000,
    ],
)
def test_files_that_grow_or_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which text it has is YAML's
        load(text)


@pytest.mark.parametrize("value", [{"a": ["é", "2020-01-01", "&a", "*b", ""], "b": {}}, [], [[1, True, None]], "x\ny"])
def test_what_is_written_reads_the_same_without_aliases(value: Any) -> None:
    text = dump({"one": value, "two": value})
    assert load(text) == {"one": value, "two": value}
    assert "&id" not in text
