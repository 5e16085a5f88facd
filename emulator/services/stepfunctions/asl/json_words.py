"""What AWS's JSON reader (Jackson) says of a text that is no JSON, and where.

Decides the words for the ways in which people break JSON; recorded are those of an unknown word and of a name without
quotes [R:test_sfn_api_validation, test_invalid_start_execution_input], the others are Jackson's as documented.
"""

from __future__ import annotations

import json
import re

_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_WORD = re.compile(r"[A-Za-z0-9_$]+")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
SHOWN_CHARACTERS = 500
"""Of a source, in a location."""


def explain(text: str, error: ValueError) -> tuple[str, int, int]:
    """(sentence, line, column) for what Python's reader found."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error), 1, 1
    at, said = error.pos, error.msg
    if said.startswith("Illegal trailing comma"):  # since Python 3.13 the comma; Jackson tells what comes after it
        at += 1 + len(text[at + 1 :]) - len(text[at + 1 :].lstrip())
    found = text[at : at + 1]
    word = _WORD.match(text, at)
    if said.startswith("Expecting value") and word is not None and not found.isdigit():
        sentence, at = f"Unrecognized token '{word[0][:100]}': was expecting {_VALUES}", word.end()
    elif said.startswith("Unterminated string"):
        sentence, at = "Unexpected end-of-input: was expecting closing quote for a string value", len(text)
    elif said.startswith("Invalid control character"):
        code = f"(CTRL-CHAR, code {ord(found or ' ')})"
        sentence = (
            f"Illegal unquoted character ({code}): has to be escaped using backslash to be included in string value"
        )
        at += 1
    elif not found:
        opened = _opened(text)
        what = {"{": "Object", "[": "Array"}.get(opened, "")
        sentence = f"Unexpected end-of-input: expected close marker for {what}" if what else "Unexpected end-of-input"
    else:
        expected = {
            "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
            "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
            "Illegal trailing comma before end of array": f"expected a valid value {_VALUES}",
            "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
            "Expecting ',' delimiter": "was expecting comma to separate "
            + ("Array" if _opened(text[:at]) == "[" else "Object")
            + " entries",
            "Expecting value": f"expected a valid value {_VALUES}",
        }.get(said, said)
        sentence = f"Unexpected character ('{found}' (code {ord(found)})): {expected}"
        at += 1
    line = text.count("\n", 0, at) + 1
    return sentence, line, at - text.rfind("\n", 0, at)


def source(text: str, line: int, column: int) -> str:
    """Jackson's name of a place in a text."""
    left_out = f"[truncated {len(text) - SHOWN_CHARACTERS} chars]" if len(text) > SHOWN_CHARACTERS else ""
    return f'[Source: (String)"{text[:SHOWN_CHARACTERS]}"{left_out}; line: {line}, column: {column}]'


def _opened(text: str) -> str:
    """The bracket that is still open at the end of a text."""
    stack: list[str] = []
    for found in _STRUCTURE.finditer(text):
        mark = found[0]
        if mark in "{[":
            stack.append(mark)
        elif mark in "}]" and stack:
            stack.pop()
    return stack[-1] if stack else ""
