"""What the console of `emulator start` says of things that no caller hears of."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from emulator import Emulator, app
from emulator.adapters.console import Console
from emulator.cli import app as command_line
from emulator.testing.harness import RunningEmulator
from emulator.testing.servers import LocalServer
from tests.stories.telling import function, invoke, rest_api, send, websocket_api
from tests.stuck import STUCK_SECONDS

WORKS = """
import time

def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    time.sleep(event.get("sleep", 0))
"""


class Screen:
    """What the console has printed: a moment after what it tells of."""

    def __init__(self):
        self.text = ""
        self._printed = threading.Condition()

    def print(self, text):
        with self._printed:
            self.text += text
            self._printed.notify_all()

    def line(self, *words):
        """The last line with all these words, as soon as there is one."""

        def found():
            return [line for line in self.text.splitlines() if all(word in line for word in words)]

        with self._printed:
            assert self._printed.wait_for(found, STUCK_SECONDS), f"{words} are not in one line of {self.text!r}"
            return found()[-1]


@pytest.fixture
def screen():
    return Screen()


@contextmanager
def started(screen):
    """A world of an emulator that prints on this screen."""
    running = RunningEmulator(make=lambda settings, url: app.Emulator(settings, url, console=Console(screen.print)))
    with running, Emulator(server=LocalServer(running=running)) as emulator:
        yield emulator


@pytest.fixture
def emulator(screen):
    with started(screen) as emulator:
        yield emulator


@pytest.fixture
def lost(aws, emulator):
    """A queue."""
    aws.sqs.create_queue(QueueName="lost")
    return emulator.queue("lost")


def records_of_success_go_to(destination, aws, name="work"):
    aws.lambda_.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": destination}}
    )


# ── events ──────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_nobody_may_run_is_told(aws, emulator, screen):
    function(aws, "work", WORKS)
    aws.lambda_.put_function_concurrency(FunctionName="work", ReservedConcurrentExecutions=0)
    send(aws, "work", {})
    emulator.settle()
    line = screen.line("dropped")
    assert line.endswith(
        " dropped (ZeroReservedConcurrency: the function's reserved concurrency is 0);"
        " no dead-letter queue, no destination"
    )
    assert "  work: event " in line and line[2] == line[5] == ":"


def test_a_dead_letter_that_arrives_is_named_and_one_that_does_not_is_told(aws, emulator, lost, screen):
    arn = lost.arn
    function(aws, "work", WORKS, DeadLetterConfig={"TargetArn": arn})
    aws.lambda_.put_function_event_invoke_config(FunctionName="work", MaximumRetryAttempts=0)
    send(aws, "work", {"fail": True})
    emulator.settle()
    assert screen.line("dropped").endswith(
        f" dropped (RetriesExhausted: its attempts are used up); dead letter to {arn}"
    )

    aws.sqs.delete_queue(QueueUrl=lost.url)
    send(aws, "work", {"fail": True})
    emulator.settle()
    assert f"; dead letter to {arn} not delivered: " in screen.line("not delivered")


def test_a_record_of_a_success_that_could_not_be_delivered_is_told(aws, emulator, lost, screen):
    arn = lost.arn
    function(aws, "work", WORKS)
    records_of_success_go_to(arn, aws)
    send(aws, "work", {})
    emulator.settle()

    aws.sqs.delete_queue(QueueUrl=lost.url)
    send(aws, "work", {})
    emulator.settle()
    assert f" succeeded; record to {arn} not delivered: " in screen.line("not delivered")
    assert screen.text.count("work: event") == 1


def test_the_end_of_a_loop_is_told_and_is_in_the_timeline(aws, emulator, screen):
    there, back = function(aws, "work", WORKS), function(aws, "back", WORKS)
    records_of_success_go_to(back, aws, "work")
    records_of_success_go_to(there, aws, "back")
    send(aws, "work", {})
    emulator.settle()
    assert "(RecursiveInvocation: " in screen.line("dropped")
    last = emulator.attempts()[-1]
    assert (last["outcome"], last["decision"]) == ("discarded", "RecursiveInvocation")


# ── functions ───────────────────────────────────────────────────────────────────────────────────


def test_a_failed_invocation_is_told_and_where_its_log_is(aws, emulator, screen):
    function(aws, "work", WORKS)
    invoke(aws, "work", {})
    invoke(aws, "work", {"fail": True})
    port = emulator.url.rpartition(":")[2]
    assert screen.line("failed").endswith(f"work failed: ValueError: no  (emulator logs work --port {port})")
    assert screen.text.count("work") == 2  # and nothing of the one that succeeded


def test_code_that_cannot_be_loaded_is_one_line_with_a_time(aws, screen, tmp_path):
    (tmp_path / "app.py").write_text("import nothing_like_it\n")
    function(aws, "work", "", Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    invoke(aws, "work")
    line = screen.line("cannot be loaded")
    assert line[8:].startswith(f"  work cannot be loaded from {tmp_path}: Runtime.ImportModuleError: Unable to import")
    assert "{" not in line


def test_a_runtime_that_is_not_here_is_explained_in_the_functions_log(aws, emulator):
    function(aws, "work", WORKS, Runtime="java21", Handler="app.Handler")
    send(aws, "work", {})
    emulator.settle()
    here = ("--port", emulator.url.rpartition(":")[2], "--account", aws.account)
    shown = CliRunner().invoke(command_line, ["logs", "work", *here, "--since", "1d"]).stdout
    assert "[emulator] Runtime.NotAvailable: The emulator cannot run java21 here. Package the function" in shown


def test_whoever_sleeps_in_frozen_time_is_named_until_time_moves(aws, emulator, clock, screen):
    def sleepers():
        return emulator.server.ask("GET", "clock")["sleeping"]

    function(aws, "work", WORKS, Timeout=60)
    caller = threading.Thread(target=invoke, args=(aws, "work", {"sleep": 40}))
    caller.start()
    line = screen.line("frozen")
    assert " of work waits for 40 s of AWS time, which is frozen (and 1 more): POST /_emulator/clock moves it" in line
    sleep, timeout = sleepers()
    assert sleep["who"].startswith("invocation ") and sleep["who"].endswith(" of work")
    assert (sleep["in_seconds"], timeout["in_seconds"]) == (40, 60)
    assert sleep["until"] == clock.now() + 40 and timeout["who"] == f"{sleep['who']} (its timeout)"

    clock.advance(40)
    caller.join(STUCK_SECONDS)
    assert sleepers() == []
    assert screen.text.count("which is frozen") == 1


# ── requests and conversations ──────────────────────────────────────────────────────────────────


def test_a_request_is_a_line_with_the_function_it_reached(aws, screen):
    function(aws, "work", WORKS)
    url = aws.lambda_.create_function_url_config(FunctionName="work", AuthType="NONE")["FunctionUrl"]

    assert aws.http.get(f"{url}some/path").status_code == 200
    line = screen.line("GET /some/path")
    assert "GET /some/path 200" in line and line.endswith("  work")


def test_a_request_that_failed_says_why_and_where_its_steps_are(aws, screen):
    rest_api(aws, {"/": {"get": {"type": "mock", "requestTemplates": {"application/json": "{}"}}}})
    answer = aws.http.get("/")
    assert answer.status_code == 500
    line = screen.line(" 500 ")
    assert "Unable to parse statusCode." in line
    assert f"(/_emulator/requests/{answer.headers['x-amzn-RequestId']})" in line


def test_each_event_of_a_conversation_is_a_line(screen):
    with started(screen) as emulator:
        websocket_api(emulator.aws, {"$connect": None, "say": None})
        client = emulator.aws.websocket()
        client.say({"action": "say"})
        client.say({"action": "shout"})
        request = client.json()["requestId"]
    assert "CONNECT $connect 200" in screen.text
    assert "MESSAGE say 200" in screen.text
    assert "MESSAGE $default 403  0 ms  talk  No route for the message, and no $default route" in screen.text
    assert f"(/_emulator/requests/{request})" in screen.text


# ── a console that is not read ──────────────────────────────────────────────────────────────────


def test_a_console_that_nobody_reads_keeps_only_the_latest_lines(screen):
    async def flood():
        console = Console(screen.print)
        for number in range(5000):
            console.line(0.0, f"line {number}")
        await asyncio.to_thread(screen.line, "line 4999")

    asyncio.run(flood())
    lines = screen.text.splitlines()
    assert "4000 lines left out" in lines[0]
    assert (len(lines), lines[-1]) == (1001, "00:00:00  line 4999")
