"""The layers hold, and services contain nothing that would take time, dice or waiting out of the emulator's hands."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from tests.stuck import STUCK_SECONDS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "emulator"
LONGEST_FILE_LINES = 700

GOVERNED = [
    *sorted((PACKAGE / "services").rglob("*.py")),
    *sorted((PACKAGE / "aws").rglob("*.py")),
    PACKAGE / "jobs.py",
]
EVERYTHING = sorted(PACKAGE.rglob("*.py"))


def is_store(path: Path) -> bool:
    return path.stem == "store" or path.stem.startswith("store_") or path.stem.endswith("_store")


@dataclass
class Facts:
    """What a file says of itself; a file is parsed once, though several tests look at it."""

    docstring: str
    calls: list[tuple[int, str]] = field(default_factory=list)
    asynchronous: list[str] = field(default_factory=list)
    given_transactions: list[str] = field(default_factory=list)
    """Those of them."""


@cache
def facts(path: Path) -> Facts:
    tree = ast.parse(path.read_text())
    found = Facts(ast.get_docstring(tree) or "")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.calls.append((node.lineno, name_of(node.func)))
        elif isinstance(node, ast.AsyncFunctionDef):
            found.asynchronous.append(node.name)
            if any(is_transaction(argument) for argument in ast.walk(node.args)):
                found.given_transactions.append(node.name)
    return found


NEVER_WAIT = [path for path in GOVERNED if is_store(path) or path.stem == "model" or path.parent.name == "rules"]
WAITING = [path for path in GOVERNED if "async def " in path.read_text()]

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


def is_transaction(node: ast.AST) -> bool:
    return isinstance(node, ast.arg) and node.arg == "tx"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_layer_knows_only_the_ones_below_it() -> None:
    lint = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    result = subprocess.run(
        [sys.executable, "-c", lint], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=STUCK_SECONDS
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", GOVERNED, ids=relative)
def test_services_neither_sleep_nor_read_a_clock(path: Path) -> None:
    assert [(line, call) for line, call in facts(path).calls if call in FORBIDDEN_CALLS] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=relative)
def test_every_file_says_what_it_is_about_and_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert facts(path).docstring, "a file begins by saying what it decides"
    assert text.count("\n") <= LONGEST_FILE_LINES


@pytest.mark.parametrize("path", NEVER_WAIT, ids=relative)
def test_stores_models_and_rules_never_wait(path: Path) -> None:
    assert facts(path).asynchronous == []


@pytest.mark.parametrize("path", WAITING, ids=relative)
def test_nothing_that_is_given_a_transaction_waits(path: Path) -> None:
    assert facts(path).given_transactions == []


def test_every_store_is_protected_by_a_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    protected = {name for one in contracts if one["type"] == "protected" for name in one["protected_modules"]}
    stores = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in GOVERNED if is_store(path)}
    assert stores
    assert stores - protected == set()


def test_the_limit_of_a_response_is_written_once() -> None:
    sources = [*EVERYTHING, *sorted(PACKAGE.rglob("*.cjs"))]
    assert [relative(path) for path in sources if "6291556" in path.read_text().replace("_", "")] == [
        "emulator/ports.py"
    ]


def test_what_lets_requests_in_names_no_service() -> None:
    """The edge, its admission and the table from names to operations serve every service alike."""
    for name in ("edge", "admission", "service"):
        tree = ast.parse((PACKAGE / "aws" / f"{name}.py").read_text())
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert texts.isdisjoint({"lambda", "sqs", "sns", "events", "ses", "sesv2", "logs", "stepfunctions"})
    tree = ast.parse((PACKAGE / "aws" / "apis.py").read_text())
    assert "lambda" not in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_the_files_that_architecture_points_to_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = text[text.index("\n|---|---|\n", text.index("## Where is")) : text.index("## Layers")]
    folders = [PACKAGE, PACKAGE / "services", PACKAGE / "adapters/runtime", PACKAGE / "services/lambda_/event_sources"]
    named = re.findall(r"`([a-z_0-9/]+\.py)", table)
    assert len(named) > 15
    assert [name for name in named if not any((folder / name).is_file() for folder in folders)] == []
