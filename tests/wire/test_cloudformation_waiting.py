"""Resources that take time: custom resources, nested stacks, wait conditions; and who wants the stack meanwhile."""

from __future__ import annotations

import json
import shutil
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import ROLE, create, history, queue, resources, settled, template, update

ANSWERING = """
import json
import cfnresponse
def handler(event, context):
    kind, wanted = event["RequestType"], event["ResourceProperties"]
    print(json.dumps(event))
    if wanted.get("Fail") == kind:
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, reason="as asked")
        return
    data = {"Greeting": "hello " + wanted.get("Name", ""), "Kind": kind}
    cfnresponse.send(event, context, cfnresponse.SUCCESS, data, wanted.get("Id", "id-1"))
"""


def function(source: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": ROLE,
            "Code": {"ZipFile": source},
            "Timeout": 30,
        },
    }


def custom(source: str = ANSWERING, **properties: Any) -> str:
    thing = {
        "Type": "Custom::Thing",
        "Properties": {"ServiceToken": {"Fn::GetAtt": ["Maker", "Arn"]}, **properties},
    }
    return template(
        {"Maker": function(source), "Thing": thing},
        Outputs={"Said": {"Value": {"Fn::GetAtt": ["Thing", "Greeting"]}}, "Id": {"Value": {"Ref": "Thing"}}},
    )


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def test_a_custom_resource_is_made_changed_and_deleted_by_its_function(emulator: RunningEmulator) -> None:
    stack = create(emulator, custom(Name="you", Count=5, On=True))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack) == {"Said": "hello you", "Id": "id-1"}
    stack = update(emulator, custom(Name="all", Id="id-2"))
    assert outputs(stack) == {"Said": "hello all", "Id": "id-2"}
    assert history(emulator)[-4:] == [
        ("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("Thing", "DELETE_IN_PROGRESS", ""),
        ("Thing", "DELETE_COMPLETE", ""),
        ("demo", "UPDATE_COMPLETE", ""),
    ]
    emulator.client("cloudformation").delete_stack(StackName="demo")
    assert settled(emulator, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_custom_resource_that_fails_is_deleted_in_the_rollback(emulator: RunningEmulator) -> None:
    stack = create(emulator, custom(Fail="Create"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    [reason] = [event[2] for event in history(emulator) if event[:2] == ("Thing", "CREATE_FAILED")]
    assert reason.startswith("Received response status [FAILED] from custom resource. Message returned: as asked")


HALF = """
import cfnresponse
def handler(event, context):
    wanted, old = event["ResourceProperties"], event.get("OldResourceProperties", {})
    print("heard", event["RequestType"], old.get("Name"), wanted["Name"], event.get("PhysicalResourceId"))
    fails = wanted["Name"] in ("bad", "worse") or old.get("Name") == "worse"
    cfnresponse.send(event, context, "FAILED" if fails else "SUCCESS", {"Greeting": "hi"}, "p")
"""


def _heard(emulator: RunningEmulator) -> list[str]:
    """What the function of a stack was asked."""
    group = f"/aws/lambda/{resources(emulator)['Maker']}"
    events = emulator.client("logs").filter_log_events(logGroupName=group, filterPattern="heard")["events"]
    return [event["message"].strip().removeprefix("heard ") for event in events]


@pytest.mark.parametrize(
    ("name", "ended", "status"),
    [("bad", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"), ("worse", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")],
)
def test_a_custom_resource_that_failed_to_change_is_asked_to_be_what_it_was(
    emulator: RunningEmulator, name: str, ended: str, status: str
) -> None:
    create(emulator, custom(HALF, Name="good"))
    assert update(emulator, custom(HALF, Name=name))["StackStatus"] == status
    asked = [f"Update good {name} p", f"Update {name} good p"]
    assert sorted(_heard(emulator)) == sorted(["Create None good None", *asked])
    events = [event[1] for event in history(emulator) if event[0] == "Thing"][3:]
    assert events == ["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", ended]


def test_a_custom_resource_that_nobody_was_asked_to_change_is_not_asked_back(emulator: RunningEmulator) -> None:
    create(emulator, custom(HALF, Name="good"))
    stack = update(emulator, custom(HALF, Name="good", ServiceToken="arn:aws:sns:us-east-1:000000000000:other"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert _heard(emulator) == ["Create None good None"]


SILENT = "def handler(event, context):\n    pass\n"
BROKEN = "def handler(event, context):\n    print('looking for it')\n    raise KeyError('nowhere')\n"


def _failure(emulator: RunningEmulator, body: str) -> tuple[str, float]:
    """Why the resource of a template failed, and after which time."""
    began = emulator.now()
    stack = create(emulator, body, OnFailure="DO_NOTHING")
    assert stack["StackStatus"] == "CREATE_FAILED"
    client = emulator.client("cloudformation")
    [event] = [
        event
        for event in client.describe_stack_events(StackName="demo")["StackEvents"]
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("Thing", "CREATE_FAILED")
    ]
    return event["ResourceStatusReason"], event["Timestamp"].timestamp() - began


def test_a_custom_resource_that_does_not_answer_fails_when_its_time_is_over(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"custom_resources_fail_early": False})
    reason, after = _failure(emulator, custom(SILENT, ServiceTimeout=90))
    assert reason.startswith("CloudFormation did not receive a response from your Custom Resource.")
    assert after == pytest.approx(90, abs=1)


def test_a_custom_resource_whose_function_forgets_to_answer_fails_soon(emulator: RunningEmulator) -> None:
    reason, after = _failure(emulator, custom(SILENT))
    assert reason.startswith("CloudFormation did not receive a response from your Custom Resource.")
    assert "ended without an answer to the ResponseURL" in reason
    assert reason.endswith("AWS would have waited until 3600 seconds are over.")
    assert after < 60


def test_a_custom_resource_whose_function_fails_says_its_error_and_last_lines(emulator: RunningEmulator) -> None:
    reason, after = _failure(emulator, custom(BROKEN))
    assert "failed 3 times, the last time with KeyError: 'nowhere'. Its last log lines: looking for it" in reason
    assert after == pytest.approx(180, abs=5), "both retries of an asynchronous invocation come first"


def test_while_a_function_that_failed_is_to_be_tried_again_the_resource_says_so(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    client.create_stack(StackName="demo", TemplateBody=custom(BROKEN))
    emulator.advance(1)
    [thing] = client.describe_stack_resources(StackName="demo", LogicalResourceId="Thing")["StackResources"]
    assert thing["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert "failed with KeyError: 'nowhere'. Its last log lines: " in thing["ResourceStatusReason"]
    assert thing["ResourceStatusReason"].endswith("Lambda will try it again.")


@pytest.mark.parametrize(("seconds", "words"), [(30, "failed with KeyError"), (90, "failed 2 times, the")])
def test_a_custom_resource_whose_time_is_over_before_the_retry_says_the_error_too(
    emulator: RunningEmulator, seconds: int, words: str
) -> None:
    reason, after = _failure(emulator, custom(BROKEN, ServiceTimeout=seconds))
    assert reason.startswith("CloudFormation did not receive a response from your Custom Resource.")
    assert f" {words}" in reason and "KeyError: 'nowhere'. Its last log lines: " in reason
    assert "looking for it | " in reason
    assert reason.count("Function ") == 1
    assert after == pytest.approx(seconds, abs=1)


def test_a_custom_resource_that_another_execution_answers_is_waited_for(emulator: RunningEmulator) -> None:
    role, region = "arn:aws:iam::000000000000:role/any", "us-east-1"
    later = {
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 300, "Next": "Answer"},
            "Answer": {
                "Type": "Task",
                "Resource": f"arn:aws:lambda:{region}:000000000000:function:answer",
                "End": True,
            },
        },
    }
    lambdas = json.loads(
        custom("""
import boto3, json
def handler(event, context):
    boto3.client("stepfunctions").start_execution(
        stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:later", input=json.dumps(event))
""")
    )
    lambdas["Resources"]["Answer"] = function(ANSWERING)
    lambdas["Resources"]["Answer"]["Properties"]["FunctionName"] = "answer"
    lambdas["Resources"]["Thing"]["DependsOn"] = "Answer"
    emulator.client("stepfunctions").create_state_machine(name="later", definition=json.dumps(later), roleArn=role)
    stack = create(emulator, json.dumps(lambdas))
    assert stack["StackStatus"] == "CREATE_COMPLETE" and outputs(stack)["Id"] == "id-1"


def test_a_rollback_that_fails_can_go_on_without_what_failed(emulator: RunningEmulator) -> None:
    create(emulator, custom(Fail="Update"))
    body = json.loads(custom(Name="new"))
    body["Resources"]["Bad"] = {**queue(DelaySeconds=9999), "DependsOn": "Thing"}
    stack = update(emulator, json.dumps(body))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to update: [Thing]. "
    client = emulator.client("cloudformation")
    client.continue_update_rollback(StackName="demo")
    assert settled(emulator)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    client.continue_update_rollback(StackName="demo", ResourcesToSkip=["Thing"])
    assert settled(emulator)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert set(resources(emulator)) == {"Maker", "Thing"}


def test_a_custom_resource_that_failed_and_was_kept_is_made_anew(emulator: RunningEmulator) -> None:
    create(emulator, custom(Fail="Create", Id="old"), OnFailure="DO_NOTHING")
    client = emulator.client("cloudformation")
    client.delete_stack(StackName="demo")
    emulator.settle()
    assert client.describe_stacks()["Stacks"] == []
    create(emulator, custom(Fail="Create"), DisableRollback=True)
    stack = update(emulator, custom(Name="mended", Id="new"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert outputs(stack) == {"Said": "hello mended", "Id": "new"}


def test_functions_that_take_time_to_change_are_waited_for(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"function_change_seconds": 5})

    def body(code: str, timeout: int) -> str:
        made = function(f"def handler(event, context):\n    return '{code}'\n")
        made["Properties"]["Timeout"] = timeout
        return template({"F": made, "After": {**queue(), "DependsOn": "F"}})

    started = emulator.now()
    assert create(emulator, body("one", 10))["StackStatus"] == "CREATE_COMPLETE"
    assert 5 <= emulator.now() - started < 8
    started = emulator.now()
    assert update(emulator, body("two", 20))["StackStatus"] == "UPDATE_COMPLETE"
    assert 10 <= emulator.now() - started < 14
    name = resources(emulator)["F"]
    assert emulator.client("lambda").get_function_configuration(FunctionName=name)["Timeout"] == 20
    assert emulator.client("lambda").invoke(FunctionName=name)["Payload"].read() == b'"two"'


def test_a_deletion_that_fails_can_leave_what_failed_behind(emulator: RunningEmulator) -> None:
    stack = create(emulator, custom(Fail="Delete"))
    client = emulator.client("cloudformation")
    with pytest.raises(ClientError, match="only allowed when the stack is in DELETE_FAILED"):
        client.delete_stack(StackName="demo", RetainResources=["Thing"])
    client.delete_stack(StackName="demo")
    failed = settled(emulator)
    assert failed["StackStatus"] == "DELETE_FAILED"
    assert failed["StackStatusReason"] == "The following resource(s) failed to delete: [Thing]. "
    assert set(resources(emulator)) == {"Maker", "Thing"}
    client.delete_stack(StackName="demo", RetainResources=["Thing"])
    assert settled(emulator, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert client.describe_stacks()["Stacks"] == []
    assert emulator.client("lambda").list_functions()["Functions"] == []


def test_a_deletion_can_be_forced(emulator: RunningEmulator) -> None:
    stack = create(emulator, custom(Fail="Delete"))
    client = emulator.client("cloudformation")
    client.delete_stack(StackName="demo")
    assert settled(emulator)["StackStatus"] == "DELETE_FAILED"
    client.delete_stack(StackName="demo", DeletionMode="FORCE_DELETE_STACK")
    assert settled(emulator, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert emulator.client("lambda").list_functions()["Functions"] == []


def test_a_custom_resource_may_be_asked_for_by_a_topic(emulator: RunningEmulator) -> None:
    url = emulator.client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    topic = emulator.client("sns").create_topic(Name="asking")["TopicArn"]
    endpoint = "arn:aws:sqs:us-east-1:000000000000:asked"
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    thing = {"Type": "AWS::CloudFormation::CustomResource", "Properties": {"ServiceToken": topic, "Deep": {"On": True}}}
    begin(emulator, template({"Thing": thing}))
    [message] = emulator.client("sqs").receive_message(QueueUrl=url)["Messages"]
    asked = json.loads(json.loads(message["Body"])["Message"])
    assert asked["RequestType"] == "Create" and asked["ResourceType"] == "AWS::CloudFormation::CustomResource"
    assert asked["ResourceProperties"] == {"ServiceToken": topic, "Deep": {"On": "true"}}
    said = {name: asked[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    assert put(asked["ResponseURL"], {**said, "Status": "SUCCESS", "PhysicalResourceId": "by-hand"}) == 200
    assert settled(emulator)["StackStatus"] == "CREATE_COMPLETE"
    assert resources(emulator) == {"Thing": "by-hand"}


BY_TLS = """
import json
from http.client import HTTPSConnection
from urllib.parse import urlsplit
def handler(event, context):
    said = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    said.update(Status="SUCCESS", PhysicalResourceId="p", Data={"Greeting": "hi"})
    url = urlsplit(event["ResponseURL"])
    connection = HTTPSConnection(url.netloc)
    connection.request("PUT", url.path + "?" + url.query, json.dumps(said), {"content-type": ""})
    print(connection.getresponse().reason)
"""


def test_a_custom_resource_answers_by_tls_as_libraries_do(emulator: RunningEmulator) -> None:
    assert outputs(create(emulator, custom(BY_TLS))) == {"Said": "hi", "Id": "p"}


NODE = """
const https = require('https');
exports.handler = (event) => new Promise((resolve, reject) => {
  const url = new URL(event.ResponseURL);
  const { StackId, RequestId, LogicalResourceId } = event;
  const Data = { Greeting: 'hi' };
  const said = { Status: 'SUCCESS', PhysicalResourceId: 'n', StackId, RequestId, LogicalResourceId, Data };
  const body = JSON.stringify(said);
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  const options = { hostname: url.hostname, port: 443, path: url.pathname + url.search, method: 'PUT', headers };
  const request = https.request(options, (response) => { response.resume(); resolve(response.statusCode); });
  request.on('error', reject);
  request.end(body);
});
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_a_custom_resource_in_node_answers_as_it_does_on_aws(emulator: RunningEmulator) -> None:
    body = json.loads(custom(NODE))
    body["Resources"]["Maker"]["Properties"]["Runtime"] = "nodejs20.x"
    assert outputs(create(emulator, json.dumps(body))) == {"Said": "hi", "Id": "n"}


def waiting(**more: Any) -> str:
    return template(
        {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600", "Count": 2},
            },
            "Beside": queue(),
            "After": {**queue(), "DependsOn": "Wait"},
            **more,
        },
        Outputs={"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
    )


def begin(emulator: RunningEmulator, body: str, **more: Any) -> Any:
    client = emulator.client("cloudformation")
    client.create_stack(StackName="demo", TemplateBody=body, **more)
    emulator.advance(1)
    return client


def put(url: str, body: dict[str, Any]) -> int:
    return httpx.put(url, content=json.dumps(body)).status_code


def test_a_wait_condition_waits_for_its_signals_beside_what_needs_it_not(emulator: RunningEmulator) -> None:
    client = begin(emulator, waiting())
    made = resources(emulator)
    assert made["Beside"] and "After" not in made
    assert client.describe_stacks(StackName="demo")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    assert put(made["Handle"], {"Status": "SUCCESS", "UniqueId": "1", "Data": "a", "Reason": "r"}) == 200
    assert put(made["Handle"], {"Status": "SUCCESS", "UniqueId": "1", "Data": "again", "Reason": "r"}) == 200
    emulator.advance(1)
    assert client.describe_stacks(StackName="demo")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    assert put(made["Handle"], {"Status": "SUCCESS", "UniqueId": "2", "Data": "b", "Reason": "r"}) == 200
    stack = settled(emulator)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack) == {"Data": '{"1":"a","2":"b"}'}


def test_a_wait_condition_times_out_in_aws_time(emulator: RunningEmulator) -> None:
    begin(emulator, waiting())
    put(resources(emulator)["Handle"], {"Status": "SUCCESS", "UniqueId": "1", "Data": "a", "Reason": "r"})
    emulator.advance(598)
    assert emulator.client("cloudformation").describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    assert settled(emulator)["StackStatus"] == "ROLLBACK_COMPLETE"
    text = "WaitCondition timed out. Received 1 conditions when expecting 2"
    assert ("Wait", "CREATE_FAILED", text) in history(emulator)


def test_a_resource_with_a_creation_policy_is_signalled_by_the_api(emulator: RunningEmulator) -> None:
    policy = {"ResourceSignal": {"Count": 1, "Timeout": "PT10M"}}
    body = template({"Wait": {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": policy}})
    client = begin(emulator, body)
    client.signal_resource(StackName="demo", LogicalResourceId="Wait", UniqueId="one", Status="SUCCESS")
    assert settled(emulator)["StackStatus"] == "CREATE_COMPLETE"


def test_two_deployments_at_once_are_refused(emulator: RunningEmulator) -> None:
    client = begin(emulator, waiting())
    with pytest.raises(ClientError) as refused:
        client.update_stack(StackName="demo", TemplateBody=template({"A": queue()}))
    arn = client.describe_stacks()["Stacks"][0]["StackId"]
    error = refused.value.response["Error"]
    assert error["Message"] == f"Stack:{arn} is in CREATE_IN_PROGRESS state and can not be updated."


def test_a_creation_is_given_up_when_its_stack_is_deleted(emulator: RunningEmulator) -> None:
    client = begin(emulator, waiting())
    client.delete_stack(StackName="demo")
    emulator.settle()
    assert client.describe_stacks()["Stacks"] == []
    assert emulator.client("sqs").list_queues().get("QueueUrls", []) == []
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_creation_that_takes_too_long_is_rolled_back(emulator: RunningEmulator) -> None:
    begin(emulator, waiting(), TimeoutInMinutes=5)
    assert settled(emulator)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("Wait", "CREATE_FAILED", "Resource creation cancelled") in history(emulator)


def test_an_update_can_be_cancelled(emulator: RunningEmulator) -> None:
    create(emulator, template({"A": queue(DelaySeconds=1)}))
    client = emulator.client("cloudformation")
    changed = json.loads(waiting(A=queue(DelaySeconds=2)))
    client.update_stack(StackName="demo", TemplateBody=json.dumps(changed))
    emulator.advance(1)
    assert client.describe_stacks()["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS"
    client.cancel_update_stack(StackName="demo")
    assert settled(emulator)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert list(resources(emulator)) == ["A"]
    assert len(emulator.client("sqs").list_queues()["QueueUrls"]) == 1


def upload(emulator: RunningEmulator, name: str, body: str) -> str:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key=name, Body=body.encode())
    return f"https://templates.s3.us-east-1.amazonaws.com/{name}"


def parent(url: str, delay: int = 1) -> str:
    inner = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, "Parameters": {"Delay": delay}}}
    return template({"Inner": inner}, Outputs={"Url": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Url"]}}})


INNER = template(
    {"Q": queue(DelaySeconds={"Ref": "Delay"})},
    Parameters={"Delay": {"Type": "Number"}},
    Outputs={"Url": {"Value": {"Ref": "Q"}}},
)


def test_nested_stacks_are_made_changed_and_deleted_with_their_parent(emulator: RunningEmulator) -> None:
    url = upload(emulator, "inner.json", INNER)
    stack = create(emulator, parent(url))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    client = emulator.client("cloudformation")
    inner = client.describe_stacks(StackName=resources(emulator)["Inner"])["Stacks"][0]
    assert inner["ParentId"] == inner["RootId"] == stack["StackId"]
    assert outputs(stack)["Url"] == outputs(inner)["Url"]
    assert update(emulator, parent(url, 3))["StackStatus"] == "UPDATE_COMPLETE"
    told = emulator.client("sqs").get_queue_attributes(QueueUrl=outputs(stack)["Url"], AttributeNames=["DelaySeconds"])
    assert told["Attributes"] == {"DelaySeconds": "3"}
    failed = update(emulator, parent(url, 9999))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    client.delete_stack(StackName="demo")
    emulator.settle()
    assert client.describe_stacks()["Stacks"] == []


@pytest.mark.parametrize("first", ["Inner", "demo"])
def test_a_nested_stack_that_is_deleted_itself_does_not_keep_its_parent_waiting(
    emulator: RunningEmulator, first: str
) -> None:
    create(emulator, parent(upload(emulator, "inner.json", INNER)))
    client, inner = emulator.client("cloudformation"), resources(emulator)["Inner"]
    names = [inner, "demo"] if first == "Inner" else ["demo", inner]
    for name in names:
        client.delete_stack(StackName=name)
    emulator.settle()
    assert client.describe_stacks()["Stacks"] == []


def test_a_nested_stack_that_fails_takes_its_parent_with_it(emulator: RunningEmulator) -> None:
    url = upload(emulator, "inner.json", INNER)
    stack = create(emulator, parent(url, 9999))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    [reason] = [event[2] for event in history(emulator) if event[1] == "CREATE_FAILED"]
    assert reason.startswith("Embedded stack arn:aws:cloudformation:") and "failed to create: [Q]" in reason
    assert emulator.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"] == []
