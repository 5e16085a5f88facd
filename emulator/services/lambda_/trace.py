"""`X-Amzn-Trace-Id`: how an invocation is followed through services."""

from __future__ import annotations


def trace_header(request_id: str, at: float, arn: str) -> str:
    """`X-Amzn-Trace-Id` of an invocation, derived from its request id so that all attempts share the root."""
    digits = "".join(character for character in request_id.lower() if character in "0123456789abcdef").ljust(32, "0")
    lineage = sum(arn.encode()) & 0xFFFFFFFF
    return f"Root=1-{int(at):08x}-{digits[:24]};Parent={digits[16:32]};Sampled=0;Lineage=1:{lineage:08x}:0"
