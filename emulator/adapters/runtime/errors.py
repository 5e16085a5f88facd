"""Errors of a Python function as AWS's runtime describes them.

Keys, order and texts are awslambdaric's [R:test_lambda_runtime_error].
Runs in the child process; standard library only.
"""

from __future__ import annotations

import traceback
from typing import Any


class Fault(Exception):
    """A failure that Lambda itself names."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type, self.message, self.trace = error_type, message, trace


def make_error(message: str, error_type: str, trace: list[str] | None, request_id: str) -> dict[str, Any]:
    """AWS's error payload, keys in AWS's order [R:test_lambda_runtime_error]."""
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace or []}


def describe(error: BaseException, request_id: str) -> dict[str, Any]:
    """The payload of an error that user code raised."""
    if isinstance(error, Fault):
        return make_error(error.message, error.error_type, error.trace, request_id)
    frames = list(traceback.extract_tb(error.__traceback__))
    while len(frames) > 1 and "/bootstrap.py" in frames[0].filename.replace("\\", "/"):
        del frames[0]
    if frames and "/bootstrap.py" in frames[0].filename:
        frames = []
    plain = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in frames]
    return make_error(str(error), type(error).__name__, traceback.format_list(plain), request_id)  # type: ignore[arg-type]
