"""What a function writes is bounded, also when it is handed over while the function runs."""

from __future__ import annotations

from emulator.adapters.runtime.log_buffer import HEAD_BYTES, TAIL_BYTES, LogBuffer


def test_only_complete_lines_are_handed_over_and_the_rest_is_taken_at_the_end() -> None:
    buffer = LogBuffer(lambda: 1.0)
    buffer.feed(b"one\ntw")
    assert [event.message for event in buffer.hand_over()] == ["one\n"]
    assert buffer.hand_over() == []
    buffer.feed(b"o\nthree")
    assert [event.message for event in buffer.take()] == ["two\n", "three\n"]


def test_a_flood_that_is_handed_over_is_bounded_as_one_that_is_not() -> None:
    buffer, line = LogBuffer(lambda: 1.0), b"x" * 1023 + b"\n"
    kept = 0
    for _ in range(4 * HEAD_BYTES // len(line)):
        buffer.feed(line)
        kept += sum(len(event.message) for event in buffer.hand_over())
    rest = buffer.take()
    assert kept <= HEAD_BYTES
    assert "bytes of output are left out here" in rest[0].message
    assert sum(len(event.message) for event in rest[1:]) <= TAIL_BYTES
    buffer.feed(line)
    assert len(buffer.take()) == 1, "the next invocation begins anew"
