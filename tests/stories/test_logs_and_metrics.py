"""What a function writes and how it fares can be read as on AWS, and on the command line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from emulator import show_logs
from emulator.cli import app
from tests.stories.telling import function, invoke, kept, send

GROUP = "/aws/lambda/report"
HANDLER = """
import json

def handler(event, context):
    print("working on", json.dumps(event))
    if event.get("fail"):
        raise ValueError("no such report")
    return "done"
"""


@pytest.fixture
def report(aws):
    """A function `report` that says what it works on, and fails if its event says so."""
    return function(aws, "report", HANDLER)


# ── as on AWS ───────────────────────────────────────────────────────────────────────────────────


def test_the_lines_of_an_invocation_can_be_read_right_after_it(aws, report):
    invoke(aws, report, {"id": 7})

    [group] = aws.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    [stream] = aws.logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
    where = {"logGroupName": group["logGroupName"], "logStreamName": stream["logStreamName"]}
    events = aws.logs.get_log_events(**where, startFromHead=True)["events"]

    messages = [event["message"] for event in events]
    assert [message.split()[0] for message in messages] == ["INIT_START", "START", "working", "END", "REPORT"]
    assert messages[2] == 'working on {"id": 7}\n'
    found = aws.logs.filter_log_events(logGroupName=GROUP, filterPattern="working")["events"]
    assert [event["message"] for event in found] == [messages[2]]


def test_a_retried_event_is_counted_as_three_invocations_and_three_errors(aws, emulator, report):
    send(aws, report, {"fail": True})
    emulator.settle()

    def counted(name):
        return emulator.metric("AWS/Lambda", name, FunctionName="report")

    assert (counted("AsyncEventsReceived"), counted("Invocations")) == (1, 3)
    assert (counted("Errors"), counted("Throttles")) == (3, 0)
    assert len(emulator.logs("report", "ValueError")) == 3


def test_a_log_line_is_json_where_the_function_asks_for_json(aws, emulator, report, emulator_logs):
    aws.lambda_.update_function_configuration(
        FunctionName="report", LoggingConfig={"LogFormat": "JSON", "LogGroup": "/mine"}
    )
    invoke(aws, report, {})
    [line] = emulator.logs("/mine", '{ $.type = "platform.report" }')
    assert json.loads(line)["record"]["status"] == "success"
    assert "platform.report" in emulator_logs("report").stdout


def test_logs_metrics_and_alarms_outlive_the_emulator(tmp_path):
    with kept(tmp_path) as (emulator, aws):
        function(aws, "report", HANDLER)
        aws.cloudwatch.put_metric_alarm(
            AlarmName="errors",
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[{"Name": "FunctionName", "Value": "report"}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        send(aws, "report", {"fail": True})
        emulator.advance(1)
    with kept(tmp_path) as (emulator, aws):
        [found] = aws.logs.filter_log_events(logGroupName=GROUP, filterPattern="ValueError")["events"]
        assert found["message"].startswith("[ERROR] ValueError: no such report")
        emulator.advance(60)
        [alarm] = aws.cloudwatch.describe_alarms()["MetricAlarms"]
        assert alarm["StateValue"] == "ALARM"


# ── on the command line ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def emulator_logs(aws):
    """The command `emulator logs …`, asking this emulator."""
    here = ("--port", aws.url.rpartition(":")[2], "--account", aws.account)
    return lambda *words: CliRunner().invoke(app, ["logs", *words, *here])


def test_the_command_line_shows_what_a_function_wrote(aws, report, emulator_logs):
    invoke(aws, report, {"fail": True})

    shown = emulator_logs("report")
    assert shown.exit_code == 0
    assert 'working on {"fail": true}' in shown.stdout and "START RequestId" in shown.stdout

    filtered = emulator_logs("/aws/lambda/report", "--filter", "ValueError")
    assert "[ERROR] ValueError: no such report" in filtered.stdout and "START" not in filtered.stdout


def test_the_command_line_helps_where_there_is_nothing_to_show(aws, clock, report, emulator_logs):
    assert "wrote nothing in the last 10m" in emulator_logs("report").stderr

    invoke(aws, report, {})
    missing = emulator_logs("reprot")
    assert missing.exit_code == 1
    assert missing.stderr == "There is no function and no log group reprot.\nThere are logs of: report\n"
    assert emulator_logs("report", "--since", "soon").exit_code == 1
    wrong = emulator_logs("report", "--filter", "{ $.a")
    assert wrong.exit_code == 1 and "{ $.a is no filter pattern" in wrong.stderr

    clock.advance(hours=1)
    assert "wrote nothing in the last 10m" in emulator_logs("report").stderr
    assert "working on {}" in emulator_logs("report", "--since", "1h30m").stdout


def test_the_command_line_says_when_no_emulator_runs():
    nobody = CliRunner().invoke(app, ["logs", "report", "--port", "1"])
    assert nobody.exit_code == 1
    assert "No emulator answers on http://127.0.0.1:1" in nobody.stderr


class SeenEnough(Exception):
    """Who follows a log leaves."""


def test_following_shows_what_comes_once_and_in_order(aws, clock, report):
    still_to_come = [{"n": 1}, {"n": 2}, {"n": 3}]

    def meanwhile(_):
        if not still_to_come:
            raise SeenEnough
        invoke(aws, report, still_to_come.pop(0))
        clock.advance(1000)

    shown = []
    reader = show_logs.Reader(aws.url, "report", "working", account=aws.account)
    with pytest.raises(SeenEnough):
        show_logs.show(reader, 600, follow=True, write=shown.append, colour=False, sleep=meanwhile)
    assert [line.partition("working on ")[2] for line in shown] == ['{"n": 1}\n', '{"n": 2}\n', '{"n": 3}\n']


def test_lines_that_could_draw_on_a_terminal_are_made_harmless():
    event = {"timestamp": 0, "stream": "2026/01/01/[$LATEST]abcdef", "message": "\x1b[2Jhidden\rover\x07\n"}
    assert show_logs.rendered(event, False) == "00:00:00.000  abcd  \ufffd[2Jhidden\n" + " " * 19 + "over\ufffd\n"
    assert "\x1b[2J" not in show_logs.rendered(event, True)
