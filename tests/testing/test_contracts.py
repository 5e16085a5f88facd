"""Contracts recorded at one endpoint and checked at another, as their users meet them."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from emulator.testing.contracts import path_of
from emulator.testing.servers import LocalServer

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


def test_contracts_are_recorded_where_boto3_is_configured_to_go_and_hold_here(
    run: pytest.Pytester, emulator_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator of this test stands in for AWS."""
    run.makepyfile(test_it=TESTS)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_server.url)
    for name, value in (("ACCESS_KEY_ID", "123456789012"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "eu-west-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    recorded = run.runpytest_subprocess("--contract-record", "-rs")
    recorded.assert_outcomes(passed=1, skipped=1, deselected=1)
    recorded.stdout.re_match_lines([".*contracts are recorded of tests that have `aws` and `contract` alone"])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    path = run.path / "contracts" / "test_it" / "test_a_topic.json"
    document = json.loads(path.read_text())
    assert document["recorded_from"] == "an emulator"
    assert document["answers"]["attributes"]["Attributes"]["TopicArn"] == "arn:aws:sns:<region>:<account>:reports"
    assert document["answers"]["refused"]["Error"]["Code"] == "NotFound"
    assert document["answers"]["refused"]["status"] == 404
    assert "123456789012" not in path.read_text() and "eu-west-1" not in path.read_text()

    checked = run.runpytest_subprocess()
    checked.assert_outcomes(passed=2, failed=1)  # with AWS's account and region, the emulator with its own
    checked.stdout.re_match_lines([".*no answer 'queues' is recorded in .*: pytest --contract-record does that"])


def test_drift_is_a_readable_difference(run: pytest.Pytester) -> None:
    run.makepyfile(test_it=TESTS)
    record = ["--contract-record", "--contract-endpoint", "emulator"]
    run.runpytest_subprocess(*record).assert_outcomes(passed=2, deselected=1)
    path = run.path / "contracts" / "test_it" / "test_a_topic.json"
    path.write_text(path.read_text().replace('"Topic does not exist"', '"Topic went away"'))
    result = run.runpytest_subprocess("-k", "a_topic")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "*the answer 'refused' differs from its contract in *test_a_topic.json",
            "*--- recorded from an emulator",
            "*+++ answered now",
            '*-    "Message": "Topic went away",',
            '*+    "Message": "Topic does not exist",',
        ]
    )
    before = path.read_text()
    run.makepyfile(
        test_it=TESTS.replace('contract.match("refused"', 'assert False, "as it happens"; contract.match("x"')
    )
    run.runpytest_subprocess(*record, "-k", "a_topic").assert_outcomes(failed=1, deselected=2)
    assert path.read_text() == before  # nothing is recorded of a test that fails


def test_a_contract_has_a_file_for_each_test() -> None:
    where = path_of(Path("/p/tests/test_x.py"), "TestIt::test_y[a/b c]")
    assert where == Path("/p/tests/contracts/test_x/TestIt-test_y-a-b-c.json")
