"""Requests whose Host is a custom domain name: API mappings lead them to HTTP, WebSocket and REST APIs."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, mock
from tests.wire.http_api_support import HttpApi, ask, echo, http_api
from tests.wire.lambda_support import error_of
from tests.wire.websocket_support import Refused, connect, websocket_api
from tests.wire.websocket_support import echo as websocket_echo

Emulator = RunningEmulator
NAME = "api.example.com"


@pytest.fixture
def api(emulator: Emulator) -> HttpApi:
    """An HTTP API with the stages `$default` and `dev`, and a domain name."""
    made = http_api(emulator)
    made.client.create_stage(ApiId=made.id, StageName="dev", AutoDeploy=True)
    made.route("ANY /pets/{id}", made.function(echo(emulator)))
    made.client.create_domain_name(DomainName=NAME)
    return made


def mapped(api: HttpApi, stage: str, key: str = "", api_id: str = "") -> Any:
    return api.client.create_api_mapping(
        DomainName=NAME, ApiId=api_id or api.id, Stage=stage, **({"ApiMappingKey": key} if key else {})
    )


@pytest.mark.parametrize("host", [NAME, f"{NAME}:4566", f"{NAME}.localhost:4566"])
def test_a_mapping_without_a_key_leads_to_its_stage(api: HttpApi, host: str) -> None:
    mapped(api, "dev")
    answer = ask(f"{api.emulator.url}/pets/1?a=b", host=host)
    context = answer.json()["requestContext"]
    assert (answer.status, context["stage"], answer.json()["rawPath"]) == (200, "dev", "/pets/1")
    assert (context["domainName"], context["domainPrefix"], context["http"]["path"]) == (NAME, "api", "/pets/1")


def test_the_longest_key_wins_and_stays_in_the_path(api: HttpApi) -> None:
    mapped(api, "$default")
    mapped(api, "dev", "v1/shop")
    for path, stage in (("/pets/1", "$default"), ("/v1/shop/pets/1", "dev")):
        answer = ask(api.emulator.url + path, host=NAME)
        event = answer.json()
        assert (event["requestContext"]["stage"], event["rawPath"]) == (stage, path)
        assert event["pathParameters"] == {"id": "1"}
    assert ask(f"{api.emulator.url}/v1/shopping/pets/1", host=NAME).status == 404


def test_a_name_without_a_mapping_for_the_path_finds_nothing(api: HttpApi) -> None:
    mapped(api, "dev", "v1")
    answer = ask(f"{api.emulator.url}/pets/1", host=NAME)
    assert (answer.status, answer.json()) == (404, {"message": "Not Found"})


def test_a_disabled_endpoint_is_still_reached_by_the_domain_name(api: HttpApi) -> None:
    mapped(api, "dev")
    api.client.update_api(ApiId=api.id, DisableExecuteApiEndpoint=True)
    assert api.ask("/pets/1").status == 404
    assert ask(f"{api.emulator.url}/pets/1", host=NAME).status == 200


def test_a_mapping_may_lead_to_a_rest_api(api: HttpApi) -> None:
    rest = RestApi(api.emulator)
    rest.method("x", "GET", **mock(200, "from rest"))
    rest.deploy()
    mapped(api, "dev", "rest/v1", rest.id)
    answer = ask(f"{api.emulator.url}/rest/v1/x", host=NAME)
    assert (answer.status, answer.body) == (200, b"from rest")


def test_a_mapping_may_lead_to_a_websocket_api(api: HttpApi) -> None:
    talk = websocket_api(api.emulator)
    talk.route("$default", talk.function(websocket_echo(api.emulator, "talks")))
    mapped(api, "prod", "talk", talk.id)
    client = connect(api.emulator.url, "/talk", host=NAME)
    client.say("hello")
    context = client.json()["requestContext"]
    assert (context["domainName"], context["stage"]) == (NAME, "prod")
    client.close()
    for path in ("/talk/more", "/other"):
        with pytest.raises(Refused):
            connect(api.emulator.url, path, host=NAME)
    assert ask(f"{api.emulator.url}/talk", host=NAME).status == 426


@pytest.mark.parametrize(
    "wrong", [{"Stage": "none"}, {"ApiId": "none"}, {"ApiMappingKey": "a//b"}, {"ApiMappingKey": "/a"}]
)
def test_a_mapping_that_leads_nowhere_is_refused(api: HttpApi, wrong: dict[str, str]) -> None:
    members = {"DomainName": NAME, "ApiId": api.id, "Stage": "dev", **wrong}
    code, status, _ = error_of(lambda: api.client.create_api_mapping(**members))
    expected = ("BadRequestException", 400) if "ApiMappingKey" in wrong else ("NotFoundException", 404)
    assert (code, status) == expected


def test_a_domain_name_is_one_accounts(api: HttpApi) -> None:
    other = api.emulator.client("apigatewayv2", aws_access_key_id="111111111111")
    assert error_of(lambda: other.create_domain_name(DomainName=NAME))[:2] == ("ConflictException", 409)
