"""The sample application, used over HTTP as its clients use it: what they are promised."""

from __future__ import annotations

import pytest

from emulator.demo.deploy import deploy, report, sample_folder
from tests.stories.telling import package

SUBMIT = (sample_folder("sample_functions") / "submit" / "app.py").read_text()


@pytest.fixture(autouse=True)
def application(aws):
    """The sample application, deployed with ordinary AWS calls."""
    return deploy(aws.client)


def outcomes(emulator):
    return [attempt["outcome"] for attempt in emulator.attempts(function="report-submit")]


def replace(aws, function, source):
    aws.lambda_.update_function_code(FunctionName=function, ZipFile=package(source))


def test_a_report_is_accepted_at_once_and_mailed_later(aws, inbox):
    answer = aws.http.post("/reports", json=report("ada@example.com"))

    assert (answer.status_code, answer.text) == (202, "")
    assert inbox.messages == []

    # The function sleeps 35 s, five states follow: all of it in virtual time.
    message = inbox.wait(to="ada@example.com")
    assert message.to == ["ada@example.com"]
    assert message.subject == "United States, national accounts: real GDP +3.15 % a year, 1959 Q1 – 2009 Q3"
    assert len(inbox) == 1


def test_a_client_that_waits_is_given_up_on_while_its_report_is_processed_and_mailed(aws, clock, inbox):
    begun = clock.now()
    answer = aws.http.post("/reports/sync", json=report("ada@example.com"))

    assert (answer.status_code, answer.text) == (504, '{"message": "Endpoint request timed out"}')
    assert clock.now() - begun == pytest.approx(29, abs=0.1)

    clock.settle()
    [message] = inbox
    assert message.to == ["ada@example.com"]


def test_every_state_of_the_workflow_is_passed_in_order(aws, emulator):
    aws.http.post("/reports", json=report("ada@example.com"))
    emulator.settle()

    [execution] = emulator.executions()
    assert execution["status"] == "SUCCEEDED"
    assert execution["states"] == ["Parse", "Calculate", "Summarise", "Compose", "SendEmail"]


def test_something_that_is_no_report_is_refused_before_it_is_queued(aws, emulator):
    answer = aws.http.post("/reports", json={"report_id": "1"})

    assert answer.status_code == 400
    assert answer.json() == {"message": "Invalid request body"}
    emulator.settle()
    assert emulator.executions() == []


def test_a_report_with_a_wrong_number_is_named_to_the_client_that_waits(aws):
    wrong = report("ada@example.com")
    wrong["csv"] = wrong["csv"].replace("2710.349", "a lot", 1)

    answer = aws.http.post("/reports/sync", json=wrong)

    assert answer.status_code == 400
    assert answer.json()["errorMessage"] == "Invalid report: realgdp is not a number in row 1"


def test_an_event_whose_function_is_repaired_before_the_last_attempt_is_processed(aws, emulator, clock, inbox):
    replace(aws, "report-submit", "def handler(event, context):\n    raise RuntimeError('not today')\n")
    aws.http.post("/reports", json=report("ada@example.com"))

    clock.advance(170)
    assert outcomes(emulator) == ["function_error", "function_error"]
    replace(aws, "report-submit", SUBMIT)
    emulator.settle()

    assert outcomes(emulator) == ["function_error", "function_error", "success"]
    attempts = emulator.attempts(function="report-submit")
    assert len({attempt["request_id"] for attempt in attempts}) == 1
    started = [attempt["started_at"] - attempts[0]["started_at"] for attempt in attempts]
    assert started == pytest.approx([0, 60, 180], abs=1)
    assert len(inbox) == 1


def test_a_state_that_keeps_failing_is_retried_and_then_reported_to_the_recipient(aws, emulator, inbox):
    broken = "def handler(event, context):\n    raise ArithmeticError('division by a small committee')\n"
    replace(aws, "report-calculate", broken)
    aws.http.post("/reports", json=report("ada@example.com"))
    emulator.settle()

    [execution] = emulator.executions(status="FAILED")
    history = aws.stepfunctions.get_execution_history(executionArn=execution["arn"])["events"]
    assert sum(event["type"] == "TaskFailed" for event in history) == 3
    [message] = inbox
    assert message.subject == "Report US-2009Q3 could not be processed"
    assert "division by a small committee" in message.text
