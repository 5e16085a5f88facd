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
NAME2 = "shop.example.com"


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
    expected = ("NotFoundException", 404) if "ApiId" in wrong else ("BadRequestException", 400)
    assert (code, status) == expected


def test_a_domain_name_is_one_accounts(api: HttpApi) -> None:
    other = api.emulator.client("apigatewayv2", aws_access_key_id="111111111111")
    assert error_of(lambda: other.create_domain_name(DomainName=NAME))[:2] == ("ConflictException", 409)


def test_keys_end_within_segments_once_one_has_several_levels(api: HttpApi) -> None:
    mapped(api, "$default")
    mapped(api, "dev", "p")
    for path, stage in (("/p/pets/1", "dev"), ("/pets/1", "$default")):
        assert ask(f"{api.emulator.url}{path}", host=NAME).json()["requestContext"]["stage"] == stage
    mapped(api, "dev", "a/b")
    assert ask(f"{api.emulator.url}/pets/1", host=NAME).status == 404  # it is for `p` now, whose rest is /ets/1


def test_both_clients_see_the_same_names_and_mappings(api: HttpApi) -> None:
    older, newer = api.emulator.client("apigateway"), api.client
    rest = RestApi(api.emulator)
    rest.method("x", "GET", **mock(200, "from rest"))
    rest.deploy()
    certificate = "arn:aws:acm:us-east-1:000000000000:certificate/c"
    made = newer.create_domain_name(
        DomainName=NAME2,
        DomainNameConfigurations=[{"CertificateArn": certificate, "EndpointType": "REGIONAL"}],
        MutualTlsAuthentication={"TruststoreUri": "s3://bucket/store.pem"},
        Tags={"a": "1"},
    )
    seen = older.get_domain_name(domainName=NAME2)
    assert (seen["regionalCertificateArn"], seen["tags"]) == (certificate, {"a": "1"})
    assert seen["mutualTlsAuthentication"] == {"truststoreUri": "s3://bucket/store.pem"}
    assert seen["regionalDomainName"] == made["DomainNameConfigurations"][0]["ApiGatewayDomainName"]
    assert made["DomainNameArn"] == seen["domainNameArn"]
    older.create_base_path_mapping(domainName=NAME2, restApiId=rest.id, basePath="rest", stage="dev")
    mapped_too = newer.create_api_mapping(DomainName=NAME2, ApiId=api.id, Stage="dev", ApiMappingKey="v1")
    paths = {item["basePath"]: item["restApiId"] for item in older.get_base_path_mappings(domainName=NAME2)["items"]}
    keys = {item["ApiMappingKey"]: item["ApiId"] for item in newer.get_api_mappings(DomainName=NAME2)["Items"]}
    assert paths == keys == {"rest": rest.id, "v1": api.id}
    assert ask(f"{api.emulator.url}/rest/x", host=NAME2).body == b"from rest"
    assert ask(f"{api.emulator.url}/v1/pets/1", host=NAME2).status == 200
    error = error_of(
        lambda: newer.create_api_mapping(DomainName=NAME2, ApiId=api.id, Stage="dev", ApiMappingKey="rest")
    )
    assert error[:2] == ("ConflictException", 409)
    older.delete_base_path_mapping(domainName=NAME2, basePath="v1")
    assert error_of(lambda: newer.get_api_mapping(DomainName=NAME2, ApiMappingId=mapped_too["ApiMappingId"]))[1] == 404
    assert error_of(lambda: older.create_domain_name(domainName=NAME2))[:2] == ("BadRequestException", 400)
    newer.update_domain_name(DomainName=NAME2, MutualTlsAuthentication={"TruststoreUri": ""})
    assert "mutualTlsAuthentication" not in older.get_domain_name(domainName=NAME2)
    older.delete_domain_name(domainName=NAME2)
    assert error_of(lambda: newer.get_domain_name(DomainName=NAME2))[1] == 404


def test_edge_and_private_names_belong_to_the_older_client(api: HttpApi) -> None:
    older, newer = api.emulator.client("apigateway"), api.client
    older.create_domain_name(domainName=NAME2, certificateArn="arn:edge")
    older.create_domain_name(domainName="p.example.com", endpointConfiguration={"types": ["PRIVATE"]})
    assert [item["DomainName"] for item in newer.get_domain_names()["Items"]] == [NAME, NAME2]
    [shown] = newer.get_domain_name(DomainName=NAME2)["DomainNameConfigurations"]
    assert (shown["EndpointType"], shown["CertificateArn"]) == ("EDGE", "arn:edge")
    for refused in (
        lambda: newer.create_api_mapping(DomainName=NAME2, ApiId=api.id, Stage="dev"),
        lambda: newer.update_domain_name(DomainName=NAME2),
        lambda: newer.delete_domain_name(DomainName=NAME2),
    ):
        code, status, text = error_of(refused)
        assert (code, status) == ("BadRequestException", 400)
        assert text.startswith("Only REGIONAL domain names can be managed through the API Gateway V2 API.")
    edge = [{"EndpointType": "EDGE"}]
    code, _, text = error_of(lambda: newer.create_domain_name(DomainName="e.a.com", DomainNameConfigurations=edge))
    assert (code, text) == ("BadRequestException", "EDGE endpoint type is not supported for APIGatewayV2 domainName")


def test_websocket_apis_share_a_name_with_no_other(api: HttpApi) -> None:
    talk = websocket_api(api.emulator)
    talk.route("$default", talk.function(websocket_echo(api.emulator, "talks")))
    mapped(api, "dev", "v1")
    assert error_of(lambda: mapped(api, "prod", "talk", talk.id))[:2] == ("BadRequestException", 400)


def test_an_api_with_mappings_cannot_be_deleted(api: HttpApi) -> None:
    rest = RestApi(api.emulator)
    rest.method("x", "GET", **mock(200))
    rest.deploy()
    http, other = mapped(api, "dev", "v1"), mapped(api, "dev", "rest", rest.id)
    code, _, text = error_of(lambda: api.client.delete_api(ApiId=api.id))
    assert (code, f"Deleting API {api.id} failed. " in text) == ("BadRequestException", True)
    code, _, text = error_of(lambda: rest.client.delete_rest_api(restApiId=rest.id))
    remedy = "Please remove all base path mappings related to the RestApi in your domains"
    assert (code, text) == ("BadRequestException", f"Deleting RestApi {rest.id} failed. {remedy}: {NAME}.")
    for made in (http, other):
        api.client.delete_api_mapping(DomainName=NAME, ApiMappingId=made["ApiMappingId"])
    api.client.delete_api(ApiId=api.id)
    rest.client.delete_rest_api(restApiId=rest.id)
