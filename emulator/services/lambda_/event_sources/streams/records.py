"""What was read from a stream, as a function gets it, and which of it the mapping's filters want. Pure.

Source: developer guide, "Using Lambda to process records from Amazon Kinesis Data Streams" and "Using AWS Lambda with
Amazon DynamoDB" ([D]), to the order of the members.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from emulator.aws.event_pattern import Pattern
from emulator.services.lambda_.event_sources.streams.source import sequence_of

Record = dict[str, Any]


def shown(record: Record, source_arn: str, shard: str, role: str) -> Record:
    """A record as the service gives it → an element of `Records`."""
    region = source_arn.split(":")[3]
    if "dynamodb" in record:
        change = record["dynamodb"]
        told: Record = {}
        created = change.get("ApproximateCreationDateTime")
        if created is not None:
            told["ApproximateCreationDateTime"] = int(created.timestamp())
        for name in ("Keys", "NewImage", "OldImage", "SequenceNumber", "SizeBytes", "StreamViewType"):
            if name in change:
                told[name] = _plain(change[name])
        return {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": told,
            "eventSourceARN": source_arn,
        }
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": round(record["ApproximateArrivalTimestamp"].timestamp(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role,
        "awsRegion": region,
        "eventSourceARN": source_arn,
    }


def is_no_change(record: Record) -> bool:
    """Whether an item was written as it was already: AWS's streams do not tell of that, the library does [D]."""
    change = record.get("dynamodb", {})
    return record.get("eventName") == "MODIFY" and "OldImage" in change and change["OldImage"] == change.get("NewImage")


def lane_of(record: Record, lanes: int) -> int:
    """Which lane takes a record: those of one partition key go to one."""
    if lanes == 1:
        return 0
    if "dynamodb" in record:
        key = json.dumps(_plain(record["dynamodb"].get("Keys")), sort_keys=True)
    else:
        key = record["PartitionKey"]
    return int.from_bytes(hashlib.md5(key.encode("utf-8", "replace"), usedforsecurity=False).digest()[:4]) % lanes


def passes(told: Record, filters: list[Pattern], whole: bool = False) -> bool:
    """Whether a record passes one of the filters.

    Of Kinesis they see the record's own members, its data decoded; those around it only with `whole`.
    """
    if not filters:
        return True
    event: Record = told
    if "kinesis" in told:
        event = {**(told if whole else {}), **told["kinesis"], "data": _data(told["kinesis"]["data"])}
    return any(pattern.matches(event) for pattern in filters)


def sequence(told: Record) -> str:
    """The sequence number of an element of `Records`."""
    return told["kinesis"]["sequenceNumber"] if "kinesis" in told else told["dynamodb"]["SequenceNumber"]


def arrived_at(told: Record) -> float:
    """When an element of `Records` came into the stream."""
    if "kinesis" in told:
        return told["kinesis"]["approximateArrivalTimestamp"]
    return float(told["dynamodb"].get("ApproximateCreationDateTime", 0))


def position_of(record: Record) -> str:
    """The sequence number of a record as the service gives it."""
    return sequence_of(record)


def _data(text: str) -> Any:
    """Data that is JSON is matched as such, any other as text that no pattern of an object matches."""
    try:
        return json.loads(base64.b64decode(text))
    except (ValueError, RecursionError):
        return base64.b64decode(text).decode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """Binary values of items in base64, as events have them."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(each) for each in value]
    return value
