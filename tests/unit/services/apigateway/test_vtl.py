"""The template engine: what renders how, and that nothing renders for ever."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.apigateway.gateway import patterns
from emulator.services.apigateway.gateway.vtl import OverBudget, Template, VtlError, VtlSyntaxError
from emulator.services.apigateway.gateway.vtl.values import MISSING, Deferred, from_json


def render(source: str, budget: int = 200_000, **variables: Any) -> str:
    return Template(source).render(variables, budget)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain $ and # stay", "plain $ and # stay"),
        ('#set($s = "x")$s.hashCode() $!s.hashCode()|${s.getClass()}', "$s.hashCode() |${s.getClass()}"),
        ("$unknown $!unknown|${unknown}", "$unknown |${unknown}"),
        ('#set($a = "x")$a ${a}y $a.length()', "x xy 1"),
        ("#set($a = 1 + 2 * 3)$a", "7"),
        ("#if(1 < 2 && !false)yes#{else}no#end", "yes"),
        ("#if(false)a#elseif(true)b#else c#end", "b"),
        ("#foreach($i in [1..3])$i$foreach.index#if($foreach.hasNext),#end#end", "10,21,32"),
        ("#foreach($i in [1, 2, 3])#if($i == 2)#break#end$i#end.", "1."),
        ('#set($m = {"a": 1, "b": [1, "x"]})$m $m.a $m["b"] $m.keySet()', "{a=1, b=[1, x]} 1 [1, x] [a, b]"),
        ('#set($m = {})#set($m["k-1"] = 2)$m.get("k-1")$m.size()', "21"),
        ('#set($l = [])$l.add("x")#set($ignored = $l.add("y"))$l', "true[x, y]"),
        ("#set($m = {'a': 1})#foreach($e in $m.entrySet())$e.key$e#end", "aa=1"),
        ('#define($block)$x;#end#set($x = 1)$block#set($x = 2)$block"$block"', '1;2;"2;"'),
        ("#define($list)\n#foreach($k in $data.o.keySet())$k#end\n#end[$list]$list.length()", "[ab]2"),
        ("## gone\nkept#* gone *# #[[ $raw #if ]]#", "kept  $raw #if "),
        ("\\$a #set($a = 1)\\$a", "$a$a"),
        ('"it\'s".replaceAll', '"it\'s".replaceAll'),
        ('#set($s = "a\'b")$s.replaceAll("\'", "!")', "a!b"),
        ("$data.o $data.l $data.n", '{a=1, b=[{"c":2}]} [{"c":2},true] 1.5'),
        ("$data.o.missing|", "|"),
        ("$data.class$data.__class__$data.getClass()|", "|"),
        ("#set($x = $data.o.__init__)#if($x)bad#{else}none#end", "none"),
        ("#if($gone == $null && $gone == '')both#end", "both"),
        ('#if("")true#end', "true"),
        ("#stop after", ""),
        ("#set($d = 10000000.0)$d", "1.0E7"),
        ("#set($a = 1e3)#set($b = .5)#set($c = 1.)#set($d = 2.5E-1)$a $b $c $d $e1", "1000.0 0.5 1.0 0.25 $e1"),
        ("#foreach($i in [1..2])$i#end#foreach($i in [1.,.5])$i;#end", "121.0;0.5;"),
        ("a\n  #if(true)\n  b\n  #end\nc", "a\n    b\n  c"),
    ],
)
def test_templates_render_as_velocity_does(source: str, expected: str) -> None:
    data = from_json({"o": {"a": 1, "b": [{"c": 2}]}, "l": [{"c": 2}, True], "n": 1.5})
    assert render(source, data=data, gone=MISSING) == expected


def test_bodies_of_define_that_stand_for_each_other_come_to_an_end() -> None:
    with pytest.raises(VtlError, match="too deeply"):
        render("#define($a)$b#end#define($b)$a#end$a")


@pytest.mark.parametrize(
    "source",
    [
        "#define($a.b)x#end",
        "#define($a)x",
        "#if(",
        "#foreach($x)#end",
        "#if(true)",
        "#macro(x)#end",
        "#parse('x')",
        "(" * 500,
    ],
)
def test_what_cannot_be_read_is_a_syntax_error_or_text(source: str) -> None:
    if source.startswith("("):
        assert render(source) == source
        return
    with pytest.raises(VtlSyntaxError):
        Template(source)


def test_deep_nesting_is_a_syntax_error_not_a_crash() -> None:
    with pytest.raises(VtlSyntaxError):
        Template("#set($x = " + "(" * 5000 + "1" + ")" * 5000 + ")")
    with pytest.raises(VtlSyntaxError):
        Template("#if(true)" * 5000)
    with pytest.raises(VtlSyntaxError):
        Template("#set($x = " + "!" * 5000 + "true)")
    with pytest.raises(VtlSyntaxError):
        Template("$a" + "[$a" * 5000)


def test_a_loop_ends_after_a_thousand_turns() -> None:
    assert render("#foreach($i in [1..5000])x#end") == "x" * 1000


def test_nested_loops_run_out_of_budget() -> None:
    loops = "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])#end#end#end"
    with pytest.raises(OverBudget):
        render(loops)


@pytest.mark.parametrize(
    "source",
    [
        '#set($s = "xxxxxxxxxx")#foreach($i in [1..1000])#set($s = "$s$s")#end',
        '#set($s = "xxxxxxxxxx")#foreach($i in [1..1000])#set($s = $s + $s)#end',
        '#set($s = "xxxxxxxxxx")#foreach($i in [1..1000])#set($s = $s.replace("x", "xxxxxxxxxx"))#end',
        '#set($s = "xxxxxxxxxx")#foreach($i in [1..1000])#set($s = $s.concat($s))#end',
        "#set($l = [1])#foreach($i in [1..1000])#set($q = $l.addAll($l))#end",
        "#set($l = [1])#set($q = $l.add($l))$l",
        '#set($m = {})#set($m["a"] = $m)$m',
        "#set($n = 2)#foreach($i in [1..1000])#set($n = $n * $n)#end",
        '#set($s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")$s.replaceAll("(a+)+$", "")',
        "#set($l = [1..100000000])",
    ],
)
def test_what_grows_without_end_fails(source: str) -> None:
    with pytest.raises(VtlError):
        render(source)


def test_a_pattern_that_backtracks_is_matched_in_bounded_time() -> None:
    subject = "a" * 5000 + "!"
    assert render('#if($s.matches("(a+)+"))yes#{else}no#end', s=subject) == "no"


@pytest.mark.parametrize("pattern", ["[[", "[a[b]]", "[a&&b]", "[^[]", "[a--b]", "[]["])
def test_sets_of_java_that_python_reads_otherwise_are_refused(pattern: str) -> None:
    with pytest.raises(patterns.PatternError):
        patterns.replace(pattern, "", "a")


@pytest.mark.parametrize(
    ("source", "expected", "made"),
    [
        ("$context.stage/$context.stage", "prod/prod", 0),
        ("$context.identity.sourceIp", "127.0.0.1", 1),
        ("$context.get('stage') $context.identity.sourceIp", "prod 127.0.0.1", 1),
        ('#set($context.stage = "dev")$context.stage', "dev", 1),
        ("#foreach($name in $context.keySet())$name,#end$context.none", "stage,identity,", 1),
    ],
)
def test_a_deferred_variable_is_made_when_a_template_wants_more_than_a_property(
    source: str, expected: str, made: int
) -> None:
    times: list[int] = []

    def whole() -> dict[str, Any]:
        times.append(1)
        return {"stage": "prod", "identity": {"sourceIp": "127.0.0.1"}}

    context = Deferred(lambda name: "prod" if name == "stage" else MISSING, whole)
    assert render(source, context=context) == expected
    assert len(times) == made


def test_a_template_that_pauses_gives_what_it_gives_without_and_has_no_more_steps() -> None:
    source = '#foreach($a in [1..90])#foreach($b in [1..90])#set($c = "$a.b$b")$!c.length()$a#end#end'
    pauses: list[int] = []
    paused = Template(source).render({}, 100_000, pause=lambda: pauses.append(1))
    assert paused == Template(source).render({}, 100_000)
    assert len(pauses) > 50
    for budget in (5_000, 20_000):
        for pause in (None, lambda: pauses.append(1)):
            with pytest.raises(OverBudget):
                Template(source).render({}, budget, pause=pause)
