"""What is said of a text that is no JSON: a JSON reader's words, and never Python's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.stepfunctions.asl import json_words
from emulator.services.stepfunctions.asl.data import loads
from emulator.services.stepfunctions.map_runs.parsing import Unreadable, parse_csv, parse_json, parse_lines

VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def explained(text: str) -> tuple[str, int, int]:
    with pytest.raises(ValueError) as caught:
        loads(text)
    return json_words.explain(text, caught.value)


@pytest.mark.parametrize(
    ("text", "sentence", "line", "column"),
    [
        ("not", f"Unrecognized token 'not': was expecting {VALUES}", 1, 4),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, 3),
        ('{\n"a":NaN}', "Non-standard token 'NaN': enable JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS to allow", 2, 8),
        ('["NaN", -Infinity]',
         "Non-standard token '-Infinity': enable JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS to allow", 1, 18),
        ("[1e999]", "Numeric value (1e999) out of range of double", 1, 7),
        ('"\\x"', "Unrecognized character escape 'x' (code 120)", 1, 4),
        ('"\\u12"', "Unexpected character ('\"' (code 34)): expected a hex-digit for character escape sequence", 1, 7),
        ("01", "Invalid numeric value: Leading zeroes not allowed", 1, 3),
        ("1.x", "Unexpected character ('x' (code 120)): Decimal point not followed by a digit", 1, 4),
        ('{"a":1}}', "Unexpected close marker '}': there is nothing to close", 1, 9),
        ("{} what", f"Unrecognized token 'what': was expecting {VALUES}", 1, 8),
        ("1 2", "Trailing token found after value", 1, 4),
        ("[" * 100_000 + "]" * 100_000, "Document nesting depth exceeds the maximum allowed", 1, 1),
    ],
)  # fmt: skip
def test_ways_to_break_json(text: str, sentence: str, line: int, column: int) -> None:
    assert explained(text) == (sentence, line, column)


@pytest.mark.parametrize(
    ("parser", "body", "cause"),
    [
        (parse_json, b"[1,,2]",
         f"Failed to parse JSON: Unexpected character (',' (code 44)): expected a valid value {VALUES}"),
        (parse_json, b"[1,\xff]", "Failed to parse JSON: Invalid UTF-8 start byte 0xff"),
        (parse_lines, b'{"a":tru}\n', f"Failed to parse JSON: Unrecognized token 'tru': was expecting {VALUES}"),
        (parse_lines, b'"\xff"\n', "Failed to parse JSON: Invalid UTF-8 start byte 0xff"),
        (parse_csv, b"a\n\xff\n", "Failed to read a row of the CSV file: it is not encoded in UTF-8."),
    ],
)  # fmt: skip
def test_readers_of_items_say_the_same(parser: object, body: bytes, cause: str) -> None:
    assert callable(parser)
    with pytest.raises(Unreadable) as caught:
        parser({"CSVHeaderLocation": "FIRST_ROW"}, {}, body, True, 10)
    assert str(caught.value) == cause


PYTHON = re.compile(
    r"codec|char \d+\)|Expecting|delimiter|Extra data|literal|object of type|\\x[0-9a-f]{2}|line \d+ column"
)


@given(st.text(alphabet='{}[]",:0123456789.eE+-\\truefalsn x\n', max_size=20))
def test_python_never_speaks(text: str) -> None:
    try:
        loads(text)
    except ValueError as error:
        sentence, line, column = json_words.explain(text, error)
        assert PYTHON.search(sentence) is None
        assert 1 <= line <= text.count("\n") + 2
        assert 1 <= column <= len(text) + 2
