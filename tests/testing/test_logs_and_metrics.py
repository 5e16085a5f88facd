"""`emulator.logs` and `emulator.metric`: what functions wrote and how they fared, in a word."""

from __future__ import annotations

import pytest

from emulator.services.logs import tail
from emulator.testing import AsyncEmulator, Emulator
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from emulator.testing.servers import HarnessError, RemoteServer
from tests.testing.functions import create, send

SOURCE = """
import time
def handler(event, context):
    print("working for", event["for"])
    time.sleep(event["for"])
"""


def test_what_a_function_wrote_is_read_by_its_name(aws: Aws, emulator: Emulator) -> None:
    create(aws, "work", SOURCE)
    assert emulator.logs("work") == []
    send(aws, "work", **{"for": 1})
    emulator.settle()
    words = [text.split()[0] for text in emulator.logs("work")]
    assert (words[0], words[-3:]) == ("INIT_START", ["working", "END", "REPORT"])
    assert emulator.logs("work", "working") == emulator.logs("/aws/lambda/work", "working") == ["working for 1\n"]


def test_groups_that_are_not_there_and_patterns_that_are_none_are_refused(aws: Aws, emulator: Emulator) -> None:
    with pytest.raises(HarnessError, match="no function and no log group nobody"):
        emulator.logs("nobody")
    create(aws, "work", SOURCE)
    with pytest.raises(HarnessError, match="no filter pattern"):
        emulator.logs("work", "{ $.a")


def test_long_logs_are_read_to_their_end(
    aws: Aws, emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "BATCHES_AT_ONCE", 2)
    group = {"logGroupName": "/mine", "logStreamName": "one"}
    aws.logs.create_log_group(logGroupName="/mine")
    aws.logs.create_log_stream(**group)
    now = round(clock.now() * 1000)
    for number in range(5):
        aws.logs.put_log_events(**group, logEvents=[{"timestamp": now - number, "message": str(number)}])
    assert emulator.logs("/mine") == [str(number) for number in reversed(range(5))]


def test_a_metric_is_one_number_since_the_world_began(aws: Aws, emulator: Emulator, clock: Clock) -> None:
    create(aws, "work", SOURCE)
    for seconds in (1, 3):
        send(aws, "work", **{"for": seconds})
        clock.advance(hours=20)

    def measured(statistic: str) -> float:
        return round(emulator.metric("AWS/Lambda", "Duration", statistic=statistic, FunctionName="work"), -2)

    statistics = ("Sum", "SampleCount", "Minimum", "Maximum", "Average")
    assert emulator.metric("AWS/Lambda", "Invocations", FunctionName="work") == 2
    assert emulator.metric("AWS/Lambda", "Errors", FunctionName="another") == 0
    assert [measured(statistic) for statistic in statistics if statistic != "SampleCount"] == [4000, 1000, 3000, 2000]
    with pytest.raises(ValueError, match="'p99' is no statistic"):
        measured("p99")


def test_an_emulator_elsewhere_is_asked_the_same(aws: Aws, emulator: Emulator) -> None:
    with Emulator(server=RemoteServer(emulator.url)) as elsewhere:
        create(elsewhere.aws, "work", SOURCE)
        send(elsewhere.aws, "work", **{"for": 0})
        elsewhere.settle()
        assert elsewhere.logs("work", "working") == ["working for 0\n"]
        with pytest.raises(HarnessError, match="no function and no log group nobody"):
            elsewhere.logs("nobody")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_same_awaited(async_emulator: AsyncEmulator) -> None:
    create(async_emulator.aws, "work", SOURCE)
    send(async_emulator.aws, "work", **{"for": 0})
    await async_emulator.settle()
    assert await async_emulator.logs("work", "working") == ["working for 0\n"]
    assert await async_emulator.metric("AWS/Lambda", "Invocations", FunctionName="work") == 1
