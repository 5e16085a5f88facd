"""CloudFormation over the wire, by real boto3."""

from __future__ import annotations

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import ROLE, create, history, queue, resources, template

FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": "def handler(event, context):\n    return 'hello'\n"},
        "Environment": {"Variables": {"QUEUE": {"Ref": "Queue"}}},
    },
}


def test_a_stack_makes_its_resources_and_tells_of_each(emulator: RunningEmulator) -> None:
    body = template(
        {"Queue": queue(DelaySeconds="5"), "Topic": {"Type": "AWS::SNS::Topic"}, "Function": FUNCTION},
        Outputs={"Url": {"Value": {"Ref": "Queue"}}, "Arn": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}}},
    )
    stack = create(emulator, body)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    made = resources(emulator)
    assert outputs["Url"] == made["Queue"]
    assert history(emulator) == [
        ("demo", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Queue", "CREATE_IN_PROGRESS", ""),
        ("Queue", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Queue", "CREATE_COMPLETE", ""),
        ("Topic", "CREATE_IN_PROGRESS", ""),
        ("Topic", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Topic", "CREATE_COMPLETE", ""),
        ("Function", "CREATE_IN_PROGRESS", ""),
        ("Function", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Function", "CREATE_COMPLETE", ""),
        ("demo", "CREATE_COMPLETE", ""),
    ]
    attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=made["Queue"], AttributeNames=["All"])
    assert attributes["Attributes"]["DelaySeconds"] == "5"
    answer = emulator.client("lambda").invoke(FunctionName=made["Function"])
    assert answer["Payload"].read() == b'"hello"'
