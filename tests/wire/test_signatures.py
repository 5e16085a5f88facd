"""AWS_IAM: signatures of keys that IAM has given out are verified, by REST APIs, HTTP APIs and function URLs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import ACCOUNT, RestApi, function_uri, mock
from tests.wire.http_api_support import Answer, ask, echo, http_api
from tests.wire.websocket_support import Refused, websocket_api

MISMATCH = "The request signature we calculated does not match the signature you provided."


@dataclass
class Key:
    """An access key, as who has it sees it."""

    id: str
    secret: str

    def ask(
        self, url: str, method: str = "GET", body: bytes = b"", service: str = "execute-api", tampered: Any = None
    ) -> Answer:
        """A signed request; `tampered` changes what is sent after it was signed."""
        request = AWSRequest(method, url, headers={"Host": urlsplit(url).netloc}, data=body)
        SigV4Auth(Credentials(self.id, self.secret), service, "us-east-1").add_auth(request)
        headers = dict(request.headers.items())
        if tampered is not None:
            url, method, headers, body = tampered(url, method, headers, body)
        return ask(url, method, headers, body)


@pytest.fixture
def key(emulator: RunningEmulator) -> Key:
    client = emulator.client("iam")
    client.create_user(UserName="ann")
    made = client.create_access_key(UserName="ann")["AccessKey"]
    return Key(made["AccessKeyId"], made["SecretAccessKey"])


def rest(emulator: RunningEmulator) -> Callable[[str], str]:
    api = RestApi(emulator)
    for path in ("/", "/{proxy+}"):
        api.method(path, "ANY", **mock(), authorizationType="AWS_IAM")
    api.deploy()
    return api.url


PATHS = ["", "?b=2&a=1&a=0&c", "a/b", "a%2Fb/%20%C3%A4/~x", "a//b/./c", "a/?q=a%20b%2B&x=%C3%A4"]


@pytest.mark.parametrize("path", PATHS)
def test_what_boto3_signs_is_let_in(emulator: RunningEmulator, key: Key, path: str) -> None:
    url = rest(emulator)(path)
    assert key.ask(url).status == 200
    assert key.ask(url, "POST", b'{"a": 1}').status == 200


@pytest.mark.parametrize(
    "tampered",
    [
        lambda url, method, headers, body: (url, method, headers, b"other"),
        lambda url, method, headers, body: (url + "x", method, headers, body),
        lambda url, method, headers, body: (url + "?a=1", method, headers, body),
        lambda url, method, headers, body: (url, "PUT", headers, body),
        lambda url, method, headers, body: (url, method, {**headers, "X-Amz-Date": "20200101T000000Z"}, body),
    ],
)
def test_what_was_changed_on_its_way_is_refused(emulator: RunningEmulator, key: Key, tampered: Any) -> None:
    answer = key.ask(rest(emulator)("a"), "POST", b"body", tampered=tampered)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")
    text = answer.json()["message"]
    assert text.startswith(MISMATCH) and "The Canonical String for this request should have been" in text


def test_a_wrong_secret_or_service_is_refused(emulator: RunningEmulator, key: Key) -> None:
    url = rest(emulator)("a")
    wrong = Key(key.id, "x" * 40).ask(url)
    assert (wrong.status, wrong.json()["message"].startswith(MISMATCH)) == (403, True)
    other = key.ask(url, service="s3")
    assert other.json() == {"message": "Credential should be scoped to correct service: 'execute-api'. "}


def test_keys_that_nobody_made_are_let_through(emulator: RunningEmulator, key: Key) -> None:
    assert Key("AKIDNOBODY", "any").ask(rest(emulator)("a")).status == 200


def test_a_key_signs_until_it_is_deactivated_or_deleted(emulator: RunningEmulator, key: Key) -> None:
    url, client = rest(emulator)("a"), emulator.client("iam")
    client.update_access_key(UserName="ann", AccessKeyId=key.id, Status="Inactive")
    refused = key.ask(url)
    assert (refused.status, refused.json()["message"]) == (
        403,
        "The security token included in the request is invalid.",
    )
    client.update_access_key(UserName="ann", AccessKeyId=key.id, Status="Active")
    assert key.ask(url).status == 200
    client.delete_access_key(UserName="ann", AccessKeyId=key.id)
    assert key.ask(url).status == 403
    emulator.control("POST", "reset")
    assert key.ask(rest(emulator)("a")).status == 200


def test_a_signature_may_be_in_the_query(emulator: RunningEmulator, key: Key) -> None:
    request: Any = AWSRequest("GET", rest(emulator)("a?x=1"))
    SigV4QueryAuth(Credentials(key.id, key.secret), "execute-api", "us-east-1").add_auth(request)
    assert ask(request.url).status == 200
    assert ask(request.url.replace("x=1", "x=2")).status == 403


def test_http_apis_and_function_urls_verify_too(emulator: RunningEmulator, key: Key) -> None:
    api = http_api(emulator)
    name = echo(emulator)
    api.route("ANY /a", api.function(name), AuthorizationType="AWS_IAM")
    url = emulator.client("lambda").create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    other = Key(key.id, "x" * 40)
    for address, service in ((api.url + "/a", "execute-api"), (url, "lambda")):
        told = key.ask(address, service=service)
        assert (told.status, told.json()["requestContext"]["authorizer"]["iam"]["accessKey"]) == (200, key.id)
        refused = other.ask(address, service=service)
        assert (refused.status, list(json.loads(refused.body).values())[0].partition(".")[0]) == (403, "Forbidden")


def test_events_and_templates_name_the_user_whose_key_it_is(emulator: RunningEmulator, key: Key) -> None:
    user = emulator.client("iam").get_user(UserName="ann")["User"]
    api = RestApi(emulator)
    name = echo(emulator)
    api.method(
        "/event",
        "GET",
        {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri(name)},
        authorizationType="AWS_IAM",
    )
    shown = mock(body="$context.identity.userArn $context.identity.accountId")
    api.method("/template", "GET", **shown, authorizationType="AWS_IAM")
    api.method("/open", "GET", **shown)
    api.deploy()
    identity = key.ask(api.url("event")).json()["requestContext"]["identity"]
    told = {name: identity[name] for name in ("accountId", "caller", "accessKey", "userArn", "user")}
    assert told == {
        "accountId": ACCOUNT,
        "caller": user["UserId"],
        "accessKey": key.id,
        "userArn": user["Arn"],
        "user": user["UserId"],
    }
    assert key.ask(api.url("template")).body.decode() == f"{user['Arn']} {ACCOUNT}"
    nobody = Key("AKIDNOBODY", "any").ask(api.url("template")).body.decode()
    assert nobody == f"arn:aws:iam::{ACCOUNT}:root {ACCOUNT}"
    assert key.ask(api.url("open")).body.strip() == b""


def test_a_client_that_connects_must_have_signed_rightly(emulator: RunningEmulator, key: Key) -> None:
    api = websocket_api(emulator)
    api.route("$connect", AuthorizationType="AWS_IAM")
    path = f"/_aws/execute-api/{api.id}/prod"
    host = urlsplit(emulator.url).netloc
    for secret, admitted in ((key.secret, True), ("x" * 40, False)):
        request = AWSRequest("GET", f"http://{host}{path}", headers={"Host": host})
        SigV4Auth(Credentials(key.id, secret), "execute-api", "us-east-1").add_auth(request)
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        if admitted:
            api.connect(headers=headers, host=host).vanish()
        else:
            with pytest.raises(Refused) as refused:
                api.connect(headers=headers, host=host)
            assert (refused.value.status, MISMATCH.encode() in refused.value.body) == (403, True)
