"""An API with its function, machine, queue and plan as one stack: made, changed in place, and taken away again."""

from __future__ import annotations

import copy
from typing import Any

import httpx

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, resources, settled, template, update

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SOURCE = "import os\ndef handler(event, context):\n    return [event, os.environ['NAME']]\n"
ONE_TASK = '{"StartAt": "%s", "States": {"%s": {"Type": "Task", "Resource": "${Work}", "End": true}}}'
INVOKE = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Work.Arn}/invocations"


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def of(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


APPLICATION: dict[str, Any] = {
    "Role": resource(
        "IAM::Role",
        AssumeRolePolicyDocument=TRUST,
        Policies=[{"PolicyName": "all", "PolicyDocument": ALL}],
    ),
    "Work": resource(
        "Lambda::Function",
        Runtime="python3.13",
        Handler="index.handler",
        Role=of("Role", "Arn"),
        Code={"ZipFile": SOURCE},
        Environment={"Variables": {"NAME": "ada"}},
    ),
    "Version": resource("Lambda::Version", FunctionName=ref("Work")),
    "Live": resource("Lambda::Alias", FunctionName=ref("Work"), FunctionVersion=of("Version", "Version"), Name="live"),
    "MayInvoke": resource(
        "Lambda::Permission",
        FunctionName=ref("Live"),
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    ),
    "Lost": resource("SQS::Queue"),
    "Retries": resource(
        "Lambda::EventInvokeConfig",
        FunctionName=ref("Work"),
        Qualifier="$LATEST",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": of("Lost", "Arn")}},
    ),
    "Source": resource(
        "Lambda::EventSourceMapping", FunctionName=ref("Work"), EventSourceArn=of("Lost", "Arn"), BatchSize="5"
    ),
    "Api": resource("ApiGateway::RestApi", Name="reports"),
    "Reports": resource(
        "ApiGateway::Resource", RestApiId=ref("Api"), ParentId=of("Api", "RootResourceId"), PathPart="reports"
    ),
    "Post": resource(
        "ApiGateway::Method",
        RestApiId=ref("Api"),
        ResourceId=ref("Reports"),
        HttpMethod="POST",
        AuthorizationType="NONE",
        MethodResponses=[{"StatusCode": "202"}],
        Integration={
            "Type": "AWS",
            "IntegrationHttpMethod": "POST",
            "Uri": {"Fn::Sub": INVOKE},
            "RequestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
            "IntegrationResponses": [{"StatusCode": 202}],
        },
    ),
    "First": {**resource("ApiGateway::Deployment", RestApiId=ref("Api")), "DependsOn": "Post"},
    "Prod": resource(
        "ApiGateway::Stage",
        RestApiId=ref("Api"),
        DeploymentId=ref("First"),
        StageName="prod",
        Variables={"before": "1"},
        MethodSettings=[{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True, "ThrottlingRateLimit": 10}],
    ),
    "Lines": resource("Logs::LogGroup", RetentionInDays=7),
    "Machine": resource(
        "StepFunctions::StateMachine",
        RoleArn=of("Role", "Arn"),
        DefinitionString=ONE_TASK % ("One", "One"),
        DefinitionSubstitutions={"Work": of("Work", "Arn")},
    ),
    "Key": resource("ApiGateway::ApiKey", Enabled=True),
    "Plan": resource(
        "ApiGateway::UsagePlan",
        ApiStages=[{"ApiId": ref("Api"), "Stage": ref("Prod")}],
        Quota={"Limit": 5, "Period": "DAY"},
    ),
    "Member": resource("ApiGateway::UsagePlanKey", KeyId=ref("Key"), KeyType="API_KEY", UsagePlanId=ref("Plan")),
}


def call(emulator: RunningEmulator) -> httpx.Response:
    api = resources(emulator)["Api"]
    return httpx.post(f"{emulator.url}/_aws/execute-api/{api}/prod/reports", json={"a": 1})


def changed() -> dict[str, Any]:
    """The same application, changed in ways that need no replacement, but for the deployment."""
    after = copy.deepcopy(APPLICATION)
    after["Second"] = after.pop("First")
    after["Prod"]["Properties"] |= {"DeploymentId": ref("Second"), "Variables": {"after": "2"}, "MethodSettings": []}
    after["Post"]["Properties"]["Integration"]["RequestParameters"] = {}
    after["Lines"]["Properties"] = {}
    after["Work"]["Properties"]["Timeout"] = 9
    after["Plan"]["Properties"] |= {"Quota": {"Limit": 6, "Period": "WEEK"}, "Throttle": {"RateLimit": 5}}
    after["Key"]["Properties"]["Description"] = "for ada"
    after["Machine"]["Properties"]["DefinitionString"] = ONE_TASK % ("Other", "Other")
    after["Role"]["Properties"]["Policies"] = []
    after["Retries"]["Properties"]["MaximumRetryAttempts"] = 0
    after["Source"]["Properties"]["BatchSize"] = 7
    return after


def test_an_application_is_made_changed_in_place_and_taken_away(emulator: RunningEmulator) -> None:
    stack = create(emulator, template(APPLICATION), Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    assert (call(emulator).status_code, call(emulator).text) == (202, "")
    before = resources(emulator)
    gateway, lambda_ = emulator.client("apigateway"), emulator.client("lambda")
    stage = gateway.get_stage(restApiId=before["Api"], stageName="prod")
    assert stage["variables"] == {"before": "1"}
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 10

    stack = update(emulator, template(changed()), Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stack.get("StackStatusReason")
    after = resources(emulator)
    assert {name for name in before if before[name] != after.get(name)} == {"First"}
    assert call(emulator).json() == [{"a": 1}, "ada"]
    stage = gateway.get_stage(restApiId=after["Api"], stageName="prod")
    assert (stage["variables"], stage["methodSettings"]) == ({"after": "2"}, {})
    assert lambda_.get_function_configuration(FunctionName=after["Work"])["Timeout"] == 9
    assert lambda_.get_event_source_mapping(UUID=after["Source"])["BatchSize"] == 7
    plan = gateway.get_usage_plan(usagePlanId=after["Plan"])
    assert (plan["quota"]["limit"], plan["quota"]["period"], plan["throttle"]["rateLimit"]) == (6, "WEEK", 5)
    assert gateway.get_api_key(apiKey=after["Key"])["description"] == "for ada"
    machine = emulator.client("stepfunctions").describe_state_machine(stateMachineArn=after["Machine"])
    assert '"Other"' in machine["definition"] and "function:demo-Work-" in machine["definition"]
    assert emulator.client("iam").list_role_policies(RoleName=after["Role"])["PolicyNames"] == []

    emulator.client("cloudformation").delete_stack(StackName="demo")
    assert settled(emulator, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert gateway.get_rest_apis()["items"] == gateway.get_api_keys()["items"] == []
    assert lambda_.list_functions()["Functions"] == []
    assert emulator.client("iam").list_roles()["Roles"] == []
