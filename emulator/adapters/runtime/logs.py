"""What an invocation leaves in its log: bounded output of the function between AWS's own lines.

Texts: reference lambda_invoke.md 1.6. Each item is one log event and ends with a line break.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import wire

HEAD_BYTES = 1 << 20
TAIL_BYTES = 64 * 1024
LOG_TAIL_BYTES = 4096
NO_BREAK_SPACE = "\u00a0"


class LogBuffer:
    """Keeps the first MiB and the last 64 KiB of a flood."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """More output of the function."""
        room = HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data
            excess = len(self._tail) - TAIL_BYTES
            if excess > TAIL_BYTES:
                del self._tail[:excess]
                self._dropped += excess

    def take(self) -> list[str]:
        """All complete and incomplete lines, one log event each; the buffer is empty afterwards."""
        if not self._head:
            return []
        lines = _lines(self._head)
        if self._dropped:
            lines.append(f"[emulator] {self._dropped} bytes of output are left out here\n")
        lines += _lines(self._tail)
        self._head, self._tail, self._dropped = bytearray(), bytearray(), 0
        return lines


def _lines(data: bytearray) -> list[str]:
    if not data:
        return []
    text = data.decode("utf-8", "backslashreplace")
    mark = "\ue000"
    parts = text.replace(wire.LINE_CONTINUES, mark).split("\n")
    if not parts[-1]:
        parts.pop()
    return [part.replace(mark, "\n") + "\n" for part in parts]


def init_start(python: str, region: str) -> str:
    """The first line of an execution environment."""
    arn = f"arn:aws:lambda:{region}::runtime:" + "0" * 64
    return f"INIT_START Runtime Version: python:{python}.v1\tRuntime Version ARN: {arn}\n"


def init_report(seconds: float, status: str) -> str:
    """Written when the init phase was cut."""
    return f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: {status}\n"


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end_and_report(
    request_id: str, seconds: float, memory_mb: int, used_kib: int, init_seconds: float | None, status: str
) -> list[str]:
    """END and REPORT. Init time is billed (AWS, since 2025-08-01)."""
    billed = math.ceil((seconds + (init_seconds or 0.0)) * 1000 - 1e-6)
    used = min(math.ceil(used_kib / 1024), memory_mb)
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {seconds * 1000:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory_mb} MB\tMax Memory Used: {used} MB\t"
    )
    if init_seconds is not None:
        report += f"Init Duration: {init_seconds * 1000:.2f} ms\t"
    if status:
        report += f"Status: {status}"
    return [f"END RequestId: {request_id}\n", report + "\n"]


def uncaught(error: dict[str, Any]) -> str:
    """`[ERROR] Type: message` with its traceback: one event, indented by no-break spaces [R]."""
    text = "[ERROR]"
    error_type, message = error.get("errorType"), error.get("errorMessage")
    if error_type:
        text += f" {error_type}"
    if message:
        text += f": {message}" if error_type else f" {message}"
    lines = [text]
    if error.get("stackTrace") is not None:
        lines.append("Traceback (most recent call last):")
        for element in error["stackTrace"]:
            for line in element.splitlines() or [""]:
                bare = line.lstrip(" ")
                lines.append(NO_BREAK_SPACE * (len(line) - len(bare)) + bare)
    return "\n".join(lines) + "\n"


def tail(lines: Sequence[str]) -> bytes:
    """The last 4 KB of START … REPORT."""
    return "".join(lines).encode("utf-8", "backslashreplace")[-LOG_TAIL_BYTES:]
