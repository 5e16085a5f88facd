"""How many of a thing an API or an account may have, and AWS's refusal of one more, for all kinds of APIs.

The numbers are AWS's [D: Quotas for configuring and running a REST API, an HTTP API, a WebSocket API] and live
settings, as AWS raises most of them on request. The text about an API is AWS's (re:Post, of integrations; users quote
it of resources); that about an account is made like it, and that the root resource counts is unverified.
"""

from __future__ import annotations

from emulator.aws.errors import AwsError

_TOO_MANY_REQUESTS = 429
LARGEST_ACCESS_LOG_FORMAT = 3 * 1024
"""Bytes of the template of access logs; no live setting, as AWS does not raise it."""


def check_access_log_format(text: str) -> None:
    """Raise unless the template of access logs is small enough (its text is unverified)."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_ACCESS_LOG_FORMAT:
        raise AwsError("BadRequestException", f"Access log format must be at most {LARGEST_ACCESS_LOG_FORMAT} bytes")


def check_room(kept: int, most: int, noun: str, owner: str = "API", code: str = "LimitExceededException") -> None:
    """Raise AWS's 429 unless one more may be kept. `noun` is plural; boto3 `apigatewayv2` has another code."""
    if kept >= most:
        raise AwsError(
            code,
            f"Maximum number of {noun} for this {owner} has been reached. Please contact AWS if you need additional "
            f"{noun}.",
            _TOO_MANY_REQUESTS,
        )
