"""Access logs of all kinds of APIs: what a line's variables are worth, and where lines go.

Which variables there are: AWS, api-gateway-variables-for-access-logging, http-api-logging-variables and
apigateway-websocket-api-mapping-template-reference. What a stage's format asks for and a request has not is `-`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.telemetry import LogSink
from emulator.jobs import Job
from emulator.ports import LogEvent, Store, Transaction

DELIVER_JOB = "apigateway.access_log"
_DELAYS_SECONDS = (1.0, 10.0, 60.0)
_MOST_RECORDS = 500
"""In one PutRecordBatch [D: its service model]."""
_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.:\-]+)")
_PUNCTUATION = ".:-"


def filled(form: str, variables: Mapping[str, Any]) -> str:
    """A stage's format with its variables: what is empty, unknown or no single value is `-`."""

    def text(match: re.Match[str]) -> str:
        found, behind = _value(variables, match.group(1))
        return _shown(found) + behind

    return _VARIABLE.sub(text, form)


def _value(variables: Mapping[str, Any], name: str) -> tuple[Any, str]:
    """What a name is worth, and what behind it belongs to the format, such as the hyphen between two variables."""
    found: Any = variables
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _longest(variables, name)
        found = found[part]
    return found, ""


def _longest(variables: Mapping[str, Any], name: str) -> tuple[Any, str]:
    """The same for a name that is known only by its beginning, or by keys with punctuation in them."""
    found: Any = variables
    behind = name
    while isinstance(found, Mapping):
        begun = [key for key in found if behind.startswith(key) and not _goes_on(behind[len(key) :])]
        if not begun:
            break
        key = max(begun, key=len)
        found, behind = found[key], behind[len(key) :]
        if not _names_more(behind):
            return found, behind
        behind = behind[1:]
    bare = name.rstrip(_PUNCTUATION)
    return None, name[len(bare) :]


def _goes_on(text: str) -> bool:
    return text != "" and text[0] not in _PUNCTUATION


def _names_more(text: str) -> bool:
    return text.startswith(".") and text.rstrip(_PUNCTUATION) != ""


def _shown(value: Any) -> str:
    if value is None or isinstance(value, Mapping):
        return "-"
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("\n", " ") or "-"


def of_integration(
    status: int | None, own_status: int | None, latency: int | None, error: str, headers: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """The variables of an integration: of a proxied function `status` is Lambda's, `own_status` what it returned."""
    request_id = _header(headers, "x-amzn-requestid") or _header(headers, "x-amz-request-id")
    return {
        "integrationStatus": status,
        "integrationLatency": latency,
        "awsEndpointRequestId": request_id,
        "awsEndpointRequestId2": _header(headers, "x-amz-id-2"),
        "integration": {
            "status": status if own_status is None else own_status,
            "integrationStatus": status,
            "latency": latency,
            "requestId": request_id,
            "error": error,
        },
    }


def _header(headers: Sequence[tuple[str, str]], wanted: str) -> str | None:
    return next((value for name, value in headers if name.lower() == wanted), None)


class Destination(NamedTuple):
    """A log group or a delivery stream."""

    service: str
    scope: Scope
    name: str


@lru_cache(maxsize=1024)
def destination_of(arn: str, own: Scope) -> Destination | None:
    """Where lines go; None if the ARN is of nothing that takes them."""
    parsed = Arn.parse(arn)
    if parsed is None:
        return None
    if parsed.service == "logs" and parsed.resource.startswith("log-group:"):
        return Destination("logs", own, parsed.resource.removeprefix("log-group:").removesuffix(":*"))
    if parsed.service == "firehose" and parsed.resource.startswith("deliverystream/"):
        return Destination("firehose", Scope(parsed.account, parsed.region), parsed.resource.partition("/")[2])
    return None


def write(tx: Transaction, logs: LogSink, to: Destination, stream: str, events: Sequence[LogEvent]) -> None:
    """Have lines where they belong: log events in this transaction, records of a delivery stream soon after it.

    A record is the line and no more: who wants newlines between records ends the format with one.
    """
    if to.service == "logs":
        logs.put(tx, to.scope, to.name, stream, events)
        return
    for first in range(0, len(events), _MOST_RECORDS):
        lines = [event.message for event in events[first : first + _MOST_RECORDS]]
        payload = {"scope": [to.scope.account, to.scope.region], "stream": to.name, "tries": 0}
        jobs.enqueue(tx, DELIVER_JOB, payload, body=json.dumps(lines).encode(), owner=to.name)


class Deliverer:
    """Runs `apigateway.access_log` jobs. How long AWS tries is not known; here it is four times (unverified)."""

    def __init__(self, rows: Store, calls: Calls) -> None:
        self._rows = rows
        self._calls = calls

    async def deliver(self, job: Job) -> None:
        """Put lines into a delivery stream."""
        assert job.body is not None, "write gives every job its lines"
        records = [{"Data": line.encode("utf-8", "replace")} for line in json.loads(job.body)]
        request = {"DeliveryStreamName": job.payload["stream"], "Records": records}
        try:
            await self._calls.delegated(Scope(*job.payload["scope"]), "firehose", "PutRecordBatch", request)
        except (AwsError, NotEmulated):
            tries: int = job.payload["tries"]
            if tries < len(_DELAYS_SECONDS):
                again = {**job.payload, "tries": tries + 1}
                await self._rows.transact(
                    lambda tx: jobs.reschedule(tx, job.id, tx.now + _DELAYS_SECONDS[tries], again, DELIVER_JOB)
                )
                return
        await self._rows.transact(lambda tx: jobs.complete(tx, job.id))
