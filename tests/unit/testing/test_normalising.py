"""What of AWS's answers is the same each time."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from emulator.testing.normalising import Rules, normalised, to_json

ACCOUNT = "123456789012"
ONE, TWO = "0b5a3c2e-8d1f-4c57-9a55-2f6c1e7d9b01", "7f5a3c2e-8d1f-4c57-9a55-2f6c1e7d9b02"


def test_equal_ids_stay_equal_wherever_they_stand() -> None:
    answer = {"id": ONE, "of": TWO, "arn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:mapping:{TWO}", "again": [ONE]}
    assert normalised(answer, account=ACCOUNT, region="eu-west-1") == {
        "id": "<uuid:1>",
        "of": "<uuid:2>",
        "arn": "arn:aws:lambda:<region>:<account>:mapping:<uuid:2>",
        "again": ["<uuid:1>"],
    }


def test_ids_of_apis_are_known_by_their_members_and_found_in_addresses() -> None:
    here = {"id": "a1b2c3d4e5", "url": "http://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/prod/x"}
    there = {"id": "zzzyyyxxww", "url": "https://zzzyyyxxww.execute-api.us-east-1.amazonaws.com/prod/x"}
    assert normalised(here) == {"id": "<id:1>", "url": "<endpoint>/prod/x"}
    assert normalised(there, region="us-east-1") == normalised(here)


def test_the_address_of_a_queue_is_the_same_on_every_endpoint() -> None:
    urls = ("https://sqs.us-east-1.amazonaws.com/111122223333/q", "http://localhost:4566/111122223333/q")
    assert {normalised(url, account="111122223333") for url in urls} == {"<endpoint>/<account>/q"}


def test_dates_of_every_form_are_dates() -> None:
    answer = {
        "created": datetime(2026, 1, 2, tzinfo=UTC),
        "LastModified": "2026-01-02T03:04:05.000+0000",
        "requestTime": "02/Jan/2026:03:04:05 +0000",
        "date": "Fri, 02 Jan 2026 03:04:05 GMT",
        "CreatedTimestamp": "1767323045",
        "creationTime": 1767323045123,
        "timeout": 30,
        "expirationDate": 12,
        "MessageRetentionPeriod": "345600",
    }
    assert normalised(answer) == {
        **dict.fromkeys(answer, "<date>"),
        "timeout": 30,
        "expirationDate": 12,
        "MessageRetentionPeriod": "345600",
    }


def test_what_names_and_numbers_say_stays() -> None:
    answer = {
        "FunctionName": "render",
        "Timeout": 3,
        "Runtime": "python3.13",
        "ok": True,
        "none": None,
        "n": Decimal(2),
    }
    assert normalised(answer) == {**answer, "n": 2}


def test_tokens_traces_streams_and_messages_are_named_by_kind() -> None:
    answer = {
        "ReceiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a==",
        "trace": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        "stream": "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef",
        "MessageId": f"010001a2005ac746-{ONE}-000000",
    }
    assert normalised(answer) == {
        "ReceiptHandle": "<id:1>",
        "trace": "Root=<trace:1>;Sampled=0",
        "stream": "<stream:1>",
        "MessageId": "<message:1>",
    }


def test_an_exception_of_boto3_is_the_answer_it_was() -> None:
    error = {
        "Code": "ResourceNotFoundException",
        "Message": f"Function not found: arn:aws:lambda:us-east-1:{ACCOUNT}:f",
    }
    problem = ClientError(
        {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 404, "RequestId": ONE}}, "GetFunction"
    )  # type: ignore[typeddict-item]
    assert normalised(problem) == {
        "Error": {**error, "Message": "Function not found: arn:aws:lambda:us-east-1:<account>:f"},
        "status": 404,
    }


def test_an_answer_over_http_is_its_status_its_telling_headers_and_its_body() -> None:
    headers = {"Date": "now", "Content-Type": "application/json", "x-amzn-RequestId": ONE, "x-amz-apigw-id": "XyZabc="}
    response = httpx.Response(403, headers=headers, json={"message": "Forbidden"})
    assert normalised(response) == {
        "status": 403,
        "headers": {
            "content-type": "application/json",
            "x-amz-apigw-id": "<request:1>",
            "x-amzn-requestid": "<uuid:1>",
        },
        "body": {"message": "Forbidden"},
    }


def test_a_stream_can_still_be_read_by_the_test() -> None:
    content = json.dumps({"report": 7}).encode()
    answer = {"Payload": StreamingBody(io.BytesIO(content), len(content)), "raw": b"\xff\x00", "text": b"plain"}
    assert to_json(answer) == {"Payload": {"report": 7}, "raw": {"base64": "/wA="}, "text": "plain"}
    assert json.load(answer["Payload"]) == {"report": 7}  # type: ignore[arg-type]


def test_rules_say_what_else_differs() -> None:
    rules = Rules(ignore=("CodeSize", "items.*.note"), replace={r"build \d+": "build <number>"})
    answer = {"CodeSize": 318, "items": [{"note": 1, "name": "build 77"}, {"note": [2], "name": "b"}]}
    assert normalised(answer, rules) == {
        "CodeSize": "<any>",
        "items": [{"note": "<any>", "name": "build <number>"}, {"note": "<any>", "name": "b"}],
    }


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(TypeError, match="not about object"):
        normalised({"x": object()})


def test_the_log_of_an_invocation_is_read_and_has_no_times() -> None:
    def tail(request_id: str, took: str, first: str = "", init: str = "") -> str:
        log = (
            f"{first}START RequestId: {request_id} Version: $LATEST\nDuration: 7 ms\nEND RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {took} ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
            f"Max Memory Used: {len(took)}0 MB\t{init}\n"
        )
        return base64.b64encode(log.encode()).decode()

    cold = tail(ONE, "1.52", "INIT_START Runtime Version: x\n", "Init Duration: 83.1 ms\t")
    expected = (
        "START RequestId: <uuid:1> Version: $LATEST\nDuration: 7 ms\nEND RequestId: <uuid:1>\n"
        "REPORT RequestId: <uuid:1>\tDuration: <time> ms\tBilled Duration: <time> ms\tMemory Size: 128 MB\t"
        "Max Memory Used: <number> MB\t\n"
    )
    assert normalised({"LogResult": cold}) == normalised({"LogResult": tail(TWO, "101.4")}) == {"LogResult": expected}
    answer = httpx.Response(200, headers={"X-Amz-Log-Result": cold}, text="1")
    assert normalised(answer)["headers"]["x-amz-log-result"] == expected
    assert normalised({"LogResult": "no base64"}) == {"LogResult": "no base64"}
