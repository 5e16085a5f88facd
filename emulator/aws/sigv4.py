"""Signature Version 4 of a request, calculated anew with the secret of its access key [D: reference_sigv-create]. Pure.

For data planes. Knows no keys. Dates are not judged: a client's clock is the host's, and AWS time may be another.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from emulator.aws.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
_PART = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")
_SPACES = re.compile(r" +")
_UNSIGNED = "UNSIGNED-PAYLOAD"
_UNRESERVED = "-_.~"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of its signature."""

    access_key: str
    scope: str
    """`date/region/service/aws4_request`."""
    signed_headers: tuple[str, ...]
    signature: str
    in_query: bool

    @property
    def service(self) -> str:
        """The service that the signature is for."""
        return self.scope.split("/")[2]


def signature_of(request: HttpRequest) -> Signature | None:
    """The signature of a request, in its header or its query; None if there is none that is whole."""
    header = request.header("authorization")
    in_query = not header.startswith(ALGORITHM)
    if in_query:
        named = {name: unquote(value) for name, value in _pairs(request.query)}
        parts = {name: named.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
    else:
        parts = dict(_PART.findall(header))
    access_key, _, scope = parts.get("Credential", "").partition("/")
    signed, signature = parts.get("SignedHeaders", ""), parts.get("Signature", "")
    if not access_key or scope.count("/") != 3 or not signed or not signature:
        return None
    return Signature(access_key, scope, tuple(signed.lower().split(";")), signature, in_query)


def canonical_request(request: HttpRequest, given: Signature) -> str:
    """The request in the one form that client and server sign."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.lower(), []).append(_SPACES.sub(" ", value.strip()))
    lines = [f"{name}:{','.join(headers.get(name, []))}" for name in given.signed_headers]
    payload = request.header("x-amz-content-sha256")
    if payload != _UNSIGNED:
        payload = hashlib.sha256(request.body).hexdigest()
    return "\n".join(
        [
            request.method,
            _path(request.path),
            _query(request.query),
            *lines,
            "",
            ";".join(given.signed_headers),
            payload,
        ]
    )


def string_to_sign(request: HttpRequest, given: Signature) -> str:
    """What the signature is of."""
    if given.in_query:
        date = next((unquote(value) for name, value in _pairs(request.query) if name == "X-Amz-Date"), "")
    else:
        date = request.header("x-amz-date") or request.header("date")
    digest = hashlib.sha256(canonical_request(request, given).encode("utf-8", "surrogatepass")).hexdigest()
    return "\n".join([ALGORITHM, date, given.scope, digest])


def is_valid(request: HttpRequest, given: Signature, secret: str) -> bool:
    """Whether the secret makes this signature of this request."""
    key = f"AWS4{secret}".encode()
    for part in given.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    made = hmac.new(key, string_to_sign(request, given).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), given.signature.encode("utf-8", "surrogatepass"))


def _path(path: str) -> str:
    """Without dots and empty segments, and encoded once more than it was sent: every service but S3."""
    plain = posixpath.normpath("/" + path.lstrip("/"))
    if path.endswith("/") and plain != "/":
        plain += "/"
    return quote(plain.encode("latin-1", "replace"), safe="/" + _UNRESERVED)


def _query(query: str) -> str:
    pairs = [
        (quote(unquote(name), safe=_UNRESERVED), quote(unquote(value), safe=_UNRESERVED))
        for name, value in _pairs(query)
        if name != "X-Amz-Signature"
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]
