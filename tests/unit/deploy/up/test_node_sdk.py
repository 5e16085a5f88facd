"""The AWS SDK for JavaScript that AWS's runtimes bring: which packages a function's code imports, and how they come."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from emulator.deploy.up.dependencies import Dependencies
from emulator.deploy.up.node_sdk import imported, is_node

IMPORTS = "const s3 = require('@aws-sdk/client-s3'), own = require('./own'), path = require('path');\n"
NPM = """#!/bin/sh
cp package.json asked.json; echo "$1" > verb; mkdir -p node_modules; exit "${NPM_FAILS:-0}"
"""


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that installs nothing and remembers what it was asked for."""
    tool = tmp_path / "bin" / "npm"
    tool.parent.mkdir()
    tool.write_text(NPM)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "index.js").write_text(IMPORTS)
    return folder


def test_every_way_of_importing_is_seen_and_what_is_installed_already_is_not_read(code: Path) -> None:
    (code / "more.mjs").write_text(
        'import{SQSClient as a}from"@aws-sdk/client-sqs";import "@aws-sdk/client-ses";\n'
        "await import('@smithy/node-http-handler'); export * from '@aws-sdk/util-dynamodb/dist';\n"
        "const text = 'see @aws-sdk/client-ec2';\n"
    )
    (code / "node_modules" / "x").mkdir(parents=True)
    (code / "node_modules" / "x" / "index.js").write_text("require('@aws-sdk/client-iam')")
    (code / "notes.md").write_text("require('@aws-sdk/client-kms')")
    services = {f"@aws-sdk/{name}" for name in ("client-s3", "client-sqs", "client-ses", "util-dynamodb")}
    assert imported(code) == services | {"@smithy/node-http-handler"}


def test_where_the_template_computes_the_runtime_the_files_say_what_it_is(code: Path) -> None:
    assert is_node(code, "") and is_node(code, "nodejs22.x") and not is_node(code, "python3.13")
    (code / "app.py").write_text("")
    assert not is_node(code, "")
    (code / "index.mjs").write_text("")
    assert is_node(code, "")


def test_what_the_code_imports_is_installed_once_though_no_package_names_it(
    npm: None, code: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    required = Dependencies({}, said.append, tmp_path / "cache")
    found = required.folder_of(code, "nodejs22.x", "Resizer")
    assert found is not None
    assert json.loads((found / "asked.json").read_text()) == {"dependencies": {"@aws-sdk/client-s3": "^3"}}
    assert (found / "verb").read_text() == "install\n"
    assert said[0] == "Resizer: installing @aws-sdk/client-s3, which its runtime has at AWS …"
    assert required.folder_of(code, "nodejs22.x", "Resizer") == found and len(said) == 2
    assert [path.name for path in code.iterdir()] == ["index.js"]


def test_the_project_says_which_version_it_is_tested_with(npm: None, code: Path, tmp_path: Path) -> None:
    package = {"dependencies": {"left": "1.0.0"}, "devDependencies": {"@aws-sdk/client-s3": "3.100.0", "jest": "1"}}
    (code / "package.json").write_text(json.dumps(package))
    found = Dependencies({}, print, tmp_path / "cache").folder_of(code, "nodejs22.x", "F")
    assert found is not None
    asked = json.loads((found / "asked.json").read_text())
    assert asked == {"dependencies": {"left": "1.0.0", "@aws-sdk/client-s3": "3.100.0"}}


@pytest.mark.parametrize("place", ["node_modules", "../node_modules"])
def test_what_lies_beside_the_code_is_not_installed(npm: None, code: Path, tmp_path: Path, place: str) -> None:
    (code / place / "@aws-sdk" / "client-s3").mkdir(parents=True)
    assert Dependencies({}, print, tmp_path / "cache").folder_of(code, "nodejs22.x", "F") is None


def test_without_a_network_the_function_is_deployed_without_its_sdk_and_that_is_said(
    npm: None, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM_FAILS", "1")
    said: list[str] = []
    assert Dependencies({}, said.append, tmp_path / "cache").folder_of(code, "nodejs22.x", "F") is None
    assert said[-1].startswith("F: the AWS SDK of its runtime is not there")
