"""The vocabulary of the stories: a function, a machine, an event in a line. All else is the plugin's and boto3's."""

from __future__ import annotations

import io
import json
import shutil
import sys
import textwrap
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from emulator.testing.aws import Aws
from emulator.testing.servers import LocalServer


def role(aws: Aws) -> str:
    """Whatever needs a role gets this one."""
    return f"arn:aws:iam::{aws.account}:role/story"


def archive(files: dict[str, str]) -> bytes:
    """A zip of these files, which may be run."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for name, text in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o755 << 16
            written.writestr(member, text)
    return content.getvalue()


def package(source: str, name: str = "app.py") -> bytes:
    """A deployment package of one file."""
    return archive({name: textwrap.dedent(source)})


def function(aws: Aws, name: str, source: str, variables: dict[str, str] | None = None, **settings: Any) -> str:
    """A Python function, whose `handler` is in the source; its ARN."""
    usual: dict[str, Any] = {
        "Runtime": f"python3.{sys.version_info.minor}",
        "Handler": "app.handler",
        "Timeout": 60,
        "Role": role(aws),
        "Environment": {"Variables": variables or {}},
    }
    code = {"ZipFile": package(source)}
    return aws.lambda_.create_function(**{"FunctionName": name, "Code": code, **usual, **settings})["FunctionArn"]


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js (`node`) on the PATH")


def node_function(
    aws: Aws, name: str, source: str, variables: dict[str, str] | None = None, file: str = "index.js"
) -> str:
    """A function in JavaScript, which exports its `handler`; its ARN."""
    code = {"ZipFile": package(source, file)}
    return function(aws, name, "", variables, Runtime="nodejs22.x", Handler="index.handler", Code=code)


def invoke(aws: Aws, name: str, event: Any = None) -> Any:
    """What the function answers to a caller that waits."""
    return json.load(aws.lambda_.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])


def send(aws: Aws, name: str, event: Any = None) -> str:
    """Hand an event to Lambda, which accepts it and says no more; its request id."""
    answer = aws.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    return answer["ResponseMetadata"]["RequestId"]


ANY = "x-amazon-apigateway-any-method"
"""Among the methods of a REST API's path: all others."""


def mock(answer: str = "", request: str = '{"statusCode": 200}') -> dict[str, Any]:
    """An integration that asks nobody: what it answers, and what it makes of the request, are templates."""
    response = {"statusCode": "200", "responseTemplates": {"application/json": answer}}
    return {
        "type": "mock",
        "requestTemplates": {"application/json": request},
        "responses": {"default": response if answer else {"statusCode": "200"}},
    }


def proxy(function_arn: str) -> dict[str, Any]:
    """An integration that leaves everything to a function."""
    return {"type": "aws_proxy", "httpMethod": "POST", "uri": invocations(function_arn)}


def result_of(function_arn: str) -> dict[str, Any]:
    """An integration that passes the body to a function, and its result to the client."""
    responses = {"default": {"statusCode": "200"}}
    return {"type": "aws", "httpMethod": "POST", "uri": invocations(function_arn), "responses": responses}


def invocations(function_arn: str) -> str:
    """What API Gateway calls a function by."""
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"


def rest_api(aws: Aws, paths: dict[str, dict[str, Any]]) -> str:
    """A REST API, deployed to the stage `dev`; its id. Each method of a path has its integration."""
    methods = {
        path: {
            method: {"responses": {"200": {"description": "OK"}}, "x-amazon-apigateway-integration": integration}
            for method, integration in found.items()
        }
        for path, found in paths.items()
    }
    document = {"openapi": "3.0.1", "info": {"title": "story", "version": "1"}, "paths": methods}
    api = aws.apigateway.import_rest_api(body=json.dumps(document).encode())["id"]
    aws.apigateway.create_deployment(restApiId=api, stageName="dev")
    return api


def websocket_api(
    aws: Aws,
    routes: dict[str, str | dict[str, Any] | None],
    variables: dict[str, str] | None = None,
    answers: bool | dict[str, str] = False,
) -> str:
    """A WebSocket API; its id. The member `action` of a message names its route, which leads to a function's ARN.

    An integration may stand in its place, or nothing. With `answers`, what they answer goes back to the client, as it
    is or by these templates.
    """
    talk = aws.apigatewayv2
    api = talk.create_api(Name="talk", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")[
        "ApiId"
    ]
    for key, target in routes.items():
        if target is None:
            talk.create_route(ApiId=api, RouteKey=key)
            continue
        leads = {"IntegrationType": "AWS_PROXY", "IntegrationUri": target} if isinstance(target, str) else target
        integration = talk.create_integration(ApiId=api, **leads)["IntegrationId"]
        route = talk.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}")["RouteId"]
        if answers and not key.endswith("connect"):
            talk.create_route_response(ApiId=api, RouteId=route, RouteResponseKey="$default")
            if isinstance(answers, dict):
                talk.create_integration_response(
                    ApiId=api, IntegrationId=integration, IntegrationResponseKey="$default", ResponseTemplates=answers
                )
    talk.create_stage(ApiId=api, StageName="prod", AutoDeploy=True, StageVariables=variables or {})
    return api


def machine(aws: Aws, definition: dict[str, Any], name: str = "story", kind: str = "STANDARD") -> str:
    """A state machine; its ARN."""
    made = aws.stepfunctions.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=role(aws), type=kind
    )
    return made["stateMachineArn"]


def one(state: dict[str, Any]) -> dict[str, Any]:
    """A definition of one state."""
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}}


def begin(aws: Aws, machine_arn: str, value: Any = None) -> str:
    """An execution of a machine that there is; its ARN."""
    given = json.dumps({} if value is None else value)
    return aws.stepfunctions.start_execution(stateMachineArn=machine_arn, input=given)["executionArn"]


def start(aws: Aws, definition: dict[str, Any], value: Any = None) -> str:
    """An execution of a new machine; its ARN."""
    return begin(aws, machine(aws, definition), value)


def describe(aws: Aws, execution: str) -> dict[str, Any]:
    """What there is to say of an execution."""
    return aws.stepfunctions.describe_execution(executionArn=execution)


def output(aws: Aws, execution: str) -> Any:
    """What an execution came to."""
    return json.loads(describe(aws, execution)["output"])


def history(aws: Aws, execution: str) -> list[str]:
    """The types of an execution's events."""
    told = aws.stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)
    return [event["type"] for event in told["events"]]


@contextmanager
def default_account(running: RunningEmulator) -> Generator[Aws]:
    """The clients of the account that one has who says nothing: not of a world."""
    aws = Aws(LocalServer(running=running), "000000000000")
    try:
        yield aws
    finally:
        aws.close()


@contextmanager
def kept(folder: Path) -> Generator[tuple[RunningEmulator, Aws]]:
    """An emulator that keeps everything in a folder, and the clients of its account. Again, it has been restarted."""
    with RunningEmulator(Settings(data=folder, port=0, frozen=True)) as running, default_account(running) as aws:
        yield running, aws
