"""What the command line says before and between requests: where it is, what time it is, what goes on."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator import __version__
from emulator.cli import app, greeting
from emulator.settings import Settings
from emulator.testing import RunningEmulator

FAILING = "def handler(event, context):\n    raise ValueError('no')\n"


def make_function(emulator: RunningEmulator, source: str = FAILING, name: str = "work") -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    emulator.client("lambda").create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )


def test_the_version_is_an_option_too() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, __version__ + "\n")


def test_a_restart_says_that_accepted_events_go_on_and_how_far_time_is_ahead(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path / "data", frozen=True)
    with RunningEmulator(settings) as emulator:
        fresh = greeting(emulator.emulator)
        assert "going on" not in fresh and "frozen; POST" in fresh and "ahead" not in fresh
        make_function(emulator)
        lambda_ = emulator.client("lambda")
        for _ in range(2):
            lambda_.invoke(FunctionName="work", InvocationType="Event", Payload=b"{}")
        emulator.advance(1)  # the first attempts fail; retries are due a minute later
    with RunningEmulator(settings) as again:
        assert "  going on   2 events left from before" in greeting(again.emulator)


def test_time_that_was_advanced_is_said_to_be_ahead_and_how_it_comes_back(tmp_path: Path) -> None:
    with RunningEmulator(Settings(port=0, data=tmp_path / "data")) as emulator:
        assert "AWS time   runs with this machine's clock" in greeting(emulator.emulator)
        emulator.control("POST", "clock", {"action": "advance", "seconds": 3600.5})
    with RunningEmulator(Settings(port=0, data=tmp_path / "data")) as again:
        said = greeting(again.emulator)
        assert "AWS time   1 h" in said and "ahead of this machine's clock" in said and "a fresh --data" in said


def test_logs_asks_the_emulator_that_the_shell_is_set_up_for(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_function(emulator, "def handler(event, context):\n    print('here')\n")
    emulator.client("lambda").invoke(FunctionName="work", Payload=b"{}")
    monkeypatch.delenv("EMULATOR_PORT", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    assert "here" in CliRunner().invoke(app, ["logs", "work"]).stdout
    elsewhere = CliRunner().invoke(app, ["logs", "work", "--account", "111122223333"])
    assert elsewhere.exit_code == 1 and "here" not in elsewhere.stdout
    assert "here" in CliRunner().invoke(app, ["logs", "work", "--account", "000000000000"]).stdout
    asked = CliRunner().invoke(app, ["logs", "work", "-p", "1"])
    assert asked.exit_code == 1
    assert asked.stderr.endswith("\nStart it: emulator start --port 1\n")
    monkeypatch.setenv("EMULATOR_PORT", "abc")
    assert CliRunner().invoke(app, ["logs", "work"]).stderr.startswith("EMULATOR_PORT=abc is no port.\n")
