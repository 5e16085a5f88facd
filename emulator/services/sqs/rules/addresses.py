"""Names, URLs, ARNs and receipt handles of queues: how a caller says which one, and which message.

URLs are path style, `http://localhost:4566/000000000000/orders`: every SDK and the CLI can reach that host. Any host is
accepted; one that names a region (`sqs.eu-west-1.…`) chooses it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.sqs.rules.errors import invalid_parameter, missing_parameter, not_a_handle

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_PATH = re.compile(
    r"/(?:queue/(?P<region>[a-z0-9-]+)/)?(?P<account>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)/?"
)
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}")
_HANDLE_MAGIC = b"\x01\x00\x01"


@dataclass(frozen=True, slots=True)
class QueueName:
    """A queue that may exist."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return f"arn:aws:sqs:{self.scope.region}:{self.scope.account}:{self.name}"


@dataclass(frozen=True, slots=True)
class Handle:
    """What a receipt handle says: the queue, the message's row, and which receipt of it."""

    queue: int
    row: int
    token: str


def check_new_name(name: str, fifo: bool) -> None:
    """Raise for a name that a new queue cannot have."""
    if fifo:
        if _FIFO_NAME.fullmatch(name) is None:
            raise invalid_parameter(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
                "must end with .fifo suffix and be 1 to 80 in length."
            )
    elif _NAME.fullmatch(name) is None:
        raise invalid_parameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")


def parse_url(url: str | None, scope: Scope) -> QueueName:
    """The queue that a QueueUrl names; its region is the request's unless the URL says another."""
    if not url:
        raise missing_parameter("QueueUrl")
    return _parse_url(url, scope)


@lru_cache(maxsize=4096)
def _parse_url(url: str, scope: Scope) -> QueueName:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = None, ""
    match = _PATH.fullmatch(unquote(parts.path)) if parts is not None else None
    if match is None:
        raise AwsError("InvalidAddress", f"The address {url} is not valid for this endpoint.")
    region = match["region"] or next((label for label in host.split(".") if _REGION.fullmatch(label)), scope.region)
    return QueueName(Scope(match["account"], region), match["name"])


def queue_url(base_url: str, queue: QueueName) -> str:
    """The URL by which callers name a queue."""
    return f"{base_url}/{queue.scope.account}/{queue.name}"


def parse_arn(text: str) -> QueueName | None:
    """The queue that an ARN names, or None if it is no queue's ARN."""
    arn = Arn.parse(text)
    if arn is None or arn.service != "sqs" or not arn.region or not arn.account:
        return None
    if _NAME.fullmatch(arn.resource) is None and _FIFO_NAME.fullmatch(arn.resource) is None:
        return None
    return QueueName(Scope(arn.account, arn.region), arn.resource)


def write_handle(queue: int, row: int, token: str) -> str:
    """An opaque receipt handle; a new one for each receipt."""
    return base64.b64encode(_HANDLE_MAGIC + f"{queue}:{row}:{token}".encode()).decode()


def read_handle(text: str) -> Handle:
    """What a receipt handle says. Raises ReceiptHandleIsInvalid for a text that is none."""
    if not text:
        raise missing_parameter("ReceiptHandle")
    try:
        raw = base64.b64decode(text, validate=True)
        queue, row, token = raw.removeprefix(_HANDLE_MAGIC).decode("ascii").split(":")
        if raw.startswith(_HANDLE_MAGIC) and queue.isdigit() and row.isdigit() and max(len(queue), len(row)) < 19:
            return Handle(int(queue), int(row), token)
    except (binascii.Error, ValueError):
        pass
    raise not_a_handle(text)
