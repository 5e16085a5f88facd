"""Subscriptions whose destination is a stream: a delegated service, so a durable job delivers after the commit.

Kinesis and Firehose get the packed data itself [D: "Example 1: Subscription filters with Kinesis Data Streams"]. AWS
tries for a day; here a delivery that fails is tried four times, in AWS time, and then counted (unverified).
"""

from __future__ import annotations

import gzip
import json
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, MetricSink
from emulator.jobs import Job
from emulator.ports import Store, Transaction

DELIVER_JOB = "logs.deliver"
DELAYS_SECONDS = (1.0, 10.0, 60.0)
STREAMS = {"kinesis": "Kinesis", "firehose": "Firehose"}
"""Services that take log events, and what AWS/Logs calls them."""


def stream_of(arn: str) -> tuple[Scope, str, str] | None:
    """Scope, service and name of a stream that can be a destination."""
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service not in STREAMS or "/" not in parsed.resource:
        return None
    return Scope(parsed.account, parsed.region), parsed.service, parsed.resource.partition("/")[2]


def record(service: str, name: str, key: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """The operation that puts data into a stream, and its request."""
    if service == "kinesis":
        return "PutRecord", {"StreamName": name, "PartitionKey": key, "Data": data}
    return "PutRecord", {"DeliveryStreamName": name, "Record": {"Data": data}}


def control_message(now: float, service: str) -> bytes:
    """What a stream is sent when it becomes a destination, packed [Q: consumers that leave it out]."""
    what = "Kinesis stream" if service == "kinesis" else "Firehose"
    event = {
        "id": "",
        "timestamp": round(now * 1000),
        "message": f"CWL CONTROL MESSAGE: Checking health of destination {what}.",
    }
    data = {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": list[str](),
        "logEvents": [event],
    }
    return gzip.compress(json.dumps(data, separators=(",", ":")).encode(), compresslevel=1, mtime=0)


def deliver_later(
    tx: Transaction, scope: Scope, group: str, name: str, destination: str, key: str, data: bytes
) -> None:
    """Have packed events delivered once this is committed."""
    payload = {"scope": [scope.account, scope.region], "group": group, "filter": name, "key": key, "tries": 0}
    owner = f"{destination}/{name}"
    jobs.enqueue(tx, DELIVER_JOB, {**payload, "destination": destination}, body=data, owner=owner)


class Deliverer:
    """Runs `logs.deliver` jobs."""

    def __init__(self, rows: Store, calls: Calls, metrics: MetricSink) -> None:
        self._rows = rows
        self._calls = calls
        self._metrics = metrics

    async def check(self, destination: str, now: float) -> str | None:
        """Send a control message; why it cannot be, if it cannot."""
        found = stream_of(destination)
        assert found is not None, "asked for streams only"
        scope, service, name = found
        operation, request = record(service, name, "cwl-control-message", control_message(now, service))
        try:
            await self._calls.delegated(scope, service, operation, request)
        except (AwsError, NotEmulated) as refusal:
            return str(refusal)
        return None

    async def deliver(self, job: Job) -> None:
        """Put packed events into a stream."""
        found = stream_of(job.payload["destination"])
        assert found is not None, "checked when it was subscribed"
        scope, service, name = found
        operation, request = record(service, name, job.payload["key"], job.body)
        failed = False
        try:
            await self._calls.delegated(scope, service, operation, request)
        except (AwsError, NotEmulated):
            failed = True
        await self._rows.transact(lambda tx: self._commit(tx, job, service, failed))

    def _commit(self, tx: Transaction, job: Job, service: str, failed: bool) -> None:
        tries: int = job.payload["tries"]
        if failed and tries < len(DELAYS_SECONDS):
            again = {**job.payload, "tries": tries + 1}
            jobs.reschedule(tx, job.id, tx.now + DELAYS_SECONDS[tries], again, DELIVER_JOB)
            return
        if jobs.complete(tx, job.id) and failed:
            payload = job.payload
            dimensions = {
                "LogGroupName": payload["group"],
                "DestinationType": STREAMS[service],
                "FilterName": payload["filter"],
            }
            self._metrics.add(tx, Scope(*payload["scope"]), "AWS/Logs", dimensions, [Datum("DeliveryErrors", 1)])
