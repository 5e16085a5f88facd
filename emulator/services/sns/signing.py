"""SNS's signatures, which verify: the key, its certificate, and who serves that.

AWS signs with a key that nobody else has, so the emulator has one of its own, the same everywhere and known to
everybody: a signature shows that a subscriber's verification works, and nothing else. `SigningCertURL` names this
emulator. Versions and the text that is signed: SNS developer guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from emulator.aws.http import HttpRequest, HttpResponse

if TYPE_CHECKING:  # slow to import, and needed with the first signed message; moto brings it
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

CERTIFICATE = "SimpleNotificationService-5e0c2a64b1d84f0f9f3d7c1a2b9e6d48.pem"
_PATH = f"/{CERTIFICATE}"
_P = int(
    "fc111ef925e94f4568362090f8b4bbe13f6d1f5a986783f1a811c3ed78a3e359319ea730fea8c368581a637c1177166bbbea"
    "5aab56fce635ea4d5da5c7ef0adfaa19b7bac4be2a73b82fdd398d683bda2ab3f49c45e3257e2bf62f377292d2c0f3c5802a"
    "237943d6d92d4e5732f0f06ad3eb08451b13ae5b722a4a0f435df4dd",
    16,
)
_Q = int(
    "ec5907d56acbdc892e73a8ba7a241086586a1a38ea05b3b7936a2558c57021c62fae2c875349ed45877775ec803aae0d2bfc"
    "bfd58d94d049822cdab458e3f62061a669d8e72cae045103581ed3eb56c483e81d31057ee15e95f75b8875c91c2574f16745"
    "9b10126d0c34f0678e668e284abfb368157066d7906f5351dea5cf49",
    16,
)
"""The primes of the key. They protect nothing."""
_EXPONENT = 65_537


def signature_of(members: Mapping[str, Any], version: str, base_url: str) -> dict[str, str]:
    """The members that sign a notification or a request to confirm; `members` are those that are signed."""
    text = "".join(f"{name}\n{members[name]}\n" for name in sorted(members))
    return {
        "SignatureVersion": version,
        "Signature": _signed(text, version),
        "SigningCertURL": f"{base_url}{_PATH}",
    }


class CertificatePlane:
    """Serves the certificate at `SigningCertURL`."""

    def match(self, host: str, path: str) -> bool | None:
        """Whether a request asks for it."""
        return True if path == _PATH else None

    async def handle(self, request: HttpRequest, match: bool) -> HttpResponse:
        """The certificate."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(405, [("Allow", "GET, HEAD")])
        return HttpResponse(200, [("Content-Type", "application/x-pem-file")], certificate())


@lru_cache(maxsize=64)
def _signed(text: str, version: str) -> str:
    """One message goes to many subscribers, and its signature is theirs all."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - version 1 is SHA1withRSA
    return base64.b64encode(_key().sign(text.encode("utf-8", "replace"), PKCS1v15(), algorithm)).decode()


@lru_cache(maxsize=1)
def _key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = pow(_EXPONENT, -1, (_P - 1) * (_Q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, _P * _Q)
    remainders = private % (_P - 1), private % (_Q - 1)
    return rsa.RSAPrivateNumbers(_P, _Q, private, *remainders, pow(_Q, -1, _P), public).private_key()


@lru_cache(maxsize=1)
def certificate() -> bytes:
    """The certificate of the key, in PEM; the same at every call and everywhere."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Emulator"),
            x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com"),
        ]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2200, 1, 1, tzinfo=UTC))
        .sign(_key(), hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)
