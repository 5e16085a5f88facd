"""A stream as its mapping sees it: shards, and their records after a position. Reads from the delegated services.

The two services differ in names only; what differs is here. Decides nothing about when or for whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from emulator.aws.arn import Arn
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope

PAGE = 500
"""Records read at once; a batch may need several reads."""
DAY_SECONDS = 86400.0


class StreamUnreadable(Exception):
    """The service refuses to tell; the text says why."""


class StreamNotFound(StreamUnreadable):
    """There is no such stream, or it is another one by now."""


class Position(NamedTuple):
    """Where in a shard reading goes on."""

    kind: str
    """As GetShardIterator names them."""
    value: str = ""
    """A sequence number; of AT_TIMESTAMP the seconds."""


START = Position("TRIM_HORIZON")


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard and those it was made of."""

    id: str
    parents: tuple[str, ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as it is now."""

    shards: tuple[Shard, ...]
    retention_seconds: float = DAY_SECONDS


class Source:
    """Reads one stream."""

    def __init__(self, calls: Calls, arn: str) -> None:
        parsed = Arn.parse(arn)
        assert parsed is not None, f"{arn} was checked when it was configured"
        self._calls = calls
        self._arn = arn
        self._kinesis = parsed.service == "kinesis"
        if self._kinesis:  # a consumer with enhanced fan-out reads the stream it belongs to
            self._arn = arn.partition("/consumer/")[0]
        self._service = "kinesis" if self._kinesis else "dynamodbstreams"
        self._scope = Scope(parsed.account, parsed.region)
        self._label = parsed.resource.rpartition("/")[2]
        self._member = "StreamARN" if self._kinesis else "StreamArn"

    async def describe(self) -> Stream:
        """The stream's shards. Raises StreamUnreadable."""
        shards: list[Shard] = []
        retention = DAY_SECONDS
        last: str | None = None
        while True:
            more = {"ExclusiveStartShardId": last} if last else {}
            described = (await self._ask("DescribeStream", {self._member: self._arn, **more}))["StreamDescription"]
            if not self._kinesis and described["StreamLabel"] != self._label:
                raise StreamNotFound(self._arn)
            shards += [_shard(each) for each in described.get("Shards") or []]
            retention = described.get("RetentionPeriodHours", 24) * 3600.0
            last = shards[-1].id if described.get("HasMoreShards") else described.get("LastEvaluatedShardId")
            if not last:
                return Stream(tuple(shards), retention)

    async def read(self, shard: str, position: Position, most: int) -> list[dict[str, Any]]:
        """Up to `most` records after a position, as the service gives them, oldest first. Raises StreamUnreadable."""
        request: dict[str, Any] = {self._member: self._arn, "ShardId": shard, "ShardIteratorType": position.kind}
        if position.kind == "AT_TIMESTAMP":
            request["Timestamp"] = datetime.fromtimestamp(float(position.value)).astimezone()
        elif position.value:
            request["StartingSequenceNumber" if self._kinesis else "SequenceNumber"] = position.value
        iterator = (await self._ask("GetShardIterator", request))["ShardIterator"]
        most = min(most, PAGE)
        if self._kinesis:
            wanted = {"ShardIterator": iterator, "Limit": most, "StreamARN": self._arn}
            return (await self._ask("GetRecords", wanted))["Records"]
        asked = min(2 * most + 1, PAGE)
        found = (await self._ask("GetRecords", {"ShardIterator": iterator, "Limit": asked}))["Records"]
        return without_drafts(found, more_may_follow=len(found) == asked)[:most]

    async def end_of(self, shard: str) -> Position:
        """The position after the last record that a shard has now."""
        position = START
        while found := await self.read(shard, position, PAGE):
            position = Position("AFTER_SEQUENCE_NUMBER", sequence_of(found[-1]))
        return position

    async def _ask(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._calls.delegated(self._scope, self._service, operation, request)
        except AwsError as error:
            found = error.code != "ResourceNotFoundException"
            raise (StreamUnreadable(error.message) if found else StreamNotFound(self._arn)) from error
        except NotEmulated as missing:
            raise StreamUnreadable(str(missing)) from missing


def without_drafts(records: list[dict[str, Any]], more_may_follow: bool) -> list[dict[str, Any]]:
    """Without the insertion of a key alone that the library tells of before an UpdateItem's own insertion: an item
    cannot be inserted twice, and AWS's streams tell of it once [D]. The last is left out where the next is not known.
    """
    kept = [
        record
        for record, after in pairwise(records)
        if not (
            record["eventName"] == after["eventName"] == "INSERT"
            and record["dynamodb"]["Keys"] == after["dynamodb"]["Keys"]
        )
    ]
    return kept if more_may_follow else kept + records[-1:]


def sequence_of(record: dict[str, Any]) -> str:
    """The sequence number of a record as the service gives it."""
    return record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["SequenceNumber"]


def _shard(described: dict[str, Any]) -> Shard:
    parents = (described.get("ParentShardId"), described.get("AdjacentParentShardId"))
    closed = described.get("SequenceNumberRange", {}).get("EndingSequenceNumber") is not None
    return Shard(described["ShardId"], tuple(each for each in parents if each), closed)
