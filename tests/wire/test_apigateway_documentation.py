"""Documentation of REST APIs: parts, files of parts, versions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, mock

PART = json.dumps({"description": "what it does"})
FILE = {
    "openapi": "3.0.0",
    "info": {"title": "documented", "version": "1"},
    "paths": {},
    "x-amazon-apigateway-documentation": {
        "version": "1.0.3",
        "documentationParts": [
            {"location": {"type": "API"}, "properties": {"description": "An API", "info": {"version": "3"}}},
            {"location": {"type": "METHOD", "path": "/", "method": "GET"}, "properties": {"description": "A method."}},
        ],
    },
}


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def create(api: RestApi, location: dict[str, str], properties: str = PART) -> dict[str, Any]:
    return api.client.create_documentation_part(restApiId=api.id, location=location, properties=properties)


def test_a_part_can_be_made_read_changed_and_deleted(api: RestApi) -> None:
    part = create(api, {"type": "API"})
    ids = {"restApiId": api.id, "documentationPartId": part["id"]}
    shown = {"id": part["id"], "location": {"type": "API"}, "properties": PART}
    assert {name: part[name] for name in shown} == shown
    assert api.client.get_documentation_part(**ids)["properties"] == PART
    assert api.client.get_documentation_parts(restApiId=api.id)["items"] == [shown]
    new = json.dumps({"description": "new"})
    patch = [{"op": "replace", "path": "/properties", "value": new}]
    assert api.client.update_documentation_part(**ids, patchOperations=patch)["properties"] == new
    answer = api.client.delete_documentation_part(**ids)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    gone = ("NotFoundException", "Invalid Documentation part identifier specified")
    assert refusal(api.client.get_documentation_part, **ids) == gone
    assert refusal(api.client.delete_documentation_part, **ids) == gone


def test_wrong_parts_get_awss_errors(api: RestApi) -> None:
    unknown = ("NotFoundException", "Invalid API identifier specified 000000000000:nothing")
    assert (
        refusal(api.client.create_documentation_part, restApiId="nothing", location={"type": "API"}, properties=PART)
        == unknown
    )
    assert refusal(api.client.get_documentation_parts, restApiId="nothing") == unknown
    part = create(api, {"type": "API"})
    ids = {"restApiId": api.id, "documentationPartId": part["id"]}
    assert refusal(api.client.delete_documentation_part, **{**ids, "restApiId": "nothing"}) == unknown
    update = api.client.update_documentation_part
    assert refusal(update, **ids, patchOperations=[{"op": "add", "path": "/properties", "value": "{}"}]) == (
        "BadRequestException",
        "Invalid patch path  '/properties' specified for op 'add'. Please choose supported operations",
    )
    assert refusal(update, **ids, patchOperations=[{"op": "replace", "path": "/other", "value": "{}"}]) == (
        "BadRequestException",
        "Invalid patch path  '/other' specified for op 'replace'. Must be one of: [/properties]",
    )
    assert refusal(create, api=api, location={"type": "API"})[0] == "ConflictException"
    for location, properties in (
        ({"type": "MODEL"}, PART),
        ({"type": "API", "path": "/"}, PART),
        ({"type": "RESOURCE", "path": "pets"}, PART),
        ({"type": "RESOURCE", "path": "/pets"}, "no json"),
        ({"type": "RESOURCE", "path": "/pets"}, "[]"),
    ):
        assert refusal(create, api=api, location=location, properties=properties)[0] == "BadRequestException"
    code, text = refusal(create, api=api, location={"type": "INVALID"})
    assert code == "ValidationException"
    assert "createDocumentationPartInput.location.type" in text


def test_a_file_of_parts_is_merged_or_replaces_them(api: RestApi) -> None:
    old = create(api, {"type": "API"}, json.dumps({"description": "old", "owner": "me"}))
    create(api, {"type": "RESOURCE", "path": "/"})
    body = json.dumps(FILE).encode()
    ids = api.client.import_documentation_parts(restApiId=api.id, mode="merge", body=body)["ids"]
    parts = {part["location"]["type"]: part for part in api.client.get_documentation_parts(restApiId=api.id)["items"]}
    assert (parts["API"]["id"], ids[0]) == (old["id"], old["id"])
    assert json.loads(parts["API"]["properties"]) == {
        "description": "An API",
        "owner": "me",
        "info": {"version": "3"},
    }
    assert set(parts) == {"API", "RESOURCE", "METHOD"}
    imported = api.client.import_documentation_parts(restApiId=api.id, mode="overwrite", body=body)
    items = api.client.get_documentation_parts(restApiId=api.id)["items"]
    assert ([part["id"] for part in items], "warnings" in imported) == (imported["ids"], False)
    assert [part["location"]["type"] for part in items] == ["API", "METHOD"]
    bad = ("BadRequestException", "Unable to build importer with provided input.")
    for wrong in (b"{", b"a: [", b"[]", b'{"documentationParts": 1}', b'{"documentationParts": [1]}', b"\xff"):
        assert refusal(api.client.import_documentation_parts, restApiId=api.id, mode="merge", body=wrong) == bad


def test_parts_are_found_by_type_path_name_and_what_lacks_one(api: RestApi) -> None:
    api.method("pets", "GET", **mock(), requestParameters={"method.request.querystring.kind": True})
    create(api, {"type": "QUERY_PARAMETER", "path": "/pets", "method": "GET", "name": "kind"})
    create(api, {"type": "MODEL", "name": "Empty"})

    def found(**wanted: str) -> list[str]:
        items = api.client.get_documentation_parts(restApiId=api.id, **wanted)["items"]
        return [part["location"]["type"] for part in items]

    assert found(type="MODEL") == ["MODEL"]
    assert found(path="/pets") == ["QUERY_PARAMETER"]
    assert found(nameQuery="kin") == ["QUERY_PARAMETER"]
    missing = found(locationStatus="UNDOCUMENTED")
    assert missing == ["API", "MODEL", "RESOURCE", "RESOURCE", "METHOD", "RESPONSE"]
    assert found(limit=1) == ["QUERY_PARAMETER"]  # type: ignore[arg-type]


def test_a_version_freezes_the_parts_and_a_stage_points_to_it(api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy()
    create(api, {"type": "API"})
    client = api.client
    named = {"restApiId": api.id, "documentationVersion": "v1"}
    made = client.create_documentation_version(**named, stageName="dev", description="first")
    assert (made["version"], made["description"], "createdDate" in made) == ("v1", "first", True)
    assert client.get_stage(restApiId=api.id, stageName="dev")["documentationVersion"] == "v1"
    patch = [{"op": "replace", "path": "/description", "value": "second"}]
    assert client.update_documentation_version(**named, patchOperations=patch)["description"] == "second"
    assert [item["version"] for item in client.get_documentation_versions(restApiId=api.id)["items"]] == ["v1"]
    assert refusal(client.create_documentation_version, **named)[0] == "ConflictException"
    assert refusal(client.delete_documentation_version, **named)[0] == "BadRequestException"
    change = [{"op": "replace", "path": "/documentationVersion", "value": "v2"}]
    assert refusal(client.update_stage, restApiId=api.id, stageName="dev", patchOperations=change) == (
        "NotFoundException",
        "Invalid Documentation version identifier specified",
    )
    change[0]["value"] = ""
    client.update_stage(restApiId=api.id, stageName="dev", patchOperations=change)
    client.delete_documentation_version(**named)
    assert refusal(client.get_documentation_version, **named) == (
        "NotFoundException",
        "Invalid Documentation version identifier specified",
    )
    assert refusal(client.create_documentation_version, **named, stageName="none") == (
        "NotFoundException",
        "Invalid stage identifier specified",
    )
    assert refusal(client.create_documentation_version, restApiId=api.id, documentationVersion="")[0] in (
        "BadRequestException",
        "ValidationException",
    )
