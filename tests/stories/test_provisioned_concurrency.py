"""Environments kept ready: initialised before anybody calls, for what is live, across restarts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.ports.functions import alive
from tests.wire.lambda_support import create, package
from tests.wire.test_lambda_metrics import point, statistics

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


def code(word: str) -> bytes:
    return package(SOURCE.replace("WORD", word))


def answer(client: Any, name: str = "f:live") -> Any:
    return json.loads(client.invoke(FunctionName=name)["Payload"].read())


def status(client: Any, qualifier: str = "live") -> tuple[str, int, str | None]:
    config = client.get_provisioned_concurrency_config(FunctionName="f", Qualifier=qualifier)
    return config["Status"], config["AllocatedProvisionedConcurrentExecutions"], config.get("StatusReason")


def deploy(client: Any) -> None:
    create(client, Code={"ZipFile": code("one")}, Timeout=30, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")


def provision(emulator: RunningEmulator, count: int = 1) -> None:
    emulator.client("lambda").put_provisioned_concurrency_config(
        FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=count
    )
    emulator.settle()


def lines(emulator: RunningEmulator) -> list[str]:
    found = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    return [event["message"] for event in found]


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client of an emulator with a function `f` whose alias `live` leads to version 1."""
    client = emulator.client("lambda")
    deploy(client)
    return client


def test_the_function_is_initialised_before_anybody_calls_it(emulator: RunningEmulator, client: Any) -> None:
    provision(emulator)
    assert status(client) == ("READY", 1, None)
    before = lines(emulator)
    assert before[0].startswith("INIT_START")
    assert before[-1] == "loading one\n"
    assert answer(client) == ["one", "provisioned-concurrency", 1]
    assert answer(client) == ["one", "provisioned-concurrency", 2]
    after = lines(emulator)
    assert after.count("loading one\n") == 1
    assert not any("Init Duration" in line for line in after)


def test_an_alias_that_moves_takes_its_environments_along(emulator: RunningEmulator, client: Any) -> None:
    provision(emulator)
    client.update_function_code(FunctionName="f", ZipFile=code("two"), Publish=True)
    emulator.control("PUT", "settings", {"function_change_seconds": 20})
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert status(client) == ("IN_PROGRESS", 0, None)
    assert answer(client) == ["two", "on-demand", 1]
    emulator.advance(20)
    assert status(client) == ("READY", 1, None)
    assert answer(client) == ["two", "provisioned-concurrency", 1]
    assert answer(client, "f:1") == ["one", "on-demand", 1]


def test_two_versions_behind_an_alias_share_what_is_provisioned(emulator: RunningEmulator, client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=code("two"), Publish=True)
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    client.update_alias(FunctionName="f", Name="live", RoutingConfig=routing)
    provision(emulator, 4)
    begun = lines(emulator)
    assert (begun.count("loading one\n"), begun.count("loading two\n")) == (3, 1)


def test_code_that_cannot_be_loaded_is_told_by_the_status(emulator: RunningEmulator, client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=package("raise ValueError('no')"), Publish=True)
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    provision(emulator, 2)
    assert status(client) == ("FAILED", 0, "FUNCTION_ERROR_INIT_FAILURE")
    assert client.invoke(FunctionName="f:live")["FunctionError"] == "Unhandled"
    assert any(line.startswith("INIT_REPORT") for line in lines(emulator))
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="1")
    emulator.settle()
    assert status(client) == ("READY", 2, None)


def test_of_a_provision_that_fails_nothing_is_left(emulator: RunningEmulator, client: Any, tmp_path: Path) -> None:
    """One of two environments is initialised: it would hold a place that AWS does not count."""
    source = (
        f"import os\nos.close(os.open({str(tmp_path / 'first')!r}, os.O_CREAT | os.O_EXCL))\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "def handler(event, context):\n    return 'never'\n"
    )
    client.update_function_code(FunctionName="f", ZipFile=package(source), Publish=True)
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    provision(emulator, 2)
    assert status(client) == ("FAILED", 0, "FUNCTION_ERROR_INIT_FAILURE")
    assert not alive(int((tmp_path / "pid").read_text()))


def test_what_finds_no_provisioned_place_spills_over_and_is_counted(emulator: RunningEmulator, client: Any) -> None:
    provision(emulator)
    for _ in range(2):
        client.invoke(FunctionName="f:live", InvocationType="Event", Payload=json.dumps({"sleep": 5}))
    emulator.settle()
    by_alias = {"FunctionName": "f", "Resource": "f:live"}
    assert statistics(emulator, "ProvisionedConcurrencyInvocations", **by_alias) == point(1.0, 1.0, 1.0, 1.0)
    assert statistics(emulator, "ProvisionedConcurrencySpilloverInvocations", **by_alias) == point(1.0, 1.0, 1.0, 1.0)
    assert statistics(emulator, "ProvisionedConcurrencyUtilization", **by_alias) == point(1.0, 1.0, 1.0, 1.0)
    assert statistics(emulator, "ProvisionedConcurrentExecutions", **by_alias) == point(1.0, 1.0, 1.0, 1.0)


def test_accounting_is_awss_whatever_the_machine_starts_ahead(emulator: RunningEmulator, client: Any) -> None:
    emulator.control("PUT", "settings", {"provisioned_environments": 1})
    provision(emulator, 3)
    assert status(client) == ("READY", 3, None)
    assert lines(emulator).count("loading one\n") == 1
    for _ in range(3):
        client.invoke(FunctionName="f:live", InvocationType="Event", Payload=json.dumps({"sleep": 5}))
    emulator.settle()
    assert lines(emulator).count("loading one\n") == 3
    by_alias = {"FunctionName": "f", "Resource": "f:live"}
    assert statistics(emulator, "ProvisionedConcurrencyInvocations", **by_alias)["Sum"] == 3.0


def test_deleting_the_config_ends_what_was_kept(emulator: RunningEmulator, client: Any) -> None:
    provision(emulator)
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    assert answer(client) == ["one", "on-demand", 1]
    emulator.settle()
    provision(emulator)
    assert answer(client) == ["one", "provisioned-concurrency", 1]


def test_a_restarted_emulator_starts_them_again_before_the_first_call(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path / "data", frozen=True)
    with RunningEmulator(settings) as emulator:
        deploy(emulator.client("lambda"))
        provision(emulator)
    with RunningEmulator(settings) as emulator:
        client = emulator.client("lambda")
        assert status(client) == ("READY", 1, None)
        emulator.settle()
        assert lines(emulator).count("loading one\n") == 2
        assert answer(client) == ["one", "provisioned-concurrency", 1]
        assert lines(emulator).count("loading one\n") == 2
