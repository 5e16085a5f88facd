"""Whether a payload may be given to a function: its size and that it is JSON.

Decides as the service's JSON parser (Jackson) does and words errors like it; what the JSON says is not looked at.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from emulator.aws.errors import AwsError
from emulator.services.lambda_.rules.errors import invalid_content, too_large

LARGEST_PAYLOAD_BYTES = {"RequestResponse": 6_291_456, "Event": 1_048_576, "DryRun": 6_291_456, "InvokeAsync": 262_144}

_SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
_VALUE = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
_BLANK = " \t\r\n"
_WORD = re.compile(r"\w+")


def check_size(payload: bytes, invocation_type: str) -> None:
    """413 beyond the limit of the invocation type (1.3)."""
    limit = LARGEST_PAYLOAD_BYTES[invocation_type]
    if len(payload) > limit:
        raise too_large(
            f"{len(payload)} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)"
        )


def check_json(payload: bytes) -> None:
    """400 unless `payload` is one JSON text in UTF-8 [R:test_lambda_invoke_payload_encoding_error]."""
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _bad_utf8(payload, error.start) from None
    try:
        _decode(text)
    except json.JSONDecodeError as error:
        raise _syntax(text, error) from None
    except RecursionError:
        raise _error(
            "Document nesting depth (1001) exceeds the maximum allowed "
            "(1000, from `StreamReadConstraints.getMaxNestingDepth()`)",
            text,
            len(text) - 1,
        ) from None
    except ValueError:
        # Python's own limit on digits of an integer; Jackson has one too.
        raise _error(
            "Number value length exceeds the maximum allowed (1000, from `StreamReadConstraints.getMaxNumberLength()`)",
            text,
            len(text) - 1,
        ) from None


def _no_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(name, name, 0)


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def _bad_utf8(payload: bytes, start: int) -> AwsError:
    byte = payload[start]
    before = payload[:start].decode("utf-8", "replace")
    if before.strip(_BLANK) == "":
        # A byte that can start no value is "unexpected" before it is "invalid".
        return _unexpected(before + chr(byte), len(before), f"expected a valid value ({_VALUE})")
    kind = "start"
    if 0xC2 <= byte <= 0xF4 and start + 1 < len(payload):  # a good first byte: what follows it is wrong
        kind, byte = "middle", payload[start + 1]
    return _error(f"Invalid UTF-8 {kind} byte 0x{byte:02x}", before + "?", len(before))


def _syntax(text: str, error: json.JSONDecodeError) -> AwsError:
    """Jackson's words for what Python found at the same place."""
    where = error.pos
    if error.msg in ("NaN", "Infinity", "-Infinity"):
        where = max(text.find(error.msg), 0)
        return _error(
            f"Non-standard token '{error.msg}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow",
            text,
            where + len(error.msg) - 1,
        )
    if text.strip(_BLANK) == "":
        return _error("No content to map due to end-of-input", text, len(text) - 1)
    while where < len(text) and text[where] in _BLANK:
        where += 1
    if error.msg.startswith("Unterminated string"):
        return _error("Unexpected end-of-input: was expecting closing quote for a string value", text, len(text) - 1)
    if where >= len(text):
        kind = "Object" if text.count("{") - text.count("}") > 0 else "Array"
        return _error(f"Unexpected end-of-input: expected close marker for {kind}", text, len(text) - 1)
    if error.msg.startswith("Invalid control character"):
        code = ord(text[where])
        return _error(
            f"Illegal unquoted character ((CTRL-CHAR, code {code})): has to be escaped using backslash to be included "
            "in string value",
            text,
            where,
        )
    if error.msg.startswith("Invalid \\"):
        following = text[where + 1 : where + 2] or "\\"
        return _error(f"Unrecognized character escape {_named(following)}", text, where + 1)
    if error.msg.startswith("Expecting property name"):
        return _unexpected(text, where, "was expecting double-quote to start field name")
    if error.msg.startswith("Expecting ':'"):
        return _unexpected(text, where, "was expecting a colon to separate field name and value")
    if error.msg.startswith("Expecting ','"):
        kind = "Object" if _inside_object(text, where) else "Array"
        return _unexpected(text, where, f"was expecting comma to separate {kind} entries")
    word = _WORD.match(text, where)
    if word and (word.group()[0].isalpha() or word.group()[0] == "_"):
        return _error(f"Unrecognized token '{word.group()[:256]}': was expecting ({_VALUE})", text, word.end() - 1)
    return _unexpected(text, where, f"expected a valid value ({_VALUE})")


def _inside_object(text: str, where: int) -> bool:
    """Whether the innermost bracket open at `where` is a brace; strings are skipped."""
    open_brackets: list[str] = []
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', text[:where]):
        token = match.group()
        if token in "{[":
            open_brackets.append(token)
        elif token in "}]" and open_brackets:
            open_brackets.pop()
    return bool(open_brackets) and open_brackets[-1] == "{"


def _named(character: str) -> str:
    code = ord(character)
    if code < 32 or 127 <= code < 160:
        return f"(CTRL-CHAR, code {code})"
    return f"'{character}' (code {code})"


def _unexpected(text: str, where: int, expectation: str) -> AwsError:
    return _error(f"Unexpected character ({_named(text[where])}): {expectation}", text, where)


def _error(detail: str, text: str, last_read: int) -> AwsError:
    """`last_read` is the index of the last character the parser took; Jackson's column is two beyond it."""
    line = text.count("\n", 0, max(last_read, 0)) + 1
    column = last_read - (text.rfind("\n", 0, max(last_read, 0)) + 1) + 2
    message = f"Could not parse request body into json: Could not parse payload into json: {detail}\n at "
    return invalid_content(message + _SOURCE.format(line, max(column, 1)))
