"""Who may reach the control planes: programs of this machine, and no page of another site (THREATS)."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from emulator.aws.addressing import host_name
from emulator.aws.http import HttpRequest
from emulator.settings import Settings

_OTHERS_LOOPBACK = "localhost.localstack.cloud"
"""A public name of this machine's loopback address, with all names below it: existing wrappers (cdklocal, awslocal,
samlocal, tflocal) send it. Whoever owns it could have a browser come here under it: its Origin is none of ours.
"""


class Admission:
    """Refuses what a foreign web page could make a browser send to the control planes (THREATS).

    A program on this machine names a loopback host and sends no Origin; a page of another site cannot do both.
    """

    def __init__(self, settings: Settings) -> None:
        allowed = {name.lower().strip("[]") for name in settings.allowed_hosts}
        if settings.host not in ("", "0.0.0.0", "::"):
            allowed.add(settings.host.lower())
        self._allowed = frozenset(allowed)

    def problem(self, request: HttpRequest, navigation: bool = False) -> str | None:
        """Why a request is refused, or None. `navigation` lets a click on a link open a page."""
        host = host_name(request.header("host"))
        if host and not self.is_local(host):
            return (
                f"Host {host!r} may not reach the emulator's control planes. Use localhost, or start it with"
                " EMULATOR_ALLOWED_HOSTS naming this host."
            )
        origin = request.header("origin")
        if origin and not self._is_local_origin(origin):
            return f"Origin {origin[:200]!r} may not reach the emulator's control planes."
        if request.header("sec-fetch-site") == "cross-site":
            is_click = request.method == "GET" and request.header("sec-fetch-mode") == "navigate"
            if not (navigation and is_click and request.header("sec-fetch-dest") == "document"):
                return "Cross-site requests may not reach the emulator's control planes."
        return None

    def is_local(self, host: str) -> bool:
        """Whether a host name is this machine's or has been allowed."""
        # boto3 sends StartSyncExecution and TestState to `sync-` + the host of its endpoint.
        if host.removeprefix("sync-") == "localhost" or host.endswith(".localhost") or host in self._allowed:
            return True
        if host == _OTHERS_LOOPBACK or host.endswith(f".{_OTHERS_LOOPBACK}"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def _is_local_origin(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
            return parts.scheme in ("http", "https") and not host.endswith(_OTHERS_LOOPBACK) and self.is_local(host)
        except ValueError:
            return False
