"""What a Python function's process writes into its log beside its own output: `logging` records and errors.

Texts and JSON fields are those of AWS's runtime interface client for Python (awslambdaric). Runs in the child process
and imports the standard library only. Knows no pipe: it is given a function that writes one event.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

NO_BREAK_SPACE = "\u00a0"
DATE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
LEVEL_NAMES = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}
"""AWS's application log levels that Python calls differently."""
OWN_FIELDS = frozenset((
    "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text",
    "stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName", "processName",
    "process", "aws_request_id", "tenant_id",
))  # fmt: skip
"""Attributes of a record that are not the user's `extra`."""
INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)
"""What AWS's runtime logs before an error of the init phase."""

Write = Callable[[str], None]


class FunctionLog:
    """The log of one process. `write` takes one event, whatever line breaks it has."""

    def __init__(self, write: Write, as_json: bool) -> None:
        self._write, self._as_json = write, as_json

    def install(self, request_id: Callable[[], str], level: str | None) -> None:
        """Give the root logger AWS's handler, and its level if the function configures one."""
        logging.Formatter.converter = time.gmtime
        handler = _Handler(self._write, request_id)
        if self._as_json:
            handler.setFormatter(_JsonFormatter())
        else:
            text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
            handler.setFormatter(logging.Formatter(text, "%Y-%m-%dT%H:%M:%S"))
        root = logging.getLogger()
        root.addHandler(handler)
        if level:
            name = LEVEL_NAMES.get(level.upper(), level.upper())
            root.setLevel(name)
            handler.setLevel(name)

    def error(self, error: Mapping[str, Any]) -> None:
        """An error payload, as one event without a line break at its end [R:test_invocation_type_event_error]."""
        if self._as_json:
            stamp = time.strftime(DATE_FORMAT, time.gmtime(time.time()))
            self._write(_encode({"timestamp": stamp, "level": "ERROR", **error}))
        else:
            self._write(error_text(error))


def error_text(error: Mapping[str, Any]) -> str:
    """`[ERROR] Type: message` with its traceback, indented by no-break spaces [R]."""
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
    return "\n".join(lines)


class _Handler(logging.Handler):
    """One record is one log event."""

    def __init__(self, write: Write, request_id: Callable[[], str]) -> None:
        super().__init__()
        self._write_event, self._request_id = write, request_id

    def emit(self, record: logging.LogRecord) -> None:
        try:
            record.aws_request_id = self._request_id()
            text = self.format(record)
        except Exception:
            return self.handleError(record)
        self._write_event(text)


class _JsonFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(datefmt=DATE_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        result: dict[str, Any] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, value, trace = record.exc_info
            result["stackTrace"] = traceback.format_tb(trace)
            result["errorType"] = kind.__name__
            result["errorMessage"] = str(value)
        result["requestId"] = getattr(record, "aws_request_id", None)
        if "errorType" in result:
            result["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        for key, value in record.__dict__.items():
            if key not in OWN_FIELDS and key not in result:
                result[key] = value
        return _encode({key: value for key, value in result.items() if value is not None}) + "\n"


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def event_writer(descriptor: int, frame: Callable[[bytes], bytes]) -> Write:
    """Writes events to the log pipe, behind what was printed before; `frame` makes bytes of one."""
    write = os.write

    def write_event(text: str) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # closed or replaced by the handler
        data = memoryview(frame(text.encode("utf-8", "backslashreplace")))
        try:
            while data:
                data = data[write(descriptor, data) :]
        except OSError:
            pass  # the handler has closed it: nobody listens any more

    return write_event
