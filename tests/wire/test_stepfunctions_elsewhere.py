"""Tasks of services that the emulator has not: machines are deployed, and run with mocks."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
STATES = "arn:aws:states:::"
NAMED = """
athena:startQueryExecution.sync athena:stopQueryExecution athena:getQueryExecution athena:getQueryResults
batch:submitJob batch:submitJob.sync bedrock:invokeModel bedrock:createModelCustomizationJob.sync
codebuild:startBuild.sync codebuild:stopBuild codebuild:batchDeleteBuilds codebuild:batchGetReports
codebuild:startBuildBatch.sync codebuild:retryBuildBatch.sync codebuild:deleteBuildBatch databrew:startJobRun.sync
ecs:runTask ecs:runTask.sync ecs:runTask.waitForTaskToken eks:createCluster eks:runJob.sync eks:call
elasticmapreduce:createCluster.sync elasticmapreduce:addStep.sync elasticmapreduce:cancelStep
elasticmapreduce:terminateCluster.sync elasticmapreduce:setClusterTerminationProtection
elasticmapreduce:modifyInstanceFleetByName elasticmapreduce:modifyInstanceGroupByName
emr-containers:createVirtualCluster emr-containers:startJobRun.sync emr-serverless:startJobRun.sync
glue:startJobRun glue:startJobRun.sync mediaconvert:createJob.sync sagemaker:createTrainingJob.sync
sagemaker:createTransformJob sagemaker:createEndpoint aws-sdk:braket:searchDevices
aws-sdk:codepipeline:putJobSuccessResult aws-sdk:glue:startJobRun.waitForTaskToken
"""
ALL = NAMED.split()


def machine(resource: str, parameters: Any = None, **more: Any) -> str:
    state = {"Type": "Task", "Resource": STATES + resource, "End": True, **more}
    if parameters is not None:
        state["Parameters"] = parameters
    return json.dumps({"StartAt": "T", "States": {"T": state}})


def problems(emulator: RunningEmulator, definition: str, **more: Any) -> list[tuple[str, str]]:
    answer = emulator.client("stepfunctions").validate_state_machine_definition(definition=definition, **more)
    return [(each["message"], each["location"]) for each in answer["diagnostics"]]


@pytest.mark.parametrize("resource", ALL)
def test_a_machine_may_name_every_integration_that_aws_has(emulator: RunningEmulator, resource: str) -> None:
    emulator.client("stepfunctions").create_state_machine(name="m", definition=machine(resource), roleArn=ROLE)
    assert problems(emulator, machine(resource), severity="WARNING") == []


@pytest.mark.parametrize(
    "resource",
    [
        "batch:submitJob.waitForTaskToken", "batch:describeJobs", "athena:getQueryResults.sync",
        "glue:startJobRun.sync:2", "elasticmapreduce:runJobFlow", "codebuild:stopBuild.sync",
        "sagemaker:createEndpoint.sync", "emr-containers:createVirtualCluster.sync",
        "glue:StartJobRun", "batch:", "aws-sdk:glue:startJobRun.sync",
        "aws-sdk:glue:doAll", "aws-sdk:s3:selectObjectContent", "aws-sdk:lambda:invokeWithResponseStream",
    ],
)  # fmt: skip
def test_what_aws_has_not_is_refused_when_the_machine_is_created(emulator: RunningEmulator, resource: str) -> None:
    ((text, where),) = problems(emulator, machine(resource))
    assert text.startswith(f"The resource provided {STATES}{resource} is not recognized.")
    assert where == "/States/T/Resource"


@pytest.mark.parametrize(
    ("resource", "parameters", "texts"),
    [
        ("batch:submitJob.sync", {"JobName": "j", "JobQueue.$": "$.queue", "JobDefinition": "d"}, []),
        ("batch:submitJob.sync", {"JobName": "j", "JobQueues": "q"},
         ["The field 'JobQueues' is not supported by Step Functions",
          "The field 'JobQueue' is required but was missing", "The field 'JobDefinition' is required but was missing"]),
        ("eks:call", {"ClusterName": "c", "CertificateAuthority": "a", "Endpoint": "e", "Method": "GET"},
         ["The field 'Path' is required but was missing"]),
        ("elasticmapreduce:createCluster", {"Name": "n", "Instances": {}, "Steps": []},
         ["The field 'Steps' is not supported by Step Functions"]),
        ("bedrock:invokeModel", {"ModelId": "m", "Input": {"S3Uri": "s3://b/k"}}, []),
        ("emr-containers:startJobRun.sync", {"VirtualClusterId": "v"}, []),  # the token is the SDK's to give
    ],
)  # fmt: skip
def test_parameters_are_judged_as_those_of_every_service(
    emulator: RunningEmulator, resource: str, parameters: Any, texts: list[str]
) -> None:
    assert [text for text, _ in problems(emulator, machine(resource, parameters))] == texts


def test_express_machines_do_not_wait_for_jobs(emulator: RunningEmulator) -> None:
    ((text, _),) = problems(emulator, machine("glue:startJobRun.sync"), type="EXPRESS")
    assert text == "Express state machine does not support '.sync' service integration"
    assert problems(emulator, machine("glue:startJobRun"), type="EXPRESS") == []


@pytest.mark.parametrize("resource", ["glue:startJobRun.sync", "ecs:runTask", "aws-sdk:braket:searchDevices"])
def test_without_a_mock_the_task_fails_by_name_and_can_be_caught(emulator: RunningEmulator, resource: str) -> None:
    sfn = emulator.client("stepfunctions")
    names = {"glue": {"JobName": "j"}, "ecs": {"TaskDefinition": "t"}, "aws-sdk": {"Filters": []}}
    parameters = names[resource.split(":")[0]]
    arn = sfn.create_state_machine(name="m", definition=machine(resource, parameters), roleArn=ROLE)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    emulator.settle()
    ended = sfn.describe_execution(executionArn=execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert ended["cause"] == (
        f"{resource} is not emulated: only a mock can answer it, of a test case (SFN_MOCK_CONFIG), of "
        "`emulator sfn run --mock` or of TestState."
    )
    failed = sfn.get_execution_history(executionArn=execution)["events"][-2]
    assert failed["type"] == ("TaskSubmitFailed" if resource.endswith(".sync") else "TaskFailed")


def test_express_executions_fail_by_name_too(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    arn = sfn.create_state_machine(
        name="m", definition=machine("glue:startJobRun", {"JobName": "j"}), roleArn=ROLE, type="EXPRESS"
    )["stateMachineArn"]
    assert "is not emulated" in sfn.start_sync_execution(stateMachineArn=arn)["cause"]


def test_parameters_of_the_wrong_type_fail_the_execution_as_on_aws(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    definition = machine("glue:startJobRun.sync", {"JobName": {"a": 1}, "Timeout": "soon"})
    arn = sfn.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    emulator.settle()
    ended = sfn.describe_execution(executionArn=execution)
    assert ended["error"] == "States.Runtime"
    assert "The value of the field 'Timeout' has an invalid format" in ended["cause"]


def test_the_log_names_what_is_missing_when_the_machine_is_created(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    logger = logging.getLogger("emulator.functions")
    monkeypatch.setattr(logger, "info", lambda text, *values: told.append(text % values))
    sfn = emulator.client("stepfunctions")
    sfn.create_state_machine(name="jobs", definition=machine("glue:startJobRun.sync"), roleArn=ROLE)
    assert told == [
        f"definition of jobs: NOT_EMULATED: {STATES}glue:startJobRun.sync is not emulated: the task fails unless it is "
        "mocked at /States/T/Resource"
    ]


def test_a_test_case_answers_for_the_service(tmp_path: Path) -> None:
    mocks = {
        "StateMachines": {"jobs": {"TestCases": {"Runs": {"T": "Runs"}}}},
        "MockedResponses": {"Runs": {"0": {"Return": {"JobRunState": "SUCCEEDED"}}}},
    }
    (tmp_path / "mocks.json").write_text(json.dumps(mocks))
    with RunningEmulator(settings=Settings(data=None, sfn_mock_config=tmp_path / "mocks.json")) as emulator:
        sfn = emulator.client("stepfunctions")
        definition = machine("glue:startJobRun.sync", {"JobName": "j"})
        arn = sfn.create_state_machine(name="jobs", definition=definition, roleArn=ROLE)["stateMachineArn"]
        execution = sfn.start_execution(stateMachineArn=f"{arn}#Runs")["executionArn"]
        emulator.settle()
        assert sfn.describe_execution(executionArn=execution)["output"] == '{"JobRunState":"SUCCEEDED"}'


def test_test_state_runs_such_a_task_with_a_mock(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    state = json.loads(machine("ecs:runTask.sync", {"TaskDefinition": "t"}))["States"]["T"]
    answer = sfn.test_state(definition=json.dumps(state), roleArn=ROLE, mock={"result": '{"StoppedAt":1}'})
    assert answer["output"] == '{"StoppedAt":1}'
    with pytest.raises(ClientError):
        sfn.test_state(definition=json.dumps({**state, "Resource": f"{STATES}ecs:stop"}), mock={"result": "1"})
