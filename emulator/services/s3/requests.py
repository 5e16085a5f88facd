"""What a raw S3 request does, as far as notifications go. Pure.

Decides by method, path and names in the query, as S3 does; whether it succeeds is the library's to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from emulator.ports import DelegatedRequest

_VIRTUAL_HOSTED = re.compile(r"^(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])\.s3(?:[.-]|$)", re.IGNORECASE)
_BELOW_THE_EMULATOR = re.compile(
    r"^(?!s3[.-])(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])\.localhost(?::[0-9]+)?$", re.IGNORECASE
)
"""As the SDKs for JavaScript, Java and Go name a bucket at an endpoint of their own."""
_FORM_KEY = re.compile(rb'name="?key"?\r\n\r\n(.*?)\r\n', re.DOTALL)
_FORM_FILE = re.compile(rb'name="?file"?; filename="([^"\r\n]*)"')
_SUBRESOURCES = {
    ("PUT", "tagging"): "ObjectTagging:Put",
    ("DELETE", "tagging"): "ObjectTagging:Delete",
    ("PUT", "acl"): "ObjectAcl:Put",
    ("PUT", "retention"): "ObjectRetention:Put",
    ("POST", "restore"): "ObjectRestore:Post",
}
_ASIDE = frozenset({"versionid", "x-id"})
"""Names in a query that do not make the request one for something other than the object."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a request would do."""

    event: str
    """`ObjectCreated:Put`, …; `ObjectRemoved:*` where the answer will tell; else a word for requests about buckets:
    `configure`, `configuration`, `make`, `drop`."""
    bucket: str
    key: str = ""
    version: str = ""


def act_of(request: DelegatedRequest) -> Act | None:
    """What notifications have to do with a request; None: nothing."""
    parts = urlsplit(request.url)
    virtual = _VIRTUAL_HOSTED.match(parts.netloc) or _BELOW_THE_EMULATOR.match(parts.netloc)
    path = parts.path.lstrip("/") if virtual is None else f"{virtual.group('bucket')}/{parts.path[1:]}"
    bucket, _, key = path.partition("/")
    if not bucket:
        return None
    query = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    asked = {name for name in query if name not in _ASIDE and not name.startswith("x-amz-")}
    signed = asked & {"awsaccesskeyid", "signature", "expires"}
    asked -= signed
    bucket, key = unquote(bucket), unquote(key)
    if not key:
        return _of_bucket(request, bucket, asked)
    event = _of_object(request, asked)
    return None if event is None else Act(event, bucket, key, query.get("versionid", ""))


def _of_bucket(request: DelegatedRequest, bucket: str, asked: set[str]) -> Act | None:
    method = request.method
    if "notification" in asked:
        word = {"PUT": "configure", "GET": "configuration"}.get(method)
        return None if word is None else Act(word, bucket)
    if method == "POST" and "delete" in asked:
        return Act("ObjectRemoved:*", bucket)
    if asked:
        return None
    if method == "POST" and request.header("content-type").startswith("multipart/form-data"):
        return Act("ObjectCreated:Post", bucket, _key_of_form(request.body))
    word = {"PUT": "make", "DELETE": "drop"}.get(method)
    return None if word is None else Act(word, bucket)


def _of_object(request: DelegatedRequest, asked: set[str]) -> str | None:
    method = request.method
    if method == "POST" and asked == {"uploadid"}:
        return "ObjectCreated:CompleteMultipartUpload"
    if not asked:
        if method == "PUT":
            return "ObjectCreated:Copy" if request.header("x-amz-copy-source") else "ObjectCreated:Put"
        return "ObjectRemoved:*" if method == "DELETE" else None
    return _SUBRESOURCES.get((method, next(iter(asked)))) if len(asked) == 1 else None


def _key_of_form(body: bytes) -> str:
    """The key that a browser's form names; `${filename}` is the name of the file."""
    found = _FORM_KEY.search(body)
    if found is None:
        return ""
    key = found.group(1).decode("utf-8", "replace")
    file = _FORM_FILE.search(body)
    return key.replace("${filename}", file.group(1).decode("utf-8", "replace") if file else "")
