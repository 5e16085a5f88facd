"""A fault plan kills the emulator at a commit: what was accepted goes on, in a test's process and in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from emulator.testing import Emulator
from emulator.testing.servers import HarnessError
from tests.stuck import STUCK_SECONDS
from tests.testing.functions import create, send


@pytest.fixture
def mortal() -> Iterator[Emulator]:
    with Emulator() as world:
        yield world


def test_an_event_survives_a_crash_at_each_of_its_commits(mortal: Emulator) -> None:
    create(mortal.aws)
    queue = mortal.queue("effects")
    mortal.aws.sqs.create_queue(QueueName="effects")
    mortal.aws.lambda_.put_function_event_invoke_config(
        FunctionName="worker", DestinationConfig={"OnSuccess": {"Destination": queue.arn}}
    )
    for commit in range(3):
        mortal.faults.store("crash", skip=commit)
        before = mortal.clock.now()
        try:
            send(mortal.aws, number=commit)
        except (BotoCoreError, ClientError):  # nothing was promised: a careful client asks again
            send(mortal.aws, number=commit)
        mortal.settle()
        mortal.clock.advance(minutes=1)
        assert mortal.clock.now() == before + 60
        records = [json.loads(body) for body in queue.bodies()]
        assert [record["requestPayload"]["number"] for record in records] == [commit]
        mortal.server.ask("DELETE", "faults")


def test_a_client_that_waits_loses_its_connection_and_finds_the_emulator_again(mortal: Emulator) -> None:
    mortal.aws.sqs.create_queue(QueueName="one")
    mortal.settings(account_concurrency=7)
    mortal.faults.store("crash")
    with pytest.raises((BotoCoreError, ClientError)):
        mortal.aws.sqs.create_queue(QueueName="two")
    assert len(mortal.aws.sqs.list_queues()["QueueUrls"]) == 1
    assert mortal.settings()["account_concurrency"]["value"] == 7
    [strike] = mortal.server.ask("GET", "faults")["strikes"]
    assert strike["fault"] == "crash"
    assert mortal.faults.strikes == [strike]  # whose commit it was, nobody knows: each world is told
    create(mortal.aws)
    mortal.aws.sqs.receive_message(QueueUrl=mortal.queue("one").url, WaitTimeSeconds=5)  # time still moves for it


def test_an_emulator_in_a_process_of_somebody_else_is_not_killed(emulator: Emulator) -> None:
    with pytest.raises(HarnessError, match="cannot be killed"):
        emulator.faults.store("crash")


@pytest.mark.real_process
def test_an_emulator_of_its_own_process_is_killed() -> None:
    command = [sys.executable, "-m", "emulator", "start", "--port", "0", "--ephemeral"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            url = next(line[line.index("http://") :].split()[0] for line in process.stdout if "http://" in line)
            with Emulator.connect(url) as world:
                world.faults.store("crash")
                with pytest.raises((BotoCoreError, ClientError)):
                    world.aws.sqs.create_queue(QueueName="one")
                assert process.wait(STUCK_SECONDS) == -9
                world._account = ""  # there is nothing left to end
        finally:
            process.kill()
