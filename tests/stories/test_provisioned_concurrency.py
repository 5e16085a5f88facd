"""Environments kept ready: initialised before anybody calls, for what is live, across restarts."""

from __future__ import annotations

import pytest

from tests.ports.functions import alive
from tests.stories.telling import function, invoke, kept, package, send

SOURCE = """
import os, time
calls = 0
print("loading WORD")

def handler(event, context):
    global calls
    calls += 1
    time.sleep((event or {}).get("sleep", 0))
    return ["WORD", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], calls]
"""
ONE, TWO = SOURCE.replace("WORD", "one"), SOURCE.replace("WORD", "two")


def first_release(aws):
    """A function `f`, whose alias `live` leads to version 1."""
    function(aws, "f", ONE, Publish=True)
    aws.lambda_.create_alias(FunctionName="f", Name="live", FunctionVersion="1")


@pytest.fixture
def aws(aws):
    """The clients of a world that has the first release."""
    first_release(aws)
    return aws


def publish(aws, source):
    """The next version."""
    aws.lambda_.update_function_code(FunctionName="f", ZipFile=package(source), Publish=True)


def lead_to(version, aws):
    """From now on the alias leads there."""
    aws.lambda_.update_alias(FunctionName="f", Name="live", FunctionVersion=version)


def provision(aws, emulator, count=1):
    """Environments of what the alias leads to, and the time that this takes."""
    aws.lambda_.put_provisioned_concurrency_config(
        FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=count
    )
    emulator.settle()


def status(aws):
    """Of what is provisioned: how many environments are ready, and why not more."""
    config = aws.lambda_.get_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    return config["Status"], config["AllocatedProvisionedConcurrentExecutions"], config.get("StatusReason")


def loaded(emulator, word):
    """How often that code was initialised."""
    return emulator.logs("f").count(f"loading {word}\n")


def test_the_function_is_initialised_before_anybody_calls_it(aws, emulator):
    provision(aws, emulator)
    assert status(aws) == ("READY", 1, None)
    before = emulator.logs("f")
    assert before[0].startswith("INIT_START")
    assert before[-1] == "loading one\n"

    assert invoke(aws, "f:live") == ["one", "provisioned-concurrency", 1]
    assert invoke(aws, "f:live") == ["one", "provisioned-concurrency", 2]
    assert loaded(emulator, "one") == 1
    assert not any("Init Duration" in line for line in emulator.logs("f"))


def test_an_alias_that_moves_takes_its_environments_along(aws, emulator, clock):
    provision(aws, emulator)
    publish(aws, TWO)
    emulator.settings(function_change_seconds=20)
    lead_to("2", aws)
    assert status(aws) == ("IN_PROGRESS", 0, None)
    assert invoke(aws, "f:live") == ["two", "on-demand", 1]
    clock.advance(20)
    assert status(aws) == ("READY", 1, None)
    assert invoke(aws, "f:live") == ["two", "provisioned-concurrency", 1]
    assert invoke(aws, "f:1") == ["one", "on-demand", 1]


def test_two_versions_behind_an_alias_share_what_is_provisioned(aws, emulator):
    publish(aws, TWO)
    aws.lambda_.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}})
    provision(aws, emulator, 4)
    assert (loaded(emulator, "one"), loaded(emulator, "two")) == (3, 1)


def test_code_that_cannot_be_loaded_is_told_by_the_status(aws, emulator):
    publish(aws, "raise ValueError('no')")
    lead_to("2", aws)
    provision(aws, emulator, 2)
    assert status(aws) == ("FAILED", 0, "FUNCTION_ERROR_INIT_FAILURE")
    assert aws.lambda_.invoke(FunctionName="f:live")["FunctionError"] == "Unhandled"
    assert any(line.startswith("INIT_REPORT") for line in emulator.logs("f"))

    lead_to("1", aws)
    emulator.settle()
    assert status(aws) == ("READY", 2, None)


ONLY_THE_FIRST_IS_INITIALISED = """
import os
os.close(os.open(r"{folder}/first", os.O_CREAT | os.O_EXCL))
open(r"{folder}/pid", "w").write(str(os.getpid()))

def handler(event, context):
    return "never"
"""


def test_of_a_provision_that_fails_nothing_is_left(aws, emulator, tmp_path):
    """One of two environments is initialised: it would hold a place that AWS does not count."""
    publish(aws, ONLY_THE_FIRST_IS_INITIALISED.format(folder=tmp_path))
    lead_to("2", aws)
    provision(aws, emulator, 2)
    assert status(aws) == ("FAILED", 0, "FUNCTION_ERROR_INIT_FAILURE")
    assert not alive(int((tmp_path / "pid").read_text()))


# ── accounting ──────────────────────────────────────────────────────────────────────────────────


STATISTICS = ["SampleCount", "Sum", "Minimum", "Maximum"]
ONCE = {**dict.fromkeys(STATISTICS, 1.0), "Unit": "Count"}


def measured(aws, clock, name):
    """All that was ever measured of a metric of the alias."""
    [point] = aws.cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=name,
        Dimensions=[{"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:live"}],
        StartTime=0,
        EndTime=clock.now() + 3600,
        Period=86400 * 20000,
        Statistics=STATISTICS,
    )["Datapoints"]
    del point["Timestamp"]
    return point


def test_what_finds_no_provisioned_place_spills_over_and_is_counted(aws, emulator, clock):
    provision(aws, emulator)
    for _ in range(2):
        send(aws, "f:live", {"sleep": 5})
    emulator.settle()
    assert measured(aws, clock, "ProvisionedConcurrencyInvocations") == ONCE
    assert measured(aws, clock, "ProvisionedConcurrencySpilloverInvocations") == ONCE
    assert measured(aws, clock, "ProvisionedConcurrencyUtilization") == ONCE
    assert measured(aws, clock, "ProvisionedConcurrentExecutions") == ONCE


def test_accounting_is_awss_whatever_the_machine_starts_ahead(aws, emulator, clock):
    emulator.settings(provisioned_environments=1)
    provision(aws, emulator, 3)
    assert status(aws) == ("READY", 3, None)
    assert loaded(emulator, "one") == 1
    for _ in range(3):
        send(aws, "f:live", {"sleep": 5})
    emulator.settle()
    assert loaded(emulator, "one") == 3
    assert measured(aws, clock, "ProvisionedConcurrencyInvocations")["Sum"] == 3.0


# ── the end ─────────────────────────────────────────────────────────────────────────────────────


def test_deleting_the_config_ends_what_was_kept(aws, emulator):
    provision(aws, emulator)
    aws.lambda_.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    assert invoke(aws, "f:live") == ["one", "on-demand", 1]
    emulator.settle()
    provision(aws, emulator)
    assert invoke(aws, "f:live") == ["one", "provisioned-concurrency", 1]


def test_a_restarted_emulator_starts_them_again_before_the_first_call(tmp_path):
    def loaded(aws):
        return [event["message"] for event in aws.logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]].count(
            "loading one\n"
        )

    with kept(tmp_path) as (emulator, aws):
        first_release(aws)
        provision(aws, emulator)
    with kept(tmp_path) as (emulator, aws):
        assert status(aws) == ("READY", 1, None)
        emulator.settle()
        assert loaded(aws) == 2
        assert invoke(aws, "f:live") == ["one", "provisioned-concurrency", 1]
        assert loaded(aws) == 2
