"""What the console of `emulator start` says of things that no caller hears of."""

from __future__ import annotations

import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emulator.adapters.console import Console
from emulator.app import Emulator
from emulator.cli import app
from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import RestApi
from tests.wire.websocket_support import websocket_api

QUEUE = "arn:aws:sqs:us-east-1:000000000000:lost"
HANDLER = """
import time

def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    time.sleep(event.get("sleep", 0))
"""


class Watched:
    """A running emulator with a console, and what the console has printed when it has ended."""

    def __init__(self) -> None:
        self.text = ""

    def running(self) -> RunningEmulator:
        def make(settings: Settings, url: str) -> Emulator:
            return Emulator(settings, url, console=Console(self._write))

        return RunningEmulator(make=make)

    def _write(self, text: str) -> None:
        self.text += text


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def running(watched: Watched) -> Iterator[RunningEmulator]:
    with watched.running() as emulator:
        yield emulator


def make_function(emulator: RunningEmulator, **members: Any) -> Any:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", HANDLER)
    lambda_ = emulator.client("lambda")
    settings = {
        "FunctionName": "work",
        "Runtime": f"python3.{sys.version_info.minor}",
        "Role": "arn:aws:iam::000000000000:role/r",
        "Handler": "app.handler",
        "Code": {"ZipFile": packed.getvalue()},
    }
    lambda_.create_function(**{**settings, **members})
    return lambda_


def queue(emulator: RunningEmulator) -> str:
    return emulator.client("sqs").create_queue(QueueName="lost")["QueueUrl"]


def send(emulator: RunningEmulator, lambda_: Any, payload: bytes = b"{}") -> None:
    lambda_.invoke(FunctionName="work", InvocationType="Event", Payload=payload)
    emulator.settle()


def printed(watched: Watched, emulator: RunningEmulator, wanted: str) -> str:
    """The line with `wanted`: lines are printed a moment after what they tell."""
    for _ in range(round(STUCK_SECONDS * 10)):
        found = [line for line in watched.text.splitlines() if wanted in line]
        if found:
            return found[-1]
        emulator.call(_a_moment)
    raise AssertionError(f"{wanted!r} is not in {watched.text!r}")


async def _a_moment() -> None:
    import asyncio

    await asyncio.sleep(0.1)


def test_an_event_that_nobody_may_run_is_told(running: RunningEmulator, watched: Watched) -> None:
    lambda_ = make_function(running)
    lambda_.put_function_concurrency(FunctionName="work", ReservedConcurrentExecutions=0)
    send(running, lambda_)
    line = printed(watched, running, "dropped")
    assert line.endswith(
        " dropped (ZeroReservedConcurrency: the function's reserved concurrency is 0);"
        " no dead-letter queue, no destination"
    )
    assert "  work: event " in line and line[2] == line[5] == ":"


def test_a_dead_letter_that_arrives_is_named_and_one_that_does_not_is_told(
    running: RunningEmulator, watched: Watched
) -> None:
    url = queue(running)
    lambda_ = make_function(running, DeadLetterConfig={"TargetArn": QUEUE})
    lambda_.put_function_event_invoke_config(FunctionName="work", MaximumRetryAttempts=0)
    send(running, lambda_, b'{"fail": true}')
    line = printed(watched, running, "dropped")
    assert line.endswith(f" dropped (RetriesExhausted: its attempts are used up); dead letter to {QUEUE}")
    running.client("sqs").delete_queue(QueueUrl=url)
    send(running, lambda_, b'{"fail": true}')
    assert f"; dead letter to {QUEUE} not delivered: " in printed(watched, running, "not delivered")


def test_a_record_of_a_success_that_could_not_be_delivered_is_told(running: RunningEmulator, watched: Watched) -> None:
    url = queue(running)
    lambda_ = make_function(running)
    lambda_.put_function_event_invoke_config(
        FunctionName="work", DestinationConfig={"OnSuccess": {"Destination": QUEUE}}
    )
    send(running, lambda_)
    running.client("sqs").delete_queue(QueueUrl=url)
    send(running, lambda_)
    line = printed(watched, running, "not delivered")
    assert f" succeeded; record to {QUEUE} not delivered: " in line
    assert watched.text.count("work: event") == 1


def test_the_end_of_a_loop_is_told_and_is_in_the_timeline(running: RunningEmulator, watched: Watched) -> None:
    lambda_ = make_function(running)
    make_function(running, FunctionName="back")
    for name, other in (("work", "back"), ("back", "work")):
        arn = lambda_.get_function_configuration(FunctionName=other)["FunctionArn"]
        lambda_.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
    send(running, lambda_)
    assert "(RecursiveInvocation: " in printed(watched, running, "dropped")
    last = running.control("GET", "timeline")["invocations"][-1]
    assert (last["outcome"], last["decision"]) == ("discarded", "RecursiveInvocation")


def test_a_request_that_failed_says_why_and_where_its_steps_are(running: RunningEmulator, watched: Watched) -> None:
    api = RestApi(running)
    api.method("/", "GET", {"type": "MOCK", "requestTemplates": {"application/json": "{}"}})
    api.deploy()
    answer = api.request("GET")
    assert answer.status_code == 500
    line = printed(watched, running, " 500 ")
    assert "Unable to parse statusCode." in line
    assert f"(/_emulator/requests/{answer.headers['x-amzn-RequestId']})" in line


def test_code_that_cannot_be_loaded_is_one_line_with_a_time(
    running: RunningEmulator, watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text("import nothing_like_it\n")
    lambda_ = make_function(running, Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    lambda_.invoke(FunctionName="work")
    line = printed(watched, running, "cannot be loaded")
    assert line[8:].startswith(f"  work cannot be loaded from {tmp_path}: Runtime.ImportModuleError: Unable to import")
    assert "{" not in line


def test_a_runtime_that_is_not_here_is_explained_in_the_functions_log(running: RunningEmulator) -> None:
    lambda_ = make_function(running, Runtime="java21", Handler="app.Handler")
    send(running, lambda_)
    port = running.url.rpartition(":")[2]
    shown = CliRunner().invoke(app, ["logs", "work", "-p", port, "--since", "1d"]).stdout
    assert "[emulator] Runtime.NotAvailable: The emulator cannot run java21 here. Package the function" in shown


def test_whoever_sleeps_in_frozen_time_is_named_until_time_moves(running: RunningEmulator, watched: Watched) -> None:
    lambda_ = make_function(running, Timeout=60)
    caller = threading.Thread(target=lambda: lambda_.invoke(FunctionName="work", Payload=b'{"sleep": 40}'))
    caller.start()
    line = printed(watched, running, "frozen")
    assert " of work waits for 40 s of AWS time, which is frozen (and 1 more): POST /_emulator/clock moves it" in line
    sleep, timeout = running.control("GET", "clock")["sleeping"]
    assert sleep["who"].startswith("invocation ") and sleep["who"].endswith(" of work")
    assert (sleep["in_seconds"], timeout["in_seconds"]) == (40, 60)
    assert sleep["until"] == running.now() + 40 and timeout["who"] == f"{sleep['who']} (its timeout)"
    running.advance(40)
    caller.join(STUCK_SECONDS)
    assert running.control("GET", "clock")["sleeping"] == []
    assert watched.text.count("which is frozen") == 1


def test_each_event_of_a_conversation_is_a_line(watched: Watched) -> None:
    with watched.running() as emulator:
        api = websocket_api(emulator)
        api.route("$connect")
        api.route("say")
        with api.talk() as client:
            client.say({"action": "say"})
            client.say({"action": "shout"})
            number = client.json()["requestId"]
    assert "CONNECT $connect 200" in watched.text
    assert "MESSAGE say 200" in watched.text
    assert "MESSAGE $default 403  0 ms  talk  No route for the message, and no $default route" in watched.text
    assert f"(/_emulator/requests/{number})" in watched.text
