"""The oracle of the codec: real botocore clients write the requests and read the answers; no socket in between."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol import load_service

NOON = datetime(2026, 1, 2, 12, 0, 0, 250000, tzinfo=UTC)

ROUND_TRIPS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "lambda",
        "Invoke",
        {
            "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "InvocationType": "Event",
            "Payload": b"1",
        },
        {"StatusCode": 202, "ExecutedVersion": "1"},
    ),
    (
        "lambda",
        "CreateFunction",
        {
            "FunctionName": "f",
            "Role": "arn:aws:iam::000000000000:role/r",
            "Code": {"ZipFile": b"\x00zip"},
            "Environment": {"Variables": {"A": "ü"}},
            "Layers": [],
            "Publish": True,
        },
        {"FunctionName": "f", "Timeout": 3, "Environment": {"Variables": {"A": "ü"}}, "CodeSize": 2**40},
    ),
    ("lambda", "ListFunctions", {"MaxItems": 5, "Marker": "a/b c"}, {"Functions": [{"FunctionName": "f"}]}),
    ("lambda", "ListProvisionedConcurrencyConfigs", {"FunctionName": "f"}, {"ProvisionedConcurrencyConfigs": []}),
    ("lambda", "UntagResource", {"Resource": "arn:aws:lambda:r:0:function:f", "TagKeys": ["a", "b"]}, {}),
    ("lambda", "CreateEventSourceMapping", {"FunctionName": "f", "StartingPositionTimestamp": NOON}, {"UUID": "u"}),
    (
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": "a", "input": "{}"},
        {"executionArn": "e", "startDate": NOON},
    ),
    (
        "stepfunctions",
        "GetExecutionHistory",
        {"executionArn": "e", "reverseOrder": False, "maxResults": 7},
        {"events": [{"id": 1, "type": "ExecutionStarted", "timestamp": NOON, "previousEventId": 0}]},
    ),
    ("stepfunctions", "DeleteStateMachine", {"stateMachineArn": "a"}, {}),
    (
        "apigateway",
        "CreateRestApi",
        {"name": "n", "tags": {"a": "b"}},
        {"id": "x", "createdDate": NOON.replace(microsecond=0)},
    ),
    (
        "apigateway",
        "PutIntegration",
        {
            "restApiId": "a",
            "resourceId": "r",
            "httpMethod": "POST",
            "type": "AWS",
            "requestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        },
        {"type": "AWS", "timeoutInMillis": 29000, "requestParameters": {"a": "b"}},
    ),
    (
        "apigateway",
        "ImportRestApi",
        {"body": b"{}", "parameters": {"endpointConfigurationTypes": "REGIONAL"}},
        {"id": "x"},
    ),
    ("apigateway", "GetExport", {"restApiId": "a", "stageName": "s", "exportType": "oas30"}, {"contentType": "a/b"}),
    ("apigateway", "DeleteRestApi", {"restApiId": "a"}, {}),
    (
        "apigatewayv2",
        "CreateApi",
        {"Name": "n", "ProtocolType": "HTTP"},
        {"ApiId": "i", "CreatedDate": NOON.replace(microsecond=0)},
    ),
    (
        "ses",
        "SendEmail",
        {
            "Source": "a@x",
            "Destination": {"ToAddresses": ["b@x", "c@x"]},
            "Message": {"Subject": {"Data": "<&>"}, "Body": {"Text": {"Data": "ü\n"}}},
        },
        {"MessageId": "<m&m>"},
    ),
    ("ses", "SendRawEmail", {"RawMessage": {"Data": b"\xffraw"}, "Destinations": ["a@x"]}, {"MessageId": "m"}),
    ("ses", "GetSendStatistics", {}, {"SendDataPoints": [{"Timestamp": NOON, "Bounces": 3}]}),
    (
        "ses",
        "GetIdentityVerificationAttributes",
        {"Identities": ["a"]},
        {"VerificationAttributes": {"a": {"VerificationStatus": "Success"}}},
    ),
    (
        "sesv2",
        "SendEmail",
        {"FromEmailAddress": "a@x", "Content": {"Raw": {"Data": b"\x00\xff"}}},
        {"MessageId": "m"},
    ),
    ("sesv2", "GetEmailIdentity", {"EmailIdentity": "a@x/y"}, {"VerifiedForSendingStatus": True}),
    (
        "sqs",
        "SendMessage",
        {
            "QueueUrl": "http://localhost/0/q",
            "MessageBody": "x",
            "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": b"\x01"}},
        },
        {"MessageId": "m", "MD5OfMessageBody": "9dd4e461268c8034f5c8564e155c67a6"},
    ),
    ("sqs", "DeleteQueue", {"QueueUrl": "http://localhost/0/q"}, {}),
    (
        "sns",
        "Publish",
        {"TopicArn": "t", "Message": "m", "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}}},
        {"MessageId": "m"},
    ),
    ("sns", "GetTopicAttributes", {"TopicArn": "t"}, {"Attributes": {"DisplayName": "<d>", "Policy": "{}"}}),
    (
        "s3",
        "PutBucketTagging",
        {"Bucket": "bucket", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
        {},
    ),
    (
        "s3",
        "ListObjectsV2",
        {"Bucket": "bucket", "MaxKeys": 3},
        {"Contents": [{"Key": "k", "LastModified": NOON, "Size": 3}], "KeyCount": 1},
    ),
    (
        "dynamodb",
        "PutItem",
        {"TableName": "tab", "Item": {"k": {"B": b"\x00"}, "l": {"L": [{"N": "1"}]}}},
        {"Attributes": {"k": {"M": {}}}},
    ),
    (
        "cloudwatch",
        "PutMetricData",
        {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.5}]},
        {},
    ),
    (
        "cloudwatch",
        "GetMetricData",
        {"MetricDataQueries": [], "StartTime": NOON, "EndTime": NOON},
        {"MetricDataResults": [{"Id": "a", "Timestamps": [NOON], "Values": [0.5]}]},
    ),
]


def client_answered_by(service: str, answer: Any) -> Any:
    """A boto3 client whose requests go to `answer(HttpRequest) -> HttpResponse`."""
    client = boto3.client(
        service,
        endpoint_url="http://localhost:4566",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, parameter_validation=False, s3={"addressing_style": "path"}),
    )

    def exchange(request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        headers = [(k, v.decode() if isinstance(v, bytes) else str(v)) for k, v in request.headers.items()]
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
        response: HttpResponse = answer(HttpRequest(request.method, parts.path, parts.query, headers, body))
        raw = BytesIO(response.body)
        raw.stream = lambda *a, **k: iter([response.body])  # type: ignore[attr-defined]
        from botocore.compat import HTTPHeaders

        given = HTTPHeaders()
        for name, value in response.headers:
            given[name] = value
        return AWSResponse(request.url, response.status, given, raw)

    client.meta.events.register("before-send.*.*", exchange)
    return client


def snake(name: str) -> str:
    from botocore import xform_name

    return xform_name(name)


def plain(value: Any) -> Any:
    """Timestamps as epoch seconds, so that both sides compare."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize(
    ("service", "operation", "sent", "result"), ROUND_TRIPS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_a_client_sends_arrives_and_what_we_answer_is_what_it_reads(
    service: str, operation: str, sent: dict[str, Any], result: dict[str, Any]
) -> None:
    model = load_service(service)
    arrived: list[Any] = []

    def answer(request: HttpRequest) -> HttpResponse:
        protocol = model.protocol_of(request)
        found = model.match_rest(request.method, request.path, request.query) if "rest" in protocol else None
        name = found[0] if found else model.match_name(request)
        assert name == operation
        arrived.append(model.operation(name).parse(request, found[1] if found else None))
        return model.operation(name).serialize(plain(result), "rid", protocol)

    got = getattr(client_answered_by(service, answer), snake(operation))(**sent)

    for key, item in plain(sent).items():
        if item != []:
            # botocore writes form and JSON timestamps without the fraction of a second
            assert plain(arrived[0][key]) == (pytest.approx(item, abs=0.9) if isinstance(item, float) else item)
    for key, item in plain(result).items():
        read = plain(got[key])
        assert read == item
    assert got["ResponseMetadata"]["RequestId"] == "rid"


@pytest.mark.parametrize(
    "service", ["lambda", "stepfunctions", "apigateway", "ses", "sesv2", "sqs", "sns", "cloudwatch"]
)
def test_a_client_reads_our_errors(service: str) -> None:
    calls = {
        "lambda": ("get_function", {"FunctionName": "f"}, "ResourceNotFoundException"),
        "stepfunctions": ("describe_execution", {"executionArn": "e"}, "ExecutionDoesNotExist"),
        "apigateway": ("get_rest_api", {"restApiId": "x"}, "NotFoundException"),
        "ses": ("send_email", {"Source": "s", "Destination": {}, "Message": {}}, "MessageRejected"),
        "sesv2": ("get_email_identity", {"EmailIdentity": "x"}, "NotFoundException"),
        "sqs": ("get_queue_url", {"QueueName": "q"}, "QueueDoesNotExist"),
        "sns": ("get_topic_attributes", {"TopicArn": "t"}, "NotFoundException"),
        "cloudwatch": ("describe_alarms", {}, "InvalidNextToken"),
    }
    method, arguments, code = calls[service]

    def answer(request: HttpRequest) -> HttpResponse:
        model = load_service(service)
        name = model.operation_names()[0]
        return model.operation(name).serialize_error(AwsError(code, "the <text>"), "rid", model.protocol_of(request))

    with pytest.raises(ClientError) as caught:
        getattr(client_answered_by(service, answer), method)(**arguments)
    error = caught.value.response["Error"]
    expected = {"sqs": "AWS.SimpleQueueService.NonExistentQueue", "sns": "NotFound"}.get(service, code)
    assert (error["Code"], error["Message"]) == (expected, "the <text>")
