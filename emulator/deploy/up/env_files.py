"""KEY=VALUE on the command line and in files, and the environment variables of functions that they set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from emulator.deploy.up.problem import Problem, shown
from emulator.deploy.up.project import text_of

ALL = "*"
"""Instead of a function's logical id: every function."""


def pairs(option: str, texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The names and values of an option. Raises Problem."""
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Problem(f"{option} {text} is not KEY=VALUE.")
        yield name, value


def lines(file: Path) -> Iterable[tuple[str, str]]:
    """The names and values of a file. Raises Problem."""
    for number, line in enumerate(text_of(file).splitlines(), 1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[\w.]+", name.strip()):
            raise Problem(f"{shown(file)}:{number}: this is not KEY=VALUE: {text}")
        yield name.strip(), _unquoted(value.strip())


def variables(given: Iterable[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """By function, or `ALL`; a later one wins. Raises Problem."""
    found: dict[str, dict[str, str]] = {}
    for name, value in given:
        function, dot, key = name.rpartition(".")
        if not re.fullmatch(r"[A-Za-z]\w+", key):
            raise Problem(f"{key} is no name of an environment variable of a function.")
        found.setdefault(function if dot else ALL, {})[key] = value
    return found


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
