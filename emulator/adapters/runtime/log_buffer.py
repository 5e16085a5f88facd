"""What a function writes, cut into log events: bounded, each with the AWS time at which it was read.

A line of the pipe is one event. A record of Python's `logging` is one event however many lines it has, as on AWS:
its line breaks carry a mark that only the runtime knows, so that no handler can forge one by accident.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable

from emulator.ports import LogEvent

from . import wire

HEAD_BYTES = 1 << 20
TAIL_BYTES = 64 * 1024
LARGEST_EVENT_BYTES = 262_144 - 26
"""A longer line is cut into several events (unverified: CloudWatch Logs' former limit of an event)."""
EVENT_OVERHEAD_BYTES = 26
"""What CloudWatch Logs counts for an event beside its text; it bounds a flood of empty lines too."""


class LogBuffer:
    """Keeps the first MiB and the last 64 KiB of a flood."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.mark = uuid.uuid4().hex[:16]
        """For `wire.log_record`; a new one for each environment."""
        self._mark = wire.log_mark(self.mark)
        self.listener: Callable[[LogEvent], None] | None = None
        """Told of each event that came through the pipe, when it came: the Telemetry API's subscribers want them."""
        self._now = now
        self._partial = b""
        self._record = bytearray()
        self._record_at = 0.0
        self._head: list[LogEvent] = []
        self._tail: deque[LogEvent] = deque()
        self._head_bytes = self._tail_bytes = self._dropped = 0

    def feed(self, data: bytes) -> None:
        """More output of the function, written by now."""
        at = self._now()
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        for line in lines:
            self._line(line, at)
        while len(self._partial) > LARGEST_EVENT_BYTES:
            self._keep(at, self._partial[:LARGEST_EVENT_BYTES])
            self._partial = self._partial[LARGEST_EVENT_BYTES:]

    def add(self, message: str, at: float | None = None) -> None:
        """An event that did not come through the pipe."""
        self._store(LogEvent(self._now() if at is None else at, message))

    def hand_over(self) -> list[LogEvent]:
        """The complete events so far, taken out; an invocation's flood stays bounded as before."""
        events, self._head = self._head, []
        return events

    def take(self) -> list[LogEvent]:
        """Every event since the last call, complete or not."""
        if self._record:
            self._end_record()
        if self._partial:
            self._keep(self._now(), self._partial + b"\n")
            self._partial = b""
        events = self._head
        if self._dropped:
            at = (events or self._tail)[0 if not events else -1].at
            events.append(LogEvent(at, f"[emulator] {self._dropped} bytes of output are left out here\n"))
        events.extend(self._tail)
        self._head, self._head_bytes, self._tail_bytes, self._dropped = [], 0, 0, 0
        self._tail.clear()
        return events

    def _line(self, line: bytes, at: float) -> None:
        mark = self._mark
        if mark not in line:
            return self._keep(at, line + b"\n")
        begin = line.find(mark + wire.RECORD_BEGINS)
        if begin >= 0:
            if begin:
                self._keep(at, line[:begin] + b"\n")
            if self._record:
                self._end_record()
            self._record_at = at
            line = line[begin + len(mark) + 1 :]
        if line.endswith(mark + wire.RECORD_ENDS):
            self._record += line[: -len(mark) - 1]
            self._end_record()
        elif line.endswith(mark):
            self._record += line[: -len(mark)] + b"\n"
            if len(self._record) > LARGEST_EVENT_BYTES:
                self._end_record()
        else:
            self._keep(at, line + b"\n")

    def _end_record(self) -> None:
        self._keep(self._record_at, bytes(self._record[:LARGEST_EVENT_BYTES]))
        self._record.clear()

    def _keep(self, at: float, text: bytes) -> None:
        event = LogEvent(at, text.decode("utf-8", "backslashreplace"))
        if self.listener is not None:
            self.listener(event)
        self._store(event)

    def _store(self, event: LogEvent) -> None:
        size = len(event.message) + EVENT_OVERHEAD_BYTES
        if not self._tail and self._head_bytes + size <= HEAD_BYTES:
            self._head.append(event)
            self._head_bytes += size
            return
        self._tail.append(event)
        self._tail_bytes += size
        while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
            left_out = len(self._tail.popleft().message) + EVENT_OVERHEAD_BYTES
            self._tail_bytes -= left_out
            self._dropped += left_out - EVENT_OVERHEAD_BYTES
