"""An event of an object in the words of its hearers: S3's own records, and EventBridge's. Pure.

Source: S3 user guide, "Event message structure" and "EventBridge event message structure" ([D]), to the order of the
members. Who did it is unverified: an emulator has account ids only, so the principals are made of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from emulator.aws.scope import Scope

_FEWER_WORDS = "ObjectTagging", "ObjectAcl", "ObjectRemoved"
_NEWER = "ObjectTagging", "ObjectAcl", "LifecycleExpiration"
SOURCE_IP = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Happening:
    """What has happened to an object."""

    event: str
    """`ObjectCreated:Put`"""
    bucket: str
    owner: Scope
    """The bucket's account and region."""
    requester: str
    key: str
    size: int | None
    etag: str
    version: str
    sequencer: str
    request_id: str
    at: float


def record_of(happening: Happening, rule_id: str) -> dict[str, Any]:
    """An element of `Records`, as functions, queues and topics get it."""
    kind = happening.event.partition(":")[0]
    shown: dict[str, Any] = {"key": quote_plus(happening.key, safe="/")}
    if happening.size is not None and kind not in _FEWER_WORDS:
        shown["size"] = happening.size
    if happening.etag:
        shown["eTag"] = happening.etag
    if happening.version:
        shown["versionId"] = happening.version
    shown["sequencer"] = happening.sequencer
    return {
        "eventVersion": "2.3" if kind in _NEWER else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happening.owner.region,
        "eventTime": utc_milliseconds(happening.at),
        "eventName": happening.event,
        "userIdentity": {"principalId": f"AWS:{_opaque('AIDA', happening.requester)}"},
        "requestParameters": {"sourceIPAddress": SOURCE_IP},
        "responseElements": {
            "x-amz-request-id": happening.request_id,
            "x-amz-id-2": host_id(happening.request_id),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule_id,
            "bucket": {
                "name": happening.bucket,
                "ownerIdentity": {"principalId": _opaque("A", happening.owner.account)},
                "arn": f"arn:aws:s3:::{happening.bucket}",
            },
            "object": shown,
        },
    }


def message_of(happening: Happening, rule_id: str) -> str:
    """The whole event."""
    return as_json({"Records": [record_of(happening, rule_id)]})


def test_message(bucket: str, now: float, request_id: str) -> str:
    """What a queue or topic gets when it becomes a destination [D]."""
    return as_json(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": utc_milliseconds(now),
            "Bucket": bucket,
            "RequestId": request_id,
            "HostId": host_id(request_id),
        }
    )


_BRIDGED = {
    "ObjectCreated:Put": ("Object Created", "PutObject"),
    "ObjectCreated:Post": ("Object Created", "POST Object"),
    "ObjectCreated:Copy": ("Object Created", "CopyObject"),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "ObjectRemoved:Delete": ("Object Deleted", "DeleteObject"),
    "ObjectRemoved:DeleteMarkerCreated": ("Object Deleted", "DeleteObject"),
    "ObjectRestore:Post": ("Object Restore Initiated", ""),
    "ObjectAcl:Put": ("Object ACL Updated", ""),
    "ObjectTagging:Put": ("Object Tags Added", ""),
    "ObjectTagging:Delete": ("Object Tags Deleted", ""),
}
_DELETION = {
    "ObjectRemoved:Delete": "Permanently Deleted",
    "ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}


def bridged(happening: Happening) -> dict[str, Any] | None:
    """The entry for PutEvents; None for what EventBridge is not told of."""
    if happening.event not in _BRIDGED:
        return None
    detail_type, reason = _BRIDGED[happening.event]
    kind = happening.event.partition(":")[0]
    shown: dict[str, Any] = {"key": happening.key}
    if happening.size is not None and kind not in _FEWER_WORDS:
        shown["size"] = happening.size
    if happening.etag:
        shown["etag"] = happening.etag
    if happening.version:
        shown["version-id"] = happening.version
    if kind in ("ObjectCreated", "ObjectRemoved"):
        shown["sequencer"] = happening.sequencer
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": happening.bucket},
        "object": shown,
        "request-id": happening.request_id,
        "requester": happening.requester,
        "source-ip-address": SOURCE_IP,
    }
    if reason:
        detail["reason"] = reason
    if happening.event in _DELETION:
        detail["deletion-type"] = _DELETION[happening.event]
    return {
        "Source": "aws.s3",
        "DetailType": detail_type,
        "Resources": [f"arn:aws:s3:::{happening.bucket}"],
        "Detail": as_json(detail),
        "Time": happening.at,
    }


def request_id_of(unique: str) -> str:
    """A request id as S3's look like, of a fresh UUID."""
    return unique.replace("-", "")[:16].upper()


def host_id(request_id: str) -> str:
    """The other half of S3's request ids: opaque, 76 characters."""
    return base64.b64encode(hashlib.sha512(request_id.encode()).digest()[:57]).decode()


def sequencer_of(at: float, number: int) -> str:
    """Hexadecimal, the larger the later: the seconds and a number of the bucket's."""
    return f"00{int(at):08X}{number % 2**32:08X}"


def utc_milliseconds(at: float) -> str:
    """`1970-01-01T00:00:00.000Z`"""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(value: Any) -> str:
    """Compact JSON; keys may hold what no UTF-8 can, which is escaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _opaque(lead: str, account: str) -> str:
    return lead + base64.b32encode(hashlib.sha256(account.encode()).digest()).decode()[:13]
