"""Integrations of type AWS with services other than Lambda: requests and answers as AWS's documentation shows them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import ACCOUNT, RestApi, aws

FORM = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
PASS = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}})


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def machine(emulator: RunningEmulator) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/states"
    client = emulator.client("stepfunctions")
    return client.create_state_machine(name="flow", definition=PASS, roleArn=role)["stateMachineArn"]


def test_start_execution_answers_with_its_arn_and_a_number(emulator: RunningEmulator, api: RestApi) -> None:  # G19
    arn = machine(emulator)
    template = '{"input": "$util.escapeJavaScript($input.json(\'$\'))", "stateMachineArn": "' + arn + '"}'
    api.method("/", "POST", aws("states:action/StartExecution", requestTemplates={"application/json": template}))
    api.deploy()
    answer = api.request("POST", json={"a": 1})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert "X-Amzn-Trace-Id" in answer.headers
    assert set(answer.json()) == {"executionArn", "startDate"}
    assert isinstance(answer.json()["startDate"], float)
    emulator.settle()
    told = emulator.client("stepfunctions").describe_execution(executionArn=answer.json()["executionArn"])
    assert (told["status"], json.loads(told["input"])) == ("SUCCEEDED", {"a": 1})


def test_an_express_machine_is_waited_for_in_aws_time(emulator: RunningEmulator, api: RestApi) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 5, "Next": "Done"}, "Done": {"Type": "Pass", "End": True}}
    definition = json.dumps({"StartAt": "Wait", "States": states})
    client = emulator.client("stepfunctions")
    role = f"arn:aws:iam::{ACCOUNT}:role/states"
    made = client.create_state_machine(name="quick", definition=definition, roleArn=role, type="EXPRESS")
    template = '{"input": "{}", "stateMachineArn": "' + made["stateMachineArn"] + '"}'
    integration = aws("states:action/StartSyncExecution", requestTemplates={"application/json": template})
    api.method("/", "POST", integration)
    api.method("/hurry", "POST", {**integration, "timeoutInMillis": 1000})
    api.deploy()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.request, "POST", "", json={}, timeout=STUCK_SECONDS)
        while not waiting.done():
            emulator.advance(1)
        assert waiting.result().json()["status"] == "SUCCEEDED"
        hurried = pool.submit(api.request, "POST", "/hurry", json={}, timeout=STUCK_SECONDS)
        while not hurried.done():
            emulator.advance(1)
        assert (hurried.result().status_code, hurried.result().json()) == (
            504,
            {"message": "Endpoint request timed out"},
        )


def test_the_status_of_the_service_selects_the_response(emulator: RunningEmulator, api: RestApi) -> None:
    integration = aws("states:action/StartExecution")
    api.method("/", "POST", integration, {"200": {}, "400": {"selectionPattern": r"4\d{2}"}})
    api.method("/lenient", "POST", integration)
    api.deploy()
    missing = {"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:none"}
    answer = api.request("POST", json=missing)
    assert answer.status_code == 400
    assert answer.json()["__type"].endswith("StateMachineDoesNotExist")
    assert api.request("POST", "/lenient", json=missing).status_code == 200


def test_a_form_sends_a_message_and_the_answer_is_json(emulator: RunningEmulator, api: RestApi) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    template = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    templates = {"application/json": template}
    uri = f"sqs:path/{ACCOUNT}/orders"
    api.method("/", "POST", aws(uri, requestParameters=FORM, requestTemplates=templates))
    accept = {**FORM, "integration.request.header.Accept": "'application/xml'"}
    api.method("/xml", "POST", aws(uri, requestParameters=accept, requestTemplates=templates))
    api.deploy()
    answer = api.request("POST", content=b'{"total": "1 & 2"}', headers={"Content-Type": "application/json"})
    result = answer.json()["SendMessageResponse"]
    assert set(result) == {"ResponseMetadata", "SendMessageResult"}
    assert result["SendMessageResult"]["MessageId"]
    assert result["SendMessageResult"]["SequenceNumber"] is None
    received = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    assert (received["Body"], received["MessageId"]) == (
        '{"total": "1 & 2"}',
        result["SendMessageResult"]["MessageId"],
    )
    assert api.request("POST", "/xml", json={}).text.startswith("<SendMessageResponse")


def test_a_query_error_is_json_too(emulator: RunningEmulator, api: RestApi) -> None:
    templates = {"application/json": "Action=SendMessage&MessageBody=x"}
    integration = aws(f"sqs:path/{ACCOUNT}/none", requestParameters=FORM, requestTemplates=templates)
    api.method("/", "POST", integration, {"200": {}, "400": {"selectionPattern": "400"}})
    api.deploy()
    answer = api.request("POST", json={})
    assert answer.status_code == 400
    assert answer.json()["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_the_json_protocol_of_sqs_is_reached_by_target(emulator: RunningEmulator, api: RestApi) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    mappings = {
        "integration.request.header.X-Amz-Target": "'AmazonSQS.SendMessage'",
        "integration.request.header.Content-Type": "'application/x-amz-json-1.0'",
    }
    template = '{"QueueUrl": "' + queue + '", "MessageBody": "$util.escapeJavaScript($input.body)"}'
    integration = aws(f"sqs:path/{ACCOUNT}/orders", requestParameters=mappings)
    api.method("/", "POST", {**integration, "requestTemplates": {"application/json": template}})
    api.deploy()
    assert set(api.request("POST", content=b"hello").json()) == {"MD5OfMessageBody", "MessageId"}


def test_a_topic_is_published_to_by_query_parameters(emulator: RunningEmulator, api: RestApi) -> None:
    topic = emulator.client("sns").create_topic(Name="news")["TopicArn"]
    queue = emulator.client("sqs").create_queue(QueueName="readers")["QueueUrl"]
    emulator.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:readers"
    )
    mappings = {
        "integration.request.querystring.TopicArn": f"'{topic}'",
        "integration.request.querystring.Message": "method.request.body.text",
    }
    api.method("/", "POST", aws("sns:action/Publish", requestParameters=mappings))
    api.deploy()
    answer = api.request("POST", json={"text": "hi"})
    assert set(answer.json()["PublishResponse"]["PublishResult"]) == {"MessageId", "SequenceNumber"}
    emulator.settle()
    message = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    assert json.loads(message["Body"])["Message"] == "hi"


def test_events_are_put(emulator: RunningEmulator, api: RestApi) -> None:
    mappings = {
        "integration.request.header.X-Amz-Target": "'AWSEvents.PutEvents'",
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'",
    }
    template = '{"Entries": [{"Source": "shop", "DetailType": "order", "Detail": "{}"}]}'
    integration = aws("events:action/PutEvents", requestParameters=mappings)
    api.method("/", "POST", {**integration, "requestTemplates": {"application/json": template}})
    api.deploy()
    answer = api.request("POST", json={}).json()
    assert (answer["FailedEntryCount"], list(answer["Entries"][0])) == (0, ["EventId"])


def test_items_are_put_into_a_table_and_queried(emulator: RunningEmulator, api: RestApi) -> None:
    client = emulator.client("dynamodb")
    client.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    put = '{"TableName": "things", "Item": {"id": {"S": "$input.params(\'id\')"}}}'
    query = (
        '{"TableName": "things", "KeyConditionExpression": "id = :v",'
        ' "ExpressionAttributeValues": {":v": {"S": "$input.params(\'id\')"}}}'
    )
    api.method("/{id}", "PUT", aws("dynamodb:action/PutItem", requestTemplates={"application/json": put}))
    api.method("/{id}", "GET", aws("dynamodb:action/Query", requestTemplates={"application/json": query}))
    api.deploy()
    written = api.request("PUT", "/test")
    assert (written.json(), written.headers["Content-Type"]) == ({}, "application/json")
    assert api.request("GET", "/test").json() == {"Count": 1, "Items": [{"id": {"S": "test"}}], "ScannedCount": 1}
    assert api.request("GET", "/other").json() == {"Count": 0, "Items": [], "ScannedCount": 0}


def test_objects_are_put_got_and_deleted_by_path(emulator: RunningEmulator, api: RestApi) -> None:
    emulator.client("s3").create_bucket(Bucket="files")
    mappings = {"integration.request.path.key": "method.request.path.proxy"}
    integration = aws("s3:path/files/{key}", requestParameters=mappings, integrationHttpMethod="ANY")
    api.method("/{proxy+}", "ANY", integration)
    api.deploy()
    assert "<Code>NoSuchKey</Code>" in api.request("GET", "/a/test.json").text
    assert api.request("PUT", "/a/test.json", json={"put_id": 1}).status_code == 200
    assert api.request("GET", "/a/test.json").json() == {"put_id": 1}
    assert emulator.client("s3").list_objects_v2(Bucket="files")["Contents"][0]["Key"] == "a/test.json"
    api.request("DELETE", "/a/test.json")
    assert "<Code>NoSuchKey</Code>" in api.request("GET", "/a/test.json").text


RAW = b"\x1f\x8b\x08\x00\xff\xfe\x00"
ENCODED = base64.b64encode(RAW)
TEXT = b"this is a text"


@pytest.mark.parametrize(
    ("handling", "stored_type", "accept", "stored", "answered"),
    [
        (None, "image/png", "image/png", RAW, RAW),
        (None, "image/png", "text/plain", RAW, ENCODED),
        (None, "image/png", "text/plain", TEXT, base64.b64encode(TEXT)),
        (None, "text/plain", "image/png", ENCODED, RAW),
        (None, "text/plain", "text/plain", RAW, RAW.decode("utf-8", "replace").encode()),
        (None, "text/plain", "text/plain", ENCODED, ENCODED),
        ("CONVERT_TO_TEXT", "image/png", "image/png", RAW, ENCODED),
        ("CONVERT_TO_TEXT", "text/plain", "image/png", ENCODED, ENCODED),
        ("CONVERT_TO_BINARY", "text/plain", "text/plain", ENCODED, RAW),
        ("CONVERT_TO_BINARY", "image/png", "text/plain", TEXT, TEXT),
    ],
)
def test_binary_answers_are_converted_as_recorded(
    emulator: RunningEmulator, handling: str | None, stored_type: str, accept: str, stored: bytes, answered: bytes
) -> None:
    api = RestApi(emulator, binaryMediaTypes=["image/png"])
    client = emulator.client("s3")
    client.create_bucket(Bucket="files")
    client.put_object(Bucket="files", Key="object", Body=stored, ContentType=stored_type)
    response: dict[str, Any] = {"contentHandling": handling} if handling else {}
    api.method("/", "GET", aws("s3:path/files/object", integrationHttpMethod="GET"), {"200": response})
    api.deploy()
    assert api.request("GET", headers={"Accept": accept}).content == answered


@pytest.mark.parametrize(
    ("handling", "sent_type", "sent", "stored"),
    [
        (None, "text/plain", RAW, RAW.decode("utf-8", "replace").encode()),
        (None, "image/png", RAW, RAW),
        ("CONVERT_TO_TEXT", "image/png", RAW, ENCODED),
        ("CONVERT_TO_BINARY", "text/plain", ENCODED, RAW),
        ("CONVERT_TO_BINARY", "image/png", ENCODED, ENCODED),
    ],
)
def test_binary_requests_are_converted_as_recorded(
    emulator: RunningEmulator, handling: str | None, sent_type: str, sent: bytes, stored: bytes
) -> None:
    api = RestApi(emulator, binaryMediaTypes=["image/png"])
    emulator.client("s3").create_bucket(Bucket="files")
    settings: dict[str, Any] = {"contentHandling": handling} if handling else {}
    api.method("/", "PUT", aws("s3:path/files/object", integrationHttpMethod="PUT", **settings))
    api.deploy()
    assert api.request("PUT", content=sent, headers={"Content-Type": sent_type}).status_code == 200
    assert emulator.client("s3").get_object(Bucket="files", Key="object")["Body"].read() == stored


def test_a_service_that_is_not_emulated_is_named(emulator: RunningEmulator, api: RestApi) -> None:
    api.method("/", "POST", aws("rekognition:action/DetectFaces"))
    api.deploy()
    answer = api.request("POST", json={})
    assert (answer.status_code, "rekognition" in answer.text) == (501, True)


def test_an_unknown_service_is_refused_when_the_integration_is_put(api: RestApi) -> None:
    with pytest.raises(api.client.exceptions.BadRequestException):
        api.method("/", "POST", aws("nosuchservice:action/Do"))


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        ("ssm:path//", {"requestTemplates": {"application/json": "Action=GetParameter&Name=a%2Fb&Version=2014-11-06"}}),
        ("ssm:action/GetParameter", {"requestTemplates": {"application/json": "Name=a%2Fb"}}),
        ("ssm:action/GetParameter&Name=a%2Fb", {"requestTemplates": {"application/json": ""}}),
    ],
    ids=["path", "action", "query"],
)
def test_ssm_answers_forms_as_a_query_service(  # [R:test_ssm_aws_integration]
    emulator: RunningEmulator, api: RestApi, uri: str, more: dict[str, Any]
) -> None:
    emulator.client("ssm").put_parameter(Name="a/b", Type="String", Value="123")
    api.method("/", "POST", aws(uri, requestParameters=FORM, **more))
    api.deploy()
    answer = api.request("POST", json={})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    [(root, told)] = answer.json().items()
    parameter = told["GetParameterResult"]["Parameter"]
    assert root == "GetParameterResponse" and set(told["ResponseMetadata"]) == {"RequestId"}
    assert list(parameter) == [
        *("ARN", "DataType", "LastModifiedDate", "Name", "Selector", "SourceResult", "Type", "Value", "Version")
    ]
    assert parameter["LastModifiedDate"] == pytest.approx(emulator.now(), abs=5)
    del parameter["ARN"], parameter["LastModifiedDate"]
    expected = {"DataType": "text", "Name": "a/b", "Selector": None, "SourceResult": None, "Type": "String"}
    assert parameter == {**expected, "Value": "123", "Version": 1}


def test_ssm_refuses_forms_in_its_own_words(api: RestApi) -> None:
    for path, form in (("/none", "Action=GetParameter&Name=none"), ("/odd", "Action=Odd")):
        templates = {"application/json": form}
        responses = {"200": {}, "400": {"selectionPattern": "4.."}}
        api.method(path, "POST", aws("ssm:path//", requestParameters=FORM, requestTemplates=templates), responses)
    api.deploy()
    missing = api.request("POST", "/none", json={})
    assert (missing.status_code, missing.json()["Error"]["Code"]) == (400, "ParameterNotFound")
    odd = api.request("POST", "/odd", json={})
    assert (odd.status_code, odd.json()["Error"]["Code"]) == (400, "InvalidAction")


def test_ssm_answers_a_form_that_asks_for_nothing_else_in_xml(  # [R:test_get_parameter_query_protocol]
    emulator: RunningEmulator,
) -> None:
    emulator.client("ssm").put_parameter(Name="a", Type="String", Value="<1>")
    credential = "Credential=test/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0"
    answer = httpx.post(
        emulator.url,
        data={"Action": "GetParameter", "Name": "a", "Version": "2014-11-06"},
        headers={"Authorization": f"AWS4-HMAC-SHA256 {credential}"},
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml")
    assert answer.text.startswith('<GetParameterResponse xmlns="http://ssm.amazonaws.com/doc/2014-11-06/">')
    root = ElementTree.fromstring(answer.text)
    names = [element.tag.rpartition("}")[2] for element in root[0][0]]
    assert sorted(names) == ["ARN", "DataType", "LastModifiedDate", "Name", "Type", "Value", "Version"]
    assert "<Value>&lt;1&gt;</Value>" in answer.text and "<Version>1</Version>" in answer.text


@pytest.fixture
def deployed(emulator: RunningEmulator, api: RestApi) -> Callable[[str, str], httpx.Response]:
    """Sends a JSON body to `action/` of a service: a method of its own, deployed, and asked."""

    def ask(action: str, template: str) -> httpx.Response:
        service, _, operation = action.partition(":")
        uri = f"{service}:action/{operation}"
        api.method(f"/{operation}", "POST", aws(uri, requestTemplates={"application/json": template}))
        api.deploy()
        return api.request("POST", f"/{operation}", json={"name": "one", "value": "it's"})

    return ask


Ask = Callable[[str, str], httpx.Response]


def test_parameters_are_put_and_got(emulator: RunningEmulator, deployed: Ask) -> None:
    put = '{"Name": "$input.path(\'$.name\')", "Type": "String", "Value": "v"}'
    assert deployed("ssm:PutParameter", put).json()["Version"] == 1
    got = deployed("ssm:GetParameter", '{"Name": "$input.path(\'$.name\')"}').json()["Parameter"]
    assert (got["Name"], got["Value"], got["Type"], got["Version"]) == ("one", "v", "String", 1)


def test_secrets_are_made_and_read(emulator: RunningEmulator, deployed: Ask) -> None:
    made = deployed("secretsmanager:CreateSecret", '{"Name": "s", "SecretString": $input.json(\'$.value\')}')
    assert made.json()["Name"] == "s"
    assert deployed("secretsmanager:GetSecretValue", '{"SecretId": "s"}').json()["SecretString"] == "it's"
    missing = deployed("secretsmanager:DescribeSecret", '{"SecretId": "nobody"}')
    assert (missing.status_code, missing.json()["__type"]) == (200, "ResourceNotFoundException")


def test_records_are_put_into_a_stream(emulator: RunningEmulator, deployed: Ask) -> None:  # [R:apigateway_kinesis]
    client = emulator.client("kinesis")
    client.create_stream(StreamName="stream", ShardCount=1)
    data = "$util.base64Encode($input.json('$'))"
    put = f'{{"StreamName": "stream", "PartitionKey": "p", "Data": "{data}"}}'
    answer = deployed("kinesis:PutRecord", put).json()
    assert set(answer) >= {"SequenceNumber", "ShardId"}
    several = f'{{"StreamName": "stream", "Records": [{{"PartitionKey": "p", "Data": "{data}"}}]}}'
    answer = deployed("kinesis:PutRecords", several).json()
    assert (answer["FailedRecordCount"], len(answer["Records"])) == (0, 1)
    shard = client.get_shard_iterator(
        StreamName="stream", ShardId=answer["Records"][0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    kept = [json.loads(record["Data"]) for record in client.get_records(ShardIterator=shard)["Records"]]
    assert kept == [{"name": "one", "value": "it's"}] * 2


def test_keys_of_kms_encrypt(emulator: RunningEmulator, deployed: Ask) -> None:
    key = emulator.client("kms").create_key()["KeyMetadata"]["KeyId"]
    template = f'{{"KeyId": "{key}", "Plaintext": "$util.base64Encode($input.path(\'$.name\'))"}}'
    cipher = base64.b64decode(deployed("kms:Encrypt", template).json()["CiphertextBlob"])
    assert emulator.client("kms").decrypt(CiphertextBlob=cipher)["Plaintext"] == b"one"


def test_logs_are_written(emulator: RunningEmulator, deployed: Ask) -> None:
    client = emulator.client("logs")
    client.create_log_group(logGroupName="g")
    assert deployed("logs:CreateLogStream", '{"logGroupName": "g", "logStreamName": "s"}').content == b""
    assert [item["logStreamName"] for item in client.describe_log_streams(logGroupName="g")["logStreams"]] == ["s"]


def test_services_of_the_query_protocol_are_reached_by_action(emulator: RunningEmulator, api: RestApi) -> None:
    actions = {"sts": "GetCallerIdentity", "iam": "ListRoles", "ec2": "DescribeRegions"}
    asked: list[tuple[str, str, dict[str, str]]] = []
    for service, action in actions.items():
        for method in ("GET", "POST"):
            integration = {**aws(f"{service}:action/{action}"), "integrationHttpMethod": method}
            asked.append((f"/{service}{method}", action, api.method(f"/{service}{method}", "POST", integration)))
    api.deploy()
    for path, action, ids in asked:
        for body in (None, {"a": 1}):
            answer = api.request("POST", path, json=body)
            assert answer.status_code == 200
            assert f"{action}Response" in (answer.text if "ec2" in path else answer.json())
        assert f"{action}Response" in api.client.test_invoke_method(**ids)["body"]
    identity = api.request("POST", "/stsPOST").json()["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
    assert identity["Account"] == ACCOUNT


def test_delegated_services_answer_compact_json(emulator: RunningEmulator, deployed: Ask) -> None:
    emulator.client("ssm").put_parameter(Name="word", Value="naïve", Type="String")
    answer = deployed("ssm:GetParameter", '{"Name": "word"}')
    assert answer.content.startswith(b'{"Parameter":{"') and '"Value":"naïve"'.encode() in answer.content
    assert b'": ' not in answer.content and b'", ' not in answer.content
