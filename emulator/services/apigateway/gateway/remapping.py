"""Headers of the gateway's own, which nobody else may set: they come back under another name (3.12). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

REMAPPED = frozenset(["connection", "content-length", "date", "server"])
"""Of every kind of answer [R:TestApiGatewayHeaderRemapping]."""


def remapped(headers: Iterable[tuple[str, str]], names: Collection[str] = REMAPPED) -> list[tuple[str, str]]:
    """The headers as clients see them: those of the gateway's own as `x-amzn-Remapped-*`, Transfer-Encoding dropped."""
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in names else name, value)
        for name, value in headers
        if name.lower() != "transfer-encoding"
    ]
