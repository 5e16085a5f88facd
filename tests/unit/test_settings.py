"""Every variable is read or refused by name and value; none is ignored."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.adapters.runtime.interpreters import check_configured
from emulator.cli import app
from emulator.settings import Settings

MINOR = f"3.{sys.version_info.minor}"
OTHER = f"3.{sys.version_info.minor + 1}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("FSYNC", "maybe"),
        ("FROZEN", "2"),
        ("SEED", "x"),
        ("START_AT", "nan"),
        ("START_AT", "tomorrow"),
        ("REGION", "us east"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_variable_and_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"EMULATOR_{name}", value)
    with pytest.raises(ValueError, match=f"EMULATOR_{name}={value}: "):
        Settings.from_environment()
    done = CliRunner().invoke(app, ["start", "--ephemeral"])
    assert done.exit_code == 1
    assert f"EMULATOR_{name}={value}" in done.output


def test_values_that_make_sense_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "PORT": "0",
        "FSYNC": "off",
        "FROZEN": "Yes",
        "SEED": "7",
        "START_AT": "1.5",
        "DATA": "",
        "DEBUG": "a, b:1",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"EMULATOR_{name}", value)
    read = Settings.from_environment(region="eu-west-1")
    assert (read.port, read.fsync, read.frozen, read.seed, read.start_at) == (0, False, True, 7, 1.5)
    assert (read.data, read.debug, read.region) == (None, ("a", "b:1"), "eu-west-1")


@pytest.mark.parametrize(
    ("minor", "path", "why"),
    [
        ("3.12", "/nonexistent/python", "there is no such executable file"),
        ("3.12", "/bin/sh", "this is no Python that runs"),
        (OTHER, sys.executable, f"this is Python {MINOR}"),
        ("3.x", sys.executable, "no such version"),
    ],
)
def test_an_interpreter_that_is_none_or_another_version_is_refused_at_start(
    minor: str, path: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "EMULATOR_PYTHON_" + minor.replace(".", "_")
    monkeypatch.setenv(variable, path)
    done = CliRunner().invoke(app, ["start", "--ephemeral"])
    assert done.exit_code == 1
    assert f"{variable}={path}: {why}" in done.output


def test_the_interpreter_of_its_version_is_accepted(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    check_configured({MINOR: str(link)})
