"""A port that nobody has, for somebody who will listen on it later."""

from __future__ import annotations

import errno
import random
import socket

LOWEST, HIGHEST = 10_000, 30_000
"""Below the ports that systems give to connections: one of those could be taken meanwhile, even by a connection to
itself, which whoever tries again and again to reach a port of that range makes sooner or later."""


def free_port() -> int:
    for port in random.SystemRandom().sample(range(LOWEST, HIGHEST), 1000):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("a thousand ports are in use")
