"""The layers hold, and services contain nothing that would take time, dice or waiting out of the emulator's hands."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "emulator"
LONGEST_FILE_LINES = 700

GOVERNED = [
    *sorted((PACKAGE / "services").rglob("*.py")),
    *sorted((PACKAGE / "aws").rglob("*.py")),
    PACKAGE / "jobs.py",
]
EVERYTHING = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_CALLS = {
    "asyncio.sleep",
    "anyio.sleep",
    "time.sleep",
    "time.time",
    "datetime.now",
    "datetime.utcnow",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
}


def name_of(node: ast.expr) -> str:
    """`a.b.c` of an expression, as far as it is one."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.lineno, name_of(node.func)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_layer_knows_only_the_ones_below_it() -> None:
    lint = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    result = subprocess.run(
        [sys.executable, "-c", lint], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", GOVERNED, ids=relative)
def test_services_neither_sleep_nor_read_a_clock(path: Path) -> None:
    assert [(line, call) for line, call in calls(path) if call in FORBIDDEN_CALLS] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=relative)
def test_every_file_says_what_it_is_about_and_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a file begins by saying what it decides"
    assert text.count("\n") <= LONGEST_FILE_LINES


@pytest.mark.parametrize("path", GOVERNED, ids=relative)
def test_only_operations_that_wait_are_asynchronous(path: Path) -> None:
    if path.name not in ("store.py", "model.py"):
        return
    assert [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.AsyncFunctionDef)] == []
