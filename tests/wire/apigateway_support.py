"""A REST API in a line: what the wire tests of API Gateway build again and again."""

from __future__ import annotations

import json
from typing import Any

import httpx

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.lambda_support import create, package

ROLE = "arn:aws:iam::000000000000:role/gateway"
ACCOUNT = "000000000000"


class RestApi:
    """An API under construction, deployed to the stage `dev`."""

    def __init__(self, emulator: RunningEmulator, **settings: Any) -> None:
        self.emulator = emulator
        self.client = emulator.client("apigateway")
        created = self.client.create_rest_api(name="test", **settings)
        self.id: str = created["id"]
        self.root: str = created["rootResourceId"]
        self._resources = {"": self.root}

    def resource(self, path: str) -> str:
        """The id of the resource at a path, made if it is not there."""
        path = path.strip("/")
        if path not in self._resources:
            parent, _, part = path.rpartition("/")
            made = self.client.create_resource(restApiId=self.id, parentId=self.resource(parent), pathPart=part)
            self._resources[path] = made["id"]
        return self._resources[path]

    def method(
        self,
        path: str,
        method: str,
        integration: dict[str, Any],
        responses: dict[str, dict[str, Any]] | None = None,
        **settings: Any,
    ) -> dict[str, str]:
        """A method with its integration; `responses` maps statuses to integration responses (default: 200)."""
        ids = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": method}
        self.client.put_method(**ids, **{"authorizationType": "NONE", **settings})
        self.client.put_integration(**ids, **integration)
        if not integration["type"].endswith("_PROXY"):
            for status, response in (responses or {"200": {}}).items():
                headers = dict.fromkeys(response.get("responseParameters") or {}, False)
                self.client.put_method_response(**ids, statusCode=status, responseParameters=headers)
                self.client.put_integration_response(**ids, statusCode=status, **response)
        return ids

    def deploy(self, **settings: Any) -> str:
        """Deploy to `dev`; the deployment's id."""
        return self.client.create_deployment(restApiId=self.id, stageName="dev", **settings)["id"]

    def url(self, path: str = "", stage: str = "dev") -> str:
        """The address of a path."""
        return self.emulator.data_plane(self.id, stage, path.lstrip("/"))

    def request(self, method: str, path: str = "", stage: str = "dev", **arguments: Any) -> httpx.Response:
        """Call the deployed API."""
        return httpx.request(method, self.url(path, stage), **{"timeout": STUCK_SECONDS, **arguments})


def mock(status: int = 200, body: str = "", **response: Any) -> dict[str, Any]:
    """Arguments of `method` for a MOCK integration that answers `body`."""
    answer = {"responseTemplates": {"application/json": body}} if body else {}
    return {
        "integration": {"type": "MOCK", "requestTemplates": {"application/json": json.dumps({"statusCode": status})}},
        "responses": {str(status): {**answer, **response}},
    }


def aws(uri: str, **settings: Any) -> dict[str, Any]:
    """An integration of type AWS with `arn:aws:apigateway:us-east-1:{uri}`."""
    return {
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "uri": f"arn:aws:apigateway:us-east-1:{uri}",
        "credentials": ROLE,
        **settings,
    }


def create_function(emulator: RunningEmulator, name: str, code: str) -> None:
    """A function from one file with the handler `handler`."""
    create(emulator.client("lambda"), name, Code={"ZipFile": package(code)})


def function_uri(name: str) -> str:
    """The integration URI of a function."""
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
