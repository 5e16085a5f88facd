"""Each story killed before and after every one of its commits, restarted, and ending the same.

All progress happens at commits, so this is every crash there is. The client, as a careful client does, sends its
request again when it got no answer. Crashes are simulated in this process: real kills are in test_kill_nine*.py.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from emulator import jobs
from emulator.adapters.faults import CrashingStore, StoreCrashed
from emulator.adapters.inline_runtime import InlineRuntime
from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import RunningEmulator
from emulator.testing.harness import in_process
from emulator.testing.questions import find
from tests.crash.support import MACHINE, ROLE, SUBMIT, package

MOST_COMMITS = 200


Where = Literal["threads", "processes"]
"""Where functions run. Threads spare each of hundreds of lives the start of a process and what it imports."""


class Life(RunningEmulator):
    """An emulator that is asked in its own process: what answers over HTTP would be made anew in each of many lives."""

    def control(self, method: str, path: str, body: Any = None) -> Any:
        if (method, path) == ("GET", "queue"):
            return {"total": self.call(self._waiting)}
        answer = find(method, path, body, {})
        return self.call(lambda: answer(self.emulator))

    async def _waiting(self) -> int:
        """Jobs that wait, without those that only measure."""
        measuring = self.emulator.measuring
        pending = await self.emulator.store.read(lambda tx: jobs.pending(tx, limit=1000))
        return sum(job.kind not in measuring for job in pending)


def in_threads(emulator: Emulator) -> InlineRuntime:
    return InlineRuntime(emulator.clock, emulator.live, emulator.work_dir, lambda: emulator.base_url)


def alive(data: Path, functions: Where, now: float = 1_700_000_000.0) -> Life:
    """An emulator on a data directory, at an AWS time."""
    make = in_process if functions == "threads" else None
    return Life(Settings(port=0, data=data, frozen=True, start_at=now), make=make)


class Mortal:
    """An emulator on a data directory whose store dies at a chosen commit."""

    def __init__(self, data: Path, start_at: float, functions: Where) -> None:
        self.crashed = threading.Event()
        self.store: CrashingStore | None = None
        self.functions = functions
        settings = Settings(port=0, data=data, frozen=True, start_at=start_at)
        self.running = Life(settings, make=self._make)

    def _make(self, settings: Settings, base_url: str) -> Emulator:
        def wrap(inner: Any) -> CrashingStore:
            self.store = CrashingStore(inner, self.crashed.set)
            return self.store

        make_runtime = in_threads if self.functions == "threads" else None
        return Emulator(settings, base_url, wrap_store=wrap, make_runtime=make_runtime)


@dataclass(frozen=True)
class Story:
    """Resources to create, one thing the user does (True once accepted), and what must hold in the end."""

    prepare: Callable[[RunningEmulator], None]
    act: Callable[[RunningEmulator], bool]
    verify: Callable[[RunningEmulator], None]


def create_function(aws: RunningEmulator, name: str, source: str, environment: dict[str, str] | None = None) -> str:
    return aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": package(source)},
        Timeout=30,
        Environment={"Variables": environment or {}},
    )["FunctionArn"]


def accepted(send: Callable[[], Any]) -> bool:
    """Whether a request was answered with success; a dead server is a "no"."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = send()
    except (BotoCoreError, ClientError, httpx.HTTPError):
        return False
    return not isinstance(answer, httpx.Response) or answer.status_code < 300


CALCULATE = """
def handler(event, context):
    return {"total": sum(event["rows"])}
"""
REPORT = {
    "StartAt": "Calculate",
    "States": {
        "Calculate": {"Type": "Task", "Resource": "CALCULATE", "ResultPath": "$.result", "Next": "Settle"},
        "Settle": {"Type": "Wait", "Seconds": 3600, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "ResultPath": "$.both",
            "Next": "Notify",
            "Branches": [
                {"StartAt": name, "States": {name: {"Type": "Wait", "Seconds": seconds, "End": True}}}
                for name, seconds in (("Left", 5), ("Right", 10))
            ],
        },
        "Notify": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sesv2:sendEmail",
            "Parameters": {
                "FromEmailAddress": "reports@example.com",
                "Destination": {"ToAddresses": ["user@example.com"]},
                "Content": {
                    "Simple": {
                        "Subject": {"Data.$": "States.Format('Report {} is {}', $.report, $.result.total)"},
                        "Body": {"Text": {"Data": "done"}},
                    }
                },
            },
            "End": True,
        },
    },
}


def prepare_report(aws: RunningEmulator) -> None:
    calculate = create_function(aws, "calculate", CALCULATE)
    create_function(aws, "submit", SUBMIT, {"MACHINE": MACHINE})
    aws.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
    definition = json.dumps(REPORT).replace("CALCULATE", calculate)
    aws.client("stepfunctions").create_state_machine(name="story", definition=definition, roleArn=ROLE)


def submit_report(aws: RunningEmulator) -> bool:
    event = json.dumps({"report": "r1", "rows": [1, 2, 3]}).encode()
    client = aws.client("lambda")
    return accepted(lambda: client.invoke(FunctionName="submit", InvocationType="Event", Payload=event))


def verify_report(aws: RunningEmulator) -> None:
    assert [message["subject"] for message in aws.inbox()] == ["Report r1 is 6"]
    client = aws.client("stepfunctions")
    executions = client.list_executions(stateMachineArn=MACHINE)["executions"]
    assert [execution["status"] for execution in executions] == ["SUCCEEDED"]
    events = client.get_execution_history(executionArn=executions[0]["executionArn"])["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert sum(event["type"] == "LambdaFunctionSucceeded" for event in events) == 1


FAILS_TWICE = """
import os
def handler(event, context):
    fd = os.open(event["diary"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (context.aws_request_id + "\\n").encode())
    os.close(fd)
    if os.path.getsize(event["diary"]) // 37 < 3:
        raise ValueError("not yet")
"""


class RetriedFunction:
    """A function that fails twice and succeeds on the third attempt, counted in a file."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        create_function(aws, "fails-twice", FAILS_TWICE)

    def act(self, aws: RunningEmulator) -> bool:
        event = json.dumps({"diary": str(self.diary)}).encode()
        client = aws.client("lambda")
        return accepted(lambda: client.invoke(FunctionName="fails-twice", InvocationType="Event", Payload=event))

    def verify(self, aws: RunningEmulator) -> None:
        assert len(self.diary.read_text().splitlines()) >= 3
        assert aws.control("GET", "queue")["total"] == 0


FAILS_ONCE = """
import os
def handler(event, context):
    if not os.path.exists(event["diary"]):
        open(event["diary"], "w").close()
        raise ValueError("not yet")
    return "done"
"""
RETRY = {
    "StartAt": "Flaky",
    "States": {
        "Flaky": {
            "Type": "Task",
            "Resource": "FLAKY",
            "Retry": [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 30, "MaxAttempts": 5}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "GaveUp"}],
            "End": True,
        },
        "GaveUp": {"Type": "Fail"},
    },
}


class RetriedTask:
    """A task whose function fails once and that its state machine retries after 30 s."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        definition = json.dumps(RETRY).replace("FLAKY", create_function(aws, "flaky", FAILS_ONCE))
        aws.client("stepfunctions").create_state_machine(name="story", definition=definition, roleArn=ROLE)

    def act(self, aws: RunningEmulator) -> bool:
        client = aws.client("stepfunctions")
        event = json.dumps({"diary": str(self.diary)})
        return accepted(lambda: client.start_execution(stateMachineArn=MACHINE, name="r1", input=event))

    def verify(self, aws: RunningEmulator) -> None:
        client = aws.client("stepfunctions")
        executions = client.list_executions(stateMachineArn=MACHINE)["executions"]
        assert [execution["status"] for execution in executions] == ["SUCCEEDED"]
        events = client.get_execution_history(executionArn=executions[0]["executionArn"])["events"]
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["executionSucceededEventDetails"]["output"] == '"done"'


class TooOldEvent:
    """An event that always fails and whose age limit allows one attempt only."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        create_function(aws, "fails-twice", FAILS_TWICE)
        aws.client("lambda").put_function_event_invoke_config(FunctionName="fails-twice", MaximumEventAgeInSeconds=60)

    def act(self, aws: RunningEmulator) -> bool:
        return RetriedFunction(self.diary).act(aws)

    def verify(self, aws: RunningEmulator) -> None:
        attempts = aws.control("GET", "timeline")["invocations"]
        events = [attempt["request_id"] for attempt in attempts]
        assert len(set(events)) == len(events) in (1, 2), "one attempt for each event that the client sent"
        assert aws.control("GET", "queue")["total"] == 0


KEEPS = """
import os
def handler(event, context):
    fd = os.open(os.environ["DIARY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (event["Records"][0]["Sns"]["MessageId"] + "\\n").encode())
    os.close(fd)
"""
TOPIC = "arn:aws:sns:us-east-1:000000000000:story"


class FannedOut:
    """An event that a rule gives to a topic, and the topic to two queues and a function."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        sns, events, sqs = aws.client("sns"), aws.client("events"), aws.client("sqs")
        sns.create_topic(Name="story")
        for name in ("one", "two"):
            sqs.create_queue(QueueName=name)
            endpoint = f"arn:aws:sqs:us-east-1:000000000000:{name}"
            sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=endpoint)
        function = create_function(aws, "keeps", KEEPS, {"DIARY": str(self.diary.with_name("diary"))})
        sns.subscribe(TopicArn=TOPIC, Protocol="lambda", Endpoint=function)
        events.create_event_bus(Name="story")
        bus = "arn:aws:events:us-east-1:000000000000:event-bus/story"
        for name, target in (("default", bus), ("story", TOPIC)):
            events.put_rule(Name="story", EventBusName=name, EventPattern='{"source": ["story"]}')
            events.put_targets(Rule="story", EventBusName=name, Targets=[{"Id": "1", "Arn": target}])

    def act(self, aws: RunningEmulator) -> bool:
        self.diary.with_name("diary").unlink(missing_ok=True)
        events = aws.client("events")
        entry = {"Source": "story", "DetailType": "d", "Detail": "{}"}
        return accepted(lambda: events.put_events(Entries=[entry]))

    def verify(self, aws: RunningEmulator) -> None:
        sqs = aws.client("sqs")
        found: list[set[str]] = []
        for name in ("one", "two"):
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            identifiers = [json.loads(message["Body"])["MessageId"] for message in messages]
            assert len(set(identifiers)) == len(identifiers) in (1, 2), "one for each event that the client sent"
            found.append(set(identifiers))
        assert found[0] == found[1]
        attempts = aws.control("GET", "timeline")["invocations"]
        assert len({attempt["request_id"] for attempt in attempts}) == len(found[0])
        assert set(self.diary.with_name("diary").read_text().split()) <= found[0]
        assert aws.control("GET", "queue")["total"] == 0


def run_to_the_crash(
    data: Path, story: Story, at: int, when: Literal["before", "after"], functions: Where
) -> tuple[bool, bool, float]:
    """(crashed, accepted, AWS time at the end) of one life."""
    mortal = Mortal(data, start_at=1_700_000_000.0, functions=functions)
    with mortal.running as aws:
        assert mortal.store is not None
        mortal.store.arm(at, when)
        answered = story.act(aws)
        try:
            aws.settle()
        except StoreCrashed:
            assert mortal.store.dead
        return mortal.crashed.is_set(), answered, aws.now()


def crash_at_every_commit(
    tmp_path: Path, make: Callable[[Path], Story], when: Literal["before", "after"], functions: Where = "threads"
) -> int:
    """Crash, restart and verify for commit 1, 2, …, until a life ends without reaching its crash."""
    template = tmp_path / "template"
    with alive(template, functions) as aws:
        make(tmp_path / "unused").prepare(aws)
    for at in range(1, MOST_COMMITS):
        data = tmp_path / f"life-{at}"
        shutil.copytree(template, data)
        story = make(tmp_path / f"diary-{at}")
        crashed, answered, now = run_to_the_crash(data, story, at, when, functions)
        with alive(data, functions, now) as aws:
            if not answered:
                assert story.act(aws)
            aws.settle()
            try:
                story.verify(aws)
            except AssertionError as error:
                raise AssertionError(f"crashed {when} commit {at}: {error}") from error
            assert aws.failures() == []
        shutil.rmtree(data)
        if not crashed:
            return at - 1
    raise AssertionError(f"the story did not end within {MOST_COMMITS} commits")


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """The dying life logs what it could not do; that is not this test's subject."""
    logging.getLogger("emulator").setLevel(logging.CRITICAL)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_report_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    story = Story(prepare_report, submit_report, verify_report)
    assert crash_at_every_commit(tmp_path, lambda _: story, when) >= 6


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_retried_event_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        retried = RetriedFunction(diary)
        return Story(retried.prepare, retried.act, retried.verify)

    assert crash_at_every_commit(tmp_path, make, when, functions="processes") == 4


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_retried_task_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        retried = RetriedTask(diary)
        return Story(retried.prepare, retried.act, retried.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 4


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_that_grows_too_old_survives_a_crash_at_every_commit(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    def make(diary: Path) -> Story:
        old = TooOldEvent(diary)
        return Story(old.prepare, old.act, old.verify)

    assert crash_at_every_commit(tmp_path, make, when) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fanned_out_event_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        fanned_out = FannedOut(diary)
        return Story(fanned_out.prepare, fanned_out.act, fanned_out.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 3
