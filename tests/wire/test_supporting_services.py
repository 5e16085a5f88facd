"""The delegated services through boto3, and that they cost nothing until used."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.adapters.supporting_services import MotoServices


def test_the_caller_is_account_zero(emulator: Any) -> None:
    assert emulator.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_role_can_be_created_and_read(emulator: Any) -> None:
    iam = emulator.client("iam")
    policy = '{"Version":"2012-10-17","Statement":[]}'
    iam.create_role(RoleName="runner", AssumeRolePolicyDocument=policy)
    assert iam.get_role(RoleName="runner")["Role"]["Arn"] == "arn:aws:iam::000000000000:role/runner"


def test_objects_can_be_stored_listed_and_fetched_by_a_presigned_url(emulator: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="reports")
    s3.put_object(Bucket="reports", Key="a/b c.txt", Body=b"text")
    assert s3.get_object(Bucket="reports", Key="a/b c.txt")["Body"].read() == b"text"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="reports")["Contents"]] == ["a/b c.txt"]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "reports", "Key": "a/b c.txt"})
    assert urllib.request.urlopen(url).read() == b"text"


def test_what_the_library_trips_over_is_the_callers_mistake(emulator: Any) -> None:
    dynamodb = emulator.client("dynamodb", config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as caught:
        dynamodb.put_item(Item={"k": {"S": "1"}})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_items_and_parameters_are_kept(emulator: Any) -> None:
    table = {"TableName": "t", "BillingMode": "PAY_PER_REQUEST"}
    dynamodb, ssm = emulator.client("dynamodb"), emulator.client("ssm")
    dynamodb.create_table(
        **table,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    dynamodb.put_item(TableName="t", Item={"k": {"S": "1"}})
    assert dynamodb.get_item(TableName="t", Key={"k": {"S": "1"}})["Item"] == {"k": {"S": "1"}}
    ssm.put_parameter(Name="/a", Value="v", Type="String")
    assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "v"


def test_reset_forgets_delegated_state(emulator: Any) -> None:
    emulator.client("s3").create_bucket(Bucket="gone")
    emulator.reset()
    assert emulator.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    ("service", "method"), [("events", "list_rules"), ("sqs", "list_queues"), ("sns", "list_topics")]
)
def test_a_service_whose_effects_would_be_lost_is_refused_by_name(emulator: Any, service: str, method: str) -> None:
    if emulator.emulator.services.get(service) is not None:
        pytest.skip(f"{service} is native")
    with pytest.raises(ClientError) as caught:
        getattr(emulator.client(service), method)()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert f"{service} is not emulated" in caught.value.response["Error"]["Message"]


def test_moto_is_not_imported_before_it_is_needed() -> None:
    program = (
        "import sys; import emulator.aws.edge, emulator.adapters.supporting_services as s; m = s.MotoServices();"
        "assert m.supports('s3') and m.supports('secretsmanager') and not m.supports('lambda');"
        "sys.exit('moto' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_head_request_tells_the_length_of_the_object(emulator: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="reports")
    s3.put_object(Bucket="reports", Key="k", Body=b"12345")
    assert s3.head_object(Bucket="reports", Key="k")["ContentLength"] == 5


def test_what_is_delegated_goes_by_aws_time(emulator: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="reports")
    emulator.advance(86400 * 400)
    s3.put_object(Bucket="reports", Key="k", Body=b"12345")
    assert abs(s3.head_object(Bucket="reports", Key="k")["LastModified"].timestamp() - emulator.now()) < 2


def test_an_emulator_that_was_never_asked_forgets_what_another_of_its_process_left(emulator: Any) -> None:
    emulator.client("s3").create_bucket(Bucket="left-behind")
    asyncio.run(MotoServices().reset())
    assert emulator.client("s3").list_buckets()["Buckets"] == []
