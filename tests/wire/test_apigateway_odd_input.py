"""Odd input to every operation of the REST control plane: AWS's 4xx or an answer, never a failure of ours."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.services.apigateway.operations import OPERATIONS
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import RestApi, mock

TEXTS = ("x", "", "\x00", "💥", "../..", "[]", "null", "-1", "x" * 20_000)
PATCHES: list[Any] = [
    [],
    [{}],
    [{"op": "replace"}],
    [{"op": "replace", "path": ""}],
    [{"op": "replace", "path": "/"}],
    [{"op": "add", "path": "/~"}],
    [{"op": "copy", "from": "/x", "path": "/y"}],
    [{"op": "remove", "path": "/name"}],
    [{"op": "replace", "path": "/name", "value": "x" * 20_000}],
    [{"op": "replace", "path": "/description", "value": "\x00"}],
    [{"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "nan"}],
    [{"op": "replace", "path": "/throttle/rateLimit", "value": "nan"}],
    [{"op": "replace", "path": "/throttle/burstLimit", "value": "inf"}],
    [{"op": "replace", "path": "/minimumCompressionSize", "value": "１"}],
    [{"op": "replace", "path": "/timeoutInMillis", "value": "9" * 5000}],
    [{"op": "replace", "path": "/canarySettings/percentTraffic", "value": "nan"}],
    [{"op": "replace", "path": "/policy", "value": "[" * 5000}],
    [{"op": "replace", "path": "/schema", "value": "[" * 5000}],
]


def made_of(shape: Shape, text: str, known: dict[str, str], name: str = "") -> Any:
    """A value of a shape, out of `text` where the shape lets it and of known ids where there are some."""
    if isinstance(shape, StructureShape):
        return {member: made_of(inner, text, known, member) for member, inner in shape.members.items()}
    if isinstance(shape, ListShape):
        return [made_of(shape.member, text, known)]
    if isinstance(shape, MapShape):
        return {text or "k": made_of(shape.value, text, known)}
    kinds: dict[str, Any] = {"boolean": True, "integer": 1, "long": 1, "double": 1.5, "blob": text.encode()}
    if shape.type_name in kinds:
        return kinds[shape.type_name]
    if shape.type_name == "string":
        return known.get(name, shape.metadata["enum"][0] if "enum" in shape.metadata else text)
    return 0


def call(client: Any, operation: str, arguments: dict[str, Any]) -> None:
    method = getattr(client, OPERATIONS[operation])
    try:
        method(**arguments)
    except ClientError as refused:
        status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status in (400, 404, 409, 429, 431, 501), (operation, str(arguments)[:300], refused.response)
    except ValueError as refused:  # a URI that boto3 itself cannot write
        assert "empty" in str(refused) or "null" in str(refused) or "invalid" in str(refused).lower(), refused


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=STUCK_SECONDS)
    return emulator.client("apigateway", config=config)


@pytest.fixture
def known(emulator: RunningEmulator) -> dict[str, str]:
    """Ids of an API that is deployed, so that odd values reach the rules behind the look-ups."""
    api = RestApi(emulator)
    ids = api.method("pets", "GET", **mock())
    deployment = api.deploy()
    api.client.create_domain_name(domainName="api.example.com")
    return {**ids, "statusCode": "200", "stageName": "dev", "deploymentId": deployment, "parentId": api.root}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_odd_values_are_refused_or_taken(client: Any, known: dict[str, str], operation: str) -> None:
    shape = client.meta.service_model.operation_model(operation).input_shape
    for text in TEXTS:
        arguments = made_of(shape, text, known) if shape is not None else {}
        arguments.pop("limit", None)
        call(client, operation, arguments)
        required = made_of(shape, text, {}) if shape is not None else {}
        call(client, operation, {name: required[name] for name in (shape.required_members if shape else [])})


@pytest.mark.parametrize("operation", sorted(name for name in OPERATIONS if name.startswith("Update")))
def test_odd_patches_are_refused_or_change_nothing_else(client: Any, known: dict[str, str], operation: str) -> None:
    shape = client.meta.service_model.operation_model(operation).input_shape
    ids = {**known, "domainName": "api.example.com", "responseType": "THROTTLED", "modelName": "Empty"}
    for patch in PATCHES:
        arguments = {name: value for name, value in made_of(shape, "x", ids).items() if name in shape.required_members}
        call(client, operation, {**arguments, "patchOperations": patch})


@pytest.mark.parametrize(
    "listing",
    ["get_rest_apis", "get_api_keys", "get_usage_plans", "get_domain_names", "get_vpc_links", "get_sdk_types",
     "get_client_certificates", "get_domain_name_access_associations"],
)  # fmt: skip
@pytest.mark.parametrize("position", ["x", "-1", "1.5", "true", "[]", "9" * 30, "\x00"])
def test_a_position_that_nobody_gave_is_refused_or_beyond_the_end(client: Any, listing: str, position: str) -> None:
    try:
        found = getattr(client, listing)(position=position)
    except ClientError as refused:
        assert refused.response["Error"]["Code"] == "BadRequestException"
    else:
        assert found["items"] == []


def test_wrong_types_in_a_body_get_awss_serialization_error(emulator: RunningEmulator) -> None:
    url = f"{emulator.url}/restapis"
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/apigateway/aws4_request, "
        "SignedHeaders=host, Signature=x",
        "Content-Type": "application/json",
    }
    for body in ('{"name": true}', '{"name": ["x"]}', '{"name": {}}', "[]", "null", "{", '"x"', '{"name": 1e999}'):
        answer = httpx.post(url, headers=headers, content=body)
        assert answer.status_code == 400, (body, answer.text)
        assert json.loads(answer.text)
