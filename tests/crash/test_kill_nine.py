"""`kill -9` on the real server, several times, with a backlog of hundreds of events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.crash.support import MACHINE, ROLE, SUBMIT, package
from tests.stuck import STUCK_SECONDS

EVENTS = 400
KILLS = 4
MAIL = {
    "StartAt": "Notify",
    "States": {
        "Notify": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sesv2:sendEmail",
            "Parameters": {
                "FromEmailAddress": "reports@example.com",
                "Destination": {"ToAddresses": ["user@example.com"]},
                "Content": {
                    "Simple": {"Subject": {"Data.$": "$.report"}, "Body": {"Text": {"Data": "done"}}},
                },
            },
            "End": True,
        },
    },
}


@contextmanager
def server(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command on a data directory; killed at the end if it still runs."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "emulator", "start", "--port", "0", "--data", str(data)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "http://" in line:
                yield process, line[line.index("http://") :].split()[0]
                break
        else:
            raise AssertionError("the server did not start")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def client(url: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=STUCK_SECONDS),
    )


def control(url: str, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{url}/_emulator/{path}", method=method, data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def submit(url: str, numbers: Iterator[int], most: int) -> list[str]:
    """Send events until `most` are accepted; return the accepted ones."""
    functions, done = client(url, "lambda"), []
    for number in numbers:
        report = f"report-{number}"
        try:
            functions.invoke(
                FunctionName="submit", InvocationType="Event", Payload=json.dumps({"report": report}).encode()
            )
        except (BotoCoreError, ClientError):
            continue
        done.append(report)
        if len(done) == most:
            break
    return done


def test_hundreds_of_accepted_events_survive_several_kills_and_each_report_is_mailed_exactly_once(
    tmp_path: Path,
) -> None:
    accepted: list[str] = []
    numbers = iter(range(10 * EVENTS))
    with server(tmp_path) as (process, url):
        client(url, "lambda").create_function(
            FunctionName="submit",
            Runtime="python3.11",
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": package(SUBMIT)},
            Timeout=60,
            Environment={"Variables": {"MACHINE": MACHINE}},
        )
        client(url, "sesv2").create_email_identity(EmailIdentity="reports@example.com")
        client(url, "stepfunctions").create_state_machine(name="story", definition=json.dumps(MAIL), roleArn=ROLE)
        accepted += submit(url, numbers, EVENTS // (KILLS + 1))
        process.send_signal(signal.SIGKILL)
    for _ in range(KILLS - 1):
        with server(tmp_path) as (process, url):
            accepted += submit(url, numbers, EVENTS // (KILLS + 1))
            process.send_signal(signal.SIGKILL)
    with server(tmp_path) as (process, url):
        accepted += submit(url, numbers, EVENTS - len(accepted))
        assert len(accepted) == EVENTS
        control(url, "POST", "clock", {"action": "settle"})
        subjects = Counter(message["subject"] for message in control(url, "GET", "inbox")["messages"])
        assert set(accepted) <= set(subjects)
        assert {subject: count for subject, count in subjects.items() if count != 1} == {}
        assert control(url, "GET", "queue")["total"] == 0
