"""Function URLs: their configuration through boto3, and the URLs themselves over raw HTTP."""

from __future__ import annotations

import base64
import http.client
import io
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.lambda_support import create
from tests.wire.lambda_support import package as lambda_package

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)

CODE = """
import json

def handler(event, context):
    kind = event["rawPath"].strip("/")
    if kind == "raise":
        raise ValueError("intended")
    if kind == "answer":
        return json.loads(event["body"])
    if kind == "arn":
        return context.invoked_function_arn
    return {"statusCode": 200, "body": json.dumps(event)}
"""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def package(code: str = CODE) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    return buffer.getvalue()


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[Any]:
    client = emulator.client("lambda")
    client.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/lambda",
        Code={"ZipFile": package()},
    )
    yield client


@pytest.fixture
def url(client: Any) -> str:
    return client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]


def ask(
    url: str, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """Send a request as is: the name is not resolved, the path not normalised."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=STUCK_SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", parts.netloc)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def returning(url: str, value: Any) -> Answer:
    """The answer to a request whose function returns `value`."""
    return ask(url, "/answer", "POST", {"Content-Type": "application/json"}, json.dumps(value).encode())


def error_of(work: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        work()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


# ── configuration ──


def test_a_url_is_created_read_changed_listed_and_deleted(emulator: RunningEmulator, client: Any) -> None:
    created = client.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="BUFFERED")
    assert created.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    assert sorted(created) == ["AuthType", "CreationTime", "FunctionArn", "FunctionUrl", "InvokeMode"]
    assert created["FunctionArn"] == ARN
    parts = urlsplit(created["FunctionUrl"])
    assert parts.path == "/" and parts.port == urlsplit(emulator.url).port
    assert parts.hostname is not None and parts.hostname.endswith(".lambda-url.us-east-1.localhost")
    read = client.get_function_url_config(FunctionName="f")
    assert read.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert read == {**created, "LastModifiedTime": created["CreationTime"]}
    emulator.advance(10)
    changed = client.update_function_url_config(FunctionName="f", InvokeMode="RESPONSE_STREAM")
    del changed["ResponseMetadata"]
    assert changed["InvokeMode"] == "RESPONSE_STREAM" and changed["LastModifiedTime"] > read["LastModifiedTime"]
    kept = client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert (kept["InvokeMode"], kept["AuthType"]) == ("RESPONSE_STREAM", "AWS_IAM")
    [listed] = client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]
    assert listed["FunctionUrl"] == created["FunctionUrl"] and listed["AuthType"] == "AWS_IAM"
    assert client.delete_function_url_config(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
    again = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert again["FunctionUrl"] != created["FunctionUrl"]
    assert "InvokeMode" not in again  # shown by reads, and here only if it was given


def test_cors_settings_are_kept_changed_and_taken_away(client: Any) -> None:
    cors = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "MaxAge": 5}
    assert client.create_function_url_config(FunctionName="f", AuthType="NONE", Cors=cors)["Cors"] == cors
    assert client.update_function_url_config(FunctionName="f", AuthType="NONE")["Cors"] == cors
    assert "Cors" not in client.update_function_url_config(FunctionName="f", Cors={})


def test_errors_of_the_configuration(client: Any, url: str) -> None:
    assert error_of(lambda: client.create_function_url_config(FunctionName="f", AuthType="NONE")) == (
        "ResourceConflictException",
        409,
        f"Failed to create function url config for [functionArn = {ARN}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function",
    )
    missing = ("ResourceNotFoundException", 404, "Function does not exist")
    assert error_of(lambda: client.create_function_url_config(FunctionName="g", AuthType="NONE")) == missing
    assert (
        error_of(lambda: client.create_function_url_config(FunctionName="f", Qualifier="nope", AuthType="NONE"))
        == missing
    )
    assert error_of(lambda: client.list_function_url_configs(FunctionName="g")) == missing
    gone = ("ResourceNotFoundException", 404, "The resource you requested does not exist.")
    for work in (
        client.get_function_url_config,
        client.delete_function_url_config,
        client.update_function_url_config,
    ):
        assert error_of(lambda: work(FunctionName="g")) == gone  # noqa: B023
    assert error_of(lambda: client.update_function_url_config(FunctionName="f", InvokeMode="UNKNOWN")) == (
        "ValidationException",
        400,
        "1 validation error detected: Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: "
        "Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
    )
    assert error_of(lambda: client.get_function_url_config(FunctionName=ARN.replace("us-east-1", "us-west-2"))) == (
        "ResourceNotFoundException",
        404,
        "Functions from 'us-west-2' are not reachable in this region ('us-east-1')",
    )


@pytest.mark.parametrize("qualifier", ["$LATEST", "1"])
def test_a_version_has_no_url(client: Any, qualifier: str) -> None:
    code, status, text = error_of(
        lambda: client.create_function_url_config(FunctionName="f", Qualifier=qualifier, AuthType="NONE")
    )
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith(f"1 validation error detected: Value '{qualifier}' at 'qualifier' failed to satisfy")
    code, status, text = error_of(
        lambda: client.create_function_url_config(FunctionName=f"f:{qualifier}", AuthType="NONE")
    )
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith(f"1 validation error detected: Value 'f:{qualifier}' at 'functionName' failed to satisfy")


def test_a_deleted_function_has_no_url_any_more(client: Any, url: str) -> None:
    assert ask(url, "/").status == 200
    client.delete_function(FunctionName="f")
    assert ask(url, "/").status == 404


# ── requests ──


def test_the_event_has_payload_format_two(emulator: RunningEmulator, url: str) -> None:
    host = urlsplit(url).netloc
    answer = ask(
        url,
        "/pa2%Fth/1?q=query&multiQuery=foo&multiQuery=%2Fbar&empty=",
        "POST",
        {"Content-Type": "application/json", "ExTrA-HeadErs": "With WeiRd CapS", "User-Agent": "test/echo"},
        b'{"foo": "bar"}',
    )
    event = answer.json()
    assert list(event) == [
        "version", "routeKey", "rawPath", "rawQueryString", "headers", "queryStringParameters", "requestContext",
        "body", "isBase64Encoded",
    ]  # fmt: skip
    assert event["rawPath"] == "/pa2%Fth/1"
    assert event["rawQueryString"] == "q=query&multiQuery=foo&multiQuery=%2Fbar&empty="
    assert event["queryStringParameters"] == {"q": "query", "multiQuery": "foo,/bar", "empty": ""}
    headers = event["headers"]
    assert headers.pop("x-amzn-trace-id").startswith("Root=1-")
    assert headers == {
        "content-length": "14",
        "content-type": "application/json",
        "extra-headers": "With WeiRd CapS",
        "host": host,
        "user-agent": "test/echo",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": str(urlsplit(url).port),
        "x-forwarded-proto": "http",
    }
    assert (event["body"], event["isBase64Encoded"]) == ('{"foo": "bar"}', False)
    context = event["requestContext"]
    url_id = host.partition(".")[0]
    assert context["timeEpoch"] == int(emulator.now() * 1000)
    assert context["time"].endswith(" +0000")
    del context["time"], context["timeEpoch"]
    assert context == {
        "accountId": "anonymous",
        "apiId": url_id,
        "domainName": host.partition(":")[0],
        "domainPrefix": url_id,
        "http": {
            "method": "POST",
            "path": "/pa2%Fth/1",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "test/echo",
        },
        "requestId": answer.headers["x-amzn-RequestId"],
        "routeKey": "$default",
        "stage": "$default",
    }


def test_members_without_content_are_left_out(url: str) -> None:
    event = ask(url).json()
    assert not {"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} & event.keys()
    assert event["isBase64Encoded"] is False and event["rawQueryString"] == ""


def test_cookies_are_a_list_of_their_own(url: str) -> None:
    event = ask(url, headers={"Cookie": "a=1; b=2"}).json()
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("text/plain; charset=utf-8", "grün".encode(), False),
        ("application/vnd.api+json", b"{}", False),
        ("multipart/form-data; boundary=x", b"--x--", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("image/png", b"\x89PNG", True),
        ("text/plain", b"\xff\xfe", True),
    ],
)
def test_bodies_that_are_no_text_come_in_base64(url: str, content_type: str, body: bytes, encoded: bool) -> None:
    event = ask(url, "/", "POST", {"Content-Type": content_type}, body).json()
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_every_method_arrives(url: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert ask(url, "/", method).json()["requestContext"]["http"]["method"] == method
    assert ask(url, "/", "HEAD").status == 200


def test_a_path_leads_to_the_same_url_where_names_do_not_resolve(emulator: RunningEmulator, url: str) -> None:
    url_id = urlsplit(url).netloc.partition(".")[0]
    event = ask(emulator.url, f"/_aws/lambda-url/{url_id}/a/b?c=d").json()
    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b", "c=d")
    assert event["requestContext"]["domainName"] == urlsplit(url).hostname
    assert ask(emulator.url, f"/_aws/lambda-url/{url_id}").json()["rawPath"] == "/"


def test_an_unknown_url_is_not_found(url: str) -> None:
    answer = ask(url.replace("http://", "http://0"), "/")
    assert (answer.status, answer.body) == (404, b'{"Message":null}')


def test_a_request_beyond_six_megabytes_is_refused(url: str) -> None:
    answer = ask(url, "/", "POST", {"Content-Type": "text/plain"}, b"x" * 6_291_457)
    assert answer.status == 413
    assert answer.headers["x-amzn-ErrorType"] == "RequestEntityTooLargeException"


# ── answers ──


@pytest.mark.parametrize(
    ("returned", "body"),
    [
        ({"hello": "world"}, b'{"hello":"world"}'),
        ({"statusCode": 200, "body": "body123"}, b"body123"),
        ({"statusCode": 200, "body": '{"hello": "world"}'}, b'{"hello": "world"}'),
        (["hello", 3, True], b'["hello",3,true]'),
        ("hello", b"hello"),
        (3, b"3"),
        (3.1, b"3.1"),
        (True, b"true"),
    ],
)
def test_what_a_function_returns_becomes_a_response(url: str, returned: Any, body: bytes) -> None:
    answer = returning(url, returned)
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(body))


def test_status_headers_cookies_and_binary_bodies(url: str) -> None:
    answer = returning(
        url,
        {
            "statusCode": 201,
            "headers": {"Content-Type": "image/png", "My-Custom-Header": "Custom Value", "X-Count": 3},
            "cookies": ["a=1; Secure", "b=2"],
            "body": base64.b64encode(b"\x89PNG\0").decode(),
            "isBase64Encoded": True,
        },
    )
    assert (answer.status, answer.body) == (201, b"\x89PNG\0")
    assert answer.headers.get_all("Content-Type") == ["image/png"]
    assert answer.headers["My-Custom-Header"] == "Custom Value" and answer.headers["X-Count"] == "3"
    assert answer.headers.get_all("Set-Cookie") == ["a=1; Secure", "b=2"]


def test_an_answer_can_have_no_body(url: str) -> None:
    answer = returning(url, {"statusCode": "204"})
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    "returned",
    [
        {"statusCode": "ok"},
        {"statusCode": 99},
        {"statusCode": True},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"bad\r\nname": "x"}},
        {"statusCode": 200, "headers": {"X": {"a": 1}}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
    ],
)
def test_an_answer_that_is_no_response_is_a_bad_gateway(url: str, returned: Any) -> None:
    answer = returning(url, returned)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


def test_a_value_cannot_add_headers(url: str) -> None:
    answer = returning(url, {"statusCode": 200, "headers": {"X-A": "a\r\nX-Evil: 1"}})
    assert answer.status == 200 and "X-Evil" not in answer.headers


def test_a_function_that_fails_is_a_bad_gateway_and_tells_nothing(url: str) -> None:
    answer = ask(url, "/raise")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


def test_a_throttled_function_answers_429(client: Any, url: str) -> None:
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    answer = ask(url)
    assert answer.status == 429 and answer.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
    client.delete_function_concurrency(FunctionName="f")
    assert ask(url).status == 200


def test_the_function_sees_its_unqualified_arn(url: str) -> None:
    assert ask(url, "/arn").body == ARN.encode()


# ── authorization ──


def test_an_unsigned_request_is_forbidden_where_iam_decides(client: Any, url: str) -> None:
    client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    answer = ask(url)
    assert (answer.status, answer.json()) == (403, {"Message": FORBIDDEN})
    assert answer.headers["x-amzn-ErrorType"] == "AccessDeniedException"


def test_a_signed_request_tells_the_function_who_calls(client: Any, url: str) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials("111111111111", "secret"), "lambda", "us-east-1").add_auth(request)
    context = ask(url, headers=dict(request.headers.items())).json()["requestContext"]
    assert context["accountId"] == "111111111111" and context["authentication"] is None
    assert context["authorizer"] == {
        "iam": {
            "accessKey": "111111111111",
            "accountId": "111111111111",
            "callerId": "111111111111",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::111111111111:root",
            "userId": "111111111111",
        }
    }


# ── pages of other sites ──

ORIGIN = {"Origin": "https://page.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def test_without_cors_settings_the_function_answers_browsers_itself(url: str) -> None:
    event = ask(url, "/", "OPTIONS", PREFLIGHT).json()
    assert event["requestContext"]["http"]["method"] == "OPTIONS"
    answer = ask(url, headers={**ORIGIN, "Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200 and "Access-Control-Allow-Origin" not in answer.headers


def test_a_preflight_is_answered_from_the_settings_without_the_function(client: Any, url: str) -> None:
    client.update_function_url_config(
        FunctionName="f",
        AuthType="AWS_IAM",
        Cors={
            "AllowOrigins": ["https://page.example"],
            "AllowMethods": ["POST", "PUT"],
            "AllowHeaders": ["content-type", "x-custom"],
            "ExposeHeaders": ["x-shown"],
            "AllowCredentials": True,
            "MaxAge": 300,
        },
    )
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    answer = ask(url, "/", "OPTIONS", PREFLIGHT)
    assert (answer.status, answer.body) == (200, b"")
    assert {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")} == {
        "Access-Control-Allow-Origin": "https://page.example",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "POST,PUT",
        "Access-Control-Allow-Headers": "content-type,x-custom",
        "Access-Control-Max-Age": "300",
    }
    for refused in (
        {**PREFLIGHT, "Origin": "https://other.example"},
        {**PREFLIGHT, "Access-Control-Request-Method": "DELETE"},
    ):
        answer = ask(url, "/", "OPTIONS", refused)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_every_answer_carries_the_headers_of_the_settings(client: Any, url: str) -> None:
    client.update_function_url_config(
        FunctionName="f", Cors={"AllowOrigins": ["https://page.example"], "ExposeHeaders": ["date", "x-shown"]}
    )
    for path in ("/", "/raise"):
        answer = ask(url, path, headers=ORIGIN)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://page.example"
        assert answer.headers["Access-Control-Expose-Headers"] == "date,x-shown"
        assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in ask(url, headers={"Origin": "https://other.example"}).headers


def test_the_settings_win_over_the_headers_of_the_function(client: Any, url: str) -> None:
    client.update_function_url_config(FunctionName="f", Cors={"AllowOrigins": ["*"]})
    body = json.dumps({"statusCode": 200, "headers": {"access-control-allow-origin": "https://mine.example"}}).encode()
    answer = ask(url, "/answer", "POST", {**ORIGIN, "Content-Type": "application/json"}, body)
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]


def test_a_page_of_another_site_reaches_the_url_but_not_the_control_plane(emulator: RunningEmulator, url: str) -> None:
    foreign = {**ORIGIN, "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    assert ask(url, "/", "POST", foreign, b"{}").status == 200
    assert ask(emulator.url, "/2015-03-31/functions/f", "DELETE", foreign).status == 403


# ── streams ──


def test_a_function_that_does_not_stream_is_answered_as_usual(client: Any, url: str) -> None:
    client.update_function_url_config(FunctionName="f", InvokeMode="RESPONSE_STREAM")
    assert returning(url, {"statusCode": 201, "body": "made"})[::2] == (201, b"made")
    assert ask(url, "/raise").status == 502


NODE = """
const { setTimeout: sleep } = require('timers/promises');
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const kind = event.rawPath;
  if (kind === '/fail') throw new Error('at once');
  if (kind === '/plain') {
    stream.write('Hello, ');
    stream.write('world!');
    stream.end();
    return;
  }
  stream = awslambda.HttpResponseStream.from(stream, {
    statusCode: 203, headers: { 'Content-Type': 'text/event-stream', 'X-A': 'b' }, cookies: ['c=d'],
  });
  stream.write('first\\n');
  if (kind === '/short') { stream.end(); return; }
  if (kind === '/break') { await sleep(50); throw new Error('on the way'); }
  await sleep(3600 * 1000);
  stream.write('second\\n');
  stream.end();
});
"""


@pytest.fixture
def streaming(emulator: RunningEmulator) -> str:
    if shutil.which("node") is None:
        pytest.skip("needs Node.js (`node`) on the PATH")
    client = emulator.client("lambda")
    create(
        client,
        Runtime="nodejs22.x",
        Handler="index.handler",
        Timeout=900,
        Code={"ZipFile": lambda_package(NODE, "index.js")},
    )
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    return made["FunctionUrl"]


def test_a_stream_without_prelude_arrives_whole(streaming: str) -> None:
    answer = ask(streaming, "/plain")
    assert (answer.status, answer.body) == (200, b"Hello, world!")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Transfer-Encoding"] == "chunked"


def test_a_stream_begins_before_the_function_ends(emulator: RunningEmulator, streaming: str) -> None:
    parts = urlsplit(streaming)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=STUCK_SECONDS)
    connection.request("GET", "/", headers={"Host": parts.netloc})
    response = connection.getresponse()
    assert response.status == 203
    assert response.headers["X-A"] == "b" and response.headers["Set-Cookie"] == "c=d"
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.readline() == b"first\n"  # the function sleeps: frozen time has not moved
    before = emulator.now()
    emulator.advance(901)
    assert emulator.now() == before + 901
    with pytest.raises(http.client.IncompleteRead):  # it sleeps longer than it may run
        response.read()
    connection.close()


def test_a_stream_that_nobody_asked_for_is_answered_in_one_piece(emulator: RunningEmulator, streaming: str) -> None:
    emulator.client("lambda").update_function_url_config(FunctionName="f", InvokeMode="BUFFERED")
    answer = ask(streaming, "/short")
    assert (answer.status, answer.body) == (203, b"first\n")
    assert answer.headers["X-A"] == "b" and answer.headers["Content-Length"] == "6"


def test_a_stream_that_fails_at_once_is_a_bad_gateway(streaming: str) -> None:
    answer = ask(streaming, "/fail")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


def test_a_stream_that_fails_on_the_way_breaks_off(emulator: RunningEmulator, streaming: str) -> None:
    parts = urlsplit(streaming)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=STUCK_SECONDS)
    connection.request("GET", "/break", headers={"Host": parts.netloc})
    response = connection.getresponse()
    assert response.readline() == b"first\n"
    emulator.advance(1)
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()
    assert ask(streaming, "/plain").status == 200


CUSTOM = f"""#!{sys.executable}
import http.client, json, os

def ask(*request, **more):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(*request, **more)
    response = connection.getresponse()
    return response.headers, response.read()

while True:
    headers, event = ask("GET", "/2018-06-01/runtime/invocation/next")
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    pieces = [
        b'{{"statusCode": 207, "headers": {{"X-A": "b"}}, "cookies": ["c=d"]}}', bytes(8),
        b"hello ", json.loads(event)["rawPath"].encode(),
    ]
    ask(
        "POST", f"/2018-06-01/runtime/invocation/{{request_id}}/response", body=iter(pieces), encode_chunked=True,
        headers={{
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Content-Type": "application/vnd.awslambda.http-integration-response",
            "Transfer-Encoding": "chunked",
        }},
    )
"""


def test_a_custom_runtime_streams_with_a_prelude(emulator: RunningEmulator) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("bootstrap")
        member.external_attr = 0o755 << 16
        archive.writestr(member, CUSTOM)
    client = emulator.client("lambda")
    create(client, Runtime="provided.al2023", Timeout=30, Code={"ZipFile": buffer.getvalue()})
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    for mode in ("RESPONSE_STREAM", "BUFFERED"):
        client.update_function_url_config(FunctionName="f", InvokeMode=mode)
        answer = ask(made["FunctionUrl"], "/abc")
        assert (answer.status, answer.body) == (207, b"hello /abc")
        assert (answer.headers["X-A"], answer.headers["Set-Cookie"]) == ("b", "c=d")
        assert answer.headers["Content-Type"] == "application/octet-stream"


# ── aliases ──


def test_the_url_of_an_alias_runs_its_version_and_outlives_it(client: Any) -> None:
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    created = client.create_function_url_config(FunctionName="f:live", AuthType="NONE")
    assert created["FunctionArn"] == f"{ARN}:live"
    plain = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert plain["FunctionUrl"] != created["FunctionUrl"]
    client.update_function_code(FunctionName="f", ZipFile=package("def handler(event, context): return 'new'"))
    assert ask(created["FunctionUrl"], "/arn").body == f"{ARN}:live".encode()
    assert ask(plain["FunctionUrl"], "/arn").body == b"new"
    listed = client.list_function_url_configs(FunctionName="f", MaxItems=1)
    assert listed["FunctionUrlConfigs"][0]["FunctionArn"] == ARN
    [second] = client.list_function_url_configs(FunctionName="f", Marker=listed["NextMarker"])["FunctionUrlConfigs"]
    assert second["FunctionArn"] == f"{ARN}:live"
    client.delete_alias(FunctionName="f", Name="live")
    answer = ask(created["FunctionUrl"], "/arn")
    assert (answer.status, answer.json()) == (403, {"Message": FORBIDDEN})
    assert answer.headers["x-amzn-ErrorType"] == "AccessDeniedException"
    assert client.get_function_url_config(FunctionName="f", Qualifier="live")["FunctionUrl"] == created["FunctionUrl"]


# ── metrics ──


def test_requests_are_counted_by_what_came_of_them(emulator: RunningEmulator, client: Any, url: str) -> None:
    for path in ("/", "/raise"):
        ask(url, path)
    client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    ask(url)
    cloudwatch = emulator.client("cloudwatch")

    def total(metric: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:$LATEST"}],
            StartTime=emulator.now() - 600,
            EndTime=emulator.now() + 600,
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    assert [total(name) for name in ("UrlRequestCount", "Url4xxCount", "Url5xxCount")] == [3.0, 1.0, 1.0]
