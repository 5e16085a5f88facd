"""Templates in JSON: values only. Where they stand is found out when somebody asks (`document.Document.location`)."""

from __future__ import annotations

import json
from typing import Any

from emulator.deploy.template.document import LARGEST_NESTING, Location, TemplateError
from emulator.ports import Json


def load(text: str, file: str | None, repeated: set[str] | None = None) -> Json:
    """The value; of a name that an object has twice, the last, and `repeated` is given it. Raises TemplateError in
    AWS's words.
    """

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs) and repeated is not None:
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    repeated.add(name)
                seen.add(name)
        return found

    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _not_well_formed(file, error.lineno, error.colno) from error
    except (ValueError, RecursionError) as error:  # a number that no program reads, or thousands of brackets
        raise _not_well_formed(file, 1, 1) from error
    _check(value, file)
    return value


def _constant(name: str) -> Any:
    raise ValueError(name)


def _check(value: Json, file: str | None) -> None:
    """Neither deep nor with halves of characters, which no answer could carry."""
    level = [value]
    for _ in range(LARGEST_NESTING):
        inner: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                inner += node.keys()
                inner += node.values()
            elif isinstance(node, list):
                inner += node
            elif isinstance(node, str) and not node.isascii():
                try:
                    node.encode()
                except UnicodeEncodeError as error:
                    raise _not_well_formed(file, 1, 1, "half of a surrogate pair") from error
        if not inner:
            return
        level = inner
    raise _not_well_formed(file, 1, 1, f"nested deeper than {LARGEST_NESTING} levels")


def _not_well_formed(file: str | None, line: int, column: int, hint: str = "") -> TemplateError:
    message = f"Template format error: JSON not well-formed. (line {line}, column {column})"
    return TemplateError(message, (), Location(file, line, column), hint)
