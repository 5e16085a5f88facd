"""Lambda through boto3 and over raw HTTP: every operation, and AWS's words for errors."""

from __future__ import annotations

import base64
import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/lambda"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"

CODE = """
import os, sys, time

def handler(event, context):
    action = event.get("do") if isinstance(event, dict) else None
    if action == "raise":
        raise ValueError("intended")
    if action == "sleep":
        time.sleep(event["seconds"])
    if action == "exit":
        sys.exit(event["code"])
    if action == "large":
        return "x" * event["size"]
    if action == "log":
        print("y" * 10_000)
        return None
    if action == "text":
        return "HelloWorld!"
    if action == "context":
        return {
            "arn": context.invoked_function_arn,
            "version": context.function_version,
            "request_id": context.aws_request_id,
            "memory": context.memory_limit_in_mb,
            "custom": context.client_context.custom if context.client_context else None,
            "key": os.environ.get("KEY"),
        }
    return event if action == "echo" or not isinstance(event, dict) else None
"""


def package(code: str = CODE, name: str = "app.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, code)
    return buffer.getvalue()


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[Any]:
    client = emulator.client("lambda")
    yield client
    client.close()


def create(client: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    members: dict[str, Any] = {
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": package()},
    }
    return client.create_function(FunctionName=name, **{**members, **more})


def error_of(work: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        work()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def invoke(client: Any, event: Any, **more: Any) -> tuple[dict[str, Any], Any]:
    answer = client.invoke(FunctionName="f", Payload=json.dumps(event).encode(), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_a_function_is_created_pending_and_is_active_for_the_waiters(client: Any) -> None:
    created = create(client, Environment={"Variables": {"KEY": "v"}})
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (created["State"], created["StateReasonCode"], created["Version"]) == ("Pending", "Creating", "$LATEST")
    assert created["FunctionArn"] == ARN
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    client.get_waiter("function_updated_v2").wait(FunctionName="f")
    found = client.get_function(FunctionName="f")
    configuration = found["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert (configuration["Timeout"], configuration["MemorySize"]) == (3, 128)
    assert configuration["CodeSha256"] == created["CodeSha256"]
    assert configuration["Environment"] == {"Variables": {"KEY": "v"}}
    assert configuration["LastModified"].endswith("+0000")
    assert found["Code"]["RepositoryType"] == "S3"


def test_a_second_function_of_the_same_name_is_a_conflict(client: Any) -> None:
    create(client)
    assert error_of(lambda: create(client)) == ("ResourceConflictException", 409, "Function already exist: f")


def test_bytes_that_are_no_zip_are_refused(client: Any) -> None:
    code, status, text = error_of(lambda: create(client, Code={"ZipFile": b"no zip"}))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text == "Could not unzip uploaded file. Please check your file, then try to upload again."


def test_updates_change_code_and_configuration_under_a_new_revision(client: Any) -> None:
    first = create(client)
    code = "def handler(event, context): return 'new'"
    changed = client.update_function_code(FunctionName="f", ZipFile=package(code))
    assert (changed["LastUpdateStatus"], changed["LastUpdateStatusReasonCode"]) == ("InProgress", "Creating")
    assert changed["CodeSha256"] != first["CodeSha256"]
    assert invoke(client, {})[1] == "new"
    client.update_function_configuration(FunctionName="f", Timeout=10, Description="d")
    configuration = client.get_function_configuration(FunctionName="f")
    assert (configuration["Timeout"], configuration["Description"]) == (10, "d")
    stale = error_of(lambda: client.update_function_configuration(FunctionName="f", RevisionId=first["RevisionId"]))
    assert stale[:2] == ("PreconditionFailedException", 412)


def test_a_deleted_function_is_gone(client: Any) -> None:
    create(client)
    assert client.delete_function(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 204
    missing = ("ResourceNotFoundException", 404, f"Function not found: {ARN}")
    assert error_of(lambda: client.delete_function(FunctionName="f")) == missing
    assert error_of(lambda: client.get_function(FunctionName="f")) == missing
    assert error_of(lambda: client.invoke(FunctionName="f"))[2] == f"Function not found: {ARN}:$LATEST"


def test_functions_are_listed_in_pages(client: Any) -> None:
    for name in ("a", "b", "c"):
        create(client, name)
    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert [[item["FunctionName"] for item in page["Functions"]] for page in pages] == [["a", "b"], ["c"]]
    assert "State" not in pages[0]["Functions"][0]
    versions = client.list_versions_by_function(FunctionName="a")["Versions"]
    assert [version["FunctionArn"][-10:] for version in versions] == [":a:$LATEST"]


def test_results_arrive_as_json(client: Any) -> None:
    create(client)
    answer, result = invoke(client, {"do": "nothing"})
    assert (answer["StatusCode"], answer["ExecutedVersion"], result) == (200, "$LATEST", None)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-length"] == "4"
    assert headers["content-type"] == "application/json"
    assert headers["x-amzn-remapped-content-length"] == "0"
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    answer, result = invoke(client, {"do": "text"})
    assert (answer["ResponseMetadata"]["HTTPHeaders"]["content-length"], result) == ("13", "HelloWorld!")


def test_the_context_carries_the_request_id_of_the_answer(client: Any) -> None:
    create(client, Environment={"Variables": {"KEY": "v"}})
    context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    answer, seen = invoke(client, {"do": "context"}, ClientContext=context, Qualifier="$LATEST")
    assert seen == {
        "arn": f"{ARN}:$LATEST",
        "version": "$LATEST",
        "request_id": answer["ResponseMetadata"]["RequestId"],
        "memory": "128",
        "custom": {"a": "b"},
        "key": "v",
    }


def test_a_raised_exception_is_a_function_error_with_status_200(client: Any) -> None:
    create(client)
    answer, error = invoke(client, {"do": "raise"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (error["errorMessage"], error["errorType"]) == ("intended", "ValueError")


def test_a_timeout_is_told_with_two_decimals(emulator: RunningEmulator, client: Any) -> None:
    create(client, Timeout=1)
    # Time is frozen, so the handler sleeps until somebody else moves it.
    with ThreadPoolExecutor(1) as pool:
        sleeping = pool.submit(invoke, client, {"do": "sleep", "seconds": 5})
        while not sleeping.done():
            emulator.advance(1)
        answer, error = sleeping.result()
    assert answer["FunctionError"] == "Unhandled"
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert invoke(client, {"do": "text"})[1] == "HelloWorld!"


@pytest.mark.parametrize(
    ("code", "ending"), [(0, "Runtime exited without providing a reason"), (127, "exited with error: exit status 127")]
)
def test_an_exit_is_a_function_error(client: Any, code: int, ending: str) -> None:
    create(client)
    _, error = invoke(client, {"do": "exit", "code": code})
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(ending)


def test_a_response_that_is_too_large_is_a_function_error_and_the_next_call_works(client: Any) -> None:
    create(client, Timeout=60, MemorySize=512)
    _, error = invoke(client, {"do": "large", "size": 6_291_556})
    assert error == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert invoke(client, {"do": "text"})[1] == "HelloWorld!"


def test_the_log_tail_is_the_last_4096_bytes(client: Any) -> None:
    create(client)
    answer, _ = invoke(client, {"do": "log"}, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) == 4096
    assert b"REPORT RequestId: " in tail
    assert "LogResult" not in invoke(client, {"do": "log"})[0]


def test_a_dry_run_runs_nothing(client: Any) -> None:
    create(client)
    answer = client.invoke(FunctionName="f", InvocationType="DryRun")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")


def test_payloads_are_refused_in_aws_words(client: Any) -> None:
    create(client)
    code, status, text = error_of(lambda: client.invoke(FunctionName="f", Payload=b"n\x87r"))
    assert (code, status) == ("InvalidRequestContentException", 400)
    assert "Invalid UTF-8 start byte 0x87" in text
    assert text.endswith("line: 1, column: 3]")
    event = {"FunctionName": "f", "InvocationType": "Event", "Payload": b'"' + b"x" * 1_048_575 + b'"'}
    assert error_of(lambda: client.invoke(**event)) == (
        "RequestEntityTooLargeException",
        413,
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )


def test_names_and_qualifiers_must_agree(client: Any) -> None:
    create(client)
    assert error_of(lambda: client.invoke(FunctionName="f:1", Qualifier="2"))[2] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )
    assert client.invoke(FunctionName=ARN, Qualifier="$LATEST")["StatusCode"] == 200
    assert error_of(lambda: client.invoke(FunctionName=ARN.replace("us-east-1", "eu-west-1")))[:2] == (
        "ResourceNotFoundException",
        404,
    )


def test_reserved_concurrency_of_zero_throttles(client: Any) -> None:
    create(client)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert error_of(lambda: client.invoke(FunctionName="f")) == ("TooManyRequestsException", 429, "Rate Exceeded.")
    assert client.invoke(FunctionName="f", InvocationType="Event")["StatusCode"] == 202
    assert client.get_function(FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    client.delete_function_concurrency(FunctionName="f")
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="f")
    too_much = error_of(lambda: client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=901))
    assert too_much[2].endswith("below its minimum value of [100].")


def test_event_invoke_configs_are_put_merged_and_deleted(client: Any) -> None:
    create(client)
    put = client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    assert put["FunctionArn"] == f"{ARN}:$LATEST"
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    client.update_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=90)
    config = client.get_function_event_invoke_config(FunctionName="f")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (1, 90)
    assert len(client.list_function_event_invoke_configs(FunctionName="f")["FunctionEventInvokeConfigs"]) == 1
    client.delete_function_event_invoke_config(FunctionName="f")
    assert error_of(lambda: client.get_function_event_invoke_config(FunctionName="f")) == (
        "ResourceNotFoundException",
        404,
        f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
    )


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, "You must specify at least one of error handling or destination setting."),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": ARN}}},
            "You can't specify the function as a destination for itself.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": ARN + "2"}}},
            f"The destination ARN {ARN}2 is invalid.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:iam::000000000000:role/r"}}},
            "The provided destination config DestinationConfig(onSuccess=OnSuccess("
            "destination=arn:aws:iam::000000000000:role/r), onFailure=null) is invalid.",
        ),
    ],
)
def test_event_invoke_configs_are_refused_in_aws_words(client: Any, request_: dict[str, Any], text: str) -> None:
    create(client)
    assert error_of(lambda: client.put_function_event_invoke_config(FunctionName="f", **request_)) == (
        "InvalidParameterValueException",
        400,
        text,
    )


def test_permissions_are_kept_and_shown(client: Any) -> None:
    create(client)
    wanted = {
        "FunctionName": "f",
        "StatementId": "gateway",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": "arn:aws:execute-api:us-east-1:000000000000:abc/*/*/*",
    }
    client.add_permission(**wanted)
    assert error_of(lambda: client.add_permission(**wanted))[0] == "ResourceConflictException"
    (statement,) = json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": wanted["SourceArn"]}}
    client.remove_permission(FunctionName="f", StatementId="gateway")
    assert error_of(lambda: client.get_policy(FunctionName="f"))[2] == "The resource you requested does not exist."


def test_tags_are_added_and_removed(client: Any) -> None:
    create(client, Tags={"a": "1"})
    client.tag_resource(Resource=ARN, Tags={"b": "2"})
    client.untag_resource(Resource=ARN, TagKeys=["a"])
    assert client.list_tags(Resource=ARN)["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName="f")["Tags"] == {"b": "2"}


def test_account_settings_count_functions(client: Any) -> None:
    create(client)
    settings = client.get_account_settings()
    assert settings["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert settings["AccountUsage"] == {"TotalCodeSize": len(package()), "FunctionCount": 1}


def test_an_operation_that_is_not_emulated_is_refused_by_name(client: Any) -> None:
    create(client)
    _, status, text = error_of(lambda: client.list_durable_executions_by_function(FunctionName="f"))
    assert status == 501
    assert "ListDurableExecutionsByFunction" in text


def test_an_accepted_event_is_answered_202_with_an_empty_body_and_no_content_type(
    emulator: RunningEmulator, client: Any
) -> None:
    create(client)
    request = urllib.request.Request(
        f"{emulator.url}/2015-03-31/functions/f/invocations",
        data=b"{}",
        headers={
            "X-Amz-Invocation-Type": "Event",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, "
            "SignedHeaders=host, Signature=0",
        },
        method="POST",
    )
    request.add_unredirected_header("Content-type", "application/octet-stream")
    with urllib.request.urlopen(request) as answer:
        headers = {name.lower(): text for name, text in answer.headers.items()}
        assert (answer.status, answer.read()) == (202, b"")
    assert headers["content-length"] == "0"
    assert "content-type" not in headers
    assert "x-amz-executed-version" not in headers
    assert len(headers["x-amzn-requestid"]) == 36


def test_a_tenant_is_refused_where_no_function_can_have_tenants(client: Any) -> None:
    create(client)
    code, status, text = error_of(lambda: client.invoke(FunctionName="f", TenantId="t1"))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text.startswith("The invoked function is not enabled with tenancy configuration.")
