"""What CloudWatch shows of executions and their tasks in `AWS/States` [D:procedure-cw-metrics]."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config

from emulator.testing import RunningEmulator
from tests.wire import lambda_support

ROLE = "arn:aws:iam::000000000000:role/states"
ARN = "arn:aws:states:us-east-1:000000000000"
ACTIVITY = f"{ARN}:activity:a"


def sums(emulator: RunningEmulator, dimension: str | None, value: str = "", space: str = "AWS/States") -> Any:
    """The sum of every metric that was counted under exactly this dimension."""
    cloudwatch = emulator.client("cloudwatch")
    wanted = [] if dimension is None else [{"Name": dimension, "Value": value}]
    now = datetime.fromtimestamp(emulator.now(), UTC)
    found: dict[str, float] = {}
    for metric in cloudwatch.list_metrics(Namespace=space)["Metrics"]:
        if metric["Dimensions"] == wanted:
            points = cloudwatch.get_metric_statistics(
                Namespace=space, MetricName=metric["MetricName"], Dimensions=wanted, StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(hours=1), Period=7200, Statistics=["Sum"],
            )["Datapoints"]  # fmt: skip
            found[metric["MetricName"]] = points[0]["Sum"]
    return found


def run(emulator: RunningEmulator, state: dict[str, Any], kind: str = "STANDARD", name: str = "m") -> str:
    sfn = emulator.client("stepfunctions")
    definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Task", "End": True, **state}}})
    machine = sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE, type=kind)["stateMachineArn"]
    return sfn.start_execution(stateMachineArn=machine)["executionArn"]


def test_activities_are_counted_and_timed(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    sfn.create_activity(name="a")
    for number in range(5):
        run(emulator, {"Resource": ACTIVITY, "HeartbeatSeconds": 30, "TimeoutSeconds": 100}, name=f"m{number}")
    emulator.advance(10)
    tokens = [sfn.get_activity_task(activityArn=ACTIVITY)["taskToken"] for _ in range(4)]
    emulator.advance(5)
    sfn.send_task_success(taskToken=tokens[0], output="{}")
    sfn.send_task_failure(taskToken=tokens[1])
    for _ in range(5):
        sfn.send_task_heartbeat(taskToken=tokens[2])
        emulator.advance(20)
    emulator.settle()
    expected = {
        "ActivitiesScheduled": 5,
        "ActivitiesStarted": 4,
        "ActivitiesSucceeded": 1,
        "ActivitiesFailed": 1,
        "ActivitiesTimedOut": 1,
        "ActivitiesHeartbeatTimedOut": 1,
        "ActivityScheduleTime": 40_000,
        "ActivityRunTime": 5_000 + 5_000 + 100_000 + 30_000,
        "ActivityTime": 15_000 + 15_000 + 110_000 + 40_000,
    }
    assert sums(emulator, "ActivityArn", ACTIVITY) == expected
    of_account = sums(emulator, None)
    assert of_account.items() >= expected.items()
    assert of_account["ExecutionsStarted"] == 5
    assert sums(emulator, None, space="AWS/Usage")["ActivityCount"] == 1


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_functions_and_integrations_are_counted_apart(emulator: RunningEmulator, kind: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(2)\n    if event.get('bad'): raise ValueError\n"
    lambda_support.create(emulator.client("lambda"), "f", Code={"ZipFile": lambda_support.package(source)}, Timeout=60)
    function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    run(emulator, {"Resource": function}, kind, "good")
    run(emulator, {"Resource": function, "Parameters": {"bad": 1}}, kind, "bad")
    run(emulator, {"Resource": function, "TimeoutSeconds": 1}, kind, "slow")
    parameters = {"FunctionName": "f", "Payload": {}}
    run(emulator, {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}, kind, "invoke")
    emulator.settle()
    assert sums(emulator, "LambdaFunctionArn", function) == {
        "LambdaFunctionsScheduled": 3,
        "LambdaFunctionsStarted": 3,
        "LambdaFunctionsSucceeded": 1,
        "LambdaFunctionsFailed": 1,
        "LambdaFunctionsTimedOut": 1,
        "LambdaFunctionScheduleTime": 0,
        "LambdaFunctionRunTime": 5_000,
        "LambdaFunctionTime": 5_000,
    }
    assert sums(emulator, "ServiceIntegrationResourceArn", "arn:aws:states:::lambda:invoke") == {
        "ServiceIntegrationsScheduled": 1,
        "ServiceIntegrationsStarted": 1,
        "ServiceIntegrationsSucceeded": 1,
        "ServiceIntegrationScheduleTime": 0,
        "ServiceIntegrationRunTime": 2_000,
        "ServiceIntegrationTime": 2_000,
    }


def test_executions_are_counted_by_machine_version_alias_and_account(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}})
    arn = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE, publish=True)["stateMachineArn"]
    route = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
    for started in (arn, f"{arn}:1", alias):
        sfn.start_execution(stateMachineArn=started)
    emulator.settle()
    expected = {"ExecutionsStarted": 3, "ExecutionsSucceeded": 3, "ExecutionTime": 0}
    assert sums(emulator, "StateMachineArn", arn) == expected
    assert sums(emulator, None) == expected
    assert sums(emulator, "ResourceArn", arn) == {"VersionCount": 1, "AliasCount": 1}
    assert sums(emulator, None, space="AWS/Usage") == {"StateMachineCount": 1}
    metrics = emulator.client("cloudwatch").list_metrics(MetricName="ExecutionsSucceeded")["Metrics"]
    shown = {tuple((item["Name"], item["Value"]) for item in metric["Dimensions"]) for metric in metrics}
    machine = ("StateMachineArn", arn)
    named = {tuple(sorted(names)) for names in shown}
    assert named == {
        (), (machine,), tuple(sorted((machine, ("Version", "1")))), tuple(sorted((machine, ("Alias", "live")))),
    }  # fmt: skip


def test_the_metrics_of_express_executions_and_their_billing(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}})
    arn = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    sfn.start_sync_execution(stateMachineArn=arn)
    memory = 64 * 1024 * 1024
    expected = {
        "ExecutionsStarted": 1,
        "ExecutionsSucceeded": 1,
        "ExecutionTime": 0,
        "ExpressExecutionBilledDuration": 100,
        "ExpressExecutionBilledMemory": memory,
        "ExpressExecutionMemory": memory,
    }
    assert sums(emulator, "StateMachineArn", arn) == expected
