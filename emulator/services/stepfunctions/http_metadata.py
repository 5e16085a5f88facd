"""What results of the first Java SDK tell of the HTTP exchange behind them: `SdkHttpMetadata`, `SdkResponseMetadata`.

Decides members and their order [R:services]; which results have them is optimised.py's and lambda_tasks.py's.
"""

from __future__ import annotations

from datetime import UTC, datetime

from .asl.data import Json


def metadata(headers: dict[str, str], request_id: str, status: int = 200) -> dict[str, Json]:
    """`headers` come in the order of `AllHttpHeaders`; `HttpHeaders` are sorted, as in Java's tree maps."""
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [text] for name, text in headers.items()},
            "HttpHeaders": dict(sorted(headers.items(), key=lambda item: item[0].lower())),
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


def http_date(now: float) -> str:
    """`Thu, 06 Nov 2025 12:39:48 GMT`"""
    return f"{datetime.fromtimestamp(now, UTC):%a, %d %b %Y %H:%M:%S} GMT"
