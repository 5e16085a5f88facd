"""AWS's own lines around a function's output: INIT_START, START, END, REPORT, INIT_REPORT, as text or as JSON.

Texts: reference lambda_invoke.md 1.6, recorded. JSON: the platform events of AWS's Telemetry API schema, filtered by
the system log level as AWS's table of "system log level event mapping" says. Knows no function output.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from emulator.ports import FunctionSpec, LogEvent

LEVELS = {"DEBUG": 0, "INFO": 1, "WARN": 2}
LOG_TAIL_BYTES = 4096


def instant(at: float) -> str:
    """An AWS time as platform events and timeout lines write it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"


class PlatformLog:
    """Builds the lines of one function; each method returns the events to log, in order."""

    def __init__(self, function: FunctionSpec) -> None:
        self._function = function
        self._json = function.log_format == "JSON"
        self._level = LEVELS.get(function.system_log_level or "INFO", 1)

    def init_start(self, at: float, runtime_version: str) -> list[LogEvent]:
        """The first line of an execution environment."""
        function = self._function
        arn = function.runtime_version_arn
        if self._json:
            record = {
                "initializationType": function.initialization_type,
                "phase": "init",
                "runtimeVersion": runtime_version,
                "runtimeVersionArn": arn,
                "functionName": function.name,
                "functionVersion": function.version,
            }
            return self._event(at, "platform.initStart", record, "INFO")
        return [LogEvent(at, f"INIT_START Runtime Version: {runtime_version}\tRuntime Version ARN: {arn}\n")]

    def init_report(
        self, at: float, seconds: float, phase: str, status: str, error_type: str | None = None
    ) -> list[LogEvent]:
        """How an init phase that failed ended: `status` is `timeout` or `error`, `phase` is `init` or `invoke`."""
        if self._json:
            record: dict[str, Any] = {
                "initializationType": self._function.initialization_type,
                "phase": phase,
                "status": status,
                "metrics": {"durationMs": _milliseconds(seconds)},
            }
            if error_type:
                record["errorType"] = error_type
            return self._event(at, "platform.initReport", record, "WARN")
        line = f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: {phase}\tStatus: {status}"
        return [LogEvent(at, line + (f"\tError Type: {error_type}" if error_type else "") + "\n")]

    def start(self, at: float, request_id: str) -> list[LogEvent]:
        """The invocation begins."""
        version = self._function.version
        if self._json:
            return self._event(at, "platform.start", {"requestId": request_id, "version": version}, "INFO")
        return [LogEvent(at, f"START RequestId: {request_id} Version: {version}\n")]

    def failure(self, at: float, request_id: str, reason: str, error_type: str) -> list[LogEvent]:
        """The process was ended or ended itself; JSON says so in platform.report only."""
        if self._json:
            return []
        if error_type == "Sandbox.Timedout":
            return [LogEvent(at, f"{instant(at)} {request_id} {reason}\n\n")]
        return [LogEvent(at, f"RequestId: {request_id} Error: {reason}\n{error_type}\n")]

    def end(
        self,
        at: float,
        request_id: str,
        seconds: float,
        used_mb: int,
        init_seconds: float | None,
        status: str,
        error_type: str | None,
    ) -> list[LogEvent]:
        """END and REPORT; `status` is success, failure (the function's own error), error or timeout.

        Init time is billed (AWS, since 2025-08-01).
        """
        function = self._function
        billed = math.ceil((seconds + (init_seconds or 0.0)) * 1000 - 1e-6)
        used_mb = min(used_mb, function.memory_mb)
        if self._json:
            report = self.report_record(request_id, seconds, used_mb, init_seconds, status, error_type)
            done: dict[str, Any] = {"requestId": request_id, "status": status}
            if error_type:
                done["errorType"] = error_type
            done["metrics"] = {"durationMs": report["metrics"]["durationMs"]}
            good = status == "success"
            return [
                *self._event(at, "platform.runtimeDone", done, "DEBUG" if good else "WARN"),
                *self._event(at, "platform.report", report, "INFO" if good else "WARN"),
            ]
        line = (
            f"REPORT RequestId: {request_id}\tDuration: {seconds * 1000:.2f} ms\tBilled Duration: {billed} ms\t"
            f"Memory Size: {function.memory_mb} MB\tMax Memory Used: {used_mb} MB\t"
        )
        if init_seconds is not None:
            line += f"Init Duration: {init_seconds * 1000:.2f} ms\t"
        if status == "timeout":
            line += "Status: timeout"
        elif status == "error":
            line += f"Status: error\tError Type: {error_type}"
        return [LogEvent(at, f"END RequestId: {request_id}\n"), LogEvent(at, line + "\n")]

    def report_record(
        self,
        request_id: str,
        seconds: float,
        used_mb: int,
        init_seconds: float | None,
        status: str,
        error_type: str | None,
    ) -> dict[str, Any]:
        """The record of platform.report."""
        metrics: dict[str, Any] = {
            "durationMs": _milliseconds(seconds),
            "billedDurationMs": math.ceil((seconds + (init_seconds or 0.0)) * 1000 - 1e-6),
            "memorySizeMB": self._function.memory_mb,
            "maxMemoryUsedMB": min(used_mb, self._function.memory_mb),
        }
        if init_seconds is not None:
            metrics["initDurationMs"] = _milliseconds(init_seconds)
        report: dict[str, Any] = {"requestId": request_id, "metrics": metrics, "status": status}
        if error_type:
            report["errorType"] = error_type
        return report

    def extension(self, at: float, name: str, state: str, events: Sequence[str]) -> list[LogEvent]:
        """An extension is ready, or has failed."""
        if self._json:
            record = {"name": name, "state": state, "events": list(events)}
            return self._event(at, "platform.extension", record, "INFO")
        return [LogEvent(at, f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(events)}]\n")]

    def remark(self, at: float, text: str) -> list[LogEvent]:
        """A line of the emulator's own."""
        if self._json:
            return [_line(at, {"time": instant(at), "type": "emulator.remark", "record": {"message": text}})]
        return [LogEvent(at, f"[emulator] {text}\n")]

    def _event(self, at: float, kind: str, record: Mapping[str, Any], level: str) -> list[LogEvent]:
        if LEVELS[level] < self._level:
            return []
        return [_line(at, {"time": instant(at), "type": kind, "record": record})]


def _line(at: float, event: Mapping[str, Any]) -> LogEvent:
    return LogEvent(at, json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def tail(events: list[LogEvent]) -> bytes:
    """The last 4 KB of what an invocation logged, START … REPORT; every event on lines of its own.

    An uncaught exception is an event without a line break at its end, END follows on the next line all the same
    [R:test_dead_letter_queue].
    """
    shown = last_events(events)
    texts = [event.message if event.message.endswith("\n") else f"{event.message}\n" for event in shown[:-1]]
    texts += [event.message for event in shown[-1:]]
    return "".join(texts).encode("utf-8", "backslashreplace")[-LOG_TAIL_BYTES:]


def last_events(events: list[LogEvent]) -> list[LogEvent]:
    """As many of the last events as the log tail can show."""
    wanted, first = LOG_TAIL_BYTES, len(events)
    while first > 0 and wanted > 0:
        first -= 1
        wanted -= len(events[first].message)
    return events[first:]
