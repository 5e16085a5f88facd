"""The sample application, used over HTTP as its clients use it: what they are promised."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.demo.deploy import STAGE, Deployed, deploy, package, report
from emulator.testing import RunningEmulator


@pytest.fixture
def application(emulator: RunningEmulator) -> Deployed:
    """The sample application, deployed with ordinary AWS calls."""
    return deploy(emulator.client)


@pytest.fixture
def reports_url(emulator: RunningEmulator, application: Deployed) -> str:
    return emulator.data_plane(application.api_id, STAGE, "reports")


def answer_while_time_passes(emulator: RunningEmulator, call: Callable[[], httpx.Response]) -> httpx.Response:
    """Make a call from another thread; once it waits for AWS time, let as much pass as the gateway waits."""
    with ThreadPoolExecutor(1) as pool:
        future: Future[httpx.Response] = pool.submit(call)
        while emulator.emulator.clock.next_sleeper() is None and not wait([future], timeout=0.02).done:
            pass
        emulator.advance(29)
        return future.result(timeout=30)


def replace_code(emulator: RunningEmulator, function_arn: str, folder: Path, source: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text(source)
    emulator.client("lambda").update_function_code(FunctionName=function_arn, ZipFile=package(folder))


def executions(emulator: RunningEmulator, application: Deployed) -> list[dict[str, Any]]:
    return emulator.client("stepfunctions").list_executions(stateMachineArn=application.state_machine_arn)["executions"]


def submit_attempts(emulator: RunningEmulator) -> list[dict[str, Any]]:
    invocations = emulator.control("GET", "timeline")["invocations"]
    return [attempt for attempt in invocations if attempt["function_name"] == "report-submit"]


def test_a_report_is_accepted_at_once_and_mailed_later(emulator: RunningEmulator, reports_url: str) -> None:
    answer = httpx.post(reports_url, json=report(recipient="ada@example.com"))

    assert (answer.status_code, answer.text) == (202, "")
    assert emulator.inbox() == []

    emulator.settle()  # the function sleeps 35 s, four states follow: all of it in virtual time

    [message] = emulator.inbox()
    assert message["to"] == ["ada@example.com"]
    assert message["subject"] == ("United States, national accounts: real GDP +3.15 % a year, 1959 Q1 – 2009 Q3")


def test_a_client_that_waits_is_given_up_on_while_its_report_is_processed_and_mailed(
    emulator: RunningEmulator, reports_url: str
) -> None:
    answer = answer_while_time_passes(
        emulator, lambda: httpx.post(f"{reports_url}/sync", json=report("ada@example.com"), timeout=60)
    )

    assert (answer.status_code, answer.text) == (504, '{"message": "Endpoint request timed out"}')

    emulator.settle()
    [message] = emulator.inbox()
    assert message["to"] == ["ada@example.com"]


def test_every_state_of_the_workflow_is_passed_in_order(
    emulator: RunningEmulator, application: Deployed, reports_url: str
) -> None:
    httpx.post(reports_url, json=report("ada@example.com"))
    emulator.settle()

    [execution] = executions(emulator, application)
    assert execution["status"] == "SUCCEEDED"
    history = emulator.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    assert entered == ["Parse", "Calculate", "Summarise", "Compose", "SendEmail"]


def test_something_that_is_no_report_is_refused_before_it_is_queued(
    emulator: RunningEmulator, application: Deployed, reports_url: str
) -> None:
    answer = httpx.post(reports_url, json={"report_id": "1"})

    assert answer.status_code == 400
    assert answer.json() == {"message": "Invalid request body"}
    emulator.settle()
    assert executions(emulator, application) == []


def test_a_report_with_a_wrong_number_is_named_to_the_client_that_waits(
    emulator: RunningEmulator, reports_url: str
) -> None:
    wrong = report("ada@example.com")
    wrong["csv"] = wrong["csv"].replace("2710.349", "a lot", 1)

    answer = answer_while_time_passes(emulator, lambda: httpx.post(f"{reports_url}/sync", json=wrong, timeout=60))

    assert answer.status_code == 400
    assert answer.json()["errorMessage"] == "Invalid report: realgdp is not a number in row 1"


def test_an_event_whose_function_is_repaired_before_the_last_attempt_is_processed(
    emulator: RunningEmulator, application: Deployed, reports_url: str, tmp_path: Path
) -> None:
    submit = application.functions["submit"]
    good = (Path("sample_functions") / "submit" / "app.py").read_text()
    replace_code(emulator, submit, tmp_path, "def handler(event, context):\n    raise RuntimeError('not today')\n")
    httpx.post(reports_url, json=report("ada@example.com"))

    emulator.advance(170)
    assert [attempt["outcome"] for attempt in submit_attempts(emulator)] == ["function_error", "function_error"]
    replace_code(emulator, submit, tmp_path, good)
    emulator.settle()

    attempts = submit_attempts(emulator)
    assert [attempt["outcome"] for attempt in attempts] == ["function_error", "function_error", "success"]
    assert len({attempt["request_id"] for attempt in attempts}) == 1
    started = [attempt["started_at"] - attempts[0]["started_at"] for attempt in attempts]
    assert started == pytest.approx([0, 60, 180], abs=1)
    assert len(emulator.inbox()) == 1


def test_a_state_that_keeps_failing_is_retried_and_then_reported_to_the_recipient(
    emulator: RunningEmulator, application: Deployed, reports_url: str, tmp_path: Path
) -> None:
    broken = "def handler(event, context):\n    raise ArithmeticError('division by a small committee')\n"
    replace_code(emulator, application.functions["calculate"], tmp_path, broken)
    httpx.post(reports_url, json=report("ada@example.com"))
    emulator.settle()

    [execution] = executions(emulator, application)
    assert execution["status"] == "FAILED"
    history = emulator.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])["events"]
    assert sum(event["type"] == "TaskFailed" for event in history) == 3
    [message] = emulator.inbox()
    assert message["subject"] == "Report US-2009Q3 could not be processed"
    assert "division by a small committee" in message["text"]
