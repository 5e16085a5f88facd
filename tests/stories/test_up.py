"""`emulator up`: a project deployed as it lies there, and again as it changes; what is wrong is shown where it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from emulator.cli import app
from emulator.deploy.up import running
from emulator.deploy.up.dependencies import Dependencies
from emulator.deploy.up.session import Options
from emulator.testing import RunningEmulator
from tests.stories.up_support import HANDLER, RUNTIME, TEMPLATE, Up
from tests.stuck import STUCK_SECONDS


@pytest.fixture
def project(emulator: RunningEmulator, tmp_path: Path) -> Up:
    made = Up(emulator, tmp_path / "project")
    made.write("template.yaml", TEMPLATE)
    made.write("greeter/app.py", HANDLER)
    return made


def test_a_template_is_deployed_as_it_lies_there_and_its_addresses_are_printed(project: Up) -> None:
    assert project.session().deploy()

    said = project.said()
    assert "HTTP API project" in said and f"{project.url()}" in said
    assert "GET  /greet  → Greeter  answers when done" in said
    assert project.outputs()["QueueUrl"] in said
    assert f"{project.emulator.url}/_emulator/mail" in said
    assert httpx.get(f"{project.url()}/greet").text == "hello"


def test_an_edited_function_answers_with_its_new_code_without_a_deployment(project: Up) -> None:
    session = project.session()
    session.deploy()
    assert httpx.get(f"{project.url()}/greet").text == "hello"
    project.write("greeter/app.py", "def handler(event, context):\n    return 'edited'\n")
    assert not session.changed()
    assert httpx.get(f"{project.url()}/greet").text == "edited"


def test_a_change_of_the_template_is_a_difference_that_is_deployed(project: Up) -> None:
    session = project.session()
    session.deploy()
    before = project.outputs()
    project.said()
    project.write("template.yaml", TEMPLATE.replace("Default: hello", "Default: good morning"))
    assert session.changed()
    assert session.deploy()
    assert "stack project is deployed: 1 changed" in project.said()
    assert httpx.get(f"{project.url()}/greet").text == "good morning"
    assert project.outputs() == before and not session.changed()
    assert session.deploy()
    assert "stack project is up to date" in project.said()


def test_an_error_is_shown_where_it_is_and_what_was_deployed_goes_on(project: Up) -> None:
    session = project.session()
    session.deploy()
    project.said()
    project.write("template.yaml", TEMPLATE.replace("!Ref Queue", "!Ref Quene"))
    assert not session.deploy()
    said = project.said()
    assert "template.yaml:18:" in said and "[Quene]" in said
    assert "   18 │   QueueUrl: {Value: !Ref Quene}" in said
    assert "the last good deployment goes on serving" in said
    assert httpx.get(f"{project.url()}/greet").text == "hello"
    assert not session.changed()
    project.write("template.yaml", TEMPLATE)
    assert session.changed() and session.deploy()
    assert "up to date" in project.said()


def test_a_resource_that_cannot_be_made_is_named_with_its_line_and_nothing_is_half_there(project: Up) -> None:
    session = project.session()
    broken = TEMPLATE.replace("AWS::SQS::Queue", "AWS::SQS::Queue\n    Properties: {VisibilityTimeout: 99999}")
    project.write("template.yaml", broken)
    assert not session.deploy()
    said = project.said()
    assert "template.yaml:17:18" in said and "Queue (AWS::SQS::Queue)" in said
    assert project.emulator.client("lambda").list_functions()["Functions"] == []
    project.write("template.yaml", TEMPLATE)
    assert session.deploy()
    assert httpx.get(f"{project.url()}/greet").text == "hello"


def test_an_output_that_cannot_be_told_is_shown_with_the_resource_it_asks(project: Up) -> None:
    project.write("template.yaml", TEMPLATE.replace("!Ref Queue", "!GetAtt Queue.Nme"))
    assert not project.session().deploy()
    said = project.said()
    assert "template.yaml:" in said
    assert "Template error: resource Queue does not support attribute type Nme in Fn::GetAtt" in said


def test_code_outside_of_the_project_is_refused_unless_that_is_meant(project: Up) -> None:
    project.write("../elsewhere/app.py", HANDLER)
    project.write("template.yaml", TEMPLATE.replace("CodeUri: greeter", "CodeUri: ../elsewhere"))
    assert not project.session().deploy()
    said = project.said()
    assert "template.yaml:10:" in said and "Greeter: ../elsewhere is outside of the project" in said
    assert project.session(Options(allow_outside=True)).deploy()


def test_a_folder_that_is_not_there_is_an_error_at_its_line(project: Up) -> None:
    project.write("template.yaml", TEMPLATE.replace("CodeUri: greeter", "CodeUri: greter"))
    assert not project.session().deploy()
    assert "template.yaml:10:" in (said := project.said()) and "CodeUri greter does not exist" in said


def test_a_folder_that_is_removed_while_it_serves_is_told_at_its_line_and_its_code_goes_on(project: Up) -> None:
    session = project.session()
    session.deploy()
    assert httpx.get(f"{project.url()}/greet").text == "hello"
    project.said()
    gone = (project.folder / "greeter").rename(project.folder / "elsewhere")
    assert session.changed() and not session.deploy()
    said = project.said()
    assert "template.yaml:10:" in said and "CodeUri greeter does not exist" in said
    assert "the last good deployment goes on serving" in said
    assert httpx.get(f"{project.url()}/greet").text == "hello"
    assert not session.changed()
    gone.rename(project.folder / "greeter")
    assert session.changed() and session.deploy() and not session.changed()
    assert httpx.get(f"{project.url()}/greet").text == "hello"


def test_parameters_and_variables_are_given_on_the_command_line(project: Up) -> None:
    project.write("variables", "# for all\nexport ALL='1'\nGreeter.ONE=2\n")
    arguments = ["up", str(project.folder), "--endpoint", project.emulator.url, "--once", "--param", "Greeting=salve"]
    arguments += ["--env-file", str(project.folder / "variables"), "--var", "ALL=3", "--stack-name", "named"]
    ran = CliRunner().invoke(app, arguments)
    assert (ran.exit_code, "stack named is deployed" in ran.stdout) == (0, True), ran.output
    [function] = project.emulator.client("lambda").list_functions()["Functions"]
    assert function["Environment"]["Variables"] == {"GREETING": "salve", "ALL": "3", "ONE": "2"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--param", "Greeting"], "--param Greeting is not KEY=VALUE."),
        (["--var", "1=2"], "1 is no name of an environment variable"),
        (["--stack-name", "1"], "--stack-name 1 is none"),
        (["--param", "Other=1"], "Parameters: [Other] do not exist in the template"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said(project: Up, arguments: list[str], words: str) -> None:
    ran = CliRunner().invoke(app, ["up", str(project.folder), "--endpoint", project.emulator.url, "--once", *arguments])
    assert ran.exit_code == 1 and words in ran.stdout


def test_definitions_nested_templates_layers_and_includes_are_local_files(project: Up) -> None:
    template: dict[str, Any] = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Machine": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {
                    "DefinitionUri": "machine.asl.yaml",
                    "DefinitionSubstitutions": {"Word": "well", "Seconds": 5},
                    "Role": "arn:aws:iam::000000000000:role/any",
                },
            },
            "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "inner.yaml"}},
            "Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}},
            "Included": {
                "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "queue.yaml"}},
            },
        },
        "Outputs": {"Machine": {"Value": {"Ref": "Machine"}}},
    }
    project.write("template.yaml", json.dumps(template))
    wait = "  Wait:\n    Type: Wait\n    Seconds: ${Seconds}\n    Next: Only\n"
    only = "  Only: {Type: Pass, Result: '${Word}', End: true}\n"
    project.write("machine.asl.yaml", f"StartAt: Wait\nStates:\n{wait}{only}")
    project.write("inner.yaml", "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: inside}}\n")
    project.write("layer/python/shared.py", "WORD = 1\n")
    queue = project.write("queue.yaml", "Type: AWS::SQS::Queue\nProperties: {QueueName: included}\n")
    session = project.session()
    assert session.deploy(), project.said()

    machines = project.emulator.client("stepfunctions")
    definition = machines.describe_state_machine(stateMachineArn=project.outputs()["Machine"])["definition"]
    states = json.loads(definition)["States"]
    assert (states["Only"]["Result"], states["Wait"]["Seconds"]) == ("well", 5)
    assert project.emulator.client("sqs").get_queue_url(QueueName="included")
    [topic] = project.emulator.client("sns").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":inside")
    assert project.emulator.client("lambda").list_layers()["Layers"]
    queue.write_text("Type: AWS::SQS::Queue\nProperties: {QueueName: renamed-it}\n")
    assert session.changed() and session.deploy(), project.said()
    assert project.emulator.client("sqs").get_queue_url(QueueName="renamed-it")


def local_package(folder: Path, name: str, version: str) -> None:
    """A wheel that can be installed without a network."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_what_requirements_name_is_installed_once_and_found_beside_the_code(project: Up, tmp_path: Path) -> None:
    said: list[str] = []
    required = Dependencies({}, said.append, tmp_path / "cache")
    wheels = tmp_path / "wheels"
    local_package(wheels, "greeting_words", "1.0")
    local_package(wheels, "greeting_words", "2.0")
    requirements = f"--no-index\n--find-links {wheels}\ngreeting_words==1.0\n"
    project.write("greeter/requirements.txt", requirements)
    project.write("greeter/app.py", "import greeting_words\ndef handler(e, c):\n    return greeting_words.VERSION\n")
    session = project.session(Options(dependencies=required.folder_of))
    assert session.deploy(), project.said()
    assert httpx.get(f"{project.url()}/greet").text == "1.0"
    assert [line.split(":")[0] for line in said] == ["Greeter", "Greeter"]

    project.write("greeter/requirements.txt", requirements.replace("1.0", "2.0"))
    assert session.changed() and session.deploy(), project.said()
    assert httpx.get(f"{project.url()}/greet").text == "2.0"

    said.clear()
    project.write("greeter/requirements.txt", requirements)
    assert session.deploy() and said == []
    assert httpx.get(f"{project.url()}/greet").text == "1.0"
    assert sorted(path.name for path in (project.folder / "greeter").iterdir()) == ["app.py", "requirements.txt"]

    project.write("greeter/requirements.txt", requirements.replace("1.0", "9.0"))
    assert not session.deploy()
    assert "cannot be installed" in (shown := project.said()) and "greeting_words==9.0" in shown, shown
    assert httpx.get(f"{project.url()}/greet").text == "1.0"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("index.js", "const {word} = require('words');\nexports.handler = async () => word;\n"),
        ("index.mjs", "import {word} from 'words';\nexport const handler = async () => word;\n"),
    ],
)
def test_node_packages_are_found_beside_the_code(
    emulator: RunningEmulator, tmp_path: Path, file: str, source: str
) -> None:
    code, required = tmp_path / "code", tmp_path / "required"
    module = required / "node_modules" / "words"
    for folder in (code, module):
        folder.mkdir(parents=True)
    (module / "package.json").write_text('{"name": "words", "main": "main.js"}')
    (module / "main.js").write_text("exports.word = 'found';\n")
    (code / file).write_text(source)
    function = emulator.client("lambda")
    function.create_function(
        FunctionName="node",
        Runtime="nodejs20.x",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"S3Bucket": "hot-reload", "S3Key": f"{code}{os.pathsep}{required}"},
    )
    assert json.load(function.invoke(FunctionName="node")["Payload"]) == "found"
    assert function.get_function(FunctionName="node")["Code"]["Location"] == f"file://{code}"


READER = """\
const http = require('http');
exports.handler = (event) => new Promise((resolve) => {
  const { hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
  const Authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request';
  const host = `pictures.${hostname}`;
  const sent = http.request({ host, port, path: '/cat', headers: { Authorization } }, (answer) => {
    answer.setEncoding('utf8').on('data', resolve);
  });
  sent.on('error', (error) => resolve(error.code)).end();
});
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_a_bucket_before_the_emulators_name_is_reached_though_no_resolver_knows_it(project: Up) -> None:
    s3 = project.emulator.client("s3")
    s3.create_bucket(Bucket="pictures")
    s3.put_object(Bucket="pictures", Key="cat", Body=b"miaow")
    project.write("template.yaml", NODE)
    project.write("code/index.js", READER)
    assert project.session().deploy(), project.said()
    answer = project.emulator.client("lambda").invoke(FunctionName="speaker")["Payload"].read()
    assert answer == b'"miaow"'


OPENAPI = """\
openapi: 3.0.1
info: {title: shop, version: "1"}
paths:
  /orders:
    get: {operationId: listOrders, responses: {"200": {description: all}}}
    post:
      operationId: submitOrder
      responses: {"202": {description: accepted}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: arn:aws:apigateway:x:lambda:path/2015-03-31/functions/arn:aws:lambda:x:1:function:submit/invocations
        requestParameters: {integration.request.header.X-Amz-Invocation-Type: "'Event'"}
        responses: {default: {statusCode: "202"}}
"""


def test_an_openapi_file_needs_no_template_only_a_folder_of_functions(project: Up) -> None:
    file = project.write("openapi.yaml", OPENAPI)
    session = project.session(path="openapi.yaml")
    assert not session.deploy()
    assert "is no folder" in project.said()
    project.write("functions/list_orders.py", "def handler(e, c):\n    return {'statusCode': 200, 'body': 'none'}\n")
    assert not session.deploy()
    said = project.said()
    assert "openapi.yaml:12:" in said and "The function submit is not there" in said
    project.write("functions/submit/index.js", "exports.handler = async () => {};\n")
    assert session.changed() and session.deploy(), project.said()
    said = project.said()
    assert "GET   /orders  → ListOrders  answers when done" in said
    assert "POST  /orders  → Submit      answers at once, works later" in said
    [api] = project.emulator.client("apigateway").get_rest_apis()["items"]
    url = project.emulator.data_plane(api["id"], "prod", "orders")
    assert (httpx.get(url).text, httpx.post(url, json={}).status_code) == ("none", 202)

    file.write_text(OPENAPI + "  /all:\n    get: {operationId: listOrders, responses: {}}\n")
    assert session.changed() and session.deploy(), project.said()
    assert httpx.get(project.emulator.data_plane(api["id"], "prod", "all")).text == "none"


def cdk_project(project: Up) -> None:
    """What `cdk synth` writes of two stacks, one of which needs the other: manifests, templates, assets."""
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    first = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "first"}}}}
    first |= {"Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}, "Export": {"Name": "first-arn"}}}}
    code = {"S3Bucket": {"Fn::Sub": bucket}, "S3Key": "1234.zip"}
    function = {"Code": code, "Handler": "app.handler", "Runtime": RUNTIME, "Role": "arn:aws:iam::000000000000:role/r"}
    function |= {"FunctionName": "second", "Environment": {"Variables": {"ARN": {"Fn::ImportValue": "first-arn"}}}}
    machine = {
        "RoleArn": "arn:aws:iam::000000000000:role/r",
        "DefinitionS3Location": {"Bucket": {"Fn::Sub": bucket}, "Key": "5678.json"},
    }
    second = {
        "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": function},
            "M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
        },
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        },
    }
    place = {"current": {"bucketName": bucket, "objectKey": "1234.zip"}}
    other = {"current": {"bucketName": bucket, "objectKey": "5678.json"}}
    files = {
        "1234": {"source": {"path": "asset.1234", "packaging": "zip"}, "destinations": place},
        "5678": {"source": {"path": "asset.5678.json", "packaging": "file"}, "destinations": other},
    }
    stack = {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region"}
    artifacts = {
        "Second": {
            **stack,
            "properties": {"templateFile": "Second.template.json"},
            "dependencies": ["First", "Second.assets"],
        },
        "First": {**stack, "properties": {"templateFile": "First.template.json", "stackName": "one"}},
        "Second.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Second.assets.json"}},
        "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
    }
    written = {
        "manifest": {"version": "48.0.0", "artifacts": artifacts},
        "First.template": first,
        "Second.template": second,
        "Second.assets": {"version": "48.0.0", "files": files},
        "asset.5678": {"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}},
    }
    for name, content in written.items():
        project.write(f"cdk.out/{name}.json", json.dumps(content))
    project.write("cdk.out/asset.1234/app.py", "import os\ndef handler(e, c):\n    return os.environ['ARN']\n")


def test_what_cdk_has_written_is_deployed_stack_by_stack_with_its_assets(project: Up) -> None:
    cdk_project(project)
    session = project.session(path="cdk.out")
    assert session.deploy(), project.said()
    said = project.said()
    assert said.index("stack one is deployed") < said.index("stack Second is deployed")
    answer = project.emulator.client("lambda").invoke(FunctionName="second")["Payload"].read()
    assert json.loads(answer) == "arn:aws:sqs:us-east-1:000000000000:first"
    assert len(project.emulator.client("stepfunctions").list_state_machines()["stateMachines"]) == 1
    assert not session.changed()
    project.write("cdk.out/asset.1234/app.py", "def handler(e, c):\n    return 'edited'\n")
    answer = project.emulator.client("lambda").invoke(FunctionName="second")["Payload"].read()
    assert json.loads(answer) == "edited"


def test_lint_needs_no_emulator_and_fails_for_what_fails_for_sure(project: Up) -> None:
    run = CliRunner()
    clean = run.invoke(app, ["lint", str(project.folder)])
    assert (clean.exit_code, clean.stdout) == (0, "nothing found\n")

    slow = TEMPLATE.replace("Handler: app.handler", "Handler: app.handler, Timeout: 60")
    project.write("template.yaml", slow)
    found = run.invoke(app, ["lint", str(project.folder), "--json"])
    [finding] = json.loads(found.stdout)
    assert (finding["code"], finding["severity"], found.exit_code) == ("gateway-timeout", "warning", 0)
    assert finding["file"].endswith("template.yaml") and finding["line"] > 0 and finding["hint"]
    assert "[gateway-timeout]" in run.invoke(app, ["lint", str(project.folder)]).stdout

    project.write("template.yaml", TEMPLATE.replace("!Ref Queue", "!Ref Quene"))
    wrong = run.invoke(app, ["lint", str(project.folder), "--json"])
    [problem] = json.loads(wrong.stdout)
    assert (wrong.exit_code, problem["line"], problem["severity"]) == (1, 18, "error")


def test_a_layer_that_sam_would_build_has_what_it_requires(project: Up, tmp_path: Path) -> None:
    required = Dependencies({}, lambda text: None, tmp_path / "cache")
    local_package(tmp_path / "wheels", "greeting_words", "1.0")
    layer = "  Words:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {ContentUri: words}\n"
    layer += f"    Metadata: {{BuildMethod: {RUNTIME}}}\n"
    text = TEMPLATE.replace("Resources:\n", "Resources:\n" + layer).replace(
        "CodeUri: greeter", "CodeUri: greeter\n      Layers: [!Ref Words]"
    )
    project.write("template.yaml", text)
    project.write("words/own.py", "WORD = 'own'\n")
    project.write("words/requirements.txt", f"--no-index\n--find-links {tmp_path / 'wheels'}\ngreeting_words\n")
    project.write(
        "greeter/app.py",
        "import greeting_words, own\ndef handler(e, c):\n    return own.WORD + greeting_words.VERSION\n",
    )
    assert project.session(Options(dependencies=required.folder_of)).deploy(), project.said()
    assert httpx.get(f"{project.url()}/greet").text == "own1.0"


def test_a_file_that_cannot_be_read_and_an_emulator_that_has_gone_are_said(project: Up) -> None:
    session = project.session()
    (project.folder / "template.yaml").write_bytes(b"\xff\xfe")
    assert not session.deploy() and "it is no UTF-8" in project.said()
    project.write("template.yaml", TEMPLATE)
    with RunningEmulator() as other:
        gone = Up(other, project.folder)
        session = gone.session()
        session.deploy()
    assert not session.deploy() and "The emulator does not answer" in gone.said()


@pytest.mark.real_process
def test_the_command_starts_an_emulator_and_ends_it_with_all_that_it_started(project: Up, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emulator", "up", str(project.folder), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    ) as running:
        assert running.stdout is not None
        said: list[str] = []
        for line in running.stdout:
            said.append(line)
            if "watching for changes" in line:
                break
        [url] = [line.split()[-1] for line in said if line.startswith("HTTP API project")]
        assert httpx.get(f"{url.replace('localhost', '127.0.0.1')}/greet").text == "hello"
        (project.folder / "template.yaml").write_text(TEMPLATE.replace("Default: hello", "Default: again"))
        for line in running.stdout:
            said.append(line)
            if "is deployed: 1 changed" in line:
                break
        assert httpx.get(f"{url.replace('localhost', '127.0.0.1')}/greet").text == "again"
        running.send_signal(signal.SIGINT)
        said += running.stdout
        assert running.wait() == 0, said
    assert not any("Traceback" in line for line in said)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_what_the_emulator_has_no_more_is_named_once(project: Up) -> None:
    table = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    table |= {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    resources = {"Queue": {"Type": "AWS::SQS::Queue"}, "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}}
    bucket, policy = "AWS::S3::Bucket", {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": []}}
    resources |= {"Bucket": {"Type": bucket}, "Rules": {"Type": f"{bucket}Policy", "Properties": policy}}
    project.write("template.yaml", json.dumps({"Resources": resources}))
    assert project.session().deploy() and project.session().deploy()
    assert "gone:" not in project.said()
    details = project.emulator.client("cloudformation").list_stack_resources(StackName="project")
    names = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in details["StackResourceSummaries"]}
    project.emulator.client("dynamodb").delete_table(TableName=names["Table"])  # as a restart does: it is in memory
    project.emulator.client("s3").delete_bucket(Bucket=names["Bucket"])
    session = project.session()
    assert session.deploy() and session.deploy()
    said = project.said()
    lost = next(line for line in said.splitlines() if "gone:" in line)
    assert all(name in lost for name in ("Table", "Bucket", "Rules")) and "Queue" not in lost
    assert said.count("gone:") == 1 and "delete-stack --stack-name project" in said
    project.emulator.client("cloudformation").delete_stack(StackName="project")  # what it advises
    assert project.session().deploy() and "is deployed: 4 created" in project.said()


def test_an_emulator_that_has_taken_the_place_of_another_is_deployed_to(project: Up) -> None:
    project.write("template.yaml", TEMPLATE.replace("  Queue:", "  Bucket: {Type: AWS::S3::Bucket}\n  Queue:"))
    session = project.session()
    assert session.deploy()
    httpx.post(f"{project.emulator.url}/_emulator/reset")  # what an emulator without --data has after a restart
    assert session.again()
    said = project.said()
    assert said.count("is deployed") == 2 and "gone:" not in said
    assert httpx.get(f"{project.url()}/greet").text == "hello"


def test_variables_of_a_function_that_is_not_there_are_refused_and_builds_that_are_not_run_are_said(
    project: Up,
) -> None:
    assert not project.session(Options(variables={"Greter": {"A": "1"}})).deploy()
    assert "there is no function Greter." in (said := project.said()) and "There are: Greeter." in said
    text = TEMPLATE.replace("  Greeter:\n", "  Greeter:\n    Metadata: {BuildMethod: esbuild}\n")
    project.write("template.yaml", text)
    session = project.session()
    assert session.deploy() and "Greeter: BuildMethod esbuild is not run" in project.said()
    project.write("template.yaml", text + "Description: other\n")
    assert session.deploy() and "BuildMethod" not in project.said()


def test_findings_are_printed_again_when_they_are_others(project: Up) -> None:
    slow = TEMPLATE.replace("Handler: app.handler", "Handler: app.handler, Timeout: 60")
    project.write("template.yaml", slow)
    session = project.session()
    assert session.deploy() and "[gateway-timeout]" in project.said()
    assert session.deploy() and "[gateway-timeout]" not in project.said()
    project.write("template.yaml", "# a line more\n" + slow)
    assert session.deploy() and "[gateway-timeout]" in project.said()


def test_a_type_that_is_not_emulated_is_named_with_its_line_and_may_be_skipped(project: Up) -> None:
    text = TEMPLATE.replace("Outputs:", "  Garden:\n    Type: AWS::Made::Up\nOutputs:")
    project.write("template.yaml", text)
    assert not project.session().deploy()
    said = project.said()
    assert "template.yaml:18:" in said and "AWS::Made::Up (Garden, line 17)" in said and "--skip-unknown" in said
    arguments = ["up", str(project.folder), "--endpoint", project.emulator.url, "--once", "--stack-name", "skipping"]
    assert CliRunner().invoke(app, [*arguments, "--skip-unknown"]).exit_code == 0


def test_functions_of_a_loop_run_from_their_own_folders(project: Up) -> None:
    loop = f"""\
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Functions:
    - Name
    - [Eins, Zwei]
    - ${{Name}}:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: !Ref Name
          CodeUri: !Sub 'code/${{Name}}'
          Handler: app.handler
          Runtime: {RUNTIME}
          Role: arn:aws:iam::000000000000:role/any
"""
    project.write("template.yaml", loop)
    for name in ("Eins", "Zwei"):
        project.write(f"code/{name}/app.py", f"def handler(e, c):\n    return {name!r}\n")
    assert project.session().deploy(), project.said()
    functions = project.emulator.client("lambda")
    assert [json.load(functions.invoke(FunctionName=name)["Payload"]) for name in ("Eins", "Zwei")] == ["Eins", "Zwei"]


def test_apis_may_be_openapi_files_of_the_template(project: Up) -> None:
    mock = (
        "x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{\"statusCode\": 200}'}, "
    )
    mock += "responses: {default: {statusCode: '200', responseTemplates: {application/json: here}}}}"
    head = "openapi: 3.0.1\ninfo: {title: filed, version: '1'}\npaths:\n  /a:\n    get:\n      "
    project.write("rest.yaml", f"{head}responses: {{'200': {{description: ok}}}}\n      {mock}\n")
    proxy = "{type: http_proxy, httpMethod: GET, uri: 'http://127.0.0.1:1', payloadFormatVersion: '1.0'}"
    project.write("http.yaml", f"{head}x-amazon-apigateway-integration: {proxy}\n")
    resources = "Transform: AWS::Serverless-2016-10-31\nResources:\n"
    resources += "  Http: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: http.yaml}}\n"
    resources += "  Rest: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: rest.yaml, StageName: dev}}\n"
    project.write("template.yaml", resources)
    assert project.session().deploy(), project.said()
    assert "REST API filed" in (said := project.said()) and "HTTP API filed" in said
    [api] = project.emulator.client("apigateway").get_rest_apis()["items"]
    assert httpx.get(project.emulator.data_plane(api["id"], "dev", "a")).text == "here"


NODE = """\
Resources:
  Speaker:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: speaker
      Runtime: nodejs20.x
      Handler: index.handler
      Code: code
      Role: arn:aws:iam::000000000000:role/any
"""


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_what_a_package_json_names_is_installed_by_npm_and_a_package_of_this_machine_too(
    project: Up, tmp_path: Path
) -> None:
    said: list[str] = []
    required = Dependencies({}, said.append, tmp_path / "cache")
    project.write("template.yaml", NODE)
    project.write("words/package.json", '{"name": "words", "version": "1.0.0", "main": "main.js"}')
    project.write("words/main.js", "exports.word = 'installed';\n")
    package = project.write("code/package.json", '{"dependencies": {"words": "file:../words"}}')
    project.write("code/index.js", "const {word} = require('words');\nexports.handler = async () => word;\n")
    session = project.session(Options(dependencies=required.folder_of))
    assert session.deploy(), project.said()
    assert project.emulator.client("lambda").invoke(FunctionName="speaker")["Payload"].read() == b'"installed"'
    assert len(said) == 2 and sorted(path.name for path in package.parent.iterdir()) == ["index.js", "package.json"]

    package.write_text('{"dependencies": {"words": "file:../wrods"}}')
    assert session.changed() and not session.deploy()
    assert "package.json requires words from file:../wrods, which is not there." in project.said()
    assert project.emulator.client("lambda").invoke(FunctionName="speaker")["Payload"].read() == b'"installed"'


def test_what_a_nested_stack_has_is_shown_with_its_name_and_sams_own_stage_is_explained(project: Up) -> None:
    project.write("inner.yaml", "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n")
    nested = "  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: inner.yaml}\nOutputs:"
    project.write("template.yaml", TEMPLATE.replace("Outputs:", nested).replace("Type: HttpApi", "Type: Api"))
    assert project.session().deploy(), project.said()
    said = project.said()
    assert "Inner/Topic  topic" in said
    assert "/Stage  the same routes; made by SAM beside yours; OpenApiVersion" in said
    assert said.count("GET  /greet  → Greeter") == 1


def test_a_queue_that_is_asked_for_messages_answers_when_done(project: Up) -> None:
    methods = ""
    for method, action in (("GET", "ReceiveMessage"), ("POST", "SendMessage")):
        methods += f"""\
  {method.title()}:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: {method}
      AuthorizationType: NONE
      Integration:
        Type: AWS
        IntegrationHttpMethod: POST
        Uri: !Sub 'arn:aws:apigateway:${{AWS::Region}}:sqs:path/${{AWS::AccountId}}/${{Queue.QueueName}}'
        RequestParameters: {{integration.request.querystring.Action: "'{action}'"}}
"""
    deployed = "  Deployed:\n    Type: AWS::ApiGateway::Deployment\n    DependsOn: [Get, Post]\n"
    deployed += "    Properties: {RestApiId: !Ref Api, StageName: dev}\n"
    resources = (
        "  Queue: {Type: AWS::SQS::Queue}\n  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: queues}}\n"
    )
    project.write("template.yaml", f"Resources:\n{resources}{methods}{deployed}")
    assert project.session().deploy(), project.said()
    [get, post] = [line for line in project.said().splitlines() if "→ sqs" in line]
    assert get.strip().startswith("GET") and get.endswith("answers when done")
    assert post.strip().startswith("POST") and post.endswith("answers at once, works later")


def test_an_emulator_that_has_its_port_and_answers_nobody_yet_is_waited_for() -> None:
    said: list[str] = []
    with RunningEmulator() as later, pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "HEALTH_SECONDS", STUCK_SECONDS)
        assert running.starts(later.url, said.append) and said == []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(running, "HEALTH_SECONDS", 0.05)
            patched.setattr(running, "STARTING_SECONDS", 0.0)
            assert not running.starts(url, said.append)
            found_out = iter(["nobody", "nobody", "emulator"])
            patched.setattr(running, "STARTING_SECONDS", 60.0)
            patched.setattr(running, "_who_answers", lambda url: next(found_out))
            assert running.starts(url, said.append, lambda seconds: None)
    assert said == [f"the port of {url} is taken, and nobody answers there yet: waiting"] * 2


def test_a_change_of_any_file_that_was_read_is_a_change_and_an_error_in_it_is_shown_there(
    project: Up, tmp_path: Path
) -> None:
    layer = "  Words: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: words}}\n"
    inner = "  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml}}\n"
    machine = "  Machine:\n    Type: AWS::Serverless::StateMachine\n    Properties:\n"
    machine += "      {DefinitionUri: machine.asl.yaml, Role: 'arn:aws:iam::000000000000:role/any'}\n"
    layered = TEMPLATE.replace("CodeUri: greeter", "CodeUri: greeter\n      Layers: [!Ref Words]")
    project.write("template.yaml", layered.replace("Resources:\n", "Resources:\n" + layer + inner + machine))
    project.write("words/python/words.py", "WORD = 'one'\n")
    project.write(
        "greeter/app.py", "import os, words\ndef handler(e, c):\n    return words.WORD + os.environ['MORE']\n"
    )
    project.write("inner.yaml", "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n")
    definition = "StartAt: Only\nStates:\n  Only: {Type: Pass, End: true}\n"
    project.write("machine.asl.yaml", definition)
    variables = project.write("variables", "MORE=1\n")
    session = project.session(Options(env_file=variables))
    assert session.deploy(), project.said()
    url = project.url()
    assert httpx.get(f"{url}/greet").text == "one1"

    def edited(name: str, text: str) -> bool:
        project.said()
        project.write(name, text)
        assert session.changed(), name
        return session.deploy()

    assert edited("words/python/words.py", "WORD = 'other'\n"), project.said()
    assert edited("variables", "MORE=22\n"), project.said()
    assert httpx.get(f"{url}/greet").text == "other22"
    assert edited("inner.yaml", "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: named}}\n")
    assert project.emulator.client("sns").list_topics()["Topics"][0]["TopicArn"].endswith(":named")
    assert not edited("machine.asl.yaml", definition.replace("End: true", "Next: Gone"))
    assert "Machine (AWS::StepFunctions::StateMachine)" in (said := project.said()) and "Gone" in said
    assert not edited("inner.yaml", "Resources:\n  Topic: {Type: AWS::SNS::Tpic}\n")
    assert not edited("inner.yaml", "Resources:\n  Topic: [\n") and "inner.yaml:" in project.said()
    assert not edited("variables", "MORE\n") and "variables:1: this is not KEY=VALUE: MORE" in project.said()
    assert httpx.get(f"{url}/greet").text == "other22"
    project.write("variables", "MORE=3\n")
    project.write("inner.yaml", "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n")
    assert edited("machine.asl.yaml", definition), project.said()
    assert httpx.get(f"{url}/greet").text == "other3"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty", "A template has Resources"]),
        ("Resources:\n\tQueue: {}\n", ["template.yaml:2:1", "there is a tab"]),
        ("x" * 1_000_001, ["may not exceed 1000000 bytes", "nested stack"]),
        ("- a\n", ["unsupported structure", "a mapping that has Resources"]),
        ("Parameters: {Stage: {Type: String}}\nResources: {Q: {Type: 'AWS::SQS::Queue'}}\n", ["--param Stage=VALUE"]),
    ],
)
def test_a_template_that_cannot_be_read_says_what_to_do(project: Up, text: str, words: list[str]) -> None:
    project.write("template.yaml", text)
    ran = CliRunner().invoke(app, ["up", str(project.folder), "--endpoint", project.emulator.url, "--once"])
    assert ran.exit_code == 1 and all(word in ran.stdout for word in words), ran.stdout


def test_functions_in_an_openapi_file_that_no_template_includes_are_pointed_out(project: Up) -> None:
    project.write("api.yaml", "openapi: 3.0.1\ninfo: {title: {'Fn::Sub': a}, version: '1'}\npaths: {}\n")
    api = "  Api: {Type: AWS::Serverless::Api, Properties: {StageName: a, DefinitionUri: api.yaml}}\n"
    project.write("template.yaml", TEMPLATE.replace("Resources:\n", "Resources:\n" + api))
    project.session().deploy()
    assert "Api: api.yaml has Fn::Sub, which AWS evaluates in templates only" in project.said()
