"""Custom domain names: the control plane, and requests whose Host is such a name."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock

NAME = "api.example.com"
ECHO = "def handler(event, context):\n    import json\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    api = RestApi(emulator)
    api.method("/", "GET", **mock(body="root"))
    api.method("pets", "GET", **mock(body="pets of $context.domainName, $context.path"))
    api.deploy()
    return api


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def get(api: RestApi, path: str, host: str = NAME) -> httpx.Response:
    return httpx.get(f"{api.emulator.url}{path}", headers={"Host": host})


def domain(api: RestApi, name: str = NAME, **mapping: str) -> None:
    api.client.create_domain_name(domainName=name)
    api.client.create_base_path_mapping(domainName=name, restApiId=api.id, **mapping)


def test_a_domain_name_shows_what_its_endpoint_type_has(api: RestApi) -> None:
    edge = api.client.create_domain_name(domainName=NAME, certificateArn="arn:aws:acm:us-east-1:1:certificate/a")
    assert edge["endpointConfiguration"] == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    assert edge["distributionDomainName"].endswith(".cloudfront.net")
    assert (edge["domainNameStatus"], edge["securityPolicy"], edge["tags"]) == ("AVAILABLE", "TLS_1_2", {})
    regional = api.client.create_domain_name(
        domainName="eu.example.com", endpointConfiguration={"types": ["REGIONAL"]}, tags={"a": "b"}
    )
    assert regional["regionalDomainName"].endswith(".execute-api.us-east-1.amazonaws.com")
    assert "distributionDomainName" not in regional
    private = api.client.create_domain_name(domainName=NAME, endpointConfiguration={"types": ["PRIVATE"]}, policy="{}")
    arn = f"arn:aws:apigateway:us-east-1:000000000000:/domainnames/{NAME}+{private['domainNameId']}"
    assert private["domainNameArn"] == arn
    assert api.client.get_domain_name(domainName=NAME)["certificateArn"] == "arn:aws:acm:us-east-1:1:certificate/a"
    assert api.client.get_domain_name(domainName=NAME, domainNameId=private["domainNameId"])["policy"] == "{}"
    assert len(api.client.get_domain_names()["items"]) == 3
    assert api.client.get_domain_names(resourceOwner="OTHER_ACCOUNTS")["items"] == []
    page = api.client.get_domain_names(limit=2)
    assert len(api.client.get_domain_names(position=page["position"])["items"]) == 1


def test_wrong_domain_names_are_refused(api: RestApi) -> None:
    api.client.create_domain_name(domainName=NAME)
    assert refusal(api.client.create_domain_name, domainName=NAME) == (
        "BadRequestException",
        "The domain name you provided already exists.",
    )
    for wrong in ("localhost", "a b.com", "-a.com", "x.execute-api.us-east-1.amazonaws.com", "a..com", "*"):
        assert refusal(api.client.create_domain_name, domainName=wrong)[0] == "BadRequestException", wrong
    unknown = ("NotFoundException", "Invalid domain name identifier specified")
    other = "other.example.com"
    for call, more in (
        (api.client.get_domain_name, {}),
        (api.client.delete_domain_name, {}),
        (api.client.update_domain_name, {"patchOperations": []}),
        (api.client.get_base_path_mappings, {}),
        (api.client.get_base_path_mapping, {"basePath": "(none)"}),
        (api.client.create_base_path_mapping, {"restApiId": api.id}),
        (api.client.delete_base_path_mapping, {"basePath": "v1"}),
    ):
        assert refusal(call, domainName=other, **more) == unknown
    assert refusal(api.client.create_domain_name, domainName=other, policy="{}")[0] == "BadRequestException"
    odd = {"domainName": other, "routingMode": "API_MAPPING_ONLY"}  # as boto3's apigatewayv2 calls it
    assert refusal(api.client.create_domain_name, **odd)[0] in ("BadRequestException", "ValidationException")


def test_a_domain_name_moves_between_edge_and_regional(api: RestApi) -> None:
    api.client.create_domain_name(domainName=NAME, certificateArn="arn:old")

    def patch(*operations: tuple[str, str, str]) -> dict[str, Any]:
        described = [{"op": op, "path": path, "value": value} for op, path, value in operations]
        return api.client.update_domain_name(domainName=NAME, patchOperations=described)

    both = patch(
        ("add", "/endpointConfiguration/types", "REGIONAL"), ("add", "/regionalCertificateArn", "arn:aws:acm:x")
    )
    assert both["endpointConfiguration"]["types"] == ["EDGE", "REGIONAL"]
    moved = patch(("remove", "/endpointConfiguration/types", "EDGE"), ("remove", "/certificateArn", ""))
    assert ("distributionDomainName" in moved, "certificateArn" in moved) == (False, False)
    assert moved["regionalDomainName"] == both["regionalDomainName"]
    assert patch(("replace", "/endpointConfiguration/types/0", "EDGE"))["endpointConfiguration"]["types"] == ["EDGE"]
    secured = patch(
        ("replace", "/securityPolicy", "TLS_1_0"),
        ("replace", "/mutualTlsAuthentication/truststoreUri", "s3://bucket/store.pem"),
        ("replace", "/endpointConfiguration/ipAddressType", "dualstack"),
    )
    assert secured["mutualTlsAuthentication"] == {"truststoreUri": "s3://bucket/store.pem"}
    assert (secured["securityPolicy"], secured["endpointConfiguration"]["ipAddressType"]) == ("TLS_1_0", "dualstack")
    assert "mutualTlsAuthentication" not in patch(("replace", "/mutualTlsAuthentication/truststoreUri", ""))
    for wrong in (
        ("replace", "/domainName", "x"),
        ("add", "/securityPolicy", "TLS_1_2"),
        ("replace", "/securityPolicy", "TLS_9"),
        ("replace", "/securityPolicy", ""),
        ("replace", "/endpointAccessMode", "LOOSE"),
        ("replace", "/endpointConfiguration/types", "EDGE"),
        ("add", "/endpointConfiguration/types", "PRIVATE"),
        ("remove", "/endpointConfiguration/types", "EDGE"),
        ("replace", "/endpointConfiguration/ipAddressType", "ipv5"),
        ("replace", "/managementPolicy", "{}"),
    ):
        with pytest.raises(ClientError) as refused:
            patch(wrong)
        assert refused.value.response["Error"]["Code"] == "BadRequestException", wrong


def test_base_path_mappings_can_be_made_changed_and_deleted(api: RestApi) -> None:
    client = api.client
    client.create_domain_name(domainName=NAME)
    whole = client.create_base_path_mapping(domainName=NAME, restApiId=api.id, stage="dev")
    assert (whole["basePath"], whole["stage"], whole["restApiId"]) == ("(none)", "dev", api.id)
    client.create_base_path_mapping(domainName=NAME, restApiId=api.id, basePath="v1")
    assert "stage" not in client.get_base_path_mapping(domainName=NAME, basePath="v1")
    assert [item["basePath"] for item in client.get_base_path_mappings(domainName=NAME)["items"]] == ["(none)", "v1"]
    patch = [
        {"op": "replace", "path": "/basePath", "value": "v2"},
        {"op": "replace", "path": "/stage", "value": "dev"},
    ]
    changed = client.update_base_path_mapping(domainName=NAME, basePath="v1", patchOperations=patch)
    assert (changed["basePath"], changed["stage"]) == ("v2", "dev")
    unknown = ("NotFoundException", "Invalid base path mapping identifier specified")
    assert refusal(client.get_base_path_mapping, domainName=NAME, basePath="v1") == unknown
    taken = ("ConflictException", "Base path already exists for this domain name")
    assert refusal(client.create_base_path_mapping, domainName=NAME, restApiId=api.id) == taken
    patch[0]["value"] = ""
    assert refusal(client.update_base_path_mapping, domainName=NAME, basePath="v2", patchOperations=patch) == taken
    for wrong, text in (
        ({"restApiId": "nothing"}, "Invalid REST API identifier specified"),
        ({"restApiId": api.id, "stage": "none"}, "Invalid stage identifier specified"),
        ({"restApiId": api.id, "basePath": "a b"}, "Invalid base path specified: a b"),
    ):
        assert refusal(client.create_base_path_mapping, domainName=NAME, **wrong) == ("BadRequestException", text)
    code, text = refusal(client.create_base_path_mapping, domainName=NAME, restApiId=api.id, basePath="a/b")
    assert (code, "slash character" in text) == ("BadRequestException", True)
    client.delete_base_path_mapping(domainName=NAME, basePath="v2")
    client.delete_domain_name(domainName=NAME)
    client.create_domain_name(domainName=NAME)
    assert client.get_base_path_mappings(domainName=NAME)["items"] == []


def test_a_request_to_a_domain_name_reaches_the_mapped_stage(api: RestApi) -> None:
    domain(api, stage="dev")
    assert get(api, "/").text == "root"
    assert get(api, "/pets").text == "pets of api.example.com, /pets"
    resolves_anywhere = get(api, "/pets", "api.example.com.localhost")
    assert resolves_anywhere.text == "pets of api.example.com.localhost, /pets"
    assert get(api, "/none").json() == {"message": "Missing Authentication Token"}


def test_base_paths_are_taken_off_and_the_longest_wins(api: RestApi) -> None:
    domain(api, basePath="v1", stage="dev")
    api.client.create_base_path_mapping(domainName=NAME, restApiId=api.id, basePath="all")
    assert get(api, "/v1/pets").text == "pets of api.example.com, /v1/pets"
    assert get(api, "/v1").text == "root"
    assert get(api, "/all/dev/pets").text == "pets of api.example.com, /all/dev/pets"
    for nowhere in ("/", "/v11/pets", "/pets", "/all/none/pets"):
        answer = get(api, nowhere)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"}), nowhere


def test_a_wildcard_answers_for_names_that_nobody_has(api: RestApi) -> None:
    domain(api, "*.example.com", stage="dev")
    assert get(api, "/pets", "any.example.com").text == "pets of any.example.com, /pets"
    api.client.create_domain_name(domainName=NAME)
    assert get(api, "/pets").status_code == 403


def test_a_host_that_is_nobodys_reaches_nothing(api: RestApi) -> None:
    answer = get(api, "/pets", "stranger.example.com")
    assert (answer.status_code, answer.headers["x-emulator-error"]) == (403, "refused")


def test_a_function_sees_the_domain_name_and_the_whole_path(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(emulator, "echo", ECHO)
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("echo")}
    api.method("echo/{id}", "GET", integration)
    api.client.update_rest_api(
        restApiId=api.id,
        patchOperations=[{"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"}],
    )
    api.deploy()
    domain(api, basePath="v1", stage="dev")
    event = get(api, "/v1/echo/7?a=b").json()
    context = event["requestContext"]
    assert (event["path"], event["resource"], event["pathParameters"]) == ("/v1/echo/7", "/echo/{id}", {"id": "7"})
    assert (context["path"], context["stage"]) == ("/v1/echo/7", "dev")
    assert (context["domainName"], context["domainPrefix"], context["apiId"]) == (NAME, "api", api.id)
    assert json.dumps(event["queryStringParameters"]) == '{"a": "b"}'
    assert api.request("GET", "pets").json() == {"message": "Forbidden"}


def test_access_associations_are_of_private_names(api: RestApi) -> None:
    client = api.client
    private = client.create_domain_name(domainName=NAME, endpointConfiguration={"types": ["PRIVATE"]})
    public = client.create_domain_name(domainName=NAME)
    wanted = {"accessAssociationSourceType": "VPCE", "accessAssociationSource": "vpce-1"}
    made = client.create_domain_name_access_association(domainNameArn=private["domainNameArn"], **wanted)
    arn = made["domainNameAccessAssociationArn"]
    assert [
        item["domainNameAccessAssociationArn"] for item in client.get_domain_name_access_associations()["items"]
    ] == [arn]
    create = client.create_domain_name_access_association
    assert refusal(create, domainNameArn=private["domainNameArn"], **wanted)[0] == "ConflictException"
    assert refusal(create, domainNameArn=public["domainNameArn"], **wanted)[0] == "BadRequestException"
    client.delete_domain_name_access_association(domainNameAccessAssociationArn=arn)
    gone = refusal(client.delete_domain_name_access_association, domainNameAccessAssociationArn=arn)
    assert gone[0] == "NotFoundException"
    create(domainNameArn=private["domainNameArn"], **wanted)
    client.reject_domain_name_access_association(
        domainNameAccessAssociationArn=arn, domainNameArn=private["domainNameArn"]
    )
    assert client.get_domain_name_access_associations()["items"] == []
