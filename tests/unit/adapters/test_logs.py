"""Log lines of an invocation, to the byte."""

from __future__ import annotations

from emulator.adapters.runtime import logs


def test_report_names_init_and_bills_it() -> None:
    assert logs.end_and_report("id", 0.00301, 128, 36 * 1024, 0.1101, "") == [
        "END RequestId: id\n",
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
    ]


def test_report_of_a_timeout_is_clamped_and_says_so() -> None:
    report = logs.end_and_report("id", 3.0, 128, 999_999, None, "timeout")[1]
    assert report == (
        "REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 128 MB\tStatus: timeout\n"
    )


def test_lines_are_events_and_carriage_returns_do_not_separate() -> None:
    buffer = logs.LogBuffer()
    for piece in (b"one\ntw", b"o\rstill two\n", b"no end \xff"):
        buffer.feed(piece)
    assert buffer.take() == ["one\n", "two\rstill two\n", "no end \\xff\n"]
    assert buffer.take() == []


def test_a_flood_keeps_its_beginning_and_its_end() -> None:
    buffer = logs.LogBuffer()
    for _ in range(100):
        buffer.feed(b"x" * 99_999 + b"\n")
    buffer.feed(b"last\n")
    lines = buffer.take()
    assert lines[-1] == "last\n"
    assert sum(map(len, lines)) < logs.HEAD_BYTES + 3 * logs.TAIL_BYTES
