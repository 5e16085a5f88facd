"""Contracts recorded at one endpoint and checked at another, as their users meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from emulator.testing import Emulator
from emulator.testing.contracts import path_of

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
INSTALLED = any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11"))

TESTS = """
import pytest
from botocore.exceptions import ClientError

@pytest.fixture
def topic(aws):
    arn = aws.sns.create_topic(Name="reports")["TopicArn"]
    yield arn
    aws.sns.delete_topic(TopicArn=arn)

def test_a_topic(aws, topic, contract):
    contract.match("attributes", aws.sns.get_topic_attributes(TopicArn=topic))
    with pytest.raises(ClientError) as refused:
        aws.sns.get_topic_attributes(TopicArn=topic + "s")
    contract.match("refused", refused.value)

def test_the_limits(aws, contract):
    contract.match("limits", aws.lambda_.get_account_settings()["AccountLimit"])

def test_that_has_none(aws):
    aws.sqs.create_queue(QueueName="never-on-aws")

def test_that_moves_time(aws, contract, clock):
    clock.advance(60)
    contract.match("queues", aws.sqs.list_queues())
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    load = "" if INSTALLED else "-p emulator.testing.plugin"
    pytester.makeini(f"[pytest]\naddopts = -p no:cacheprovider -p no:schemathesis -p no:xdist {load}\n")
    return pytester


@pytest.fixture
def stand_in() -> Iterator[Emulator]:
    """A second emulator, a process of its own, in the place of AWS. Its account has other limits than ours."""
    command = [sys.executable, "-m", "emulator", "start", "--port", "0", "--ephemeral"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            url = next(line[line.index("http://") :].split()[0] for line in process.stdout if "http://" in line)
            with Emulator.connect(url) as world:
                world.settings(account_concurrency=50)
                yield world
        finally:
            process.kill()


@pytest.mark.real_process
def test_what_a_second_emulator_in_the_place_of_aws_answered_is_what_this_one_must_answer(
    run: pytest.Pytester, stand_in: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.makepyfile(test_it=TESTS)
    with monkeypatch.context() as configured:  # as boto3 is configured for AWS
        configured.setenv("AWS_ENDPOINT_URL", stand_in.url)
        configured.setenv("AWS_ACCESS_KEY_ID", "123456789012")
        configured.setenv("AWS_SECRET_ACCESS_KEY", "x")
        configured.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        recorded = run.runpytest_subprocess("--contract-record", "-rs")
    recorded.assert_outcomes(passed=2, skipped=1, deselected=1)
    recorded.stdout.re_match_lines([".*contracts are recorded of tests that have `aws` and `contract` alone"])

    path = run.path / "contracts" / "test_it" / "test_a_topic.json"
    document = json.loads(path.read_text())
    assert document["recorded_from"] == "an emulator"
    assert document["answers"]["attributes"]["Attributes"]["TopicArn"] == "arn:aws:sns:<region>:<account>:reports"
    assert document["answers"]["refused"]["Error"]["Code"] == "NotFound"
    assert document["answers"]["refused"]["status"] == 404
    assert "123456789012" not in path.read_text() and "eu-west-1" not in path.read_text()

    checked = run.runpytest_subprocess()  # with its own account and region, and its own limits: that is the drift
    checked.assert_outcomes(passed=2, failed=2)
    checked.stdout.fnmatch_lines(
        [
            "*the answer 'limits' differs from its contract in *test_the_limits.json",
            "*--- recorded from an emulator",
            "*+++ answered now",
            '*-  "ConcurrentExecutions": 50,',
            '*+  "ConcurrentExecutions": 1000,',
            '*-  "UnreservedConcurrentExecutions": 50*',
            '*+  "UnreservedConcurrentExecutions": 1000*',
            "*no answer 'queues' is recorded in *: pytest --contract-record does that",
        ]
    )


def test_of_a_test_that_fails_nothing_is_recorded(run: pytest.Pytester) -> None:
    run.makepyfile(
        test_it=TESTS.replace('contract.match("refused"', 'assert False, "as it happens"; contract.match("x"')
    )
    before = run.path / "contracts" / "test_it" / "test_a_topic.json"
    before.parent.mkdir(parents=True)
    before.write_text("{}")
    recorded = run.runpytest_subprocess("--contract-record", "--contract-endpoint", "emulator")
    recorded.assert_outcomes(passed=2, failed=1, deselected=1)
    assert before.read_text() == "{}"
    assert json.loads((before.parent / "test_that_moves_time.json").read_text())["recorded_from"] == "an emulator"


def test_a_contract_has_a_file_for_each_test() -> None:
    where = path_of(Path("/p/tests/test_x.py"), "TestIt::test_y[a-1.5]")
    assert where == Path("/p/tests/contracts/test_x/TestIt-test_y-a-1.5.json")
    alike = {path_of(Path("test_x.py"), f"test_y[{each}]").name for each in ("a/b", "a b", "a-b", "-a-b", "é")}
    assert (len(alike), "test_y-a-b.json" in alike) == (5, True)
