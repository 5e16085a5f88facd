"""Cognito user pools that were created in the emulator let callers in, with no configuration."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, mock
from tests.wire.http_api_support import echo, http_api


class Pool:
    """A user pool with one user."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.client: Any = emulator.client("cognito-idp")
        described = self.client.create_user_pool(PoolName="people")["UserPool"]
        self.id, self.arn = described["Id"], described["Arn"]
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        made = self.client.create_user_pool_client(UserPoolId=self.id, ClientName="web", ExplicitAuthFlows=flows)
        self.audience = made["UserPoolClient"]["ClientId"]
        named = {"UserPoolId": self.id, "Username": "ada"}
        self.client.admin_create_user(**named)
        self.client.admin_set_user_password(**named, Password="Secret-1234", Permanent=True)

    def tokens(self) -> Any:
        return self.client.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=self.audience,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": "Secret-1234"},
        )["AuthenticationResult"]


@pytest.fixture
def pool(emulator: RunningEmulator) -> Pool:
    return Pool(emulator)


def test_a_rest_api_lets_in_who_is_in_the_pool(emulator: RunningEmulator, pool: Pool) -> None:
    api = RestApi(emulator)
    made = api.client.create_authorizer(
        restApiId=api.id,
        name="pool",
        type="COGNITO_USER_POOLS",
        providerARNs=[pool.arn],
        identitySource="method.request.header.Authorization",
    )
    settings = {"authorizationType": "COGNITO_USER_POOLS", "authorizerId": made["id"]}
    api.method("x", "GET", **mock(body="$context.authorizer.claims['cognito:username']"), **settings)
    scopes = ["aws.cognito.signin.user.admin"]
    api.method("scoped", "GET", **mock(body="scoped"), **settings, authorizationScopes=scopes)
    api.deploy()

    def get(path: str, token: str) -> httpx.Response:
        return api.request("GET", path, headers={"Authorization": token})

    tokens, other = pool.tokens(), Pool(emulator).tokens()
    assert (get("x", tokens["IdToken"]).status_code, get("x", tokens["IdToken"]).text) == (200, "ada")
    assert get("x", tokens["AccessToken"]).status_code == 401
    assert get("scoped", tokens["AccessToken"]).text == "scoped"
    assert get("x", other["IdToken"]).json() == {"message": "Unauthorized"}
    emulator.advance(3601)
    assert get("x", tokens["IdToken"]).json() == {"message": "The incoming token has expired"}
    assert get("x", pool.tokens()["IdToken"]).status_code == 200


def test_an_http_api_lets_in_who_is_in_the_pool(emulator: RunningEmulator, pool: Pool) -> None:
    api = http_api(emulator)
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{pool.id}"
    made = api.client.create_authorizer(
        ApiId=api.id,
        Name="pool",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer, "Audience": [pool.audience]},
    )
    target = api.function(echo(emulator))
    api.route("GET /x", target, AuthorizationType="JWT", AuthorizerId=made["AuthorizerId"])
    tokens = pool.tokens()
    for token in (tokens["IdToken"], tokens["AccessToken"]):
        answer = api.ask("/x", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == 200
        assert answer.json()["requestContext"]["authorizer"]["jwt"]["claims"]["iss"] == issuer
    assert api.ask("/x", headers={"Authorization": tokens["IdToken"][:-4]}).status == 401
    emulator.advance(3601)
    assert api.ask("/x", headers={"Authorization": tokens["IdToken"]}).status == 401
