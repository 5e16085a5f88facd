"""What raw S3 requests do, as far as notifications go."""

from __future__ import annotations

import pytest

from emulator.ports import DelegatedRequest
from emulator.services.s3.requests import Act, act_of

FORM = b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nup/${filename}\r\n--x\r\n'
FILE = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n..'


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("PUT", "http://localhost/b/k%20x/y", Act("ObjectCreated:Put", "b", "k x/y")),
        ("PUT", "http://b-1.s3.localhost:4566/k?x-id=PutObject", Act("ObjectCreated:Put", "b-1", "k")),
        ("PUT", "http://b-1.localhost:4566/k", Act("ObjectCreated:Put", "b-1", "k")),
        ("PUT", "http://s3.us-east-1.localhost:4566/b/k", Act("ObjectCreated:Put", "b", "k")),
        ("PUT", "http://b-1.s3.us-east-1.localhost:4566/k", Act("ObjectCreated:Put", "b-1", "k")),
        ("PUT", "http://localhost/b/k?AWSAccessKeyId=1&Signature=2&Expires=3", Act("ObjectCreated:Put", "b", "k")),
        ("PUT", "http://localhost/b/k?X-Amz-Algorithm=1&X-Amz-Signature=2", Act("ObjectCreated:Put", "b", "k")),
        ("PUT", "http://localhost/b/k?partNumber=1&uploadId=2", None),
        ("POST", "http://localhost/b/k?uploads", None),
        ("POST", "http://localhost/b/k?uploadId=2", Act("ObjectCreated:CompleteMultipartUpload", "b", "k")),
        ("DELETE", "http://localhost/b/k?uploadId=2", None),
        ("DELETE", "http://localhost/b/k?versionId=2", Act("ObjectRemoved:*", "b", "k", "2")),
        ("PUT", "http://localhost/b/k?tagging&versionId=2", Act("ObjectTagging:Put", "b", "k", "2")),
        ("DELETE", "http://localhost/b/k?tagging", Act("ObjectTagging:Delete", "b", "k")),
        ("PUT", "http://localhost/b/k?legal-hold", None),
        ("POST", "http://localhost/b?delete", Act("ObjectRemoved:*", "b")),
        ("PUT", "http://localhost/b?notification", Act("configure", "b")),
        ("GET", "http://localhost/b?notification", Act("configuration", "b")),
        ("PUT", "http://localhost/b?versioning", None),
        ("PUT", "http://localhost/b", Act("make", "b")),
        ("DELETE", "http://localhost/b/", Act("drop", "b")),
        ("GET", "http://localhost/", None),
        ("GET", "http://localhost/b/k", None),
        ("HEAD", "http://localhost/b/k", None),
    ],
)
def test_a_request_is_known_by_method_path_and_query(method: str, url: str, expected: Act | None) -> None:
    assert act_of(DelegatedRequest(method, url, [], b"")) == expected


def test_a_copy_is_known_by_its_header() -> None:
    request = DelegatedRequest("PUT", "http://localhost/b/k", [("X-Amz-Copy-Source", "/b/x")], b"")
    assert act_of(request) == Act("ObjectCreated:Copy", "b", "k")


@pytest.mark.parametrize(("body", "key"), [(FORM + FILE, "up/a.txt"), (FORM, "up/"), (b"--x", "")])
def test_a_form_names_its_key(body: bytes, key: str) -> None:
    request = DelegatedRequest(
        "POST", "http://localhost/b", [("Content-Type", "multipart/form-data; boundary=x")], body
    )
    assert act_of(request) == Act("ObjectCreated:Post", "b", key)
