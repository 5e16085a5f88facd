"""`aws.http` finds what is deployed: by path, by the emulator's addresses and by AWS's."""

from __future__ import annotations

import httpx
import pytest

from emulator.testing import AsyncEmulator, Emulator
from emulator.testing.aws import Aws
from emulator.testing.servers import HarnessError, LocalServer
from tests.testing.functions import create

ECHO = """
def handler(event, context):
    return {"statusCode": 200, "body": event.get("rawPath", "") + "?" + event.get("rawQueryString", "")}
"""


def http_api(aws: Aws, name: str = "echo") -> str:
    function = create(aws, name, ECHO)
    return aws.apigatewayv2.create_api(Name=name, ProtocolType="HTTP", Target=function)["ApiId"]


def test_paths_are_those_of_the_only_api(aws: Aws) -> None:
    http_api(aws)
    assert aws.http.get("/a%20b/c", params={"q": "1"}).text == "/a b/c?q=1"
    assert [each["kind"] for each in aws.apis()] == ["HTTP"]


def test_a_path_needs_one_api_to_go_to(aws: Aws) -> None:
    with pytest.raises(HarnessError, match="needs one deployed stage; there are: none"):
        aws.http.get("/")
    first, second = http_api(aws, "first"), http_api(aws, "second")
    with pytest.raises(HarnessError, match=r"first/.default at .*second/.default"):
        aws.http.get("/")
    for api in (first, second):
        assert aws.http.get(f"https://{api}.execute-api.us-east-1.amazonaws.com/x").text == "/x?"


def test_urls_of_functions_are_reached_as_on_aws(aws: Aws) -> None:
    create(aws, "echo", ECHO)
    aws.lambda_.add_permission(
        FunctionName="echo", StatementId="all", Action="lambda:InvokeFunctionUrl", Principal="*",
        FunctionUrlAuthType="NONE",
    )  # fmt: skip
    url = aws.lambda_.create_function_url_config(FunctionName="echo", AuthType="NONE")["FunctionUrl"]
    identifier = httpx.URL(url).host.partition(".")[0]
    assert aws.http.get(f"https://{identifier}.lambda-url.us-east-1.on.aws/hello").text == "/hello?"
    assert aws.http.get(f"{url}hello").text == "/hello?", "as the emulator names it"


def test_apis_of_other_worlds_are_not_in_the_way(aws: Aws, emulator_server: LocalServer) -> None:
    http_api(aws)
    with Emulator(server=emulator_server) as other:
        http_api(other.aws)
        assert aws.http.get("/mine").text == "/mine?"
        assert other.aws.http.get("/theirs").text == "/theirs?"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_same_awaited(async_emulator: AsyncEmulator) -> None:
    http_api(async_emulator.aws)
    assert (await async_emulator.http.get("/x")).text == "/x?"
    await async_emulator.http.aclose()
