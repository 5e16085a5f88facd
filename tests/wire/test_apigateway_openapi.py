"""OpenAPI and Swagger files in and out: extensions, base paths, warnings, errors, merging, exports, clones."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import yaml
from botocore.exceptions import ClientError

from emulator.services.apigateway.long_documents import QUICK_BYTES
from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import function_uri

EXTENSION = "x-amazon-apigateway-"
MOCK = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {"default": {"statusCode": "200"}},
}
RESPONSES = {"200": {"description": "200 response"}}
GUARD = {"type": "token", "authorizerUri": function_uri("guard"), "authorizerResultTtlInSeconds": 60}


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    return emulator.client("apigateway")


def operation(**members: Any) -> dict[str, Any]:
    return {"responses": RESPONSES, EXTENSION + "integration": MOCK, **members}


def oas(paths: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    known = {"/pets": {"get": operation()}} if paths is None else paths
    return {"openapi": "3.0.1", "info": {"title": "pets", "version": "1"}, "paths": known, **members}


def swagger(paths: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    document = oas(paths, **members)
    del document["openapi"]
    return {"swagger": "2.0", **document}


def imported(client: Any, document: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return client.import_rest_api(body=json.dumps(document).encode(), **arguments)


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    assert error["Code"] == "BadRequestException", error
    return error["Message"]


def paths_of(client: Any, api: str) -> set[str]:
    return {item["path"] for item in client.get_resources(restApiId=api)["items"]}


def method_of(client: Any, api: str, path: str = "/pets", name: str = "GET") -> dict[str, Any]:
    resources = client.get_resources(restApiId=api, embed=["methods"])["items"]
    return next(item for item in resources if item["path"] == path)["resourceMethods"][name]


# ── base paths ──


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (None, {"/", "/pets"}),
        ("ignore", {"/", "/pets"}),
        ("prepend", {"/", "/a", "/a/b", "/a/b/pets"}),
        ("split", {"/", "/b", "/b/pets"}),
    ],
)
@pytest.mark.parametrize(
    "document",
    [
        swagger(basePath="/a/b"),
        oas(servers=[{"url": "https://x.example.com/a/b"}]),
        oas(servers=[{"url": "https://x.example.com/{stage}/b", "variables": {"stage": {"default": "a"}}}]),
        oas(servers=[{"url": "https://x.example.com/other", "variables": {"basePath": {"default": "/a/b"}}}]),
    ],
)
def test_base_paths_are_ignored_prepended_or_split(
    client: Any, document: dict[str, Any], mode: str | None, expected: set[str]
) -> None:
    parameters = {"parameters": {"basepath": mode}} if mode else {}
    assert paths_of(client, imported(client, document, **parameters)["id"]) == expected


def test_split_leaves_nothing_of_a_base_path_of_one_part(client: Any) -> None:
    api = imported(client, swagger(basePath="/base"), parameters={"basepath": "split"})["id"]
    assert paths_of(client, api) == {"/", "/pets"}
    assert "basepath" in refusal(
        client.import_rest_api, body=json.dumps(oas()).encode(), parameters={"basepath": "shrug"}
    )


# ── extensions ──


def test_extensions_of_the_whole_api_become_settings(client: Any) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "execute-api:/*"}]}
    made = imported(
        client,
        oas(
            servers=[{"url": "/", EXTENSION + "endpoint-configuration": {"disableExecuteApiEndpoint": True}}],
            **{
                EXTENSION + "binary-media-types": ["image/png"],
                EXTENSION + "minimum-compression-size": 1024,
                EXTENSION + "api-key-source": "AUTHORIZER",
                EXTENSION + "policy": policy,
                EXTENSION + "security-policy": "TLS_1_2",
                EXTENSION + "endpoint-access-mode": "BASIC",
                EXTENSION + "gateway-responses": {"DEFAULT_4XX": {"statusCode": 418}},
                EXTENSION + "importexport-version": "1.0",
            },
        ),
        parameters={"endpointConfigurationTypes": "REGIONAL"},
    )
    shown = {name: made[name] for name in ("binaryMediaTypes", "minimumCompressionSize", "apiKeySource")}
    assert shown == {"binaryMediaTypes": ["image/png"], "minimumCompressionSize": 1024, "apiKeySource": "AUTHORIZER"}
    assert (made["disableExecuteApiEndpoint"], made["securityPolicy"], made["endpointAccessMode"]) == (
        True,
        "TLS_1_2",
        "BASIC",
    )
    assert made["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert f"{made['id']}/*" in made["policy"]
    response = client.get_gateway_response(restApiId=made["id"], responseType="DEFAULT_4XX")
    assert response["statusCode"] == "418"
    assert client.get_models(restApiId=made["id"])["items"] == []


def test_methods_are_authorized_as_their_security_says(client: Any) -> None:
    schemes = {
        "guard": {
            "type": "apiKey",
            "name": "X-Token",
            "in": "header",
            EXTENSION + "authtype": "oauth2",
            EXTENSION + "authorizer": GUARD,
        },
        "unused": {"type": "apiKey", "name": "Authorization", "in": "header", EXTENSION + "authorizer": GUARD},
        "signed": {
            "type": "apiKey",
            "name": "Authorization",
            "in": "header",
            EXTENSION + "authtype": "awsSigv4",
        },
        "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
    }
    paths = {
        "/default": {"get": operation()},
        "/signed": {"get": operation(security=[{"signed": []}, {"key": []}])},
        "/open": {"get": operation(**{EXTENSION + "auth": {"type": "NONE"}})},
        "/iam": {"get": operation(security=[], **{EXTENSION + "auth": {"type": "AWS_IAM"}})},
    }
    document = oas(paths, security=[{"guard": []}], components={"securitySchemes": schemes})
    api = imported(client, document)["id"]
    authorizers = {item["name"]: item for item in client.get_authorizers(restApiId=api)["items"]}
    assert (authorizers["guard"]["authType"], authorizers["guard"]["identitySource"]) == (
        "oauth2",
        "method.request.header.X-Token",
    )
    assert authorizers["unused"]["authType"] == "custom"
    kinds = {path: method_of(client, api, path) for path in paths}
    assert kinds["/default"]["authorizerId"] == authorizers["guard"]["id"]
    assert {path: (item["authorizationType"], item["apiKeyRequired"]) for path, item in kinds.items()} == {
        "/default": ("CUSTOM", False),
        "/signed": ("AWS_IAM", True),
        "/open": ("NONE", False),
        "/iam": ("AWS_IAM", False),
    }


def test_integrations_keep_every_member(client: Any) -> None:
    extension = {
        "type": "http",
        "httpMethod": "post",
        "uri": "http://example.com/{id}",
        "credentials": "arn:aws:iam::000000000000:role/r",
        "passthroughBehavior": "when_no_templates",
        "contentHandling": "convert_to_text",
        "timeoutInMillis": 1000,
        "cacheNamespace": "mine",
        "cacheKeyParameters": ["method.request.path.id"],
        "tlsConfig": {"insecureSkipVerification": True},
        "requestParameters": {"integration.request.path.id": "method.request.path.id"},
        "requestTemplates": {"application/json": {"a": 1}},
        "responses": {
            "default": {"statusCode": 200, "responseTemplates": {"application/json": "x"}},
            "4\\d{2}": {"statusCode": "400", "contentHandling": "convert_to_binary"},
        },
    }
    parameters = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    paths = {"/pets/{id}": {"parameters": parameters, "get": operation(**{EXTENSION + "integration": extension})}}
    api = imported(client, oas(paths))["id"]
    shown = method_of(client, api, "/pets/{id}")["methodIntegration"]
    responses = shown.pop("integrationResponses")
    assert shown == {
        "type": "HTTP",
        "httpMethod": "POST",
        "uri": "http://example.com/{id}",
        "connectionType": "INTERNET",
        "credentials": "arn:aws:iam::000000000000:role/r",
        "passthroughBehavior": "WHEN_NO_TEMPLATES",
        "contentHandling": "CONVERT_TO_TEXT",
        "timeoutInMillis": 1000,
        "cacheNamespace": "mine",
        "cacheKeyParameters": ["method.request.path.id"],
        "tlsConfig": {"insecureSkipVerification": True},
        "requestParameters": {"integration.request.path.id": "method.request.path.id"},
        "requestTemplates": {"application/json": '{"a": 1}'},
    }
    assert responses["400"] == {
        "statusCode": "400",
        "selectionPattern": "4\\d{2}",
        "contentHandling": "CONVERT_TO_BINARY",
    }


def test_documentation_comes_with_the_file_unless_it_is_to_be_ignored(client: Any) -> None:
    parts = [{"location": {"type": "API"}, "properties": {"description": "all of it"}}]
    document = oas(**{EXTENSION + "documentation": {"version": "1", "documentationParts": parts}})
    api = imported(client, document)["id"]
    [part] = client.get_documentation_parts(restApiId=api)["items"]
    assert json.loads(part["properties"]) == {"description": "all of it"}
    silent = imported(client, document, parameters={"ignore": "documentation"})["id"]
    assert client.get_documentation_parts(restApiId=silent)["items"] == []


# ── warnings and errors ──


def test_what_is_left_out_is_warned_of(client: Any) -> None:
    extension = {**MOCK, "requestParameters": {"integration.request.header.nothing": True}}
    cookie = {"name": "session", "in": "cookie", "schema": {"type": "string"}}
    get = operation(parameters=[cookie], responses={"default": {"description": "x"}})
    document = oas({"/pets": {"get": {**get, EXTENSION + "integration": extension}}}, servers=[{"url": "/"}] * 2)
    made = imported(client, document)
    assert made["warnings"] == [
        "More than one server provided. Ignoring all but the first one for defining endpoint configuration",
        "Parameter 'session' in 'cookie' is not supported. Ignoring.",
        "Response 'default' is not a status code and was ignored",
        "Invalid format for 'requestParameters'. Expected type string for property "
        "'integration.request.header.nothing' of resource '/pets' and method 'GET' but got 'true'",
    ]
    before = len(client.get_rest_apis(limit=500)["items"])
    text = refusal(client.import_rest_api, body=json.dumps(document).encode(), failOnWarnings=True)
    assert text.startswith("Warnings found during import:\n\tMore than one server")
    assert len(client.get_rest_apis(limit=500)["items"]) == before


def test_everything_that_is_wrong_is_told_at_once(client: Any) -> None:
    paths = {
        "/a/{b}": {"get": operation()},
        "/a/{c}": {"get": operation()},
        "/uri": {"get": operation(**{EXTENSION + "integration": {"type": "aws", "httpMethod": "POST", "uri": "x"}})},
        "/model": {"get": operation(requestBody={"content": {"a/b": {"schema": {"$ref": "#/components/schemas/No"}}}})},
        "/validator": {"get": operation(**{EXTENSION + "request-validator": "none"})},
        "/answer": {
            "get": operation(
                **{
                    EXTENSION + "integration": {
                        **MOCK,
                        "responses": {"default": {"statusCode": 200, "contentHandling": "shrug"}},
                    }
                }
            )
        },
    }
    text = refusal(client.import_rest_api, body=json.dumps(oas(paths)).encode())
    assert text.split("\n\t") == [
        "Errors found during import:",
        "Unable to create resource at path '/a/{c}': A sibling ({b}) of this resource already has a variable path part "
        "-- only one is allowed",
        "Unable to put integration on 'GET' for resource at path '/uri': Invalid ARN specified in the request",
        "Unable to put method 'GET' on resource at path '/model': Invalid model identifier specified: No",
        "Unable to put method 'GET' on resource at path '/validator': Invalid Request Validator name specified: none",
        "Unable to put integration response on 'GET' for resource at path '/answer': Invalid contentHandling specified."
        " Valid options are CONVERT_TO_BINARY,CONVERT_TO_TEXT",
    ]
    assert client.get_rest_apis()["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        oas({"/pets": {"get": 7}}),
        oas({"/pets": [1]}),
        oas({"/pets": {"get": operation(parameters=[{"$ref": "#/none/of/it"}])}}),
        oas(components={"schemas": [1]}),
        oas(**{EXTENSION + "binary-media-types": "image/png"}),
        oas(**{EXTENSION + "request-validators": {"a": 1}}),
        {"openapi": "3.0.1", "info": "x", "paths": {}},
        {"openapi": "3.0.1", "info": {"title": ""}, "paths": {}},
        {"info": {"title": "no version of OpenAPI"}, "paths": {}},
    ],
)
def test_a_broken_document_changes_nothing(client: Any, wrong: dict[str, Any]) -> None:
    refusal(client.import_rest_api, body=json.dumps(wrong).encode())
    api = imported(client, oas())["id"]
    for mode in ("merge", "overwrite"):
        refusal(client.put_rest_api, restApiId=api, mode=mode, body=json.dumps(wrong).encode())
    assert len(client.get_rest_apis()["items"]) == 1
    assert paths_of(client, api) == {"/", "/pets"}


# ── merge and overwrite ──


def test_a_file_is_merged_into_an_api_or_takes_its_place(client: Any) -> None:
    first = oas(**{EXTENSION + "binary-media-types": ["image/heif"]})
    api = imported(client, first)["id"]
    second = oas(
        {"/pets": {"get": operation(operationId="list"), "post": operation()}, "/owners": {"get": operation()}},
        components={"schemas": {"Pet": {"type": "object", "properties": {"name": {"type": "string"}}}}},
        **{EXTENSION + "binary-media-types": ["image/png"]},
    )
    merged = client.put_rest_api(restApiId=api, mode="merge", body=json.dumps(second).encode())
    assert merged["binaryMediaTypes"] == ["image/heif", "image/png"]
    assert paths_of(client, api) == {"/", "/pets", "/owners"}
    assert method_of(client, api)["operationName"] == "list"
    root = merged["rootResourceId"]
    third = oas({"/owners": {"get": operation()}}, **{EXTENSION + "binary-media-types": ["image/png"]})
    replaced = client.put_rest_api(restApiId=api, mode="overwrite", body=yaml.safe_dump(third).encode())
    assert (replaced["id"], replaced["rootResourceId"], replaced["tags"]) == (api, root, {})
    assert replaced["binaryMediaTypes"] == ["image/png"]
    assert paths_of(client, api) == {"/", "/owners"}
    assert client.get_models(restApiId=api)["items"] == []


# ── export ──


def whole() -> dict[str, Any]:
    """A document with something of everything that an export can say."""
    pet = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/components/schemas/Pet"}}}
    media = {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
    answer = {
        "200": {"description": "200 response", "headers": {"X-A": {"schema": {"type": "string"}}}, "content": media}
    }
    extension = {
        **MOCK,
        "passthroughBehavior": "never",
        "responses": {
            "default": {"statusCode": "200", "responseParameters": {"method.response.header.X-A": "'a'"}},
        },
    }
    post = {
        "operationId": "add",
        "parameters": [{"name": "dry", "in": "query", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"content": media, "required": True},
        "responses": answer,
        "security": [{"guard": []}, {"key": []}],
        EXTENSION + "request-validator": "all",
        EXTENSION + "integration": extension,
    }
    function = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": function_uri("echo"),
        "timeoutInMillis": 1500,
    }
    proxy = {"security": [{"signed": []}], EXTENSION + "integration": function}
    parameters = [{"name": "proxy", "in": "path", "required": True, "schema": {"type": "string"}}]
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
    return oas(
        {
            "/pets": {"post": post},
            "/empty/below": {},
            "/{proxy+}": {EXTENSION + "any-method": {**proxy, "parameters": parameters}},
        },
        components={
            "schemas": {"Pet": pet},
            "securitySchemes": {
                "guard": {"type": "apiKey", "name": "X-Token", "in": "header", EXTENSION + "authorizer": GUARD},
                "idle": {
                    "type": "apiKey",
                    "name": "Unused",
                    "in": "header",
                    EXTENSION + "authorizer": {
                        **GUARD,
                        "type": "request",
                        "identitySource": "method.request.querystring.key",
                    },
                },
                "signed": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    EXTENSION + "authtype": "awsSigv4",
                },
                "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
            },
        },
        **{
            EXTENSION + "request-validators": {
                "all": {"validateRequestBody": True, "validateRequestParameters": False}
            },
            EXTENSION + "gateway-responses": {"THROTTLED": {"statusCode": "420"}},
            EXTENSION + "binary-media-types": ["image/png"],
            EXTENSION + "policy": policy,
        },
    )


def described(client: Any, api: str) -> dict[str, Any]:
    """Everything of an API but its ids, which an import makes anew."""
    shown = client.get_rest_api(restApiId=api)
    listed: dict[str, Any] = {
        "resources": client.get_resources(restApiId=api, embed=["methods"], limit=500)["items"],
        "models": client.get_models(restApiId=api)["items"],
        "validators": client.get_request_validators(restApiId=api)["items"],
        "authorizers": client.get_authorizers(restApiId=api)["items"],
        "responses": client.get_gateway_responses(restApiId=api)["items"],
    }
    names = {
        item["id"]: item.get("path") or item.get("name") for kind in listed.values() for item in kind if "id" in item
    }
    names[api] = "the API"
    settings = ("name", "version", "binaryMediaTypes", "policy", "apiKeySource", "endpointConfiguration")
    text = json.dumps({"settings": {name: shown.get(name) for name in settings}, **listed}, sort_keys=True)
    for identifier, name in names.items():
        text = text.replace(identifier, str(name))
    found = json.loads(text)
    for model in found["models"]:
        model["schema"] = json.loads(model["schema"])
    return {
        kind: sorted(value, key=lambda item: json.dumps(item, sort_keys=True)) if isinstance(value, list) else value
        for kind, value in found.items()
    }


def exported(client: Any, api: str, kind: str, extensions: str = "", accepts: str = "application/json") -> Any:
    parameters = {"parameters": {"extensions": extensions}} if extensions else {}
    return client.get_export(restApiId=api, stageName="dev", exportType=kind, accepts=accepts, **parameters)


@pytest.mark.parametrize("kind", ["oas30", "swagger"])
@pytest.mark.parametrize("accepts", ["application/json", "application/yaml"])
def test_an_export_imported_again_gives_the_same_api(client: Any, kind: str, accepts: str) -> None:
    api = imported(client, whole())["id"]
    client.create_deployment(restApiId=api, stageName="dev")
    answer = exported(client, api, kind, "integrations,authorizers", accepts)
    suffix = accepts.partition("/")[2]
    assert answer["contentType"] == accepts
    assert answer["contentDisposition"].startswith(f'attachment; filename="{kind}_')
    assert answer["contentDisposition"].endswith(f'.{suffix}"')
    body = answer["body"].read()
    again = client.import_rest_api(body=body)
    assert "warnings" not in again
    assert described(client, again["id"]) == described(client, api)


def test_an_export_says_what_is_deployed_and_no_more_than_is_asked(client: Any) -> None:
    api = imported(client, whole())["id"]
    client.create_deployment(restApiId=api, stageName="dev")
    client.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(oas()).encode())
    plain = json.loads(exported(client, api, "oas30")["body"].read())
    assert plain["servers"] == [
        {
            "url": f"https://{api}.execute-api.us-east-1.amazonaws.com/{{basePath}}",
            "variables": {"basePath": {"default": "dev"}},
        }
    ]
    assert set(plain["paths"]) == {"/pets", "/empty/below", "/{proxy+}"}
    assert EXTENSION + "integration" not in json.dumps(plain)
    assert EXTENSION + "authorizer" not in json.dumps(plain)
    old = json.loads(exported(client, api, "swagger", "authorizers")["body"].read())
    assert (old["host"], old["basePath"]) == (f"{api}.execute-api.us-east-1.amazonaws.com", "/dev")
    assert old["securityDefinitions"]["guard"][EXTENSION + "authorizer"]["type"] == "token"
    assert EXTENSION + "integration" not in json.dumps(old)
    for wrong in ("raml", ""):
        refusal_of_kind = {"restApiId": api, "stageName": "dev", "exportType": wrong or "x"}
        assert "export type" in refusal(client.get_export, **refusal_of_kind)
    good = {"restApiId": api, "stageName": "dev", "exportType": "oas30"}
    assert "accept" in refusal(client.get_export, **good, accepts="text/html")
    assert "shrug" in refusal(client.get_export, **good, parameters={"extensions": "shrug"})
    with pytest.raises(ClientError, match="Invalid stage identifier specified"):
        client.get_export(**{**good, "stageName": "none"})
    with pytest.raises(ClientError, match="Postman"):
        client.get_export(**good, parameters={"extensions": "postman"})


def test_documentation_fills_in_descriptions_and_can_be_exported(client: Any) -> None:
    api = imported(client, whole())["id"]
    for location, text in (
        ({"type": "METHOD", "path": "/pets", "method": "POST"}, {"summary": "Adds a pet"}),
        ({"type": "API"}, {"info": {"description": "Pets and more"}}),
        ({"type": "MODEL", "name": "Pet"}, {"title": "A pet"}),
        ({"type": "QUERY_PARAMETER", "path": "/pets", "method": "POST", "name": "dry"}, {"description": "no wet run"}),
        ({"type": "RESPONSE", "path": "/pets", "method": "POST", "statusCode": "200"}, {"description": "added"}),
    ):
        client.create_documentation_part(restApiId=api, location=location, properties=json.dumps(text))
    client.create_deployment(restApiId=api, stageName="dev")
    client.create_documentation_version(restApiId=api, documentationVersion="v7", stageName="dev")
    document = json.loads(exported(client, api, "oas30", "documentation")["body"].read())
    post = document["paths"]["/pets"]["post"]
    assert (post["summary"], document["info"]["description"]) == ("Adds a pet", "Pets and more")
    assert (post["parameters"][0]["description"], post["responses"]["200"]["description"]) == ("no wet run", "added")
    assert document["components"]["schemas"]["Pet"]["title"] == "A pet"
    held = document[EXTENSION + "documentation"]
    assert (held["version"], len(held["documentationParts"])) == ("v7", 5)
    assert len(client.get_documentation_parts(restApiId=imported(client, document)["id"])["items"]) == 5


def test_a_clone_has_everything_under_ids_of_its_own(client: Any) -> None:
    api = imported(client, whole())["id"]
    clone = client.create_rest_api(name="pets", cloneFrom=api)["id"]
    ids = {item["id"] for item in client.get_resources(restApiId=api)["items"]}
    assert not ids & {item["id"] for item in client.get_resources(restApiId=clone)["items"]}
    of_clone, of_api = described(client, clone), described(client, api)
    for kind in ("resources", "models", "validators", "authorizers", "responses"):
        assert of_clone[kind] == of_api[kind], kind
    client.create_deployment(restApiId=clone, stageName="dev")
    with pytest.raises(ClientError, match="Invalid API identifier specified"):
        client.create_rest_api(name="pets", cloneFrom="nothing")


def test_a_long_document_is_read_and_written_beside_everybody_else(emulator: RunningEmulator) -> None:
    client = emulator.client("apigateway")
    schemas = {f"M{n}": {"type": "object", "title": "long" * 20} for n in range(400)}
    paths = {"/a": {"get": {"responses": {"200": {"description": "fine"}}}}}
    head = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": paths}
    text = json.dumps({**head, "components": {"schemas": schemas}}).encode()
    assert len(text) > QUICK_BYTES
    as_yaml = b"openapi: 3.0.1\ninfo: {title: t, version: '1'}\npaths: {}\n"
    for body in (text, as_yaml):
        assert client.import_rest_api(body=body)["name"] == "t"
    for wrong in (b"a: [", b"{" + b" " * QUICK_BYTES, b"- a"):
        with pytest.raises(ClientError, match=r"Invalid OpenAPI input\."):
            client.import_rest_api(body=wrong)


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ({"openapi": "3.0.0"}, True),
        ({"openapi": "3.0.4"}, True),
        ({"swagger": "2.0"}, True),
        ({"swagger": 2.0}, True),
        ({"openapi": "3.1.0"}, False),
        ({"openapi": "2.0"}, False),
        ({"openapi": None}, False),
        ({"swagger": "1.2"}, False),
    ],
)
def test_documents_of_versions_that_aws_does_not_know_are_refused(
    emulator: RunningEmulator, version: dict[str, Any], known: bool
) -> None:
    body = json.dumps({**version, "info": {"title": "t", "version": "1"}, "paths": {}}).encode()
    calls = [lambda: emulator.client("apigateway").import_rest_api(body=body)]
    if "openapi" in version:  # HTTP APIs are made of OpenAPI 3.0 only
        calls.append(lambda: emulator.client("apigatewayv2").import_api(Body=body.decode()))
    for call in calls:
        if known:
            call()
        else:
            with pytest.raises(ClientError, match=r"Invalid OpenAPI input\."):
                call()


def test_an_empty_template_is_none_after_export_and_import(emulator: RunningEmulator) -> None:
    client = emulator.client("apigateway")
    answer = {"statusCode": "200", "responseTemplates": {"application/json": ""}}
    made: dict[str, Any] = {"type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
    made["responses"] = {"default": answer}
    preflight = {"responses": {"200": {"description": "yes"}}, "x-amazon-apigateway-integration": made}
    body = json.dumps(oas({"/": {"options": preflight}})).encode()
    for _ in range(2):
        api = client.import_rest_api(body=body)["id"]
        client.create_deployment(restApiId=api, stageName="dev")
        answered = httpx.options(emulator.data_plane(api, "dev"), timeout=60)
        assert (answered.status_code, answered.content) == (200, b"")
        body = client.get_export(
            restApiId=api, stageName="dev", exportType="oas30", parameters={"extensions": "apigateway"}
        )["body"].read()
        assert json.loads(body)["paths"]["/"]["options"]["x-amazon-apigateway-integration"]["responses"]["default"][
            "responseTemplates"
        ] == {"application/json": None}
