"""Tags that CloudFormation gives to what stacks make: its own three, the stack's, the resource's."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import ROLE, create, history, queue, resources, settled, template, update

SOURCE = "def handler(event, context):\n    return 1\n"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
TAGGED: dict[str, Any] = {
    "Work": (
        "Lambda::Function",
        {"Code": {"ZipFile": SOURCE}, "Role": ROLE, "Handler": "index.handler", "Runtime": "python3.12"},
    ),
    "Queue": ("SQS::Queue", {}),
    "Topic": ("SNS::Topic", {}),
    "Lines": ("Logs::LogGroup", {}),
    "Rule": ("Events::Rule", {"ScheduleExpression": "rate(1 day)"}),
    "Flow": ("StepFunctions::StateMachine", {"Definition": PASS, "RoleArn": ROLE}),
    "Rest": ("ApiGateway::RestApi", {"Name": "rest"}),
    "Http": ("ApiGatewayV2::Api", {"Name": "http", "ProtocolType": "HTTP"}),
    "Group": ("Scheduler::ScheduleGroup", {}),
    "Sender": ("SES::EmailIdentity", {"EmailIdentity": "ada@example.com"}),
    "Table": (
        "DynamoDB::Table",
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    ),
}


def _pairs(tags: list[dict[str, Any]]) -> dict[str, str]:
    return {tag.get("Key") or tag["key"]: tag.get("Value") or tag["value"] for tag in tags}


def _read(emulator: RunningEmulator, ids: dict[str, str], outputs: dict[str, str]) -> dict[str, dict[str, str]]:
    client = emulator.client
    region = "arn:aws:apigateway:us-east-1::"
    return {
        "Work": client("lambda").list_tags(Resource=outputs["Work"])["Tags"],
        "Queue": client("sqs").list_queue_tags(QueueUrl=ids["Queue"])["Tags"],
        "Topic": _pairs(client("sns").list_tags_for_resource(ResourceArn=ids["Topic"])["Tags"]),
        "Lines": client("logs").list_tags_for_resource(resourceArn=outputs["Lines"].removesuffix(":*"))["tags"],
        "Rule": _pairs(client("events").list_tags_for_resource(ResourceARN=outputs["Rule"])["Tags"]),
        "Flow": _pairs(client("stepfunctions").list_tags_for_resource(resourceArn=ids["Flow"])["tags"]),
        "Rest": client("apigateway").get_tags(resourceArn=f"{region}/restapis/{ids['Rest']}")["tags"],
        "Http": client("apigatewayv2").get_tags(ResourceArn=f"{region}/apis/{ids['Http']}")["Tags"],
        "Group": _pairs(client("scheduler").list_tags_for_resource(ResourceArn=outputs["Group"])["Tags"]),
        "Sender": _pairs(client("sesv2").get_email_identity(EmailIdentity=ids["Sender"])["Tags"]),
        "Table": _pairs(client("dynamodb").list_tags_of_resource(ResourceArn=outputs["Table"])["Tags"]),
    }


def test_whatever_has_tags_says_which_stack_made_it(emulator: RunningEmulator) -> None:
    declared = {name: {"Type": f"AWS::{kind}", "Properties": given} for name, (kind, given) in TAGGED.items()}
    arns = ("Work", "Lines", "Rule", "Group", "Table")
    body = template(declared, Outputs={name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in arns})
    stack = create(emulator, body, Tags=[{"Key": "team", "Value": "red"}])
    assert stack["StackStatus"] == "CREATE_COMPLETE", history(emulator)
    ids = resources(emulator)
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def expected(name: str, team: str) -> dict[str, str]:
        prefix = "aws:cloudformation:"
        own = {prefix + "stack-name": "demo", prefix + "stack-id": stack["StackId"], prefix + "logical-id": name}
        return {**own, "team": team}

    assert _read(emulator, ids, outputs) == {name: expected(name, "red") for name in TAGGED}
    assert update(emulator, body, Tags=[{"Key": "team", "Value": "blue"}])["StackStatus"] == "UPDATE_COMPLETE"
    assert _read(emulator, ids, outputs) == {name: expected(name, "blue") for name in TAGGED}
    assert resources(emulator) == ids

    api = f"arn:aws:apigateway:us-east-1::/restapis/{ids['Rest']}"
    emulator.client("apigateway").tag_resource(resourceArn=api, tags={"mine": "1"})  # beside AWS's own
    emulator.client("lambda").tag_resource(Resource=outputs["Work"], Tags={"mine": "1"})
    with pytest.raises(ClientError, match="aws:"):
        emulator.client("apigateway").tag_resource(resourceArn=api, tags={"aws:mine": "1"})
    with pytest.raises(ClientError, match="aws:"):
        emulator.client("lambda").tag_resource(Resource=outputs["Work"], Tags={"aws:mine": "1"})
    with pytest.raises(ClientError, match="aws:"):
        emulator.client("stepfunctions").tag_resource(resourceArn=ids["Flow"], tags=[{"key": "aws:mine", "value": "1"}])


def test_a_template_cannot_give_tags_of_awss(emulator: RunningEmulator) -> None:
    stack = create(emulator, template({"A": queue(Tags=[{"Key": "aws:mine", "Value": "1"}])}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [reason for name, status, reason in history(emulator) if (name, status) == ("A", "CREATE_FAILED")]
    assert reasons == ["aws: prefixed tag key names are not allowed for external use."]
    assert settled(emulator)["StackStatus"] == "ROLLBACK_COMPLETE"
