"""API destinations, deployed APIs and streams as targets of rules: what they are sent, when, and what fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.http_endpoint import Endpoint, endpoint

__all__ = ["endpoint"]

ENTRY = {"Source": "shop", "DetailType": "Order", "Detail": '{"id": "a/b", "total": 12}'}
BASIC = {"BasicAuthParameters": {"Username": "me", "Password": "pass"}}


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["Error"]["Code"]


def destination(
    emulator: RunningEmulator, url: str, authorization: str = "BASIC", parameters: Any = BASIC, **request: Any
) -> str:
    """The ARN of an API destination `hook` with a connection of its own."""
    events = emulator.client("events")
    made = events.create_connection(Name="login", AuthorizationType=authorization, AuthParameters=parameters)
    given = {"HttpMethod": "POST", **request}
    return events.create_api_destination(
        Name="hook", ConnectionArn=made["ConnectionArn"], InvocationEndpoint=url, **given
    )["ApiDestinationArn"]


def rule_to(emulator: RunningEmulator, arn: str, **target: Any) -> None:
    events = emulator.client("events")
    events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="orders", Targets=[{"Id": "1", "Arn": arn, **target}])


def put(emulator: RunningEmulator, count: int = 1) -> None:
    answer = emulator.client("events").put_events(Entries=[ENTRY] * count)
    assert answer["FailedEntryCount"] == 0
    emulator.advance(0)


def dead_letters(emulator: RunningEmulator) -> tuple[str, str]:
    """(URL, ARN) of a queue."""
    url = emulator.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    return url, "arn:aws:sqs:us-east-1:000000000000:dead"


def attributes(emulator: RunningEmulator, url: str) -> dict[str, str]:
    [message] = emulator.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


def test_an_api_destination_is_kept_shown_changed_and_deleted(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    arn = destination(emulator, "https://example.com/hook", Description="d")
    shown = events.describe_api_destination(Name="hook")
    assert (shown["ApiDestinationArn"], shown["ApiDestinationState"], shown["Description"]) == (arn, "ACTIVE", "d")
    assert (shown["HttpMethod"], shown["InvocationRateLimitPerSecond"]) == ("POST", 300)
    connection = shown["ConnectionArn"]
    events.update_api_destination(Name="hook", HttpMethod="PUT", InvocationRateLimitPerSecond=5)
    [listed] = events.list_api_destinations(ConnectionArn=connection, NamePrefix="h")["ApiDestinations"]
    assert (listed["HttpMethod"], listed["InvocationRateLimitPerSecond"]) == ("PUT", 5)
    events.deauthorize_connection(Name="login")
    assert events.describe_api_destination(Name="hook")["ApiDestinationState"] == "INACTIVE"
    given = {"ConnectionArn": connection, "HttpMethod": "POST"}
    create = events.create_api_destination
    assert refusal(create, Name="hook", InvocationEndpoint="https://x", **given) == "ResourceAlreadyExistsException"
    assert refusal(create, Name="b", InvocationEndpoint="ftp://x", **given) == "ValidationException"
    assert refusal(create, Name="b", InvocationEndpoint="https://x:0/", **given) == "ValidationException"
    other = {"ConnectionArn": connection.replace("login", "other"), "HttpMethod": "POST"}
    assert refusal(create, Name="b", InvocationEndpoint="https://x", **other) == "ResourceNotFoundException"
    events.delete_api_destination(Name="hook")
    for call in (events.delete_api_destination, events.describe_api_destination, events.update_api_destination):
        assert refusal(call, Name="hook") == "ResourceNotFoundException"
    events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}')
    targets = [{"Id": "1", "Arn": arn}]
    assert refusal(events.put_targets, Rule="orders", Targets=targets) == "ResourceNotFoundException"


def test_an_event_is_posted_with_credentials_parameters_and_paths(
    emulator: RunningEmulator, endpoint: Endpoint
) -> None:
    own = {
        "BodyParameters": [{"Key": "secret", "Value": "b"}],
        "QueryStringParameters": [{"Key": "q", "Value": "from connection"}],
    }
    arn = destination(emulator, f"{endpoint.url}/orders/*?v=1", parameters={**BASIC, "InvocationHttpParameters": own})
    http = {
        "PathParameterValues": ["$.detail.id"],
        "HeaderParameters": {"X-Total": "$.detail.total", "X-None": "$.nothing"},
        "QueryStringParameters": {"q": "from target", "source": "$.source"},
    }
    rule_to(emulator, arn, InputPath="$.detail", HttpParameters=http)
    put(emulator)
    [heard] = endpoint.requests
    assert heard["line"] == "POST /orders/a%2Fb?v=1&source=shop&q=from+connection"
    assert json.loads(heard["body"]) == {"id": "a/b", "total": 12, "secret": "b"}
    headers = {name.lower(): value for name, value in heard["headers"].items()}
    assert headers["authorization"] == "Basic bWU6cGFzcw=="
    assert (headers["x-total"], headers["x-none"]) == ("12", "")
    assert headers["user-agent"] == "Amazon/EventBridge/ApiDestinations"
    assert headers["content-type"] == "application/json; charset=utf-8"


def test_a_token_is_asked_for_and_sent(emulator: RunningEmulator, endpoint: Endpoint) -> None:
    oauth = {
        "AuthorizationEndpoint": f"{endpoint.url}/token",
        "HttpMethod": "POST",
        "ClientParameters": {"ClientID": "c", "ClientSecret": "s"},
    }
    endpoint.answers = [(200, {}, b'{"access_token": "t"}')]
    arn = destination(emulator, endpoint.url, "OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": oauth})
    rule_to(emulator, arn)
    put(emulator)
    assert [heard["line"] for heard in endpoint.requests] == ["POST /token", "POST /"]
    assert endpoint.requests[1]["headers"]["Authorization"] == "Bearer t"


def test_some_statuses_are_tried_again_not_before_retry_after(emulator: RunningEmulator, endpoint: Endpoint) -> None:
    endpoint.answers = [(429, {"Retry-After": "3600"}, b""), (503, {}, b""), (401, {}, b"")]
    rule_to(emulator, destination(emulator, endpoint.url))
    put(emulator)
    emulator.advance(3599)
    assert len(endpoint.requests) == 1
    emulator.settle()
    assert len(endpoint.requests) == 4
    assert len({heard["body"] for heard in endpoint.requests}) == 1


@pytest.mark.parametrize("answer", [(404, {}), (302, {"Location": "/"}), (503, {"Retry-After": "-1"})])
def test_other_failures_go_to_the_dead_letter_queue_at_once(
    emulator: RunningEmulator, endpoint: Endpoint, answer: tuple[int, dict[str, str]]
) -> None:
    endpoint.answers = [(*answer, b"no")]
    url, dead = dead_letters(emulator)
    arn = destination(emulator, endpoint.url)
    rule_to(emulator, arn, DeadLetterConfig={"Arn": dead})
    put(emulator)
    emulator.settle()
    assert len(endpoint.requests) == 1
    found = attributes(emulator, url)
    assert (found["ERROR_CODE"], found["TARGET_ARN"], found["RETRY_ATTEMPTS"]) == ("ERROR_FROM_TARGET", arn, "0")
    assert f"status code {answer[0]}" in found["ERROR_MESSAGE"]


def test_nobody_at_the_endpoint_is_tried_as_the_retry_policy_says(emulator: RunningEmulator) -> None:
    url, dead = dead_letters(emulator)
    arn = destination(emulator, "http://127.0.0.1:9/closed")
    rule_to(emulator, arn, DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 2})
    put(emulator)
    emulator.settle()
    found = attributes(emulator, url)
    assert (found["ERROR_CODE"], found["RETRY_ATTEMPTS"]) == ("CONNECTION_FAILURE", "2")
    assert found["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"


def test_the_rate_limit_spreads_requests_over_time(emulator: RunningEmulator, endpoint: Endpoint) -> None:
    rule_to(emulator, destination(emulator, endpoint.url, InvocationRateLimitPerSecond=2))
    for _ in range(4):
        put(emulator, 2)
    counts = [len(endpoint.requests)]
    for _ in range(3):
        emulator.advance(1)
        counts.append(len(endpoint.requests))
    assert counts == [2, 4, 6, 8]


def test_a_deployed_api_is_a_target(emulator: RunningEmulator) -> None:
    url, dead = dead_letters(emulator)
    api = emulator.client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api}/$default/POST/none"
    rule_to(emulator, arn, DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 0})
    put(emulator)
    emulator.settle()
    assert "status code 404" in attributes(emulator, url)["ERROR_MESSAGE"]


def test_a_stream_is_a_target(emulator: RunningEmulator) -> None:
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    arn = kinesis.describe_stream(StreamName="s")["StreamDescription"]["StreamARN"]
    rule_to(emulator, arn, InputPath="$.detail.total", KinesisParameters={"PartitionKeyPath": "$.detail.id"})
    put(emulator)
    shard = kinesis.describe_stream(StreamName="s")["StreamDescription"]["Shards"][0]["ShardId"]
    start = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    [record] = kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b"12", "a/b")


def test_parameters_belong_to_targets_that_have_them(emulator: RunningEmulator) -> None:
    events = emulator.client("events")
    events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}')
    queue = {"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}
    for extra in (
        {"HttpParameters": {"PathParameterValues": ["a"]}},
        {"KinesisParameters": {"PartitionKeyPath": "$.id"}},
    ):
        assert refusal(events.put_targets, Rule="orders", Targets=[{**queue, **extra}]) == "ValidationException"
    short = {"Id": "1", "Arn": "arn:aws:execute-api:us-east-1:000000000000:api"}
    assert refusal(events.put_targets, Rule="orders", Targets=[short]) == "ValidationException"
