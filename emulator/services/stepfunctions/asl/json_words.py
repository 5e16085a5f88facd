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
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_NO_NUMBER = re.compile(r"NaN|-?Infinity|-?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{3,}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{0,3}")
SHOWN_CHARACTERS = 500
"""Of a source, in a location."""


def explain(text: str, error: ValueError) -> tuple[str, int, int]:
    """(sentence, line, column) for what Python's reader found."""
    if not isinstance(error, json.JSONDecodeError):
        return _unlocated(text, error)
    at, said = error.pos, error.msg
    if said.startswith("Illegal trailing comma"):  # since Python 3.13 the comma; Jackson tells what comes after it
        at += 1 + len(text[at + 1 :]) - len(text[at + 1 :].lstrip())
    found = text[at : at + 1]
    word = _WORD.match(text, at)
    if said.startswith("Expecting value") and word is not None and not found.isdigit():
        sentence, at = f"Unrecognized token '{word[0][:100]}': was expecting {_VALUES}", word.end()
    elif said.startswith("Unterminated string"):
        sentence, at = "Unexpected end-of-input: was expecting closing quote for a string value", len(text)
    elif said.startswith("Invalid \\escape"):
        escaped = text[at + 1 : at + 2]
        sentence, at = f"Unrecognized character escape '{escaped}' (code {ord(escaped or ' ')})", at + 2
    elif said.startswith("Invalid \\uXXXX"):
        hexadecimal = _HEXADECIMAL.match(text, text.index("u", at) + 1)
        at = hexadecimal.end() if hexadecimal is not None else at
        wrong = text[at : at + 1]
        sentence = (
            f"Unexpected character ('{wrong}' (code {ord(wrong or ' ')})): expected a hex-digit for character escape"
        )
        sentence, at = f"{sentence} sequence", at + 1
    elif said == "Extra data":
        sentence, at = _beyond(text, at)
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


def sentence(text: str | bytes, error: ValueError) -> str:
    """What is wrong, without a place: for pieces of something longer."""
    return explain(text if isinstance(text, str) else text.decode("utf-8", "replace"), error)[0]


def _unlocated(text: str, error: ValueError) -> tuple[str, int, int]:
    """What data.py's reader says itself, and the codec."""
    if isinstance(error, UnicodeDecodeError):
        return f"Invalid UTF-8 start byte 0x{error.object[error.start]:02x}", 1, 1
    found = _NO_NUMBER.search(_STRINGS.sub(lambda match: " " * len(match[0]), text))
    if found is None:
        return str(error), 1, 1
    line, at = text.count("\n", 0, found.start()) + 1, found.end() + 1
    if found[0].lstrip("-")[0].isdigit():
        said = f"Numeric value ({found[0][:40]}) out of range of double"
    else:
        said = f"Non-standard token '{found[0]}': enable JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS to allow"
    return said, line, at - text.rfind("\n", 0, found.start()) - 1


def _beyond(text: str, at: int) -> tuple[str, int]:
    """(sentence, place behind it) for what follows a value that is whole."""
    found, before = text[at], text[at - 1]
    if found == "." and before.isdigit():
        after = text[at + 1 : at + 2]
        shown = f"Unexpected character ('{after}' (code {ord(after)}))" if after else "Unexpected end-of-input"
        return f"{shown}: Decimal point not followed by a digit", at + 2
    if found.isdigit() and before == "0":
        return "Invalid numeric value: Leading zeroes not allowed", at + 1
    if found in "]}":
        return f"Unexpected close marker '{found}': there is nothing to close", at + 1
    word = _WORD.match(text, at)
    if word is not None and not found.isdigit() and word[0] not in ("true", "false", "null"):
        return f"Unrecognized token '{word[0][:100]}': was expecting {_VALUES}", word.end()
    return "Trailing token found after value", at + 1


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
