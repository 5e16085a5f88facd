"""The caller erred: the error AWS names, with AWS's text. It becomes bytes in `protocol.py` only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AwsError(Exception):
    """An error answer of an AWS operation.

    `code` is the wire code (`ResourceNotFoundException`), `status` the HTTP status, `members` further
    members of the error's shape (Lambda's `Type`, `Reason`), `message_key` overrides the member that
    carries the text where a service's model does not say it. Without `tells`, AWS sends null in place of the text.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        members: Mapping[str, Any] | None = None,
        message_key: str | None = None,
        tells: bool = True,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})
        self.message_key = message_key
        self.tells = tells


def validation_errors(problems: list[str], code: str = "ValidationException") -> AwsError:
    """AWS's `N validation error(s) detected: …` for constraint violations of the service model."""
    noun = "error" if len(problems) == 1 else "errors"
    return AwsError(code, f"{len(problems)} validation {noun} detected: " + "; ".join(problems))


class NotEmulated(Exception):
    """The operation or feature exists on AWS and not here: answered 501 with its name."""

    def __init__(self, service: str, operation: str, detail: str = "") -> None:
        super().__init__(f"{service}.{operation} is not emulated")
        self.service = service
        self.operation = operation
        self.detail = detail
