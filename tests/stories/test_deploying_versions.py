"""A team that deploys by versions and aliases: what it may rely on, whoever calls the function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, ROLE, create, package, saying

KIND = "import os\n\ndef handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
COUNTS = "calls = 0\n\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n"


def answer(client: Any, name: str) -> Any:
    return json.loads(client.invoke(FunctionName=name)["Payload"].read())


def release(client: Any, word: str) -> str:
    """Deploy code, publish it and lead `live` to it; the version's number."""
    client.update_function_code(FunctionName="f", ZipFile=saying(word))
    version = client.publish_version(FunctionName="f", Description=word)["Version"]
    client.update_alias(FunctionName="f", Name="live", FunctionVersion=version)
    return version


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client of an emulator with a function `f` whose alias `live` leads to version 1."""
    client = emulator.client("lambda")
    create(client, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return client


def test_an_alias_in_a_state_machine_runs_what_is_live_when_the_task_runs(
    emulator: RunningEmulator, client: Any
) -> None:
    sfn = emulator.client("stepfunctions")
    states = {
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "Arn"},
        "Arn": {"Type": "Task", "Resource": f"{ARN}:live", "ResultPath": "$.arn", "Next": "Call"},
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f", "Qualifier": "live"},
            "OutputPath": "$.Payload",
            "End": True,
        },
    }
    machine = sfn.create_state_machine(
        name="m", roleArn=ROLE, definition=json.dumps({"StartAt": "Wait", "States": states})
    )
    execution = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    assert release(client, "two") == "2"
    emulator.settle()
    output = json.loads(sfn.describe_execution(executionArn=execution)["output"])
    assert output == {"code": "two", "version": "2", "arn": f"{ARN}:live"}


def test_a_stage_variable_chooses_the_alias(emulator: RunningEmulator, client: Any) -> None:
    release(client, "two")
    client.create_alias(FunctionName="f", Name="old", FunctionVersion="1")
    gateway = emulator.client("apigateway")
    api = gateway.create_rest_api(name="api")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    ids = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**ids, authorizationType="NONE")
    gateway.put_method_response(**ids, statusCode="200")
    functions = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions"
    gateway.put_integration(
        **ids,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"{functions}/{ARN}:${{stageVariables.alias}}/invocations",
    )
    gateway.put_integration_response(**ids, statusCode="200")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    for stage, alias, word in (("prod", "live", "two"), ("canary", "old", "one")):
        gateway.create_stage(restApiId=api, stageName=stage, deploymentId=deployment, variables={"alias": alias})
        with httpx.Client() as http:
            assert http.post(emulator.data_plane(api, stage)).json()["code"] == word


def test_an_event_runs_what_its_alias_leads_to_when_it_runs(emulator: RunningEmulator, client: Any) -> None:
    fails = package("def handler(event, context): raise ValueError(context.function_version)")
    client.update_function_code(FunctionName="f", ZipFile=fails)
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    client.invoke(FunctionName="f:live", InvocationType="Event")
    emulator.advance(59)
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="1")
    emulator.advance(1)
    attempts = emulator.control("GET", "timeline")["invocations"]
    assert [attempt["outcome"] for attempt in attempts] == ["function_error", "success"]


def test_the_kind_of_initialization_tells_what_was_provisioned(emulator: RunningEmulator, client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=package(KIND))
    version = client.publish_version(FunctionName="f")["Version"]
    client.update_alias(FunctionName="f", Name="live", FunctionVersion=version)
    client.put_provisioned_concurrency_config(FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=1)
    emulator.settle()
    assert answer(client, "f:live") == "provisioned-concurrency"
    assert answer(client, f"f:{version}") == "on-demand"
    assert answer(client, "f") == "on-demand"


def test_environments_of_a_version_stay_warm_when_an_alias_or_the_policy_changes(client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=package(COUNTS))
    version = client.publish_version(FunctionName="f")["Version"]
    assert [answer(client, f"f:{version}"), answer(client, "f")] == [1, 1]
    client.update_alias(FunctionName="f", Name="live", FunctionVersion=version)
    assert [answer(client, "f:live"), answer(client, "f")] == [2, 2]
    client.update_function_configuration(FunctionName="f", Description="new environments for $LATEST only")
    assert [answer(client, "f:live"), answer(client, "f")] == [3, 1]


def test_everything_deployed_is_there_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path / "data", frozen=True)
    with RunningEmulator(settings) as emulator:
        client = emulator.client("lambda")
        create(client, Publish=True)
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", Description="d")
        release(client, "two")
        client.put_provisioned_concurrency_config(FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=1)
        client.add_permission(
            FunctionName="f:live", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
        emulator.settle()
        before = seen(client)
    with RunningEmulator(settings) as emulator:
        client = emulator.client("lambda")
        assert seen(client) == before
        assert answer(client, "f:live") == {"code": "two", "version": "2", "arn": f"{ARN}:live"}
        assert answer(client, "f:1")["code"] == "one"
        assert client.publish_version(FunctionName="f")["Version"] == "2"


def seen(client: Any) -> list[Any]:
    return [
        client.list_versions_by_function(FunctionName="f")["Versions"],
        client.list_aliases(FunctionName="f")["Aliases"],
        client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"],
        client.get_policy(FunctionName="f:live")["Policy"],
    ]
