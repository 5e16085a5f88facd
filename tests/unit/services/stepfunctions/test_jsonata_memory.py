"""Expressions that would take all memory fail, and take no more than their share on the way."""

from __future__ import annotations

import os
import resource
import socket

import pytest

from emulator.services.stepfunctions.asl import jsonata_apart
from emulator.services.stepfunctions.asl.jsonata_engines import EngineError, Native, _within

pytest.importorskip("jsonatapy")
pytestmark = pytest.mark.skipif(not jsonata_apart.HAS_FORK, reason="needs a system where processes copy themselves")

TEXTS = "$a:=$string([1..20000]); $b:=$a&$a&$a&$a&$a&$a&$a&$a&$a&$a; $c:=$b&$b&$b&$b&$b&$b&$b&$b&$b&$b;"
LEVELS = [f"$a{level + 1}:=[{','.join([f'[$a{level}]'] * 10)}];" for level in range(9)]
NESTED = "$a0:='xxxxxxxxxx';" + "".join(LEVELS)
GREEDY = {
    "texts put together": f"({TEXTS} $d:=$c&$c&$c&$c&$c&$c&$c&$c&$c&$c; $length($d&$d&$d))",
    "a value within values": f"({NESTED} $a9)",
    "a function that calls itself": "($f:=function($s,$n){$n=0?$s:$f($s&$s,$n-1)}; $length($f('xxxxxxxxxx',60)))",
    "a reduction": "$length($reduce([1..60],function($a,$b){$a&$a&'xxx'},'x'))",
    "a text in a text": "$length($replace($states.input.long, 'x', $states.input.long))",
    "a text again and again": "$length($join([1..20000].($states.input.long)))",
    "a long array in arrays": "($a:=[1..900000]; [$a,$a,$a,$a,$a,$a,$a,$a])",
}


@pytest.mark.parametrize("expression", GREEDY.values(), ids=GREEDY)
def test_an_expression_that_takes_all_memory_fails_and_the_process_stays_small(expression):
    Native("1", {}).evaluate({})
    given = {"states": {"input": {"long": "x" * 200_000}}}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EngineError, match=r"D1012|D2015|D3000"):
        Native(expression, {}).evaluate(given, 0.3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("($f:=function($n){$n<2?$n:$f($n-1)+$f($n-2)}; $f(5))", 5),
        ("$count([1..300000])", 300_000),
        ("($f:=function($n){$n<2?$n:$f($n-1)}; [$f(1), null])", [1, None]),
        ("($f:=function($n){$n<1?$own():$f($n-1)}; $f(2))", "own é"),
    ],
)
def test_what_is_evaluated_apart_is_what_it_would_be_here(expression, expected):
    assert Native(expression, {"own": lambda: "own é"}).evaluate({}) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.items.{'id': id, 'total': price * quantity}",
        "$join($map($states.input.names, function($n){ $uppercase($n) & '!' }), ', ')",
        "$reduce($states.input.numbers, function($sum, $n){ $sum + $n }, 0)",
        "($a := $states.input.a; $b := $states.input.b; $c := $a + $b; $c > 3 ? $string($c) : $string($a))",
        "$merge([$states.input, {'at': $now()}])",
        "'$pad .. $reduce'",
    ],
)
def test_ordinary_expressions_are_evaluated_at_once(expression, monkeypatch):
    little = {"states": {"input": {"items": [], "names": ["a"], "numbers": [1], "a": 1, "b": 2}}}
    engine = Native(expression, {})

    def never(*_: object) -> None:
        raise AssertionError("evaluated apart")

    monkeypatch.setattr(jsonata_apart, "apart", never)
    monkeypatch.setattr(jsonata_apart, "QUICK_SECONDS", 10)
    engine.evaluate(little, 10)


def test_an_evaluation_that_had_no_cpu_time_goes_on_or_is_tried_again():
    allowed: list[float] = []

    def evaluate(seconds: float) -> str:
        allowed.append(seconds)
        if len(allowed) < 4:
            raise EngineError("D1012: Evaluation timeout")
        return "found"

    assert _within(1.0, evaluate) == "found" and allowed == [1.0, 2.0, 4.0, 8.0]
    assert jsonata_apart._waits_for_a_cpu(os.getpid(), 1e9) and not jsonata_apart._waits_for_a_cpu(os.getpid(), 0.0)


def test_a_copy_holds_nothing_that_a_next_emulator_wants():
    def open_here() -> str:
        try:
            os.fstat(listener.fileno())
        except OSError:
            return "closed"
        return "open"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert jsonata_apart.apart(open_here, 5.0) == (True, "closed")
        assert open_here() == "open"
