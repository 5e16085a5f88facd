"""The texts of Fn::Sub: `${Name}`, `${Resource.Attribute}`, `${AWS::Region}`, and `${!Literal}` for what is to stay."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9_.:]+\Z")

BAD_NAME = (
    "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, "
    "and colons"
)


class Variable(NamedTuple):
    """What stands between the braces."""

    name: str


@lru_cache(maxsize=1024)
def parts(text: str) -> tuple[str | Variable, ...]:
    """Text and variables in turn. Raises ValueError with AWS's text for a name that is none."""
    found: list[str | Variable] = []
    begin = 0
    for match in _VARIABLE.finditer(text):
        found.append(text[begin : match.start()])
        name = match.group(1).strip()  # `${ Name }` works on AWS (cfn-lint issue 236)
        if name.startswith("!"):
            found.append("${" + match.group(1).partition("!")[2] + "}")
        elif _NAME.match(name):
            found.append(Variable(name))
        else:
            raise ValueError(BAD_NAME)
        begin = match.end()
    found.append(text[begin:])
    return tuple(part for part in found if part)


def variables(text: str) -> list[str]:
    """The names in a text. Raises ValueError as `parts`."""
    return [part.name for part in parts(text) if isinstance(part, Variable)]
