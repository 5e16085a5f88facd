"""InvokeWithResponseStream, InvokeAsync, and the headers of invocations."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.test_lambda_destinations import ARN, create, messages, queue

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
)
UUID = "11111111-2222-4333-8444-555555555555"


def post(emulator: RunningEmulator, path: str, body: bytes = b"{}", **headers: str) -> httpx.Response:
    sent = {"Authorization": AUTHORIZATION, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return httpx.post(emulator.url + path, content=body, headers=sent)


def events_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return list(answer["EventStream"])


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_a_function_that_does_not_stream_is_answered_with_one_piece(emulator: RunningEmulator) -> None:
    create(emulator)
    answer = emulator.client("lambda").invoke_with_response_stream(FunctionName="f", Payload='{"a": 1}', LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    first, last = events_of(answer)
    assert json.loads(first["PayloadChunk"]["Payload"])["event"] == {"a": 1}
    assert set(last["InvokeComplete"]) == {"LogResult"}
    assert b"START RequestId" in base64.b64decode(last["InvokeComplete"]["LogResult"])


def test_a_stream_of_a_function_that_fails_says_so_at_its_end(emulator: RunningEmulator) -> None:
    create(emulator)
    answer = emulator.client("lambda").invoke_with_response_stream(FunctionName="f", Payload='{"raise_error": 1}')
    [last] = events_of(answer)
    assert last["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(last["InvokeComplete"]["ErrorDetails"])["errorType"] == "Exception"


def test_a_stream_is_refused_before_it_begins(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke_with_response_stream(FunctionName="gone")
    create(emulator)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke_with_response_stream(FunctionName="f")
    dry = client.invoke_with_response_stream(FunctionName="f", InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    dry["EventStream"].close()
    answer = post(emulator, "/2021-11-15/functions/f/response-streaming-invocations", X_Amz_Invocation_Type="Event")
    assert answer.status_code == 400
    assert "Member must satisfy enum value set: [RequestResponse, DryRun]" in answer.json()["message"]


# ── the deprecated form ─────────────────────────────────────────────────────────────────────────


def test_invoke_async_accepts_an_event(emulator: RunningEmulator) -> None:
    create(emulator)
    client = emulator.client("lambda")
    assert client.invoke_async(FunctionName="f", InvokeArgs=b'{"a": 1}')["Status"] == 202
    emulator.settle()
    [attempt] = emulator.call(emulator.emulator.recent_invocations)
    assert (attempt["invocation_type"], attempt["outcome"]) == ("Event", "success")
    assert post(emulator, "/2014-11-13/functions/f/invoke-async/").status_code == 202
    with pytest.raises(ClientError) as caught:
        client.invoke_async(FunctionName="f", InvokeArgs=b'"' + b"x" * 262_143 + b'"')
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


# ── headers ─────────────────────────────────────────────────────────────────────────────────────


def test_a_client_may_choose_the_request_id(emulator: RunningEmulator) -> None:
    create(emulator)
    answer = post(emulator, "/2015-03-31/functions/f/invocations", x_amzn_RequestId=UUID)
    assert answer.headers["x-amzn-requestid"] == UUID
    assert answer.json()["id"] == UUID


def test_a_request_id_that_is_no_uuid_is_refused(emulator: RunningEmulator) -> None:
    create(emulator)
    answer = post(emulator, "/2015-03-31/functions/f/invocations", x_amzn_RequestId="mine")
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"


def test_the_headers_of_an_answer_and_of_an_accepted_event(emulator: RunningEmulator) -> None:
    create(emulator)
    root = "1-5759e988-bd862e3fe1be46a994272793"
    answer = post(emulator, "/2015-03-31/functions/f/invocations", X_Amzn_Trace_Id=f"Root={root}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-remapped-content-length"] == "0"
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert answer.headers["x-amzn-trace-id"].startswith(f"Root={root};Parent=")
    event = post(emulator, "/2015-03-31/functions/f/invocations", X_Amz_Invocation_Type="Event")
    assert (event.status_code, event.content, event.headers["content-length"]) == (202, b"", "0")
    assert "content-type" not in event.headers
    assert "x-amz-executed-version" not in event.headers
    assert event.headers["x-amzn-trace-id"].startswith("root=1-")
    dry = post(emulator, "/2015-03-31/functions/f/invocations", X_Amz_Invocation_Type="DryRun")
    assert (dry.status_code, dry.content) == (204, b"")


# ── loops ───────────────────────────────────────────────────────────────────────────────────────

CALLS_ITSELF = """
import boto3, json
def handler(event, context):
    client = boto3.client("lambda")
    kind = event["kind"]
    try:
        answer = client.invoke(FunctionName=context.function_name, InvocationType=kind, Payload=json.dumps(event))
    except client.exceptions.RecursiveInvocationException as error:
        return {"depth": 1, "stopped": error.response["Error"]["Code"]}
    if kind == "Event":
        return None
    below = json.load(answer["Payload"])
    return {**below, "depth": below["depth"] + 1}
"""


def test_a_function_that_invokes_itself_for_ever_is_stopped_after_16_runs(emulator: RunningEmulator) -> None:
    create(emulator, source=CALLS_ITSELF, Timeout=900)
    answer = emulator.client("lambda").invoke(FunctionName="f", Payload='{"kind": "RequestResponse"}')
    assert json.load(answer["Payload"]) == {"depth": 16, "stopped": "RecursiveInvocationException"}


def test_events_in_a_loop_end_at_the_destination_for_failures(emulator: RunningEmulator) -> None:
    create(emulator, source=CALLS_ITSELF, Timeout=900)
    create(emulator, "told")
    client = emulator.client("lambda")
    client.put_function_event_invoke_config(
        FunctionName="f", DestinationConfig={"OnFailure": {"Destination": f"{ARN}told"}}
    )
    client.invoke(FunctionName="f", InvocationType="Event", Payload='{"kind": "Event"}')
    emulator.settle()
    lines = emulator.call(emulator.emulator.recent_invocations)
    assert Counter((line["function_name"], line["outcome"]) for line in lines) == {
        ("f", "success"): 16,
        ("f", "discarded"): 1,
        ("told", "success"): 1,
    }


def test_the_dead_letter_of_a_loop_says_that_it_was_one(emulator: RunningEmulator) -> None:
    url, arn = queue(emulator)
    create(emulator, source=CALLS_ITSELF, Timeout=900, DeadLetterConfig={"TargetArn": arn})
    emulator.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload='{"kind": "Event"}')
    emulator.settle()
    [letter] = messages(emulator, url)
    said = letter["MessageAttributes"]
    assert said["ErrorCode"]["StringValue"] == "400"
    assert said["ErrorMessage"]["StringValue"].startswith("Lambda has detected your function being invoked in a recur")
    assert letter["Body"] == '{"kind": "Event"}'


SENDS_TO_ITS_QUEUE = """
import boto3, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody="again")
"""


def test_a_function_that_feeds_its_own_queue_is_stopped_and_its_message_is_a_dead_letter(
    emulator: RunningEmulator,
) -> None:
    dead_url, dead_arn = queue(emulator, "dead")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url, arn = queue(emulator, "loop", RedrivePolicy=policy)
    create(emulator, source=SENDS_TO_ITS_QUEUE, Timeout=10, Environment={"Variables": {"QUEUE": url}})
    emulator.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=arn, BatchSize=1)
    emulator.client("sqs").send_message(QueueUrl=url, MessageBody="first")
    emulator.advance(120)
    lines = emulator.call(emulator.emulator.recent_invocations)
    assert Counter(line["outcome"] for line in lines) == {"success": 16, "recursion": 1}
    assert [message["Body"] for message in messages(emulator, dead_url)] == ["again"]


# ── tenants ─────────────────────────────────────────────────────────────────────────────────────


def test_a_tenant_is_refused_by_a_function_that_is_not_isolated_by_tenant(emulator: RunningEmulator) -> None:
    create(emulator)
    with pytest.raises(ClientError) as caught:
        emulator.client("lambda").invoke(FunctionName="f", TenantId="blue")
    assert caught.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "The invoked function is not enabled with tenancy configuration. "
        "Remove the tenant ID from your request and try again.",
    }
    assert emulator.call(emulator.emulator.recent_invocations) == []
