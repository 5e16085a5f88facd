"""An invocation that still runs can be looked at: what it has written is in its log before it ends."""

from __future__ import annotations

import base64
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.adapters.runtime import attempt
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.lambda_support import create, package

GROUP = "/aws/lambda/f"
PYTHON = """
import time

def handler(event, context):
    print("before")
    time.sleep(30)
    print("after")
    return "done"
"""
NODE = """
exports.handler = async () => {
  console.log('before');
  await new Promise((resolve) => setTimeout(resolve, 30000));
  console.log('after');
  return 'done';
};
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "SHOW_SECONDS", 0.02)


def messages(emulator: RunningEmulator) -> list[str]:
    logs = emulator.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        return []
    return [event["message"] for event in logs.filter_log_events(logGroupName=GROUP)["events"]]


def until_written(emulator: RunningEmulator, word: str) -> list[str]:
    """The log, once it has a line with `word`; AWS time stands still meanwhile."""
    found: list[str] = []
    limit = time.monotonic() + STUCK_SECONDS
    while time.monotonic() < limit:
        found = messages(emulator)
        if any(word in message for message in found):
            return found
    raise AssertionError(f"{word} was not logged: {found}")


def words(found: list[str]) -> list[str]:
    """The log without what depends on the machine: remarks of the emulator, ids, numbers."""
    told = [message for message in found if not message.startswith("[emulator]")]
    return [next((word for word in ("before", "after") if word in message), message.split()[0]) for message in told]


@pytest.mark.real_process
def test_an_event_that_still_runs_has_its_start_and_its_output_in_the_log_and_each_line_once_at_the_end(
    emulator: RunningEmulator,
) -> None:
    lambda_ = emulator.client("lambda")
    create(lambda_, Code={"ZipFile": package(PYTHON)}, Timeout=60)
    lambda_.invoke(FunctionName="f", InvocationType="Event")
    assert words(until_written(emulator, "before")) == ["INIT_START", "START", "before"]
    emulator.advance(30)
    assert words(messages(emulator)) == ["INIT_START", "START", "before", "after", "END", "REPORT"]


@pytest.mark.real_process
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_node_function_that_still_runs_has_its_output_in_the_log(emulator: RunningEmulator) -> None:
    lambda_ = emulator.client("lambda")
    code = {"ZipFile": package(NODE, "index.js")}
    create(lambda_, Runtime="nodejs22.x", Handler="index.handler", Code=code, Timeout=60)
    lambda_.invoke(FunctionName="f", InvocationType="Event")
    assert words(until_written(emulator, "before")) == ["INIT_START", "START", "before"]
    emulator.advance(30)
    assert words(messages(emulator)) == ["INIT_START", "START", "before", "after", "END", "REPORT"]


@pytest.mark.real_process
def test_a_waiting_caller_still_gets_the_whole_tail_from_start_to_report(emulator: RunningEmulator) -> None:
    lambda_ = emulator.client("lambda")
    create(lambda_, Code={"ZipFile": package(PYTHON)}, Timeout=60)

    def invoke() -> dict[str, Any]:
        return lambda_.invoke(FunctionName="f", LogType="Tail")

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(invoke)
        until_written(emulator, "before")
        emulator.advance(30)
        tail = base64.b64decode(answer.result()["LogResult"]).decode()
    assert words(tail.splitlines()) == ["START", "before", "after", "END", "REPORT"]
