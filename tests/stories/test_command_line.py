"""What the command line says before and between requests: where it is, what time it is, what goes on."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from emulator import __version__
from emulator.cli import app, greeting
from emulator.settings import Settings
from emulator.testing.harness import RunningEmulator
from tests.stories.telling import default_account, function, invoke, kept, send

FAILS = "def handler(event, context):\n    raise ValueError('no')\n"
SAYS_HERE = "def handler(event, context):\n    print('here')\n"


def emulator_command(*words):
    return CliRunner().invoke(app, words)


def test_the_version_is_an_option_too():
    shown = emulator_command("--version")
    assert (shown.exit_code, shown.stdout) == (0, __version__ + "\n")


def test_a_restart_says_that_accepted_events_go_on_and_how_far_time_is_ahead(tmp_path):
    with kept(tmp_path) as (emulator, aws):
        fresh = greeting(emulator.emulator)
        assert "going on" not in fresh and "frozen; POST" in fresh and "ahead" not in fresh
        function(aws, "work", FAILS)
        for _ in range(2):
            send(aws, "work", {})
        emulator.advance(1)  # the first attempts fail; retries are due a minute later
    with kept(tmp_path) as (emulator, aws):
        assert "  going on   2 events left from before" in greeting(emulator.emulator)


def test_time_that_was_advanced_is_said_to_be_ahead_and_how_it_comes_back(tmp_path):
    in_time = Settings(port=0, data=tmp_path)
    with RunningEmulator(in_time) as emulator:
        assert "AWS time   runs with this machine's clock" in greeting(emulator.emulator)
        emulator.control("POST", "clock", {"action": "advance", "seconds": 3600.5})
    with RunningEmulator(in_time) as again:
        said = greeting(again.emulator)
        assert "AWS time   1 h" in said and "ahead of this machine's clock" in said and "a fresh --data" in said


@pytest.fixture
def shell(monkeypatch, running):
    """The variables of the reader's shell, which is set up for this emulator."""
    monkeypatch.delenv("EMULATOR_PORT", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
    return monkeypatch


def test_logs_asks_the_emulator_that_the_shell_is_set_up_for(running, shell):
    with default_account(running) as aws:
        function(aws, "work", SAYS_HERE)
        invoke(aws, "work", {})

    assert "here" in emulator_command("logs", "work").stdout
    elsewhere = emulator_command("logs", "work", "--account", "111122223333")
    assert elsewhere.exit_code == 1 and "here" not in elsewhere.stdout
    assert "here" in emulator_command("logs", "work", "--account", "000000000000").stdout

    asked = emulator_command("logs", "work", "-p", "1")
    assert asked.exit_code == 1
    assert asked.stderr.endswith("\nStart it: emulator start --port 1\n")
    shell.setenv("EMULATOR_PORT", "abc")
    assert emulator_command("logs", "work").stderr.startswith("EMULATOR_PORT=abc is no port.\n")
