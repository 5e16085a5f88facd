"""Log events of an invocation, to the byte."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from emulator.adapters.runtime import log_buffer, wire
from emulator.adapters.runtime.log_buffer import LogBuffer
from emulator.adapters.runtime.platform_log import PlatformLog
from emulator.ports import FunctionSpec, LogEvent

AT = 1_800_000_000.0


def spec(**changes: Any) -> FunctionSpec:
    async def load() -> bytes:
        return b""

    values: dict[str, Any] = {
        "key": "k", "arn": "arn", "name": "reports", "version": "$LATEST", "runtime": "python3.12", "handler": "a.b",
        "timeout_seconds": 3.0, "memory_mb": 128, "environment": {}, "code_sha256": hashlib.sha256().hexdigest(),
        "load_code": load, "account": "000000000000", "region": "us-east-1", "log_group": "/aws/lambda/reports",
        **changes,
    }  # fmt: skip
    return FunctionSpec(**values)


def texts(events: list[LogEvent]) -> list[str]:
    return [event.message for event in events]


def buffer() -> LogBuffer:
    return LogBuffer(lambda: AT)


def test_report_names_init_and_bills_it() -> None:
    assert texts(PlatformLog(spec()).end(AT, "id", 0.00301, 36, 0.1101, "success", None)) == [
        "END RequestId: id\n",
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
    ]


def test_report_of_a_timeout_is_clamped_and_says_so() -> None:
    report = texts(PlatformLog(spec()).end(AT, "id", 3.0, 999, None, "timeout", "Sandbox.Timedout"))[1]
    assert report == (
        "REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 128 MB\tStatus: timeout\n"
    )


def test_platform_events_are_json_when_the_function_says_so() -> None:
    log = PlatformLog(spec(log_format="JSON"))
    (start,) = map(json.loads, texts(log.start(AT, "id")))
    assert start == {
        "time": "2027-01-15T08:00:00.000Z",
        "type": "platform.start",
        "record": {"requestId": "id", "version": "$LATEST"},
    }
    (report,) = map(json.loads, texts(log.end(AT, "id", 0.00301, 36, 0.1101, "success", None)))
    assert report["type"] == "platform.report"
    assert report["record"] == {
        "requestId": "id",
        "metrics": {
            "durationMs": 3.01, "billedDurationMs": 114, "memorySizeMB": 128, "maxMemoryUsedMB": 36,
            "initDurationMs": 110.1,
        },
        "status": "success",
    }  # fmt: skip


def test_the_system_log_level_filters_platform_events() -> None:
    quiet = PlatformLog(spec(log_format="JSON", system_log_level="WARN"))
    assert quiet.start(AT, "id") == [] == quiet.end(AT, "id", 1.0, 36, None, "success", None)
    assert len(quiet.end(AT, "id", 3.0, 36, None, "timeout", "Sandbox.Timedout")) == 2
    assert len(PlatformLog(spec(log_format="JSON", system_log_level="DEBUG")).end(AT, "i", 1, 1, None, "success", None))


def test_lines_are_events_and_carriage_returns_do_not_separate() -> None:
    log = buffer()
    for piece in (b"one\ntw", b"o\rstill two\n", b"no end \xff\0"):
        log.feed(piece)
    assert texts(log.take()) == ["one\n", "two\rstill two\n", "no end \\xff\0\n"]
    assert log.take() == []


def test_a_record_is_one_event_as_it_was_written_and_lines_around_it_are_their_own() -> None:
    log = buffer()
    mark = wire.log_mark(log.mark)
    log.feed(b"before" + wire.log_record(mark, b"two\nlines\n") + b"between\n" + wire.log_record(mark, b"no end"))
    log.feed(b"after\n")
    assert texts(log.take()) == ["before\n", "two\nlines\n", "between\n", "no end", "after\n"]


def test_a_flood_keeps_its_beginning_and_its_end() -> None:
    log = buffer()
    for _ in range(100):
        log.feed(b"x" * 99_999 + b"\n")
    log.feed(b"\n" * 300_000)
    log.feed(b"last\n")
    events = log.take()
    assert events[-1].message == "last\n"
    assert any("bytes of output are left out" in text for text in texts(events))
    assert sum(len(event.message) + log_buffer.EVENT_OVERHEAD_BYTES for event in events) < (
        log_buffer.HEAD_BYTES + 3 * log_buffer.TAIL_BYTES
    )
