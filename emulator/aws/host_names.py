"""Host names of what users deploy: subdomains of the emulator's own address."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def subdomain_url(subdomain: str, base_url: str, websocket: bool = False) -> str:
    """`http://{subdomain}.localhost:4566`; a machine known by number only has no subdomains, and is localhost."""
    parts = urlsplit(base_url)
    host = parts.hostname or "localhost"
    try:
        ipaddress.ip_address(host)
        host = "localhost"
    except ValueError:
        pass
    port = f":{parts.port}" if parts.port else ""
    scheme = parts.scheme.replace("http", "ws") if websocket else parts.scheme
    return f"{scheme}://{subdomain}.{host}{port}"
