"""Who hears how an event ended: the invocation record of destinations (lambda_async 2.5)."""

from __future__ import annotations

from typing import Any

from emulator.services.lambda_.events import Event
from emulator.services.lambda_.model import utc_text
from emulator.services.lambda_.rules.names import LATEST, function_arn


def invocation_record(
    event: Event, condition: str, request_payload: Any, now: float, response: tuple[Any, str | None] | None
) -> dict[str, Any]:
    """The record a destination receives (2.5); `response` is (payload, function error) of the last attempt."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": utc_text(now),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{function_arn(event.scope, event.name)}:{event.qualifier or LATEST}",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": request_payload,
    }
    if response is not None:
        payload, function_error = response
        record["responseContext"] = {"statusCode": 200, "executedVersion": LATEST}
        if function_error is not None:
            record["responseContext"]["functionError"] = function_error
        record["responsePayload"] = payload
    return record
