"""An issuer of JSON Web Tokens on this machine, with keys that are the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def _prime(seed: int) -> int:
    """The first probable prime from a seeded number on; the same each time."""
    digest = b"".join(hashlib.sha256(f"{seed}-{part}".encode()).digest() for part in range(2))
    candidate = int.from_bytes(digest) | 1 | (3 << 510)
    while any(pow(base, candidate - 1, candidate) != 1 for base in (2, 3, 5, 7)):
        candidate += 2
    return candidate


class Issuer:
    """An OpenID issuer on this machine."""

    def __init__(self) -> None:
        p, q = _prime(1), _prime(2)
        self.modulus, self.exponent = p * q, 65537
        self._private = pow(self.exponent, -1, (p - 1) * (q - 1))
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def answer(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        numbers = {"n": self.modulus, "e": self.exponent}
        encoded = {name: base64url(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in numbers.items()}
        return {"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig", **encoded}]}

    def token(self, claims: dict[str, Any], **header: Any) -> str:
        head = base64url(json.dumps({"alg": "RS256", "kid": "k1", **header}).encode())
        signed = f"{head}.{base64url(json.dumps(claims).encode())}"
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(signed.encode()).digest()
        size = (self.modulus.bit_length() + 7) // 8
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return f"{signed}.{base64url(pow(int.from_bytes(padded), self._private, self.modulus).to_bytes(size))}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
