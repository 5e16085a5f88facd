"""A team that deploys by versions and aliases: what it may rely on, whoever calls the function."""

from __future__ import annotations

import pytest

from tests.stories.telling import function, invoke, kept, package, rest_api, result_of, send, start

KIND = "import os\n\ndef handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
COUNTS = "calls = 0\n\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n"
SAYS = """
def handler(event, context):
    return {{"code": {!r}, "version": context.function_version, "arn": context.invoked_function_arn}}
"""


def publish(aws, source):
    """Deploy code, publish it and lead `live` to it; the version's number."""
    aws.lambda_.update_function_code(FunctionName="f", ZipFile=package(source))
    version = aws.lambda_.publish_version(FunctionName="f", Description="a release")["Version"]
    aws.lambda_.update_alias(FunctionName="f", Name="live", FunctionVersion=version)
    return version


def first_release(aws):
    arn = function(aws, "f", SAYS.format("one"), Publish=True)
    aws.lambda_.create_alias(FunctionName="f", Name="live", FunctionVersion="1", Description="what users have")
    return arn.removesuffix(":1")


@pytest.fixture
def live(aws):
    """The ARN of a function `f`, whose alias `live` leads to version 1."""
    return first_release(aws)


def test_an_alias_in_a_state_machine_runs_what_is_live_when_the_task_runs(aws, emulator, live):
    call = {"FunctionName": "f", "Qualifier": "live"}
    states = {
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "Arn"},
        "Arn": {"Type": "Task", "Resource": f"{live}:live", "ResultPath": "$.arn", "Next": "Call"},
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": call,
            "OutputPath": "$.Payload",
            "End": True,
        },
    }
    start(aws, {"StartAt": "Wait", "States": states})
    assert publish(aws, SAYS.format("two")) == "2"
    emulator.settle()
    [execution] = emulator.executions()
    assert execution["output"] == {"code": "two", "version": "2", "arn": f"{live}:live"}


def test_a_stage_variable_chooses_the_alias(aws, live):
    publish(aws, SAYS.format("two"))
    aws.lambda_.create_alias(FunctionName="f", Name="old", FunctionVersion="1")
    api = rest_api(aws, {"/": {"post": result_of(f"{live}:${{stageVariables.alias}}")}})
    [deployment] = aws.apigateway.get_deployments(restApiId=api)["items"]
    for stage, alias in (("prod", "live"), ("canary", "old")):
        aws.apigateway.create_stage(
            restApiId=api, deploymentId=deployment["id"], stageName=stage, variables={"alias": alias}
        )

    def answered(stage):
        return aws.http.post(f"https://{api}.execute-api.us-east-1.amazonaws.com/{stage}").json()["code"]

    assert (answered("prod"), answered("canary")) == ("two", "one")


def test_an_event_runs_what_its_alias_leads_to_when_it_runs(aws, emulator, clock, live):
    assert publish(aws, "def handler(event, context): raise ValueError(context.function_version)") == "2"
    send(aws, "f:live")
    clock.advance(59)
    aws.lambda_.update_alias(FunctionName="f", Name="live", FunctionVersion="1")
    clock.advance(1)
    assert [attempt["outcome"] for attempt in emulator.attempts()] == ["function_error", "success"]


def provision(aws, emulator):
    aws.lambda_.put_provisioned_concurrency_config(
        FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    emulator.settle()


def test_the_kind_of_initialization_tells_what_was_provisioned(aws, emulator, live):
    version = publish(aws, KIND)
    provision(aws, emulator)
    assert invoke(aws, "f:live") == "provisioned-concurrency"
    assert invoke(aws, f"f:{version}") == "on-demand"
    assert invoke(aws, "f") == "on-demand"


def test_environments_of_a_version_stay_warm_when_an_alias_or_the_policy_changes(aws, live):
    aws.lambda_.update_function_code(FunctionName="f", ZipFile=package(COUNTS))
    version = aws.lambda_.publish_version(FunctionName="f")["Version"]
    assert [invoke(aws, f"f:{version}"), invoke(aws, "f")] == [1, 1]
    aws.lambda_.update_alias(FunctionName="f", Name="live", FunctionVersion=version)
    assert [invoke(aws, "f:live"), invoke(aws, "f")] == [2, 2]
    aws.lambda_.update_function_configuration(FunctionName="f", Description="new environments for $LATEST only")
    assert [invoke(aws, "f:live"), invoke(aws, "f")] == [3, 1]


def deployed(aws):
    """What is said of the function."""
    return [
        aws.lambda_.list_versions_by_function(FunctionName="f")["Versions"],
        aws.lambda_.list_aliases(FunctionName="f")["Aliases"],
        aws.lambda_.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"],
        aws.lambda_.get_policy(FunctionName="f:live")["Policy"],
    ]


def test_everything_deployed_is_there_after_a_restart(tmp_path):
    with kept(tmp_path) as (emulator, aws):
        arn = first_release(aws)
        publish(aws, SAYS.format("two"))
        provision(aws, emulator)
        aws.lambda_.add_permission(
            FunctionName="f:live", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
        before = deployed(aws)
    with kept(tmp_path) as (emulator, aws):
        assert deployed(aws) == before
        assert invoke(aws, "f:live") == {"code": "two", "version": "2", "arn": f"{arn}:live"}
        assert invoke(aws, "f:1")["code"] == "one"
        assert aws.lambda_.publish_version(FunctionName="f")["Version"] == "2"
