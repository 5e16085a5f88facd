"""Who hears of records that were given up, and in which words. Pure.

Source: developer guide, "Retain discarded batch records" for Kinesis and for DynamoDB ([D]): queues and topics get
metadata, a bucket the records, too.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.scope import Scope
from emulator.services.lambda_.destinations import DELIVERY_FAILURES, HandOff
from emulator.services.lambda_.event_sources.streams.records import arrived_at, sequence
from emulator.services.lambda_.events import LastAnswer


def failure_record(
    request_id: str,
    function_arn: str,
    condition: str,
    attempts: int,
    answer: LastAnswer | None,
    now: float,
    shard: str,
    stream_arn: str,
    records: list[dict[str, Any]],
) -> dict[str, Any]:
    """What a destination is told of some records."""
    told: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        }
    }
    if answer is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": answer.executed_version}
        if answer.function_error is not None:
            context["functionError"] = answer.function_error
        told["responseContext"] = context
    name = "KinesisBatchInfo" if "kinesis" in records[0] else "DDBStreamBatchInfo"
    return {
        **told,
        "version": "1.0",
        "timestamp": _utc(now),
        name: {
            "shardId": shard,
            "startSequenceNumber": sequence(records[0]),
            "endSequenceNumber": sequence(records[-1]),
            "approximateArrivalOfFirstRecord": _utc(arrived_at(records[0])),
            "approximateArrivalOfLastRecord": _utc(arrived_at(records[-1])),
            "batchSize": len(records),
            "streamArn": stream_arn,
        },
    }


def hand_off(
    target: str,
    record: dict[str, Any],
    event: bytes,
    owner: Scope,
    uuid: str,
    shard: str,
    now: float,
    unique: str,
    base_url: str,
) -> HandOff:
    """The record on its way; `event` is what the function was given, `owner` its scope, `unique` a fresh id."""
    arn = Arn.parse(target)
    assert arn is not None, f"{target} was checked when it was configured"
    scope = Scope(arn.account, arn.region)
    if arn.service == "s3":
        at = datetime.fromtimestamp(now, UTC)
        key = f"aws/lambda/{uuid}/{shard}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{unique}"
        body = json.dumps({**record, "payload": event.decode()}, separators=(",", ":")).encode()
        stored = {"Bucket": arn.resource, "Key": key, "Body": body, "ContentType": "application/json"}
        return HandOff(owner, "s3", "PutObject", stored, DELIVERY_FAILURES, target)
    text = json.dumps(record, separators=(",", ":"))
    if arn.service == "sns":
        return HandOff(scope, "sns", "Publish", {"TopicArn": target, "Message": text}, DELIVERY_FAILURES, target)
    url = f"{base_url}/{arn.account}/{arn.resource}"
    return HandOff(scope, "sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text}, DELIVERY_FAILURES, target)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
