"""The certificate of GenerateClientCertificate: self-signed, from a seed. Knows no store and no clock.

AWS's has an RSA key; an Ed25519 key is a function of its seed, so that a certificate repeats with the ids of a test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

VALID = timedelta(days=365)


def self_signed(seed: str, now: float) -> tuple[str, float]:
    """(PEM text, epoch seconds at which it expires) of a certificate whose key `seed` decides."""
    # Slow to import, and seldom needed; moto brings it.
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Washington"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Seattle"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Amazon.com"),
            x509.NameAttribute(NameOID.COMMON_NAME, "ApiGateway"),
        ]
    )
    begins = datetime.fromtimestamp(int(now), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(sha256(b"serial" + seed.encode()).digest()[:8]) >> 1 or 1)
        .not_valid_before(begins)
        .not_valid_after(begins + VALID)
        .sign(key, None)
    )
    return certificate.public_bytes(Encoding.PEM).decode(), (begins + VALID).timestamp()
