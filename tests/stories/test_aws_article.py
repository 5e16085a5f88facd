"""The steps of AWS's article "Set up asynchronous invocation of the backend Lambda function", typed with the real
AWS CLI, through boto3, and as an OpenAPI file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.stories.telling import function, package, role

HANDLER = """
def handler(event, context):
    print("ran")
    return {"seen": event}
"""
PATH = "/requestParameters/integration.request.header.X-Amz-Invocation-Type"


def uri(function_arn):
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"


def events(emulator):
    """How often the queue has run the function."""
    return sum(attempt["invocation_type"] == "Event" for attempt in emulator.attempts())


class AwsCli:
    """The `aws` command of this environment against one emulator: in this process, for starting it takes a second."""

    def __init__(self, aws, home, monkeypatch, capsys):
        self._capsys = capsys
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_DATA_PATH", "")  # its import sets it: for this test only
        from awscli.clidriver import create_clidriver

        variables = {
            "HOME": str(home),
            "AWS_DATA_PATH": str(Path(sys.modules["awscli"].__file__ or "").parent / "data"),
            **aws.environment,
            "AWS_PAGER": "",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        self._driver = create_clidriver()

    def __call__(self, *words):
        code = self._driver.main(["--output", "json", *words])
        said = self._capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out) if said.out.strip() else None


def test_the_article_with_the_aws_cli(aws, emulator, tmp_path, monkeypatch, capsys):
    cli = AwsCli(aws, tmp_path, monkeypatch, capsys)
    (tmp_path / "function.zip").write_bytes(package(HANDLER))
    assert cli("sts", "get-caller-identity")["Account"] == aws.account
    arn = cli(
        *("lambda", "create-function", "--function-name", "report", "--runtime", "python3.12", "--role", role(aws)),
        *("--handler", "app.handler", "--zip-file", f"fileb://{tmp_path / 'function.zip'}"),
    )["FunctionArn"]
    api = cli("apigateway", "create-rest-api", "--name", "article")["id"]
    root = cli("apigateway", "get-resources", "--rest-api-id", api)["items"][0]["id"]
    resource = cli(
        "apigateway", "create-resource", "--rest-api-id", api, "--parent-id", root, "--path-part", "reports"
    )["id"]
    where = ("--rest-api-id", api, "--resource-id", resource, "--http-method", "POST")
    cli("apigateway", "put-method", *where, "--authorization-type", "NONE")
    cli(
        *("apigateway", "put-integration", *where, "--type", "AWS"),
        *("--integration-http-method", "POST", "--uri", uri(arn)),
    )
    cli("apigateway", "put-method-response", *where, "--status-code", "200")
    cli("apigateway", "put-integration-response", *where, "--status-code", "200")
    cli("apigateway", "create-deployment", "--rest-api-id", api, "--stage-name", "prod")
    body = {"report": 1}

    assert aws.http.post("/reports", json=body).json() == {"seen": body}

    # The client decides, with a header that the method declares and the integration maps.
    cli(
        *("apigateway", "update-method", *where, "--patch-operations"),
        "op=add,path=/requestParameters/method.request.header.InvocationType,value=false",
    )
    cli(
        *("apigateway", "update-integration", *where, "--patch-operations"),
        f"op=add,path={PATH},value=method.request.header.InvocationType",
    )
    header = {"InvocationType": "Event"}
    assert aws.http.post("/reports", json=body, headers=header).json() == {"seen": body}, "not deployed yet"
    cli("apigateway", "create-deployment", "--rest-api-id", api, "--stage-name", "prod")
    answer = aws.http.post("/reports", json=body, headers=header)
    assert (answer.status_code, answer.content) == (200, b"")
    assert aws.http.post("/reports", json=body).json() == {"seen": body}

    # Always asynchronous: a static value, in single quotes.
    cli(
        *("apigateway", "update-integration", *where, "--patch-operations"),
        json.dumps([{"op": "replace", "path": PATH, "value": "'Event'"}]),
    )
    cli("apigateway", "create-deployment", "--rest-api-id", api, "--stage-name", "prod")
    answer = aws.http.post("/reports", json=body)
    assert (answer.status_code, answer.content) == (200, b"")
    emulator.settle()
    assert events(emulator) == 2


def test_the_article_through_boto3(aws, emulator):
    gateway = aws.apigateway
    api = gateway.create_rest_api(name="article")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="reports")["id"]
    where = {"restApiId": api, "resourceId": resource, "httpMethod": "POST"}
    gateway.put_method(
        **where, authorizationType="NONE", requestParameters={"method.request.header.InvocationType": True}
    )
    gateway.put_integration(
        **where,
        type="AWS",
        integrationHttpMethod="POST",
        uri=uri(function(aws, "report", HANDLER)),
        requestParameters={"integration.request.header.X-Amz-Invocation-Type": "method.request.header.InvocationType"},
    )
    gateway.put_method_response(**where, statusCode="200")
    gateway.put_integration_response(**where, statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="prod")

    assert aws.http.post("/reports", json={"a": 1}).json() == {"seen": {"a": 1}}, "required alone does nothing"

    validator = gateway.create_request_validator(restApiId=api, name="parameters", validateRequestParameters=True)
    gateway.update_method(
        **where, patchOperations=[{"op": "replace", "path": "/requestValidatorId", "value": validator["id"]}]
    )
    gateway.create_deployment(restApiId=api, stageName="prod")
    refused = aws.http.post("/reports", json={"a": 1})
    assert (refused.status_code, refused.json()) == (
        400,
        {"message": "Missing required request parameters: [InvocationType]"},
    )
    assert aws.http.post("/reports", json={"a": 1}, headers={"InvocationType": "Event"}).content == b""
    emulator.settle()
    assert events(emulator) == 1


OPENAPI = {
    "openapi": "3.0.1",
    "info": {"title": "article", "version": "1"},
    "paths": {
        "/reports": {
            "post": {
                "responses": {"200": {"description": "accepted"}},
                "x-amazon-apigateway-integration": {
                    "type": "aws",
                    "httpMethod": "POST",
                    "uri": "URI",
                    "responses": {"default": {"statusCode": "200"}},
                    "requestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
                    "passthroughBehavior": "when_no_match",
                    "contentHandling": "CONVERT_TO_TEXT",
                },
            }
        }
    },
}


@pytest.mark.parametrize("status", ["200", "202"])
def test_the_article_as_an_openapi_file_answers_the_status_that_its_integration_response_maps(aws, emulator, status):
    arn = function(aws, "report", HANDLER)
    text = json.dumps(OPENAPI).replace("URI", uri(arn)).replace('"200"', f'"{status}"')
    api = aws.apigateway.import_rest_api(body=text.encode())["id"]
    aws.apigateway.create_deployment(restApiId=api, stageName="prod")
    answer = aws.http.post("/reports", json={"a": 1})
    assert (answer.status_code, answer.content) == (int(status), b"")
    emulator.settle()
    assert events(emulator) == 1
