"""What awslocal, samlocal, cdklocal and tflocal expect: a port, a health answer, and names of the loopback address."""

from __future__ import annotations

import httpx
import pytest

from tests.stories.telling import mock, rest_api

PUBLIC = "localhost.localstack.cloud"
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_asked_at_the_path_that_they_ask(emulator, method):
    answer = httpx.request(method, f"{emulator.url}/_localstack/health", headers={"Host": f"{PUBLIC}:4566"})
    assert answer.status_code == 200
    assert method == "HEAD" or {"s3", "lambda", "cloudformation"} <= set(answer.json()["services"])


def test_buckets_are_hosts_below_the_public_name_of_loopback(aws, emulator):
    """Their clients resolve `BUCKET.s3.localhost.localstack.cloud`; here the Host header says what they would send."""
    aws.s3.create_bucket(Bucket="assets.of-cdk")
    put = httpx.put(f"{emulator.url}/a/b.txt", content=b"text", headers={"Host": f"assets.of-cdk.s3.{PUBLIC}:4566"})
    assert put.status_code == 200
    for host, path in ((f"assets.of-cdk.s3.{PUBLIC}:4566", "/a/b.txt"), (f"s3.{PUBLIC}", "/assets.of-cdk/a/b.txt")):
        answer = httpx.get(f"{emulator.url}{path}", headers={"Host": host, "Authorization": SIGNED})
        assert answer.text == "text"


def test_services_and_apis_are_hosts_below_it_too(aws, emulator):
    asked = {"Host": f"lambda.eu-west-1.{PUBLIC}:4566"}
    assert httpx.get(f"{emulator.url}/2015-03-31/functions/", headers=asked).json()["Functions"] == []
    api = rest_api(aws, {"/": {"get": mock("here")}})
    host = {"Host": f"{api}.execute-api.{PUBLIC}:4566"}
    assert httpx.get(f"{emulator.url}/dev/", headers=host).text == "here"
    assert httpx.get(f"{emulator.url}/restapis/{api}/dev/_user_request_/").text == "here"
