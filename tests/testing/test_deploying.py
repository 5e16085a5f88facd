"""`emulator.deploy`: a template as it lies in a folder, deployed, driven, updated, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.demo.deploy import report
from emulator.testing import Emulator
from emulator.testing.aws import Aws
from emulator.testing.deploying import DeployFailed
from emulator.testing.inbox import Inbox
from emulator.testing.servers import HarnessError

SAMPLE = Path(__file__).resolve().parents[2] / "sample_functions"
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: greet/
      Environment: {Variables: {GREETING: !Ref Greeting}}
  Failed:
    Type: AWS::SQS::Queue
Outputs:
  Name: {Value: !Ref Greet}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my project"
    (folder / "greet").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "greet/app.py").write_text("import os\ndef handler(event, context):\n    return os.environ['GREETING']\n")
    return folder


def test_a_folder_is_deployed_and_updated(emulator: Emulator, aws: Aws, project: Path) -> None:
    stack = emulator.deploy(project)
    assert stack.name == "my-project"
    function = stack.outputs["Name"]
    assert stack.resources["Greet"] == function
    assert aws.lambda_.invoke(FunctionName=function)["Payload"].read() == b'"hello"'
    assert emulator.deploy(project).outputs == stack.outputs
    emulator.deploy(project / "template.yaml", {"Greeting": "good evening"})
    assert aws.lambda_.invoke(FunctionName=function)["Payload"].read() == b'"good evening"'
    (project / "greet/app.py").write_text("def handler(event, context):\n    return 'new'\n")
    emulator.deploy(project)
    assert aws.lambda_.invoke(FunctionName=function)["Payload"].read() == b'"new"'


def test_what_cannot_be_deployed_says_which_resource_and_why(emulator: Emulator, project: Path) -> None:
    with pytest.raises(HarnessError, match=r"There is no .*nothing\.yaml"):
        emulator.deploy(project / "nothing.yaml")
    with pytest.raises(HarnessError, match="has no template"):
        emulator.deploy(project / "greet")
    broken = TEMPLATE.replace("CodeUri: greet/", "CodeUri: missing/")
    (project / "template.yaml").write_text(broken)
    with pytest.raises(DeployFailed, match=r"Greet: there is no .*missing"):
        emulator.deploy(project)
    (project / "template.yaml").write_text(TEMPLATE.replace("python3.11", "cobol"))
    with pytest.raises(DeployFailed, match="Greet"):
        emulator.deploy(project)


def test_the_sample_application_works_from_the_request_to_the_mail(emulator: Emulator, aws: Aws, inbox: Inbox) -> None:
    aws.ses.verify_email_identity(EmailAddress="reports@example.com")
    emulator.deploy(SAMPLE, {"SenderAddress": "reports@example.com"})
    answer = aws.http.post("/reports", json=report("ada@example.com"))
    assert answer.status_code == 202, answer.text
    assert "national accounts" in inbox.wait(to="ada@example.com").subject
    [execution] = emulator.executions()
    assert execution["status"] == "SUCCEEDED"


def test_an_openapi_file_is_deployed_with_a_folder_of_handlers(emulator: Emulator, aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "handlers/greet").mkdir(parents=True)
    (tmp_path / "handlers/greet/app.py").write_text(
        "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"
    )
    (tmp_path / "openapi.yaml").write_text(
        "openapi: 3.0.1\ninfo: {title: greetings, version: '1'}\n"
        "paths: {/greet: {get: {operationId: greet, responses: {'200': {description: ok}}}}}\n"
    )
    emulator.deploy(tmp_path / "openapi.yaml", name="greetings", functions=tmp_path / "handlers")
    assert aws.http.get("/greet").text == "hello"


def test_what_cdk_has_written_is_deployed_with_its_assets(emulator: Emulator, aws: Aws, tmp_path: Path) -> None:
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    placed = {"S3Bucket": {"Fn::Sub": bucket}, "S3Key": "1234.zip"}
    function = {"Code": placed, "Handler": "app.handler", "Runtime": "python3.11", "FunctionName": "greet"}
    function |= {
        "Role": "arn:aws:iam::000000000000:role/r",
        "Environment": {"Variables": {"QUEUE": {"Fn::ImportValue": "q"}}},
    }
    machine = {
        "RoleArn": "arn:aws:iam::000000000000:role/r",
        "DefinitionS3Location": {"Bucket": {"Fn::Sub": bucket}, "Key": "5678.json"},
    }
    first = {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "first"}}}
    second = {
        "F": {"Type": "AWS::Lambda::Function", "Properties": function},
        "M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
    }
    exported = {"Name": {"Value": {"Fn::GetAtt": ["Q", "QueueName"]}, "Export": {"Name": "q"}}}

    def asset(path: str, packaging: str, key: str) -> Any:
        place = {"current": {"bucketName": bucket, "objectKey": key}}
        return {"source": {"path": path, "packaging": packaging}, "destinations": place}

    stack = {"type": "aws:cloudformation:stack"}
    needed = ["First", "Second.assets"]
    written = {
        "manifest.json": {
            "artifacts": {
                "Second": stack | {"properties": {"templateFile": "Second.json"}, "dependencies": needed},
                "First": stack | {"properties": {"templateFile": "First.json"}},
                "Second.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Second.assets.json"}},
            }
        },
        "First.json": {"Resources": first, "Outputs": exported},
        "Second.json": {"Resources": second},
        "Second.assets.json": {
            "files": {
                "1": asset("asset.1234", "zip", "1234.zip"),
                "2": asset("asset.5678.json", "file", "5678.json"),
            }
        },
        "asset.5678.json": {"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}},
    }
    out = tmp_path / "cdk.out"
    (out / "asset.1234").mkdir(parents=True)
    for name, content in written.items():
        (out / name).write_text(json.dumps(content))
    (out / "asset.1234/app.py").write_text("import os\ndef handler(event, context):\n    return os.environ['QUEUE']\n")
    deployed = emulator.deploy(out)
    assert [each.name for each in deployed.stacks] == ["First", "Second"]
    assert (deployed.outputs, deployed.resources["F"]) == ({"Name": "first"}, "greet")
    assert aws.lambda_.invoke(FunctionName="greet")["Payload"].read() == b'"first"'
    assert emulator.deploy(tmp_path).name == "Second", "again, from the project's folder"


def test_a_queue_in_a_word(emulator: Emulator, aws: Aws) -> None:
    aws.sqs.create_queue(QueueName="orders")
    queue = emulator.queue("orders")
    queue.send({"n": 1})
    queue.send("two")
    assert len(queue) == 2
    assert emulator.queue(queue.arn).bodies() == ['{"n": 1}', "two"]
    assert len(emulator.queue(queue.url)) == 0
