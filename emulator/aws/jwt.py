"""JSON Web Tokens as API Gateway checks them: RSA signatures only, issuer, audience and times (4.9). Pure.

Verifying an RSA signature (PKCS #1 v1.5) is one modular power and a comparison: no library is needed for that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_TOKEN = 16_384
LONGEST_KEY_BITS = 8192
_PREFIXES = {
    "RS256": ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
    "RS384": ("sha384", bytes.fromhex("3041300d060960864801650304020205000430")),
    "RS512": ("sha512", bytes.fromhex("3051300d060960864801650304020305000440")),
}
"""Algorithm → hash and the DigestInfo that precedes it (RFC 8017 9.2)."""


class BadToken(Exception):
    """The token admits nobody; the text is what the client is told."""


@dataclass(frozen=True, slots=True)
class Key:
    """An RSA public key of an issuer."""

    kid: str
    modulus: int
    exponent: int


def keys_of(document: Any) -> list[Key]:
    """The RSA keys of a JWKS document; others are passed over."""
    keys: list[Key] = []
    listed = document.get("keys") if isinstance(document, dict) else None
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict) or item.get("kty") != "RSA":
            continue
        try:
            modulus = int.from_bytes(_decode(str(item.get("n", ""))))
            exponent = int.from_bytes(_decode(str(item.get("e", ""))))
        except BadToken:
            continue
        if 1024 <= modulus.bit_length() <= LONGEST_KEY_BITS and 2 < exponent < 2**64:
            keys.append(Key(str(item.get("kid", "")), modulus, exponent))
    return keys


def claims_of(token: str, keys: Sequence[Key], issuer: str, audience: Sequence[str], now: float) -> dict[str, Any]:
    """The claims of a token that is in order. Raises `BadToken`, in the order of AWS's steps [D: http-api-jwt]."""
    claims = signed_claims(token, keys)
    if claims.get("iss") != issuer:
        raise BadToken("the token has an invalid issuer")
    given = claims.get("aud", claims.get("client_id"))
    intended = [str(item) for item in given] if isinstance(given, list) else [str(given)]
    if given is None or not set(intended) & set(audience):
        raise BadToken("the token does not have a valid audience")
    check_times(claims, now)
    return claims


def signed_claims(token: str, keys: Sequence[Key] | None) -> dict[str, Any]:
    """The claims of a token that one of `keys` has signed (None: whoever did). Raises `BadToken`."""
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != 3:
        raise BadToken("the token is malformed")
    header, claims = _json(parts[0]), _json(parts[1])
    known = _PREFIXES.get(str(header.get("alg")))
    if known is None:
        raise BadToken("signing method is invalid")
    if keys is None:
        return claims
    signed = f"{parts[0]}.{parts[1]}".encode()
    signature = _decode(parts[2])
    wanted = str(header.get("kid", ""))
    candidates = [key for key in keys if key.kid == wanted]
    if not candidates:
        raise BadToken("unable to find the signing key")
    if not any(_is_signed(key, known, signed, signature) for key in candidates):
        raise BadToken("the signature is invalid")
    return claims


def check_times(claims: dict[str, Any], now: float) -> None:
    """Raise `BadToken` unless the token holds at `now`."""
    for name, fails, text in (
        ("exp", lambda at: at <= now, "the token has expired"),
        ("nbf", lambda at: at > now, "the token is not valid yet"),
        ("iat", lambda at: at > now, "the token was issued in the future"),
    ):
        value = claims.get(name)
        if value is None:
            if name == "exp":
                raise BadToken("the token has no expiration")
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or fails(value):
            raise BadToken(text)


def _is_signed(key: Key, algorithm: tuple[str, bytes], signed: bytes, signature: bytes) -> bool:
    size = (key.modulus.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    digest = algorithm[1] + hashlib.new(algorithm[0], signed).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    found = pow(int.from_bytes(signature), key.exponent, key.modulus).to_bytes(size)
    return hmac.compare_digest(found, expected)


def shown_claims(claims: dict[str, Any]) -> dict[str, str]:
    """Claims as events show them: all text, lists as `[a b]` [K]."""
    return {name: _shown(value) for name, value in claims.items()}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + " ".join(_shown(item) for item in value) + "]"
    return json.dumps(value, separators=(",", ":"))


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode(part))
    except (ValueError, RecursionError):
        raise BadToken("the token is malformed") from None
    if not isinstance(value, dict):
        raise BadToken("the token is malformed")
    return value


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadToken("the token is malformed") from None
