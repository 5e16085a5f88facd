"""The filter pattern language: AWS's examples, what is refused, and that no input breaks or slows it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.logs.patterns import InvalidPattern, compile_pattern
from emulator.services.logs.patterns.conditions import Glob
from emulator.services.logs.patterns.regex import compile_regex

ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
NESTED = (
    '{"user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2, "email": "John.Doe@example.com"}]}'
)


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ('" "', "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "error", False),
        ("ERROR ARGUMENTS", "[ERROR 400] INVALID ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", False),
        ("?ERROR ?ARGUMENTS", "INVALID ARGUMENTS", True),
        ("?ERROR ?ARGUMENTS", "fine", False),
        ("ERROR ?ARGUMENTS", "ERROR", True),
        ("ERROR -ARGUMENTS", "ERROR in ARGUMENTS", False),
        ('-"exit code 0"', "exit code 0", False),
        ('-"exit code 0"', "exit code 1", True),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        (r'"say \"hi\""', 'they say "hi"', True),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        ("%^[hc]at%", "cat", True),
        ("%^[hc]at%", "a cat", False),
        ("%[hc]at$%", "a cat", True),
        ("%[hc]at$%", "cats", False),
        ("%colou?r%", "color", True),
        ("%a{3,5}%", "aa", False),
        ("%a{3,5}%", "caaat", True),
        ("%gray|grey%", "a grey day", True),
        (r"%10\.10\.0\.1%", "10.10.0.1", True),
        (r"%10\.10\.0\.1%", "10x10x0x1", False),
        (r"%\d+ms%", "took 12ms", True),
        ("%[^a-c]$%", "abc", False),
        ('{ $.eventType = "UpdateTrail" }', '{"eventType": "UpdateTrail"}', True),
        ('{ $.eventType = "UpdateTrail" }', "no JSON", False),
        ("{ $.ip != 123.123.* }", '{"ip": "123.123.1.1"}', False),
        ("{ $.ip != 123.123.* }", '{"ip": "10.0.0.1"}', True),
        ("{ $.ip != 123.123.* }", "{}", False),
        ('{ $.arrayKey[0] = "value" }', '{"arrayKey": ["value"]}', True),
        ('{ $.arrayKey[1] = "value" }', '{"arrayKey": ["value"]}', False),
        ('{ $.arrayKey[*] = "b" }', '{"arrayKey": ["a", "b"]}', True),
        ("{ $.eventType = %Trail% }", '{"eventType": "UpdateTrail"}', True),
        ("{ $.bandwidth > 75 }", '{"bandwidth": 77.5}', True),
        ("{ $.errorCode >= 400 }", '{"errorCode": 399}', False),
        ("{ $.errorCode = 4.005e2 }", '{"errorCode": 400.5}', True),
        ("{ $.object IS NULL }", '{"object": null}', True),
        ("{ $.object IS NULL }", "{}", False),
        ("{ $.object NOT EXISTS }", "{}", True),
        ("{ $.object NOT EXISTS }", '{"object": null}', False),
        ("{ $.flag IS TRUE }", '{"flag": true}', True),
        ("{ $.flag IS FALSE }", '{"flag": 0}', False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', NESTED, True),
        ('{ $.user.id = 2 && $.users[0].email = "nonmatch" || $.user.email = "John*" }', NESTED, True),
        ('{ ($.user.id = 2 || $.user.id = 3) && $.user.email = "John*" }', NESTED, False),
        ("[ip, user, username, timestamp, request, status_code, bytes]", ACCESS, True),
        ("[ip, user]", ACCESS, False),
        ("[ip, user, username, timestamp, request = *.html*, status_code = 4*, bytes]", ACCESS, True),
        ("[..., status_code = 404, bytes > 1000]", ACCESS, True),
        ("[ip, ..., bytes < 1000]", ACCESS, False),
        ("[ip != %10.%, ...]", ACCESS, True),
        ("[w1 = ERROR || w1 = %ARGUMENTS%, w2]", "ARGUMENTS 1", True),
        ("[w1 != ERROR && w1 != WARN, w2]", "WARN 1", False),
    ],
)
def test_patterns_choose_what_aws_documents(pattern: str, message: str, matches: bool) -> None:
    assert compile_pattern(pattern).matches(message) is matches
    assert (compile_pattern(pattern).extract(message) is not None) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        *("a:b", "-", "?", '"open', "%open", "%%", "%(a)%", "%a!%", "%ä%", "%[z-a]%", "%a{2,1}%", "%a{9999}%", "%[]%"),
        *("{", "{}", "{ $.a }", "{ $ = 1 }", "{ $.a = }", '{ $.a < "x" }', "{ $.a = 1", "{ $.a = 1 } x", "{ a = 1 }"),
        "[",
        "[a",
        "[a, ..., b, ...]",
        "[a = 1 && b = 2]",
        "[a || a = 1]",
        "{ " + "(" * 100 + "$.a = 1" + ")" * 100 + " }",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)


def test_fields_can_be_taken_out() -> None:
    extracted = compile_pattern("[ip, ..., status = 4*, bytes]").extract(ACCESS)
    assert extracted == {"$ip": "127.0.0.1", "$status": "404", "$bytes": "1534"}
    extracted = compile_pattern("{ $.user.id = 1 && $.users[0].id > 1 }").extract(NESTED)
    assert extracted == {"$.user.id": "1", "$.users[0].id": "2"}


PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", "$", "$.a", ".", "=", "!=", "<", "%", '"', "*", "-", "?", "...", ",", "&&", "||", "("),
        *(")", " ", "IS", "NULL", "NOT", "EXISTS", "1e5", "x", "a[0]", "\\", "{2,3}", "|", "^", "\x00", "é", "\ud800"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=60)), st.text(max_size=60))
def test_no_pattern_and_no_message_breaks_the_matcher(pattern: str, message: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except InvalidPattern:
        return
    for text in (message, '{"a": [1, null, {"b": "c"}]}', ACCESS, "[" * 5000, '{"a":' * 3000, '{"a": 1e999}'):
        compiled.matches(text)
        compiled.extract(text)


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"\A\^?([a-c.]|\[a-c\]|\[\^b\])([*+?]|\{1,2\})?(([a-c.]|\\d)[*+?]?){0,4}\$?\Z"),
    st.text("abc1\n", max_size=12),
)
def test_regular_expressions_mean_what_python_means(expression: str, text: str) -> None:
    # Python's $ also matches before a last line break; AWS's is the end of the string.
    assert compile_regex(expression).found_in(text) is (re.search(expression.replace("$", r"\Z"), text) is not None)


@settings(max_examples=300, deadline=None)
@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_wildcards_mean_anything(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert Glob(pattern).matches(text) is expected
