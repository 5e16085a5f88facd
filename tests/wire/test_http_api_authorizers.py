"""Who may call an HTTP API: JWT authorizers with a local issuer, Lambda authorizers, IAM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION, HttpApi, echo, http_api
from tests.wire.lambda_support import create, error_of, package
from tests.wire.token_issuer import Issuer, base64url

Emulator = RunningEmulator

UNAUTHORIZED = {"message": "Unauthorized"}
FORBIDDEN = {"message": "Forbidden"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


def authorizer(api: HttpApi, **members: Any) -> str:
    return api.client.create_authorizer(ApiId=api.id, Name="a", **members)["AuthorizerId"]


def jwt_api(emulator: Emulator, issuer: Issuer, scopes: list[str] | None = None, version: str = "2.0") -> HttpApi:
    api = http_api(emulator)
    made = authorizer(
        api,
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer.url, "Audience": ["shop"]},
    )
    more = {"AuthorizationScopes": scopes} if scopes else {}
    target = api.function(echo(emulator), version)
    api.route("GET /x", target, AuthorizationType="JWT", AuthorizerId=made, **more)
    return api


def claims(emulator: Emulator, issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return {"iss": issuer.url, "aud": "shop", "exp": emulator.now() + 60, "sub": "ada", **changes}


def test_a_token_of_the_issuer_lets_its_bearer_in_and_its_claims_are_in_the_event(
    emulator: Emulator, issuer: Issuer
) -> None:
    api = jwt_api(emulator, issuer, ["read", "write"])
    token = issuer.token(claims(emulator, issuer, scope="read other", roles=["a", "b"], level=3))
    event = api.ask("/x", headers={"Authorization": f"Bearer {token}"}).json()
    shown = event["requestContext"]["authorizer"]["jwt"]
    assert shown["scopes"] == ["read", "other"]
    assert (shown["claims"]["sub"], shown["claims"]["roles"], shown["claims"]["level"]) == ("ada", "[a b]", "3")
    assert api.ask("/x", headers={"Authorization": token}).status == 200  # Bearer is optional
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]  # and then remembered
    emulator.advance(61)
    answer = api.ask("/x", headers={"Authorization": token})
    assert (answer.status, answer.json()) == (401, UNAUTHORIZED)
    assert "the token has expired" in (answer.headers["www-authenticate"] or "")


def test_tokens_that_are_not_in_order_are_unauthorized(emulator: Emulator, issuer: Issuer) -> None:
    api = jwt_api(emulator, issuer)
    good = issuer.token(claims(emulator, issuer))
    changed = good.split(".")
    changed[1] = base64url(json.dumps(claims(emulator, issuer, sub="eve")).encode())
    tokens = [
        issuer.token(claims(emulator, issuer, iss="http://other")),
        issuer.token(claims(emulator, issuer, aud="bank")),
        issuer.token(claims(emulator, issuer, nbf=emulator.now() + 10)),
        issuer.token(claims(emulator, issuer, iat=emulator.now() + 10)),
        issuer.token(claims(emulator, issuer), kid="k2"),
        issuer.token(claims(emulator, issuer), alg="none"),
        issuer.token(claims(emulator, issuer), alg="HS256"),
        ".".join(changed),
        good[:-4],
        "a.b.c",
        "é.é.é",
        "x" * 9000,
    ]
    for token in tokens:
        answer = api.ask("/x", headers={"Authorization": token.encode().decode("latin-1")})
        assert (answer.status, answer.json()) == (401, UNAUTHORIZED), token
        assert (answer.headers["www-authenticate"] or "").startswith("Bearer")
    assert api.ask("/x").headers["www-authenticate"] == "Bearer"
    assert api.ask("/x", headers={"Authorization": good}).status == 200


def test_a_token_without_any_of_the_route_s_scopes_is_forbidden(emulator: Emulator, issuer: Issuer) -> None:
    api = jwt_api(emulator, issuer, ["write"])
    token = issuer.token(claims(emulator, issuer, scope="read"))
    answer = api.ask("/x", headers={"Authorization": token})
    assert (answer.status, answer.json()) == (403, FORBIDDEN)
    granted = issuer.token(claims(emulator, issuer, scp=["write"], client_id="shop", aud=None) | {"aud": "shop"})
    assert api.ask("/x", headers={"Authorization": granted}).status == 200


def test_format_1_shows_claims_and_scopes(emulator: Emulator, issuer: Issuer) -> None:
    api = jwt_api(emulator, issuer, version="1.0")
    token = issuer.token(claims(emulator, issuer))
    shown = api.ask("/x", headers={"Authorization": token}).json()["requestContext"]["authorizer"]
    assert (shown["claims"]["sub"], shown["scopes"]) == ("ada", None)


def test_an_issuer_that_cannot_be_asked_is_our_failure_not_the_caller_s(emulator: Emulator, issuer: Issuer) -> None:
    api = jwt_api(emulator, issuer)
    token = issuer.token(claims(emulator, issuer))
    issuer.answer = lambda path: []  # type: ignore[method-assign]
    assert api.ask("/x", headers={"Authorization": token}).status == 500


# ── Lambda authorizers ──────────────────────────────────────────────────────────────────────────

DECIDE = """
import json
ASKED = []

def handler(event, context):
    ASKED.append(1)
    who = event["headers"].get("x-who")
    if who == "broken":
        raise ValueError("intended")
    if who == "unknown":
        raise Exception("Unauthorized")
    if event["version"] == "2.0" and who != "policy":
        return {"isAuthorized": who == "ada", "context": {"asked": len(ASKED), "event": sorted(event)}}
    arn = event.get("routeArn") or event["methodArn"]
    effect = "Deny" if who == "eve" else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    if who in ("near", "far"):
        addresses = "127.0.0.0/8" if who == "near" else "10.0.0.0/8"
        statement["Condition"] = {"IpAddress": {"aws:SourceIp": addresses}}
    return {"principalId": "p", "policyDocument": {"Statement": [statement]}, "context": {"asked": len(ASKED)}}
"""


def lambda_api(emulator: Emulator, version: str, simple: bool, **members: Any) -> HttpApi:
    api = http_api(emulator)
    create(emulator.client("lambda"), "decide", Code={"ZipFile": package(DECIDE)}, Runtime="python3.11")
    more: dict[str, Any] = {"EnableSimpleResponses": True} if simple else {}
    made = authorizer(
        api,
        AuthorizerType="REQUEST",
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}decide/invocations",
        AuthorizerPayloadFormatVersion=version,
        **{"IdentitySource": ["$request.header.X-Who"], "AuthorizerResultTtlInSeconds": 0, **members},
        **more,
    )
    api.route("GET /x/{id}", api.function(echo(emulator), version), AuthorizationType="CUSTOM", AuthorizerId=made)
    return api


def test_a_simple_response_admits_or_denies_and_its_context_is_in_the_event(emulator: Emulator) -> None:
    api = lambda_api(emulator, "2.0", simple=True)
    context = api.ask("/x/1", headers={"X-Who": "ada"}).json()["requestContext"]["authorizer"]["lambda"]
    assert context["event"] == sorted(
        [
            "version",
            "type",
            "routeArn",
            "identitySource",
            "routeKey",
            "rawPath",
            "rawQueryString",
            "headers",
            "requestContext",
            "pathParameters",
        ]
    )
    statuses = {who: api.ask("/x/1", headers={"X-Who": who}) for who in ("eve", "broken", "unknown", "policy")}
    assert {who: answer.status for who, answer in statuses.items()} == {
        "eve": 403,
        "broken": 500,
        "unknown": 401,
        "policy": 500,
    }
    assert statuses["eve"].json() == FORBIDDEN
    nobody = api.ask("/x/1")
    assert (nobody.status, nobody.json()) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_policy_admits_or_denies(emulator: Emulator, version: str) -> None:
    api = lambda_api(emulator, version, simple=False)
    who = "ada" if version == "1.0" else "policy"
    event = api.ask("/x/1", headers={"X-Who": who}).json()
    shown = event["requestContext"]["authorizer"]
    assert shown == ({"asked": 1, "principalId": "p"} if version == "1.0" else {"lambda": {"asked": 1}})
    if version == "1.0":
        statuses = {who: api.ask("/x/1", headers={"X-Who": who}).status for who in ("eve", "near", "far")}
        assert statuses == {"eve": 403, "near": 200, "far": 403}


def test_a_decision_is_remembered_for_its_time_and_until_the_cache_is_reset(emulator: Emulator) -> None:
    api = lambda_api(emulator, "2.0", simple=True, AuthorizerResultTtlInSeconds=60)

    def asked() -> int:
        answer = api.ask("/x/1", headers={"X-Who": "ada"})
        return answer.json()["requestContext"]["authorizer"]["lambda"]["asked"]

    assert [asked(), asked()] == [1, 1]
    emulator.advance(60)
    assert [asked(), asked()] == [2, 2]
    api.client.reset_authorizers_cache(ApiId=api.id, StageName="$default")
    assert asked() == 3


def test_iam_wants_a_signature(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.route("GET /x", api.function(echo(emulator)), AuthorizationType="AWS_IAM")
    unsigned = api.ask("/x")
    assert (unsigned.status, unsigned.json()) == (403, FORBIDDEN)
    credential = "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/execute-api/aws4_request, Signature=0"
    event = api.ask("/x", headers={"Authorization": credential}).json()
    assert event["requestContext"]["authorizer"]["iam"]["accountId"] == "111111111111"


def test_authorizers_are_checked_when_they_are_made(emulator: Emulator) -> None:
    api = http_api(emulator)
    jwt = {"JwtConfiguration": {"Issuer": "http://i", "Audience": ["a"]}, "AuthorizerType": "JWT"}
    wrong: list[dict[str, Any]] = [
        {**jwt, "IdentitySource": []},
        {**jwt, "IdentitySource": ["Authorization"]},
        {**jwt, "IdentitySource": ["$request.header.a"], "JwtConfiguration": {"Issuer": "i", "Audience": ["a"]}},
        {"AuthorizerType": "REQUEST", "AuthorizerUri": FUNCTION + "f", "IdentitySource": []},
        {"AuthorizerType": "REQUEST", "AuthorizerPayloadFormatVersion": "2.0", "IdentitySource": []},
    ]
    for members in wrong:
        code, status, _ = error_of(lambda members=members: authorizer(api, **members))
        assert (code, status) == ("BadRequestException", 400)


def test_an_authorizer_lives_as_long_as_routes_need_it(emulator: Emulator) -> None:
    api = lambda_api(emulator, "2.0", simple=True)
    [made] = api.client.get_authorizers(ApiId=api.id)["Items"]
    identifier = made["AuthorizerId"]
    named = {"ApiId": api.id, "AuthorizerId": identifier}
    assert api.client.update_authorizer(**named, Name="b")["Name"] == "b"
    assert api.client.get_authorizer(**named)["Name"] == "b"
    assert error_of(lambda: api.client.delete_authorizer(**named))[:2] == ("ConflictException", 409)
    [route] = api.client.get_routes(ApiId=api.id)["Items"]
    api.client.update_route(ApiId=api.id, RouteId=route["RouteId"], AuthorizationType="NONE")
    api.client.delete_authorizer(**named)
    assert error_of(lambda: api.client.get_authorizer(**named))[:2] == ("NotFoundException", 404)
