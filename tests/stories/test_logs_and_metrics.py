"""What a function writes and how it fares can be read as on AWS, and on the command line."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from emulator import show_logs
from emulator.adapters.console import Console
from emulator.app import Emulator
from emulator.cli import app
from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS

HANDLER = """
import json

def handler(event, context):
    print("working on", json.dumps(event))
    if event.get("fail"):
        raise ValueError("no such report")
    return "done"
"""


def make_function(emulator: RunningEmulator, name: str = "report") -> Any:
    """A Lambda client with one function made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", HANDLER)
    lambda_ = emulator.client("lambda")
    lambda_.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    return lambda_


def run(emulator: RunningEmulator, *arguments: str) -> Result:
    """`emulator logs …` against this emulator."""
    return CliRunner().invoke(app, ["logs", *arguments, "--port", emulator.url.rpartition(":")[2]])


def test_the_lines_of_an_invocation_can_be_read_right_after_it(emulator: RunningEmulator) -> None:
    lambda_ = make_function(emulator)
    lambda_.invoke(FunctionName="report", Payload=b'{"id": 7}')
    logs = emulator.client("logs")
    [group] = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/report")["logGroups"]
    [stream] = logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
    read = logs.get_log_events(
        logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"], startFromHead=True
    )
    messages = [event["message"] for event in read["events"]]
    words = [message.split()[0] for message in messages]
    assert words == ["INIT_START", "START", "working", "END", "REPORT"]
    assert messages[2] == 'working on {"id": 7}\n'
    found = logs.filter_log_events(logGroupName=group["logGroupName"], filterPattern="working")["events"]
    assert [event["message"] for event in found] == [messages[2]]


def test_a_retried_event_is_counted_as_three_invocations_and_three_errors(emulator: RunningEmulator) -> None:
    lambda_ = make_function(emulator)
    begin = emulator.now()
    lambda_.invoke(FunctionName="report", InvocationType="Event", Payload=b'{"fail": true}')
    emulator.settle()
    cloudwatch = emulator.client("cloudwatch")

    def total(name: str) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": "report"}],
            StartTime=begin - 60,
            EndTime=emulator.now() + 60,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert {name: total(name) for name in ("Invocations", "Errors", "Throttles", "AsyncEventsReceived")} == {
        "Invocations": 3.0,
        "Errors": 3.0,
        "Throttles": 0.0,
        "AsyncEventsReceived": 1.0,
    }
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/report", filterPattern="ValueError")
    assert len(events["events"]) == 3


# ── emulator logs ───────────────────────────────────────────────────────────────────────────────


def test_the_command_line_shows_what_a_function_wrote(emulator: RunningEmulator) -> None:
    make_function(emulator).invoke(FunctionName="report", Payload=b'{"fail": true}')
    shown = run(emulator, "report")
    assert shown.exit_code == 0
    assert 'working on {"fail": true}' in shown.stdout and "START RequestId" in shown.stdout
    filtered = run(emulator, "/aws/lambda/report", "--filter", "ValueError")
    assert "[ERROR] ValueError: no such report" in filtered.stdout and "START" not in filtered.stdout


def test_the_command_line_helps_where_there_is_nothing_to_show(emulator: RunningEmulator) -> None:
    lambda_ = make_function(emulator)
    assert "wrote nothing in the last 10m" in run(emulator, "report").stderr
    lambda_.invoke(FunctionName="report", Payload=b"{}")
    missing = run(emulator, "reprot")
    assert missing.exit_code == 1
    assert missing.stderr == "There is no function and no log group reprot.\nThere are logs of: report\n"
    assert run(emulator, "report", "--since", "soon").exit_code == 1
    wrong = run(emulator, "report", "--filter", "{ $.a")
    assert wrong.exit_code == 1 and "{ $.a is no filter pattern" in wrong.stderr
    emulator.advance(3600)
    assert "wrote nothing in the last 10m" in run(emulator, "report").stderr
    assert "working on {}" in run(emulator, "report", "--since", "1h30m").stdout


def test_the_command_line_says_when_no_emulator_runs() -> None:
    nobody = CliRunner().invoke(app, ["logs", "report", "--port", "1"])
    assert nobody.exit_code == 1
    assert "No emulator answers on http://127.0.0.1:1" in nobody.stderr


def test_following_shows_what_comes_once_and_in_order(emulator: RunningEmulator) -> None:
    lambda_ = make_function(emulator)
    written: list[str] = []
    rounds: Iterator[bytes] = iter([b'{"n": 1}', b'{"n": 2}', b'{"n": 3}'])

    class Enough(Exception):
        """The test has seen it all."""

    def meanwhile(_: float) -> None:
        payload = next(rounds, None)
        if payload is None:
            raise Enough
        lambda_.invoke(FunctionName="report", Payload=payload)
        emulator.advance(1000)

    reader = show_logs.Reader(emulator.url, "report", "working")
    with pytest.raises(Enough):
        show_logs.show(reader, 600, True, written.append, False, meanwhile)
    assert [line.partition("working on ")[2] for line in written] == ['{"n": 1}\n', '{"n": 2}\n', '{"n": 3}\n']


def test_lines_that_could_draw_on_a_terminal_are_made_harmless() -> None:
    event = {"timestamp": 0, "stream": "2026/01/01/[$LATEST]abcdef", "message": "\x1b[2Jhidden\rover\x07\n"}
    assert show_logs.rendered(event, False) == "00:00:00.000  abcd  \ufffd[2Jhidden\n" + " " * 19 + "over\ufffd\n"
    assert "\x1b[2J" not in show_logs.rendered(event, True)


# ── the console of `emulator start` ─────────────────────────────────────────────────────────────


class Terminal:
    """Takes what a console prints and says when enough has come."""

    def __init__(self, wanted_lines: int) -> None:
        self.lines: list[str] = []
        self._wanted = wanted_lines
        self._enough = threading.Event()

    def write(self, text: str) -> None:
        self.lines += text.splitlines()
        if len(self.lines) >= self._wanted:
            self._enough.set()

    def read(self) -> list[str]:
        assert self._enough.wait(STUCK_SECONDS), self.lines
        return self.lines


def test_the_console_names_requests_and_failed_invocations() -> None:
    terminal = Terminal(2)

    def make(settings: Settings, url: str) -> Emulator:
        return Emulator(settings, url, console=Console(terminal.write))

    with RunningEmulator(make=make) as emulator:
        lambda_ = make_function(emulator)
        lambda_.invoke(FunctionName="report", Payload=b"{}")
        lambda_.invoke(FunctionName="report", Payload=b'{"fail": true}')
        url = lambda_.create_function_url_config(FunctionName="report", AuthType="NONE")["FunctionUrl"]
        host = url.removeprefix("http://").removeprefix("https://").partition("/")[0]
        request = urllib.request.Request(f"{emulator.url}/some/path", headers={"Host": host})
        urllib.request.urlopen(request).close()
        failed, asked = terminal.read()
    port = emulator.url.rpartition(":")[2]
    assert failed.endswith(f"report failed: ValueError: no such report  (emulator logs report --port {port})")
    assert "GET /some/path 200" in asked and asked.endswith("  report")


def test_a_console_that_nobody_reads_keeps_only_the_latest_lines() -> None:
    terminal = Terminal(1001)

    async def flood() -> None:
        console = Console(terminal.write)
        for number in range(5000):
            console.line(0.0, f"line {number}")
        await asyncio.to_thread(terminal.read)

    asyncio.run(flood())
    assert "4000 lines left out" in terminal.lines[0]
    assert (len(terminal.lines), terminal.lines[-1]) == (1001, "00:00:00  line 4999")


def test_a_log_line_is_json_where_the_function_asks_for_json(emulator: RunningEmulator) -> None:
    lambda_ = make_function(emulator)
    lambda_.update_function_configuration(
        FunctionName="report", LoggingConfig={"LogFormat": "JSON", "LogGroup": "/mine"}
    )
    lambda_.invoke(FunctionName="report", Payload=b"{}")
    found = emulator.client("logs").filter_log_events(
        logGroupName="/mine", filterPattern='{ $.type = "platform.report" }'
    )
    [event] = found["events"]
    assert json.loads(event["message"])["record"]["status"] == "success"
    assert "platform.report" in run(emulator, "report").stdout


def test_logs_metrics_and_alarms_outlive_the_emulator(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path, frozen=True)
    alarm = {"AlarmName": "errors", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60}
    rule = {"EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold"}
    with RunningEmulator(settings) as emulator:
        emulator.client("cloudwatch").put_metric_alarm(
            **alarm, **rule, Dimensions=[{"Name": "FunctionName", "Value": "report"}]
        )
        make_function(emulator).invoke(FunctionName="report", InvocationType="Event", Payload=b'{"fail": true}')
        emulator.advance(1)
    with RunningEmulator(settings) as emulator:
        [found] = emulator.client("logs").filter_log_events(
            logGroupName="/aws/lambda/report", filterPattern="ValueError"
        )["events"]
        assert found["message"].startswith("[ERROR] ValueError: no such report")
        emulator.advance(60)
        [shown] = emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
        assert shown["StateValue"] == "ALARM"
