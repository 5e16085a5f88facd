"""What APIs and stages refer to: VPC links, client certificates, tags, caches, SDK types, files of keys, templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, mock

TARGET = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/one/50dc6c495c0c9188"
VALUE = "a-key-of-at-least-twenty-characters"


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_vpc_link_lives_as_recorded(api: RestApi) -> None:
    client = api.client
    made = client.create_vpc_link(name="link", targetArns=[TARGET])
    metadata = made.pop("ResponseMetadata")
    assert (made, metadata["HTTPStatusCode"]) == (
        {"id": made["id"], "name": "link", "status": "PENDING", "targetArns": [TARGET]},
        202,
    )
    ready = {**made, "status": "AVAILABLE", "statusMessage": "Your vpc link is ready for use"}
    assert client.get_vpc_links()["items"] == [ready]
    one = client.get_vpc_link(vpcLinkId=made["id"])
    assert {name: one[name] for name in (*ready, "tags")} == {**ready, "tags": {}}
    patch = [{"op": "replace", "path": "/name", "value": "renamed"}]
    assert client.update_vpc_link(vpcLinkId=made["id"], patchOperations=patch)["name"] == "renamed"
    assert client.delete_vpc_link(vpcLinkId=made["id"])["ResponseMetadata"]["HTTPStatusCode"] == 202
    unknown = ("NotFoundException", "Invalid Vpc Link identifier specified")
    for call, more in (
        (client.get_vpc_link, {}),
        (client.delete_vpc_link, {}),
        (client.update_vpc_link, {"patchOperations": patch}),
    ):
        assert refusal(call, vpcLinkId=made["id"], **more) == unknown


def test_wrong_vpc_links_are_refused(api: RestApi) -> None:
    create = api.client.create_vpc_link
    assert refusal(create, name="link", targetArns=["invalid-arn"]) == (
        "BadRequestException",
        "Invalid ARN. ARN is not well formed invalid-arn",
    )
    assert refusal(create, name="", targetArns=[TARGET]) == ("BadRequestException", "Name cannot be empty")
    assert refusal(create, name="link", targetArns=[])[0] == "BadRequestException"
    link = create(name="link", targetArns=[TARGET])["id"]
    for op, path, value in (("add", "/name", "x"), ("replace", "/targetArns", "x"), ("replace", "/name", "")):
        patch = [{"op": op, "path": path, "value": value}]
        assert refusal(api.client.update_vpc_link, vpcLinkId=link, patchOperations=patch)[0] == "BadRequestException"


def test_a_link_that_a_stage_uses_stays(api: RestApi) -> None:
    link = api.client.create_vpc_link(name="link", targetArns=[TARGET])["id"]
    integration = {
        "type": "HTTP_PROXY",
        "integrationHttpMethod": "GET",
        "uri": "http://127.0.0.1:9/",
        "connectionType": "VPC_LINK",
        "connectionId": link,
    }
    ids = api.method("pets", "GET", integration)
    shown = api.client.get_integration(**ids)
    assert (shown["connectionType"], shown["connectionId"]) == ("VPC_LINK", link)
    api.deploy()
    code, text = refusal(api.client.delete_vpc_link, vpcLinkId=link)
    assert (code, f"[GET:{ids['resourceId']}:dev]" in text) == ("BadRequestException", True)
    patch = [{"op": "replace", "path": "/connectionId", "value": "${stageVariables.link}"}]
    assert api.client.update_integration(**ids, patchOperations=patch)["connectionId"] == "${stageVariables.link}"
    put = api.client.put_integration
    assert refusal(put, **ids, **{**integration, "connectionId": "nothing"}) == (
        "NotFoundException",
        "Invalid Vpc Link identifier specified",
    )
    assert refusal(put, **ids, type="MOCK", connectionType="VPC_LINK", connectionId=link)[0] == "BadRequestException"
    del integration["connectionId"]
    assert refusal(put, **ids, **integration)[0] == "BadRequestException"


def test_a_client_certificate_lives_and_a_stage_keeps_it(emulator: RunningEmulator, api: RestApi) -> None:
    client = api.client
    made = client.generate_client_certificate(description="mine")
    identifier = made["clientCertificateId"]
    assert made["pemEncodedCertificate"].startswith("-----BEGIN CERTIFICATE-----\n")
    assert (made["expirationDate"] - made["createdDate"]).days == 365
    assert made["createdDate"].timestamp() == int(emulator.now())
    patch = [{"op": "replace", "path": "/description", "value": "yours"}]
    changed = client.update_client_certificate(clientCertificateId=identifier, patchOperations=patch)
    assert changed["description"] == "yours"
    assert client.get_client_certificate(clientCertificateId=identifier)["tags"] == {}
    assert [item["clientCertificateId"] for item in client.get_client_certificates()["items"]] == [identifier]
    api.method("/", "GET", **mock())
    api.deploy()
    use = [{"op": "replace", "path": "/clientCertificateId", "value": identifier}]
    stage = {"restApiId": api.id, "stageName": "dev"}
    assert client.update_stage(**stage, patchOperations=use)["clientCertificateId"] == identifier
    assert refusal(client.delete_client_certificate, clientCertificateId=identifier)[0] == "BadRequestException"
    use[0]["value"] = ""
    assert "clientCertificateId" not in client.update_stage(**stage, patchOperations=use)
    client.delete_client_certificate(clientCertificateId=identifier)
    unknown = ("NotFoundException", "Invalid Client Certificate identifier specified")
    assert refusal(client.get_client_certificate, clientCertificateId=identifier) == unknown
    use[0]["value"] = identifier
    assert refusal(client.update_stage, **stage, patchOperations=use) == unknown


def test_everything_that_can_be_tagged_keeps_tags(api: RestApi) -> None:
    client = api.client
    api.method("/", "GET", **mock())
    api.deploy()
    client.create_domain_name(domainName="api.example.com")
    things = [
        f"restapis/{api.id}",
        f"restapis/{api.id}/stages/dev",
        f"apikeys/{client.create_api_key(name='key')['id']}",
        f"usageplans/{client.create_usage_plan(name='plan')['id']}",
        f"vpclinks/{client.create_vpc_link(name='link', targetArns=[TARGET])['id']}",
        f"clientcertificates/{client.generate_client_certificate()['clientCertificateId']}",
        "domainnames/api.example.com",
    ]
    for thing in things:
        arn = f"arn:aws:apigateway:us-east-1::/{thing}"
        client.tag_resource(resourceArn=arn, tags={"team": "a", "cost": "b"})
        client.untag_resource(resourceArn=arn, tagKeys=["team", "none"])
        assert client.get_tags(resourceArn=arn)["tags"] == {"cost": "b"}, thing
    wrong = "arn:aws:apigateway:us-east-1::/account"
    assert refusal(client.get_tags, resourceArn=wrong)[0] == "BadRequestException"
    many = {str(number): "x" for number in range(51)}
    assert refusal(client.tag_resource, resourceArn=arn, tags=many)[0] == "BadRequestException"
    assert refusal(client.tag_resource, resourceArn=arn, tags={"aws:x": "y"})[0] == "BadRequestException"


def test_a_stage_keeps_the_settings_of_its_cache(api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy(cacheClusterEnabled=True, cacheClusterSize="1.6")
    stage = {"restApiId": api.id, "stageName": "dev"}
    shown = api.client.get_stage(**stage)
    assert (shown["cacheClusterEnabled"], shown["cacheClusterSize"], shown["cacheClusterStatus"]) == (
        True,
        "1.6",
        "AVAILABLE",
    )

    def patch(path: str, value: str) -> dict[str, Any]:
        operation = {"op": "replace", "path": path, "value": value}
        return api.client.update_stage(**stage, patchOperations=[operation])

    off = patch("/cacheClusterEnabled", "false")
    assert (off["cacheClusterStatus"], off["cacheClusterSize"]) == ("NOT_AVAILABLE", "1.6")
    assert patch("/cacheClusterSize", "6.1")["cacheClusterSize"] == "6.1"
    assert patch("/*/*/caching/ttlInSeconds", "0")["methodSettings"]["*/*"]["cacheTtlInSeconds"] == 0
    for path, value in (
        ("/cacheClusterSize", "7"),
        ("/cacheClusterOther", "7"),
        ("/*/*/caching/ttlInSeconds", "3601"),
        ("/*/*/caching/ttlInSeconds", "soon"),
        ("/*/*/caching/unauthorizedCacheControlHeaderStrategy", "SHRUG"),
    ):
        with pytest.raises(ClientError) as refused:
            patch(path, value)
        assert refused.value.response["Error"]["Code"] == "BadRequestException", path
    assert api.client.flush_stage_cache(**stage)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert api.client.flush_stage_authorizers_cache(**stage)["ResponseMetadata"]["HTTPStatusCode"] == 202
    unknown = ("NotFoundException", "Invalid stage identifier specified")
    assert refusal(api.client.flush_stage_cache, restApiId=api.id, stageName="none") == unknown
    assert refusal(api.client.flush_stage_authorizers_cache, restApiId=api.id, stageName="none") == unknown


def test_keys_come_from_a_file(api: RestApi) -> None:
    client = api.client
    plans = [client.create_usage_plan(name=name)["id"] for name in ("one", "two")]
    lines = (
        f'Key,name,Description,UsagePlanIds,Extra\n{VALUE},first,mine,"{plans[0]},{plans[1]}",x\n{VALUE}2,second,,,\n'
    )
    imported = client.import_api_keys(body=lines.encode(), format="csv")
    assert ("warnings" in imported, len(imported["ids"])) == (False, 2)
    first = client.get_api_key(apiKey=imported["ids"][0], includeValue=True)
    assert (first["name"], first["value"], first["enabled"], first["description"]) == ("first", VALUE, True, "mine")
    for plan in plans:
        assert [item["id"] for item in client.get_usage_plan_keys(usagePlanId=plan)["items"]] == [imported["ids"][0]]
    again = client.import_api_keys(body=f"name,key,enabled\nlater,{VALUE},FALSE\n".encode(), format="csv")
    assert again["ids"] == [imported["ids"][0]]
    later = client.get_api_key(apiKey=again["ids"][0])
    assert (later["name"], later["enabled"]) == ("later", False)
    unknown = f"name,key,usageplanids\nx,{VALUE}3,'none,{plans[0]}'\n".encode()
    assert refusal(client.import_api_keys, body=unknown, format="csv", failOnWarnings=True)[0] == "BadRequestException"
    assert len(client.get_api_keys()["items"]) == 2
    assert len(client.import_api_keys(body=unknown, format="csv")["warnings"]) == 1
    for wrong in (
        b"name\nx\n",
        b"\xff\xfe",
        b"name,key\nx,short\n",
        b"name,key\nx," + b"a" * 129,
        b'name,key\n"x,"y',
    ):
        assert refusal(client.import_api_keys, body=wrong, format="csv")[0] == "BadRequestException", wrong


def test_sdk_types_are_listed_and_sdks_refused_by_name(api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy()
    client = api.client
    names = [item["id"] for item in client.get_sdk_types()["items"]]
    assert names == ["android", "java", "javascript", "objectivec", "ruby", "swift"]
    assert client.get_sdk_type(id="ruby")["friendlyName"] == "Ruby SDK"
    assert refusal(client.get_sdk_type, id="cobol")[0] == "NotFoundException"
    stage = {"restApiId": api.id, "stageName": "dev"}
    assert refusal(client.get_sdk, **stage, sdkType="cobol")[0] == "BadRequestException"
    assert "GetSdk" in refusal(client.get_sdk, **stage, sdkType="java")[1]


def test_a_template_makes_a_sample_of_a_model(api: RestApi) -> None:
    pet = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    reference = {"$ref": f"https://apigateway.amazonaws.com/restapis/{api.id}/models/Pet"}
    pets = {"type": "object", "properties": {"list": {"type": "array", "items": reference}}}
    for name, schema in (("Pet", pet), ("Pets", pets)):
        api.client.create_model(restApiId=api.id, name=name, contentType="application/json", schema=json.dumps(schema))
    assert api.client.get_model_template(restApiId=api.id, modelName="Pet")["value"] == (
        "#set($inputRoot = $input.path('$'))\n{\n" + '  "name" : "foo",\n  "age" : 42\n}'
    )
    flat = api.client.get_model(restApiId=api.id, modelName="Pets", flatten=True)["schema"]
    assert json.loads(flat)["definitions"] == {"Pet": pet}
    assert json.loads(flat)["properties"]["list"]["items"] == {"$ref": "#/definitions/Pet"}
    template = api.client.get_model_template(restApiId=api.id, modelName="Pets")["value"]
    assert "#foreach($elem in $inputRoot.list)" in template
    assert refusal(api.client.get_model_template, restApiId=api.id, modelName="None") == (
        "NotFoundException",
        "Invalid model name specified: None",
    )
