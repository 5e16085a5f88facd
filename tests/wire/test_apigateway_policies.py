"""Resource policies of REST APIs: kept as AWS keeps them, and enforced."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock

INVALID = "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def statement(effect: str, resource: str = "execute-api:/*", **members: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource, **members}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def attach(api: RestApi, *statements: dict[str, Any]) -> dict[str, Any]:
    patch = [{"op": "replace", "path": "/policy", "value": policy(*statements)}]
    shown = api.client.update_rest_api(restApiId=api.id, patchOperations=patch)
    api.deploy()
    return shown


def denied(api: RestApi, path: str, why: str) -> tuple[int, dict[str, str]]:
    """What AWS answers; the account is hidden but for its end."""
    arn = f"arn:aws:execute-api:us-east-1:********0000:{api.id}/dev/GET/{path}"
    return 403, {"Message": f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn}{why}"}


def test_a_policy_is_shown_with_escaped_quotes_and_whole_arns(api: RestApi) -> None:
    api.method("pets", "GET", **mock(body="pets"))
    shown = attach(api, statement("Allow"))["policy"]
    document = json.loads(json.loads(f'"{shown}"'))
    assert document["Statement"][0]["Resource"] == f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/*"
    assert api.client.get_rest_api(restApiId=api.id)["policy"] == shown
    assert api.request("GET", "pets").text == "pets"
    patch = [{"op": "replace", "path": "/policy", "value": ""}]
    assert "policy" not in api.client.update_rest_api(restApiId=api.id, patchOperations=patch)


@pytest.mark.parametrize("text", ["no json", "{}", policy({"Effect": "Allow", "Action": "*", "Resource": "*"})])
def test_what_is_no_policy_is_refused(api: RestApi, text: str) -> None:
    patch = [{"op": "replace", "path": "/policy", "value": text}]
    for call in (
        lambda: api.client.update_rest_api(restApiId=api.id, patchOperations=patch),
        lambda: api.client.create_rest_api(name="other", policy=text),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        error = refused.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("BadRequestException", INVALID)
    assert "policy" not in api.client.get_rest_api(restApiId=api.id)


def test_addresses_decide_who_is_let_in(api: RestApi) -> None:
    api.method("pets", "GET", **mock(body="pets"))
    api.method("open", "GET", **mock(body="open"))
    here = {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}
    elsewhere = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    attach(api, statement("Allow"), statement("Deny", "execute-api:/*/GET/pets", Condition=here))
    answer = api.request("GET", "pets")
    assert (answer.status_code, answer.json()) == denied(api, "pets", " with an explicit deny")
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert api.request("GET", "open").text == "open"
    attach(api, statement("Allow", Condition=elsewhere))
    silent = " because no resource-based policy allows the execute-api:Invoke action"
    answer = api.request("GET", "pets")
    assert (answer.status_code, answer.json()) == denied(api, "pets", silent)
    attach(api, statement("Allow", Condition=here))
    assert api.request("GET", "pets").text == "pets"


def test_a_policy_holds_from_the_next_deployment_on(api: RestApi) -> None:
    api.method("pets", "GET", **mock(body="pets"))
    api.deploy()
    patch = [{"op": "replace", "path": "/policy", "value": policy(statement("Deny"))}]
    api.client.update_rest_api(restApiId=api.id, patchOperations=patch)
    assert api.request("GET", "pets").status_code == 200
    api.deploy()
    assert api.request("GET", "pets").status_code == 403


def authorizer(emulator: RunningEmulator, api: RestApi, effect: str) -> None:
    resource = "*" if effect else "arn:aws:execute-api:*:*:other/*"
    code = (
        "def handler(event, context):\n"
        "    statement = {'Action': 'execute-api:Invoke',"
        f"                 'Effect': '{effect or 'Allow'}', 'Resource': '{resource}'}}\n"
        "    return {'principalId': 'me', 'policyDocument': {'Statement': [statement]}}\n"
    )
    create_function(emulator, "guard", code)
    made = api.client.create_authorizer(
        restApiId=api.id,
        name="guard",
        type="TOKEN",
        authorizerUri=function_uri("guard"),
        identitySource="method.request.header.Authorization",
    )
    api.method("pets", "GET", **mock(body="pets"), authorizationType="CUSTOM", authorizerId=made["id"])


@pytest.mark.parametrize(
    ("authorizers", "resource", "status"),
    [("Allow", "silent", 200), ("", "Allow", 200), ("", "silent", 403), ("Deny", "Allow", 403), ("Allow", "Deny", 403)],
)
def test_policy_and_authorizer_decide_together(
    emulator: RunningEmulator, api: RestApi, authorizers: str, resource: str, status: int
) -> None:
    authorizer(emulator, api, authorizers)
    effects = {
        "silent": statement("Allow", "execute-api:/other/*"),
        "Allow": statement("Allow"),
        "Deny": statement("Deny"),
    }
    attach(api, effects[resource])
    assert api.request("GET", "pets", headers={"Authorization": "token"}).status_code == status


def test_an_explicit_deny_comes_before_the_authorizer_and_the_route(emulator: RunningEmulator, api: RestApi) -> None:
    authorizer(emulator, api, "Allow")
    attach(api, statement("Deny"))
    assert api.request("GET", "pets").json()["Message"].endswith("with an explicit deny")
    assert api.request("GET", "none").json()["Message"].endswith("with an explicit deny")
