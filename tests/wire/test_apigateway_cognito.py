"""Authorizers of type COGNITO_USER_POOLS: tokens of a user pool whose keys the emulator was told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock
from tests.wire.token_issuer import Issuer

POOL = "us-east-1_ABC123"
ARN = f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{POOL}"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"
SHOWS = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
"""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
def told(issuer: Issuer) -> Iterator[RunningEmulator]:
    settings = Settings(port=0, data=None, frozen=True, cognito_jwks=json.dumps(issuer.answer("/keys")))
    with RunningEmulator(settings) as running:
        yield running
        running.close_clients()


def pool_api(emulator: RunningEmulator, scopes: list[str] | None = None, **more: Any) -> RestApi:
    api = RestApi(emulator)
    made = api.client.create_authorizer(
        restApiId=api.id,
        name="pool",
        type="COGNITO_USER_POOLS",
        providerARNs=[ARN],
        identitySource="method.request.header.Authorization",
        **more,
    )
    create_function(emulator, "shows", SHOWS)
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("shows")}
    settings = {
        "authorizationType": "COGNITO_USER_POOLS",
        "authorizerId": made["id"],
        "authorizationScopes": scopes or [],
    }
    api.method("/", "GET", integration, **settings)
    api.deploy()
    return api


def claims(emulator: RunningEmulator, **more: Any) -> dict[str, Any]:
    now = int(emulator.now())
    known = {"iss": ISSUER, "sub": "u1", "aud": "client", "token_use": "id", "iat": now, "exp": now + 3600}
    return {**known, **more}


def get(api: RestApi, token: str | None) -> httpx.Response:
    return api.request("GET", headers={} if token is None else {"Authorization": token})


def test_an_identity_token_lets_in_and_its_claims_are_told(told: RunningEmulator, issuer: Issuer) -> None:
    api = pool_api(told)
    token = issuer.token(claims(told, email="a@b", groups=["x", "y"], email_verified=True))
    for given in (token, f"Bearer {token}"):
        answer = get(api, given)
        assert answer.status_code == 200, answer.text
        shown = answer.json()["claims"]
        assert (shown["sub"], shown["email"], shown["groups"]) == ("u1", "a@b", "[x y]")
        assert shown["email_verified"] == "true" and all(isinstance(value, str) for value in shown.values())
    [authorizer] = api.client.get_authorizers(restApiId=api.id)["items"]
    assert (authorizer["authType"], authorizer["providerARNs"]) == ("cognito_user_pools", [ARN])
    tested = api.client.test_invoke_authorizer(
        restApiId=api.id, authorizerId=authorizer["id"], headers={"Authorization": token}
    )
    assert (tested["clientStatus"], tested["claims"]["sub"]) == (200, "u1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_OTHER"}, "Unauthorized"),
        ({"token_use": "access"}, "Unauthorized"),
        ({"exp": 1}, "The incoming token has expired"),
        ({"exp": "soon"}, "The incoming token has expired"),
        ({"nbf": 1e12}, "Unauthorized"),
    ],
)
def test_who_is_not_let_in_is_told_why_as_far_as_aws_says(
    told: RunningEmulator, issuer: Issuer, changes: dict[str, Any], message: str
) -> None:
    api = pool_api(told)
    answer = get(api, issuer.token(claims(told, **changes)))
    assert (answer.status_code, answer.json()) == (401, {"message": message})
    assert answer.headers["x-amzn-ErrorType"] == "UnauthorizedException"


def test_what_is_no_token_of_the_pool_is_unauthorized(told: RunningEmulator, issuer: Issuer) -> None:
    api = pool_api(told, identityValidationExpression="cli.*")
    good = issuer.token(claims(told))
    assert get(api, good).status_code == 200
    other_key = issuer.token(claims(told), kid="k2")
    other_audience = issuer.token(claims(told, aud="someone"))
    for token in (None, "", "x", "a.b.c", good[:-4] + "AAAA", other_key, other_audience, "Bearer"):
        answer = get(api, token)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"}), token


def test_scopes_want_an_access_token_that_has_one(told: RunningEmulator, issuer: Issuer) -> None:
    api = pool_api(told, ["pets/read", "pets/write"])
    access = claims(told, token_use="access", client_id="client")
    assert get(api, issuer.token({**access, "scope": "openid pets/read"})).status_code == 200
    assert get(api, issuer.token({**access, "scope": "openid"})).status_code == 401
    assert get(api, issuer.token(claims(told))).status_code == 401


def test_without_keys_the_request_is_refused_by_name(emulator: RunningEmulator, issuer: Issuer) -> None:
    api = pool_api(emulator)
    answer = get(api, issuer.token(claims(emulator)))
    assert answer.status_code == 501 and "EMULATOR_COGNITO_JWKS" in answer.json()["message"]


def test_keys_may_be_behind_a_url(issuer: Issuer) -> None:
    settings = Settings(port=0, data=None, frozen=True, cognito_jwks=issuer.url + "/{region}/{pool}/keys")
    with RunningEmulator(settings) as running:
        api = pool_api(running)
        token = issuer.token(claims(running))
        assert [get(api, token).status_code for _ in range(2)] == [200, 200]
        running.close_clients()
    assert issuer.asked == [f"/us-east-1/{POOL}/keys"]


def test_a_user_pool_needs_its_arn_and_a_header(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    good: dict[str, Any] = {"name": "pool", "type": "COGNITO_USER_POOLS", "providerARNs": [ARN]}
    good["identitySource"] = "method.request.header.Authorization"
    for wrong in ({"providerARNs": []}, {"providerARNs": ["pool"]}, {"identitySource": "method.request.querystring.a"}):
        with pytest.raises(ClientError) as refused:
            api.client.create_authorizer(restApiId=api.id, **{**good, **wrong})
        assert refused.value.response["Error"]["Code"] == "BadRequestException"
    made = api.client.create_authorizer(restApiId=api.id, **good)
    with pytest.raises(ClientError):  # a method says of which type its authorizer is
        api.method("/", "GET", **mock(), authorizationType="CUSTOM", authorizerId=made["id"])


def test_a_file_brings_a_user_pool_and_scopes(emulator: RunningEmulator) -> None:
    client = emulator.client("apigateway")
    extension = {"type": "cognito_user_pools", "providerARNs": [ARN]}
    document = {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "components": {
            "securitySchemes": {
                "pool": {
                    "type": "apiKey",
                    "name": "X-Token",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "cognito_user_pools",
                    "x-amazon-apigateway-authorizer": extension,
                }
            }
        },
        "paths": {
            "/": {
                "get": {
                    "security": [{"pool": ["email"]}],
                    "x-amazon-apigateway-integration": {"type": "mock"},
                    "responses": {},
                }
            }
        },
    }
    api_id = client.import_rest_api(body=json.dumps(document).encode())["id"]
    [shown] = client.get_authorizers(restApiId=api_id)["items"]
    assert (shown["type"], shown["authType"]) == ("COGNITO_USER_POOLS", "cognito_user_pools")
    assert (shown["identitySource"], shown["providerARNs"]) == ("method.request.header.X-Token", [ARN])
    [root] = client.get_resources(restApiId=api_id)["items"]
    method = client.get_method(restApiId=api_id, resourceId=root["id"], httpMethod="GET")
    assert (method["authorizationType"], method["authorizationScopes"]) == ("COGNITO_USER_POOLS", ["email"])
