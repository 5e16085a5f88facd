"""What our own code takes for granted of the delegated services: seam by seam, so that an upgrade breaks it here.

Each test names who relies on it. Clients' own use of these services is the library's affair.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.adapters.supporting_services import MotoServices
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.ports import AskLibrary, DelegatedAnswer, DelegatedRequest

SCOPE = Scope("123456789012", "eu-central-1")
NOW = 1_700_000_000.0


class Library:
    """The delegated services as services here reach them."""

    def __init__(self) -> None:
        self.now = NOW
        self.loop = asyncio.Runner()
        self.services = MotoServices(lambda: self.now)
        self.calls = Calls(Services(), self.services)

    def call(self, service: str, operation: str, scope: Scope = SCOPE, **request: Any) -> dict[str, Any]:
        return self.loop.run(self.calls.delegated(scope, service, operation, request))

    def refusal(self, service: str, operation: str, **request: Any) -> tuple[str, int]:
        with pytest.raises(AwsError) as caught:
            self.call(service, operation, **request)
        return caught.value.code, caught.value.status

    def raw(self, service: str, method: str, url: str, headers: list[tuple[str, str]] | None = None) -> DelegatedAnswer:
        return self.loop.run(self.services.handle(service, method, url, headers or [], b""))


@pytest.fixture
def library() -> Iterator[Library]:
    library = Library()
    library.call("sts", "GetCallerIdentity")  # a library that was never asked forgets nothing
    with library.loop:
        library.loop.run(library.services.reset())
        yield library
        library.loop.run(library.services.reset())


# ── the seam itself ──


def test_account_and_region_are_those_of_the_call(library: Library) -> None:
    assert library.call("sts", "GetCallerIdentity")["Account"] == "123456789012"
    other = Scope("999999999999", "us-east-1")
    library.call("ssm", "PutParameter", Name="/a", Value="1", Type="String")
    assert library.refusal("ssm", "GetParameter", Name="/b") == ("ParameterNotFound", 400)
    with pytest.raises(AwsError):
        library.call("ssm", "GetParameter", scope=other, Name="/a")


def test_time_is_aws_time(library: Library) -> None:
    library.call("s3", "CreateBucket", Bucket="bbb", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    library.now = NOW + 5_000_000
    library.call("s3", "PutObject", Bucket="bbb", Key="k", Body=b"1")
    written = library.call("s3", "HeadObject", Bucket="bbb", Key="k")["LastModified"]
    assert written == datetime.fromtimestamp(NOW + 5_000_000, UTC)


def test_whoever_stands_around_a_service_sees_all_of_it_and_nothing_else(library: Library) -> None:
    seen: list[str] = []

    def standing(name: str) -> Any:
        async def around(request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
            seen.append(name)
            status, headers, body = await ask(request._replace(url=request.url))
            return status, [*headers, ("x-seen", name)], body

        return around

    library.services.surround("s3", standing("inner"))
    library.services.surround("s3", standing("outer"))
    _, headers, _ = library.raw("s3", "GET", "http://localhost/")
    library.call("sts", "GetCallerIdentity")
    assert seen == ["outer", "inner"]
    assert [value for name, value in headers if name == "x-seen"] == ["inner", "outer"]


def test_what_the_library_lacks_is_refused_by_name(library: Library) -> None:
    with pytest.raises(NotEmulated):
        library.call("lambda", "ListFunctions")
    with pytest.raises(NotEmulated):
        library.call("kinesis", "UpdateMaxRecordSize", StreamARN="arn:s", MaxRecordSizeInKiB=2048)


# ── S3: code of functions, files of Maps, results, invocation records, notifications ──


@pytest.fixture
def bucket(library: Library) -> str:
    library.call("s3", "CreateBucket", Bucket="bbb", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return "bbb"


def test_an_object_is_its_bytes(library: Library, bucket: str) -> None:
    body = bytes(range(256))
    library.call("s3", "PutObject", Bucket=bucket, Key="a/ü b.zip", Body=body, ContentType="application/json")
    found = library.call("s3", "GetObject", Bucket=bucket, Key="a/ü b.zip")
    assert (found["Body"], found["ContentType"]) == (body, "application/json")
    piece = library.call("s3", "GetObject", Bucket=bucket, Key="a/ü b.zip", Range="bytes=10-19")
    assert (piece["Body"], piece["ContentRange"]) == (body[10:20], "bytes 10-19/256")
    assert piece["ETag"] == found["ETag"]


@pytest.mark.parametrize("host", ["bbb.s3.localhost:4566", "bbb.localhost:4566", "s3.localhost:4566/bbb"])
def test_a_bucket_is_named_by_the_path_or_before_the_host(library: Library, bucket: str, host: str) -> None:
    """Who: clients. The SDK for JavaScript writes `BUCKET.localhost` where its endpoint is `localhost`."""
    library.call("s3", "PutObject", Bucket=bucket, Key="k", Body=b"here")
    signed = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-central-1/s3/aws4_request"
    assert library.raw("s3", "GET", f"http://{host}/k", [("Authorization", signed)])[2] == b"here"


def test_objects_that_are_missing_have_s3s_codes(library: Library, bucket: str) -> None:
    library.call("s3", "PutObject", Bucket=bucket, Key="empty", Body=b"")
    assert library.refusal("s3", "GetObject", Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert library.refusal("s3", "GetObject", Bucket="none", Key="k") == ("NoSuchBucket", 404)
    assert library.refusal("s3", "GetObject", Bucket=bucket, Key="empty", Range="bytes=0-9") == ("InvalidRange", 416)


def test_listings_go_on_after_a_key(library: Library, bucket: str) -> None:
    for key in ("a/1", "a/2", "a/3", "b/1"):
        library.call("s3", "PutObject", Bucket=bucket, Key=key, Body=b"12")
    first = library.call("s3", "ListObjectsV2", Bucket=bucket, Prefix="a/", MaxKeys=2)
    assert ([each["Key"] for each in first["Contents"]], first["IsTruncated"]) == (["a/1", "a/2"], True)
    rest = library.call("s3", "ListObjectsV2", Bucket=bucket, Prefix="a/", StartAfter="a/2", MaxKeys=2)
    assert [(each["Key"], each["Size"]) for each in rest["Contents"]] == [("a/3", 2)]


def test_an_object_is_written_in_parts(library: Library, bucket: str) -> None:
    upload = library.call("s3", "CreateMultipartUpload", Bucket=bucket, Key="k")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": library.call(
                "s3", "UploadPart", Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body
            )["ETag"],
        }
        for number, body in ((1, b"a" * 5 * 2**20), (2, b"b"))
    ]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    library.call("s3", "CompleteMultipartUpload", **where, MultipartUpload={"Parts": parts})
    assert library.call("s3", "HeadObject", Bucket=bucket, Key="k")["ContentLength"] == 5 * 2**20 + 1


def test_a_policy_that_denies_requests_without_tls_shuts_nobody_out(library: Library, bucket: str) -> None:
    """The deployment tools of AWS give their buckets one."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]})
    library.call("s3", "PutBucketPolicy", Bucket=bucket, Policy=policy)
    library.call("s3", "PutObject", Bucket=bucket, Key="k", Body=b"text")
    assert library.call("s3", "GetObject", Bucket=bucket, Key="k")["Body"] == b"text"


def test_versions_and_markers_are_told(library: Library, bucket: str) -> None:
    library.call("s3", "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = library.call("s3", "PutObject", Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    gone = library.call("s3", "DeleteObject", Bucket=bucket, Key="k")
    assert gone["DeleteMarker"] is True
    assert library.refusal("s3", "HeadObject", Bucket=bucket, Key="k", VersionId=gone["VersionId"])[1] == 405
    assert library.call("s3", "HeadObject", Bucket=bucket, Key="k", VersionId=made)["VersionId"] == made
    [told] = library.call("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})["Deleted"]
    assert (told["Key"], told["DeleteMarker"]) == ("k", True)
    assert told["DeleteMarkerVersionId"]
    assert library.call("s3", "HeadBucket", Bucket=bucket)["BucketRegion"] == "eu-central-1"
    assert library.raw("s3", "GET", "http://localhost/none?notification")[0] == 404


# ── streams: event source mappings, and targets of rules ──


def test_a_kinesis_stream_is_read_as_mappings_read_it(library: Library) -> None:
    library.call("kinesis", "CreateStream", StreamName="s", ShardCount=2)
    arn = library.call("kinesis", "DescribeStream", StreamName="s")["StreamDescription"]["StreamARN"]
    for number in range(3):
        library.call("kinesis", "PutRecord", StreamARN=arn, PartitionKey="k", Data=b"%d" % number)
    described = library.call("kinesis", "DescribeStream", StreamARN=arn)["StreamDescription"]
    assert (described["RetentionPeriodHours"], described["HasMoreShards"], len(described["Shards"])) == (24, False, 2)
    assert all("EndingSequenceNumber" not in each["SequenceNumberRange"] for each in described["Shards"])

    def read(shard: str, **position: Any) -> list[dict[str, Any]]:
        iterator = library.call("kinesis", "GetShardIterator", StreamARN=arn, ShardId=shard, **position)
        wanted = {"StreamARN": arn, "ShardIterator": iterator["ShardIterator"], "Limit": 2}
        return library.call("kinesis", "GetRecords", **wanted)["Records"]

    found = {each["ShardId"]: read(each["ShardId"], ShardIteratorType="TRIM_HORIZON") for each in described["Shards"]}
    [(shard, records)] = [(shard, records) for shard, records in found.items() if records]
    assert [(each["Data"], each["PartitionKey"]) for each in records] == [(b"0", "k"), (b"1", "k")]
    assert records[0]["ApproximateArrivalTimestamp"] == datetime.fromtimestamp(NOW, UTC)
    last = records[-1]["SequenceNumber"]
    [rest] = read(shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=last)
    assert rest["Data"] == b"2"
    assert read(shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=rest["SequenceNumber"]) == []
    assert library.refusal("kinesis", "DescribeStream", StreamARN=f"{arn}x")[0] == "ResourceNotFoundException"


def test_a_split_kinesis_shard_names_its_parent_and_is_closed(library: Library) -> None:
    library.call("kinesis", "CreateStream", StreamName="s", ShardCount=1)
    request = {"ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "17"}
    library.call("kinesis", "SplitShard", StreamName="s", **request)
    [parent, *children] = library.call("kinesis", "DescribeStream", StreamName="s")["StreamDescription"]["Shards"]
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert [each["ParentShardId"] for each in children] == [parent["ShardId"]] * 2


@pytest.fixture
def table(library: Library) -> str:
    created = library.call(
        "dynamodb",
        "CreateTable",
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return created["TableDescription"]["LatestStreamArn"]


def test_a_dynamodb_stream_is_read_as_mappings_read_it(library: Library, table: str) -> None:
    key = {"k": {"S": "1"}}
    library.call("dynamodb", "PutItem", TableName="t", Item={**key, "b": {"B": b"\xff"}, "l": {"L": [{"N": "1"}]}})
    library.call(
        "dynamodb",
        "UpdateItem",
        TableName="t",
        Key=key,
        UpdateExpression="SET l[0] = :n",
        ExpressionAttributeValues={":n": {"N": "2"}},
    )
    library.call("dynamodb", "TransactWriteItems", TransactItems=[{"Delete": {"TableName": "t", "Key": key}}])
    described = library.call("dynamodbstreams", "DescribeStream", StreamArn=table)["StreamDescription"]
    assert described["StreamLabel"] == table.rpartition("/")[2]
    [shard] = described["Shards"]
    where = {"StreamArn": table, "ShardId": shard["ShardId"]}
    iterator = library.call("dynamodbstreams", "GetShardIterator", **where, ShardIteratorType="TRIM_HORIZON")
    records = library.call("dynamodbstreams", "GetRecords", ShardIterator=iterator["ShardIterator"], Limit=2)["Records"]
    assert [each["eventName"] for each in records] == ["INSERT", "MODIFY"]
    change = records[1]["dynamodb"]
    assert change["ApproximateCreationDateTime"] == datetime.fromtimestamp(NOW, UTC)
    assert (change["Keys"], change["NewImage"]["l"]["L"], change["OldImage"]["l"]["L"]) == (
        key,
        [{"N": "2"}],
        [{"N": "1"}],
    )
    assert change["NewImage"]["b"] == {"B": b"\xff"}
    after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": change["SequenceNumber"]}
    iterator = library.call("dynamodbstreams", "GetShardIterator", **where, **after)
    [last] = library.call("dynamodbstreams", "GetRecords", ShardIterator=iterator["ShardIterator"], Limit=2)["Records"]
    assert last["eventName"] == "REMOVE"
    none = table.replace("table/t", "table/none")
    assert library.refusal("dynamodbstreams", "DescribeStream", StreamArn=none)[0] == "ResourceNotFoundException"


# ── DynamoDB: tasks of state machines ──


def test_conditions_of_items_fail_by_name(library: Library, table: str) -> None:
    item = {"TableName": "t", "Item": {"k": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(k)"}
    library.call("dynamodb", "PutItem", **item)
    assert library.refusal("dynamodb", "PutItem", **item) == ("ConditionalCheckFailedException", 400)
    assert library.call("dynamodb", "GetItem", TableName="t", Key={"k": {"S": "1"}})["Item"] == {"k": {"S": "1"}}
    assert "Item" not in library.call("dynamodb", "GetItem", TableName="t", Key={"k": {"S": "2"}})


# ── Cognito: authorizers of REST APIs ──


def test_user_pools_have_keys_and_others_are_not_found(library: Library) -> None:
    pool = library.call("cognito-idp", "CreateUserPool", PoolName="p")["UserPool"]["Id"]
    library.call("cognito-idp", "DescribeUserPool", UserPoolId=pool)
    none = f"{SCOPE.region}_none12345"
    assert library.refusal("cognito-idp", "DescribeUserPool", UserPoolId=none)[0] == "ResourceNotFoundException"
    url = f"https://cognito-idp.{SCOPE.region}.amazonaws.com/{pool}/.well-known/jwks.json"
    status, _, body = library.raw("cognito-idp", "GET", url)
    assert status == 200
    assert b'"keys"' in body


# ── Firehose: what EventBridge, Pipes and subscriptions of log groups put ──


def test_firehose_puts_records_into_its_bucket_and_streams_that_are_missing_have_a_code(library: Library) -> None:
    library.call("s3", "CreateBucket", Bucket="told", CreateBucketConfiguration={"LocationConstraint": SCOPE.region})
    target = {"RoleARN": "arn:aws:iam::123456789012:role/r", "BucketARN": "arn:aws:s3:::told"}
    made = {"DeliveryStreamName": "f", "S3DestinationConfiguration": target}
    library.call("firehose", "CreateDeliveryStream", **made)
    library.call("firehose", "PutRecord", DeliveryStreamName="f", Record={"Data": b"\x1f\x8b packed"})
    [found] = library.call("s3", "ListObjectsV2", Bucket="told")["Contents"]
    assert library.call("s3", "GetObject", Bucket="told", Key=found["Key"])["Body"] == b"\x1f\x8b packed"
    missing = library.refusal("firehose", "PutRecord", DeliveryStreamName="none", Record={"Data": b"1"})
    assert missing == ("ResourceNotFoundException", 400)


def test_a_bucket_tells_its_region(library: Library) -> None:
    """What a bucket's notifications go by."""
    library.call("s3", "CreateBucket", Bucket="told", CreateBucketConfiguration={"LocationConstraint": SCOPE.region})
    assert library.call("s3", "HeadBucket", Bucket="told")["BucketRegion"] == SCOPE.region


# ── parameters and secrets: handlers, and tasks by the SDK integration ──


def test_parameters_secrets_and_keys_are_kept(library: Library) -> None:
    library.call("ssm", "PutParameter", Name="/a", Value="v", Type="SecureString")
    assert library.call("ssm", "GetParameter", Name="/a", WithDecryption=True)["Parameter"]["Value"] == "v"
    library.call("secretsmanager", "CreateSecret", Name="s", SecretString="hidden")
    assert library.call("secretsmanager", "GetSecretValue", SecretId="s")["SecretString"] == "hidden"
    assert library.refusal("secretsmanager", "GetSecretValue", SecretId="t")[0] == "ResourceNotFoundException"
    key = library.call("kms", "CreateKey")["KeyMetadata"]["KeyId"]
    sealed = library.call("kms", "Encrypt", KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    assert library.call("kms", "Decrypt", CiphertextBlob=sealed)["Plaintext"] == b"text"


# ── and nobody pays for what nobody uses ──


def test_an_emulator_that_delegates_nothing_never_imports_the_library() -> None:
    program = """
import json, sys, urllib.request
from emulator.testing import RunningEmulator
with RunningEmulator() as aws:
    headers = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}
    body = json.dumps({"QueueName": "q"}).encode()
    urllib.request.urlopen(urllib.request.Request(aws.url, body, headers)).read()
    urllib.request.urlopen(aws.url + "/_emulator/health").read()
    aws.settle()
    aws.reset()
sys.exit("moto" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
